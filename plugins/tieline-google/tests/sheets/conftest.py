"""Fixtures: a spreadsheet on the stand-in, people at its screen, and the connector that syncs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import pytest

from tieline import Remote
from tieline.testing import HttpSubject
from tieline_google.sandbox.sheets_grid import Book, Tab
from tieline_google.sheets.keys import key_of
from tieline_google.sheets.make import titles
from tieline_google.sheets.mapping import TABS
from tieline_google.sheets.names import homes_of
from tieline_google.sheets.rows import Header
from tieline_google.spec import SPEC

SPREADSHEET = "1TielineSheetOfTheTests"
STREAMS = ("accounts", "campaigns", "opportunities")
TYPING_MS = 3_000
SMALL = 50
"""Rows in a page."""


def made(title: str, columns: Sequence[str], id: int) -> Tab:
    """A tab with a header."""
    tab = Tab(id, title, frozen=1)
    tab.put(0, 0, [list(columns)])
    return tab


class SheetsSubject(HttpSubject):
    """A spreadsheet without rows; `outside` is the subject itself: people at its screen."""

    many = SMALL + 5

    def __init__(
        self,
        vices: tuple[str, ...] = (),
        rows: int = SMALL,
        streams: Sequence[str] = STREAMS,
        names: bool = True,
    ) -> None:
        super().__init__(SPEC, {"spreadsheet": SPREADSHEET, "rows": rows}, vices)
        self.streams, self.limit = tuple(streams), rows
        self.outside = self
        self.file = self.sandbox.state.files.make("Pipeline", _MIME, self.clock.now(), id=SPREADSHEET)
        homes = {s: homes_of(self.mappers[s], self.mappers) if names else {} for s in STREAMS}
        tabs = [made(TABS[s], titles(self.mappers[s], homes[s]), n) for n, s in enumerate(STREAMS)]
        self.sandbox.state.sheets.books[SPREADSHEET] = Book("Pipeline", tabs)
        self.made = 0
        self.rows_typed: dict[str, int] = {}
        self.reasons = {
            "M1": "a row is copied and deleted, nobody merges two",
            "M2": "a row is copied and deleted, nobody merges two",
            "T4": "the version of a file does not expire",
        }

    @property
    def book(self) -> Book:
        """The spreadsheet itself."""
        return self.sandbox.state.sheets.books[SPREADSHEET]

    def tab(self, stream: str) -> Tab:
        """A stream's tab."""
        found = self.book.tab(TABS[stream])
        assert found is not None
        return found

    def sample(self, stream: str, n: int) -> Mapping[str, Any]:
        if stream == "accounts":
            place = {"city": f"Town {n}", "country": "DE"}
            return {"name": f"Account {n}", "description": f"+{n}", "employees": 10 + n, "address": place}
        if stream == "campaigns":
            return {"name": f"Fair {n}", "type": f"T{n}", "budget": f"{n}.5", "start": f"2026-01-{n % 28 + 1:02}"}
        money = {"amount": f"{100 + n}.25", "currency": "EUR"}
        day = f"2026-02-{n % 28 + 1:02}"
        return {"name": f"Deal {n}", "x_next_step": f"Call {n}", "amount": money, "close_date": day, "stage": f"S{n}"}

    # -- people

    def touched(self) -> None:
        """The file has another version: somebody has typed, which takes a while."""
        self.clock.advance(TYPING_MS)
        self.sandbox.state.files.touch(SPREADSHEET, self.clock.now())

    def header(self, stream: str) -> Header:
        """The columns as they are."""
        return Header(self.tab(stream).cells[0])

    def cells(self, stream: str, fields: Mapping[str, Any]) -> dict[int, Any]:
        """Canonical fields as cells."""
        from tieline_google.sheets.rows import Rows

        rows = Rows(TABS[stream], self.mappers[stream], self.header(stream))
        cells, problems = rows.drafted(fields, making=True)
        assert not problems
        return cells

    def put(self, stream: str, row: int, cells: Mapping[int, Any]) -> None:
        """Type into cells of a row (0 is the header)."""
        for column, value in cells.items():
            self.tab(stream).put(row, column, [[value]])
        self.touched()

    def row_of(self, stream: str, id: str) -> int:
        """Where the row of a key is; 0 for none."""
        column = self.header(stream).key or 0
        for number, row in enumerate(self.tab(stream).cells[1:], 1):
            key = key_of(row[column] if column < len(row) else None)
            if key is not None and key.id == id:
                return number
        return 0

    def create(self, stream: str, fields: Mapping[str, Any]) -> str:
        """A row with a key that somebody typed."""
        self.made += 1
        id = f"row {self.made}"
        self.add(stream, {**self.cells(stream, fields), self.header(stream).key or 0: id})
        return id

    def add(self, stream: str, cells: Mapping[int, Any]) -> int:
        """A new row at the end; where."""
        tab = self.tab(stream)
        number = tab.last
        tab.rows = max(tab.rows, number + 1)
        self.put(stream, number, cells)
        return number

    def typed(self, stream: str, fields: Mapping[str, Any]) -> str:
        number = self.add(stream, self.cells(stream, fields))
        found = self.listed(stream)
        id = next(r.id for r in found if r.provisional and r.fields["name"] == fields["name"])
        self.rows_typed[id] = number
        return id

    def listed(self, stream: str) -> list[Remote]:
        """All that the connector lists."""
        page = self.connector.list(stream, None)
        found = [*page.remotes]
        while page.token is not None:
            page = self.connector.list(stream, page.token)
            found += page.remotes
        return found

    def edit(self, stream: str, id: str, fields: Mapping[str, Any]) -> None:
        self.put(stream, self.rows_typed.get(id) or self.row_of(stream, id), self.cells(stream, fields))

    def delete(self, stream: str, id: str) -> None:
        tab, number = self.tab(stream), self.row_of(stream, id)
        tab.cells = tab.cells[:number] + tab.cells[number + 1 :]
        tab.rows -= 1
        self.touched()

    def merge(self, stream: str, winner: str, loser: str) -> None:
        raise NotImplementedError

    def count(self, stream: str) -> int:
        return sum(bool(row) for row in self.tab(stream).cells[1:])

    def state(self) -> Any:
        return self.sandbox.dump()

    def fault(self, name: str) -> AbstractContextManager[None]:
        return self.transport.during(name)


_MIME = "application/vnd.google-apps.spreadsheet"


@pytest.fixture
def sheets() -> Callable[..., SheetsSubject]:
    """`sheets("reorder", rows=5)`: a spreadsheet on a stand-in with these vices; with `names=False` one in which
    references show as keys alone."""

    def start(*vices: str, rows: int = 5000, streams: Sequence[str] = STREAMS, names: bool = True) -> SheetsSubject:
        return SheetsSubject(vices, rows, streams, names)

    return start
