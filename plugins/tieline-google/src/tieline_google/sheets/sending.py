"""What is sent to a tab, and what is remembered of it: whether anything may have been written, and each outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from tieline import Outcome, Problem, TielineError, Unavailable, Write
from tieline_google.sheets.beside import FIRST
from tieline_google.sheets.cells import FORMATS, letters
from tieline_google.sheets.view import Found, View
from tieline_google.wire import Refused

if TYPE_CHECKING:
    from tieline_google.sheets.tab import Tab

ROUNDS = 4
"""How often a write is tried while the rows change places."""
Cells = dict[int, Any]
"""Column → value."""


class Draft(NamedTuple):
    """A write made ready: which of the writes it is, and its cells."""

    nth: int
    write: Write
    cells: Cells
    problems: tuple[Problem, ...]


class Sender:
    """One call of `write`."""

    def __init__(self, tab: Tab) -> None:
        self.tab, self.book, self.lens, self.title = tab, tab.book, tab.lens, tab.title
        self.outcomes: dict[int, Outcome] = {}
        self.sent = False
        """Something may have been written: from here on nothing is raised."""

    def ok(self, draft: Draft, view: View, id: str, found: Found, aliases: tuple[str, ...] = ()) -> None:
        """Tell of a write that was done, with the row as it is now."""
        remote = self.tab.remote(view, id, found, view.now)._replace(aliases=aliases)
        self.outcomes[draft.nth] = Outcome("ok", remote, id, draft.problems)

    def append(self, lines: Sequence[Cells], view: View) -> None:
        """New rows, below all others and from the first column on, whatever is blank there. Rows of the grid have their
        formats; behind its end dates and texts are given theirs."""
        formats: dict[int, Mapping[str, str]] = {}
        if FIRST + max(len(view.raw), len(view.known)) + len(lines) > self.book.shape(self.title).rows:
            formats = {c: FORMATS[f] for t, c in view.rows.titles.items() if (f := view.rows.form(t)) in FORMATS}
        made = [{"values": [_cell(line.get(c), formats.get(c)) for c in range(max(line) + 1)]} for line in lines]
        fields = "userEnteredValue,userEnteredFormat.numberFormat" if formats else "userEnteredValue"
        self.change(lambda id: [{"appendCells": {"sheetId": id, "rows": made, "fields": fields}}])

    def put(self, rows: Mapping[int, Cells]) -> None:
        """Write cells, each run of neighbours as one."""
        runs = [(f"{letters(c)}{n}", values) for n, cells in sorted(rows.items()) for c, values in _runs(cells)]
        if not runs:
            return
        self.send(lambda: self.book.put(self.title, runs))

    def send(self, call: Callable[[], Any]) -> None:
        """A call that writes; it is remembered unless it surely did nothing."""
        before, self.sent = self.sent, True
        self.book.writes += 1
        try:
            call()
        except TielineError as error:
            if not (isinstance(error, Unavailable) and error.sent):
                self.sent = before
            raise
        finally:
            self.book.writes += 1

    def change(self, requests: Callable[[int], Sequence[Mapping[str, Any]]]) -> None:
        """Changes to the tab, as a function of its id, which is another one once somebody made the tab anew."""
        try:
            self.send(lambda: self.book.change(requests(self.book.shape(self.title).id)))
        except Refused as error:
            if "No grid with id" not in str(error):
                raise
            self.book.forget()
            self.send(lambda: self.book.change(requests(self.book.shape(self.title).id)))


def _runs(cells: Cells) -> list[tuple[int, list[Any]]]:
    """Neighbouring columns as runs: the first column, and the values."""
    runs: list[tuple[int, list[Any]]] = []
    for column, value in sorted(cells.items()):
        if runs and runs[-1][0] + len(runs[-1][1]) == column:
            runs[-1][1].append(value)
        else:
            runs.append((column, [value]))
    return runs


def _cell(value: Any, format_: Mapping[str, str] | None) -> dict[str, Any]:
    """A cell of a new row. A text is a text, whatever it begins with."""
    cell: dict[str, Any] = {"userEnteredFormat": {"numberFormat": dict(format_)}} if format_ is not None else {}
    if value is None or (value == "" and not isinstance(value, bool)):
        return cell
    name = (
        "boolValue" if isinstance(value, bool) else "numberValue" if isinstance(value, (int, float)) else "stringValue"
    )
    return {"userEnteredValue": {name: value}, **cell}


def blank(value: Any) -> Any:
    """A cell that was read, as it is written."""
    return "" if value is None else value
