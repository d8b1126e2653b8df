"""`tieline plugins`: what is installed, what is wrong with it, and whose code may run in this home."""

from __future__ import annotations

import click

from tieline.cli.console import clean, table
from tieline.cli.options import command as declare
from tieline.cli.options import group
from tieline.cli.session import Session

command = group("plugins", example="tieline plugins list", text="The connectors and hooks that are installed.")


@declare("list", example="tieline plugins list --json", group=command)
def list_command(session: Session) -> int:
    """Every plugin found, with the connectors and hooks it offers.

    One that cannot be used is listed with the reason; it does not keep the others from working. Loaded are those that
    this home has accepted, and new ones whose distribution is called tieline-NAME; of the others only the name is told.
    """
    found = session.registry.list()
    value = [info._asdict() for info in found]
    session.console.result(value, lambda: _text(session))
    return 0


def _text(session: Session) -> str:
    found = session.registry.list()
    if not found:
        return (
            "No plugin is installed.\n"
            "Next: pip install tieline-hubspot tieline-salesforce tieline-zendesk tieline-files"
        )
    rows = [
        [i.name, i.distribution, i.version, ", ".join(i.connectors), ", ".join(i.hooks), i.error and f"! {i.error}"]
        for i in found
    ]
    headers = ["PLUGIN", "DISTRIBUTION", "VERSION", "CONNECTORS", "HOOKS", "NOT USABLE"]
    if not any(i.error for i in found):
        headers, rows = headers[:-1], [row[:-1] for row in rows]
    return table(headers, rows, width=session.console.width)


@declare("trust", example="tieline plugins trust hubspot", group=command)
@click.argument("names", nargs=-1, required=True, metavar="PLUGIN...")
def trust_command(session: Session, names: tuple[str, ...]) -> int:
    """Accept plugins as they are installed now: from this distribution, in this version, with these files.

    Also when another distribution offers a plugin than before. Nothing is loaded.
    """
    found = [session.registry.provider(name) for name in dict.fromkeys(names)]
    session.home.create()
    for who in found:
        session.gate.remember(who)
    text = [f"Accepted for {clean(session.home.path)}: {clean(who.plugin)}, {clean(who)}." for who in found]
    session.console.result([who._asdict() for who in found], "\n".join([*text, "Next: tieline check"]))
    return 0
