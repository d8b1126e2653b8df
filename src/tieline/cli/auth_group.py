"""The group `tieline auth`, onto which its commands hang themselves, and what they share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieline.cli.options import group
from tieline.cli.session import Session
from tieline.errors import UserError

if TYPE_CHECKING:
    from tieline.config import Config, SystemConfig
    from tieline.signin import Credential
    from tieline.vault import Vault

auth = group("auth", example="tieline auth status", text="Sign in and out; where credentials come from.")


def chosen(config: Config, name: str) -> SystemConfig:
    """The system of this name that has a credential. Raises UserError."""
    system = config.systems.get(name)
    if system is None:
        raise UserError(f"there is no system {name!r}; there are {', '.join(config.systems)}", hint="tieline status")
    if system.auth is None:
        raise UserError(f"{name} needs no credential", hint="tieline auth status")
    return system


def kept(session: Session) -> Vault:
    """What keeps tokens in this command's home; the home is made at first use."""
    from tieline.signin import vault

    return vault(session.home, session.environ)


def credential_of(session: Session, config: Config, system: SystemConfig, tokens: Vault) -> Credential:
    """The system's credential over the network."""
    from tieline.ports import SystemClock
    from tieline.signin import credential

    return credential(config, system, SystemClock(), session.redactor, store=tokens)
