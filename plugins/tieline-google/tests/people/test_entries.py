"""One entry of a list changed, and every other one as it was."""

from __future__ import annotations

from typing import Any

import pytest

from tieline_google.people.entries import Clash, changed, plan_of, row_of, sendable

MAIN = {"primary": True, "source": {"type": "CONTACT", "id": "1"}, "sourcePrimary": True}
OTHER = {"source": {"type": "CONTACT", "id": "1"}}
MARK = {"sourcePrimary": True}


def held(area: str, *entries: Any, main: int = 0) -> dict[str, Any]:
    return {area: [{"metadata": MAIN if n == main else OTHER, **e} for n, e in enumerate(entries)]}


def values(area: str, entries: Any) -> list[Any]:
    return [e.get("value", e) for e in entries]


EMAILS = held(
    "emailAddresses", {"value": "a@x.example", "type": "home"}, {"value": "b@x.example", "type": "work"}, main=1
)


def test_the_marked_address_is_the_primary_one_wherever_it_stands() -> None:
    row = row_of(EMAILS, plan_of(["emailAddresses.primary", "emailAddresses.others"]))
    assert row == {"emailAddresses.primary": "b@x.example", "emailAddresses.others": ["a@x.example"]}


def test_a_new_primary_address_keeps_its_type_and_the_others() -> None:
    assert changed(EMAILS, "emailAddresses", {"primary": "c@x.example"}) == [
        {"value": "c@x.example", "type": "work", "metadata": MARK},
        {"value": "a@x.example", "type": "home"},
    ]


def test_a_primary_address_that_was_another_one_stands_once() -> None:
    assert values("", changed(EMAILS, "emailAddresses", {"primary": "A@x.example"})) == ["A@x.example"]


def test_other_addresses_are_the_whole_list_and_keep_their_types() -> None:
    found = changed(EMAILS, "emailAddresses", {"others": ["n@x.example", "a@x.example"]})
    assert [(e["value"], e.get("type")) for e in found] == [
        ("b@x.example", "work"),
        ("n@x.example", None),
        ("a@x.example", "home"),
    ]
    assert values("", changed(EMAILS, "emailAddresses", {"others": None})) == ["b@x.example"]


def test_what_is_no_address_stays_whatever_is_written() -> None:
    typed = held("emailAddresses", {"value": "mei at line"}, {"value": "call her"}, {"value": "x@x.example"})
    found = values("", changed(typed, "emailAddresses", {"primary": "m@x.example", "others": ["y@x.example"]}))
    assert found == ["m@x.example", "y@x.example", "call her", "mei at line"]


def test_the_primary_address_is_cleared_only_where_no_other_one_would_take_its_place() -> None:
    alone = held("emailAddresses", {"value": "a@x.example"})
    assert changed(alone, "emailAddresses", {"primary": None}) == []
    with pytest.raises(Clash):
        changed(EMAILS, "emailAddresses", {"primary": None})
    assert changed(EMAILS, "emailAddresses", {"primary": None, "others": None}) == []


PHONES = held(
    "phoneNumbers", {"value": "1", "type": "home"}, {"value": "2", "type": "work"}, {"value": "3", "type": "work"}
)


def test_a_number_is_found_by_its_type_and_changed_in_its_place() -> None:
    assert row_of(PHONES, plan_of(["phoneNumbers.work"])) == {"phoneNumbers.work": "2"}
    found = changed(PHONES, "phoneNumbers", {"work": "9", "mobile": "5"})
    assert [(e["type"], e["value"]) for e in found] == [("home", "1"), ("work", "9"), ("work", "3"), ("mobile", "5")]
    assert [e.get("metadata") for e in found] == [MARK, None, None, None]


