"""People edit; what they entered arrives everywhere, by the policies and modes of the configuration."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic_core import from_json

from tieline.rules import Policy

ADA = {"email": "ada@firm.example", "title": "Boss", "phone": "+1 555"}


@pytest.fixture
def linked(pair: Any) -> Any:
    """One contact, in both systems and at rest; its ids are `crm_id` and `mail_id`."""
    pair.crm_id = pair.create("crm", "contact", **ADA)
    pair.sync()
    pair.sync()
    pair.mail_id = pair.only("mail", "contact").id
    return pair


def fields(office: Any, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(office.only(s, "contact").fields[n] for n in names) for s in ("crm", "mail")]


@pytest.mark.parametrize(("system", "remote"), [("crm", "crm_id"), ("mail", "mail_id")])
def test_an_edit_travels_from_either_side(linked: Any, system: str, remote: str) -> None:
    linked.edit(system, "contact", getattr(linked, remote), title="Chief")
    assert linked.sync().writes == 1
    assert fields(linked, "title") == [("Chief",), ("Chief",)]
    assert linked.sync().writes == 0


def test_a_cleared_field_is_cleared_everywhere(linked: Any) -> None:
    linked.edit("mail", "contact", linked.mail_id, title=None)
    linked.sync()
    assert fields(linked, "title") == [(None,), (None,)]


def test_edits_of_different_fields_both_survive(linked: Any) -> None:
    linked.edit("crm", "contact", linked.crm_id, title="Chief")
    linked.edit("mail", "contact", linked.mail_id, phone="+2")
    linked.sync()
    assert fields(linked, "title", "phone") == [("Chief", "+2"), ("Chief", "+2")]
    assert not [e for e in linked.journal("crm", "contact", linked.crm_id) if e.op == "conflict"]


def test_the_newer_of_two_edits_wins_and_the_journal_keeps_the_other(linked: Any) -> None:
    linked.edit("crm", "contact", linked.crm_id, title="older")
    linked.edit("mail", "contact", linked.mail_id, title="newer")
    linked.sync()
    assert fields(linked, "title") == [("newer",), ("newer",)]
    [entry] = [e for e in linked.journal("crm", "contact", linked.crm_id) if e.op == "conflict"]
    assert from_json(entry.changes) == {"title": ["older", "newer", "mail", "two-way"]}


def test_only_the_changed_field_is_written(linked: Any) -> None:
    before = len(linked.systems["crm"].history)
    linked.edit("mail", "contact", linked.mail_id, title="Chief")
    linked.sync()
    assert [(e.field, e.after) for e in linked.systems["crm"].history[before:]] == [("title", "Chief")]


def test_a_write_is_explained_by_what_was_what_is_who_and_why(linked: Any) -> None:
    linked.edit("mail", "contact", linked.mail_id, title="Chief")
    linked.sync()
    entry = linked.journal("crm", "contact", linked.crm_id)[-1]
    assert (entry.op, entry.system, entry.remote_id, entry.outcome) == ("update", "crm", linked.crm_id, "ok")
    assert from_json(entry.changes) == {"title": ["Boss", "Chief", "mail", "two-way"]}


def test_an_edit_made_while_we_look_is_met_before_it_is_overwritten(linked: Any) -> None:
    linked.edit("crm", "contact", linked.crm_id, title="from crm")
    acted = []

    def at(name: str) -> None:
        if name == "planned" and not acted:
            acted.append(name)
            linked.clock.advance(10_000)
            linked.systems["mail"].person_edit("contact", linked.mail_id, {"title": "from mail"})

    linked.boundary = at
    linked.sync()
    assert fields(linked, "title") == [("from mail",), ("from mail",)]
    lost = [e for e in linked.journal("crm", "contact", linked.crm_id) if e.op == "conflict"]
    assert "from crm" in str(lost[-1].changes)


def test_what_a_system_makes_of_a_value_is_never_read_back_as_an_edit(office: Any) -> None:
    office.add("crm")
    office.add("mail", normal={"email": lambda v: v.lower(), "title": lambda v: v[:5]})
    office.create("crm", "contact", email="Ada@Firm.example", title="Head of sales")
    office.sync()
    assert office.sync().writes == 0
    assert fields(office, "email", "title") == [("Ada@Firm.example", "Head of sales"), ("ada@firm.example", "Head ")]
    office.edit("mail", "contact", office.only("mail", "contact").id, title="Chief")
    office.sync()
    assert office.values("crm", "contact", "title") == ["Chief"]


def test_a_touch_without_a_change_is_no_edit(office: Any) -> None:
    office.add("crm", touches=True)
    office.add("mail", touches=True)
    one = office.create("crm", "contact", **ADA)
    office.sync()
    office.sync()
    office.edit("crm", "contact", one, title="Boss")
    assert office.sync().writes == 0


# -- policies, through the whole run


def test_an_owned_field_is_put_back_where_somebody_else_edited_it(linked: Any) -> None:
    linked.policy("contact", "title", Policy("only", "crm"))
    linked.edit("mail", "contact", linked.mail_id, title="mine")
    linked.sync()
    assert fields(linked, "title") == [("Boss",), ("Boss",)]
    assert "mine" in str(linked.journal("crm", "contact", linked.crm_id))


def test_a_foreign_edit_of_an_owned_field_can_wait_for_a_person(linked: Any) -> None:
    linked.policy("contact", "title", Policy("only", "crm", "review"))
    linked.edit("mail", "contact", linked.mail_id, title="mine")
    summary = linked.sync()
    assert (summary.outcome, summary.writes) == ("waiting", 0)
    assert fields(linked, "title") == [("Boss",), ("mine",)]
    linked.answer("accepted", topic="foreign")
    linked.sync()
    assert fields(linked, "title") == [("mine",), ("mine",)]


def test_an_unshared_field_stays_where_it_is(linked: Any) -> None:
    linked.policy("contact", "lead_source", Policy("none"))
    linked.edit("crm", "contact", linked.crm_id, lead_source="fair")
    assert linked.sync().writes == 0
    assert linked.values("mail", "contact", "lead_source") == [None]


def test_a_filled_field_is_written_into_a_blank_only(linked: Any) -> None:
    linked.policy("contact", "title", Policy("fill"))
    linked.policy("contact", "lead_source", Policy("fill"))
    linked.edit("crm", "contact", linked.crm_id, title="Chief", lead_source="fair")
    linked.sync()
    assert linked.values("mail", "contact", "title") == ["Boss"]
    assert linked.values("mail", "contact", "lead_source") == ["fair"]


def test_a_read_only_system_gives_and_never_gets(pair: Any) -> None:
    pair.rule("mail", "contact", mode="read")
    pair.create("mail", "contact", email="bob@firm.example")
    pair.create("crm", "contact", email="ada@firm.example")
    pair.sync()
    assert pair.values("crm", "contact", "email") == ["ada@firm.example", "bob@firm.example"]
    assert pair.hub_writes("mail") == 0


def test_a_system_that_is_only_filled_keeps_what_it_has(linked: Any) -> None:
    linked.rule("mail", "contact", mode="fill")
    linked.edit("crm", "contact", linked.crm_id, title="Chief", lead_source="fair")
    linked.sync()
    assert linked.only("mail", "contact").fields["title"] == "Boss"
    assert linked.only("mail", "contact").fields["lead_source"] == "fair"


def test_where_nothing_may_be_created_links_are_still_kept_equal(pair: Any) -> None:
    pair.rule("mail", "contact", create=False)
    pair.create("crm", "contact", email="ada@firm.example", title="Boss")
    pair.create("crm", "contact", email="bob@firm.example")
    pair.create("mail", "contact", email="ada@firm.example")
    pair.sync()
    assert pair.values("mail", "contact", "email") == ["ada@firm.example"]
    assert pair.values("mail", "contact", "title") == ["Boss"]


def test_a_filter_keeps_what_it_rules_out_and_lets_in_what_fits_later(pair: Any) -> None:
    pair.filters = {"crm": {"contact": lambda f: f.get("title") == "Boss"}}
    out = pair.create("crm", "contact", email="bob@firm.example", title="Clerk")
    pair.create("crm", "contact", email="ada@firm.example", title="Boss")
    summary = pair.sync()
    assert pair.values("mail", "contact", "email") == ["ada@firm.example"]
    assert summary.records["crm"]["contact"]["filtered"] == 1
    pair.edit("crm", "contact", out, title="Boss")
    pair.sync()
    assert pair.values("mail", "contact", "email") == ["ada@firm.example", "bob@firm.example"]


def test_changed_rules_are_applied_to_what_is_already_there(linked: Any) -> None:
    linked.fingerprint = "before"
    linked.policy("contact", "lead_source", Policy("none"))
    linked.edit("crm", "contact", linked.crm_id, lead_source="fair")
    linked.sync()
    linked.policies.clear()
    linked.fingerprint = "after"
    linked.sync()
    assert linked.values("mail", "contact", "lead_source") == ["fair"]


# -- types


def test_money_travels_with_its_currency(office: Any) -> None:
    for name in ("crm", "mail"):
        office.add(name, ("opportunity",))
    deal = office.create("crm", "opportunity", name="Deal", amount={"amount": "10.50", "currency": "EUR"})
    office.sync()
    assert office.only("mail", "opportunity").fields["amount"] == {"amount": "10.5", "currency": "EUR"}
    office.edit("crm", "opportunity", deal, amount={"amount": "10.5", "currency": "USD"})
    office.sync()
    assert office.only("mail", "opportunity").fields["amount"] == {"amount": "10.5", "currency": "USD"}


def test_a_date_is_the_same_day_everywhere(office: Any) -> None:
    for name in ("crm", "mail"):
        office.add(name, ("opportunity",))
    office.create("crm", "opportunity", name="Deal", close_date="2025-03-31T00:00:00.000Z")
    office.sync()
    assert office.values("mail", "opportunity", "close_date") == ["2025-03-31"]
