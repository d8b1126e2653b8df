"""The connection: opening, rights, transactions, the lease. Knows no rules and none of the trees' tables."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from tieline.errors import Broken, Locked, TielineError, UserError
from tieline.store import schema

BUSY_MS = 5_000
CACHE_KIB = 24_000
PAGE_SIZE = 8_192


class StoreBroken(UserError):
    """The database is damaged: nothing is written until a person decides."""

    fatal = True
    hint = "put a backup of it back, or tieline rebuild: records find each other by hub id, and nothing is written"


class StoreReadOnly(UserError):
    """The file or its folder may not be written by this user."""

    fatal = True
    hint = "make it and its folder writable for you, or choose another place with --home DIR"


class StoreFull(TielineError):
    """The disk refuses: the transaction is undone, and no remote write follows a commit that failed."""

    fatal = True
    hint = "make room there, then the same command again: it goes on from here"


class LeaseLost(Broken):
    """Another run took the lease over; this one must stop at once."""

    fatal = True


class _Connection(sqlite3.Connection):
    """A connection whose errors are this store's own, also outside transactions."""

    path: Path | None = None
    translating = False

    def execute(self, query: str, values: Any = (), /) -> sqlite3.Cursor:
        try:
            return _execute(self, query, values)
        except sqlite3.DatabaseError as error:
            if self.translating:
                raise _translate(error, self.path) from error
            raise

    def executemany(self, query: str, rows: Iterable[Any], /) -> Any:
        """As SQLite's; nothing at all where there are no rows, which is often."""
        rows = rows if type(rows) is list else list(rows)
        return _executemany(self, query, rows) if rows else None


_execute = sqlite3.Connection.execute
_executemany = sqlite3.Connection.executemany


class Db:
    """One SQLite database in WAL mode. One thread uses it.

    With `looking`, one that cannot be written is opened all the same, and every write raises StoreReadOnly.
    """

    statements = 128
    """How many parsed statements are kept."""

    def __init__(self, path: Path | None, *, looking: bool = False) -> None:
        self.path = path
        self.epoch: int | None = None
        self._durable = True
        self._filled: set[str] = set()
        if path is not None and not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        try:
            try:
                self._open(str(path or ":memory:"), uri=False)
            except sqlite3.DatabaseError as error:
                if path is None or not looking or not isinstance(_translate(error, path), StoreReadOnly):
                    raise
                self._open(_read_only(path), uri=True)
            self._upgrade()
            self.sql.path, self.sql.translating = path, True
        except sqlite3.DatabaseError as error:
            raise _translate(error, path) from error

    def _open(self, name: str, *, uri: bool) -> None:
        self.sql = sqlite3.connect(
            name, isolation_level=None, check_same_thread=False, factory=_Connection, uri=uri,
            cached_statements=self.statements,
        )  # fmt: skip
        try:
            self.sql.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
            if not uri:
                self.sql.execute(f"PRAGMA page_size = {PAGE_SIZE}")
                self.sql.execute("PRAGMA journal_mode = WAL")
            self.sql.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
            self.sql.execute("PRAGMA foreign_keys = OFF")
            self.sql.execute("PRAGMA synchronous = FULL")
            self.sql.execute("SELECT 1 FROM sqlite_master LIMIT 1")
        except BaseException:
            self.sql.close()
            raise

    def _upgrade(self) -> None:
        version = self.sql.execute("PRAGMA user_version").fetchone()[0]
        if version > schema.VERSION:
            raise UserError(
                f"this home was written by a newer Tieline (schema {version})", hint="pip install -U tieline"
            )
        if version < schema.VERSION:
            schema.migrate(self.sql)

    def check(self) -> None:
        """Raise StoreBroken when SQLite finds the file damaged."""
        try:
            rows = self.sql.execute("PRAGMA quick_check(1)").fetchall()
        except sqlite3.DatabaseError as error:
            raise _translate(error, self.path) from error
        if rows != [("ok",)]:
            raise StoreBroken(f"the database {self.path} is damaged: {rows[0][0]}")

    def close(self) -> None:
        """Close the file."""
        self.sql.close()

    def atomic(self, *, durable: bool = True, fence: bool = True) -> AbstractContextManager[sqlite3.Connection]:
        """One transaction: all of it or nothing, on disk when it returns if `durable`.

        With a lease held, the commit checks the epoch first: a run that was replaced cannot commit.
        """
        return _Transaction(self, durable, fence)

    def _begin(self, durable: bool) -> sqlite3.Connection:
        try:
            if durable != self._durable and self.path is not None:  # memory is as durable as it is
                self.sql.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
                self._durable = durable
            self.sql.execute("BEGIN IMMEDIATE")
        except sqlite3.DatabaseError as error:
            raise _translate(error, self.path) from error
        return self.sql

    def _commit(self, fence: bool) -> None:
        try:
            if fence and self.epoch is not None:
                self._check_epoch()
            self.sql.execute("COMMIT")
        except BaseException as error:
            self._undo(error)
            raise

    def _undo(self, error: BaseException) -> None:
        if self.sql.in_transaction:
            self.sql.execute("ROLLBACK")
        if isinstance(error, sqlite3.DatabaseError):
            raise _translate(error, self.path) from error

    def _check_epoch(self) -> None:
        row = self.sql.execute("SELECT epoch FROM lease WHERE name = 'run'").fetchone()
        if row is None or row[0] != self.epoch:
            raise LeaseLost("another run took over: this one stops without writing anything more")

    # -- the lease

    def acquire(self, owner: str, now: int, until: int, dead: bool = False) -> int:
        """Take the lease and return its epoch. Raises Locked when somebody holds it, unless `dead` says he died."""
        with self.atomic(fence=False) as sql:
            row = sql.execute("SELECT epoch, owner, until FROM lease WHERE name = 'run'").fetchone()
            if row is not None and row[2] > now and not dead:
                raise Locked(f"another run holds this home: {row[1]}")
            epoch = (row[0] if row else 0) + 1
            sql.execute("INSERT OR REPLACE INTO lease VALUES ('run', ?, ?, ?)", (epoch, owner, until))
        self.epoch = epoch
        return epoch

    def holder(self) -> tuple[str, int] | None:
        """Who holds the lease, and until when (ms)."""
        row = self.sql.execute("SELECT owner, until FROM lease WHERE name = 'run'").fetchone()
        return (row[0], row[1]) if row else None

    def renew(self, until: int) -> None:
        """Extend the lease; inside a transaction it is part of it. Raises LeaseLost when it is not ours any more."""
        done = self.sql.execute("UPDATE lease SET until = ? WHERE name = 'run' AND epoch = ?", (until, self.epoch))
        if done.rowcount != 1:
            raise LeaseLost("another run took over: this one stops without writing anything more")

    def release(self) -> None:
        """Give the lease back, if it is still ours."""
        if self.epoch is not None:
            with self.atomic(durable=False, fence=False) as sql:
                sql.execute("UPDATE lease SET until = 0 WHERE name = 'run' AND epoch = ?", (self.epoch,))
            self.epoch = None

    # -- small things

    def meta(self, key: str) -> str | None:
        """A remembered word."""
        row = self.sql.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def set_meta(self, key: str, value: str) -> None:
        """Remember a word."""
        self.sql.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def rows(self, query: str, *values: Any) -> list[Any]:
        """All rows of a query."""
        return self.sql.execute(query, values).fetchall()

    def any(self, table: str) -> bool:
        """Whether a table has a row, or had one since this was opened. `table` is one of ours, never input."""
        if table not in self._filled:
            if self.sql.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone() is None:
                return False
            self._filled.add(table)
        return True


