"""Links what was read: every unlinked remote becomes part of a record, a record of its own, or a question.

Runs inside the planning transaction. It fetches what `engine.match` judges by, and writes down the verdict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic_core import from_json

from tieline.engine.groups import Groups, Member, Near, crowd_question
from tieline.engine.lost import likeness
from tieline.engine.match import Match, choices, keys_of, pair_of, propose, question
from tieline.engine.plan import delete_key
from tieline.model import Decision, Fields, Question
from tieline.records import ENDS, REFERENCES, Kind
from tieline.runner.again import adopted
from tieline.runner.context import Run, System
from tieline.runner.space import ToHub, renamed
from tieline.store import Entry, Intent, Row
from tieline.store.forms import decode, dumps, lacking, loads


class Matching:
    """Matches one kind over the systems that have joined it."""

    def __init__(self, run: Run, kind: Kind, *, alone: bool = False) -> None:
        self.run = run
        self.alone = alone
        """Nobody can be owed anything of a record that is made here: it is planned already."""
        self.kind: Kind = kind
        self.store = run.store
        self.keys = run.rules.match.get(kind, ())
        policies = run.rules.policies.get(kind, {})
        self.unshared = frozenset(n for n, p in policies.items() if p.name == "none")
        self.assigned: dict[tuple[str, str], str] = {}
        """What this chunk has given a record so far: (system, remote id) → record."""
        self.places: dict[tuple[str, str], str] = {}
        """The same, by (system, record)."""
        self.ending: set[str] = set()
        """Records near this chunk that are to be archived: who is new is not linked to them, to be archived along."""
        self.pairs: list[tuple[Row, Member]] = []
        self.crowds: dict[str, str] = {}
        """What was found about crowds of equals, by the key of their question; see `_crowd`."""
        self.lost = [i for i in run.store.work.intents() if i.op == "create" and i.kind == kind]
        """Creates whose answer is still unknown: what may be one of them is left to `settle`."""

    def match(self, joined: Sequence[System]) -> None:
        """Every live, unlinked remote of the joined systems, in the order of the configuration."""
        for system in joined:
            rows, after = self.store.trees.unmatched(self.kind, system.name)
            while rows:
                self._chunk(system, rows)
                self.run.progress("match", system.name, len(rows), None)
                rows, after = self.store.trees.unmatched(self.kind, system.name, after)
        if self.store.db.any("review"):
            self._close_crowds({s.name for s in joined})

    def _chunk(self, system: System, rows: Sequence[Row]) -> None:
        self.assigned, self.places = {}, {}
        seen: list[Fields] = [loads(r.seen) for r in rows]
        space = ToHub(self.store, self.kind)
        space.prepare((r.system, s) for r, s in zip(rows, seen, strict=True))
        keyed = [keys_of(self.kind, s, self.keys) for s in seen]
        if self.kind in ENDS:
            keyed = self._pairs_of(system, rows, seen, space)
        groups = self._groups(system.name, [k for keys in keyed for k in keys])
        answers = self.store.book.match_decisions(system.name, [r.remote_id for r in rows])
        stamped = self._stamped(rows)
        new: list[tuple[Row, Fields, Fields, set[str]]] = []
        wanted = system.filters.get(self.kind)
        for row, fields_there, keys in zip(rows, seen, keyed, strict=True):
            if (row.system, row.stream) in self.run.behind:
                continue
            fields, unresolved = space.fields(row.system, fields_there)
            if wanted is not None and not wanted(fields):
                self._park(row, "filtered")
                continue
            if self.kind in ENDS and not keys:
                continue  # not all of whom it joins is known: looked at again
            if self.lost and any(self._maybe_ours(system, i, row, fields_there) for i in self.lost):
                continue
            if row.hub_id is None and groups.members.keys().isdisjoint(
                keys
            ):  # nobody shares a key with it: the usual case
                new.append((row, fields_there, fields, unresolved))
                self._assign(row, self._fresh_id(row, stamped))
                continue
            me = Member(row.system, row.remote_id, None, fields)
            record, holders = self._by_stamp(row, stamped)
            if record is None or holders:
                verdict = propose(self.kind, me, keys, groups) if keys and not holders else Match()
                if verdict.crowd is not None:
                    how = self._crowd(me, verdict.crowd)
                    if how == "open":
                        continue
                    single = groups.others(me, verdict.crowd) if how == "accepted" else ()
                    verdict = Match(rivals=single, key=verdict.key)
                if holders:  # a copy, or one that came back after it was replaced
                    verdict, record = Match(rivals=holders, key=f"hub id:{row.hub_id}"), None
                record = verdict.record if verdict.record not in self.ending else None
                if record is not None and not self._free(record, row):  # it is somebody else here already
                    near = groups.near(verdict.key, me.fields)
                    holders = tuple(m for m in groups.others(me, near) if m.record == record)
                    verdict = Match(rivals=holders, key=verdict.key)
                if verdict.rivals:
                    record, ask = self._answered(me, row, verdict, answers)
                    if ask:
                        continue
            if record is not None:
                self._link(row, record)
            else:
                new.append((row, fields_there, fields, unresolved))
                self._assign(row, self._fresh_id(row, stamped))
        self._adopt(new, space)
        self._pair()

    def _assign(self, row: Row, record: str) -> None:
        self.assigned[row.system, row.remote_id] = record
        self.places[row.system, record] = row.remote_id

    def _groups(self, system: str, keys: Sequence[str]) -> Groups:
        """Per key, everything alive that has it, in hub space; keys that only one remote has are left out."""
        groups: dict[str, list[Member]] = {}
        space = ToHub(self.store, self.kind)
        shared = self.store.trees.crowded(self.kind, list(dict.fromkeys(keys)))
        self.ending = self._ending(system, list({r for found in shared.values() for _, _, r, _ in found if r}))
        parsed = {(s, i): loads(text) for found in shared.values() for s, i, _, text in found}
        space.prepare((s, fields) for (s, _), fields in parsed.items())
        for key, found in shared.items():
            members = [
                Member(s, i, self.assigned.get((s, i), record), space.fields(s, parsed[s, i])[0])
                for s, i, record, _ in found
            ]
            if self.kind in ENDS:  # a key may be one of whom it joined before
                members = [m for m in members if pair_of(self.kind, m.fields) == [key]]
            if len(members) > 1 or self.kind not in ENDS:
                groups[key] = members
        return Groups(self.kind, groups, self.assigned)

    def _pairs_of(self, system: System, rows: Sequence[Row], seen: Sequence[Fields], space: ToHub) -> list[list[str]]:
        """The keys of relations, made now that whom they join is known, and kept. Where one of those is filtered out,
        so is the relation, for as long as that holds."""
        found: list[list[str]] = []
        apart: dict[tuple[Kind, str], list[str]] = {}
        for row, there in zip(rows, seen, strict=True):
            found.append(pair_of(self.kind, space.fields(system.name, there)[0]))
            for name in ENDS[self.kind] if not found[-1] and system.filters else ():
                if there.get(name):
                    apart.setdefault((REFERENCES[self.kind][name], str(there[name])), []).append(row.remote_id)
        pairs = [(key, row.remote_id) for row, keys in zip(rows, found, strict=True) for key in keys]
        self.store.trees.set_keys(system.name, self.kind, pairs)
        for kind in {kind for kind, _ in apart if kind in system.filters}:
            ids = [i for k, i in apart if k == kind]
            for i, end in self.store.trees.links(system.name, kind, ids).items():
                for remote_id in apart[kind, i] if end.state == "filtered" else ():
                    self.store.trees.set_columns(system.name, self.kind, remote_id, state="filtered")
        return found

    def _ending(self, system: str, records: Sequence[str]) -> set[str]:
        """Those of these records that are to be archived. Who was deleted in `system` itself is replaced there."""
        ending = self.store.trees.dead(records)
        for row in self.store.trees.binned(records):
            policy = self.run.rules_of(row.system, self.kind).delete
            told = policy == "archive" or (
                policy == "review" and self.store.book.state_of(delete_key(row.record or "", decode(row))) == "accepted"
            )
            if told and row.system != system:
                ending.add(row.record or "")
        return ending

    def _crowd(self, me: Member, near: Near) -> str:
        """What a person says about a crowd of equals: open, accepted (ask about each), rejected (each its own)."""
        ask = crowd_question(self.kind, near, {m.system for m in near.members if m.record is None})
        how = self.crowds.get(ask.key)
        if how is None:
            how = self.crowds[ask.key] = self._crowd_answer(ask)
        if how == "open":
            self.store.book.close_match(me.system, me.remote_id)
            self.store.trees.set_columns(me.system, self.kind, me.remote_id, state="review")
        return how

    def _crowd_answer(self, ask: Question) -> str:
        answer = self.store.book.decision(ask.key)
        if answer is not None:
            # asking about each harms nobody who came since; giving each a record could make a twin
            if answer.answer == "accepted" or answer.detail["members"] == ask.detail["members"]:
                return answer.answer
            self.store.book.spend(ask.key)
        self.store.book.ask(ask, self.run.id, self.run.ports.clock.now())
        self.store.book.refresh(ask)
        return "open"

    def _close_crowds(self, joined: set[str]) -> None:
        """Crowds that are none any more; where a system is left out nobody can tell."""
        for key, detail in self.store.book.crowds(self.kind):
            if self.crowds.get(key) != "open" and joined.issuperset(detail["waiting"]):
                self.store.book.spend(key)

    def _stamped(self, rows: Sequence[Row]) -> Mapping[str, tuple[Kind, str, str | None]]:
        ids = [r.hub_id for r in rows if r.hub_id]
        return (
            {i: (rec.kind, state, into) for i, (rec, state, into) in self.store.trees.records(ids).items()}
            if ids
            else {}
        )

    def _by_stamp(
        self, row: Row, stamped: Mapping[str, tuple[Kind, str, str | None]]
    ) -> tuple[str | None, tuple[Member, ...]]:
        """The record whose id the remote carries: a fact, not a guess. With it, who holds its place here already."""
        if row.hub_id is None or row.hub_id not in stamped:
            return None, ()
        kind, state, into = stamped[row.hub_id]
        if kind != self.kind or state == "dead":
            return None, ()
        record = into if state == "folded" and into else row.hub_id
        if self._free(record, row):
            return record, ()
        linked = self.store.trees.of_records([record]).get(record, [])
        held = [(r.system, r.remote_id) for r in linked if r.system == row.system and r.remote_id != row.remote_id]
        if (row.system, record) in self.places:
            held.append((row.system, self.places[row.system, record]))
        return record, tuple(Member(s, i, record, {}) for s, i in dict.fromkeys(held))

    def _free(self, record: str, row: Row) -> bool:
        """Whether the record has no other live link in this system; one that is gone makes way."""
        here = [r for r in self.store.trees.of_records([record]).get(record, []) if r.system == row.system]
        if any(r.gone is None and r.remote_id != row.remote_id for r in here):
            return False
        if self.places.get((row.system, record), row.remote_id) != row.remote_id:
            return False
        self.store.trees.make_way(record, row.system, row.remote_id)
        return True

    def _fresh_id(self, row: Row, stamped: Mapping[str, tuple[Kind, str, str | None]]) -> str:
        """A new hub id; a stamp that this store has forgotten is taken up again."""
        if row.hub_id is not None and row.hub_id not in stamped and (row.system, row.hub_id) not in self.places:
            return row.hub_id
        return self.run.ports.ids.new(self.run.ports.clock.now())

    def _answered(
        self, me: Member, row: Row, verdict: Match, answers: Mapping[str, Decision]
    ) -> tuple[str | None, bool]:
        """A person's answer to an ambiguous match, or the question: (record, still to ask)."""
        ask = question(self.kind, me, verdict)
        answer = answers.get(ask.key)
        if answer is not None and answer.answer == "rejected":
            return None, False
        if answer is not None:
            chosen = self._chosen(me, verdict, answer)
            same = chosen.record if chosen is not None and chosen.record not in self.ending else None
            if same is not None and self._free(same, row):
                return same, False
            if chosen is not None and chosen.record is None:  # both start one record together
                self.pairs.append((row, chosen))
                return None, False
            self.store.book.spend(ask.key)  # the answer names nothing that can be linked: the question stands
        now = self.run.ports.clock.now()
        self.store.book.close_match(me.system, me.remote_id, ask.key)
        self.store.book.ask(ask, self.run.id, now)
        self.store.trees.set_columns(me.system, self.kind, me.remote_id, state="review")
        return None, True

    @staticmethod
    def _chosen(me: Member, verdict: Match, answer: Decision) -> Member | None:
        """Whom a person said it is the same as; None when the answer leaves that open."""
        named = choices(me, verdict)
        wanted = answer.choice if answer.choice is not None else named[0] if len(named) == 1 else None
        return next((m for m in verdict.rivals if f"{m.system}:{m.remote_id}" == wanted in named), None)

    def _pair(self) -> None:
        """Link those that a person called the same as one that had no record either."""
        for row, other in self.pairs:
            record = self.assigned[row.system, row.remote_id]
            rival = self.store.trees.links(other.system, self.kind, [other.remote_id]).get(other.remote_id)
            if rival is not None and rival.record is None and rival.gone is None and self._free(record, rival):
                self._link(rival, record)
        self.pairs = []

    def _park(self, row: Row, state: str) -> None:
        self.store.trees.set_columns(row.system, row.kind, row.remote_id, state=state, dirty=int(state == "review"))

    def _link(self, row: Row, record: str) -> None:
        state = "waiting" if row.provisional else "applied"
        self.store.trees.adopt([(record, None, state, row.system, row.kind, row.remote_id)])
        adopted(self.run, row, row.hub_id)
        self._restamp(row, record)
        self.store.trees.wake([record])
        self.store.trees.mark([record])
        self.store.book.close_match(row.system, row.remote_id)
        self._assign(row, record)
        self._journal([(row, record, "link", None)])

    def _maybe_ours(self, system: System, intent: Intent, row: Row, seen: Fields) -> bool:
        """Whether a remote may be what an open create made: by its hub id; without a field for that, by its values."""
        if intent.system != row.system or row.provisional:
            return False
        if row.hub_id is not None:
            return row.hub_id == intent.record
        found = likeness(self.kind, intent.payload, seen)
        return found == "ours" or (found == "maybe" and not self.run.schema(system, row.stream).stamps)

    def _restamp(self, row: Row, record: str) -> None:
        """A remote that carries another record's id is to carry this one's."""
        if row.hub_id is not None and row.hub_id != record:
            self.store.trees.set_columns(row.system, row.kind, row.remote_id, hub_id=None)

    def _adopt(self, new: Sequence[tuple[Row, Fields, Fields, set[str]]], space: ToHub) -> None:
        """Records of their own: the first values are what this system holds, and that is agreed at once.

        Each with its cells in the system's own id space and in the hub's, and the references that have no target yet.
        A remote without an id of its own says nothing yet: its record is blank.
        """
        records: list[tuple[str, Kind, str, str, int]] = []
        links: list[tuple[str, str | None, str, str, Kind, str]] = []
        entries: list[tuple[Row, str, str, str | None]] = []
        asked_before = self.store.db.any("review")
        names = {system: dumps(system) for system in {row.system for row, *_ in new}}
        bases: dict[tuple[str, ...], str] = {}
        for row, fields_there, fields, unresolved in new:
            record = self.assigned[row.system, row.remote_id]
            self._restamp(row, record)
            if asked_before:
                self.store.book.close_match(row.system, row.remote_id)
            if row.provisional:
                records.append((record, self.kind, "{}", "{}", 1))
                links.append((record, None, "waiting", row.system, row.kind, row.remote_id))
                entries.append((row, record, "adopt", "{}"))
                continue
            skip = self.unshared | unresolved if unresolved else self.unshared
            held = {n: v for n, v in fields.items() if v is not None and n not in skip}
            for name in space.references.keys() & held.keys() if space.merged else ():  # whom it names, merged or not
                named = space.named(row.system, name, fields_there[name])
                held[name] = renamed(held[name], {hub: (own,) for hub, own in named.items()}) if named else held[name]
            text = dumps(held)
            stamps = f'{{"*":[{names[row.system]},{row.modified}]}}'
            if row.times:
                times = {n: (row.system, t) for n, t in from_json(row.times).items()}
                stamps = dumps({"*": (row.system, row.modified), **times})
            dirty = int(not self.alone or bool(unresolved) or row.problems is not None)
            records.append((record, self.kind, text, stamps, dirty))
            shape = (*fields_there, *unresolved)  # most rows of a system name the same fields
            base = bases.get(shape)
            if base is None:
                none = tuple(n for n in fields_there if n in skip)
                base = bases[shape] = lacking(none) if none else "{}"
            links.append((record, base, "applied", row.system, row.kind, row.remote_id))
            entries.append((row, record, "adopt", text))
        self.store.trees.add_records(records)
        self.store.trees.adopt(links)
        self.store.trees.wake([r[0] for r in records])
        self._journal(entries)

    def _journal(self, rows: Sequence[tuple[Row, str, str, str | None]]) -> None:
        now = self.run.ports.clock.now()
        self.store.work.journal(
            Entry(self.run.id, now, record, row.system, row.kind, row.remote_id, op, "ok", text, None)
            for row, record, op, text in rows
        )
