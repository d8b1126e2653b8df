"""The nouns of a file: where a row stands, what is in it, and what a form of file (CSV, JSON Lines) must be able to do.

A file is never held in memory: a form hands out entries one by one, bad ones too, so that a rewrite loses nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO, NamedTuple, Protocol

Row = Mapping[str, Any]
"""Column → value: text in CSV, any JSON value in JSON Lines."""


class Place(NamedTuple):
    """Where an entry begins: its byte offset, and its physical line counted from 1."""

    offset: int
    line: int


class Entry(NamedTuple):
    """One record of a file with the very bytes it has there.

    `row` is None when there is no record: then `why` says what is wrong with it, or is "" for a blank line.
    """

    place: Place
    raw: bytes
    row: Row | None
    why: str = ""


class Head(NamedTuple):
    """What stands before the first row, and the habits of the file that new rows keep."""

    raw: bytes
    columns: tuple[str, ...] | None
    """None: a row may have any column (JSON Lines)."""
    rows: Place
    """Where the first row begins."""
    eol: str = "\n"
    quoted: bool = False
    """Every cell is quoted."""


class Form(Protocol):
    """How rows are spelled in bytes. Pure apart from reading the file it is given."""

    longest: int | None
    """The longest text one cell can hold, in characters; None: no limit."""

    def head(self, file: BinaryIO) -> Head:
        """Read the head. Raises ConfigError, without the file's name, when the file cannot be used at all."""
        ...

    def fresh(self, columns: Sequence[str]) -> Head:
        """The head of a new file."""
        ...

    def entries(self, file: BinaryIO, head: Head, start: Place) -> Iterator[Entry]:
        """Everything from `start` to the end of the file, in order and without a gap."""
        ...

    def values(self, file: BinaryIO, head: Head, columns: Sequence[str]) -> Iterator[tuple[int, int, Sequence[Any]]]:
        """Offset, line and some columns of every row, for the index: cheaper than whole entries. All columns that the
        head has come before those that it lacks."""
        ...

    def with_column(self, head: Head, column: str) -> Head:
        """The head with one more column at its end; unchanged where columns need no head."""
        ...

    def widened(self, entry: Entry, head: Head) -> bytes:
        """An entry's bytes as they stand in a file whose head got one more column."""
        ...

    def edited(self, raw: bytes, head: Head, changes: Row) -> bytes:
        """A row's bytes with these values changed; the rest stays as it was spelled. Raises ValueError, naming the
        column, for a value that cannot be spelled in this file."""
        ...

    def added(self, head: Head, row: Row) -> bytes:
        """A new row. Raises as `edited` does."""
        ...

    def content(self, entry: Entry, hub_at: int | None) -> bytes:
        """What tells one state of a row from another. `hub_at` is where the hub's column stands among the row's
        values (None: it has none); a blank one there is as good as none."""
        ...
