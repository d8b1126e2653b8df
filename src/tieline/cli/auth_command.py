"""`tieline auth`: where each system's credential comes from, never what it is."""

from __future__ import annotations

from typing import Any

from tieline.cli.boundary import DONE, USAGE
from tieline.cli.console import table
from tieline.cli.options import command as declare
from tieline.cli.options import group
from tieline.cli.session import Session
from tieline.errors import ConfigError

command = group(
    "auth", example="tieline auth status", text="Credentials: where they come from, whether they are there."
)


@declare("status", example="tieline auth status --json", group=command)
def status_command(session: Session) -> int:
    """How each system is signed in to, and whether its secrets are found. Asks no system; shows no secret.

    Ends with 2 when a secret is missing.
    """
    from tieline.auth_settings import describe

    config = session.load_config()
    found: list[dict[str, Any]] = []
    for system in config.systems.values():
        troubles = [] if system.auth is None else _troubles(session, system.auth, config.root)
        found.append(
            {
                "system": system.name,
                "connector": system.spec.name,
                "base_url": system.base_url or None,
                "auth": "none needed" if system.auth is None else describe(system.auth),
                "found": not troubles,
                "problems": troubles,
            }
        )
    session.console.result(found, lambda: _text(session, found))
    return DONE if all(entry["found"] for entry in found) else USAGE


def _troubles(session: Session, auth: Any, root: Any) -> list[str]:
    from tieline.secrets import resolve

    troubles = []
    for name in sorted(auth.secrets):
        source = getattr(auth, name)
        if source is None:
            continue
        try:
            session.redactor.add(resolve(source, root))
        except ConfigError as error:
            troubles.append(f"{name}: {error}")
    return troubles


def _text(session: Session, found: list[dict[str, Any]]) -> str:
    rows = [[e["system"], e["auth"], "found" if e["found"] else "; ".join(e["problems"])] for e in found]
    shown = table(["SYSTEM", "SIGNS IN WITH", "SECRET"], rows, width=session.console.width)
    if all(entry["found"] for entry in found):
        return f"{shown}\n\nNext: tieline check asks the systems whether they accept it."
    return f"{shown}\n\nNext: put the secret where it is looked for, then tieline auth status"
