"""`tieline check`: what is wrong or weak, first in the file, then in each system."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from tieline.cli.boundary import DONE, USAGE
from tieline.cli.console import clean, plural
from tieline.cli.findings import Line, asked, bad, bug, failure, shown, verdict
from tieline.cli.options import command as declare
from tieline.cli.regained import regaining
from tieline.cli.session import Session
from tieline.errors import ConfigError, PluginFailed, PluginMissing, TielineError, UserError

if TYPE_CHECKING:
    from tieline.config import Config
    from tieline.hub import Hub, Opened
    from tieline.model import Finding

PROXY = "calls go through {} (HTTPS_PROXY), which looks the host up: only its name and certificate are checked here"


@declare("check", example="tieline check --offline")
@click.option("--offline", is_flag=True, help="Check the file alone; ask no system.")
@click.option("--fix", is_flag=True, help="Make the fields for Tieline's id that are missing, where an API allows it.")
@click.option("--yes", is_flag=True, help="With --fix: make them without asking.")
def command(session: Session, offline: bool, fix: bool, yes: bool) -> int:
    """Say what is wrong or weak, and what to do about it.

    First the configuration, with all its problems at once; then each system: reachable, allowed, the field that holds
    Tieline's id, fields that are mapped but do not exist. Ends with 2 when something must be mended first.
    """
    if offline and fix:
        raise UserError("--offline asks no system, so it can make nothing there", hint="tieline check --fix")
    try:
        config = session.load_config()
    except (ConfigError, PluginMissing, PluginFailed) as error:
        if session.console.as_json:
            problems = list(getattr(error, "problems", (str(error),)))
            detail = {"type": type(error).__name__, "message": str(error), "hint": error.hint, "exit_code": USAGE}
            value = {"config": str(session.places.config), "ok": False, "problems": problems}
            session.console.result({**value, "notes": [], "findings": [], "error": detail}, "")
            return USAGE
        raise
    lines = [] if offline else _ask(session, config)
    if fix:
        lines = _mended(session, config, lines, yes)
    value = {
        "config": str(config.path),
        "ok": not bad(lines),
        "problems": [],
        "notes": list(config.notes),
        "findings": [line._asdict() for line in lines],
    }
    session.console.result(value, lambda: _text(session, config, lines, offline))
    return USAGE if bad(lines) else DONE


def _ask(session: Session, config: Config) -> list[Line]:
    with session.open_hub(config, keep_going=True) as hub:
        lines = []
        for name in config.systems:
            lines += asked(hub, name, _checked)
        return lines


def _checked(opened: Opened) -> Iterator[Finding]:
    from tieline.model import Finding

    if opened.proxy:
        yield Finding("note", "proxy", PROXY.format(clean(opened.proxy)))
    yield from opened.connector.check()


def _mended(session: Session, config: Config, lines: list[Line], yes: bool) -> list[Line]:
    """Make what systems can make, if a person agrees; then what is to be said after that. What could not be made stays
    in the list as the system told it."""
    wanted = [line for line in lines if line.mend]
    if not wanted:
        session.console.note("Nothing is missing that Tieline could make.")
        return lines
    session.console.note("Tieline can make:")
    for line in wanted:
        session.console.note(f"  {line.system}: {clean(line.subject)}")
    if not yes:
        agreed = session.console.confirm(f"Make {plural(len(wanted), 'field')}?")
        if agreed is None:
            raise UserError("nobody is here to agree; nothing was made", hint="tieline check --fix --yes")
        if not agreed:
            return lines
    _outdate(session, {line.system for line in wanted})  # first: whatever comes between, the next run asks anew
    failed = []
    systems = [line.system for line in wanted]
    with session.open_hub(config, keep_going=True) as hub, regaining(session, hub, systems):
        for line in wanted:
            made = _make(hub, line)
            session.console.note(f"{made.system}: {clean(made.subject)}: {clean(made.message)}")
            failed += [made] if made.level == "error" else []
    again = _ask(session, config)
    told = {(line.system, line.subject) for line in failed}
    return [line for line in again if (line.system, line.subject) not in told] + failed


def _make(hub: Hub, line: Line) -> Line:
    if line.system in hub.failures:
        return failure(hub, line.system, hub.failures[line.system])
    connector: Any = hub.systems[line.system].connector
    try:
        return Line(line.system, *connector.mend(line.mend))
    except TielineError as error:
        return Line(line.system, "error", line.subject, str(error), line.remedy)
    except Exception as error:  # as in `_system`: the others are still made
        return bug(hub, line.system, error)


def _outdate(session: Session, systems: set[str]) -> None:
    """What the home remembers of these systems' fields is no longer true."""
    if not session.home.store.exists():
        return
    with session.open_store() as store, store.atomic(fence=False):
        for name in systems:
            store.book.outdate_schemas(name)


def _text(session: Session, config: Config, lines: list[Line], offline: bool) -> str:
    kinds = sorted({kind for system in config.systems.values() for kind in system.kinds})
    parts = [
        f"{clean(config.path)}: {plural(len(config.systems), 'system')}, {', '.join(kinds) or 'no kind'}; no problem."
    ]
    parts += [f"Note: {clean(note)}" for note in config.notes]
    if offline:
        return "\n".join([*parts, "Next: tieline check"])
    found = shown(lines)
    parts += ["", found] if found else []
    parts += ["", verdict(lines, "Ready")]
    return "\n".join(parts if bad(lines) else [*parts, "Next: tieline plan"])
