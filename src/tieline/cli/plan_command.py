"""`tieline plan`: what a sync would write, and why. It reads the systems and writes to none."""

from __future__ import annotations

import click

from tieline.cli.boundary import DONE, FAILED, WAITING
from tieline.cli.console import plural
from tieline.cli.options import command as declare
from tieline.cli.rounds import SHOWN, exit_code, following, locked_json, log_summary, notes, run_round, without_option
from tieline.cli.session import Session
from tieline.cli.signals import stopping
from tieline.cli.words import LINE, counts_table, order_lines, records_table, total
from tieline.errors import Locked

EVERY = 10_000_000
"""More orders than any plan has."""


@declare("plan", example="tieline plan --full")
@click.option("--offline", is_flag=True, help="Do not read the systems; plan from what is known.")
@click.option("--full", is_flag=True, help="Show every order, not just the first.")
@click.option("--exit-code", "tell", is_flag=True, help="End with 3 when there is something to write.")
@without_option
def command(session: Session, offline: bool, full: bool, tell: bool, without: tuple[str, ...]) -> int:
    """Read the systems and show what a sync would write, and why. Nothing is written.

    Each order says which value changes, where the new one comes from and by which rule.
    """
    from tieline.runner import Options

    config = session.load_config()
    as_json = session.console.as_json
    options = Options(without=frozenset(without), offline=offline, listing=EVERY if full else 0 if as_json else SHOWN)
    try:
        with stopping() as stop:
            summary = run_round(session, config, options, stop, "plan")
    except Locked as error:
        if not as_json:
            raise
        session.console.result(locked_json(error), "")
        return FAILED
    log_summary(summary)
    session.console.result(summary.as_json(), lambda: _text(summary, full))
    if summary.outcome == "failed":
        return exit_code(summary)
    return WAITING if summary.reviews or (tell and summary.orders) else DONE


def _text(summary: object, full: bool) -> str:
    from tieline.runner import Summary

    assert isinstance(summary, Summary)  # noqa: S101 for the type checker; imported late
    parts = []
    records = records_table(summary.records)
    if records:
        parts += [records, ""]
    count = total(summary.orders)
    if count:
        listed = summary.orders_list or []
        parts += [
            counts_table(summary.orders),
            "",
            *order_lines(listed, None if full else LINE),
        ]
        if not full and count > SHOWN:
            parts.append(f"… and {count - SHOWN:,} more; tieline plan --full shows all of them.")
        parts.append("")
    parts += notes(summary.notes)
    if summary.outcome == "failed":
        step = following(summary, otherwise="tieline check")
        return "\n".join([*parts, "The plan is not complete: a system could not be read.", f"Next: {step}"])
    waits = f", {plural(summary.reviews, 'review')} open" if summary.reviews else ""
    if not count:
        more = ["Next: tieline review list"] if summary.reviews else []
        return "\n".join([*parts, f"Nothing to write{waits}.", *more])
    return "\n".join([*parts, f"Plan: {plural(count, 'order')}{waits}.", "Next: tieline sync"])
