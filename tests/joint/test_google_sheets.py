"""A CRM and a spreadsheet, synced as users sync them; every request is counted.

People type, sort, copy and delete rows, and edit in the CRM. What it costs is held against what it must cost.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.joint.hub import Bearer
from tieline.connector import Context
from tieline.engine.limits import Limits
from tieline.http import Client
from tieline.mapping import compile_rules
from tieline.ports import InlineExecutor, Ports, Request
from tieline.records import Kind
from tieline.rules import Rules, SystemRules
from tieline.runner import Options, Runner, Summary, System
from tieline.sandbox import InProcess
from tieline.standin import SandboxOptions
from tieline.store import Store
from tieline.testing import Character, FakeClock, FaultyTransport, MemoryConnector, MemorySystem, SeqIds
from tieline_google.sandbox.sheets_grid import Book, Tab
from tieline_google.sheets.mapping import KEY, TABLES, TABS
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


class Joint:
    """A CRM in memory and a spreadsheet, joined by a hub."""

    def __init__(self, *vices: str, names: bool = True, **settings: Any) -> None:
        self.clock = FakeClock()
        self.store = Store()
        self.ids = SeqIds(1)
        character = Character(name="crm", kinds=("account", "opportunity"), tombstones=True, fields=FIELDS)
        self.crm = MemorySystem(character, self.clock, 0)
        self.inner = MemoryConnector(self.crm)
        assert SPEC.sandbox is not None
        self.google: Any = SPEC.sandbox(SandboxOptions(vices=frozenset(vices), clock=self.clock))
        self.transport = FaultyTransport(InProcess(self.google))
        self.settings = SPEC.settings.model_validate({"spreadsheet": SPREADSHEET, **settings})
        archives = {kind: SystemRules(delete="archive") for kind in KINDS.values()}
        self.rules = Rules({}, {"crm": archives, "sheet": archives})
        self.mappers = {s: compile_rules(KINDS[s], TABLES[s]) for s in KINDS}
        mime = "application/vnd.google-apps.spreadsheet"
        self.google.state.files.make("Pipeline", mime, self.clock.now(), id=SPREADSHEET)
        tabs = [Tab(n, TABS[s]) for n, s in enumerate(KINDS)]
        self.google.state.sheets.books[SPREADSHEET] = Book("Pipeline", tabs)
        for stream in KINDS:
            homes = homes_of(self.mappers[stream], self.mappers) if names else {}
            self.tab(stream).put(0, 0, [titles(self.mappers[stream], homes)])

    def tab(self, stream: str) -> Tab:
        """A tab as it stands."""
        found = self.google.state.sheets.books[SPREADSHEET].tab(TABS[stream])
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
        self.google.state.files.touch(SPREADSHEET, self.clock.now())
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
        self.google.state.files.touch(SPREADSHEET, self.clock.now())

    def sort(self) -> None:
        """A person turns every tab upside down."""
        for stream in KINDS:
            tab = self.tab(stream)
            tab.cells = [tab.cells[0], *reversed(tab.cells[1:])]
        self.google.state.files.touch(SPREADSHEET, self.clock.now())

    def sync(self, **options: Any) -> tuple[Summary, Counter[str]]:
        """One run of a fresh process, a while later, and Google's requests by their end."""
        self.clock.advance(A_WHILE)
        bearer = Bearer(self.google.token)
        client = Client("http://127.0.0.1:8", SPEC.http, bearer, self.transport, self.clock, random=lambda: 0.5)  # type: ignore[arg-type]
        sheet = SPEC.connect(Context("sheet", self.settings, self.mappers, client, self.clock, Path()))
        systems = {
            "crm": System("crm", self.inner, self.inner.facts.streams, calls=self.inner.calls.total),
            "sheet": System("sheet", sheet, sheet.facts.streams, calls=lambda: client.calls),
        }
        ports = Ports(clock=self.clock, ids=self.ids, executor=InlineExecutor)
        runner = Runner(self.store, systems, self.rules, Limits(), ports)
        before = len(self.transport.requests)
        done = runner.sync(Options(confirm=lambda preview: True, **options))
        return done, Counter(_route(r) for r in self.transport.requests[before:])

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


def _route(request: Request) -> str:
    path = request.path.rsplit("/", 1)[-1]
    return "version" if "/files/" in request.path else path.replace(SPREADSHEET, "")


VICES = [(), ("reorder",), ("quota",), ("old-403",), ("lost-answer",)]


@pytest.fixture(params=VICES, ids=["plain", "reorder", "quota", "old-403", "lost-answer"])
def joint(request: pytest.FixtureRequest) -> Joint:
    """Accounts and deals of a CRM; a sheet with rows that people typed: one account is the same, one deal is new."""
    found = Joint(*request.param)
    for n in range(8):
        account = found.crm.person_create("account", {"name": f"Acme {n}", "domain": f"a{n}.example"})
        fields = {"name": f"Deal {n}", "stage": "Open", "amount": EUR, "account": account, "close_date": "2026-05-12"}
        found.crm.person_create("opportunity", fields)
    found.type("accounts", 0, Name="Acme 1", Domain="a1.example", Employees=12)
    found.type("opportunities", 0, Name="Typed", Stage="Open", Amount=7, Currency="EUR", Next_step="Call")
    found.settled(12)
    return found


def test_everything_is_on_both_sides_once(joint: Joint) -> None:
    joint.agree()
    assert len(joint.rows("accounts")) == 8
    assert joint.deals()["Typed"]["amount"] == {"amount": "7", "currency": "EUR"}
    assert {r.fields["name"]: r.fields["employees"] for r in joint.crm.alive("account")}["Acme 1"] == 12
    rows = joint.rows("opportunities")
    accounts = {row[KEY]: name for name, row in joint.rows("accounts").items()}
    for n in range(8):
        key, _, was = rows[f"Deal {n}"]["Account ID"].partition(" | ")
        assert (accounts[key], was, rows[f"Deal {n}"]["Account"]) == (f"Acme {n}",) * 3
    assert len({row[KEY] for row in rows.values()}) == 9


