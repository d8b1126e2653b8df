"""`tieline demo`: the main job on stand-ins, told in a screen or two. It leaves a home to try the other commands on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tieline.cli.boundary import DONE, FAILED, INTERRUPTED
from tieline.cli.options import command as declare
from tieline.cli.progress import progress
from tieline.cli.session import Session
from tieline.cli.signals import stopping

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tieline.connector import ConnectorSpec
    from tieline.demo.play import Play


@declare("demo", example="tieline demo --dir try-tieline")
@click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The home to leave; it must be new.  [default: tieline-demo here]",
)
def command(session: Session, folder: Path | None) -> int:
    """Sync four stand-ins through a day of edits; needs no account.

    A made-up company's sales, marketing, support and office are synced, edited on all sides, planned and synced
    again, until nothing is left to do. What waits for a person then does not count as a failure.
    """
    from tieline.cli.logs import logging_to
    from tieline.demo.home import chosen, place
    from tieline.demo.play import playing
    from tieline.home import Home

    path = place(folder or session.home_option, Path.cwd())
    session.gate.named, session.gate.home = True, lambda: Home(path)
    specs = chosen(session.registry)
    with stopping() as stop:
        try:
            home = Home(path).create()
            session.gate.keep()
            with (
                logging_to(home, 0, session.redactor),
                playing(session.registry, specs, path, stop, session.redactor) as play,
            ):
                _perform(session, play, path, specs)
        except KeyboardInterrupt:
            return _interrupted(session, path)
    session.console.result(play.told.as_json(), "")
    return DONE if play.told.converged else FAILED


def _interrupted(session: Session, path: Path) -> int:
    """The half-played demo stays, with the stand-ins as they were."""
    place = _short(path)
    text = f"interrupted; what was done so far is left in {place}"
    hint = f"tieline demo starts anew; or: tieline sandbox --home {place} & and tieline sync --home {place} --yes"
    value = {"type": "KeyboardInterrupt", "message": text, "hint": hint, "exit_code": INTERRUPTED}
    session.console.error(f"Error: {text}\nNext: {hint}", value)
    return INTERRUPTED


def _perform(session: Session, play: Play, home: Path, specs: Mapping[str, ConnectorSpec]) -> None:
    """Scene by scene, each told when it is over."""
    from tieline.cli import demo_story as story
    from tieline.cli.rounds import log_summary
    from tieline.demo.day import PRIYA

    def tell(text: str) -> None:
        if not session.console.as_json:
            session.console.line(f"{text}\n")

    tell(story.opening({name: spec.title for name, spec in specs.items()}))
    with progress(session.console) as report:
        play.sync(report)
    tell(story.first(play.told))
    play.day()
    tell(story.day(play.told.deeds))
    tell(story.plan(play.plan()))
    play.sync()
    waiting = play.reviews()
    refused = sum(r["topic"] == "rejected" for r in waiting)
    tell(story.second(play.told, refused, len(play.reviews("closed"))))
    tell(story.conflict(play.conflicts(PRIYA)))
    _ask(session, home, "contact", PRIYA, "phone")
    tell(story.reviews(waiting))
    play.sync()
    tell(story.last(play.told))
    program = "uv run tieline" if session.environ.get("UV_RUN_RECURSION_DEPTH") else "tieline"
    tell(story.closing(play.told, _short(home), waiting, program))
    for summary in play.told.runs:
        log_summary(summary)


def _ask(session: Session, home: Path, *arguments: str) -> None:
    """Show what `tieline explain` itself says about a value, on the home as it stands."""
    from tieline.cli.explain_command import command as explain

    if session.console.as_json:
        return
    inner = Session(registry=session.registry, environ=session.environ)
    inner.home_option = home
    session.console.line(f"$ tieline explain {' '.join(arguments)}")
    try:
        explain.main(list(arguments), "tieline explain", standalone_mode=False, obj=inner)
    finally:
        inner.close()
    session.console.line()


def _short(path: Path) -> str:
    """The path as it is typed from here."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
