"""`tieline rebuild`: a new memory for a home whose database is damaged. It reads the systems and writes to none."""

from __future__ import annotations

import time
from pathlib import Path

import click

from tieline.cli.boundary import DONE
from tieline.cli.console import plural
from tieline.cli.options import command as declare
from tieline.cli.rounds import SHOWN, exit_code, log_summary, notes, run_round
from tieline.cli.session import Session
from tieline.cli.signals import stopping
from tieline.cli.words import LINE, counts_table, order_lines, total
from tieline.errors import Locked, UserError

BESIDE = ("", "-wal", "-shm")
"""What SQLite keeps of one database."""


@declare("rebuild", example="tieline rebuild")
@click.option("--force", is_flag=True, help="Also when nothing is wrong with the database.")
def command(session: Session, force: bool) -> int:
    """Begin a new memory, find every record again, and show what a sync would then write. Nothing is written.

    Records are linked by the hub id that each carries, else by e-mail, domain or name. The old database is kept beside
    the new one. The next sync shows its plan and asks, as the first sync of a home does.
    """
    from tieline.runner import Options

    config = session.load_config()
    kept = _put_aside(session.home.check().store, force)
    with stopping() as stop:
        summary = run_round(session, config, Options(listing=SHOWN), stop, "plan")
    log_summary(summary)
    value = {"kept": str(kept) if kept is not None else None, **summary.as_json()}
    orders = total(summary.orders)

    def text() -> str:
        lines = [f"The old database is kept as {kept}."] if kept is not None else []
        if orders:
            lines += ["", counts_table(summary.orders), "", *order_lines(summary.orders_list or [], LINE), ""]
        lines += notes(summary.notes)
        ending = f"{plural(orders, 'order')} would be written" if orders else "Everything is equal"
        following = "check" if summary.outcome == "failed" else "sync"
        return "\n".join([*lines, f"{ending}; nothing was written.", f"Next: tieline {following}"])

    session.console.result(value, text)
    return exit_code(summary) if summary.outcome == "failed" else DONE


def _put_aside(store: Path, force: bool) -> Path | None:
    """Move a database away; None when there is none. Raises UserError for one that is sound, Locked for one in use."""
    if not store.exists():
        return None
    if _sound(store) and not force:
        raise UserError(f"nothing is wrong with {store}", hint="tieline status; --force begins a new one all the same")
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    kept = store.with_name(f"{store.name}.{stamp}")
    for ending in BESIDE:
        part = store.with_name(store.name + ending)
        if part.exists():
            part.rename(kept.with_name(kept.name + ending))
    return kept


def _sound(store: Path) -> bool:
    """Whether the database can be read. Raises Locked while a run holds the home."""
    from tieline.store import StoreBroken, opened

    try:
        with opened(store) as found:
            found.db.check()
            holder = found.db.holder()
    except StoreBroken:
        return False
    if holder is not None and holder[1] > time.time_ns() // 1_000_000:
        raise Locked("a run holds this home: wait for its end", hint="tieline status")
    return True
