"""What connectors find, one line each: asked for so that no plugin's mistake ends a command, and shown as a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from tieline.cli.console import plural, table
from tieline.errors import ConfigError, TielineError, Unavailable, Unreachable

if TYPE_CHECKING:
    from tieline.hub import Hub, Opened
    from tieline.model import Finding

MARKS = {"ok": "ok", "note": "note", "warning": "warning", "error": "ERROR"}
CREDENTIAL, SIGN_IN = "credential", "sign-in"
"""What we, and what a connector calls the way to be let in."""


class Line(NamedTuple):
    """One finding, with the system it is about."""

    system: str
    level: str
    subject: str
    message: str
    remedy: str
    mend: str = ""


def asked(hub: Hub, name: str, ask: Callable[[Opened], Iterable[Finding]]) -> list[Line]:
    """What a system's connector finds when it is asked; whatever goes wrong is a line, too."""
    if name in hub.failures:
        return [failure(hub, name, hub.failures[name])]
    lines: list[Line] = []
    opened = hub.systems[name]
    try:
        for finding in ask(opened):
            if opened.barred is not None:  # whatever the connector makes of it, there is one reason for all of it
                return [*lines, _beside(served(hub, failure(hub, name, opened.barred)), finding)]
            lines.append(Line(name, *finding))
    except TielineError as error:
        lines.append(served(hub, failure(hub, name, error)))
    except Exception as error:  # a plugin may raise anything; the other systems are still asked
        lines.append(bug(hub, name, error))
    return lines


def bug(hub: Hub, name: str, error: Exception) -> Line:
    """A connector raised what it must not."""
    connector = hub.config.systems[name].spec.name
    return Line(name, "error", "plugin", f"a bug in connector {connector!r}: {type(error).__name__}: {error}", "")


def failure(hub: Hub, name: str, error: TielineError) -> Line:
    """A system could not be asked, or not to the end."""
    subject, remedy = "reachable", "" if error.hint.startswith("tieline check") else error.hint
    if isinstance(error, Unreachable):
        remedy = f"look at {_place(hub, name)}the network, then: tieline check"
    elif isinstance(error, Unavailable):
        remedy = remedy or f"look at {_place(hub, name)}what stands in between, then: tieline check"
    elif error.hint.startswith("tieline auth"):
        subject = CREDENTIAL
    elif isinstance(error, ConfigError):
        subject = "configuration"
    return Line(name, "error", subject, str(error), remedy)


def _place(hub: Hub, name: str) -> str:
    """The settings that say where a system is, for the beginning of a list."""
    placed = " and ".join(hub.config.systems[name].placed)
    return f"{placed} of [systems.{name}] and at " if placed else ""


def _beside(line: Line, finding: Finding) -> Line:
    """Only the vendor's connector knows where in its screens a refused sign-in is mended, or what ends one."""
    if line.subject != CREDENTIAL or finding.subject != SIGN_IN or not finding.remedy:
        return line
    return line._replace(remedy="; ".join(filter(None, (line.remedy, finding.remedy))))


def served(hub: Hub, line: Line) -> Line:
    """A system that is a stand-in of this home only has to be served."""
    here = hub.config.systems[line.system].base_url.startswith("http://127.0.0.1:")
    if line.subject == "reachable" and here and hub.home.sandboxes.is_dir():
        return line._replace(remedy=f"serve the stand-ins of this home: tieline sandbox --home {hub.home.path}")
    return line


def bad(lines: Sequence[Line]) -> bool:
    """Whether something must be mended first."""
    return any(line.level == "error" for line in lines)


def shown(lines: Sequence[Line]) -> str:
    """The findings as a table, what to do about each below it; empty for none."""
    rows: list[list[Any]] = []
    for line in lines:
        rows.append([MARKS.get(line.level, line.level), line.system, line.subject, line.message])
        if line.remedy and line.level != "ok":
            rows.append(["", "", "", f"→ {line.remedy}"])
    return table(["", "SYSTEM", "CHECKED", "FOUND"], rows) if rows else ""


def verdict(lines: Sequence[Line], good: str) -> str:
    """What it comes to: `good` with the number of warnings, or the number of errors."""
    counts = {level: sum(line.level == level for line in lines) for level in ("error", "warning")}
    if counts["error"]:
        return f"{plural(counts['error'], 'error')} to mend first."
    return f"{good} ({plural(counts['warning'], 'warning')})." if counts["warning"] else f"{good}."
