"""CSV as RFC 4180 has it: quoted cells may hold commas, quotes and newlines. Reads strictly, writes conservatively.

A cell that a spreadsheet would run as a formula is written with a `'` before it, which reading takes off again.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, BinaryIO

from tieline import ConfigError
from tieline_files.rows import Entry, Head, Place, Row

BOM = b"\xef\xbb\xbf"
UTF16 = (b"\xff\xfe", b"\xfe\xff")
NEW_FILE_EOL = "\r\n"

_FORMULA = frozenset("=+-@\t\r\0")
_NUMBER = re.compile(r"[+-](\d+(\.\d*)?|\.\d+)", re.ASCII)


def guard(text: str) -> str:
    """The text as a cell no spreadsheet runs. `unguard` takes it back exactly: see `_runs` for which ones change."""
    return "'" + text if _runs(text) else text


def unguard(cell: str) -> str:
    """The text that `guard` was given."""
    return cell[1:] if cell[:1] == "'" and _runs(cell) else cell


def _runs(text: str) -> bool:
    """Whether a formula is left when all leading `'` are gone, so that adding one or taking one never changes the
    answer: that makes guarding reversible. A plain number such as -5 is no formula."""
    bare = text.lstrip("'")
    return bare[:1] in _FORMULA and bare != "" and not _NUMBER.fullmatch(bare)


class _Lines:
    """The physical lines of a file, some of which may be given back."""

    def __init__(self, file: BinaryIO) -> None:
        self._readline = file.readline
        self._again: list[bytes] = []

    def next(self) -> bytes:
        """The next line with its ending, b"" at the end."""
        return self._again.pop() if self._again else self._readline()

    def give_back(self, lines: Sequence[bytes]) -> None:
        """These come next, in this order."""
        self._again.extend(reversed(lines))


class CsvForm:
    """The CSV of one file: its delimiter and encoding."""

    def __init__(self, delimiter: str, encoding: str) -> None:
        self.longest: int | None = csv.field_size_limit() - 1  # one for the guard
        self._delimiter, self._encoding = delimiter, encoding
        self._special = re.compile(rf'[{re.escape(delimiter)}"\r\n]|\A\s|\s\Z')

    def _reader(self, lines: Iterator[str]) -> Iterator[list[str]]:
        return csv.reader(lines, delimiter=self._delimiter, strict=True)

    # -- reading

    def head(self, file: BinaryIO) -> Head:
        """The header line; a byte-order mark before it is kept."""
        first = file.read(len(BOM))
        bom = BOM if first == BOM and self._encoding == "utf-8" else b""
        if first.startswith(UTF16):
            raise ConfigError("it is UTF-16: save it as UTF-8")
        file.seek(len(bom))
        lines = _Lines(file)
        taken, columns, why = self._record(lines.next(), lines)
        body = b"".join(taken)
        if why:
            raise ConfigError(f"its header line cannot be read: {why}")
        self._usable(columns)
        eol = "\r\n" if body.endswith(b"\r\n") else "\n"
        rows = Place(len(bom) + len(body), 1 + len(taken))
        return Head(bom + body, tuple(columns), rows, eol, body.startswith(b'"'))

    def _usable(self, columns: Sequence[str]) -> None:
        if not any(columns):
            raise ConfigError("it has no header line")
        twice = sorted({c for c in columns if c and columns.count(c) > 1})
        if twice:
            raise ConfigError(f"its header names {', '.join(map(repr, twice))} more than once")

    def entries(self, file: BinaryIO, head: Head, start: Place) -> Iterator[Entry]:
        """Rows, bad rows and blank lines. After an unbalanced quote, reading goes on at the next physical line."""
        columns = head.columns or ()
        for offset, line, raw, cells, why in self._records(file, head, start):
            row = None
            if cells is not None:
                if b"'" in raw:
                    cells = [cell if cell[:1] != "'" else unguard(cell) for cell in cells]
                row = dict(zip(columns, cells, strict=True))
            yield Entry(Place(offset, line), raw, row, why)

    def values(self, file: BinaryIO, head: Head, columns: Sequence[str]) -> Iterator[tuple[int, int, Sequence[Any]]]:
        """Offset, line and some columns of every row; a column that the header lacks is blank."""
        names = head.columns or ()
        at = [names.index(c) for c in columns if c in names]
        rest = [None] * (len(columns) - len(at))
        for offset, line, _, cells, _ in self._records(file, head, head.rows):
            if cells is not None:
                yield offset, line, [unguard(cells[i]) for i in at] + rest

    def _records(
        self, file: BinaryIO, head: Head, start: Place
    ) -> Iterator[tuple[int, int, bytes, list[str] | None, str]]:
        """Offset, line, bytes, cells as they are spelled (None: no row), and what is wrong."""
        width = len(head.columns or ())
        offset, line = start
        file.seek(offset)
        lines = _Lines(file)
        while first := lines.next():
            taken, cells, why = self._record(first, lines)
            raw = first if len(taken) == 1 else b"".join(taken)
            if len(cells) != width and not why and any(cells):
                why = f"it has {len(cells)} cells, the header {width}"
            yield offset, line, raw, cells if not why and any(cells) else None, why
            offset, line = offset + len(raw), line + len(taken)

    def _record(self, first: bytes, lines: _Lines) -> tuple[list[bytes], list[str], str]:
        """The record that begins with the line `first`: its lines, its cells, and what is wrong with it.

        A line without a quote is split at the delimiters, which costs a third of parsing it.
        """
        if b'"' in first:
            return self._quoted_record(first, lines)
        try:
            text = first.decode(self._encoding)
        except UnicodeDecodeError as error:
            return [first], [], self._garbled(error)
        text = text.removesuffix("\n").removesuffix("\r")
        if "\r" in text:
            return [first], [], "a carriage return stands outside quotes (save the file with line endings LF or CRLF)"
        return [first], text.split(self._delimiter), ""

    def _quoted_record(self, first: bytes, lines: _Lines) -> tuple[list[bytes], list[str], str]:
        """As `_record`. When the quotes do not balance, the first line alone is the record."""
        taken: list[bytes] = []
        garbled: list[str] = []

        def feed() -> Iterator[str]:
            raw = first
            while raw:
                taken.append(raw)
                try:
                    yield raw.decode(self._encoding)
                except UnicodeDecodeError as error:
                    garbled.append(self._garbled(error))
                    yield raw.decode(self._encoding, "replace")
                raw = lines.next()

        try:
            cells = next(self._reader(feed()))
        except csv.Error as error:
            lines.give_back(taken[1:])
            return [first], [], _plain(error)
        return taken, cells, garbled[0] if garbled else ""

    def _garbled(self, error: UnicodeDecodeError) -> str:
        return f"byte {error.start + 1} of the line is not {self._encoding}"

    def content(self, entry: Entry, hub_at: int | None) -> bytes:
        """The cells without their quoting, the hub's id last."""
        cells = [*(entry.row or {}).values()]
        if hub_at is not None:
            stamp = cells.pop(hub_at)
            if stamp:
                cells.append(stamp)
        return "\x1f".join(cells).encode()

    # -- writing

    def fresh(self, columns: Sequence[str]) -> Head:
        """A header line in the form RFC 4180 asks for."""
        raw = self._line(columns, Head(b"", (), Place(0, 1), NEW_FILE_EOL))
        return Head(raw, tuple(columns), Place(len(raw), 2), NEW_FILE_EOL)

    def with_column(self, head: Head, column: str) -> Head:
        """One more name at the end of the header line."""
        return head._replace(
            raw=_appended(head.raw, self._line([column], head), self._delimiter),
            columns=(*(head.columns or ()), column),
        )

    def widened(self, entry: Entry, head: Head) -> bytes:
        """One more blank cell. A row with too many or too few cells gets it too, lest it fit the new header; a blank
        line and one that cannot be parsed stay as they are."""
        if entry.row is None and (not entry.why or not self._parses(entry.raw)):
            return entry.raw
        return _appended(entry.raw, b'""' if head.quoted else b"", self._delimiter)

    def edited(self, raw: bytes, head: Head, changes: Row) -> bytes:
        """Cells that are not changed keep their text, guarded or not."""
        text = raw.decode(self._encoding)
        cells = next(self._reader(io.StringIO(text, newline="\n")))
        for at, column in enumerate(head.columns or ()):
            if column in changes:
                cells[at] = self._cell(column, changes[column])
        return self._line(cells, head)

    def added(self, head: Head, row: Row) -> bytes:
        """A line with every column of the header; those that `row` lacks are blank."""
        return self._line([self._cell(c, row.get(c)) for c in head.columns or ()], head)

    def _cell(self, column: str, value: Any) -> str:
        text = _text(value)
        if self.longest is not None and len(text) > self.longest:
            raise ValueError(f"{column!r}: {len(text):,} characters, a cell holds {self.longest:,}")
        try:
            text.encode(self._encoding)
        except UnicodeEncodeError as error:
            raise ValueError(f"{column!r}: {text[error.start]!r} cannot be written in {self._encoding}") from None
        return guard(text)

    def _line(self, cells: Sequence[str], head: Head) -> bytes:
        spelled = [self._quote(cell, head.quoted) for cell in cells]
        return (self._delimiter.join(spelled) + head.eol).encode(self._encoding)

    def _quote(self, cell: str, always: bool) -> str:
        if always or self._special.search(cell):
            return '"' + cell.replace('"', '""') + '"'
        return cell

    def _parses(self, raw: bytes) -> bool:
        text = raw.decode(self._encoding, "replace")
        try:
            return len(list(self._reader(io.StringIO(text, newline="\n")))) == 1
        except csv.Error:
            return False


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _appended(raw: bytes, cell: bytes, delimiter: str) -> bytes:
    """A line with one more cell (`cell` may end its line) and the line ending it had, if any."""
    ending = b"\r\n" if raw.endswith(b"\r\n") else b"\n" if raw.endswith(b"\n") else b""
    return raw.removesuffix(ending) + delimiter.encode() + cell.rstrip(b"\r\n") + ending


def _plain(error: csv.Error) -> str:
    """What csv says, in words about the file."""
    text = str(error)
    if "unexpected end" in text or "field larger" in text:
        return "a quoted cell is never closed"
    if "expected after" in text:
        return "a quoted cell goes on after its closing quote"
    if "new-line" in text:
        return "a carriage return stands outside quotes (save the file with line endings LF or CRLF)"
    return text
