"""The composition root: from a configuration and a home to open systems. The one place that knows every room's door.

It decides what is built from what; it neither syncs nor prints.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tieline.connector import Connector, Context
from tieline.errors import PluginFailed, TielineError
from tieline.ports import Ports

if TYPE_CHECKING:
    from tieline.config import Config, SystemConfig
    from tieline.home import Home
    from tieline.http import Client
    from tieline.plugins import Hooks, Registry
    from tieline.ports import Transport
    from tieline.runner import Runner, System
    from tieline.secrets import Redactor
    from tieline.store import Store
    from tieline.vault import Vault


@dataclass(frozen=True, slots=True)
class Opened:
    """One system, ready to be asked."""

    config: SystemConfig
    connector: Connector
    client: Client | None
    """None for connectors without `http`."""

    @property
    def calls(self) -> int:
        """Requests sent so far."""
        return self.client.calls if self.client is not None else 0

    @property
    def barred(self) -> TielineError | None:
        """Why no call gets through at the moment: no credential, a refused one, or nobody there."""
        return self.client.reach.barred if self.client is not None else None

    @property
    def proxy(self) -> str:
        """The proxy of the environment that its calls go through, as host and port; empty for none."""
        from tieline.egress import shown_proxy

        origins = self.client.origins if self.client is not None else ()
        return next((proxy for origin in origins if (proxy := shown_proxy(origin))), "")


@dataclass(slots=True)
class Hub:
    """Everything one command works with."""

    config: Config
    home: Home
    registry: Registry
    ports: Ports
    redactor: Redactor
    systems: dict[str, Opened] = field(default_factory=dict)
    failures: dict[str, TielineError] = field(default_factory=dict)
    """Systems that could not be built, when `open_hub` was asked to go on."""
    tokens: Vault | None = None
    """What keeps the tokens of systems that a person signed in to; None as long as there is no such system."""

    @property
    def connectors(self) -> Mapping[str, Connector]:
        """System → its connector, in the order of the configuration."""
        return {name: opened.connector for name, opened in self.systems.items()}

    def hooks(self) -> Hooks:
        """The hooks of the plugins this configuration names."""
        return self.registry.hooks(self.config.plugins, self.config.trust)

    def runner(self, store: Store) -> Runner:
        """What plans and syncs these systems with this memory."""
        from tieline.runner import Runner

        config = self.config
        return Runner(
            store,
            {name: _as_system(config, opened) for name, opened in self.systems.items()},
            config.rules,
            config.limits,
            self.ports,
            self.hooks(),
            config.fingerprint,
        )

    def close(self) -> None:
        """Let go of every system; one that fails to close does not keep the others open."""
        import logging

        for name, opened in self.systems.items():
            try:
                opened.connector.close()
            except Exception as error:  # closing is the last thing: tell and go on
                logging.getLogger("tieline").warning("%s did not close: %s", name, error)
            if opened.client is not None:
                opened.client.close()
        if self.tokens is not None:
            self.tokens.close()


@contextmanager
def open_hub(
    config: Config,
    home: Home,
    registry: Registry,
    *,
    ports: Ports | None = None,
    redactor: Redactor | None = None,
    transports: Mapping[str, Transport] | None = None,
    keep_going: bool = False,
) -> Iterator[Hub]:
    """Build every system of a configuration, and close them at the end.

    `transports` replaces the network of the systems it names. Raises NotAuthorised or ConfigError when a credential
    cannot be found, PluginFailed when a connector cannot be built; with `keep_going` they end in `failures`.
    """
    from tieline.secrets import Redactor

    hub = Hub(config, home, registry, ports or Ports(), redactor or Redactor())
    try:
        for name, system in config.systems.items():
            try:
                transport = (transports or {}).get(name)
                hub.systems[name] = _open(hub, system, transport)
            except TielineError as error:
                if not keep_going:
                    raise
                hub.failures[name] = error
        yield hub
    finally:
        hub.close()


def _open(hub: Hub, system: SystemConfig, transport: Transport | None) -> Opened:
    client = None if system.spec.http is None else _client(hub, system, transport)
    context = Context(
        system=system.name,
        settings=system.settings,
        mappers=system.mappers,
        http=client,
        clock=hub.ports.clock,
        root=hub.config.root,
    )
    try:
        connector = system.spec.connect(context)
    except TielineError:
        raise
    except Exception as error:
        raise PluginFailed(
            f"connector {system.spec.name!r} failed to open {system.name}: {type(error).__name__}: {error}"
        ) from error
    return Opened(system, connector, client)


def _as_system(config: Config, opened: Opened) -> System:
    """The system as a run sees it: only the streams that are configured, their filters compiled."""
    from tieline.engine.filter import parse_filter
    from tieline.runner import System

    system = opened.config
    filters = {
        kind: parse_filter(rules.filter)
        for kind, rules in config.rules.systems[system.name].items()
        if rules.filter is not None
    }
    return System(
        name=system.name,
        connector=opened.connector,
        streams=tuple(s for s in opened.connector.facts.streams if s.name in system.mappers),
        defaults={stream: mapper.defaults for stream, mapper in system.mappers.items() if mapper.defaults},
        filters=filters,
        calls=lambda: opened.calls,
    )


def _client(hub: Hub, system: SystemConfig, transport: Transport | None) -> Client:
    from tieline.http import Client
    from tieline.signin import credential, keeps_tokens, vault

    clock = hub.ports.clock
    if hub.tokens is None and keeps_tokens(system.auth):
        hub.tokens = vault(hub.home)
    made = credential(hub.config, system, clock, hub.redactor, store=hub.tokens, transport=transport)
    return Client(
        system.base_url,
        made.profile,
        made.authoriser,
        made.wire,
        clock,
        system=system.name,
        redactor=hub.redactor,
        random=hub.ports.random.random,
    )
