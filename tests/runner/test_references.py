"""Who belongs to whom arrives everywhere: parents first, cycles by a second write, never somebody else's id."""

from __future__ import annotations

from typing import Any

import pytest

DEALS = ("account", "contact", "opportunity")


def linked(office: Any, kind: Any, crm_id: str) -> str:
    """The id in mail of what crm calls `crm_id`."""
    record = office.record_of("crm", kind, crm_id)
    [remote_id] = [
        i for (i,) in office.store.db.rows("SELECT remote_id FROM link WHERE system = 'mail' AND record = ?", record)
    ]
    return str(remote_id)


def ref(remote_id: str, role: str | None = None) -> dict[str, Any]:
    return {"id": remote_id, "role": role, "primary": False}


def test_a_reference_names_the_same_thing_by_the_other_systems_id(pair: Any) -> None:
    pair.create("mail", "account", name="Other", domain="other.example")
    acme = pair.create("crm", "account", name="Acme", domain="acme.example")
    pair.create("crm", "contact", email="ada@acme.example", account=acme)
    assert pair.sync().converged
    assert pair.only("mail", "contact").fields["account"] == linked(pair, "account", acme)
    assert pair.sync().orders == {}


def test_parents_are_made_first(pair: Any) -> None:
    acme = pair.create("crm", "account", name="Acme", domain="acme.example")
    pair.create("crm", "contact", email="ada@acme.example", account=acme)
    pair.sync()
    made = [e.kind for e in pair.systems["mail"].history if e.field == "@created"]
    assert made == ["account", "contact"]
    created = next(e.at for e in pair.systems["mail"].history if e.kind == "contact" and e.field == "@created")
    assert any(e.field == "account" and e.at == created for e in pair.systems["mail"].history)  # in the same write


def test_a_moved_reference_travels(pair: Any) -> None:
    acme = pair.create("crm", "account", name="Acme", domain="acme.example")
    globex = pair.create("crm", "account", name="Globex", domain="globex.example")
    ada = pair.create("crm", "contact", email="ada@firm.example", account=acme)
    pair.sync()
    pair.edit("mail", "contact", pair.only("mail", "contact").id, account=linked(pair, "account", globex))
    pair.sync()
    assert pair.systems["crm"].get("contact", ada).fields["account"] == globex


def test_a_cleared_reference_is_cleared(pair: Any) -> None:
    acme = pair.create("crm", "account", name="Acme", domain="acme.example")
    ada = pair.create("crm", "contact", email="ada@firm.example", account=acme)
    pair.sync()
    pair.edit("crm", "contact", ada, account=None)
    pair.sync()
    assert pair.only("mail", "contact").fields["account"] is None


def test_a_reference_that_may_never_be_there_is_left_out(pair: Any) -> None:
    pair.rule("mail", "account", create=False)
    acme = pair.create("crm", "account", name="Acme", domain="acme.example")
    pair.create("crm", "contact", email="ada@acme.example", account=acme)
    assert pair.sync().converged
    assert pair.only("mail", "contact").fields["account"] is None
    assert pair.only("crm", "contact").fields["account"] == acme
    assert pair.sync().orders == {}


@pytest.fixture
def deals(office: Any) -> Any:
    """Two systems that know deals; two people in both."""
    for name in ("crm", "mail"):
        office.add(name, DEALS)
    office.ada = office.create("crm", "contact", email="ada@firm.example")
    office.bob = office.create("crm", "contact", email="bob@firm.example")
    return office


def test_a_deals_people_travel_with_their_roles(deals: Any) -> None:
    deals.create("crm", "opportunity", name="Deal", contacts=[ref(deals.ada, "buyer"), ref(deals.bob)])
    assert deals.sync().converged
    there = deals.only("mail", "opportunity").fields["contacts"]
    assert {r["id"]: r["role"] for r in there} == {
        linked(deals, "contact", deals.ada): "buyer",
        linked(deals, "contact", deals.bob): None,
    }
    assert deals.sync().orders == {}


def test_a_person_taken_off_a_deal_is_taken_off_everywhere(deals: Any) -> None:
    deal = deals.create("crm", "opportunity", name="Deal", contacts=[ref(deals.ada), ref(deals.bob)])
    deals.sync()
    deals.edit("crm", "opportunity", deal, contacts=[ref(deals.bob)])
    deals.sync()
    assert [r["id"] for r in deals.only("mail", "opportunity").fields["contacts"]] == [
        linked(deals, "contact", deals.bob)
    ]


def test_deals_of_one_name_are_told_apart_by_their_account(office: Any) -> None:
    for name in ("crm", "mail"):
        office.add(name, DEALS)
    for firm in ("acme", "globex"):
        for system in ("crm", "mail"):
            account = office.create(system, "account", name=firm, domain=f"{firm}.example")
            office.create(system, "opportunity", name="Renewal", account=account)
    office.sync()
    assert office.reviews() == []
    assert [len(s.alive("opportunity")) for s in office.systems.values()] == [2, 2]
