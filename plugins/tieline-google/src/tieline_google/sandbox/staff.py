"""What the account's own people do in the address book and in the sheet. Past the API."""

from __future__ import annotations

from typing import Any

from tieline.sandbox import Act
from tieline_google.mapping import KINDS
from tieline_google.sandbox.seed import cells, person
from tieline_google.sandbox.sheets_grid import Tab, trimmed
from tieline_google.sandbox.state import State
from tieline_google.sandbox.wire import Row
from tieline_google.sheets.mapping import TABS


def counts(state: State) -> dict[Any, int]:
    """Living records per kind: contacts, and rows of the tabs."""
    found = {"contact": sum(not row["deleted"] for row in state.people.rows.values())}
    for book in state.sheets.books.values():
        found |= {KINDS[s]: len(_rows(tab)) for s, title in TABS.items() if (tab := book.tab(title)) is not None}
    return found


def perform(state: State, act: Act, now: int) -> None:
    """Do it; see `tieline.sandbox.Act`. Raises ValueError."""
    if act.kind == "contact":
        _contact(state, act, now)
    else:
        _row(state, act, now)


def _contact(state: State, act: Act, now: int) -> None:
    wanted = act.key.casefold()
    mine = [row for row in state.people.rows.values() if not row["deleted"] and wanted in _addresses(row)]
    if not mine:
        raise ValueError(f"there is no contact {act.key!r}")
    found, *others = sorted(mine, key=lambda row: int(row["created"]))
    if act.verb == "edit":
        state.people.put(found["id"], now, fields={**found["fields"], **person(act.fields, found["fields"])})
    elif act.verb == "delete":
        state.people.drop(found["id"], now)
    elif act.verb == "merge":
        for other in others:
            state.people.merge(found["id"], other["id"], now)
    else:
        raise ValueError("an address book knows of no leads and of no consent")


def _addresses(row: Row) -> set[str]:
    return {str(entry.get("value", "")).casefold() for entry in row["fields"].get("emailAddresses", ())}


def _row(state: State, act: Act, now: int) -> None:
    stream = next(s for s, kind in KINDS.items() if kind == act.kind)
    for id, book in state.sheets.books.items():
        tab = book.tab(TABS[stream])
        if tab is None:
            continue
        first = [str(title) for title in tab.cells[0]]
        at = first.index("Name")
        found = [n for n in _rows(tab) if str(tab.cell(n, at)).casefold() == act.key.casefold()]
        if found:
            _changed(tab, found[0], act, stream, first)
            state.files.touch(id, now)
            return
    raise ValueError(f"there is no {act.kind} {act.key!r}")


def _changed(tab: Tab, row: int, act: Act, stream: str, first: list[str]) -> None:
    if act.verb == "edit":
        for title, value in cells(stream, act.fields).items():
            tab.put(row, first.index(title), [[value]])
    elif act.verb == "delete":
        del tab.cells[row]
    else:
        raise ValueError(f"a row cannot be {act.verb}d")


def _rows(tab: Tab) -> list[int]:
    """The numbers of the rows that hold anything but a key."""
    return [n for n, line in enumerate(tab.cells) if n and trimmed([None, *line[1:]])]
