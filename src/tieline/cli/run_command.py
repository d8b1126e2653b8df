"""`tieline run`: sync on the schedule, in the foreground, one round at a time, until a signal."""

from __future__ import annotations

import random
import threading
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from tieline.cli.boundary import DONE, report
from tieline.cli.options import command as declare
from tieline.cli.rounds import exit_code, log_summary, run_round, story
from tieline.cli.session import Session
from tieline.cli.signals import stopping
from tieline.cli.words import when
from tieline.errors import ConfigError, TielineError

if TYPE_CHECKING:
    from tieline.config import Config, Schedule


@declare("run", example="tieline run")
@click.option("--once", is_flag=True, help="One round now, then end with its exit code.")
def command(session: Session, once: bool) -> int:
    """Sync on the schedule of the configuration until Ctrl-C or SIGTERM.

    Rounds never overlap: a round that takes longer than the interval is followed by the next start that is due. A
    round that fails is told, and the next one goes on from there. A signal ends the round at its next boundary.
    """
    config = session.load_config()
    if not once and not config.schedule:
        raise ConfigError("there is no [schedule] in the configuration", hint='add [schedule] every = "15m"')
    summaries: list[dict[str, Any]] = []
    with stopping() as stop:
        code = _round(session, config, stop, summaries) if once else _rounds(session, config, stop, summaries)
    if session.console.as_json and (not once or summaries):
        session.console.result(summaries[0] if once else summaries, "")
    return code


def _rounds(session: Session, config: Config, stop: threading.Event, summaries: list[dict[str, Any]]) -> int:
    due = _now()
    while not stop.is_set():
        _round(session, config, stop, summaries)
        if stop.is_set():
            break
        due = next_start(config.schedule, due, _now())
        start = due + int(config.schedule.jitter_ms * random.random())
        session.console.note(f"Next round at {when(start)}.")
        if stop.wait(max(0, start - _now()) / 1000):
            break
    session.console.note("Stopped.")
    return DONE


def _round(session: Session, config: Config, stop: threading.Event, summaries: list[dict[str, Any]]) -> int:
    """One round; its exit code. What it could not do is told, never raised."""
    from tieline.runner import Options

    try:
        summary = run_round(session, config, Options(confirm=lambda preview: False), stop, "sync")
    except KeyboardInterrupt:
        if not stop.is_set():
            raise
        return DONE
    except (TielineError, OSError) as error:
        as_json, session.console.as_json = session.console.as_json, False
        try:
            return report(session, error)
        finally:
            session.console.as_json = as_json
    log_summary(summary)
    summaries.append(summary.as_json())
    session.console.line(f"Round that ended at {when(_now())}:\n{story(summary)}")
    return exit_code(summary)


def next_start(schedule: Schedule, last: int, now: int) -> int:
    """When the next round is due (ms), before jitter: the first start not before `now`. Starts that were missed while
    a round was running are skipped, not made up for."""
    if schedule.cron is not None:
        from croniter import croniter  # type: ignore[import-untyped]

        local = datetime.fromtimestamp(now / 1000).astimezone()
        return int(croniter(schedule.cron, local).get_next(datetime).timestamp() * 1000)
    every = schedule.every_ms or 1
    return last + every * max(1, -(-(now - last) // every))


def _now() -> int:
    from tieline.ports import SystemClock

    return SystemClock().now()
