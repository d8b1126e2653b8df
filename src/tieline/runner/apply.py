"""Does what the spool says: intent, strong read, write, confirm; each batch committed as soon as it is known.

An intent with the exact payload is on disk before anything leaves the machine. What is there is read before it is
overwritten; an edit met there is taken in and the order is planned anew. A write whose outcome is unknown is never
sent again: its intent stays open until `settle` has looked.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from typing import Any

from tieline.engine.trees import unmerged
from tieline.errors import Broken, ContractViolation, RateLimited, Transient, Unavailable, UserError
from tieline.events import Applied
from tieline.model import Fields, Order, Outcome, Problem, Remote, StreamFacts, Write
from tieline.records import REFERENCES
from tieline.runner.again import adopted, came_back, doubt, maker, moved_on, read_all, said_gone, strayed
from tieline.runner.confirming import Confirming, Item
from tieline.runner.context import Run, System
from tieline.runner.drive import Job
from tieline.runner.space import ToRemote
from tieline.store import Spooled

Steps = Generator[Job, Any, Any]


class Batch(Confirming):
    """One batch of orders of one stream, from reading to confirming."""

    def __init__(self, run: Run, system: System, facts: StreamFacts, orders: Sequence[Spooled]) -> None:
        super().__init__(run, system, facts)
        self.orders = orders

    def steps(self) -> Steps:
        """Read, intend, write, confirm."""
        items = self._items()
        existing = [i for i in items if i.link is not None]
        if existing and self.facts.strong_read:
            met = yield from self._read(existing)
            strays = strayed(self.ingest, self.folds, (i.link for i in existing if i.link is not None))
            still = [i for i in existing if i.link is not None and i.link.remote_id not in strays]
            items = [i for i in items if i.link is None] + self._unmoved(still, met)
        making = [i.order.record for i in items if i.link is None]
        if making and self.facts.strong_read:
            back = yield from came_back(self.run, self.system, self.kind, making)
            items = [i for i in items if i.link is not None or i.order.record not in back]
        if items:
            yield from self._send(items)

    # -- before the write

    def _items(self) -> list[Item]:
        """The orders with payloads as the system can take them now; what cannot be named there yet waits."""
        space = ToRemote(self.store, self.kind, self.system.name)
        space.prepare(o.fields for o in self.orders)
        usual = self.store.work.targets(self.orders)
        odd = [o.remote_id for o in self.orders if o.remote_id is not None and o.seq not in usual]
        links = self.store.trees.linked(self.system.name, self.kind, odd)
        items = []
        for order in self.orders:
            payload, missing = space.fields(order.fields)
            row, link = usual.get(order.seq) or (0, links.get(order.remote_id or ""))
            if order.remote_id is not None:
                if link is None or link.record != order.record or link.gone is not None:
                    continue  # merged or deleted since: the next planning sees it
                if unmerged(link, payload):
                    continue  # an edit was taken in since the plan was made: it is planned anew
            if missing and order.op == "create" and any(REFERENCES[self.kind][n] != self.kind for n in missing):
                continue  # its parent could not be made: it waits
            if order.op == "update" and not payload:
                continue
            items.append(Item(order, payload, link, link.version if link is not None else "", row))
        return items

    def _read(self, items: Sequence[Item]) -> Generator[Job, Any, dict[str, Remote]]:
        """What is there now, by the id that was asked for: the fields to be written; of what is to end, all its own."""
        names: set[str] = set()
        for item in items:
            names.update(item.payload)
            if item.order.op == "archive" and item.link is not None:
                names |= item.link.seen.keys() - REFERENCES[self.kind].keys()
        links = [i.link for i in items if i.link is not None]
        fields = None if any(n.provisional for n in links) else frozenset(names)
        met: dict[str, Remote] = {}
        for remote in (yield from read_all(self.system, self.facts, [n.remote_id for n in links], fields)):
            met[remote.id] = remote
            for old in remote.aliases:
                met[old] = remote
        return met

    def _unmoved(self, items: Sequence[Item], met: dict[str, Remote]) -> list[Item]:
        """The items whose remote still holds what the plan was made from; what moved is taken in and planned anew."""
        unmoved, moved, gone = [], [], []
        for item in items:
            link = item.link
            assert link is not None  # the caller passes existing ones
            remote = met.get(link.remote_id)
            if remote is None and self.facts.blind and not link.provisional:
                doubt(self.run, self.system, self.facts)
                continue
            if remote is None or remote.gone or remote.id != link.remote_id:
                gone.append((link, remote and remote._replace(version="")))
            elif (remote.aliases and self.ingest.unheard(remote)) or _moved(
                remote.fields if item.order.op == "archive" or link.provisional else item.payload,
                remote.fields,
                link.seen,
            ):
                moved.append(remote._replace(version=""))  # read in part: its version must not stand for the whole
            else:
                unmoved.append(Item(item.order, item.payload, link, remote.version, item.row))
        if moved or gone:
            self.run.moves += 1
            with self.store.atomic(durable=False):
                self.ingest.take(moved)
                for link, remote in gone:
                    if remote is not None and (not remote.gone or remote.merged_into is not None):
                        self.ingest.take([remote])
                    elif link.gone is None:
                        self.ingest.mark_gone(link, when=remote.modified if remote is not None else 0)
            self.run.ports.boundary("ingested")
        return unmoved

    # -- the write

    def _send(self, items: Sequence[Item]) -> Steps:
        now = self.run.ports.clock.now()
        with self.store.atomic():
            ids = self.store.work.intend(self.run.id, [(i.order, i.payload) for i in items], now)
        self.run.ports.boundary("intended")
        writes = [
            Write(i.order.op, i.order.record, i.payload, i.link.remote_id if i.link else None, i.version) for i in items
        ]
        try:
            outcomes: Sequence[Outcome] = yield Job(
                self.system, lambda: self.system.connector.write(self.facts.name, writes)
            )
            if len(outcomes) != len(writes):
                raise ContractViolation(f"{self.system.name} answered {len(outcomes)} outcomes to {len(writes)} writes")
        except (Transient, UserError) as error:
            untouched = isinstance(error, RateLimited) or (isinstance(error, Unavailable) and not error.sent)
            self._undecided(ids, unknown=not untouched)
            raise
        except Broken:
            self._undecided(ids, unknown=True)
            raise
        outcomes = yield from self._completed(items, outcomes)
        with self.store.atomic(durable=False):  # lost with the power, the intents are still there to be settled
            self.settle(items, ids, outcomes)
        self.run.ports.boundary("confirmed")
        self._tell(items, outcomes)
        yield from self._after(items, outcomes)

    def _undecided(self, ids: Sequence[int], *, unknown: bool) -> None:
        with self.store.atomic():
            if unknown:
                self.store.work.unknown(ids, self.run.ports.clock.now())
            else:
                self.store.work.forget(ids)

    def _completed(self, items: Sequence[Item], outcomes: Sequence[Outcome]) -> Generator[Job, Any, Sequence[Outcome]]:
        """Outcomes with the state that the server now holds, read back where its answer does not say it."""
        if self.facts.answers_state or not self.facts.strong_read:
            return outcomes
        blind = {
            o.remote_id or (i.link.remote_id if i.link else ""): n
            for n, (i, o) in enumerate(zip(items, outcomes, strict=True))
            if o.status == "ok" and o.remote is None and (i.order.op in ("create", "update") or _unnamed(i))
        }
        completed = list(outcomes)
        for remote in (yield from read_all(self.system, self.facts, [i for i in blind if i])):
            if remote.id in blind and not remote.gone:
                completed[blind[remote.id]] = completed[blind[remote.id]]._replace(remote=remote)
        return completed

    def _tell(self, items: Sequence[Item], outcomes: Sequence[Outcome]) -> None:
        heard = zip(items, outcomes, strict=True) if self.run.hooks.listens("tieline_applied") else ()
        for item, outcome in heard:
            if outcome.status == "ok":
                o = item.order
                order = Order(o.op, o.system, o.kind, o.stream, o.record, o.remote_id, o.fields, {})
                self.run.hooks.applied(Applied(self.run.id, order, outcome))
        self.run.progress("apply", self.system.name, len(items), None)

    def _after(self, items: Sequence[Item], outcomes: Sequence[Outcome]) -> Steps:
        """What an outcome asks for: on «exists», read what is there and link it, never assume it is ours; on «gone»,
        read whether it was deleted or merged."""
        if all(o.status == "ok" for o in outcomes):
            return
        pairs = list(zip(items, outcomes, strict=True))
        for item, outcome in pairs:
            if outcome.status == "exists" and item.order.op == "create":
                yield from self._exists(item, outcome)
        stale = [o.remote_id or (i.link.remote_id if i.link else "") for i, o in pairs if o.status == "conflict"]
        if any(stale):
            yield from moved_on(self.system, self.ingest, [i for i in stale if i])
        gone = [i.link for i, o in pairs if o.status == "gone" and i.link is not None]
        if gone:
            yield from said_gone(self.system, self.facts, self.ingest, gone)

    def _exists(self, item: Item, outcome: Outcome) -> Steps:
        stream, connector, hub = self.facts.name, self.system.connector, item.order.record
        found: Sequence[Remote] = yield Job(self.system, lambda: connector.find(stream, [hub]))
        if not found and outcome.remote_id is not None:
            named = outcome.remote_id
            found = yield Job(self.system, lambda: connector.read(stream, [named], None))
        alive = [r for r in found if not r.gone]
        with self.store.atomic():
            self.ingest.take(alive)
            row = self.ingest.rows([alive[0].id]).get(alive[0].id) if len(alive) == 1 else None
            owner = None if row is None else row.record or maker(self.run, row, hub)
            if row is not None and owner is None:
                self.store.trees.make_way(hub, self.system.name, row.remote_id)
                # no base: what is there meets the record as a first link, and nothing is assumed to be this payload
                self.store.trees.adopt([(hub, None, "applied", self.system.name, self.kind, row.remote_id)])
                adopted(self.run, row, row.hub_id)
                self.store.trees.mark([hub])
            else:
                taken = f"; it is linked to another record ({owner})" if owner is not None else ""
                message = (
                    f"{self.system.name} already has this {self.kind} as {outcome.remote_id or 'one it does not name'}"
                )
                self.refused(item, (Problem(None, message + taken, "exists"),))
                self.store.work.refuse(self.refusals)
                self.refusals = []


def _unnamed(item: Item) -> bool:
    return item.link is not None and item.link.provisional


def _moved(names: Iterable[str], held: Fields, seen: Fields) -> bool:
    """Whether one of these fields is not what was seen. They are those whose edit stops the write: what it would
    overwrite; for an archive, any at all."""
    for name in names:  # noqa: SIM110 asked of every record: a generator costs as much as the comparison
        if name in held and held[name] != seen.get(name):
            return True
    return False
