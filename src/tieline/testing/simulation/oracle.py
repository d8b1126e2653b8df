"""Judges a schedule from outside: what people wrote, what people can see, what the journal says.

It trusts nothing of the engine but the links it published and the journal it wrote. Invariants are numbered as the
reliability model numbers them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import combinations

from tieline.engine.match import normal_email
from tieline.records import REFERENCES, Kind
from tieline.testing.memory import Edit, MemorySystem, Record
from tieline.testing.simulation.doubts import MatchChecks
from tieline.testing.simulation.evidence import HUB, Violation
from tieline.testing.simulation.values import ValueChecks


class Oracle(ValueChecks, MatchChecks):
    """The invariants on records, and the verdict."""

    def judge(self) -> list[Violation]:
        """Everything that is wrong."""
        self.load()
        return [
            *self.converged(),
            *self.refused_for_a_reason(),
            *self.nothing_fabricated(),
            *self.no_duplicates(),
            *self.nobody_guessed(),
            *self.nobody_made_beside(),
            *self.nobody_converted_is_new(),
            *self.no_lost_update(),
            *self.no_resurrection(),
            *self.no_false_delete(),
            *self.no_second_burial(),
            *self.nobody_missing(),
            *self.consent(),
            *self.no_phantoms(),
            *self.done_once(),
        ]

    def no_duplicates(self) -> Iterator[Violation]:
        """I4: at most one live record of a hub id in a system, and no twin of somebody that the hub made itself."""
        for name, system in self.world.systems.items():
            for (kind, hub), ids in system.by_hub_id.items():
                alive = [i for i in ids if (r := system.get(kind, i)) is not None and not r.deleted]
                # what somebody took out of the bin; what met its twin through a merge, and is asked about, or was
                known = [
                    i for i in alive
                    if (name, kind, i) in self.world.undeleted or (name, i) in self.asked_remotes | self.disowned
                ]  # fmt: skip
                if len(alive) - len(known) > 1 and hub not in self.unmerged:
                    yield Violation("I4", f"{name} holds {kind} {hub} more than once: {alive}")
            yield from self._twins(name, system)

    def _twins(self, name: str, system: MemorySystem) -> Iterator[Violation]:
        by_last: dict[str, list[Record]] = defaultdict(list)
        known = [r for r in system.alive("contact") if (name, "contact", r.id) not in self.world.undeleted]
        for record in known:
            if record.fields.get("last_name"):
                by_last[str(record.fields["last_name"])].append(record)
        for last, records in by_last.items():
            denied = any(self.record_of.get((name, "contact", r.id)) in self.denied for r in records)
            twins = any(
                HUB in (one.created_by, two.created_by) and not self._told_apart(name, one, two)
                for one, two in combinations(records, 2)
            )
            if twins and not denied and not self._merged(name, records):
                yield Violation("I4", f"{name} holds {last} twice: {[r.id for r in records]}")
        by_email: dict[str, list[Record]] = defaultdict(list)
        for record in known:
            if record.fields.get("email"):
                by_email[normal_email(str(record.fields["email"]))].append(record)
        for email, records in by_email.items():
            made = [r for r in records if r.created_by == HUB and not self._moved_mail(name, r)]
            asked = any(r.id in self.questions or (name, r.id) in self.asked_remotes for r in records)
            if len(records) > 1 and made and not asked and not self._merged(name, records):
                linked = {self.record_of.get((name, "contact", r.id)) for r in records}
                if (
                    not linked & self.doubled
                    and not any(frozenset(pair) in self.apart for pair in combinations(linked, 2))
                    and not any(self.asked[r or ""] for r in linked)
                    and not self._parted(linked)
                ):
                    yield Violation("I4", f"{name} holds {email} twice: {[r.id for r in records]}")

    def _merged(self, system: str, records: list[Record]) -> bool:
        """Whether people merged one of them elsewhere: what it leaves behind here is asked about."""
        linked = {self.record_of.get((system, r.kind, r.id), "") for r in records}
        return bool(linked & (self.into.keys() | set(self.into.values()) | self.unmerged))

    def _told_apart(self, system: str, *two: Record) -> bool:
        """Whether a person said that what one stands for is somebody else: then each is made wherever it is not."""
        return frozenset(self.record_of.get((system, r.kind, r.id)) for r in two) in self.apart

    def _moved_mail(self, system: str, record: Record) -> bool:
        """Whether somebody changed this record's e-mail after it was made: a twin by edit is people's own."""
        return (system, record.id) in self.moved

    def _parted(self, records: set[str | None]) -> bool:
        """Whether people made the two themselves in some system, or said that they are two."""
        if records & self.doubled:
            return True
        own = [s for s, _ in self._made_by_people(records)]
        if len(own) > len(set(own)) or self._called_another(records):
            return True
        return any(
            self._moved_mail(s, r)
            for c in self.clusters
            if c.record in records
            for s, i, _ in c.remotes
            if (r := self.remote(s, c.kind, i)) is not None
        )

    def _called_another(self, records: set[str | None]) -> bool:
        """Whether people said of one that they made, and that stands for one of these, that it is somebody else."""
        return any(i in self.questions for _, i in self._made_by_people(records))

    def _made_by_people(self, records: set[str | None]) -> list[tuple[str, str]]:
        """What stands for these records because people want it there: they made it, or took it out of the bin."""
        return [
            (s, i) for c in self.clusters if c.record in records for s, i, _ in c.remotes
            if (r := self.remote(s, c.kind, i)) is not None
            and (r.created_by != HUB or (s, c.kind, i) in self.world.undeleted)
        ]  # fmt: skip

    def no_resurrection(self) -> Iterator[Violation]:
        """I6: what a person deleted is not made again by the hub, unless somebody took a copy of it out of the bin."""
        undeleted = {record for place in self.world.undeleted for record in self.family(*place)}
        for name, system in self.world.systems.items():
            if not system.character.remembers:  # a lost create that a person deleted leaves no trace there
                continue
            for (kind, hub), ids in system.by_hub_id.items():
                if hub in undeleted or hub in self.unmerged:
                    continue
                binned = [
                    r for i in ids if (r := system.get(kind, i)) is not None and self._binned_by_person(system, r)
                ]
                alive = [
                    r for i in ids
                    if (r := system.get(kind, i)) is not None and not r.deleted and r.created_by == HUB
                ]  # fmt: skip
                if binned and alive and self._born(system, alive[-1]) > min(self._end(system, r) for r in binned):
                    yield Violation(
                        "I6", f"{name}: {kind} {hub} was deleted by a person and made again as {alive[0].id}"
                    )

    def no_false_delete(self) -> Iterator[Violation]:
        """I6: what the hub archives, a person deleted somewhere or said should go: no absence and no merge will do."""
        binned = {
            (name, e.kind, e.id)
            for name, system in self.world.systems.items()
            for e in system.history
            if e.field == "@deleted" and e.after and e.who != HUB
        }
        for name, system in self.world.systems.items():
            for edit in system.history:
                if edit.who != HUB or edit.field != "@deleted" or not edit.after:
                    continue
                records = self.family(name, edit.kind, edit.id)
                if records & self.sentenced or not records:
                    continue
                if not any((s, edit.kind, i) in binned for r in records for s, i in self.ever[r]):
                    yield Violation("I6", f"the hub archived {name}:{edit.id} ({edit.kind}), and nobody had deleted it")

    def no_second_burial(self) -> Iterator[Violation]:
        """I6: what a person takes out of the bin stays out, unless somebody deletes it again."""
        for name, system in self.world.systems.items():
            graves: dict[tuple[Kind, str], list[Edit]] = defaultdict(list)
            for edit in system.history:
                if edit.field == "@deleted":
                    graves[edit.kind, edit.id].append(edit)
            for (kind, remote_id), edits in graves.items():
                for first, back, again in zip(edits, edits[1:], edits[2:], strict=False):
                    hubs = first.who == HUB and back.who != HUB and again.who == HUB
                    if (
                        hubs
                        and not self._unknown(name, first, back, again)
                        and not self._deleted_since(name, kind, remote_id, first.at)
                    ):
                        yield Violation(
                            "I6", f"a person took {name}:{remote_id} out of the bin, and the hub put it back"
                        )

    def _unknown(self, system: str, first: Edit, back: Edit, again: Edit) -> bool:
        """Whether the hub cannot have known of its first burial: the answer was lost, and nobody looked before the
        person came. Then it looks as if nothing had ever arrived."""
        query = "SELECT at, outcome FROM journal WHERE op = 'archive' AND system = ? AND kind = ? AND remote_id = ?"
        return not any(
            first.at <= at < (again.at if outcome == "ok" else back.at)
            for at, outcome in self.store.db.rows(query, system, first.kind, first.id)
            if outcome in ("ok", "settled")
        )

    def _deleted_since(self, system: str, kind: Kind, remote_id: str, moment: int) -> bool:
        """Whether a person deleted any part of this record after a moment, or somebody was asked and said so."""
        records = self.family(system, kind, remote_id)
        if records & self.sentenced or self.world.setting.skew:
            return True
        remotes = {(s, i) for r in records for s, i in self.ever[r]}
        return any(
            (s, e.id) in remotes and e.kind == kind and e.field == "@deleted" and e.after and e.who != HUB
            for s, other in self.world.systems.items()
            for e in other.history
            if e.at > moment
        )

    @staticmethod
    def _born(system: MemorySystem, record: Record) -> int:
        return next(e.at for e in system.history if (e.kind, e.id) == (record.kind, record.id))

    @staticmethod
    def _end(system: MemorySystem, record: Record) -> int:
        return next(e.at for e in reversed(system.history) if (e.kind, e.id) == (record.kind, record.id))

    @staticmethod
    def _binned_by_person(system: MemorySystem, record: Record) -> bool:
        if not record.deleted or record.merged_into is not None:
            return False
        last = [e for e in system.history if e.id == record.id and e.kind == record.kind]
        return bool(last) and last[-1].who != HUB

    def nobody_missing(self) -> Iterator[Violation]:
        """I7: whatever lives and is linked exists in every system, or its absence is explained."""
        clusters = self.cluster_of
        for name, system in self.world.systems.items():
            for kind in self.kinds:
                for record in system.alive(kind):
                    linked = self.record_of.get((name, kind, record.id))
                    if linked is None:
                        if (name, record.id) not in self.asked_remotes:
                            yield Violation("I7", f"{name}:{record.id} ({kind}) is not linked and nobody is asked")
                        continue
                    cluster = clusters[linked]
                    if cluster.state != "alive" or self.asked[linked]:
                        continue
                    there = {s for s, _, _ in cluster.remotes}
                    for other in self.world.systems:
                        explained = other in there or self.refused[linked, other] or self._stuck(linked, other)
                        if not explained:
                            yield Violation("I7", f"{name}:{record.id} ({kind}) is missing in {other}")

    def done_once(self) -> Iterator[Violation]:
        """I8: a side effect was done at most once for each key, and once where its rule is met and was not before."""
        for rule in self.rules.actions:
            done = Counter(d.key for d in self.world.systems[rule.system].deeds)
            for key, times in done.items():
                if times > 1:
                    yield Violation("I8", f"{rule.system} did {key} {times} times")
            last_past = self._first_plan(rule.kind)
            known = {r: (state, at) for r, state, at in self.store.db.rows("SELECT record, state, at FROM effect")}
            for cluster in self.clusters:
                if cluster.kind != rule.kind or cluster.state != "alive" or not rule.when(self.fields[cluster.record]):
                    continue
                state, at = known.get(cluster.record, ("none", 0))
                if state == "past" and at > last_past:
                    yield Violation("I8", f"{cluster.record} is told to have met {rule.name} before it was new")
                if state == "none" and not self.refused[cluster.record, rule.system]:
                    yield Violation("I8", f"{cluster.record} meets {rule.name}, and nothing was done")

    def _first_plan(self, kind: Kind) -> int:
        """Until when what meets a rule may count as past: the start of the run after the one that first adopted."""
        (first,) = self.store.db.rows("SELECT min(at) FROM journal WHERE op = 'adopt' AND kind = ?", kind)[0]
        (after,) = self.store.db.rows("SELECT min(started) FROM run WHERE started > ?", first or 0)[0]
        return after or first or 0

    def _stuck(self, record: str, system: str) -> bool:
        """Whether the system cannot have it yet: a required field that nobody has, or a parent that is not there."""
        kind = self.cluster_of[record].kind
        if any(self.default(system, kind, name) is None for name in self.world.systems[system].rules[kind].required):
            return True
        for name in REFERENCES[kind]:
            value = self.fields[record].get(name)
            for parent in [row["id"] for row in value] if isinstance(value, list) else [value]:
                cluster = self.cluster_of.get(self.heir(parent)) if parent is not None else None
                if cluster is not None and all(s != system or gone is not None for s, _, gone in cluster.remotes):
                    return True
        return False


__all__ = ["Oracle", "Violation"]
