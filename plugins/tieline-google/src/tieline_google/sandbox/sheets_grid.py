"""The tabs of the stand-in's spreadsheets: their cells, and which of them a range in A1 notation names.

A row is a list that is replaced and never changed in place, so that a shallow copy of a tab can be gone back to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple
from zlib import crc32

from tieline_google.sandbox.wire import Row, invalid

ROWS, COLUMNS = 1000, 26
"""The size of a new tab [rec]."""
_A1 = re.compile(r"\$?([A-Za-z]{1,3})?\$?(\d+)?(?::\$?([A-Za-z]{1,3})?\$?(\d+)?)?")
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Area(NamedTuple):
    """Cells of a tab: zero-based, ends exclusive."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass
class Tab:
    """One tab."""

    id: int
    title: str
    rows: int = ROWS
    columns: int = COLUMNS
    cells: list[list[Any]] = field(default_factory=list)
    """Rows from the top, each cut behind its last cell that holds anything; None is blank."""
    frozen: int = 0
    hidden: bool = False
    merges: list[Row] = field(default_factory=list)
    validations: list[Row] = field(default_factory=list)
    formats: list[Row] = field(default_factory=list)
    protected: list[Row] = field(default_factory=list)
    sizes: dict[str, Row] = field(default_factory=dict)
    """Index of a column, as text → what was set of it."""

    def copy(self) -> Tab:
        """One that can be gone back to."""
        twin = Tab(**{**self.__dict__, "cells": list(self.cells)})
        twin.merges, twin.validations, twin.formats = list(self.merges), list(self.validations), list(self.formats)
        twin.protected, twin.sizes = list(self.protected), {k: dict(v) for k, v in self.sizes.items()}
        return twin

    def cell(self, row: int, column: int) -> Any:
        """What a cell holds; None is blank."""
        return self.cells[row][column] if row < len(self.cells) and column < len(self.cells[row]) else None

    def put(self, top: int, left: int, values: Sequence[Sequence[Any]]) -> None:
        """Write cells; a None among the values leaves the cell alone, a blank text empties it."""
        for row, line in enumerate(values, top):
            while len(self.cells) <= row:
                self.cells.append([])
            held = list(self.cells[row])
            held += [None] * (left + len(line) - len(held))
            for column, value in enumerate(line, left):
                if value is not None:
                    held[column] = None if value == "" and not isinstance(value, bool) else value
            self.cells[row] = trimmed(held)

    @property
    def last(self) -> int:
        """The number of rows up to the last one that holds anything."""
        return next((n + 1 for n in range(len(self.cells) - 1, -1, -1) if self.cells[n]), 0)

    def properties(self, index: int) -> Row:
        """As the API shows it [rec]."""
        grid: Row = {"rowCount": self.rows, "columnCount": self.columns}
        if self.frozen:
            grid["frozenRowCount"] = self.frozen
        shown: Row = {"sheetId": self.id, "title": self.title, "index": index, "sheetType": "GRID"}
        return {**shown, "gridProperties": grid, **({"hidden": True} if self.hidden else {})}


def trimmed(row: list[Any]) -> list[Any]:
    """Without the blanks at its end."""
    while row and row[-1] is None:
        row.pop()
    return row


class Book:
    """One spreadsheet."""

    def __init__(self, title: str, tabs: list[Tab] | None = None, id: str = "") -> None:
        self.title, self.id = title, id
        self.tabs = [Tab(0, "Sheet1")] if tabs is None else tabs
        self.made = len(self.tabs)

    def tab(self, title: str) -> Tab | None:
        """By title, whatever its case."""
        return next((t for t in self.tabs if t.title.casefold() == title.casefold()), None)

    def by_id(self, id: Any) -> Tab:
        """Raises the 400 of an id that no tab has [memory]."""
        found = next((t for t in self.tabs if t.id == (id or 0)), None)
        if found is None:
            raise invalid(f"No grid with id: {id}")
        return found

    def new_id(self) -> int:
        """An id for one more tab."""
        self.made += 1
        return crc32(f"{self.id} {self.made}".encode()) & 0x7FFFFFFF

    def dump(self) -> Row:
        """As plain JSON."""
        return {"title": self.title, "id": self.id, "made": self.made, "tabs": [asdict(t) for t in self.tabs]}


