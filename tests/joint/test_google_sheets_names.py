"""People link deals to accounts by their names, in a spreadsheet that is synced with a CRM."""

from __future__ import annotations

from typing import Any

import pytest

from tests.joint.google_sheets import EUR, Joint
from tieline.ports import Request
from tieline_google.sheets.mapping import KEY

ACCOUNTS = ("Acme", "Beta", "Gamma", "Delta")


def begun(*vices: str, **settings: Any) -> Joint:
    """Four accounts, each with two deals."""
    joint = Joint(*vices, **settings)
    for n, name in enumerate(ACCOUNTS):
        account = joint.crm.person_create("account", {"name": name, "domain": f"a{n}.example"})
        for turn in range(2):
            deal = {"name": f"{name} {turn}", "stage": "Open", "amount": EUR, "account": account}
            joint.crm.person_create("opportunity", deal)
    joint.settled(12)
    return joint


@pytest.fixture(params=[(), ("reorder",), ("lost-answer",)], ids=["plain", "reorder", "lost-answer"])
def joint(request: pytest.FixtureRequest) -> Joint:
    return begun(*request.param)


def account_of(joint: Joint, deal: str) -> str | None:
    """The name of a deal's account in the CRM."""
    names = {r.id: str(r.fields["name"]) for r in joint.crm.alive("account")}
    return names.get(str(joint.deals()[deal]["account"]))


def shown(joint: Joint, deal: str) -> Any:
    """What a deal's row shows as its account."""
    return joint.rows("opportunities")[deal].get("Account")


def test_each_deal_shows_its_account_by_name(joint: Joint) -> None:
    for name in ACCOUNTS:
        assert (shown(joint, f"{name} 0"), account_of(joint, f"{name} 1")) == (name, name)


def test_a_name_that_somebody_types_links_the_deal_anew_in_the_crm(joint: Joint) -> None:
    joint.type("opportunities", joint.row("opportunities", "Acme 0"), Account=" beta")
    joint.type("opportunities", joint.row("opportunities", "Acme 1"), Account="")
    joint.sort()
    joint.settled(12)
    assert (account_of(joint, "Acme 0"), account_of(joint, "Acme 1")) == ("Beta", None)
    joint.clock.advance(5_000)
    joint.crm.person_edit("opportunity", joint.deal("Acme 0"), {"account": joint.deals()["Gamma 0"]["account"]})
    joint.settled(12)
    assert (shown(joint, "Acme 0"), account_of(joint, "Acme 0")) == ("Gamma", "Gamma")


def test_a_typing_error_reaches_nobody_until_it_is_mended(joint: Joint) -> None:
    row = joint.row("opportunities", "Acme 0")
    joint.type("opportunities", row, Account="Acmee", Stage="Won")
    done = joint.sync()[0]
    joint.settled(12)
    assert (account_of(joint, "Acme 0"), joint.deals()["Acme 0"]["stage"]) == ("Acme", "Won")
    assert any("1 value of opportunity records cannot be read" in note for note in done.notes)
    assert shown(joint, "Acme 0") == "Acmee"
    joint.type("opportunities", joint.row("opportunities", "Acme 0"), Account="Delta")
    joint.settled(12)
    assert account_of(joint, "Acme 0") == "Delta"


def test_an_account_and_its_deal_that_are_typed_together_are_made_together(joint: Joint) -> None:
    joint.type("accounts", 0, Name="Epsilon", Domain="e.example")
    joint.type("opportunities", 0, Name="First", Stage="Open", Account="epsilon")
    joint.settled(12)
    assert account_of(joint, "First") == "Epsilon"
    key = joint.rows("accounts")["Epsilon"][KEY]
    assert joint.rows("opportunities")["First"]["Account ID"] == f"{key} | Epsilon"


def test_a_renamed_account_unlinks_nothing_and_writes_no_deal(joint: Joint) -> None:
    before = {name: account_of(joint, name) for name in joint.deals()}
    joint.clock.advance(5_000)
    acme = next(r.id for r in joint.crm.alive("account") if r.fields["name"] == "Acme")
    joint.crm.person_edit("account", acme, {"name": "Beta"})
    done, _ = joint.sync()
    joint.settled(12)
    assert done.orders["sheet"].keys() == {"account"}
    assert {name: account_of(joint, name) for name in joint.deals()} == before | {"Acme 0": "Beta", "Acme 1": "Beta"}
    assert shown(joint, "Acme 0") == "Acme"
    joint.clock.advance(5_000)
    joint.crm.person_edit("opportunity", joint.deal("Acme 0"), {"stage": "Won"})
    joint.settled(12)
    assert (shown(joint, "Acme 0"), shown(joint, "Acme 1"), account_of(joint, "Acme 0")) == ("Beta", "Acme", "Beta")
    joint.type("opportunities", joint.row("opportunities", "Gamma 0"), Account="Beta")
    joint.settled(12)
    assert account_of(joint, "Gamma 0") == "Gamma", "two are called so: nobody guesses"


def test_people_who_link_deals_during_a_sync_lose_nothing() -> None:
    joint = begun()
    wanted = {name: account_of(joint, name) for name in joint.deals()}
    for turn in range(6):
        joint.clock.advance(5_000)
        for name in joint.deals():
            joint.crm.person_edit("opportunity", joint.deal(name), {"stage": f"S{turn}", "x_next_step": f"{turn}"})
        send, asked = joint.transport.inner.send, [0]

        def typing(request: Request, send: Any = send, asked: Any = asked, turn: int = turn) -> Any:
            asked[0] += 1
            deal = f"{ACCOUNTS[(asked[0] + turn) % 4]} {asked[0] % 2}"
            if "BatchUpdate" not in request.path and "batchUpdate" not in request.path:  # not in that very moment
                wanted[deal] = ACCOUNTS[(asked[0] * 3 + turn) % 4]
                joint.type("opportunities", joint.row("opportunities", deal), Account=wanted[deal])
            return send(request)

        joint.transport.inner.send = typing  # type: ignore[method-assign]
        joint.sync()
        joint.transport.inner.send = send  # type: ignore[method-assign]
        joint.settled(12)
        assert {name: account_of(joint, name) for name in joint.deals()} == wanted
        assert {name: row["Account"] for name, row in joint.rows("opportunities").items()} == wanted
        joint.agree()


def test_a_large_sheet_is_linked_as_a_small_one_is() -> None:
    joint = begun(rows=3)
    joint.type("opportunities", joint.row("opportunities", "Acme 0"), Account="beta")
    joint.type("opportunities", 0, Name="First", Stage="Open", Account="Gamma")
    joint.sort()
    joint.settled(12)
    assert (account_of(joint, "Acme 0"), account_of(joint, "First")) == ("Beta", "Gamma")


def test_a_sheet_that_shows_keys_alone_goes_on() -> None:
    joint = begun(names=False)
    keys = {name: row[KEY] for name, row in joint.rows("accounts").items()}
    assert joint.rows("opportunities")["Acme 0"]["Account ID"] == keys["Acme"]
    joint.type("opportunities", joint.row("opportunities", "Acme 0"), Account_ID=keys["Beta"])
    joint.settled(12)
    assert account_of(joint, "Acme 0") == "Beta"
