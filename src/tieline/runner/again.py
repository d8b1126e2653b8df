"""Looks again where a write met something else than its plan was made from: moved on, gone, merged, or not readable.

It takes in what is there; what follows from it is for the next planning.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

from tieline.model import Link, Remote, StreamFacts
from tieline.runner.context import Run, System
from tieline.runner.drive import Job
from tieline.runner.ingest import Ingest

Steps = Generator[Job, Any, None]


def moved_on(system: System, ingest: Ingest, ids: Sequence[str]) -> Steps:
    """Remotes whose version was not the one that was expected: read what they hold now."""
    connector, stream = system.connector, ingest.stream
    found: Sequence[Remote] = yield Job(system, lambda: connector.read(stream, ids, None))
    with ingest.run.store.atomic(durable=False):
        ingest.take(found)


def said_gone(system: System, facts: StreamFacts, ingest: Ingest, links: Sequence[Link]) -> Steps:
    """Remotes that a write did not find: merged ones move their links, only what is not there at all was deleted."""
    if facts.blind:
        doubt(ingest.run, system, facts)
        return
    connector, ids = system.connector, [i.remote_id for i in links]
    found: Sequence[Remote] = ()
    if facts.strong_read:
        found = yield Job(system, lambda: connector.read(facts.name, ids, None))
    told = {i for r in found for i in (r.id, *r.aliases)}
    with ingest.run.store.atomic(durable=False):
        ingest.take(found)
        for link in links:
            if link.remote_id not in told:
                ingest.mark_gone(link)


def doubt(run: Run, system: System, facts: StreamFacts) -> None:
    """What is missing may be there and not be readable: the next pull begins a complete listing, which tells."""
    trees = run.store.trees
    cursor = trees.cursor(system.name, facts.name)
    if cursor.listing is None:
        with run.store.atomic(durable=False):
            trees.save_cursor(cursor._replace(listing=f"{run.id}:again"))
