"""A look at a tab: which rows it has, by key, and what stands in those that are asked for. Decides nothing.

A small tab is read whole in one call. Of a large one the key column is read, with the rows that are wanted where they
were last seen; only rows that have moved since cost another call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from tieline import ConfigError, Mapper, Unavailable
from tieline_google.sheets.beside import FIRST, TRIES, Beside
from tieline_google.sheets.book import Block, Book, PastTheEnd, Shape
from tieline_google.sheets.cells import at, letters, spans
from tieline_google.sheets.keys import Key, key_of, provisional
from tieline_google.sheets.mapping import KEY
from tieline_google.sheets.names import Home, Names, shown_by
from tieline_google.sheets.rows import Header, Row, Rows

A_MOMENT_MS = 500
"""How long what was seen is taken for what is there: about as long as a call takes."""
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
        self._keys: dict[int, Key] = {}
        for number, value in enumerate(keys, FIRST):
            key = key_of(value) if value is not None else None
            if key is None or self.at.setdefault(key.id, number) != number:
                continue
            if number in known:
                self._keys[number] = key
            if key.hub_id not in (None, key.id):
                self._hubs.setdefault(str(key.hub_id), []).append(key.id)
        self.columns: dict[int, Sequence[Any]] = {}
        """Columns that were read whole, from row 2 on."""
        self.names: Mapping[str, Names] = {}
        """Title of a tab → what its rows are called."""

    def key(self, number: int) -> Key | None:
        """The key of a row; None where it has none, or only a copy of one."""
        if number in self._keys:
            return self._keys[number]
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
    """Looks at one tab. Safe to share between threads: what it remembers is where to look first, and the last look."""

    def __init__(self, book: Book, tab: str, mapper: Mapper, limit: int, homes: Mapping[str, Home]) -> None:
        self.book, self.tab, self.mapper, self.limit = book, tab, mapper, limit
        self.homes = homes
        """Reference field → where its rows are."""
        self.beside = Beside(book, tab, homes)
        self._shown = {s.home.tab for s in shown_by(mapper, homes).values()}
        self._column = 0  # as in a sheet that Tieline made
        self.rows: Rows | None = None
        """The last header that was met, None before any was."""
        self._where: dict[str, int] = {}
        self._met = 0
        """How many rows there were at the last look."""
        self.bottom = FIRST - 1
        """The last row that held anything, as far as was read."""
        self._last: tuple[View, int, int] | None = None
        self._listed: tuple[str, Mapping[str, Names]] = ("", {})

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
        self.book.headers[self.tab] = header
        if self.rows is None or (self.rows.header.titles, self.rows.merges) != (header.titles, shape.merges):
            self.rows = Rows(self.tab, self.mapper, header, shape.merges, self.homes)
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
        referred: Iterable[str] = (),
    ) -> View:
        """The tab now: its keys, the rows of these ids, and these columns whole; `near` are rows to look at, too.

        `whole`: all rows, or no more than needed; None: as the tab is large or small. What the rows of other tabs are
        called comes with it, where names of theirs are shown here, or where they are `referred` to.
        """
        shape = self.book.shape(self.tab)
        began, writes = self.book.wire.clock.now(), self.book.writes
        tabs = self._tabs(referred)
        for _ in range(TRIES):
            if self.is_small(shape) if whole is None else whole:
                view = self._whole(shape, tabs)
            else:
                wanted = list(ids)
                where = {self._where[i] for i in wanted if i in self._where}
                view = self._part(shape, wanted, list(columns), {*near, *where}, tabs)
            if not (lacking := self._tabs(referred) - tabs):
                break
            tabs |= lacking  # somebody has just made the column that shows them
        self._last = (view, began, writes)
        return view

    def just(self, enough: Callable[[View], bool]) -> View | None:
        """What was seen a moment ago, by whoever looked, where nothing was written since and it is enough; once."""
        last, self._last = self._last, None
        if last is None:
            return None
        view, began, writes = last
        fresh = 0 <= self.book.wire.clock.now() - began <= A_MOMENT_MS and writes == self.book.writes
        return view if fresh and enough(view) else None

    def _tabs(self, referred: Iterable[str] = ()) -> frozenset[str]:
        """The tabs whose names are wanted: those shown here, all that may be while the header is not known, and those
        of these fields."""
        shown = self._shown if self.rows is None else {s.home.tab for _, s in self.rows.beside.values()}
        return frozenset(shown) | {self.homes[n].tab for n in referred if n in self.homes}

    def _whole(self, shape: Shape, tabs: frozenset[str]) -> View:
        (block,), now, names = self.beside.ask([""], tabs - {self.tab})
        rows = self.under(block.rows[0] if block.rows else (), shape)
        lines = block.rows[1:]
        keys = [at(line, rows.header.key or 0) for line in lines]
        self._met, self.bottom = len(lines), FIRST - 1 + len(lines)
        view = View(rows, keys, dict(enumerate(lines, FIRST)), now, whole=True)
        if self.tab in tabs:
            name = rows.header.column(self.beside.homes[self.tab].name)
            names[self.tab] = Names(keys, [at(line, name) for line in lines] if name is not None else ())
        view.names = names
        return view

    def _part(
        self, shape: Shape, ids: Sequence[str], columns: Sequence[int], numbers: set[int], tabs: frozenset[str]
    ) -> View:
        known: dict[int, Row] = {}
        everyone = False
        for _ in range(TRIES):
            view = self._once(shape, columns, numbers, known, tabs)
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

    def _once(
        self,
        shape: Shape,
        columns: Sequence[int],
        numbers: set[int],
        known: Mapping[int, Row],
        tabs: frozenset[str],
    ) -> View | None:
        """One call; None where the key column, or the tab's end, is not where it was."""
        first = self._column
        whole = [first, *columns]
        near = spans(numbers)
        ranges = ["1:1", *(f"{letters(c)}{FIRST}:{letters(c)}" for c in whole), *(f"{a}:{b}" for a, b in near)]
        try:
            blocks, now, names = self.beside.ask(ranges, tabs)
        except PastTheEnd:
            self.book.forget()
            self._where = {}
            return None
        titles = next((b.rows[0] for b in blocks if b.start == 1 and b.rows), ())
        rows = self.under(titles, shape)
        if rows.header.key != first:
            return None
        cells = [[at(line, 0) for line in block.rows] for block in blocks[1 : 1 + len(whole)]]
        found = {n: row for n, row in known.items() if n not in numbers}
        for block, (start, end) in zip(blocks[1 + len(whole) :], near, strict=True):
            lines: Sequence[Row] = block.rows
            found.update({n: lines[n - start] if n - start < len(lines) else () for n in range(start, end + 1)})
        self._met = len(cells[0])
        view = View(rows, cells[0], found, now, whole=False)
        view.columns = dict(zip(columns, cells[1:], strict=True))
        view.names = names
        return view

    def _holds(self, view: View, number: int, row: Row) -> bool:
        """Whether a row that was read is the one that the key column says is there."""
        told = view.raw[number - FIRST] if number - FIRST < len(view.raw) else None
        return bool(at(row, view.rows.header.key or 0) == told)

    def page(self, first: int, last: int, shape: Shape, token: str) -> View:
        """Rows from `first` to `last`, with the keys of all that come before. What other tabs' rows are called is
        asked once for all pages of a listing under one version of the file, `token`."""
        before = first > FIRST
        for _ in range(TRIES):
            tabs = self._tabs()
            known, names = self._listed
            if known == token and names.keys() >= tabs:
                tabs = frozenset()
            asked = self._column
            column = letters(asked)
            ranges = ["1:1", f"{first}:{last}", *([f"{column}{FIRST}:{column}{first - 1}"] if before else [])]
            try:
                blocks, now, met = self.beside.ask(ranges, tabs)
            except PastTheEnd:
                blocks, now, met = self.beside.ask(["1:1"], tabs)
                blocks = [blocks[0], Block(first, ()), Block(FIRST, ())]
            rows = self.under(blocks[0].rows[0] if blocks[0].rows else (), shape)
            self._listed = (token, {**(names if known == token else {}), **met})
            if (not before or rows.header.key == asked) and self._listed[1].keys() >= self._tabs():
                break
        lines, key = blocks[1].rows, rows.header.key or 0
        keys = [at(line, 0) for line in blocks[2].rows] if before else []
        keys += [None] * (first - FIRST - len(keys))
        keys += [at(line, key) for line in lines]
        if lines:
            self.bottom = first - 1 + len(lines)
        view = View(rows, keys, dict(enumerate(lines, first)), now, whole=False)
        view.names = self._listed[1]
        if last >= shape.rows:
            self._listed = ("", {})
        return view
