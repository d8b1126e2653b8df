"""The records of the org: tables, stamps, unique values, and taking writes back. Knows no rule of any object."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from tieline_salesforce.sandbox_ids import mint
from tieline_salesforce.sandbox_schema import FieldDef, Schema

Row = dict[str, Any]
SECOND = 1000
LATE = 20 * SECOND
"""How much older than its commit a row's stamp is under the vice late-commit."""


class Rows:
    """All records, deleted ones included. A row holds only what is not empty, under the vendor's field names."""

    def __init__(self, schema: Schema, now: Callable[[], int], vices: Collection[str] = ()) -> None:
        self.schema = schema
        self.tables: dict[str, dict[str, Row]] = {name: {} for name in schema.objects}
        self.counters: dict[str, int] = {}
        self._now = now
        self._late = "late-commit" in vices
        self._coarse = "coarse-stamps" in vices
        self._index: dict[tuple[str, str], dict[str, set[str]]] = {}
        self._undo: list[tuple[str, str, Row | None]] = []

    def now(self) -> int:
        """The org's time, whole seconds in ms: all its stamps are whole [recorded: always .000]."""
        return self._now() // SECOND * SECOND

    def stamp(self, old: Row | None) -> int:
        """The stamp of a write that commits now.

        Two writes of one row in one second get stamps a second apart, unless coarse-stamps shows them as the vendor
        may. Under late-commit the transaction began a while ago: its stamp is older than rows already to be seen.
        """
        moment = self.now() - (LATE if self._late else 0)
        if old is None:
            return moment
        last = int(old["SystemModstamp"])
        return max(moment, last if self._coarse else last + SECOND)

    # -- reading

    def any(self, name: str, record_id: str | None) -> Row | None:
        """A record, deleted or not."""
        return self.tables[name].get(record_id) if record_id else None

    def live(self, name: str, record_id: str | None) -> Row | None:
        """A record that is not in the recycle bin."""
        row = self.any(name, record_id)
        return None if row is None or row.get("IsDeleted") else row

    def all(self, name: str, deleted: bool = False) -> Iterator[Row]:
        """The rows of a table in the order they were made."""
        rows = self.tables[name].values()
        return iter(rows) if deleted else (r for r in rows if not r.get("IsDeleted"))

    def having(self, name: str, of: FieldDef, value: Any, deleted: bool = False) -> list[Row]:
        """The rows that carry this value in an indexed field, oldest first."""
        ids = self._indexed(name, of).get(_key(of, value), ())
        rows = (self.tables[name][i] for i in sorted(ids))
        return [r for r in rows if deleted or not r.get("IsDeleted")]

    def children(self, name: str, of: FieldDef, parent_id: str, deleted: bool = False) -> list[Row]:
        """The rows of a table whose reference field holds this id."""
        return [r for r in self.all(name, deleted) if r.get(of.name) == parent_id]

    # -- writing

    def fresh_id(self, name: str) -> str:
        """An id nobody has."""
        prefix = self.schema.objects[name].prefix
        while True:
            self.counters[name] = self.counters.get(name, 0) + 1
            found = mint(prefix, self.counters[name])
            if found not in self.tables[name]:
                return found

    def put(self, name: str, row: Mapping[str, Any]) -> Row:
        """Keep a row in place of the one with its id, without empty values; it can be taken back."""
        kept = {k: v for k, v in row.items() if v is not None and (v is not False or k == "IsDeleted")}
        if not kept.get("IsDeleted"):
            kept.pop("IsDeleted", None)
        old = self.tables[name].get(kept["Id"])
        self._undo.append((name, kept["Id"], old))
        self._swap(name, kept["Id"], kept)
        return kept

    def _swap(self, name: str, record_id: str, new: Row | None) -> None:
        old = self.tables[name].get(record_id)
        for (table, field), entries in self._index.items():
            if table == name:
                of = self.schema.objects[name].fields[field]
                _unlist(entries, of, old, record_id)
                if new is not None and new.get(of.name) is not None:
                    entries[_key(of, new[of.name])].add(record_id)
        if new is None:
            self.tables[name].pop(record_id, None)
        else:
            self.tables[name][record_id] = new

    def _indexed(self, name: str, of: FieldDef) -> dict[str, set[str]]:
        place = (name, of.name.lower())
        entries = self._index.get(place)
        if entries is None:
            entries = self._index[place] = defaultdict(set)
            for row in self.tables[name].values():
                if row.get(of.name) is not None:
                    entries[_key(of, row[of.name])].add(row["Id"])
        return entries

    # -- transactions

    def mark(self) -> int:
        """A point to go back to."""
        return len(self._undo)

    def back_to(self, mark: int) -> None:
        """Take back every write since the mark."""
        while len(self._undo) > mark:
            name, record_id, old = self._undo.pop()
            self._swap(name, record_id, old)

    def commit(self) -> None:
        """Nothing so far can be taken back."""
        self._undo.clear()

    # -- state

    def dump(self) -> dict[str, Any]:
        """Every row as plain JSON."""
        return {
            "tables": {name: [dict(r) for r in rows.values()] for name, rows in self.tables.items()},
            "counters": dict(self.counters),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Hold what `dump` gave."""
        for name, rows in state["tables"].items():
            self.tables[name] = {row["Id"]: dict(row) for row in rows}
        self.counters = dict(state["counters"])
        self._index.clear()


def _key(of: FieldDef, value: Any) -> str:
    text = str(value)
    return text if of.case_sensitive else text.casefold()


def _unlist(entries: dict[str, set[str]], of: FieldDef, old: Row | None, record_id: str) -> None:
    if old is not None and old.get(of.name) is not None:
        ids = entries.get(_key(of, old[of.name]))
        if ids is not None:
            ids.discard(record_id)


def ids_of(rows: Iterable[Row]) -> list[str]:
    """Their ids, in order."""
    return [r["Id"] for r in rows]
