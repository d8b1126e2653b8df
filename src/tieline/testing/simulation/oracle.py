"""Judges a schedule from outside: what people wrote, what people can see, what the journal says.

It trusts nothing of the engine but the links it published and the journal it wrote. Invariants are numbered as the
reliability model numbers them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from pydantic_core import from_json

from tieline.engine.match import equivalent, normal_email
from tieline.model import Rules
from tieline.records import REFERENCES, Cell, Kind, spec_of
from tieline.store import Store
from tieline.testing.character import STREAMS
from tieline.testing.memory import Edit, MemorySystem, Record
from tieline.testing.simulation.world import FIELDS, KINDS, World

HUB = "hub"
Windows = Mapping[str, Mapping[tuple[str, str], Sequence[tuple[int, int]]]]
"""Per system and (stream, remote id): from each write's strong read to the write itself."""


class Violation(NamedTuple):
    """An invariant that does not hold, and where."""

    invariant: str
    what: str


class Cluster(NamedTuple):
    """One record and the remotes it is linked to: (system, remote id)."""

    record: str
    kind: Kind
    state: str
    remotes: tuple[tuple[str, str, str | None], ...]


class Oracle:
    """Looks at one world and one store."""

    def __init__(self, world: World, store: Store, rules: Rules, windows: Windows) -> None:
        self.windows = windows
        self.world = world
        self.store = store
        self.rules = rules
        self.forms = [(s.rules[k].normal, k) for s in world.systems.values() for k in KINDS]

    def judge(self) -> list[Violation]:
        """Everything that is wrong."""
        self._load()
        return [
            *self._converged(),
            *self._nothing_fabricated(),
            *self._no_duplicates(),
            *self._no_lost_update(),
            *self._no_resurrection(),
            *self._nobody_missing(),
            *self._consent(),
            *self._no_phantoms(),
        ]

    # -- what the hub says

    def _load(self) -> None:
        rows = self.store.db.rows("SELECT record, kind, system, remote_id, gone FROM link WHERE record IS NOT NULL")
        states = dict(self.store.db.rows("SELECT id, state FROM record"))
        grouped: dict[tuple[str, Kind], list[tuple[str, str, str | None]]] = defaultdict(list)
        for record, kind, system, remote_id, gone in rows:
            grouped[record, kind].append((system, remote_id, gone))
        self.clusters = [Cluster(r, k, states.get(r, "?"), tuple(v)) for (r, k), v in grouped.items()]
        self.record_of = {(s, c.kind, i): c.record for c in self.clusters for s, i, _ in c.remotes}
        self.ever: dict[str, set[tuple[str, str]]] = defaultdict(set)
        query = "SELECT record, system, remote_id FROM journal WHERE record IS NOT NULL AND remote_id IS NOT NULL"
        for record, system, remote_id in self.store.db.rows(query):
            self.ever[record].add((system, remote_id))
        self.approved: set[tuple[str, str]] = set()
        for record, changes in self.store.db.rows("SELECT record, changes FROM journal WHERE op = 'merge'"):
            for name, change in from_json(changes).items():
                if change[3] == "consent: a person approved":
                    self.approved.add((record, name))
        self.asked: dict[str, set[str]] = defaultdict(set)
        self.asked_remotes: set[tuple[str, str]] = set()
        self.questions: set[str] = set()
        self.denied: set[str] = set()
        """Records that a person, right or wrong, said a lost create did not make."""
        for review in self.store.book.reviews("all"):
            if review["state"] == "open":
                if review["record"]:
                    self.asked[review["record"]].add(str(review["detail"].get("field", "*")))
                if review["remote_id"]:
                    self.asked_remotes.add((review["system"], review["remote_id"]))
                for name in (*review["detail"].get("rivals", ()), *review["detail"].get("choices", ())):
                    system, _, remote_id = name.partition(":")
                    self.asked_remotes.add((system, remote_id))
                for record in review["detail"].get("records", ()):
                    self.asked[record].add("*")
            if review["topic"] == "lost" and review["state"] == "rejected":
                self.denied.add(review["record"])
            if review["topic"] == "match" and review["state"] == "rejected":
                self.questions.add(review["remote_id"])
                if review["record"]:  # a person keeps it out of a system
                    self.asked[review["record"]].add("*")
        self.refused: dict[tuple[str, str], set[str]] = defaultdict(set)
        for record, system, name in self.store.db.rows("SELECT record, system, field FROM rejection"):
            self.refused[record, system].add(name)
        self.lost: dict[tuple[str, str], list[Cell]] = defaultdict(list)
        for record, changes in self.store.db.rows("SELECT record, changes FROM journal WHERE op = 'conflict'"):
            for name, change in from_json(changes).items():
                self.lost[record, name].append(change[0])

    # -- helpers

    def _remote(self, system: str, kind: Kind, remote_id: str) -> Record | None:
        return self.world.systems[system].get(kind, remote_id)

    def _alike(self, kind: Kind, name: str, a: Cell, b: Cell) -> bool:
        """Equal, equal in spelling, or one is what some system makes of the other."""
        if a == b or equivalent(spec_of(kind, name).type, a, b):
            return True
        for normal, of in self.forms:
            if of == kind and name in normal:
                form = normal[name]
                if (None if a is None else form(a)) == (None if b is None else form(b)):
                    return True
        return False

    def _in_hub(self, system: str, kind: Kind, name: str, value: Cell) -> Cell:
        target = REFERENCES[kind].get(name)
        if target is None or value is None:
            return value
        resolved = self.world.systems[system].resolve(target, value)
        record = self.record_of.get((system, target, resolved))
        return record if record is not None else f"{system}:{resolved}"

    # -- the invariants

    def _converged(self) -> Iterator[Violation]:
        """I1: live linked records agree on every shared field, but for what stands in review or is refused."""
        for cluster in self.clusters:
            if cluster.state != "alive" or "*" in self.asked[cluster.record]:
                continue
            alive = [(s, i) for s, i, gone in cluster.remotes if gone is None]
            for system, remote_id in alive:
                remote = self._remote(system, cluster.kind, remote_id)
                if remote is None or remote.deleted:
                    yield Violation("I1", f"{system}:{remote_id} is gone and the hub does not know")
            for name in FIELDS[cluster.kind]:
                policy = self.rules.policies.get(cluster.kind, {}).get(name)
                if name in self.asked[cluster.record] or (policy is not None and policy.name == "fill"):
                    continue
                yield from self._field_converged(cluster, name, alive)

    def _field_converged(self, cluster: Cluster, name: str, alive: list[tuple[str, str]]) -> Iterator[Violation]:
        values = []
        for system, remote_id in alive:
            world = self.world.systems[system]
            remote = self._remote(system, cluster.kind, remote_id)
            if remote is None or name not in world.rules[cluster.kind].blank:
                continue
            if self.refused[cluster.record, system] & {name, "*"}:
                continue
            values.append((system, remote_id, self._in_hub(system, cluster.kind, name, remote.fields.get(name))))
        for (s1, i1, v1), (s2, i2, v2) in pairwise(values):
            if name in REFERENCES[cluster.kind] and (self._nowhere(v1) or self._nowhere(v2)):
                continue
            if not self._alike(cluster.kind, name, v1, v2):
                yield Violation("I1", f"{cluster.kind}.{name}: {s1}:{i1} has {v1!r}, {s2}:{i2} has {v2!r}")

    def _nowhere(self, value: Cell) -> bool:
        """A reference to something that cannot be everywhere: not linked, in review, deleted somewhere, or dead."""
        if value is None:
            return True  # its target may be missing in that system; `_nobody_missing` looks after targets
        cluster = next((c for c in self.clusters if c.record == value), None)
        if cluster is None or cluster.state != "alive" or self.asked[cluster.record]:
            return True
        return any(gone is not None for _, _, gone in cluster.remotes) or len(cluster.remotes) < len(self.world.systems)

    def _nothing_fabricated(self) -> Iterator[Violation]:
        """I3: every value that the hub wrote is one that a person wrote somewhere, in some system's spelling."""
        said: dict[tuple[Kind, str], list[Cell]] = defaultdict(list)
        for system in self.world.systems.values():
            for edit in system.history:
                if edit.who != HUB:
                    said[edit.kind, edit.field].append(edit.after)
        for name, system in self.world.systems.items():
            for edit in system.history:
                if edit.who != HUB or edit.after is None or edit.field not in FIELDS[edit.kind]:
                    continue
                if edit.field in REFERENCES[edit.kind]:
                    continue
                known = said[edit.kind, edit.field]
                if edit.after not in known and not any(
                    self._alike(edit.kind, edit.field, edit.after, v) for v in known
                ):
                    yield Violation("I3", f"{name}:{edit.id}.{edit.field} = {edit.after!r} was never said by anybody")

    def _no_duplicates(self) -> Iterator[Violation]:
        """I4: at most one live record of a hub id in a system, and no twin of somebody that the hub made itself."""
        for name, system in self.world.systems.items():
            for (kind, hub), ids in system.by_hub_id.items():
                alive = [i for i in ids if (r := system.get(kind, i)) is not None and not r.deleted]
                brought_back = [i for i in alive if (name, kind, i) in self.world.undeleted]
                if len(alive) - len(brought_back) > 1:
                    yield Violation("I4", f"{name} holds {kind} {hub} more than once: {alive}")
            yield from self._twins(name, system)

    def _twins(self, name: str, system: MemorySystem) -> Iterator[Violation]:
        by_last: dict[str, list[Record]] = defaultdict(list)
        back = {(s, k, self.world.systems[s].resolve(k, i)) for s, k, i in self.world.undeleted}
        brought = {self.record_of.get(place) for place in back} - {None}  # copies of what was replaced while in the bin
        known = [r for r in system.alive("contact") if (name, "contact", r.id) not in self.world.undeleted]
        known = [r for r in known if self.record_of.get((name, "contact", r.id)) not in brought]
        for record in known:
            if record.fields.get("last_name"):
                by_last[str(record.fields["last_name"])].append(record)
        for last, records in by_last.items():
            denied = any(self.record_of.get((name, "contact", r.id)) in self.denied for r in records)
            if len(records) > 1 and any(r.created_by == HUB for r in records) and not denied:
                yield Violation("I4", f"{name} holds {last} twice: {[r.id for r in records]}")
        by_email: dict[str, list[Record]] = defaultdict(list)
        for record in known:
            if record.fields.get("email"):
                by_email[normal_email(str(record.fields["email"]))].append(record)
        for email, records in by_email.items():
            made = [r for r in records if r.created_by == HUB and not self._moved_mail(system, r)]
            asked = any(r.id in self.questions or (name, r.id) in self.asked_remotes for r in records)
            if len(records) > 1 and made and not asked:
                linked = {self.record_of.get((name, "contact", r.id)) for r in records}
                if not any(self.asked[r or ""] for r in linked) and not self._parted(linked):
                    yield Violation("I4", f"{name} holds {email} twice: {[r.id for r in records]}")

    def _moved_mail(self, system: MemorySystem, record: Record) -> bool:
        """Whether somebody changed this record's e-mail after it was made: a twin by edit is people's own."""
        return any(e.id == record.id and e.field == "email" and e.before is not None for e in system.history)

    def _parted(self, records: set[str | None]) -> bool:
        """Whether people made the two themselves in some system, or said that they are two."""
        for name, system in self.world.systems.items():
            own = [
                i for c in self.clusters if c.record in records for s, i, _ in c.remotes
                if s == name and (r := system.get(c.kind, i)) is not None and r.created_by != HUB
            ]  # fmt: skip
            if len(own) > 1 or any(i in self.questions for i in own):
                return True
        return any(
            self._moved_mail(self.world.systems[s], r)
            for c in self.clusters
            if c.record in records
            for s, i, _ in c.remotes
            if (r := self._remote(s, c.kind, i)) is not None
        )

    def _no_lost_update(self) -> Iterator[Violation]:
        """I5: what a person entered and the hub overwrote stands in the journal, or somebody saw it and changed it."""
        for name, system in self.world.systems.items():
            per_cell: dict[tuple[Kind, str, str], list[Edit]] = defaultdict(list)
            for edit in system.history:
                per_cell[edit.kind, edit.id, edit.field].append(edit)
            for (kind, remote_id, field_name), edits in per_cell.items():
                if field_name not in FIELDS[kind] or field_name in REFERENCES[kind]:
                    continue
                for edit, after in pairwise(edits):
                    overwritten = edit.who != HUB and after.who == HUB and edit.after is not None
                    if overwritten and not self._accounted(name, kind, remote_id, field_name, edit, after):
                        where = f"{name}:{remote_id}.{field_name}"
                        how = f"{edit.after!r} was overwritten by the hub with {after.after!r}"
                        yield Violation("I5", f"{where}: {how}, and nobody knows")

    def _accounted(self, system: str, kind: Kind, remote_id: str, name: str, edit: Edit, after: Edit) -> bool:
        if self._alike(kind, name, edit.after, after.after):
            return True
        if not self.world.systems[system].character.conditional:  # without conditional writes one round trip is open
            spans = self.windows[system].get((STREAMS[kind], remote_id), ())
            if any(start <= edit.at <= end and end <= after.at for start, end in spans):
                return True
        resolved = self.world.systems[system].resolve(kind, remote_id)
        record = self.record_of.get((system, kind, resolved))
        if record is None:
            return True  # not linked any more: merged or binned by people
        ids = {(system, remote_id), (system, resolved)}
        linked = {
            record,
            *(r for r, remotes in self.ever.items() if remotes & ids),
        }  # a person may have parted them since
        if any(self._alike(kind, name, edit.after, v) for r in linked for v in self.lost[r, name]):
            return True
        if (record, name) in self.approved:
            return True
        for other, other_id in self.ever[record]:
            for seen in self.world.systems[other].history:
                if (seen.kind, seen.id, seen.field) != (kind, other_id, name) or seen.who == HUB:
                    continue
                if self._alike(kind, name, seen.before, edit.after):
                    return True
        return False

    def _no_resurrection(self) -> Iterator[Violation]:
        """I6: what a person deleted is not made again by the hub, unless somebody took a copy of it out of the bin."""
        undeleted = {
            self.record_of.get((s, k, self.world.systems[s].resolve(k, i))) for s, k, i in self.world.undeleted
        }
        for name, system in self.world.systems.items():
            if not system.character.remembers:  # a lost create that a person deleted leaves no trace there
                continue
            for (kind, hub), ids in system.by_hub_id.items():
                if hub in undeleted or self.world.undeleted:
                    continue
                binned = [
                    r for i in ids if (r := system.get(kind, i)) is not None and self._binned_by_person(system, r)
                ]
                alive = [
                    r for i in ids
                    if (r := system.get(kind, i)) is not None and not r.deleted and r.created_by == HUB
                ]  # fmt: skip
                if binned and alive:
                    yield Violation(
                        "I6", f"{name}: {kind} {hub} was deleted by a person and made again as {alive[0].id}"
                    )

    @staticmethod
    def _binned_by_person(system: MemorySystem, record: Record) -> bool:
        if not record.deleted or record.merged_into is not None:
            return False
        last = [e for e in system.history if e.id == record.id and e.kind == record.kind]
        return bool(last) and last[-1].who != HUB

    def _nobody_missing(self) -> Iterator[Violation]:
        """I7: whatever lives and is linked exists in every system, or its absence is explained."""
        clusters = {c.record: c for c in self.clusters}
        for name, system in self.world.systems.items():
            for kind in KINDS:
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

    def _stuck(self, record: str, system: str) -> bool:
        """Whether the system cannot have it yet: a required field that nobody has, or a parent that is not there."""
        if self.world.systems[system].rules["contact"].required:
            return True
        row = self.store.db.rows("SELECT fields FROM record WHERE id = ?", record)
        parent = from_json(row[0][0]).get("account")
        cluster = next((c for c in self.clusters if c.record == parent), None)
        return cluster is not None and all(s != system or gone is not None for s, _, gone in cluster.remotes)

    def _consent(self) -> Iterator[Violation]:
        """An opt-out that nobody took back stands everywhere."""
        for cluster in self.clusters:
            if cluster.kind != "contact" or cluster.state != "alive" or self.asked[cluster.record]:
                continue
            values = {}
            for system, remote_id, gone in cluster.remotes:
                remote = self._remote(system, "contact", remote_id)
                if gone is None and remote is not None:
                    values[system, remote_id] = remote.fields.get("consent_email")
            if "opted_out" in values.values() and set(values.values()) != {"opted_out"}:
                yield Violation("I12", f"an opt-out does not stand everywhere: {values}")

    def _no_phantoms(self) -> Iterator[Violation]:
        """I11: what a conflict says was lost in a system was entered there by a person, never written by the hub.

        Whoever takes a record out of the bin enters all that it holds."""
        entered: dict[tuple[str, str, str], list[Cell]] = defaultdict(list)
        for name, system in self.world.systems.items():
            holds: dict[str, dict[str, Cell]] = defaultdict(dict)
            for edit in system.history:
                holds[edit.id][edit.field] = edit.after
                news = holds[edit.id] if edit.field == "@deleted" and not edit.after else {edit.field: edit.after}
                for field_name, value in news.items() if edit.who != HUB else ():
                    entered[name, edit.id, field_name].append(value)
        query = "SELECT record, kind, system, changes FROM journal WHERE op = 'conflict' AND system <> ''"
        for record, kind, system_name, changes in self.store.db.rows(query):
            for field_name, change in from_json(changes).items():
                if field_name in REFERENCES[kind]:
                    continue
                said = [v for s, i in self.ever[record] if s == system_name for v in entered[s, i, field_name]]
                if not any(self._alike(kind, field_name, change[0], v) for v in said):
                    yield Violation("I11", f"{system_name} is said to have lost {field_name} = {change[0]!r}")
