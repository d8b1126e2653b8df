"""Carries cells between a system's id space and the hub's: references through the link table, nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tieline.engine.compose import listed
from tieline.model import Fields
from tieline.records import REFERENCES, Cell, Kind
from tieline.store import Store


class ToHub:
    """Remote ids → hub ids, for a batch of links prepared together."""

    def __init__(self, store: Store, kind: Kind) -> None:
        self.store = store
        self.references = REFERENCES[kind]
        self._known: dict[tuple[str, Kind, str], str | None] = {}
        self.merged: dict[tuple[str, Kind, str], str] = {}
        """Those of them that are linked to a record which was merged into another: that record."""
        self.news: list[tuple[Kind, str]] = []
        """What the last `prepare` learnt: (kind, hub id)."""

    def prepare(self, cells: Iterable[tuple[str, Fields]]) -> None:
        """Look up every remote id that these (system, fields) name, in few queries."""
        wanted: dict[tuple[str, Kind], dict[str, None]] = {}
        self.news = []
        references = list(self.references.items())
        for system, fields in cells:
            for name, target in references:
                value = fields.get(name)
                if value:
                    wanted.setdefault((system, target), {}).update(dict.fromkeys(ids_of(value)))
        for (system, target), ids_wanted in wanted.items():
            missing = [i for i in ids_wanted if (system, target, i) not in self._known]
            found = self.store.trees.owners_named(system, target, missing)
            for i in missing:
                own, into = found.get(i, (None, None))
                self._known[system, target, i] = into or own
                if own is not None and into is not None:
                    self.merged[system, target, i] = own
            self.news += [(target, hub) for own, into in found.values() if (hub := into or own) is not None]

    def named(self, system: str, name: str, value: Cell) -> dict[str, str]:
        """Record → the one merged into it that a system's reference really names."""
        if not self.merged:
            return {}
        places = [(system, self.references[name], i) for i in ids_of(value)]
        return {str(self._known[p]): self.merged[p] for p in places if p in self.merged}

    def fields(self, system: str, fields: Fields) -> tuple[Fields, set[str]]:
        """The cells in hub space, and the reference fields whose target the hub does not hold."""
        unresolved: set[str] = set()
        moved: dict[str, Cell] | None = None
        for name, target in self.references.items():
            value = fields.get(name)
            if not value:
                continue
            moved = dict(fields) if moved is None else moved
            if isinstance(value, list):
                ids = [(self._known.get((system, target, r["id"])), r) for r in value]
                if any(i is None for i, _ in ids):
                    unresolved.add(name)
                moved[name] = listed({**r, "id": i} for i, r in ids if i is not None)
            else:
                hub = self._known.get((system, target, value))
                if hub is None:
                    unresolved.add(name)
                moved[name] = hub
        return (fields if moved is None else moved), unresolved


class ToRemote:
    """Hub ids → remote ids in one system, for a batch of orders."""

    def __init__(self, store: Store, kind: Kind, system: str) -> None:
        self.store = store
        self.references = REFERENCES[kind]
        self.system = system
        self._known: dict[str, str] = {}

    def prepare(self, batch: Iterable[Fields]) -> None:
        """Look up every hub id that these fields name."""
        ids: dict[str, None] = {}
        for fields in batch:
            for name in self.references:
                value = fields.get(name)
                if value:
                    ids.update(dict.fromkeys(ids_of(value)))
        if not ids:
            return
        wanted = list(ids)
        heirs = {
            i: into for i, (_, state, into) in self.store.trees.records(wanted).items() if state == "folded" and into
        }
        for record, rows in self.store.trees.of_records([heirs.get(i, i) for i in wanted]).items():
            for row in rows:
                if row.system == self.system and row.gone is None and not row.provisional:
                    self._known[record] = row.remote_id
        self._known.update({old: self._known[new] for old, new in heirs.items() if new in self._known})

    def fields(self, fields: Fields) -> tuple[Fields, set[str]]:
        """The cells in the system's space, and the reference fields that cannot be named there yet (left out)."""
        missing: set[str] = set()
        moved: dict[str, Cell] | None = None
        for name in self.references:
            value = fields.get(name)
            if not value:
                continue
            moved = dict(fields) if moved is None else moved
            if isinstance(value, list):
                if any(r["id"] not in self._known for r in value):
                    missing.add(name)
                    del moved[name]
                else:
                    moved[name] = listed({**r, "id": self._known[r["id"]]} for r in value)
            elif value in self._known:
                moved[name] = self._known[value]
            else:
                missing.add(name)
                del moved[name]
        return (fields if moved is None else moved), missing


def ids_of(value: Cell) -> list[str]:
    """Whom a reference, or a list of them, names."""
    if not value:
        return []
    return [r["id"] for r in value] if isinstance(value, list) else [value]


def renamed(value: Cell, names: Mapping[str, Sequence[str]]) -> Cell:
    """A reference, or a list of them, with some ids replaced; in a list, one may stand for several."""
    if isinstance(value, list):
        return listed({**r, "id": i} for r in value for i in names.get(r["id"], (r["id"],)))
    return names[value][0] if value in names else value
