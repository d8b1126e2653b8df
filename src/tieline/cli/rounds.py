"""One round: pull, plan, write, and what came of it. `sync` and `run` share it."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from tieline.cli.boundary import DONE, FAILED, USAGE, WAITING
from tieline.cli.console import clean, plural
from tieline.cli.progress import progress
from tieline.cli.session import Session
from tieline.cli.words import LINE, counts_table, order_lines, records_table, total
from tieline.errors import Broken, Unreachable, UserError

if TYPE_CHECKING:
    from tieline.config import Config
    from tieline.runner import Options, Preview, Summary

SHOWN = 20
"""Orders printed before a question."""


def run_round(session: Session, config: Config, options: Options, stop: threading.Event, command: str) -> Summary:
    """Open everything, run once, close everything. A set `stop` ends it at its next boundary (KeyboardInterrupt)."""
    from dataclasses import replace

    from tieline.ports import Ports
    from tieline.store import opened

    unknown = sorted(set(options.without) - set(config.systems))
    if unknown:
        known = ", ".join(config.systems)
        raise UserError(f"there is no system {unknown[0]!r}; there are: {known}", hint=f"tieline {command} --help")
    with session.open_hub(config, ports=Ports(stop=stop)) as hub, opened(session.home.file_of_store()) as store:
        runner = hub.runner(store)
        gc.freeze()  # what is loaded by now stays to the end: no need to look through it again and again
        with progress(session.console) as report:
            told = replace(options, progress=report, full_every_ms=config.full_ms or 0)
            return runner.plan(told) if command == "plan" else runner.sync(told)


def exit_code(summary: Summary) -> int:
    """0 done, 3 waits for a person, 1 failed; 2 when only a person's own mistake kept it from working."""
    if summary.outcome == "done":
        return DONE
    if summary.outcome == "waiting":
        return WAITING
    errors = summary.errors
    return USAGE if errors and all(isinstance(e, UserError) for e in errors) else FAILED


def log_summary(summary: Summary) -> None:
    """How a run ended, and the tracebacks of what went wrong, belong in the log."""
    import logging

    log = logging.getLogger("tieline")
    log.info("run %s: %s, %d writes, %d reviews", summary.run, summary.outcome, summary.writes, summary.reviews)
    for error in summary.errors:
        level = logging.ERROR if isinstance(error, Broken) else logging.WARNING
        log.log(level, "%s", error, exc_info=error if isinstance(error, Broken) else None)


def first_writes(session: Session, preview: Preview) -> bool:
    """Show the first plan of a home and ask; False when nobody is there to answer."""
    console = session.console
    console.note("This home has never written anything. This is what the first sync would do:")
    console.note(f"\n{counts_table(preview.orders)}\n")
    for line in order_lines(preview.listing(SHOWN, 0), LINE):
        console.note(line)
    more = total(preview.orders) - SHOWN
    if more > 0:
        console.note(f"… and {more:,} more; tieline plan --full shows all of them.")
    return bool(console.confirm(f"\nWrite {plural(total(preview.orders), 'order')}?"))


def story(summary: Summary) -> str:
    """What a sync came to, for a person."""
    parts = []
    records = records_table(summary.records)
    if records:
        parts += [records, ""]
    if summary.orders:
        parts += ["Planned:", counts_table(summary.orders), ""]
    parts += notes(summary.notes)
    calls = ", ".join(f"{clean(name)} {number:,}" for name, number in summary.api_calls.items())
    state = "converged" if summary.converged else "not converged"
    parts.append(
        f"{OUTCOMES[summary.outcome]}: {plural(summary.writes, 'write')}, {state}"
        + (f", {plural(summary.reviews, 'review')} open" if summary.reviews else "")
        + (f". API calls: {calls}." if calls else ".")
    )
    step = following(summary)
    return "\n".join([*parts, f"Next: {step}"] if step else parts)


OUTCOMES = {"done": "Done", "waiting": "Waiting for a person", "failed": "Failed", "locked": "Locked"}


def notes(found: Iterable[str]) -> list[str]:
    """Why something waits or failed, a bullet each; the same said of several is said once."""
    said: dict[str, list[str]] = {}
    for note in found:
        what, colon, why = note.partition(": ")
        said.setdefault(why if colon else note, []).append(what if colon else "")
    lines = [f"- {clean(', '.join(w) + ': ' if any(w) else '')}{clean(why)}" for why, w in said.items()]
    return [*lines, ""] if lines else []


def following(summary: Summary, otherwise: str = "tieline status; the next sync goes on from here") -> str:
    """The command to type next; `otherwise` where a failure does not know a better one."""
    if any("first sync of a home" in note for note in summary.notes):
        return "tieline sync --yes"
    if summary.outcome == "failed":
        hints = [e.hint for e in summary.errors if isinstance(e, (UserError, Unreachable)) and e.hint]
        return hints[0] if hints else otherwise
    return "tieline review list" if summary.reviews else ""


def locked_json(error: Exception) -> dict[str, Any]:
    """The pinned shape of a sync that another run kept out."""
    empty: dict[str, Any] = {"api_calls": {}, "records": {}, "orders": {}, "stages": {}}
    detail = {"type": type(error).__name__, "message": str(error), "hint": "tieline status", "exit_code": FAILED}
    head = {"run": None, "outcome": "locked", "converged": False, "writes": 0, "reviews": 0}
    return {**head, **empty, "notes": [str(error)], "error": detail}


without_option = click.option(
    "--without", multiple=True, metavar="SYSTEM", help="Leave a system out of this run; repeatable."
)
