"""Plans every record that wants it: fetches its trees, asks the engine, writes the merge and spools the orders.

All of a plan is one transaction. `plan` undoes it, `sync` commits it before the first write: so a plan that was only
looked at leaves nothing behind, and a crash in it is as if it had never begun.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from tieline.engine.merge import Court, Merged, Side, begin, digest, merge
from tieline.engine.plan import (
    Planned,
    archives,
    doomed,
    folded,
    held_question,
    last_words,
    links,
    owed,
)
from tieline.events import PlannedOrder
from tieline.model import EMPTY, Fields, Link, Order, Question, Record, Schema, StreamFacts
from tieline.records import KINDS, REFERENCES, Cell, Kind
from tieline.runner.acting import Asking
from tieline.runner.context import Run, System
from tieline.runner.joining import alone, join
from tieline.runner.matching import Matching
from tieline.runner.parting import part
from tieline.runner.references import References
from tieline.runner.space import ToHub
from tieline.runner.targets import Targets
from tieline.runner.titles import Titles
from tieline.runner.unnamed import hold, release, told_by
from tieline.store import Entry, Refusal, Row
from tieline.store.forms import decode, dumps, encode_base, problems_of

Stored = Sequence[tuple[Row, Link]]
"""A record's links, as they are stored and in their systems' own id spaces."""
RECORD_TOPICS = ("conflict", "consent", "delete", "foreign", "held", "match", "merge")


def plan(run: Run) -> dict[Kind, str]:
    """Match and plan every kind, parents first. Returns the kinds that must wait for a baseline, and why."""
    run.store.work.clear_spool()
    waiting: dict[Kind, str] = {}
    cursors = run.store.trees.cursors()
    for kind in KINDS:
        joined, missing = run.joined(kind, cursors)
        first = not any(cursors[s.name, f.name].joined for s in joined for f in s.streams_of(kind))
        absent = [s.name for s in missing if s.name not in run.without]
        absent += [
            name
            for name, s in run.configured.items()
            if name not in {*run.systems, *run.without} and s.streams_of(kind)
        ]
        if first and absent:
            waiting[kind] = f"{kind}: the first full read of {', '.join(absent)} is not complete"
            continue
        newly = join(run, kind, joined, cursors)
        Matching(run, kind, alone=alone(run, kind, joined)).match(joined)
        Planning(run, kind, joined, newly).plan()
    return waiting


class Planning:
    """Plans one kind."""

    def __init__(self, run: Run, kind: Kind, joined: Sequence[System], newly: Collection[str] = ()) -> None:
        self.run = run
        self.kind: Kind = kind
        self.store = run.store
        self._asking = Asking(run, kind, newly)
        self.joined = {s.name: s for s in joined}
        self.incomplete = any(s.streams_of(kind) and s.name not in self.joined for s in run.configured.values())
        """A system is left out of this run: what it is owed must be planned again with it."""
        self._streams = {(s.name, f.name) for s in joined for f in s.streams}
        self.blocked = run.store.work.blocked()
        self.policies = run.rules.policies.get(kind, {})
        self.space = ToHub(run.store, kind)
        self._references = References(run, kind, list(self.joined))
        self._targets = Targets(run, kind, self.joined, self.blocked)
        self._titles = Titles(run.store, kind)
        self._vetoed = run.hooks.listens("tieline_plan")
        self._notes = _Notes()
        self._parted: list[tuple[str, str, Sequence[Row]]] = []
        """Records that a person called two after all, what they were merged into, and the remotes that stood apart."""

    def plan(self) -> None:
        """Every record of the kind that wants planning, in chunks."""
        after = ""
        while ids := self.store.trees.dirty(self.kind, after):
            after = ids[-1]
            self._chunk(ids)
            self.run.progress("plan", self.kind, len(ids), None)
        for record, into, stood in self._parted:
            part(self.store, self.kind, record, into, stood)
        self._asking.arm()

    def _chunk(self, ids: Sequence[str]) -> None:
        if self._references.full:  # memory stays flat, whatever is referred to
            self._references = References(self.run, self.kind, list(self.joined))
            self.space = ToHub(self.store, self.kind)
        records = self.store.trees.records(ids)
        rows = self.store.trees.of_records(ids)
        stored = {i: [(r, decode(r)) for r in rows.get(i, ())] for i in ids}
        self.space.prepare((k.system, c) for s in stored.values() for _, k in s for c in (k.seen, k.base, k.sent))
        refusals = self.store.work.refusals(ids)
        court = Court(self.policies, self.store.book.decisions(ids), self.run.rules.skew_ms, self.run.order)
        questioned = self.store.book.questioned(ids)
        self._asking.prepare(ids)
        self._references.prepare([r.fields for r, _, _ in records.values()], self.space.news)
        planned: list[tuple[int, int, str]] = []
        self._titles.prepare(r.fields for r, _, _ in records.values())
        for record_id in ids:
            record, state, into = records[record_id]
            record = self._references.current(record)
            here = stored[record_id]
            sides = [self._side(row, link, refusals) for row, link in here if (row.system, row.stream) in self._streams]
            if state == "folded":
                left = self._folded(record, into or "", sides, court, here)
                apart = bool(self._parted) and self._parted[-1][0] == record_id  # alive again, to be planned as such
                planned.append((int(apart), len(left), record_id))
                continue
            dirty, due = self._record(record, sides, court, refusals, record_id in questioned, here)
            planned.append((dirty, due, record_id))
        self._flush()
        self.store.trees.planned(planned)

    # -- one record

    def _side(self, row: Row, link: Link, refusals: Mapping[tuple[str, str], Mapping[str, str]]) -> Side:
        seen, unresolved = self.space.fields(row.system, link.seen)
        if link.base is link.seen:
            base = seen
        elif link.base:
            base, _ = self.space.fields(row.system, link.base)
        else:
            base = EMPTY
        sent, _ = self.space.fields(row.system, link.sent) if link.sent else (link.sent, None)
        if row.problems:
            unresolved = unresolved | {p.field for p in problems_of(row) if p.field}
        system = self.joined[row.system]
        moved = seen is not link.seen or base is not link.base or sent is not link.sent
        return Side(
            link._replace(seen=seen, base=base, sent=sent) if moved else link,
            self.run.rules_of(row.system, self.kind),
            self.run.schema(system, row.stream).fields,
            frozenset(unresolved),
            (row.record or "", row.system) in self.blocked,
            refusals.get((row.record or "", row.system), {}),
            system.defaults.get(row.stream, EMPTY),
        )

    def _record(
        self,
        record: Record,
        sides: list[Side],
        court: Court,
        refusals: Mapping[tuple[str, str], Mapping[str, str]],
        questioned: bool,
        stored: Stored,
    ) -> tuple[int, int]:
        later = False
        held = [s for s in sides if s.link.provisional]
        solid = [s for s in sides if not s.link.provisional] if held else sides
        ended, questions = doomed(record, solid, court)
        merged = last_words(record, solid) if ended or not record.alive else self._merged(record, solid, court)
        if ended and record.alive:
            self.store.trees.set_state(record.id, "dead")
            self.store.work.forgive(record.id)
        if ended or not record.alive:
            cause = next((s for s in solid if s.link.gone == "user" and s.rules.delete != "ignore"), None)
            able = [s for s in solid if self._facts(s).archives]
            planned = Planned(orders=archives(record, able, cause))
            release(self.store, held)
            sides = solid
        else:
            linked = {link.system for _, link in stored if link.gone in (None, "user")}
            targets, twins = self._targets.of(record, merged, sides, linked, refusals, court)
            self._references.asking = record.id
            planned = owed(record, merged, solid, targets, court, self._references.asker)
            planned.orders += links(record, sides, self._stamping(sides))
            hold(self.run, held, planned)
            questions += twins
            said, asking = merged.fields, [s.link.system for s in sides]
            acts, later = self._asking.orders(record, said or told_by(held), asking, refusals, self._references.asker)
            planned.orders += acts if said else []
        self._note_missing(record, planned)
        orders, held_back = self._let_pass(record, planned, court)
        self._ask(record, [*merged.questions, *questions, *held_back], questioned)
        self._write(record, merged, sides, planned, stored)
        self._spool(record, merged.fields or told_by(held), orders)
        waits = later or self.incomplete or bool(planned.waiting) or any(s.unresolved or s.blocked for s in sides)
        widened = bool(questions) and any(o.op == "create" for o in orders)  # an open question must name who comes
        return int(waits or widened), len(orders)

    @staticmethod
    def _merged(record: Record, sides: Sequence[Side], court: Court) -> Merged:
        """What the edits come to; a record that was blank so far takes its first word from its first remote."""
        blank = not record.fields and not record.stamps
        return (begin if blank and any(s.link.gone is None for s in sides) else merge)(record, sides, court)

    def _facts(self, side: Side) -> StreamFacts:
        return self.joined[side.link.system].connector.facts.stream(side.link.stream)

    def _note_missing(self, record: Record, planned: Planned) -> None:
        """A create that lacks what a system requires is a refusal like any other: counted, asked about, tried again."""
        if not planned.rejected:
            return
        self.store.work.refuse(
            Refusal(record.id, system, self.kind, problem.field or "*", digest(None), problem.code, problem.message,
                    self._home_schema(system).fingerprint, self.run.id)
            for system, problems in planned.rejected.items()
            for problem in problems
            if problem.code in ("required", "unclearable")
        )  # fmt: skip

    def _home_schema(self, system: str) -> Schema:
        home = self.joined[system].home_of(self.kind)
        assert home is not None  # who lacks something is to be made there
        return self.run.schema(self.joined[system], home.name)

    def _folded(self, record: Record, into: str, sides: Sequence[Side], court: Court, stored: Stored) -> list[Order]:
        """What is left of a record that was merged into another: links that must not stand beside the winner's."""
        held, sides = [s for s in sides if s.link.provisional], [s for s in sides if not s.link.provisional]
        release(self.store, held)
        orders, questions, apart = folded(record, into, sides, court)
        if apart:
            self.store.trees.set_state(record.id, "alive")
            self._parted.append((record.id, into, [row for row, link in stored if link.gone is None]))
        self._ask(record, questions, True)
        if orders:
            self._write(record, last_words(record, sides), sides, Planned(), stored)
        self._spool(record, record.fields, orders)
        return orders

    def _stamping(self, sides: Sequence[Side]) -> frozenset[str]:
        return frozenset(
            s.link.system for s in sides if self.run.schema(self.joined[s.link.system], s.link.stream).stamps
        )

    # -- writing it down

    def _ask(self, record: Record, questions: Sequence[Question], questioned: bool) -> None:
        now = self.run.ports.clock.now()
        for question in (self._titles.named(record, q) for q in questions):
            if not self.store.book.ask(question, self.run.id, now) and question.topic == "delete":
                self.store.book.refresh(question)  # who came since would be archived as well: it must say so
        if questioned:
            self.store.book.close_stale(record.id, [q.key for q in questions], RECORD_TOPICS)

    def _let_pass(self, record: Record, planned: Planned, court: Court) -> tuple[list[Order], list[Question]]:
        """The orders that no plugin drops or holds, and the questions about those held."""
        if not self._vetoed:
            return planned.orders, []
        passed: list[Order] = []
        held: list[Question] = []
        for order in planned.orders:
            verdict = self.run.hooks.plan(PlannedOrder(self.run.id, order))
            if verdict is not None and verdict.action == "hold":
                question = held_question(record, order, verdict.reason)
                answer = court.decisions.get(question.key)
                if answer is not None and answer.answer == "accepted":
                    verdict = None
                elif answer is None:
                    held.append(question)
            if verdict is None:
                passed.append(order)
            else:
                planned.waiting[order.system] = verdict.reason
        return passed, held

    def _write(self, record: Record, merged: Merged, sides: Sequence[Side], planned: Planned, stored: Stored) -> None:
        """The merged record, the advanced bases, the journal of both."""
        if merged.fields != record.fields or merged.stamps != record.stamps:
            fields = self._references.kept(record, merged.fields, self._named(merged, stored))
            self._notes.records.append((dumps(fields), dumps(merged.stamps), record.id))
        now = self.run.ports.clock.now()
        if merged.changes:
            self._journal(record, "merge", "ok", {n: list(c) for n, c in merged.changes.items()}, now)
        for conflict in merged.conflicts:
            lost_system, lost_value = conflict.lost
            change = {conflict.field: [lost_value, conflict.kept[1], conflict.kept[0], conflict.policy]}
            self._journal(record, "conflict", "lost", change, now, lost_system)
        trees = {row.system: (row, link) for row, link in stored}
        elsewhere = self._elsewhere(planned, trees)
        for side in sides:
            self._advance(side, merged, planned, *trees[side.link.system], elsewhere)

    def _named(self, merged: Merged, stored: Stored) -> dict[str, dict[str, str]]:
        """Per reference that was changed, the merged records that whoever changed it really names."""
        seen = {row.system: link.seen for row, link in stored}
        changed = {n: seen.get(str(merged.stamps[n][0]), EMPTY) for n in REFERENCES[self.kind] if n in merged.changes}
        return {n: self.space.named(str(merged.stamps[n][0]), n, cells.get(n)) for n, cells in changed.items()}

    def _elsewhere(self, planned: Planned, linked: Mapping[str, object]) -> str:
        """What keeps the record out of a system that should hold it, as the end state of those that do; "": nothing."""
        if planned.rejected and planned.rejected.keys() - linked.keys():
            return "rejected"
        return "waiting" if planned.waiting and planned.waiting.keys() - linked.keys() else ""

    def _advance(self, side: Side, merged: Merged, planned: Planned, row: Row, link: Link, elsewhere: str) -> None:
        """Merging sets base := seen, for the fields that were agreed in this system. `link` is in its own id space."""
        system = side.link.system
        agreed = merged.agreed.get(system, set()) | self._same_target(side, link)
        state = self._end_state(side, merged, planned, agreed, elsewhere)
        if state == "unchanged" and row.pulled == self.run.id and row.state == "applied":
            state = "applied"  # it was linked in this very run
        if not agreed:
            if row.pulled == self.run.id and row.state != state and row.gone is None:
                self._notes.states.append((state, system, self.kind, row.remote_id))
            return
        base = {**link.base, **{n: link.seen[n] for n in agreed}}
        times = {n: t for n, t in link.times.items() if n not in agreed}
        same = merged.same.get(system, {})
        sent = {n: v for n, v in link.sent.items() if n not in agreed}
        sent.update({n: v for n, v in same.items() if n not in REFERENCES[self.kind]})
        self._notes.agreed.append(
            (
                encode_base(link.seen, base),
                dumps(times) if times else None,
                dumps(sent) if sent else None,
                state if row.gone is None else row.state,
                system,
                self.kind,
                row.remote_id,
            )
        )

    def _same_target(self, side: Side, raw: Link) -> set[str]:
        """References re-pointed there that mean whom they meant: an old id and the new one of one record."""
        if raw.base is raw.seen or not raw.base:
            return set()
        seen, base = side.link.seen, side.link.base
        names = [n for n in REFERENCES[self.kind] if n in raw.base and n in raw.seen and raw.seen[n] != raw.base[n]]
        return {n for n in names if n not in side.unresolved and n in base and seen[n] == base[n]}

    def _end_state(self, side: Side, merged: Merged, planned: Planned, agreed: set[str], elsewhere: str) -> str:
        system = side.link.system
        if any(system in systems for systems in merged.held.values()):
            return "review"
        if (side.unresolved and side.unresolved & REFERENCES[self.kind].keys()) or system in planned.waiting:
            return "waiting"
        if system in planned.rejected or side.unresolved:
            return "rejected"
        return elsewhere or ("applied" if agreed else "unchanged")

    def _journal(
        self, record: Record, op: str, outcome: str, changes: Mapping[str, Cell], now: int, system: str = ""
    ) -> None:
        self._notes.journal.append(
            Entry(self.run.id, now, record.id, system, self.kind, None, op, outcome, dumps(changes), None)
        )

    def _spool(self, record: Record, fields: Fields, orders: Sequence[Order]) -> None:
        if orders:
            name = self._titles.of(record.id, fields)
            self._notes.orders += [(o, name, sum(v is None for v in o.fields.values())) for o in orders]

    def _flush(self) -> None:
        """Write down what a chunk came to: nothing of it is read before the next one."""
        notes, self._notes = self._notes, _Notes()
        self._asking.flush()
        self.store.trees.save_records(notes.records)
        self.store.trees.set_states(notes.states)
        self.store.trees.agree(notes.agreed)
        self.store.work.journal(notes.journal)
        self.store.work.spool(notes.orders)
        self.store.trees.await_targets(self._references.awaited)
        self._references.awaited.clear()


@dataclass(slots=True)
class _Notes:
    """What is to be written at the end of a chunk, as the store takes it."""

    records: list[tuple[str, str, str]] = field(default_factory=list)
    states: list[tuple[str, str, Kind, str]] = field(default_factory=list)
    agreed: list[tuple[str | None, str | None, str | None, str | None, str, Kind, str]] = field(default_factory=list)
    journal: list[Entry] = field(default_factory=list)
    orders: list[tuple[Order, str, int]] = field(default_factory=list)


__all__ = ["Planning", "plan"]
