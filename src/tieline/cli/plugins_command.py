"""`tieline plugins`: what is installed, and what is wrong with it."""

from __future__ import annotations

from tieline.cli.console import table
from tieline.cli.options import command as declare
from tieline.cli.options import group
from tieline.cli.session import Session

command = group("plugins", example="tieline plugins list", text="The connectors and hooks that are installed.")


@declare("list", example="tieline plugins list --json", group=command)
def list_command(session: Session) -> int:
    """Every plugin found, with the connectors and hooks it offers.

    One that cannot be used is listed with the reason; it does not keep the others from working.
    """
    found = session.registry.list()
    value = [info._asdict() for info in found]
    session.console.result(value, lambda: _text(session))
    return 0


def _text(session: Session) -> str:
    found = session.registry.list()
    if not found:
        return "No plugin is installed.\nNext: pip install tieline-hubspot tieline-salesforce tieline-files"
    rows = [
        [i.name, i.distribution, i.version, ", ".join(i.connectors), ", ".join(i.hooks), i.error and f"! {i.error}"]
        for i in found
    ]
    headers = ["PLUGIN", "DISTRIBUTION", "VERSION", "CONNECTORS", "HOOKS", "NOT USABLE"]
    if not any(i.error for i in found):
        headers, rows = headers[:-1], [row[:-1] for row in rows]
    return table(headers, rows, width=session.console.width)