def test_a_number_without_a_type_is_a_phone_where_there_is_none_of_work() -> None:
    bare = held("phoneNumbers", {"value": "1", "type": "home"}, {"value": "2"})
    assert row_of(bare, plan_of(["phoneNumbers.work", "phoneNumbers.mobile"])) == {
        "phoneNumbers.work": "2",
        "phoneNumbers.mobile": None,
    }
    assert changed(bare, "phoneNumbers", {"work": "9"})[1] == {"value": "9"}


def test_a_number_is_not_cleared_where_a_second_one_would_take_its_place() -> None:
    with pytest.raises(Clash):
        changed(PHONES, "phoneNumbers", {"work": None})
    assert values("", changed(PHONES, "phoneNumbers", {"home": None})) == ["2", "3"]


def test_a_name_keeps_its_other_parts_and_sends_no_whole_one() -> None:
    typed = held("names", {"givenName": "Ada", "familyName": "L", "middleName": "B", "displayName": "Ada B L",
                           "unstructuredName": "Ada B L", "displayNameLastFirst": "L, Ada B"})  # fmt: skip
    assert changed(typed, "names", {"givenName": "Eve"}) == [{"givenName": "Eve", "familyName": "L", "middleName": "B"}]
    assert changed(typed, "names", {"givenName": None}) == [{"familyName": "L", "middleName": "B"}]
    assert changed({}, "names", {"givenName": None}) == []


def test_a_title_is_cleared_with_its_job_only_where_nothing_else_is_in_it() -> None:
    one = held("organizations", {"title": "Boss", "name": "Line", "type": "work"})
    assert changed(one, "organizations", {"title": None}) == [{"name": "Line", "type": "work"}]
    bare = held("organizations", {"title": "Boss", "type": "work"})
    assert changed(bare, "organizations", {"title": None}) == []
    two = held("organizations", {"title": "Boss"}, {"title": "Clerk"})
    with pytest.raises(Clash):
        changed(two, "organizations", {"title": None})


def test_an_address_is_put_together_anew_and_keeps_what_the_hub_does_not_know() -> None:
    typed = held("addresses", {"streetAddress": "1 Main", "poBox": "7", "country": "Norway", "countryCode": "NO",
                               "formattedValue": "1 Main\n7", "formattedType": "Home", "type": "home"})  # fmt: skip
    assert changed(typed, "addresses", {"streetAddress": "2 Side"}) == [
        {"streetAddress": "2 Side", "poBox": "7", "country": "Norway", "countryCode": "NO", "type": "home"}
    ]
    assert "countryCode" not in changed(typed, "addresses", {"country": "Sweden"})[0]


def test_an_address_in_one_piece_is_not_written_over() -> None:
    with pytest.raises(Clash, match="one piece"):
        changed(held("addresses", {"formattedValue": "behind the church"}), "addresses", {"city": "Oslo"})


def test_own_fields_are_found_by_their_keys() -> None:
    own = held("userDefined", {"key": "Size", "value": "42"}, {"key": "Source", "value": "Fair"})
    assert row_of(own, plan_of(["userDefined.Source"])) == {"userDefined.Source": "Fair"}
    found = changed(own, "userDefined", {"Source": "Web", "Size": None, "New": "1"})
    assert found == [{"key": "Source", "value": "Web"}, {"key": "New", "value": "1"}]


def test_what_a_person_says_in_a_profile_is_neither_read_nor_sent() -> None:
    """[spec] updateContact: any non-contact data in the person to update is ignored."""
    profile = {"primary": True, "source": {"type": "PROFILE", "id": "1"}}
    mixed = {"names": [{"metadata": profile, "givenName": "Nick"}, {"metadata": OTHER, "givenName": "Ada"}]}
    assert row_of(mixed, plan_of(["names.givenName"])) == {"names.givenName": "Ada"}
    assert sendable(mixed, "names") == [{"givenName": "Ada"}]


def test_what_was_read_is_what_is_sent_back() -> None:
    for person, area in ((EMAILS, "emailAddresses"), (PHONES, "phoneNumbers")):
        again = {area: sendable(person, area)}
        assert sendable(again, area) == sendable(person, area)
