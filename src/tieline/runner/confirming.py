"""Takes the outcomes of a batch of writes into the trees and the journal; sends and reads nothing.

The caller holds the transaction. Mostly an update ends with what was seen before and what was sent, and nothing else:
that is told at a glance, and everything else field by field.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tieline.engine.merge import digest
from tieline.engine.trees import adrift, as_sent, confirm, unmerged
from tieline.errors import ContractViolation
from tieline.model import Fields, Link, Outcome, Problem, Remote, StreamFacts
from tieline.records import ENDS, Kind
from tieline.runner.again import strayed
from tieline.runner.context import Run, System
from tieline.runner.ingest import Ingest
from tieline.store import Entry, Refusal, Row, Spooled
from tieline.store.forms import encode, encoded
from tieline.store.trees import Confirmed, Placed


class Item(NamedTuple):
    """An order on its way: its payload in the system's own id space, and the link it writes to (None: a create)."""

    order: Spooled
    payload: Fields
    link: Link | None
    version: str
    row: int
    """The number of the link's row, of a usual link (see `Work.targets`); else 0."""


class Confirming:
    """What became of the orders of one batch."""

    def __init__(self, run: Run, system: System, facts: StreamFacts) -> None:
        self.run = run
        self.system = system
        self.facts = facts
        self.kind: Kind = facts.kind
        self.store = run.store
        self.ingest = Ingest(run, system.name, facts)
        self.plain: list[int] = []  # the orders of which the journal has nothing to say but that they were carried out
        self.entries: list[Entry] = []
        self.refusals: list[Refusal] = []
        self.confirmed: list[Confirmed] = []
        self.placed: list[Placed] = []
        self.folds = run.folds
        self.refusable = False  # whether any value was refused before: what is written now may be one
        self.atomic = facts.answers_state and facts.atomic_state
        self.unshared = frozenset(n for n, p in run.rules.policies.get(self.kind, {}).items() if p.name == "none")
        self.keying = frozenset((*self.ingest.key_fields, *ENDS.get(self.kind, ())))

    def settle(self, items: Sequence[Item], ids: Sequence[int], outcomes: Sequence[Outcome]) -> None:
        """Every outcome into the trees and the journal; the caller holds the transaction."""
        done: list[str] = []
        again: list[str] = []
        unknown: list[int] = []
        self.refusable = self.store.db.any("rejection")
        now = self.run.ports.clock.now()
        strays = strayed(self.ingest, self.folds, (i.link for i in items if i.link is not None))
        for item, intent, outcome in zip(items, ids, outcomes, strict=True):
            if not strays and self._as_sent(item, outcome):
                done.append(item.order.record)
                continue
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
                    self.refused(item, outcome.problems or (Problem(None, "refused without a reason"),))
            self._note(item, outcome, now)
        if self.placed:
            self.run.written[self.system.name, self.kind, "update"] += len(self.placed)
            self.run.moves += len(self.placed)
        self.store.trees.confirm(self.confirmed)
        self.store.trees.confirm_placed(self.placed)
        self.store.work.forget(set(ids).difference(unknown))
        self.store.work.unknown(unknown, now)
        self.store.trees.done(done)
        self.store.trees.mark(again)
        self.store.work.refuse(self.refusals)
        self.store.work.journal_orders(self.run.id, self.plain, now)
        self.store.work.journal(self.entries)
        self.refusals, self.plain, self.entries, self.confirmed, self.placed = [], [], [], [], []

    def _as_sent(self, item: Item, outcome: Outcome) -> bool:
        """Take the usual outcome into the trees: an update that was taken just as it was sent, while nothing else was
        edited. False: it is another, and nothing was done. What is done is what `_updated` comes to."""
        order, link, remote = item.order, item.link, outcome.remote
        if order.op != "update" or link is None or remote is None or remote.aliases or remote.id != link.remote_id:
            return False
        if outcome.status != "ok" or outcome.problems or self.refusable or not self.atomic or not item.row:
            return False
        payload = item.payload
        if link.record != order.record or len(payload) < len(order.fields) or not self.keying.isdisjoint(payload):
            return False
        seen = as_sent(link, payload, remote.fields, self.unshared)
        if seen is None:
            return False
        version = remote.version if len(remote.fields) == len(seen) else ""
        name, (text, base) = self.system.name, encoded(seen, link.base)
        self.placed.append((text, base, version, remote.modified, item.row, name, self.kind, link.remote_id))
        self.plain.append(order.seq)
        return True

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
            self.refused(item, outcome.problems)
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
        own = self.system.name, self.kind, after.remote_id
        self.confirmed.append((*encode(after), after.version, remote.modified if remote is not None else None, *own))
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

    def refused(self, item: Item, problems: Sequence[Problem]) -> None:
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
