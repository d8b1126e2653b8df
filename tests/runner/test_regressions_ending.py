"""Somebody new with the address of a record that ends: what a person enters is never archived along with it."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def trio(office: Any) -> Any:
    """Ada lives in `crm` and `mail`; `files` joins in, and she is not there."""
    for name in ("crm", "mail", "files"):
        office.add(name)
        office.rule(name, "contact", delete="archive", create=name != "files")
    office.create("crm", "contact", email="ada@firm.example", last_name="Old")
    office.sync()
    office.sync()
    return office


def enter(office: Any, system: str) -> str:
    return str(office.create(system, "contact", email="Ada@firm.example", last_name="New"))


def delete(office: Any, system: str = "mail") -> None:
    office.clock.advance(1000)
    office.systems[system].person_delete("contact", office.only(system, "contact").id)


def come_to_rest(office: Any) -> None:
    for _ in range(4):
        office.sync()
    assert office.plan().orders == {}
    assert office.reviews() == []


def everywhere(office: Any, last_name: str, *systems: str) -> None:
    for system in systems:
        assert office.values(system, "contact", "last_name") == [last_name], system


def test_who_is_entered_while_a_namesake_is_deleted_elsewhere_stays(trio: Any) -> None:
    delete(trio)
    new = enter(trio, "files")
    come_to_rest(trio)
    assert trio.only("files", "contact").id == new
    everywhere(trio, "New", "crm", "mail", "files")


def test_who_is_entered_while_a_namesake_is_not_archived_everywhere_yet_stays(trio: Any) -> None:
    delete(trio)
    with trio.faults["crm"].during("throttle"):
        trio.sync()
    new = [enter(trio, system) for system in ("mail", "files")]
    come_to_rest(trio)
    assert [trio.only(system, "contact").id for system in ("mail", "files")] == new
    everywhere(trio, "New", "crm", "mail", "files")


def test_who_is_entered_after_a_person_said_that_a_namesake_goes_stays(trio: Any) -> None:
    trio.rule("mail", "contact", delete="review")
    delete(trio)
    trio.sync()
    trio.answer("accepted", topic="delete")
    new = enter(trio, "files")
    come_to_rest(trio)
    assert trio.only("files", "contact").id == new
    everywhere(trio, "New", "crm", "mail", "files")


def test_who_is_entered_in_place_of_who_was_deleted_there_keeps_the_record_alive(trio: Any) -> None:
    delete(trio)
    new = enter(trio, "mail")
    come_to_rest(trio)
    assert trio.only("mail", "contact").id == new
    everywhere(trio, "New", "crm", "mail")


def test_the_question_whether_a_deletion_goes_everywhere_names_who_came_since(trio: Any) -> None:
    trio.rule("mail", "contact", delete="review")
    delete(trio)
    trio.sync()
    old = trio.only("crm", "contact").id
    [asked] = trio.reviews()
    assert asked["detail"]["others"] == [f"crm:{old}"]
    new = enter(trio, "files")
    trio.sync()
    [asked] = trio.reviews()
    assert asked["detail"]["others"] == [f"crm:{old}", f"files:{new}"]
    assert f"files:{new}" in asked["summary"]


def test_who_is_called_the_same_as_somebody_who_ends_is_not_archived_along(trio: Any) -> None:
    delete(trio)
    with trio.faults["crm"].during("throttle"):
        trio.sync()
        new = [enter(trio, system) for system in ("mail", "files")]
        trio.sync()
    old = trio.only("crm", "contact").id
    assert [r["topic"] for r in trio.answer("accepted", f"crm:{old}", "match") if r["system"] == "files"] == ["match"]
    come_to_rest(trio)
    assert [trio.only(system, "contact").id for system in ("mail", "files")] == new
