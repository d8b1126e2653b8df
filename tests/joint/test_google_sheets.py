"""A CRM and a spreadsheet, synced as users sync them.

People type, sort, copy and delete rows, and edit in the CRM. What it costs is held against what it must cost.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.joint.google_sheets import EUR, Joint
from tieline.ports import Request
from tieline_google.sheets.mapping import KEY

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
