"""Many equals on both sides: one question about all of them, and nothing linked or made by guess."""

from __future__ import annotations

from typing import Any

import pytest

from tieline.runner import Summary

DEALS = ("account", "opportunity")


def fill(office: Any, system: str, number: int, **fields: Any) -> list[str]:
    """So many renewals in a system."""
    cells = {"name": "Renewal", **fields}
    return [office.systems[system].person_create("opportunity", cells) for _ in range(number)]


def settle(office: Any) -> Summary:
    """Runs until nothing moves."""
    for _ in range(3):
        summary: Summary = office.sync()
    return summary


def asked(office: Any) -> int:
    """How many characters the open questions take."""
    (total,) = office.store.db.rows("SELECT sum(length(key) + length(detail) + length(summary)) FROM review")[0]
    return int(total)


@pytest.fixture
def deals(office: Any) -> Any:
    """30 renewals in each of two systems."""
    for name in ("crm", "mail"):
        office.add(name, DEALS)
        fill(office, name, 30)
    return office


def counts(office: Any) -> list[int]:
    return [len(office.systems[s].alive("opportunity")) for s in office.systems]


def test_many_equals_on_both_sides_are_one_short_question(office: Any) -> None:
    for name in ("crm", "mail"):
        office.add(name, DEALS)
        fill(office, name, 200)
    summary = office.sync()
    [review] = office.reviews()
    assert (summary.reviews, summary.outcome, summary.writes) == (1, "waiting", 0)
    assert review["summary"].startswith("400 opportunity records share 'renewal' (200 in crm, 200 in mail)")
    assert (review["detail"]["count"], len(review["detail"]["sample"])) == (400, 20)
    assert asked(office) < 2_000
    assert summary.records["crm"]["opportunity"]["review"] == 200
    assert office.sync().reviews == 1
    assert [r["id"] for r in office.reviews()] == [review["id"]]


def test_each_a_thing_of_its_own_gets_a_record_everywhere(deals: Any) -> None:
    deals.sync()
    deals.answer("rejected")
    summary = settle(deals)
    assert (summary.reviews, summary.converged, counts(deals)) == (0, True, [60, 60])


def test_people_who_share_an_address_and_are_told_apart_are_not_asked_about_again(office: Any) -> None:
    for name in ("crm", "mail"):
        office.add(name)
        for number in range(12):
            cells = {"email": "info@firm.example", "last_name": f"{name} {number}"}
            office.systems[name].person_create("contact", cells)
    office.sync()
    [review] = office.reviews()
    assert review["detail"]["count"] == 24
    office.answer("rejected")
    summary = settle(office)
    assert (summary.reviews, summary.converged) == (0, True)
    assert [len(system.alive("contact")) for system in office.systems.values()] == [24, 24]
    office.create("crm", "contact", email="info@firm.example", last_name="late")  # of whom nobody has said a word
    office.sync()
    [review] = office.reviews()
    assert (review["topic"], office.sync().writes) == ("match", 0)


def test_some_the_same_are_asked_about_one_by_one_and_linked_as_a_person_says(deals: Any) -> None:
    deals.sync()
    deals.answer("accepted")
    deals.sync()
    reviews = deals.reviews()
    assert len(reviews) == 60
    assert asked(deals) < 60 * 1_500
    mine = next(r for r in reviews if r["system"] == "crm")
    wanted = deals.systems["mail"].alive("opportunity")[29].id  # not among the few that are named
    assert f"mail:{wanted}" not in mine["detail"]["choices"]
    assert mine["detail"]["more"]
    with deals.store.atomic():
        deals.store.book.answer(mine["id"], "accepted", f"mail:{wanted}", deals.clock.now())
    summary = settle(deals)
    assert deals.record_of("crm", "opportunity", mine["remote_id"]) == deals.record_of("mail", "opportunity", wanted)
    assert (summary.reviews, counts(deals)) == (58, [30, 30])
    deals.answer("rejected")
    assert settle(deals).converged
    assert counts(deals) == [59, 59]


