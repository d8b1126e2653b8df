"""A CRM and a spreadsheet, joined as users join them; what people do on either side."""

from __future__ import annotations

from typing import Any

from tests.joint.hub import Hub
from tieline.ports import Request
from tieline.records import Kind
from tieline.rules import Rules, SystemRules
from tieline.testing import Character
from tieline_google.sandbox.sheets_grid import Book, Tab
from tieline_google.sheets.mapping import TABS
from tieline_google.sheets.names import homes_of, titles
from tieline_google.spec import SPEC

FIELDS: dict[Kind, tuple[str, ...]] = {
    "account": ("name", "domain", "employees"),
    "opportunity": ("name", "stage", "amount", "close_date", "account", "x_next_step"),
}
KINDS: dict[str, Kind] = {"accounts": "account", "opportunities": "opportunity"}
SPREADSHEET = "1JointSpreadsheet"
A_WHILE = 60_000
EUR = {"amount": "100.5", "currency": "EUR"}


class Joint(Hub):
    """A CRM in memory and a spreadsheet, joined by a hub."""

    spec, vendor, root, a_while = SPEC, "sheet", "", A_WHILE

    def __init__(self, *vices: str, names: bool = True, **settings: Any) -> None:
        character = Character(name="crm", kinds=("account", "opportunity"), tombstones=True, fields=FIELDS)
        archives = {kind: SystemRules(delete="archive") for kind in KINDS.values()}
        rules = Rules({}, {"crm": archives, "sheet": archives})
        super().__init__(character, rules, KINDS, *vices, spreadsheet=SPREADSHEET, **settings)
        self.crm = self.memory
        mime = "application/vnd.google-apps.spreadsheet"
        self.standin.state.files.make("Pipeline", mime, self.clock.now(), id=SPREADSHEET)
        tabs = [Tab(n, TABS[s]) for n, s in enumerate(KINDS)]
        self.standin.state.sheets.books[SPREADSHEET] = Book("Pipeline", tabs)
        for stream in KINDS:
            homes = homes_of(self.mappers[stream], self.mappers) if names else {}
            self.tab(stream).put(0, 0, [titles(self.mappers[stream], homes)])

    def tab(self, stream: str) -> Tab:
        """A tab as it stands."""
        found = self.standin.state.sheets.books[SPREADSHEET].tab(TABS[stream])
        assert isinstance(found, Tab)
        return found

    def column(self, stream: str, title: str) -> int:
        return int(self.tab(stream).cells[0].index(title))

    def type(self, stream: str, row: int, **cells: Any) -> int:
        """A person types into a row; 0: a new one at the end. Its number."""
        self.clock.advance(5_000)
        row = row or self.tab(stream).last
        for title, value in cells.items():
            self.tab(stream).put(row, self.column(stream, title.replace("_", " ")), [[value]])
        self.standin.state.files.touch(SPREADSHEET, self.clock.now())
        return row

    def rows(self, stream: str) -> dict[str, dict[str, Any]]:
        """Name → the row, by title."""
        header = self.tab(stream).cells[0]
        lines = (dict(zip(header, row, strict=False)) for row in self.tab(stream).cells[1:] if row)
        return {line["Name"]: line for line in lines}

    def row(self, stream: str, name: str) -> int:
        """Where a row is."""
        column = self.column(stream, "Name")
        return next(n for n, r in enumerate(self.tab(stream).cells) if len(r) > column and r[column] == name)

    def delete(self, stream: str, name: str) -> None:
        """A person deletes a row."""
        self.clock.advance(5_000)
        tab, number = self.tab(stream), self.row(stream, name)
        tab.cells = tab.cells[:number] + tab.cells[number + 1 :]
        self.standin.state.files.touch(SPREADSHEET, self.clock.now())

    def sort(self) -> None:
        """A person turns every tab upside down."""
        for stream in KINDS:
            tab = self.tab(stream)
            tab.cells = [tab.cells[0], *reversed(tab.cells[1:])]
        self.standin.state.files.touch(SPREADSHEET, self.clock.now())

    def route(self, request: Request) -> str:
        """The end of its path."""
        path = request.path.rsplit("/", 1)[-1]
        return "version" if "/files/" in request.path else path.replace(SPREADSHEET, "")

    def settled(self, most: int = 6) -> int:
        """Sync until two runs write nothing, as one may have been disturbed; how many it took."""
        quiet = 0
        for turn in range(most):
            quiet = 0 if self.sync()[0].writes else quiet + 1
            if quiet > 1:
                return turn
        raise AssertionError(f"still writing after {most} runs")

    def deals(self) -> dict[str, Any]:
        """Name → fields of the CRM's deals."""
        return {str(r.fields["name"]): dict(r.fields) for r in self.crm.alive("opportunity")}

    def deals_by_name(self) -> dict[str, str]:
        """Name → the CRM's id of each deal."""
        return {str(r.fields["name"]): r.id for r in self.crm.alive("opportunity")}

    def deal(self, name: str) -> str:
        """The CRM's id of a deal."""
        return next(r.id for r in self.crm.alive("opportunity") if r.fields["name"] == name)

    def agree(self) -> None:
        """Both sides hold the same deals."""
        deals, rows = self.deals(), self.rows("opportunities")
        assert deals.keys() == rows.keys()
        for name, deal in deals.items():
            row, money = rows[name], deal["amount"] or {}
            shown = (row.get("Stage"), row.get("Next step"), row.get("Amount"), row.get("Currency"))
            amount = float(money["amount"]) if money else None
            assert shown == (deal["stage"], deal["x_next_step"], amount, money.get("currency")), name
