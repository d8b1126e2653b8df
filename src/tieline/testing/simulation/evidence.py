"""What a schedule left behind, read from outside: what people wrote, what systems hold, what the hub published.

Nothing is judged here; `oracle` does. It trusts nothing of the engine but the links it published and the journal it
wrote.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic_core import from_json

from tieline.engine.match import equivalent
from tieline.records import REFERENCES, Cell, Kind, spec_of
from tieline.rules import Rules
from tieline.store import Store
from tieline.testing.character import STREAMS
from tieline.testing.memory import Record
from tieline.testing.simulation.setting import FILLED
from tieline.testing.simulation.world import World

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


class Evidence:
    """One world and one store, looked at when all is quiet."""

    def __init__(self, world: World, store: Store, rules: Rules, windows: Windows) -> None:
        self.windows = windows
        self.world = world
        self.store = store
        self.rules = rules
        self.kinds = world.setting.kinds
        self.filled = FILLED if world.setting.filling else {}
        self.forms: dict[tuple[Kind, str], list[Callable[[Cell], Cell]]] = defaultdict(list)
        """What systems make of a field."""
        for system in world.systems.values():
            for kind in self.kinds:
                for name, form in system.rules[kind].normal.items():
                    self.forms[kind, name].append(form)

    # -- what the hub says

    def load(self) -> None:
        """Read it all."""
        self._load_links()
        self._load_reviews()
        self._load_journal()
        self.moved = {
            (name, edit.id)
            for name, system in self.world.systems.items()
            for edit in system.history
            if edit.field == "email" and edit.before is not None
        }
        """Remotes whose e-mail somebody changed after they were made."""

    def _load_links(self) -> None:
        rows = self.store.db.rows("SELECT record, kind, system, remote_id, gone FROM link WHERE record IS NOT NULL")
        records = self.store.db.rows("SELECT id, state, folded_into, fields FROM record")
        states = {i: state for i, state, _, _ in records}
        self.into: dict[str, str] = {i: into for i, _, into, _ in records if into}
        self.fields = {i: from_json(fields) for i, _, _, fields in records}
        grouped: dict[tuple[str, Kind], list[tuple[str, str, str | None]]] = defaultdict(list)
        for record, kind, system, remote_id, gone in rows:
            grouped[record, kind].append((system, self.inside(system, remote_id), gone))
        self.clusters = [Cluster(r, k, states.get(r, "?"), tuple(v)) for (r, k), v in grouped.items()]
        self.cluster_of = {c.record: c for c in self.clusters}
        self.record_of: dict[tuple[str, Kind, str], str] = {
            (s, c.kind, i): c.record for c in self.clusters for s, i, _ in c.remotes
        }

    def _load_reviews(self) -> None:
        self.asked: dict[str, set[str]] = defaultdict(set)
        self.asked_remotes: set[tuple[str, str]] = set()
        self.questions: set[str] = set()
        self.unmerged: set[str] = set()
        """Records that a person called two after all: what referred to them in between means the other one."""
        self.sentenced: set[str] = set()
        """Records that a person said should go."""
        self.denied: set[str] = set()
        """Records that a person, right or wrong, said a lost create did not make."""
        self.disowned: set[tuple[str, str]] = set()
        """Remotes of the hub's making that a person, right or wrong, said are somebody else: theirs from then on."""
        self.doubled: set[str] = set()
        """Records that a person said to make beside somebody who has their address already."""
        self.apart: set[frozenset[str | None]] = set()
        """Pairs of records that a person called two, when asked of a remote that looked like one of them."""
        for review in self.store.book.reviews("all"):
            if review["topic"] in ("delete", "merge") and review["state"] == "accepted":
                self.sentenced.add(review["record"])
            if review["state"] == "open":
                self._load_open(review)
            if review["topic"] == "match" and review["state"] == "accepted" and review["record"]:
                self.doubled.add(review["record"])
            if review["topic"] == "lost" and review["state"] == "rejected":
                self.denied.add(review["record"])
            if review["topic"] == "match" and review["state"] == "accepted" and review["choice"]:
                self._load_apart(review)  # whoever says which one it is, says which ones it is not
            if review["topic"] == "merge" and review["state"] == "rejected":
                self.unmerged.add(review["record"])
            if review["topic"] == "match" and review["state"] == "rejected":
                mine = self.inside(review["system"], review["remote_id"])
                self.questions.add(mine)
                if review["detail"]["key"].startswith("hub id:"):
                    self.disowned.add((review["system"], mine))
                self._load_apart(review)
                if review["record"]:  # a person keeps it out of a system
                    self.asked[review["record"]].add("*")

    def _load_apart(self, review: Mapping[str, Any]) -> None:
        mine = self.inside(review["system"], review["remote_id"])
        me = self.record_of.get((review["system"], review["kind"], mine))
        places = (name.partition(":") for name in review["detail"].get("rivals", ()))
        rivals = {self.record_of.get((system, review["kind"], self.inside(system, i))) for system, _, i in places}
        rivals.update(review["detail"].get("records", ()))
        self.apart |= {frozenset((me, rival)) for rival in rivals if me is not None and rival not in (None, me)}

    def _load_open(self, review: Mapping[str, Any]) -> None:
        if review["record"]:
            self.asked[review["record"]].add(str(review["detail"].get("field", "*")))
            if review["record"] in self.into:  # what is left of a merged record concerns the one it became
                self.asked[self.into[review["record"]]].add("*")
        if review["remote_id"]:
            self.asked_remotes.add((review["system"], self.inside(review["system"], review["remote_id"])))
        for name in (*review["detail"].get("rivals", ()), *review["detail"].get("choices", ())):
            system, _, remote_id = name.partition(":")
            self.asked_remotes.add((system, self.inside(system, remote_id)))
        for record in review["detail"].get("records", ()):
            self.asked[record].add("*")

    def _load_journal(self) -> None:
        self.ever: dict[str, set[tuple[str, str]]] = defaultdict(set)
        """Record → every remote that it was ever linked to."""
        self.once: dict[tuple[str, Kind, str], set[str]] = defaultdict(set)
        """Remote → every record that it was ever linked to."""
        query = (
            "SELECT record, system, kind, remote_id FROM journal "
            "WHERE record IS NOT NULL AND remote_id IS NOT NULL AND op <> 'act'"
        )
        for record, system, kind, shown in self.store.db.rows(query):
            remote_id = self.inside(system, shown)
            self.ever[record].add((system, remote_id))
            self.once[system, kind, remote_id].add(record)
        for (system, kind, remote_id), record in self.record_of.items():
            self.ever[record].add((system, remote_id))
            self.once[system, kind, remote_id].add(record)
        self._load_merged()
        self.approved: set[tuple[str, str]] = set()
        for record, changes in self.store.db.rows("SELECT record, changes FROM journal WHERE op = 'merge'"):
            for name, change in from_json(changes).items():
                if change[3] == "consent: a person approved":
                    self.approved.add((record, name))
        self.lost: dict[tuple[str, str], list[Cell]] = defaultdict(list)
        for record, changes in self.store.db.rows("SELECT record, changes FROM journal WHERE op = 'conflict'"):
            for name, change in from_json(changes).items():
                self.lost[record, name].append(change[0])
        self.refused: dict[tuple[str, str], set[str]] = defaultdict(set)
        for record, system, name in self.store.db.rows("SELECT record, system, field FROM rejection"):
            self.refused[record, system].add(name)

    def _load_merged(self) -> None:
        """Who was merged away stood for what its winner stands for."""
        for system, kind, loser in self.world.merged:
            winner = self.world.systems[system].resolve(kind, loser)
            records = self.once[system, kind, loser] | self.once[system, kind, winner]
            for record in records | {self.into[r] for r in records if r in self.into}:
                self.ever[record] |= {(system, loser), (system, winner)}
                self.once[system, kind, loser].add(record)
                self.once[system, kind, winner].add(record)

    # -- helpers

    def inside(self, system: str | None, shown: str) -> str:
        """The id inside of what a system showed under this one, provisional or not."""
        return self.world.systems[system].shown.get(shown, shown) if system else shown

    def remote(self, system: str, kind: Kind, remote_id: str) -> Record | None:
        """What a system holds under an id."""
        return self.world.systems[system].get(kind, remote_id)

    def family(self, system: str, kind: Kind, remote_id: str) -> set[str]:
        """Every record that this remote, or the one it was merged into, ever stood for, and what those became."""
        resolved = self.world.systems[system].resolve(kind, remote_id)
        found = self.once[system, kind, remote_id] | self.once[system, kind, resolved]
        found |= {self.into[r] for r in found if r in self.into}
        return found

    def heir(self, record: str) -> str:
        """The record that this one was merged into, or itself."""
        return self.into.get(record, record)

    def alike(self, kind: Kind, name: str, a: Cell, b: Cell) -> bool:
        """Equal, equal in spelling, or one is what some system makes of the other."""
        if a == b or equivalent(spec_of(kind, name).type, a, b):
            return True
        return any(
            (None if a is None else form(a)) == (None if b is None else form(b))
            for form in self.forms.get((kind, name), ())
        )

    def default(self, system: str, kind: Kind, name: str) -> Cell:
        """What stands for a blank in a system; None where blanks are blank."""
        return self.filled.get(system, {}).get(STREAMS[kind], {}).get(name)

    def in_hub(self, system: str, kind: Kind, name: str, value: Cell) -> Cell:
        """A cell of a system with what it refers to named by record; what no record stands for keeps its place."""
        target = REFERENCES[kind].get(name)
        if target is None or value is None:
            return value
        if isinstance(value, list):
            return sorted({self._one_in_hub(system, target, row["id"]) for row in value})
        return self._one_in_hub(system, target, value)

    def _one_in_hub(self, system: str, target: Kind, remote_id: str) -> str:
        resolved = self.world.systems[system].resolve(target, remote_id)
        record = self.record_of.get((system, target, resolved))
        return self.heir(record) if record is not None else f"{system}:{resolved}"

    def everywhere(self, record: Cell) -> bool:
        """Whether a record is alive in every system and nobody is asked about it: then all can refer to it."""
        cluster = self.cluster_of.get(record)
        if cluster is None or cluster.state != "alive" or self.asked[cluster.record]:
            return False
        if any(gone is not None for _, _, gone in cluster.remotes):
            return False
        return len({s for s, _, _ in cluster.remotes}) == len(self.world.systems)
