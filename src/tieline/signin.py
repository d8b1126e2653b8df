"""Composes what a sign-in needs from a configuration and a home: credential, network, kept tokens, least scopes.

It decides what is built from what; it neither prints nor syncs.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tieline.auth import Authoriser, ServiceAccountAuth, TokenStore
from tieline.connector import HttpProfile, Need
from tieline.services import profile_of

if TYPE_CHECKING:
    from tieline.config import Config, SystemConfig
    from tieline.home import Home
    from tieline.ports import Clock, Transport
    from tieline.secrets import Redactor
    from tieline.vault import Keys, Vault


@dataclass(frozen=True, slots=True)
class Credential:
    """One system's credential with the network it is asked for over."""

    authoriser: Authoriser
    wire: Transport
    profile: HttpProfile


def credential(
    config: Config,
    system: SystemConfig,
    clock: Clock,
    redactor: Redactor,
    *,
    store: TokenStore | None,
    transport: Transport | None = None,
) -> Credential:
    """A system's credential; `transport` replaces the network. Raises ConfigError."""
    from tieline.http import HttpTransport

    profile = profile_of(system.spec, system.base_url)
    ca = None if system.ca is None else config.root / system.ca
    wire = transport or HttpTransport(timeout=profile.timeout, ca=ca, clock=clock)
    authoriser = Authoriser(
        system.auth,
        system=system.name,
        base_url=system.base_url,
        profile=profile,
        send=wire.send,
        clock=clock,
        root=config.root,
        store=store,
        redactor=redactor,
        scopes=scopes(config, system) if isinstance(system.auth, ServiceAccountAuth) else (),
    )
    return Credential(authoriser, wire, profile)


def vault(home: Home, environ: Mapping[str, str] | None = None) -> Vault:
    """What keeps tokens in a home; nothing is opened before it is used."""
    from tieline.store.credentials import Credentials
    from tieline.vault import Keys, Vault

    given = os.environ if environ is None else environ
    return Vault(lambda: Credentials(home.create().path), lambda name: Keys(name, given))


def keys_of(home: Home, tokens: Vault, environ: Mapping[str, str]) -> Keys:
    """Where a home's key is looked for, without making the home: one that keeps nothing yet has no name, and no key of
    its own in a keyring or a file."""
    from tieline.vault import Keys

    return tokens.keys if home.credentials.exists() else Keys("none-yet", environ)


def keeps_tokens(auth: Any) -> bool:
    """Whether a sign-in of this kind has a grant to keep between commands."""
    return getattr(auth, "type", "") in ("authorization_code", "refresh_token")


def needs(config: Config, system: SystemConfig) -> tuple[Need, ...]:
    """What a configuration wants of a system, stream by stream."""
    rules = config.rules.systems.get(system.name, {})
    found = []
    for stream, mapper in system.mappers.items():
        rule = rules.get(mapper.kind)
        if rule is None:
            continue
        writes = rule.mode != "read"
        found.append(
            Need(stream, mapper.kind, frozenset(mapper.specs), writes, archive=writes and rule.delete == "archive")
        )
    return tuple(found)


def scopes(config: Config, system: SystemConfig) -> Sequence[str]:
    """The scopes that a sign-in by browser or a service account asks for: those configured, else the least that the
    connector names."""
    chosen = getattr(system.auth, "scopes", None)
    if chosen is not None:
        return tuple(chosen)
    profile = system.spec.http
    if profile is None or profile.oauth is None:
        return ()
    return tuple(dict.fromkeys(profile.oauth.scopes(needs(config, system))))
