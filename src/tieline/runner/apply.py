"""Does what the spool says: intent, strong read, write, confirm; each batch committed as soon as it is known.

An intent with the exact payload is on disk before anything leaves the machine. What is there is read before it is
overwritten; an edit met there is taken in and the order is planned anew. A write whose outcome is unknown is never
sent again: its intent stays open until `settle` has looked.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from typing import Any, NamedTuple

from tieline.engine.merge import digest
from tieline.engine.trees import adrift, confirm, unmerged
from tieline.errors import Broken, ContractViolation, RateLimited, Transient, Unavailable, UserError
from tieline.events import Applied
from tieline.model import Fields, Link, Order, Outcome, Problem, Remote, StreamFacts, Write
from tieline.records import REFERENCES, Kind
from tieline.runner.again import came_back, doubt, maker, moved_on, read_all, said_gone, strayed
from tieline.runner.context import Run, System
from tieline.runner.drive import Job
from tieline.runner.ingest import Ingest
from tieline.runner.space import ToRemote
from tieline.store import Entry, Refusal, Row, Spooled
from tieline.store.forms import encode

Steps = Generator[Job, Any, Any]


class Item(NamedTuple):
    """An order on its way: its payload in the system's own id space, and the link it writes to (None: a create)."""

    order: Spooled
    payload: Fields
    link: Link | None
    version: str