def restored(body: Mapping[str, Any]) -> Book:
    """What `dump` gave, alive again."""
    book = Book(body["title"], [Tab(**t) for t in body["tabs"]], body["id"])
    book.made = body["made"]
    return book


class Books:
    """All spreadsheets, by the ids of their files."""

    def __init__(self) -> None:
        self.books: dict[str, Book] = {}

    def dump(self) -> Row:
        """As plain JSON."""
        return {id: book.dump() for id, book in self.books.items()}

    def restore(self, body: Mapping[str, Any]) -> None:
        """Take in what `dump` gave."""
        self.books = {id: restored(book) for id, book in body.items()}


# -- A1 notation


def letters(column: int) -> str:
    """0 → A, 26 → AA."""
    text = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        text = chr(65 + rest) + text
    return text


def _column(text: str) -> int:
    number = 0
    for letter in text.upper():
        number = number * 26 + ord(letter) - 64
    return number - 1


def located(book: Book, text: str) -> tuple[Tab, Area, bool]:
    """The tab and cells that a range names, cut to the grid; whether it is a single cell.

    Raises the 400 of a range that cannot be read, or that begins outside the grid [iss].
    """
    title, cells = _split(book, text)
    tab = book.tabs[0] if title is None else book.tab(title)
    if tab is None:
        raise invalid(f"Unable to parse range: {text}")
    if not cells:
        return tab, Area(0, 0, tab.rows, tab.columns), False
    match = _A1.fullmatch(cells)
    if match is None:
        raise invalid(f"Unable to parse range: {text}")
    left, top, right, bottom = match.groups()
    single = ":" not in cells
    if single:
        right, bottom = left, top
    area = Area(
        int(top) - 1 if top else 0,
        _column(left) if left else 0,
        int(bottom) if bottom else tab.rows,
        _column(right) + 1 if right else tab.columns,
    )
    if area.top >= tab.rows or area.left >= tab.columns:
        limits = f"Max rows: {tab.rows}, max columns: {tab.columns}"
        raise invalid(f"Range ({named(tab.title)}!{cells}) exceeds grid limits. {limits}")
    return tab, area._replace(bottom=min(area.bottom, tab.rows), right=min(area.right, tab.columns)), single


def _split(book: Book, text: str) -> tuple[str | None, str]:
    if text.startswith("'"):
        match = re.fullmatch(r"'((?:[^']|'')*)'(?:!(.*))?", text, re.DOTALL)
        if match is None:
            raise invalid(f"Unable to parse range: {text}")
        return match[1].replace("''", "'"), match[2] or ""
    title, mark, cells = text.rpartition("!")
    if mark:
        return title, cells
    return (text, "") if book.tab(text) is not None or not _A1.fullmatch(text) else (None, text)


def named(title: str) -> str:
    """A title as ranges show it: in quotes unless it is one plain word [rec]."""
    return title if _PLAIN.fullmatch(title) else "'" + title.replace("'", "''") + "'"


def shown(tab: Tab, area: Area) -> str:
    """A range as answers name it [rec]."""
    first = f"{letters(area.left)}{area.top + 1}"
    last = f"{letters(area.right - 1)}{area.bottom}"
    return f"{named(tab.title)}!{first}" + (f":{last}" if last != first else "")


def covered(tab: Tab, row: int, column: int) -> bool:
    """Whether the cell lies beneath a merged one."""
    return any(
        m["startRowIndex"] <= row < m["endRowIndex"]
        and m["startColumnIndex"] <= column < m["endColumnIndex"]
        and (row, column) != (m["startRowIndex"], m["startColumnIndex"])
        for m in tab.merges
    )


def grid_area(tab: Tab, grid: Mapping[str, Any]) -> Area:
    """The cells of a GridRange; an end that is not given is the grid's."""
    return Area(
        int(grid.get("startRowIndex", 0)),
        int(grid.get("startColumnIndex", 0)),
        int(grid.get("endRowIndex", tab.rows)),
        int(grid.get("endColumnIndex", tab.columns)),
    )


def inside(found: Sequence[Row], tab: Tab, row: int, column: int) -> Iterator[Row]:
    """Those of some settings, each with a `range`, that reach a cell; the newest last."""
    for one in found:
        area = grid_area(tab, one["range"])
        if area.top <= row < area.bottom and area.left <= column < area.right:
            yield one
