"""The office's side of the demo's company, the same for the same moment: an address book, and a sheet that somebody
has begun by hand.

It turns canonical entries into contacts and cells by the connector's own tables. What is in the company is decided by
`tieline.sandbox.demo_company`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tieline import Cell, Mapper, compile_rules
from tieline.sandbox import Entry, demo_company
from tieline_google.mapping import KINDS, TABLES
from tieline_google.sandbox.files import SPREADSHEET
from tieline_google.sandbox.sheets_grid import Book, Tab
from tieline_google.sandbox.state import State
from tieline_google.sandbox.wire import Row
from tieline_google.sheets.cells import dumped
from tieline_google.sheets.mapping import TABS
from tieline_google.sheets.names import homes_of
from tieline_google.sheets.names import titles as columns
from tieline_google.sheets.rows import Header, Rows

LABEL = "Tieline"
TITLE = "Northbay pipeline"
_CONFIG = """\
spreadsheet = "{sheet}"
"""


def mapper(stream: str) -> Mapper:
    """The connector's own table of a stream."""
    return compile_rules(KINDS[stream], TABLES[stream])  # type: ignore[arg-type]


def titles(stream: str) -> list[str]:
    """The first row of a tab, as the connector makes it."""
    return columns(mapper(stream), homes_of(mapper(stream), {s: mapper(s) for s in TABS}))


def cells(stream: str, fields: Mapping[str, Cell]) -> dict[str, Any]:
    """Canonical fields as cells, by the titles of their columns. Raises ValueError for a value that has no place."""
    row, problems = mapper(stream).write(fields)
    if problems:
        raise ValueError(problems[0].message)
    rows = Rows(TABS[stream], mapper(stream), Header(titles(stream)))
    return {title: dumped(value, rows.form(title)) for title, value in row.items()}


def person(fields: Mapping[str, Cell], held: Mapping[str, Sequence[Row]]) -> dict[str, list[Row]]:
    """A contact's lists with canonical fields written into them; `held` are those that it has."""
    row, problems = mapper("contacts").write(fields)
    if problems:
        raise ValueError(problems[0].message)
    lists = {area: [dict(entry) for entry in entries] for area, entries in held.items()}
    for column, value in row.items():
        area, _, part = column.partition(".")
        kind = {"type": part} if area == "phoneNumbers" else {}
        entries = lists.setdefault(area, [])
        entry = next((e for e in entries if not kind or e.get("type") == part), None)
        if entry is None:
            entries.append(entry := dict(kind))
        entry["value" if area in ("phoneNumbers", "emailAddresses") else part] = value
    return {area: kept for area, entries in lists.items() if (kept := [e for e in entries if _says(e)])}


def _says(entry: Row) -> bool:
    return any(value for name, value in entry.items() if name not in ("type", "main"))


def furnish(state: State, now: int) -> None:
    """Fill an empty account with the office's side of the company."""
    company = demo_company("office", now)
    label = state.people.make_group(LABEL, now)
    for entry in company["contact"]:
        state.people.make(person(entry.fields, {}), [label], entry.modified)
    file = state.files.make(TITLE, SPREADSHEET, now)
    book = Book(TITLE, [_tab(number, stream, company) for number, stream in enumerate(TABS)])
    state.sheets.books[file["id"]] = book


def _tab(number: int, stream: str, company: Mapping[Any, Sequence[Entry]]) -> Tab:
    """A tab; the rows in it were typed by hand, so that none has a key."""
    first = titles(stream)
    tab = Tab(number, TABS[stream], columns=max(26, len(first)), frozen=1, sizes={"0": {"hiddenByUser": True}})
    lines = [cells(stream, entry.fields) for entry in company[KINDS[stream]]]
    tab.put(0, 0, [first, *([line.get(title) for title in first] for line in lines)])
    return tab


def config(state: State) -> str:
    """The configuration that joins this account to the company; see `tieline.sandbox.Peopled`."""
    return _CONFIG.format(sheet=next(iter(state.sheets.books)))
