"""Carries cells between a system's id space and the hub's: references through the link table, nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tieline.model import Fields
from tieline.records import REFERENCES, Cell, Kind
from tieline.store import Store


class ToHub:
    """Remote ids → hub ids, for a batch of links prepared together."""

    def __init__(self, store: Store, kind: Kind) -> None:
        self.store = store
        self.references = REFERENCES[kind]
        self._known: dict[tuple[str, Kind, str], str | None] = {}
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
                    ids = [r["id"] for r in value] if isinstance(value, list) else [value]
                    wanted.setdefault((system, target), {}).update(dict.fromkeys(ids))
        for (system, target), ids_wanted in wanted.items():
            missing = [i for i in ids_wanted if (system, target, i) not in self._known]
            found = self.store.trees.owners(system, target, missing)
            self._known.update({(system, target, i): found.get(i) for i in missing})
            self.news += [(target, hub) for hub in found.values() if hub is not None]

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
                moved[name] = _sorted({**r, "id": i} for i, r in ids if i is not None)
            else:
                hub = self._known.get((system, target, value))
                if hub is None:
                    unresolved.add(name)
                moved[name] = hub
        return (fields if moved is None else moved), unresolved


def _sorted(refs: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]] | None:
    unique = {(r["id"], r["role"] or ""): dict(r) for r in refs}
    return [unique[k] for k in sorted(unique)] or None


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
                    ids.update(dict.fromkeys([r["id"] for r in value] if isinstance(value, list) else [value]))
        if not ids:
            return
        wanted = list(ids)
        heirs = {
            i: into for i, (_, state, into) in self.store.trees.records(wanted).items() if state == "folded" and into
        }
        for record, rows in self.store.trees.of_records([heirs.get(i, i) for i in wanted]).items():
            for row in rows:
                if row.system == self.system and row.gone is None:
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
                    moved[name] = _sorted({**r, "id": self._known[r["id"]]} for r in value)
            elif value in self._known:
                moved[name] = self._known[value]
            else:
                missing.add(name)
                del moved[name]
        return (fields if moved is None else moved), missing
