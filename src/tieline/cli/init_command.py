"""`tieline init`: a commented configuration for chosen connectors, and an empty home."""

from __future__ import annotations

import click

from tieline.cli.boundary import DONE
from tieline.cli.console import clean
from tieline.cli.options import command as declare
from tieline.cli.session import Session
from tieline.errors import UserError
from tieline.home import write_atomically


@declare("init", example="tieline init crm=salesforce marketing=hubspot")
@click.argument("systems", nargs=-1, metavar="[NAME=]CONNECTOR...")
@click.option("--force", is_flag=True, help="Overwrite a configuration that is there.")
def command(session: Session, systems: tuple[str, ...], force: bool) -> int:
    """Write a commented tieline.toml for these connectors, and make the home.

    NAME is what you call the system in plans and messages; without it, the connector's name. Without any argument, one
    system is written for each connector that is installed.
    """
    from tieline.cli.template import Chosen, render

    path = session.places.config
    if path.exists() and not force:
        raise UserError(f"{path} is there already", hint="tieline init --force overwrites it; tieline check reads it")
    session.gate.named = True
    chosen: dict[str, Chosen] = {}
    for argument in systems or [name for info in session.registry.list() for name in info.connectors]:
        name, _, connector = argument.rpartition("=")
        spec = session.registry.get(connector)
        chosen_name = name or spec.name
        if chosen_name in chosen:
            first = chosen[chosen_name].spec.name
            names = (chosen_name, f"{chosen_name}2") if name else ("first", "second")
            raise UserError(
                f"two systems are called {chosen_name!r}",
                hint=f"tieline init {names[0]}={first} {names[1]}={spec.name}",
            )
        chosen[chosen_name] = Chosen(chosen_name, spec)
    if not chosen:
        raise UserError("no connector is installed", hint="pip install tieline-hubspot tieline-salesforce")
    home = session.home.create()
    session.gate.keep()
    write_atomically(path, render(list(chosen.values())).encode())
    value = {"config": str(path), "home": str(home.path), "systems": {n: c.spec.name for n, c in chosen.items()}}
    session.console.result(
        value,
        lambda: (
            f"Wrote {clean(path)} with {', '.join(chosen)}, and made the home {clean(home.path)}.\n"
            "Put the credentials where it says, then\nNext: tieline check"
        ),
    )
    return DONE
