"""Sealed credentials: a small database of its own beside the store. It keeps bytes and knows neither keys nor tokens.

Apart from the store, because a planning run holds the store's write lock for as long as it plans, and a token that a
system has just replaced must be kept at once. Each system has a lock that dies with the process that holds it.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tieline.errors import Locked, UserError
from tieline.store.db import BUSY_MS, StoreBroken, translated

VERSION = 1
NAME = "credentials.db"
_TABLES = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS credential (
    system TEXT PRIMARY KEY, origin TEXT NOT NULL, key TEXT NOT NULL, refresh BLOB, access BLOB, about TEXT NOT NULL
) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Sealed:
    """One system's row. `refresh` and `access` are ciphertext under the key of this id; `about` is plain JSON."""

    system: str
    origin: str
    key: str
    refresh: bytes | None
    access: bytes | None
    about: str


class Credentials:
    """The rows of one home. Threads may share it; every change is durable when the call returns."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        _touch(self.path)
        self._guard = threading.RLock()
        with translated(self.path):
            self._sql = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
            self._sql.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
            self._sql.execute("PRAGMA journal_mode = WAL")
            self._sql.execute("PRAGMA synchronous = FULL")
            self._sql.execute("PRAGMA secure_delete = ON")  # what is replaced or wiped leaves no bytes behind
            self._prepare()

    def _prepare(self) -> None:
        version = self._sql.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            raise UserError(
                f"{self.path} was written by a newer Tieline (schema {version})", hint="pip install -U tieline"
            )
        if version < VERSION:
            with self._change() as sql:
                for statement in _TABLES.split(";\n"):
                    if statement.strip():
                        sql.execute(statement)
                sql.execute("INSERT OR IGNORE INTO meta VALUES ('vault', ?)", (secrets.token_hex(8),))
                sql.execute(f"PRAGMA user_version = {VERSION:d}")

    @property
    def vault(self) -> str:
        """The name of this collection: 16 hexadecimal digits, drawn when it was made, kept when the home moves."""
        with self._guard, translated(self.path):
            row = self._sql.execute("SELECT value FROM meta WHERE key = 'vault'").fetchone()
        if row is None:
            raise StoreBroken(f"{self.path} lacks its own name")
        return str(row[0])

    def get(self, system: str) -> Sealed | None:
        """The row of a system."""
        with self._guard, translated(self.path):
            row = self._sql.execute(
                "SELECT system, origin, key, refresh, access, about FROM credential WHERE system = ?", (system,)
            ).fetchone()
        return None if row is None else Sealed(*row)

    def all(self) -> list[Sealed]:
        """Every row, by system."""
        with self._guard, translated(self.path):
            rows = self._sql.execute(
                "SELECT system, origin, key, refresh, access, about FROM credential ORDER BY system"
            ).fetchall()
        return [Sealed(*row) for row in rows]

    def put(self, row: Sealed) -> None:
        """Keep this row in place of any other of its system."""
        with self._guard, self._change() as sql:
            sql.execute(
                "INSERT OR REPLACE INTO credential (system, origin, key, refresh, access, about) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (row.system, row.origin, row.key, row.refresh, row.access, row.about),
            )

    def wipe(self, system: str) -> bool:
        """Forget a system; whether there was anything. Nothing of it stays in the file or its log."""
        with self._guard:
            with self._change() as sql:
                gone = sql.execute("DELETE FROM credential WHERE system = ?", (system,)).rowcount == 1
            with translated(self.path):
                self._sql.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return gone

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        with translated(self.path):
            self._sql.execute("BEGIN IMMEDIATE")
            try:
                yield self._sql
                self._sql.execute("COMMIT")
            except BaseException:
                if self._sql.in_transaction:
                    self._sql.execute("ROLLBACK")
                raise

    @contextmanager
    def lock(self, system: str, seconds: float) -> Iterator[None]:
        """Hold the system's lock: one process and thread at a time. The operating system lets go of it when the holder
        dies, however it dies. Raises Locked after `seconds`."""
        path = self.path.with_name(f"credentials.{system}.lock")
        _touch(path)
        held = sqlite3.connect(path, isolation_level=None, timeout=seconds, check_same_thread=False)
        try:
            try:
                held.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError:
                raise Locked(f"another process has been renewing the token of {system} for {seconds:g} s") from None
            yield
        finally:
            held.close()  # also undoes the transaction, which wrote nothing

    def close(self) -> None:
        """Close the file."""
        with self._guard:
            self._sql.close()


def _touch(path: Path) -> None:
    """Make the file, readable by its owner alone whatever the umask; SQLite gives its log the same mode."""
    handle = os.open(path, os.O_CREAT | os.O_RDWR | getattr(os, "O_NOFOLLOW", 0), 0o600)
    try:
        os.fchmod(handle, 0o600)
    finally:
        os.close(handle)


__all__ = ["NAME", "Credentials", "Sealed"]
