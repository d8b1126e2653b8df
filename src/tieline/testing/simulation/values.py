"""The invariants on values: they agree, none is made up, none disappears in silence, none is taken for an edit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

from pydantic_core import from_json

from tieline.records import REFERENCES, Cell, Kind, spec_of
from tieline.testing.character import LEADS, STREAMS
from tieline.testing.memory import Edit, MemorySystem
from tieline.testing.simulation.evidence import HUB, Cluster, Evidence, Violation
from tieline.testing.simulation.setting import FIELDS, SERVER_MS


class ValueChecks(Evidence):
    """I1, I3, I5, I11 and consent."""

    def converged(self) -> Iterator[Violation]:
        """I1: live linked records agree on every shared field, but for what stands in review or is refused."""
        for cluster in self.clusters:
            if cluster.state != "alive" or "*" in self.asked[cluster.record]:
                continue
            alive = [(s, i) for s, i, gone in cluster.remotes if gone is None]
            for system, remote_id in alive:
                remote = self.remote(system, cluster.kind, remote_id)
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
            rules = self.world.systems[system].rules[cluster.kind]
            remote = self.remote(system, cluster.kind, remote_id)
            if remote is None or name not in rules.blank or name in rules.unclearable:
                continue
            if self.refused[cluster.record, system] & {name, "*"}:
                continue
            value = remote.fields.get(name)
            if value == self.default(system, cluster.kind, name) and self.fields[cluster.record].get(name) is None:
                value = None
            values.append((system, remote_id, self.in_hub(system, cluster.kind, name, value)))
        if name in REFERENCES[cluster.kind]:
            agreed = self.fields[cluster.record].get(name)
            if isinstance(agreed, list):
                agreed = [row["id"] for row in agreed]
            if not all(self._nameable(v) for v in (agreed, *(v for _, _, v in values))):
                return
        for (s1, i1, v1), (s2, i2, v2) in pairwise(values):
            same = v1 == v2 if name in REFERENCES[cluster.kind] else self.alike(cluster.kind, name, v1, v2)
            if not same:
                yield Violation("I1", f"{cluster.kind}.{name}: {s1}:{i1} has {v1!r}, {s2}:{i2} has {v2!r}")

    def _nameable(self, value: Cell) -> bool:
        """Whether every system could hold this reference: blank, or to somebody who is everywhere."""
        if isinstance(value, list):
            return all(self.everywhere(v) for v in value)
        return value is None or self.everywhere(value)

    def refused_for_a_reason(self) -> Iterator[Violation]:
        """I1: what stands as refused is refused still: a value, or a schema, that changed was tried again."""
        for (record, system), names in self.refused.items():
            cluster = self.cluster_of.get(record)
            if cluster is None or cluster.state != "alive" or self.asked[record]:
                continue
            world = self.world.systems[system]
            here = next((i for s, i, gone in cluster.remotes if s == system and gone is None), None)
            remote = None if here is None else self.remote(system, cluster.kind, here)
            if remote is None:
                continue
            for name in names:
                wanted, held = self.fields[record].get(name), remote.fields.get(name)
                if wanted is None and held is not None and held == self.default(system, cluster.kind, name):
                    yield Violation("I1", f"{system}:{here} holds the default of {name}, and it stands as refused")
                if name not in world.rules[cluster.kind].choices or wanted == held:
                    continue
                if not world.refusals(cluster.kind, {name: wanted}, creating=False):
                    yield Violation("I1", f"{system}:{here} would take {name} = {wanted!r}, and it stands as refused")

    def nothing_fabricated(self) -> Iterator[Violation]:
        """I3: every value that the hub wrote is one that a person wrote somewhere, in the target's own spelling."""
        said: dict[tuple[Kind, str], list[Cell]] = defaultdict(list)
        for system in self.world.systems.values():
            for edit in system.history:
                # whoever takes a record out of the bin says all that is in it
                if edit.who != HUB or (system.character.name, edit.kind, edit.id) in self.world.undeleted:
                    said[edit.kind, edit.field].append(edit.after)
        theirs = self.denied or self.disowned  # what the hub had made, a default with it, a person called somebody else
        for name, system in self.world.systems.items():
            spelt: dict[tuple[Kind, str], list[Cell]] = {}
            for edit in system.history:
                if edit.who != HUB or edit.after is None or edit.field not in FIELDS[edit.kind]:
                    continue
                if edit.field in REFERENCES[edit.kind]:
                    continue
                given = [self.default(s, edit.kind, edit.field) for s in self.world.systems if s == name or theirs]
                if edit.after in given:
                    continue
                known = said[edit.kind, edit.field]
                if edit.after in known or edit.after in self._spelt(system, edit, known, spelt):
                    continue
                if self.world.merged and any(self.alike(edit.kind, edit.field, edit.after, v) for v in known):
                    continue  # a merge moved a link, and with it the spelling of the system that it is in
                yield Violation("I3", f"{name}:{edit.id}.{edit.field} = {edit.after!r} was never said by anybody")

    @staticmethod
    def _spelt(
        system: MemorySystem, edit: Edit, known: list[Cell], spelt: dict[tuple[Kind, str], list[Cell]]
    ) -> list[Cell]:
        """What was said of a field, in the spelling of the system that it was written to; kept in `spelt`."""
        field = edit.kind, edit.field
        if field not in spelt:
            form = system.rules[edit.kind].normal.get(edit.field)
            spelt[field] = [] if form is None else [form(v) for v in known if v is not None]
        return spelt[field]

    def no_lost_update(self) -> Iterator[Violation]:
        """I5: what a person entered and the hub overwrote stands in the journal, or somebody saw it and changed it."""
        for name, system in self.world.systems.items():
            per_cell: dict[tuple[Kind, str, str], list[Edit]] = defaultdict(list)
            for edit in system.history:
                per_cell[edit.kind, edit.id, edit.field].append(edit)
            for (kind, remote_id, field_name), edits in per_cell.items():
                if field_name not in FIELDS[kind] or spec_of(kind, field_name).type == "refs":
                    continue
                for edit, after in pairwise(edits):
                    overwritten = edit.who != HUB and after.who == HUB and edit.after is not None
                    if overwritten and not self._accounted(name, kind, remote_id, field_name, edit, after):
                        where = f"{name}:{remote_id}.{field_name}"
                        how = f"{edit.after!r} was overwritten by the hub with {after.after!r}"
                        yield Violation("I5", f"{where}: {how}, and nobody knows")

    def _accounted(self, system: str, kind: Kind, remote_id: str, name: str, edit: Edit, after: Edit) -> bool:
        target = REFERENCES[kind].get(name)
        value = edit.after
        if target is None:
            if self.alike(kind, name, value, after.after):
                return True
        elif self._reference_excused(system, target, value, after.after):
            return True
        if not self.world.systems[system].character.conditional:  # without conditional writes one round trip is open
            # the trip is as long as the server takes
            linger = SERVER_MS if self.world.setting.faults.get("late") else 0
            for came, written in self._comings(system, kind, remote_id, edit.at):
                spans = [s for name in (STREAMS[kind], LEADS) for s in self.windows[system].get((name, written), ())]
                if any(start <= came <= end + linger and end <= after.at for start, end in spans):
                    return True
        resolved = self.world.systems[system].resolve(kind, remote_id)
        if (system, kind, resolved) not in self.record_of:
            return True  # not linked any more: merged or binned by people
        return any(
            self._known(record, system, kind, name, value, target) for record in self.family(system, kind, remote_id)
        )

    def _comings(self, system: str, kind: Kind, remote_id: str, entered: int) -> Iterator[tuple[int, str]]:
        """When a value came to stand where a write could overwrite it, and by which id: as it was entered, or as
        somebody was merged into the remote that holds it, in a system where the old id leads there from then on."""
        yield entered, remote_id
        if self.world.systems[system].character.redirects:
            for edit in self.world.systems[system].history:
                if (edit.kind, edit.field, edit.after) == (kind, "@merged", remote_id) and edit.at >= entered:
                    yield edit.at, edit.id

    def _known(self, record: str, system: str, kind: Kind, name: str, value: Cell, target: Kind | None) -> bool:
        """Whether the journal of a record, or people elsewhere who saw the value and changed it, account for it."""
        if (record, name) in self.approved:
            return True
        means = self.family(system, target, value) if target is not None else set()
        for lost in self.lost[record, name]:
            if lost in means if target is not None else self.alike(kind, name, value, lost):
                return True
        for other, other_id in self.ever[record]:
            merged = self.remote(other, kind, other_id)
            if merged is not None and merged.merged_into is not None:  # whoever merged it saw what it held
                held = merged.fields.get(name)
                if target is None and self.alike(kind, name, held, value):
                    return True
                if target is not None and held is not None and self.family(other, target, held) & means:
                    return True
            for seen in self.world.systems[other].history:
                if (seen.kind, seen.id, seen.field) != (kind, other_id, name) or seen.who == HUB:
                    continue
                if target is not None:
                    if seen.before is not None and self.family(other, target, seen.before) & means:
                        return True
                elif self.alike(kind, name, seen.before, value):
                    return True
        return False

    def _reference_excused(self, system: str, target: Kind, value: Cell, after: Cell) -> bool:
        """The same thing under another id; or a target that ended, was merged, or is nowhere to be named."""
        if value == after or self.family(system, target, value) & (
            self.family(system, target, after) if after else set()
        ):
            return True
        means = self.family(system, target, value)
        if any((s, target, i) in self.world.merged for r in means for s, i in self.ever[r]):
            return True  # people merged it somewhere: for a while, or for ever, it meant the other one
        return bool(means & self.unmerged) or not self.everywhere(self._one_in_hub(system, target, value))

    def consent(self) -> Iterator[Violation]:
        """An opt-out that nobody took back stands everywhere."""
        for cluster in self.clusters:
            if cluster.kind != "contact" or cluster.state != "alive" or self.asked[cluster.record]:
                continue
            values = {}
            for system, remote_id, gone in cluster.remotes:
                remote = self.remote(system, "contact", remote_id)
                if gone is None and remote is not None:
                    values[system, remote_id] = remote.fields.get("consent_email")
            if "opted_out" in values.values() and set(values.values()) != {"opted_out"}:
                yield Violation("consent", f"an opt-out does not stand everywhere: {values}")

    def no_phantoms(self) -> Iterator[Violation]:
        """I11: what a conflict says was lost in a system was entered there by a person, never written by the hub; nor
        is what the hub itself once wrote in a system taken for the word of somebody there."""
        entered = self._entered()
        query = (
            "SELECT record, kind, system, changes FROM journal WHERE op = 'merge' OR (op = 'conflict' AND system <> '')"
        )
        for record, kind, loser, changes in self.store.db.rows(query):
            if record in self.denied:
                continue  # a person said that what the hub had made is somebody else's
            # where merges moved links, what the hub had carried there for one record counts as that one's
            kin = {r for s, i in self.ever[record] for r in self.family(s, kind, i)} | {record, self.heir(record)}
            kin |= {r for r, heir in self.into.items() if heir in kin}
            for name, (lost, kept, winner, _) in from_json(changes).items():
                for system, value, what in ((loser, lost, "lost"), (winner, kept, "said")):  # of a merge nobody lost
                    if name in REFERENCES[kind] or not system:
                        continue
                    said = [
                        v for one in kin for s, i in self.ever[one]
                        if s == system or len(kin) > 1 for v in entered[s, i, name]
                    ]  # fmt: skip
                    if not self.world.systems[system].character.stamps:  # what the hub once made for somebody else
                        said += [v for (_, _, f), values in entered.items() if f == name for v in values]
                    if not any(self.alike(kind, name, value, v) for v in said):
                        yield Violation("I11", f"{system} is told to have {what} {name} = {value!r}")

    def _entered(self) -> dict[tuple[str, str, str], list[Cell]]:
        """What people entered, by (system, id, field).

        Whoever takes a record out of the bin, or merges another into it, enters all that it holds; whoever says that
        what the hub had made is somebody else, all that it was made with.
        """
        entered: dict[tuple[str, str, str], list[Cell]] = defaultdict(list)
        for name, system in self.world.systems.items():
            holds: dict[str, dict[str, Cell]] = defaultdict(dict)
            for edit in system.history:
                holds[edit.id][edit.field] = edit.after
                news = holds[edit.id] if edit.field == "@deleted" and not edit.after else {edit.field: edit.after}
                made = (name, edit.id) in self.disowned and "@hub_id" not in holds[edit.id]
                for field_name, value in news.items() if edit.who != HUB or made else ():
                    entered[name, edit.id, field_name].append(value)
                if edit.field == "@merged" and edit.after:
                    winner = str(edit.after)
                    for field_name, value in holds[winner].items():
                        entered[name, winner, field_name].append(value)
        return entered
