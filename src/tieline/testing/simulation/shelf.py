"""Stores in memory for thousands of schedules: a database is emptied and used again, with all it has learnt to parse.

Laying out tables takes as long as a short run, and so does parsing a schedule's statements; neither changes what a
store holds or in which order it tells it. It knows nothing of schedules.
"""

from __future__ import annotations

from tieline.store import Store
from tieline.store.book import Book
from tieline.store.db import Db
from tieline.store.effects import Effects
from tieline.store.torn import Torn
from tieline.store.trees import Trees
from tieline.store.work import Work


class _Db(Db):
    """A database in memory that is put back when it is closed."""

    statements = 2000  # lists of ids of every length are statements of their own

    def __init__(self) -> None:
        super().__init__(None)
        names = self.rows("SELECT name FROM sqlite_master WHERE type = 'table'")
        self._tables = [n for (n,) in names if not n.startswith(("_", "sqlite_"))]

    def close(self) -> None:
        """Empty every table."""
        if self.sql.in_transaction:
            self.sql.execute("ROLLBACK")
        with self.atomic(fence=False) as sql:
            for table in self._tables:
                sql.execute(f"DELETE FROM {table}")  # noqa: S608  # names from the schema
        self._filled.clear()
        self.epoch = None


_IDLE: list[_Db] = []
"""Empty databases that nobody uses."""


class MemoryStore(Store):
    """A store in memory, empty at first."""

    def __init__(self) -> None:
        self.db: _Db = _IDLE.pop() if _IDLE else _Db()
        self.trees = Trees(self.db)
        self.work = Work(self.db)
        self.book = Book(self.db)
        self.effects = Effects(self.db)
        self.torn = Torn(self.db)

    def close(self) -> None:
        """Empty it, and leave it to the next schedule."""
        self.db.close()
        if self.db not in _IDLE:
            _IDLE.append(self.db)


__all__ = ["MemoryStore"]
