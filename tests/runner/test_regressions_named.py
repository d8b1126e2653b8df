"""Merges of whom others refer to: what is written, and to whom everybody belongs if the two are two after all."""

from __future__ import annotations

from typing import Any

import pytest

from tieline.rules import Policy


def merge(office: Any, kind: Any, winner: str, loser: str) -> None:
    office.clock.advance(1000)
    office.systems["crm"].person_merge(kind, winner, loser)


@pytest.mark.parametrize("with_winner", [False, True], ids=["of others", "of the winner too"])
def test_a_merge_of_a_deals_people_writes_nothing_to_the_deal(office: Any, with_winner: bool) -> None:
    for name in ("crm", "mail"):
        office.add(name, ("contact", "opportunity"), repoints=name == "crm")
    loser, other, winner = (office.create("crm", "contact", email=f"{n}@firm.example") for n in ("a", "b", "c"))
    people = [loser, other, winner] if with_winner else [loser, other]
    refs = [{"id": i, "role": "buyer", "primary": i == other} for i in people]
    office.create("crm", "opportunity", name="Deal", contacts=refs)
    office.sync()
    office.sync()
    merge(office, "contact", winner, loser)
    assert office.sync().writes == 0, "the same people in another order"
    office.store.trees.mark_all()
    assert office.plan().orders == {}


@pytest.mark.parametrize(
    ("meanwhile", "policy"),
    [
        ("nothing", "two-way"),
        ("an edit", "two-way"),
        ("an edit", "prefer"),
        ("somebody new", "two-way"),
        ("somebody new", "prefer"),
        ("a move", "two-way"),
        ("a move back", "two-way"),
    ],
)
def test_who_belongs_to_whom_is_right_when_two_that_were_merged_are_two_after_all(
    pair: Any, meanwhile: str, policy: Any
) -> None:
    pair.policy("contact", "account", Policy(policy, "crm" if policy == "prefer" else ""))
    kept, lost = (pair.create("crm", "account", name=n, domain=f"{n}.example") for n in ("Kept", "Lost"))
    pair.create("crm", "contact", email="ada@lost.example", account=lost)
    pair.sync()
    pair.sync()
    theirs = {n: pair.by_name("mail", "account", n).id for n in ("Kept", "Lost")}
    ada = pair.only("mail", "contact").id
    merge(pair, "account", kept, lost)
    pair.sync()
    if meanwhile == "an edit":
        pair.edit("mail", "contact", ada, title="Boss")
    elif meanwhile == "somebody new":
        pair.create("mail", "contact", email="bob@lost.example", account=theirs["Lost"])
    elif meanwhile != "nothing":
        pair.edit("mail", "contact", ada, account=theirs["Kept"])
        pair.sync()
    if meanwhile == "a move back":
        pair.edit("mail", "contact", ada, account=theirs["Lost"])
    pair.sync()
    pair.answer("rejected", topic="merge")
    for _ in range(3):
        pair.sync()
    right = "Kept" if meanwhile == "a move" else "Lost"
    for system in pair.systems:
        wanted = pair.by_name(system, "account", right).id
        assert set(pair.values(system, "contact", "account")) == {wanted}, system
    pair.store.trees.mark_all()
    assert (pair.plan().orders, pair.reviews()) == ({}, [])


def test_somebody_who_came_while_two_counted_as_one_stays_where_he_was_put(office: Any) -> None:
    office.add("crm")
    office.add("mail", stamps=False)  # where nothing is written to him, nothing is newer than what he said
    kept, lost = (office.create("crm", "account", name=n, domain=f"{n}.example") for n in ("Kept", "Lost"))
    office.sync()
    merge(office, "account", kept, lost)
    office.sync()
    theirs = office.by_name("mail", "account", "Lost").id
    office.create("mail", "contact", email="bob@lost.example", account=theirs)
    office.sync()
    office.answer("rejected", topic="merge")
    for _ in range(3):
        office.sync()
    assert office.only("mail", "contact").fields["account"] == theirs
    assert office.only("crm", "contact").fields["account"] == office.by_name("crm", "account", "Lost").id


def test_a_move_to_whom_nobody_told_apart_counts_once_they_are_two(pair: Any) -> None:
    kept, lost = (pair.create("crm", "account", name=n, domain=f"{n}.example") for n in ("Kept", "Lost"))
    pair.create("crm", "contact", email="ada@kept.example", account=kept)
    pair.sync()
    pair.sync()
    merge(pair, "account", kept, lost)
    pair.sync()
    theirs = pair.by_name("mail", "account", "Lost").id
    pair.edit("mail", "contact", pair.only("mail", "contact").id, account=theirs)
    pair.sync()
    pair.answer("rejected", topic="merge")
    for _ in range(3):
        pair.sync()
    for system in pair.systems:
        assert pair.only(system, "contact").fields["account"] == pair.by_name(system, "account", "Lost").id, system