def test_edits_on_either_side_reach_the_other(joint: Joint) -> None:
    joint.type("opportunities", joint.row("opportunities", "Deal 2"), Stage="Won", Amount=250.25, Next_step="Sign")
    joint.clock.advance(5_000)
    joint.crm.person_edit("opportunity", joint.deal("Deal 3"), {"stage": "Lost", "x_next_step": "=IMPORTXML(1)"})
    joint.sort()
    joint.settled(10)
    joint.agree()
    deals, rows = joint.deals(), joint.rows("opportunities")
    assert (deals["Deal 2"]["stage"], deals["Deal 2"]["amount"]["amount"]) == ("Won", "250.25")
    assert (rows["Deal 3"]["Stage"], rows["Deal 3"]["Next step"]) == ("Lost", "=IMPORTXML(1)")


def test_a_row_that_was_copied_becomes_a_deal_of_its_own(joint: Joint) -> None:
    number = joint.row("opportunities", "Deal 4")
    tab = joint.tab("opportunities")
    tab.put(tab.last, 0, [list(tab.cells[number])])
    joint.type("opportunities", tab.last - 1, Name="Deal 4b", Stage="New")
    joint.settled(10)
    joint.agree()
    assert (joint.deals()["Deal 4"]["stage"], joint.deals()["Deal 4b"]["stage"]) == ("Open", "New")


def test_deleted_rows_and_deleted_deals_end_on_both_sides(joint: Joint) -> None:
    joint.delete("opportunities", "Deal 5")
    joint.clock.advance(5_000)
    joint.crm.person_delete("opportunity", joint.deal("Deal 6"))
    joint.settled(10)
    joint.agree()
    assert not {"Deal 5", "Deal 6"} & joint.deals().keys()
    assert len(joint.deals()) == 7


def test_a_sheet_that_is_sorted_changes_nothing(joint: Joint) -> None:
    before = joint.deals()
    joint.sort()
    done, _ = joint.sync()
    assert done.writes == 0
    assert joint.deals() == before
    joint.agree()


def test_a_run_tells_of_values_that_nobody_can_read_and_of_columns_that_are_gone() -> None:
    joint = Joint()
    joint.type("opportunities", 0, Name="Typed", Stage="Open", Amount="a lot", Currency="EUR")
    notes = joint.sync()[0].notes
    assert [n for n in notes if "cannot be read" in n] == [
        "sheet: 1 value of opportunity records cannot be read; they are left alone, and tieline status says why"
    ]
    joint.settled(10)
    assert joint.sync()[0].notes == [], "it is told when it is met, and stands in the status"
    joint.tab("opportunities").put(0, joint.column("opportunities", "Stage"), [["Phase"]])
    joint.type("opportunities", 1, Next_step="Call")
    assert "no column 'Stage'" in " ".join(joint.sync()[0].notes)
    assert joint.deals()["Typed"]["stage"] == "Open"


def test_an_idle_run_is_one_request_for_the_spreadsheet() -> None:
    joint = Joint()
    joint.type("accounts", 0, Name="Acme", Domain="a.example")
    joint.settled()
    joint.sync()
    done, asked = joint.sync()
    assert done.writes == 0
    assert asked == {"version": 1}


def test_a_first_sync_costs_few_calls() -> None:
    joint = Joint()
    for n in range(2500):
        joint.crm.person_create("account", {"name": f"Acme {n}", "domain": f"a{n}.example", "employees": n})
    asked = joint.sync()[1]
    assert len(joint.rows("accounts")) == 2500
    writes = asked[":batchUpdate"]
    assert writes == 3, "a thousand rows in one call"
    assert asked.total() <= 3 * writes + 12, asked
    joint.clock.advance(5_000)
    for record in [*joint.crm.alive("account")][:1200]:
        joint.crm.person_edit("account", record.id, {"employees": -7})
    done, asked = joint.sync()
    assert done.writes == 1200
    assert asked["values:batchUpdate"] == 2
    assert sum(row["Employees"] == -7 for row in joint.rows("accounts").values()) == 1200


def test_two_people_typing_during_a_sync_lose_nothing() -> None:
    joint = Joint()
    for n in range(6):
        joint.type("opportunities", 0, Name=f"Deal {n}", Stage="Open", Next_step=f"step {n}")
    joint.settled()
    for turn in range(6):
        joint.clock.advance(5_000)
        for n in range(6):
            joint.crm.person_edit("opportunity", joint.deal(f"Deal {n}"), {"stage": f"S{turn}"})
        send, asked = joint.transport.inner.send, [0]

        def typing(request: Request, send: Any = send, asked: Any = asked, turn: int = turn) -> Any:
            asked[0] += 1
            row = joint.row("opportunities", f"Deal {asked[0] % 6}")
            joint.type("opportunities", row, Next_step=f"{turn}.{asked[0]}")
            return send(request)

        joint.transport.inner.send = typing  # type: ignore[method-assign]
        joint.sync()
        joint.transport.inner.send = send  # type: ignore[method-assign]
        typed = {name: row["Next step"] for name, row in joint.rows("opportunities").items()}
        joint.settled(10)
        joint.agree()
        assert {name: row["Next step"] for name, row in joint.rows("opportunities").items()} == typed
        assert {row["Stage"] for row in joint.rows("opportunities").values()} == {f"S{turn}"}
