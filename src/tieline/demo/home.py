"""Sets the demo up: stand-ins on free loopback ports, seeded with the company, and a home that holds everything.

The only place in core that names connectors: whoever plays the company's sides must be chosen somewhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from tieline.connector import ConnectorSpec
from tieline.errors import PluginFailed, PluginMissing, UserError
from tieline.home import CONFIG, SANDBOXES, Home
from tieline.ports import Clock
from tieline.sandbox import Server, serve
from tieline.standin import Peopled, SandboxOptions

SYSTEMS: Mapping[str, str] = {"crm": "salesforce", "marketing": "hubspot", "support": "zendesk", "office": "google"}
"""System → the connector that plays it."""
INSTALL = "pip install tieline-hubspot tieline-salesforce tieline-zendesk tieline-google"
FOLDER = "tieline-demo"
_HEAD = """\
# The home of a demo: made-up records in stand-ins on this machine. Nothing here reaches a vendor.
# `tieline sandbox --home .` serves them again on these ports; every other command then works as on real systems.
"""
_SYNC = """\
[sync.account]
name = "prefer:crm"          # sales has the name on the contract
industry = "only:crm"        # sales alone decides it; an edit elsewhere is put back

[sync.contact]
phone = "prefer:crm"         # sales dials it
mobile = "prefer:crm"
"""


class Connectors(Protocol):
    """What is asked of the plugins: a `plugins.Registry`."""

    def get(self, connector: str) -> ConnectorSpec:
        """The connector of this name; raises PluginMissing or PluginFailed."""
        ...


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the demo is played."""

    home: Home
    servers: Mapping[str, Server]
    """By system."""
    clock: Clock

    def sandbox(self, system: str) -> Peopled:
        """The stand-in behind a system."""
        return cast(Peopled, self.servers[system].sandbox)

    def counts(self) -> dict[str, dict[str, int]]:
        """System → kind → living records, as the stand-ins themselves count them."""
        return {name: {str(k): n for k, n in self.sandbox(name).counts().items()} for name in self.servers}

    def writes(self) -> dict[str, int]:
        """System → how many calls that may change something its stand-in was asked."""
        return {name: server.stats.writes for name, server in self.servers.items()}


def chosen(registry: Connectors) -> dict[str, ConnectorSpec]:
    """System → connector. Raises UserError that says what to install, or what a plugin is too old for."""
    found: dict[str, ConnectorSpec] = {}
    missing: list[str] = []
    for system, connector in SYSTEMS.items():
        try:
            found[system] = registry.get(connector)
        except PluginMissing:
            missing.append(f"tieline-{connector}")
        except PluginFailed as error:
            raise UserError(str(error), hint="tieline plugins list") from error
    if missing:
        raise UserError(
            f"the demo is played on stand-ins that come with plugins; not installed: {', '.join(missing)}", hint=INSTALL
        )
    return found


def place(wanted: Path | None, here: Path) -> Path:
    """The folder of a new demo. Raises UserError when the wanted one is taken."""
    if wanted is None:
        number = 1
        while (found := here / (FOLDER if number == 1 else f"{FOLDER}-{number}")).exists():
            number += 1
        return found
    path = here / wanted
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UserError(
            f"{path} is there already, and a demo starts in a folder of its own", hint="tieline demo --dir DIR"
        )
    return path


@contextmanager
def staged(specs: Mapping[str, ConnectorSpec], path: Path, clock: Clock) -> Iterator[Stage]:
    """The stage, until the block ends; however it ends, the stand-ins' state is saved in the home."""
    home = Home(path).create()
    with ExitStack() as closing:
        servers: dict[str, Server] = {}
        for system, spec in specs.items():
            if spec.sandbox is None:
                raise UserError(f"the connector {spec.name!r} has no stand-in", hint=INSTALL)
            sandbox = spec.sandbox(SandboxOptions(seed="demo", clock=clock))
            if not hasattr(sandbox, "person"):
                raise UserError(f"the stand-in of {spec.name!r} has no company to play with", hint=INSTALL)
            servers[system] = closing.enter_context(serve(sandbox))
            home.write(f"secrets/{system}", sandbox.token.encode())
        stage = Stage(home, servers, clock)
        home.write(CONFIG, config(stage, specs).encode())
        try:
            yield stage
        finally:
            for system, spec in specs.items():
                state = json.dumps(servers[system].sandbox.dump()).encode()
                home.write(f"{SANDBOXES}/{spec.name}.json", state)


def config(stage: Stage, specs: Mapping[str, ConnectorSpec]) -> str:
    """The configuration of a demo's home."""
    parts = [_HEAD]
    for system, spec in specs.items():
        parts.append(
            f"[systems.{system}]               # {spec.title}\n"
            f'connector = "{spec.name}"\n'
            f'base_url = "{stage.servers[system].base_url}"\n'
            f'auth = {{ type = "token", token = {{ file = "secrets/{system}" }} }}\n'
            f"{stage.sandbox(system).demo_config(system)}"
        )
    return "\n".join([*parts, _SYNC])
