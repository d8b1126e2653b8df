"""The table of side effects: what was done under which key, and what was so before anybody asked for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from tieline.store.db import Db, marks
from tieline.store.names import parts


class Effect(NamedTuple):
    """One side effect. `past`: nothing was done, nor will be: the record met its rule before that was new."""

    key: str
    record: str
    rule: str
    system: str
    action: str
    state: Literal["done", "past"]
    remote_id: str | None
    url: str
    at: int


class Effects:
    """What was done at most once."""

    def __init__(self, db: Db) -> None:
        self.db = db
        self._sql = db.sql

    def of(self, records: Sequence[str]) -> set[tuple[str, str]]:
        """The (record, rule) pairs among these records that ask for nothing any more."""
        found: set[tuple[str, str]] = set()
        for part in parts(records):
            found.update(
                self._sql.execute(f"SELECT record, rule FROM effect WHERE record IN ({marks(len(part))})", part)
            )
        return found

    def save(self, effects: Iterable[Effect]) -> None:
        """Remember what was done, or is past; the first word of a key stands."""
        self._sql.executemany("INSERT OR IGNORE INTO effect VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", effects)

    def carry(self, loser: str, winner: str) -> None:
        """A record turned out to be another one: what was done for it was done for that one."""
        rows = [Effect._make(r) for r in self._sql.execute("SELECT * FROM effect WHERE record = ?", (loser,))]
        self.save(e._replace(key=f"{e.key}>{winner}", record=winner) for e in rows)

    def armed(self, rule: str) -> bool:
        """Whether everything was looked at once since a rule was new."""
        return self.db.meta(f"armed:{rule}") is not None

    def arm(self, rule: str, run: str) -> None:
        """From now on a record that comes to meet the rule asks for its side effect."""
        self.db.set_meta(f"armed:{rule}", run)
