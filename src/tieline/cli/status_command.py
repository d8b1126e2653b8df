"""`tieline status`: systems, last runs, what waits, what is weaker than it could be."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from tieline.cli.boundary import DONE
from tieline.cli.console import clean, fit, plural, table
from tieline.cli.options import command as declare
from tieline.cli.session import Session
from tieline.cli.words import when

if TYPE_CHECKING:
    from tieline.store import Store


@declare("status", example="tieline status")
@click.option("--runs", "limit", type=click.IntRange(1, 1000), default=5, show_default=True, help="How many runs.")
def command(session: Session, limit: int) -> int:
    """What is linked, how the last runs ended, what waits for a person, and what is weaker than it could be.

    Reads the home alone; asks no system.
    """
    from tieline.ports import SystemClock

    with session.open_store() as store:
        found = {"home": str(session.home.path), **_status(store, limit, SystemClock().now())}
    session.console.result(found, lambda: _text(session, found))
    return DONE


def _status(store: Store, limit: int, now: int) -> dict[str, Any]:
    from tieline.store.lookup import last_full, weaker

    systems: dict[str, dict[str, dict[str, int]]] = {}
    for system, kind, linked, unlinked, gone in store.book.link_counts():
        systems.setdefault(system, {})[kind] = {"linked": linked, "unlinked": unlinked, "gone": gone}
    holder = store.db.holder()
    running = holder[0] if holder is not None and holder[1] > now else None
    return {
        "running": _holder(running),
        "systems": systems,
        "full_reads": [
            {"system": s, "stream": stream, "at": at or None} for (s, stream), at in sorted(last_full(store).items())
        ],
        "runs": [_run(run) for run in store.book.runs(limit)],
        "reviews": store.book.open_reviews(),
        "unsettled": len(store.work.intents()),
        "refused": [
            {"system": s, "kind": kind, "field": field, "code": code, "count": count, "message": message}
            for s, kind, field, code, count, message, _ in store.work.refused_groups()
        ],
        "unreadable": [
            {"system": s, "kind": kind, "field": field, "count": count, "message": message}
            for s, kind, field, count, message in store.book.unreadable()
        ],
        "weaker": [{"system": s, "stream": stream, "why": WEAKER} for s, stream in weaker(store)],
    }


WEAKER = "the field for the hub's id is missing, so a create whose answer is lost is found again by its keys alone"

LONGEST = 110
"""Columns of a message in a table; `--json` has it whole."""


def _holder(owner: str | None) -> Any:
    if owner is None:
        return None
    try:
        return json.loads(owner)
    except ValueError:
        return {"owner": owner}


def _run(run: dict[str, Any]) -> dict[str, Any]:
    summary = run["summary"] or {}
    told = {name: run[name] for name in ("id", "command", "started", "finished", "outcome")}
    return {
        **told,
        "writes": summary.get("writes"),
        "converged": summary.get("converged"),
        "notes": summary.get("notes", []),
    }


def _text(session: Session, found: dict[str, Any]) -> str:
    parts = [f"Home {clean(found['home'])}"]
    if found["running"]:
        parts.append(f"A run is under way: {clean(json.dumps(found['running']))}")
    rows = [[s, k, *counts.values()] for s, kinds in found["systems"].items() for k, counts in kinds.items()]
    if rows:
        parts += ["", table(["SYSTEM", "KIND", "LINKED", "UNLINKED", "GONE"], rows)]
    joining = [f"{r['system']} {r['stream']}" for r in found["full_reads"] if r["at"] is None]
    if joining:
        parts += ["", f"Not read in full yet, so nothing is written there: {clean(', '.join(joining))}"]
    runs = [
        [
            when(r["started"]),
            r["command"],
            r["outcome"] or "did not end",
            r["writes"],
            fit(clean("; ".join(r["notes"])), LONGEST),
        ]
        for r in found["runs"]
    ]
    if runs:
        parts += ["", table(["STARTED", "COMMAND", "OUTCOME", "WRITES", "NOTES"], runs, width=session.console.width)]
    refused = [
        [r["system"], r["kind"], r["field"], r["count"], fit(clean(r["message"]), LONGEST)] for r in found["refused"]
    ]
    if refused:
        parts += ["", table(["REFUSED BY", "KIND", "FIELD", "COUNT", "WHY"], refused, width=session.console.width)]
    unread = [
        [r["system"], r["kind"], r["field"], r["count"], fit(clean(r["message"]), LONGEST)] for r in found["unreadable"]
    ]
    if unread:
        parts += ["", table(["NOT READABLE IN", "KIND", "FIELD", "COUNT", "WHY"], unread, width=session.console.width)]
    if found["weaker"]:
        where = clean(", ".join(f"{weak['system']} {weak['stream']}" for weak in found["weaker"]))
        parts += ["", f"Weaker in {where}: {WEAKER}; tieline check says more."]
    if found["unsettled"]:
        parts += ["", f"{plural(found['unsettled'], 'write')} of unknown outcome; the next sync settles them first."]
    parts += ["", f"{plural(found['reviews'], 'review')} open."]
    parts.append("Next: tieline review list" if found["reviews"] else "Next: tieline plan")
    return "\n".join(parts)
