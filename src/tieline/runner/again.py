"""Looks again where a write met something else than its plan was made from: moved on, gone, merged, or not readable.

It takes in what is there; what follows from it is for the next planning.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from typing import Any

from tieline.engine.trees import late
from tieline.model import Link, Remote, StreamFacts
from tieline.records import Kind
from tieline.runner.context import Run, System
from tieline.runner.drive import Job
from tieline.runner.ingest import Ingest
from tieline.runner.space import ToHub
from tieline.store import Row
from tieline.store.forms import decode, parts
from tieline.store.trees import Trees

Steps = Generator[Job, Any, None]


def read_all(
    system: System, facts: StreamFacts, ids: Sequence[str], fields: frozenset[str] | None = None
) -> Generator[Job, Any, list[Remote]]:
    """A strong read of any number of ids, in calls of the size that the system takes."""
    found: list[Remote] = []
    for part in parts(ids, facts.read_batch):
        found += yield Job(system, lambda part=part: system.connector.read(facts.name, part, fields))  # type: ignore[misc]
    return found


def moved_on(system: System, ingest: Ingest, ids: Sequence[str]) -> Steps:
    """Remotes whose version was not the one that was expected: read what they hold now."""
    connector, stream = system.connector, ingest.stream
    found: Sequence[Remote] = yield Job(system, lambda: connector.read(stream, ids, None))
    with ingest.run.store.atomic(durable=False):
        ingest.take(found)


def strayed(ingest: Ingest, since: int, links: Iterable[Link]) -> dict[str, Link]:
    """Those of these remotes that stand for another record now, as they are now; `since`: the run's folds until then.

    Two records turned out to be one meanwhile: what was planned for one of them is not what the other is owed.
    """
    if ingest.run.folds == since:
        return {}
    before = {link.remote_id: link.record for link in links}
    now = ingest.trees.linked(ingest.system, ingest.kind, list(before))
    return {i: link for i, link in now.items() if link.record != before[i]}


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
        for row in ingest.rows([i for i in ids if i not in told]).values():
            if row.gone is None:
                ingest.mark_gone(row)


def came_back(run: Run, system: System, kind: Kind, records: Sequence[str]) -> Generator[Job, Any, set[str]]:
    """Those of these records whose remote here was gone and lives again: to be made, it need not be made anew."""
    trees = run.store.trees
    before = trees.buried(system.name, records)
    alive: list[tuple[StreamFacts, list[Remote]]] = []
    for facts in system.streams_of(kind):
        found = yield from read_all(system, facts, [i for stream, i in before.values() if stream == facts.name])
        alive.append((facts, [r for r in found if not r.gone or r.moved_to]))
    if not any(remotes for _, remotes in alive):
        return set()
    run.moves += 1
    with run.store.atomic(durable=False):
        for facts, remotes in alive:
            Ingest(run, system.name, facts).take(remotes)
    return before.keys() - trees.buried(system.name, list(before)).keys()


def traced(
    system: System, facts: StreamFacts, trees: Trees, remotes: Sequence[Remote]
) -> Generator[Job, Any, Sequence[Remote]]:
    """These, with who took over those that are gone since, where the connector can find that out."""
    heirs = getattr(type(system.connector), "heirs", None)
    lost = [r.id for r in remotes if r.gone and r.merged_into is None] if heirs is not None else []
    rows = trees.links(system.name, facts.kind, lost) if lost else {}
    seen = {i: decode(row).seen for i, row in rows.items() if row.gone is None}
    into: dict[str, str] = {}
    for part in parts(list(seen), facts.read_batch):
        asked = {i: seen[i] for i in part}
        into |= yield Job(system, lambda asked=asked: heirs(system.connector, facts.name, asked))  # type: ignore[misc]
    return [r._replace(merged_into=into[r.id]) if r.id in into else r for r in remotes] if into else remotes


def adopted(run: Run, row: Row, maker: str | None) -> None:
    """After a remote was linked: agree on what a create of `maker` brought along that had been given up. It is the
    hub's own word of then; as an edit it would beat what people have written elsewhere since."""
    given_up = run.store.work.given_up(maker, row.system) if maker is not None else []
    if given_up:
        link, space = decode(row), ToHub(run.store, row.kind)
        space.prepare([(row.system, link.seen)])
        fields, unresolved = space.fields(row.system, link.seen)
        run.store.trees.save(late(link, given_up, {n: v for n, v in fields.items() if n not in unresolved}))


def maker(run: Run, row: Row, hub: str) -> str | None:
    """Another record whose create made this remote, as its hub id says: only the answer is not known yet."""
    mine = (i for i in run.store.work.intents() if i.op == "create" and i.system == row.system)
    return next((i.record for i in mine if i.record == row.hub_id != hub), None)


def doubt(run: Run, system: System, facts: StreamFacts) -> None:
    """What is missing may be there and not be readable: the next pull begins a complete listing, which tells."""
    trees = run.store.trees
    cursor = trees.cursor(system.name, facts.name)
    if cursor.listing is None:
        with run.store.atomic(durable=False):
            trees.save_cursor(cursor._replace(listing=run.id, token=None))
