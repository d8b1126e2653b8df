"""`tieline check`: what is wrong or weak, first in the file, then in each system."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import click

from tieline.cli.boundary import DONE, USAGE
from tieline.cli.console import clean, plural, table
from tieline.cli.options import command as declare
from tieline.cli.session import Session
from tieline.errors import ConfigError, PluginFailed, PluginMissing, TielineError, Unreachable, UserError

if TYPE_CHECKING:
    from tieline.config import Config
    from tieline.hub import Hub

PROXY = "calls go through {} (HTTPS_PROXY), which looks the host up: only its name and certificate are checked here"
MARKS = {"ok": "ok", "note": "note", "warning": "warning", "error": "ERROR"}


class Line(NamedTuple):
    """One finding, with the system it is about."""

    system: str
    level: str
    subject: str
    message: str
    remedy: str
    mend: str = ""


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
    bad = any(line.level == "error" for line in lines)
    value = {
        "config": str(config.path),
        "ok": not bad,
        "problems": [],
        "notes": list(config.notes),
        "findings": [line._asdict() for line in lines],
    }
    session.console.result(value, lambda: _text(session, config, lines, offline))
    return USAGE if bad else DONE


def _ask(session: Session, config: Config) -> list[Line]:
    with session.open_hub(config, keep_going=True) as hub:
        lines = []
        for name in config.systems:
            lines += _system(hub, name)
        return lines


def _system(hub: Hub, name: str) -> list[Line]:
    if name in hub.failures:
        return [_failure(name, hub.failures[name])]
    lines: list[Line] = []
    opened = hub.systems[name]
    try:
        if opened.proxy:
            lines.append(Line(name, "note", "proxy", PROXY.format(clean(opened.proxy)), ""))
        for finding in opened.connector.check():
            if opened.barred is not None:  # whatever the connector makes of it, there is one reason for all of it
                return [*lines, _served(hub, _failure(name, opened.barred))]
            lines.append(Line(name, *finding))
    except TielineError as error:
        lines.append(_served(hub, _failure(name, error)))
    except Exception as error:  # a plugin may raise anything; the other systems are still checked
        lines.append(_bug(hub, name, error))
    return lines


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
    with session.open_hub(config, keep_going=True) as hub:
        for line in wanted:
            made = _make(hub, line)
            session.console.note(f"{made.system}: {clean(made.subject)}: {clean(made.message)}")
            failed += [made] if made.level == "error" else []
    again = _ask(session, config)
    told = {(line.system, line.subject) for line in failed}
    return [line for line in again if (line.system, line.subject) not in told] + failed


def _make(hub: Hub, line: Line) -> Line:
    if line.system in hub.failures:
        return _failure(line.system, hub.failures[line.system])
    connector: Any = hub.systems[line.system].connector
    try:
        return Line(line.system, *connector.mend(line.mend))
    except TielineError as error:
        return Line(line.system, "error", line.subject, str(error), line.remedy)
    except Exception as error:  # as in `_system`: the others are still made
        return _bug(hub, line.system, error)


def _bug(hub: Hub, name: str, error: Exception) -> Line:
    connector = hub.config.systems[name].spec.name
    return Line(name, "error", "plugin", f"a bug in connector {connector!r}: {type(error).__name__}: {error}", "")


def _outdate(session: Session, systems: set[str]) -> None:
    """What the home remembers of these systems' fields is no longer true."""
    if not session.home.store.exists():
        return
    with session.open_store() as store, store.atomic(fence=False):
        for name in systems:
            store.book.outdate_schemas(name)


def _failure(name: str, error: TielineError) -> Line:
    subject, remedy = "reachable", "" if error.hint.startswith("tieline check") else error.hint
    if isinstance(error, Unreachable):
        remedy = f"look at base_url of [systems.{name}] and at the network, then: tieline check"
    elif error.hint.startswith("tieline auth"):
        subject = "credential"
    elif isinstance(error, ConfigError):
        subject = "configuration"
    return Line(name, "error", subject, str(error), remedy)


def _served(hub: Hub, line: Line) -> Line:
    """A system that is a stand-in of this home only has to be served."""
    here = hub.config.systems[line.system].base_url.startswith("http://127.0.0.1:")
    if line.subject == "reachable" and here and hub.home.sandboxes.is_dir():
        return line._replace(remedy=f"serve the stand-ins of this home: tieline sandbox --home {hub.home.path}")
    return line


def _text(session: Session, config: Config, lines: list[Line], offline: bool) -> str:
    kinds = sorted({kind for system in config.systems.values() for kind in system.kinds})
    parts = [
        f"{clean(config.path)}: {plural(len(config.systems), 'system')}, {', '.join(kinds) or 'no kind'}; no problem."
    ]
    parts += [f"Note: {clean(note)}" for note in config.notes]
    if offline:
        return "\n".join([*parts, "Next: tieline check"])
    rows: list[list[Any]] = []
    for line in lines:
        rows.append([MARKS.get(line.level, line.level), line.system, line.subject, line.message])
        if line.remedy and line.level != "ok":
            rows.append(["", "", "", f"→ {line.remedy}"])
    parts += ["", table(["", "SYSTEM", "CHECKED", "FOUND"], rows)] if rows else []
    counts = {level: sum(line.level == level for line in lines) for level in ("error", "warning")}
    if counts["error"]:
        parts += ["", f"{plural(counts['error'], 'error')} to mend first."]
    else:
        weak = f" ({plural(counts['warning'], 'warning')})" if counts["warning"] else ""
        parts += ["", f"Ready{weak}.", "Next: tieline plan"]
    return "\n".join(parts)