def test_who_comes_after_the_answer_is_asked_about_anew(deals: Any) -> None:
    deals.sync()
    deals.answer("rejected")
    settle(deals)
    fill(deals, "mail", 1)
    summary = settle(deals)
    assert (summary.reviews, counts(deals)) == (1, [60, 61])
    deals.answer("rejected")
    assert settle(deals).reviews == 0
    assert counts(deals) == [61, 61]


def test_an_answer_about_others_than_are_there_now_is_not_taken(deals: Any) -> None:
    deals.sync()
    deals.answer("rejected")
    fill(deals, "mail", 1)
    assert (deals.sync().reviews, counts(deals)) == (1, [30, 31])
    assert deals.reviews()[0]["detail"]["count"] == 61


def test_nothing_is_made_beside_a_crowd_that_joins_later(office: Any) -> None:
    office.add("crm", DEALS)
    fill(office, "crm", 30)
    office.sync()
    office.add("mail", DEALS)
    fill(office, "mail", 30)
    office.create("crm", "opportunity", name="Another")
    summary = settle(office)
    assert (summary.reviews, counts(office)) == (1, [31, 31]), "only what nobody asks about is made"
    office.answer("rejected")
    settle(office)
    assert counts(office) == [61, 61]


def test_the_question_goes_with_the_ambiguity(deals: Any) -> None:
    deals.sync()
    for system in deals.systems:
        for n, remote in enumerate(deals.systems[system].alive("opportunity")):
            deals.systems[system].person_edit("opportunity", remote.id, {"name": f"Renewal {n}"})
    summary = settle(deals)
    assert (summary.reviews, summary.converged, counts(deals)) == (0, True, [30, 30])


def test_a_crowd_that_has_shrunk_is_asked_about_by_name(deals: Any) -> None:
    deals.sync()
    for system in deals.systems:
        for remote in deals.systems[system].alive("opportunity")[2:]:
            deals.systems[system].person_delete("opportunity", remote.id)
    settle(deals)
    assert [len(r["detail"]["rivals"]) for r in deals.reviews()] == [3, 3, 3, 3]


def test_a_question_stays_while_a_system_it_is_about_is_left_out(office: Any) -> None:
    office.add("crm", DEALS)
    fill(office, "crm", 12)
    office.sync()
    office.add("mail", DEALS)
    fill(office, "mail", 12)
    office.sync()
    assert office.sync(without=frozenset({"mail"})).reviews == 1
    assert office.sync().reviews == 1


def test_deals_of_other_accounts_are_no_part_of_a_crowd(deals: Any) -> None:
    for name in ("First", "Second"):
        for system in deals.systems:
            account = deals.create(system, "account", name=name, domain=f"{name}.example".lower())
            fill(deals, system, 12 if name == "First" else 1, account=account)
    deals.sync()
    contexts = [r["detail"]["context"] for r in deals.reviews()]
    assert sorted(map(len, contexts)) == [0, 1, 1]
    counted = sorted(r["detail"]["count"] for r in deals.reviews())
    assert counted == [62, 84, 86], "a deal without an account may be anybody's"


def test_a_deal_that_contradicts_a_crowd_is_not_held_up_by_it(office: Any) -> None:
    for name in ("crm", "mail"):
        office.add(name, DEALS)
        account = office.create(name, "account", name="First", domain="first.example")
        fill(office, name, 12, account=account)
    other = office.create("crm", "account", name="Second", domain="second.example")
    fill(office, "crm", 1, account=other)
    summary = settle(office)
    assert (summary.reviews, counts(office)) == (1, [13, 13])


def test_many_of_one_domain_are_one_question(office: Any) -> None:
    for name in ("crm", "mail"):
        office.add(name)
        for n in range(20):
            office.systems[name].person_create("account", {"name": f"{name} {n}", "domain": "firm.example"})
    summary = office.sync()
    assert (summary.reviews, [len(office.systems[s].alive("account")) for s in office.systems]) == (1, [20, 20])


def test_many_of_one_name_inside_one_system_are_no_question(office: Any) -> None:
    office.add("crm", DEALS)
    office.add("mail", DEALS)
    fill(office, "crm", 30)
    summary = settle(office)
    assert (summary.reviews, counts(office)) == (0, [30, 30])