class Batch:
    """One batch of orders of one stream, from reading to confirming."""

    def __init__(self, run: Run, system: System, facts: StreamFacts, orders: Sequence[Spooled]) -> None:
        self.run = run
        self.system = system
        self.facts = facts
        self.orders = orders
        self.kind: Kind = facts.kind
        self.store = run.store
        self.ingest = Ingest(run, system.name, facts)
        self.plain: list[int] = []  # the orders of which the journal has nothing to say but that they were carried out
        self.entries: list[Entry] = []
        self.refusals: list[Refusal] = []
        self.confirmed: list[tuple[Link, int | None]] = []
        self.folds = run.folds
        self.refusable = False  # whether any value was refused before: what is written now may be one
        self.atomic = facts.answers_state and facts.atomic_state
        self.unshared = frozenset(n for n, p in run.rules.policies.get(self.kind, {}).items() if p.name == "none")

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
        ids = [o.remote_id for o in self.orders if o.remote_id is not None]
        links = self.store.trees.linked(self.system.name, self.kind, ids)
        items = []
        for order in self.orders:
            payload, missing = space.fields(order.fields)
            link = links.get(order.remote_id) if order.remote_id is not None else None
            if order.remote_id is not None:
                if link is None or link.record != order.record or link.gone is not None:
                    continue  # merged or deleted since: the next planning sees it
                if unmerged(link, payload):
                    continue  # an edit was taken in since the plan was made: it is planned anew
            if missing and order.op == "create" and any(REFERENCES[self.kind][n] != self.kind for n in missing):
                continue  # its parent could not be made: it waits
            if order.op == "update" and not payload:
                continue
            items.append(Item(order, payload, link, link.version if link is not None else ""))
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
            elif self.ingest.unheard(remote) or _moved(
                remote.fields if item.order.op == "archive" or link.provisional else item.payload,
                remote.fields,
                link.seen,
            ):
                moved.append(remote._replace(version=""))  # read in part: its version must not stand for the whole
            else:
                unmoved.append(item if item.version == remote.version else item._replace(version=remote.version))
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
            self._settle(items, ids, outcomes)
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

    # -- after the write

    def _settle(self, items: Sequence[Item], ids: Sequence[int], outcomes: Sequence[Outcome]) -> None:
        """Every outcome into the trees and the journal; the caller holds the transaction."""
        done: list[str] = []
        again: list[str] = []
        unknown: list[int] = []
        self.refusable = self.store.db.any("rejection")
        now = self.run.ports.clock.now()
        strays = strayed(self.ingest, self.folds, (i.link for i in items if i.link is not None))
        for item, intent, outcome in zip(items, ids, outcomes, strict=True):
            if outcome.status == "ok":
                stray = strays.get(item.link.remote_id) if strays and item.link is not None else None
                news = self._confirmed(item if stray is None else item._replace(link=stray), outcome)
                left_out = len(item.payload) < len(item.order.fields)  # a reference that could not be named yet
                (again if outcome.problems or news or left_out else done).append(item.order.record)
                self.run.moves += 1
            else:
                if outcome.status == "unknown":
                    unknown.append(intent)
                again.append(item.order.record)
                self.run.moves += outcome.status not in ("throttled", "unknown")
                if outcome.status == "rejected" or (outcome.status == "exists" and item.order.op == "link"):
                    self._refused(item, outcome.problems or (Problem(None, "refused without a reason"),))
            self._note(item, outcome, now)
        self.store.trees.confirm(self.confirmed)
        self.store.work.forget(set(ids).difference(unknown))
        self.store.work.unknown(unknown, now)
        self.store.trees.done(done)
        self.store.trees.mark(again)
        self.store.work.refuse(self.refusals)
        self.store.work.journal_orders(self.run.id, self.plain, now)
        self.store.work.journal(self.entries)
        self.refusals, self.plain, self.entries, self.confirmed = [], [], [], []

    def _confirmed(self, item: Item, outcome: Outcome) -> bool:
        """Take a confirmed write into the trees; True when the answer shows an edit that wants planning."""
        order = item.order
        self.run.written[self.system.name, self.kind, order.op] += 1
        if item.link is not None and order.op == "update" and not outcome.problems and not self.refusable:
            return self._updated(item, item.link, outcome.remote)  # the usual case
        if order.op == "archive":
            assert item.link is not None  # an archive always has a remote
            self.store.trees.set_columns(
                self.system.name, self.kind, item.link.remote_id, gone="hub", dirty=0, version=""
            )
            return False
        if order.op == "link":
            assert item.link is not None  # a link always has a remote
            remote_id = self._named(item.link, outcome) if item.link.provisional else item.link.remote_id
            stamped = order.record if self.run.schema(self.system, self.facts.name).stamps else None
            self.store.trees.set_columns(self.system.name, self.kind, remote_id, hub_id=stamped, version="")
            return item.link.provisional
        refused = [p.field for p in outcome.problems if p.field]
        if outcome.problems:
            self._refused(item, outcome.problems)
        if self.refusable:
            self.store.work.accept(order.record, self.system.name, [n for n in item.payload if n not in refused])
        remote = outcome.remote
        if item.link is None:
            return self._created(item, outcome, refused)
        return self._updated(item, item.link, remote, refused)

    def _named(self, link: Link, outcome: Outcome) -> str:
        """A remote has got an id of its own, which is told: from here on it is like any other."""
        told = outcome.remote.id if outcome.remote is not None else outcome.remote_id
        if told is None:
            raise ContractViolation(f"{self.system.name} gave {link.remote_id} an id of its own and does not say which")
        self.ingest.given(link.remote_id, told)
        return told

    def _updated(self, item: Item, link: Link, remote: Remote | None, refused: Sequence[str] = ()) -> bool:
        if remote is not None and self.ingest.unheard(remote):
            remote = remote._replace(version="")  # a merge since the look before: to be read again
        if link.record == item.order.record:
            after = confirm(link, item.payload, remote, refused, atomic=self.atomic)
        else:
            after = adrift(link, {n: v for n, v in item.payload.items() if n not in refused}, remote)
        self.confirmed.append((after, remote.modified if remote is not None else None))
        self.ingest.rekey(link, after)
        return unmerged(after, unshared=self.unshared)

    def _created(self, item: Item, outcome: Outcome, refused: Sequence[str]) -> bool:
        """A link for what was just made: base is what the server says, for every field that was sent."""
        remote = outcome.remote
        remote_id = remote.id if remote is not None else outcome.remote_id
        if remote_id is None:
            raise ContractViolation(f"{self.system.name} said a create is ok and not under which id")
        row = self.ingest.rows([remote_id]).get(remote_id)
        if row is not None and row.record is not None and row.record != item.order.record:
            raise ContractViolation(f"{self.system.name} answered a create with {remote_id}, which is another record's")
        order = item.order
        before = remote.modified - 1 if remote is not None else 0
        empty = Link(self.system.name, self.kind, self.facts.name, remote_id, order.record, {}, {}, modified=before)
        after = confirm(empty, item.payload, remote, refused, atomic=self.atomic)
        stamped = order.record if self.run.schema(self.system, self.facts.name).stamps else None
        self.store.trees.make_way(order.record, self.system.name, remote_id)
        self.store.trees.insert(
            [
                Row(
                    self.system.name, self.kind, remote_id, self.facts.name, order.record, *encode(after), None,
                    after.version, before, remote.modified if remote else 0, None, stamped, 0,
                    row.pulled if row else None, row.state if row else None, row.listed if row else None,
                )
            ]
        )  # fmt: skip
        self.ingest.rekey(empty, after)
        self.store.trees.wake([order.record])
        return unmerged(after, unshared=self.unshared)

    def _refused(self, item: Item, problems: Sequence[Problem]) -> None:
        """Remember what was refused, by value: other fields and other records go on."""
        schema = self.run.schema(self.system, self.facts.name)
        for problem in problems:
            name = problem.field if problem.field in item.order.fields else None
            value = item.order.fields[name] if name is not None else item.order.fields
            if name is None and item.order.op == "link":
                name = "#link"
            facts = schema.fields.get(name or "")
            outdated = facts is not None and facts.choices is not None and value in facts.choices
            self.refusals.append(
                Refusal(item.order.record, self.system.name, self.kind, name or "*", digest(value), problem.code,
                        problem.message, "" if outdated else schema.fingerprint, self.run.id)
            )  # fmt: skip

    def _note(self, item: Item, outcome: Outcome, now: int) -> None:
        order = item.order
        remote_id = outcome.remote.id if outcome.remote else outcome.remote_id or order.remote_id
        if outcome.status == "ok" and not outcome.problems and remote_id == order.remote_id:
            self.plain.append(order.seq)
            return
        note = "; ".join(p.message for p in outcome.problems) if outcome.problems else None
        self.entries.append(
            Entry(self.run.id, now, order.record, self.system.name, self.kind, remote_id,
                  order.op, outcome.status, order.reasons, note)
        )  # fmt: skip

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
                # no base: what is there meets the record as a first link, and nothing is assumed to be our payload
                self.store.trees.adopt([(hub, None, "applied", self.system.name, self.kind, row.remote_id)])
                self.store.trees.mark([hub])
            else:
                taken = f"; it is linked to another record ({owner})" if owner is not None else ""
                message = (
                    f"{self.system.name} already has this {self.kind} as {outcome.remote_id or 'one it does not name'}"
                )
                self._refused(item, (Problem(None, message + taken, "exists"),))
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
