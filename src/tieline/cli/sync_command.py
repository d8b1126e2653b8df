"""`tieline sync`: read, plan, write."""

from __future__ import annotations

import click

from tieline.cli.boundary import FAILED
from tieline.cli.options import command as declare
from tieline.cli.rounds import exit_code, first_writes, locked_json, log_summary, run_round, story, without_option
from tieline.cli.session import Session
from tieline.cli.signals import stopping
from tieline.errors import Locked


@declare("sync", example="tieline sync --yes")
@click.option("--yes", is_flag=True, help="Write without asking, also the first time.")
@click.option("--full", is_flag=True, help="Read everything again, not only what changed.")
@without_option
def command(session: Session, yes: bool, full: bool, without: tuple[str, ...]) -> int:
    """Read the systems, plan, and write until nothing is owed.

    The first sync of a home shows its plan and asks; --yes answers, also where a plugin is new or was changed. Ends
    with 3 when something waits for a person, with 1 when a system failed; the next sync goes on from there.
    """
    from tieline.runner import Options

    session.gate.accept = session.gate.accept or yes
    config = session.load_config()
    console = session.console
    options = Options(
        without=frozenset(without),
        full=full,
        yes=yes,
        confirm=lambda preview: first_writes(session, preview),
    )
    try:
        with stopping() as stop:
            summary = run_round(session, config, options, stop, "sync")
    except Locked as error:
        if not console.as_json:
            raise
        console.result(locked_json(error), "")
        return FAILED
    log_summary(summary)
    console.result(summary.as_json(), lambda: story(summary))
    return exit_code(summary)