class _Transaction:
    """One transaction of a database: it begins where it is entered."""

    __slots__ = ("_db", "_durable", "_fence")

    def __init__(self, db: Db, durable: bool, fence: bool) -> None:
        self._db, self._durable, self._fence = db, durable, fence

    def __enter__(self) -> sqlite3.Connection:
        return self._db._begin(self._durable)

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None:
            self._db._commit(self._fence)
        else:
            self._db._undo(error)


def _read_only(path: Path) -> str:
    """How SQLite is told to write nothing. Where no log is left to be read either, not even beside the file: the
    folder may be closed as well."""
    log = path.with_name(f"{path.name}-wal")
    whole = not log.exists() or log.stat().st_size == 0
    return f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if whole else ''}"


@contextmanager
def translated(path: Path | None) -> Iterator[None]:
    """SQLite's errors inside come out as this store's own."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise _translate(error, path) from error


def _translate(error: sqlite3.DatabaseError, path: Path | None) -> TielineError:
    text = str(error)
    if "full" in text or "disk I/O" in text:
        return StoreFull(f"cannot write {path}: {text}; nothing of this step was kept")
    if "locked" in text or "busy" in text:
        return Locked("another process is writing to this home")
    if "readonly" in text or "unable to open" in text:
        return StoreReadOnly(f"{path} cannot be written: {text}")
    if "malformed" in text or "not a database" in text:
        return StoreBroken(f"the database {path} is damaged: {text}")
    return Broken(f"database error: {text}")


@lru_cache(1024)
def marks(count: int) -> str:
    """`?,?,?` for an IN list."""
    return ",".join("?" * count)


def among(column: str, numbers: Sequence[int]) -> tuple[str, Sequence[int]]:
    """The condition that a column of whole numbers holds one of these, at least one, and its values.

    Numbers without a gap are a range: to look each of them up costs more than most of what is done to its row.
    """
    low, high = min(numbers), max(numbers)
    if high - low + 1 == len(set(numbers)):
        return f"{column} BETWEEN ? AND ?", (low, high)
    return f"{column} IN ({marks(len(numbers))})", numbers
