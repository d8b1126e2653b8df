"""A look at a tab: which rows it has, by key, and what stands in those that are asked for. Decides nothing.

A small tab is read whole in one call. Of a large one the key column is read, with the rows that are wanted where they
were last seen; only rows that have moved since cost another call.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from tieline import ConfigError, Mapper, Unavailable
from tieline_google.sheets.book import Block, Book, PastTheEnd, Shape
from tieline_google.sheets.cells import at, letters, spans
from tieline_google.sheets.mapping import KEY
from tieline_google.sheets.rows import Header, Key, Row, Rows, key_of, provisional

FIRST = 2
"""The first row below the header."""
TRIES = 5
KNOWN = 100_000
"""Rows of which it is remembered where they were."""


class Found(NamedTuple):
    """A row that was met: its number, what stands in it, and its key."""

    number: int
    row: Row
    key: Key | None


class View:
    """What one look showed."""

    def __init__(self, rows: Rows, keys: Sequence[Any], known: dict[int, Row], now: int, *, whole: bool) -> None:
        self.rows, self.known, self.now, self.whole = rows, known, now, whole
        self.raw = keys
        """What stands in the key column, from row 2 on."""
        self.at: dict[str, int] = {}
        """Id → the first row that has it; a row further down is a copy, and has no key."""
        self._hubs: dict[str, list[str]] = {}
        for number, value in enumerate(keys, FIRST):
            if value is None:
                continue
            key = key_of(value)
            if key is not None and self.at.setdefault(key.id, number) == number and key.hub_id not in (None, key.id):
                self._hubs.setdefault(str(key.hub_id), []).append(key.id)
        self.columns: dict[int, Sequence[Any]] = {}
        """Columns that were read whole, from row 2 on."""

    def key(self, number: int) -> Key | None:
        """The key of a row; None where it has none, or only a copy of one."""
        key = key_of(self.raw[number - FIRST]) if 0 <= number - FIRST < len(self.raw) else None
        return key if key is not None and self.at.get(key.id) == number else None

    @property
    def unnamed(self) -> list[int]:
        """All rows without a key, read or not; only blanks among them are no records."""
        named = set(self.at.values())
        return [n for n in range(FIRST, FIRST + len(self.raw)) if n not in named]

    def value(self, number: int, column: int) -> Any:
        """A cell that was read; None is blank."""
        if column in self.columns:
            cells = self.columns[column]
            return at(cells, number - FIRST)
        return at(self.known.get(number, ()), column)

    def hub(self, hub_id: str) -> list[str]:
        """The ids of rows that carry a hub id."""
        own = self.key(self.at.get(hub_id, 0))
        return [*([hub_id] if own is not None and own.hub_id == hub_id else ()), *self._hubs.get(hub_id, ())]

    def keyless(self) -> Iterable[int]:
        """Rows that were read and are records without a key."""
        return (n for n in sorted(self.known) if self.key(n) is None and not self.rows.empty(self.known[n], None))

    def find(self, ids: Iterable[str]) -> dict[str, Found]:
        """Those of these ids that are there, provisional ones by what they hold."""
        found: dict[str, Found] = {}
        digests: dict[str, list[int]] = {}
        wanted = {id: provisional(id) for id in ids}
        if any(wanted.values()):
            for number in self.keyless():
                digests.setdefault(self.rows.digest(self.known[number]), []).append(number)
        for id, unnamed in wanted.items():
            if unnamed is not None:
                numbers = digests.get(unnamed[0], ())
                if unnamed[1] < len(numbers):
                    number = numbers[unnamed[1]]
                    found[id] = Found(number, self.known[number], None)
            elif (number := self.at.get(id, 0)) in self.known:
                key = self.key(number)
                if not self.rows.empty(self.known[number], key):
                    found[id] = Found(number, self.known[number], key)
        return found


class Lens:
    """Looks at one tab. Safe to share between threads: what it remembers is only where to look first."""

    def __init__(self, book: Book, tab: str, mapper: Mapper, limit: int) -> None:
        self.book, self.tab, self.mapper, self.limit = book, tab, mapper, limit
        self._column: int | None = None
        self.rows: Rows | None = None
        """The last header that was met, None before any was."""
        self._where: dict[str, int] = {}
        self._met = 0
        """How many rows there were at the last look."""

    def remember(self, where: Mapping[str, int]) -> None:
        """Where rows were."""
        if len(self._where) + len(where) > KNOWN:
            self._where = {}
        self._where.update(where)

    def under(self, titles: Row, shape: Shape) -> Rows:
        """Rows under a header. Raises ConfigError where it has no key column, or two."""
        header = Header(titles)
        if header.key is None:
            many = len(header.doubled.get(KEY.casefold(), ()))
            had = f"{many} columns" if many else "no column"
            said = f"the tab {self.tab} has {had} {KEY!r} in its first row: nothing in it can be told apart"
            raise ConfigError(said, hint="tieline check")
        self._column = header.key
        if self.rows is None or (self.rows.header.titles, self.rows.merges) != (header.titles, shape.merges):
            self.rows = Rows(self.tab, self.mapper, header, shape.merges)
        return self.rows

    def is_small(self, shape: Shape) -> bool:
        """Whether the tab is read whole."""
        return max(shape.rows, self._met) <= self.limit

    def look(
        self,
        ids: Iterable[str] = (),
        columns: Iterable[int] = (),
        near: Iterable[int] = (),
        *,
        whole: bool | None = None,
    ) -> View:
        """The tab now: its keys, the rows of these ids, and these columns whole; `near` are rows to look at, too.

        `whole`: all rows, or no more than needed; None: as the tab is large or small.
        """
        shape = self.book.shape(self.tab)
        if self.is_small(shape) if whole is None else whole:
            return self._whole(shape)
        wanted = list(ids)
        return self._part(shape, wanted, list(columns), {*near, *(self._where[i] for i in wanted if i in self._where)})

    def _whole(self, shape: Shape) -> View:
        (block,), now = self.book.ask(self.tab, [""])
        rows = self.under(block.rows[0] if block.rows else (), shape)
        lines = block.rows[1:]
        keys = [at(line, rows.header.key or 0) for line in lines]
        self._met = len(lines)
        return View(rows, keys, dict(enumerate(lines, FIRST)), now, whole=True)

    def _part(self, shape: Shape, ids: Sequence[str], columns: Sequence[int], numbers: set[int]) -> View:
        known: dict[int, Row] = {}
        everyone = False
        for _ in range(TRIES):
            view = self._once(shape, columns, numbers, known)
            if view is None:
                numbers = set()
                continue
            known = {n: row for n, row in view.known.items() if self._holds(view, n, row)}
            view.known = known
            need = {view.at[i] for i in ids if i in view.at} - known.keys()
            unnamed = [i for i in ids if provisional(i) is not None]
            if not need and unnamed and not everyone and len(view.find(unnamed)) < len(unnamed):
                need = set(view.unnamed) - known.keys()
                everyone = True
            if not need:
                self.remember({i: view.at[i] for i in ids if i in view.at})
                return view
            numbers = need
        raise Unavailable(f"the rows of the tab {self.tab} do not stand still: it is being sorted", sent=False)

    def _once(self, shape: Shape, columns: Sequence[int], numbers: set[int], known: Mapping[int, Row]) -> View | None:
        """One call; None where the key column, or the tab's end, is not where it was."""
        first = self._column
        whole = [*([first] if first is not None else []), *columns]
        near = spans(numbers)
        ranges = ["1:1", *(f"{letters(c)}{FIRST}:{letters(c)}" for c in whole), *(f"{a}:{b}" for a, b in near)]
        try:
            blocks, now = self.book.ask(self.tab, ranges)
        except PastTheEnd:
            self.book.forget()
            self._where = {}
            return None
        titles = next((b.rows[0] for b in blocks if b.start == 1 and b.rows), ())
        rows = self.under(titles, shape)
        if first is None or rows.header.key != first:
            return None
        cells = [[at(line, 0) for line in block.rows] for block in blocks[1 : 1 + len(whole)]]
        found = {n: row for n, row in known.items() if n not in numbers}
        for block, (start, end) in zip(blocks[1 + len(whole) :], near, strict=True):
            lines: Sequence[Row] = block.rows
            found.update({n: lines[n - start] if n - start < len(lines) else () for n in range(start, end + 1)})
        self._met = len(cells[0])
        view = View(rows, cells[0], found, now, whole=False)
        view.columns = dict(zip(columns, cells[1:], strict=True))
        return view

    def _holds(self, view: View, number: int, row: Row) -> bool:
        """Whether a row that was read is the one that the key column says is there."""
        told = view.raw[number - FIRST] if number - FIRST < len(view.raw) else None
        return bool(at(row, view.rows.header.key or 0) == told)

    def page(self, first: int, last: int, shape: Shape) -> View:
        """Rows from `first` to `last`, with the keys of all that come before."""
        before = first > FIRST
        for _ in range(TRIES):
            asked = self._column or 0
            column = letters(asked)
            ranges = ["1:1", f"{first}:{last}", *([f"{column}{FIRST}:{column}{first - 1}"] if before else [])]
            try:
                blocks, now = self.book.ask(self.tab, ranges)
            except PastTheEnd:
                blocks, now = self.book.ask(self.tab, ["1:1"])
                blocks = [blocks[0], Block(first, ()), Block(FIRST, ())]
            rows = self.under(blocks[0].rows[0] if blocks[0].rows else (), shape)
            if not before or rows.header.key == asked:
                break
        lines, key = blocks[1].rows, rows.header.key or 0
        keys = [at(line, 0) for line in blocks[2].rows] if before else []
        keys += [None] * (first - FIRST - len(keys))
        keys += [at(line, key) for line in lines]
        return View(rows, keys, dict(enumerate(lines, first)), now, whole=False)
