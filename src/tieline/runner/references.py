"""Learns what referenced records are in every system, for the planner: there, coming, waiting, or never to be there.

It reads the trees and the spool; it writes nothing and judges no field.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tieline.engine.plan import Asker, RefState
from tieline.model import Fields, Record
from tieline.records import REFERENCES, Cell, Kind
from tieline.runner.context import Run
from tieline.runner.space import ids_of, renamed
from tieline.store import Row

MOST_STATES = 50_000


class References:
    """The states of what records of one kind refer to, kept for the chunks to come."""

    def __init__(self, run: Run, kind: Kind, systems: Sequence[str]) -> None:
        self.run = run
        self.kind: Kind = kind
        self.store = run.store
        self.systems = systems
        self._states: dict[tuple[str, Kind, str], RefState] = {}
        self._heirs: dict[str, str] = {}
        self._known: set[str] = set()
        self._said: dict[str, Fields] = {}
        """Record → its fields before `current` followed the merges."""
        self.asking = ""
        """The record that is being planned."""
        self.awaited: set[tuple[str, str]] = set()
        """(target, record): the record wants planning again once its target is linked somewhere."""
        self.asker = Asker(self._asked)

    _refused: Mapping[tuple[str, str], Mapping[str, str]] = {}

    @property
    def full(self) -> bool:
        """It holds so much that it had better begin anew."""
        return len(self._states) > MOST_STATES

    def _asked(self, system: str, kind: Kind, hub: str) -> RefState:
        state = self._states.get((system, kind, hub), "never")
        if state in ("never", "waiting") and hub in self._known:  # the dead too: somebody may take them out of the bin
            self.awaited.add((hub, self.asking))
        return state

    def current(self, record: Record) -> Record:
        """The record with references to merged records pointing at their winners."""
        fields = record.fields
        if not self._heirs:
            return record
        heirs = {i: (self._heirs[i],) for n in REFERENCES[self.kind] for i in ids_of(fields.get(n)) if i in self._heirs}
        if not heirs:
            return record
        self._said[record.id] = fields
        moved = {n: renamed(fields[n], heirs) for n in REFERENCES[self.kind] if n in fields}
        return record._replace(fields={**fields, **moved})

    def kept(self, record: Record, merged: Fields, named: Mapping[str, Mapping[str, str]]) -> Fields:
        """Merged fields as they are stored: with the ids that were really named, even of records that were merged into
        others. So they are right as well if a person says that these are two after all.

        `record`: as `current` gave it. `named`: per field, what whoever changed it names instead; see `ToHub.named`.
        """
        said = self._said.pop(record.id, record.fields)
        told: dict[str, Cell] = {}
        for name in REFERENCES[self.kind]:
            value = merged.get(name)
            if name in said and value == record.fields[name]:
                told[name] = said[name]
                continue
            names: dict[str, list[str]] = {}
            for i in ids_of(said.get(name)) if isinstance(value, list) else ():
                names.setdefault(self._heirs.get(i, i), []).append(i)
            told[name] = renamed(value, {**{hub: [own] for hub, own in named.get(name, {}).items()}, **names})
        return {**merged, **{n: v for n, v in told.items() if n in merged}}

    def prepare(self, records: Sequence[Fields], met: Iterable[tuple[Kind, str]]) -> None:
        """Look up every hub id named by a chunk's records, and those that their links name: (kind, hub id)."""
        wanted: dict[Kind, set[str]] = {}
        for name, target in REFERENCES[self.kind].items():
            ids = wanted.setdefault(target, set())
            for fields in records:
                if value := fields.get(name):
                    ids.update(ids_of(value))
        for kind, hub in met:
            wanted.setdefault(kind, set()).add(hub)
        first = next(iter(self.systems), "")
        for target, ids in wanted.items():
            missing = [i for i in ids if (first, target, i) not in self._states]
            if not missing:
                continue
            found = self.store.trees.records(missing)
            self._heirs.update({i: into for i, (_, state, into) in found.items() if state == "folded" and into})
            heirs = [self._heirs[i] for i in missing if i in self._heirs]
            if heirs:
                found |= self.store.trees.records(heirs)
                missing = list(dict.fromkeys([*missing, *heirs]))
            rows = self.store.trees.of_records(missing)
            creating = self.store.work.creating(missing)
            self._refused = self.store.work.refusals(missing)
            self._known.update(found)
            for hub in missing:
                for name in self.systems:
                    self._states[name, target, hub] = self._state(name, target, hub, found, rows, creating)

    def _state(
        self,
        system: str,
        kind: Kind,
        hub: str,
        found: Mapping[str, tuple[Record, str, str | None]],
        rows: Mapping[str, Sequence[Row]],
        creating: set[tuple[str, str]],
    ) -> RefState:
        record = found.get(hub)
        if record is None:
            return "never"
        here = [r for r in rows.get(hub, ()) if r.system == system]
        alive = [r for r in here if r.gone is None]
        if named := [r for r in alive if not r.provisional]:
            return "there" if self.run.systems[system].names(kind, named[0].stream) else "never"
        if alive:  # it cannot be named before it has an id of its own
            return "never" if (hub, system) in self._refused else "waiting"
        home = self.run.systems[system].home_of(kind)
        rules = self.run.rules_of(system, kind)
        if record[1] != "alive" or home is None or not rules.create or rules.mode == "read":
            return "never"
        if any(r.gone == "user" for r in here) or (not here and (hub, system) in self._refused):
            return "never"  # deleted there by a person, or refused: what refers to it goes on without it
        wanted = self.run.systems[system].filters.get(kind)
        if wanted is not None and not wanted(record[0].fields):
            return "never"
        if (living := [r for r in rows.get(hub, ()) if r.gone is None]) and all(r.provisional for r in living):
            return "waiting"
        if (hub, system) in creating or kind == self.kind:
            return "coming"
        return "waiting"
