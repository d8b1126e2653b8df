"""The store: SQLite tables behind one narrow class. It knows tables, not rules.

Everything a run must remember is here: the trees (`trees`), work under way (`work`), what people look at
(`book`), side effects (`effects`), what could not be read (`torn`).
PostgreSQL can stand behind the same names.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from tieline.store.book import Book
from tieline.store.db import Db, LeaseLost, StoreBroken, StoreFull
from tieline.store.effects import Effect, Effects
from tieline.store.forms import Cursor, Row
from tieline.store.torn import Torn
from tieline.store.trees import Trees
from tieline.store.work import Entry, Intent, Refusal, Spooled, Work

__all__ = [
    "Cursor",
    "Effect",
    "Entry",
    "Intent",
    "LeaseLost",
    "Refusal",
    "Row",
    "Spooled",
    "Store",
    "StoreBroken",
    "StoreFull",
]


class Store:
    """One home's memory. One thread uses it; `atomic` makes every step all or nothing."""

    def __init__(self, path: Path | None = None, *, looking: bool = False) -> None:
        self.db = Db(path, looking=looking)
        self.trees = Trees(self.db)
        self.work = Work(self.db)
        self.book = Book(self.db)
        self.effects = Effects(self.db)
        self.torn = Torn(self.db)

    def atomic(self, *, durable: bool = True, fence: bool = True) -> AbstractContextManager[Any]:
        """One transaction; see `Db.atomic`."""
        return self.db.atomic(durable=durable, fence=fence)

    def close(self) -> None:
        """Close the file."""
        self.db.close()


@contextmanager
def opened(path: Path | None, *, looking: bool = False) -> Iterator[Store]:
    """A store that closes itself. With `looking`, one that cannot be written can still be read."""
    store = Store(path, looking=looking)
    try:
        yield store
    finally:
        store.close()
