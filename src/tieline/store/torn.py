"""Remotes that could not be read at all, kept until they can be: no link speaks of them, and no run may forget them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tieline.model import Bad
from tieline.records import Kind
from tieline.store.db import Db, marks
from tieline.store.forms import parts


class Torn:
    """One row for each, under its remote id; where that cannot be told, under its place."""

    def __init__(self, db: Db) -> None:
        self.db = db
        self._sql = db.sql

    def add(self, system: str, kind: Kind, stream: str, bad: Sequence[Bad], run: str, listing: str) -> None:
        """Keep these, found by this run; `listing` names the complete listing that met them, empty for none."""
        self._sql.executemany(
            "INSERT OR REPLACE INTO torn VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(system, stream, b.id or b.where, kind, f"{b.where}: {b.message}", run, listing) for b in bad],
        )

    def read(self, system: str, stream: str, ids: Iterable[str]) -> None:
        """These were read, or are gone."""
        if self.db.any("torn"):
            for part in parts(list(ids)):
                query = f"DELETE FROM torn WHERE system = ? AND stream = ? AND id IN ({marks(len(part))})"
                self._sql.execute(query, (system, stream, *part))

    def listed(self, system: str, stream: str, run: str, listing: str) -> None:
        """A complete listing has come to its end: what earlier runs told of and it did not is not there any more."""
        self._sql.execute(
            "DELETE FROM torn WHERE system = ? AND stream = ? AND run <> ? AND listing <> ?",
            (system, stream, run, listing),
        )

    def counts(self) -> list[tuple[str, Kind, int]]:
        """Per system and kind: how many there are."""
        if not self.db.any("torn"):
            return []
        return self._sql.execute("SELECT system, kind, count(*) FROM torn GROUP BY 1, 2 ORDER BY 1, 2").fetchall()
