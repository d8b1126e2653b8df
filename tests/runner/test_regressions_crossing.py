"""The same records merged in several systems, and not in the same way."""

from __future__ import annotations

from typing import Any

import pytest

A_SECOND = 1000


def merge(office: Any, system: str, winner: str, loser: str) -> None:
    office.clock.advance(A_SECOND)
    office.systems[system].person_merge("contact", winner, loser)


def settled(office: Any) -> None:
    for _ in range(3):
        office.sync()
    assert office.sync().writes == 0


@pytest.fixture
def people(pair: Any) -> Any:
    """One, Two and Three in both systems; `ids[system, name]` is their id."""
    for name in ("one", "two", "three"):
        pair.create("crm", "contact", email=f"{name}@firm.example", last_name=name)
    settled(pair)
    pair.ids_of = {
        (s, n): pair.by_name(s, "contact", n, "last_name").id for s in ("crm", "mail") for n in ("one", "two", "three")
    }
    return pair


def last_names(office: Any) -> list[Any]:
    return [office.values(s, "contact", "last_name") for s in ("crm", "mail")]


@pytest.mark.parametrize("heard_between", [True, False])
def test_two_merged_here_and_the_other_way_round_there_are_one_that_lives(people: Any, heard_between: bool) -> None:
    ids = people.ids_of
    merge(people, "crm", ids["crm", "two"], ids["crm", "one"])
    if heard_between:
        people.sync()
        people.sync()
    merge(people, "mail", ids["mail", "one"], ids["mail", "two"])
    settled(people)
    assert people.reviews() == []
    record = people.record_of("crm", "contact", ids["crm", "two"])
    assert record == people.record_of("mail", "contact", ids["mail", "one"])
    assert people.store.trees.records([record])[record][1] == "alive"
    people.edit("crm", "contact", ids["crm", "two"], title="Boss")
    settled(people)
    assert people.values("mail", "contact", "title") == ["Boss", None]


def test_who_was_merged_into_one_here_and_into_another_there_stays_the_first_ones(people: Any) -> None:
    ids = people.ids_of
    record = people.record_of("crm", "contact", ids["crm", "one"])
    first, other = (people.record_of("crm", "contact", ids["crm", n]) for n in ("two", "three"))
    merge(people, "crm", ids["crm", "two"], ids["crm", "one"])
    people.sync()
    merge(people, "mail", ids["mail", "three"], ids["mail", "one"])
    settled(people)
    assert people.store.trees.records([record])[record][2] == first != other
    assert people.reviews() == []
    assert [len(s.alive("contact")) for s in people.systems.values()] == [2, 2]


def test_a_merge_into_what_is_left_of_a_merged_record_is_one_into_its_heir(people: Any) -> None:
    ids = people.ids_of
    three = people.record_of("crm", "contact", ids["crm", "three"])
    heir = people.record_of("crm", "contact", ids["crm", "two"])
    merge(people, "crm", ids["crm", "two"], ids["crm", "one"])
    people.sync()
    merge(people, "mail", ids["mail", "one"], ids["mail", "three"])
    settled(people)
    assert people.store.trees.records([three])[three][1:] == ("folded", heir)


@pytest.mark.parametrize("kept_apart", [False, True])
def test_who_was_merged_elsewhere_while_it_lay_in_the_bin_is_no_record_of_its_own_again(
    people: Any, kept_apart: bool
) -> None:
    ids = people.ids_of
    people.systems["crm"].person_delete("contact", ids["crm", "one"])
    if not kept_apart:  # neither has anybody in crm
        people.systems["crm"].person_delete("contact", ids["crm", "two"])
    merge(people, "mail", ids["mail", "two"], ids["mail", "one"])
    people.sync()
    people.answer("rejected", topic="delete")
    people.clock.advance(A_SECOND)
    people.systems["crm"].person_undelete("contact", ids["crm", "one"])
    settled(people)
    assert [r["topic"] for r in people.reviews()] == (["merge"] if kept_apart else [])
    assert [len(s.alive("contact")) for s in people.systems.values()] == ([3, 2] if kept_apart else [2, 2])
    one = people.store.db.rows("SELECT record FROM link WHERE system = 'crm' AND remote_id = ?", ids["crm", "one"])
    two = people.store.db.rows("SELECT record FROM link WHERE system = 'mail' AND remote_id = ?", ids["mail", "two"])
    assert (one == two) is not kept_apart
