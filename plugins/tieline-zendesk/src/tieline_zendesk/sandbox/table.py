"""Records of one kind by id, in the order of their last change, and by the values that only one of them may have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from operator import itemgetter
from typing import Any

from tieline_zendesk.sandbox.wire import Row


class Table:
    """Rows by id. `unique` names columns whose values are looked up, whatever their case.

    Rows have `id`, `created_at` and `updated_at` (ms); a row that is `hidden` keeps nobody from a unique value.
    """

    def __init__(self, first: int, unique: tuple[str, ...] = ()) -> None:
        self.rows: dict[int, Row] = {}
        self._next = first
        self._unique = unique
        self._index: dict[str, dict[str, int]] = {name: {} for name in unique}
        self._changed: list[Row] | None = None
        self._sorted: list[Row] | None = None

    def take_id(self) -> int:
        """A fresh id, never given before."""
        key = self._next
        self._next = key + 1 + key % 3
        return key

    def add(self, row: Row) -> Row:
        """Take a row in; the rows that follow get higher ids."""
        self.rows[row["id"]] = row
        self._next = max(self._next, row["id"] + 1)
        self._note(row)
        self._changed = self._sorted = None
        return row

    def change(self, row: Row, now: int, changes: Mapping[str, Any]) -> None:
        """Set values, and the time of the last change."""
        self._forget(row)
        row.update(changes, updated_at=now)
        self._note(row)
        self._changed = None

    def drop(self, row: Row) -> None:
        """Take a row out for good."""
        self._forget(row)
        del self.rows[row["id"]]
        self._changed = self._sorted = None

    def find(self, name: str, value: Any) -> Row | None:
        """The row that has this unique value."""
        key = self._index[name].get(str(value).casefold())
        return None if key is None else self.rows[key]

    def by_change(self) -> list[Row]:
        """All rows by the second of their last change, then by id."""
        if self._changed is None:
            self._changed = sorted(self.rows.values(), key=change_key)
        return self._changed

    def by_id(self) -> list[Row]:
        """All rows by id."""
        if self._sorted is None:
            self._sorted = sorted(self.rows.values(), key=itemgetter("id"))
        return self._sorted

    def __iter__(self) -> Iterator[Row]:
        return iter(self.by_id())

    def restore(self, rows: Iterable[Mapping[str, Any]], following: int) -> None:
        """Take in what `dump` gave, in place of what is here."""
        self.rows, self._index = {}, {name: {} for name in self._unique}
        for row in rows:
            self.add(dict(row))
        self._next = following

    def dump(self) -> dict[str, Any]:
        """The rows and the next id as plain JSON."""
        return {"rows": list(self.by_id()), "next": self._next}

    def _note(self, row: Row) -> None:
        if not row.get("hidden"):
            for name in self._unique:
                if row.get(name) is not None:
                    self._index[name][str(row[name]).casefold()] = row["id"]

    def _forget(self, row: Row) -> None:
        for name in self._unique:
            value = str(row.get(name)).casefold()
            if self._index[name].get(value) == row["id"]:
                del self._index[name][value]


def change_key(row: Row) -> tuple[int, int]:
    """Where a row stands among all by its last change: second, id."""
    return row["updated_at"] // 1000, row["id"]
