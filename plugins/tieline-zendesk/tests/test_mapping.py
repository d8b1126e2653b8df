"""The mapping tables, both ways, and the forms that Zendesk's values take."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieline import Rule, Write, compile_rules
from tieline_zendesk.mapping import (
    KINDS,
    TABLES,
    join_name,
    main_domain,
    number,
    record_id,
    split_name,
    with_domain,
)
from tieline_zendesk.rows import Rows, stamp_ms

WORD = st.text(st.characters(codec="utf-8", exclude_categories=("Z", "C")), min_size=1, max_size=8)
NAME = st.lists(WORD, min_size=1, max_size=3).map(" ".join)


def rows(stream: str, *more: Rule, hub_field: str | None = None) -> Rows:
    return Rows(stream, compile_rules(KINDS[stream], (*TABLES[stream], *more)), hub_field)


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("Mei Chen", "Mei", "Chen"),
        ("Mary Ann Smith", "Mary Ann", "Smith"),
        ("Prince", None, "Prince"),
        ("Ludwig van\u00a0Beethoven", "Ludwig", "van Beethoven"),
        ("Mei Li\u200b", "Mei Li", None),
        ("", None, None),
        (None, None, None),
        ("mei@line.example", None, None),
    ],
)
def test_a_full_name_is_taken_apart(name, first, last):
    assert split_name(name, "MEI@line.example") == (first, last)


@given(first=st.none() | NAME, last=st.none() | NAME)
def test_a_name_that_was_put_together_comes_apart_as_it_was(first, last):
    assert split_name(join_name(first, last), None) == (first, last)


def test_nothing_is_no_name():
    assert join_name(None, " ") is None


def test_a_user_is_read():
    item = {
        "id": 12,
        "updated_at": "2024-02-15T16:23:08Z",
        "role": "end-user",
        "active": True,
        "name": "Mei Chen",
        "email": "mei@line.example",
        "phone": "+1 555 0100",
        "organization_id": 34,
        "external_id": "018BCFE5-6800-7000-8000-000000000001",
        "user_fields": {},
    }
    remote = rows("users").remote(item)
    assert remote.fields == {
        "email": "mei@line.example",
        "first_name": "Mei",
        "last_name": "Chen",
        "phone": "+1 555 0100",
        "account": "34",
    }
    assert (remote.id, remote.modified) == ("12", 1_708_014_188_000)
    assert remote.hub_id == "018bcfe5-6800-7000-8000-000000000001"


def test_an_organization_is_read_and_its_first_domain_counts():
    item = {"id": 5, "updated_at": "2024-02-15T16:23:08Z", "name": "Acme", "details": "", "external_id": None}
    remote = rows("organizations").remote({**item, "domain_names": ["acme.example", "acme.test"]})
    assert remote.fields == {"name": "Acme", "domain": "acme.example", "description": None}


def test_a_changed_domain_keeps_the_others():
    assert with_domain(["a.example", "b.example"], "c.example") == ["c.example", "b.example"]
    assert with_domain(["a.example", "b.example"], "b.example") == ["b.example"]
    assert with_domain(["a.example", "b.example"], None) == ["b.example"]
    assert with_domain([], "a.example") == ["a.example"]


def test_what_is_no_domain_is_passed_over():
    assert main_domain(["", 7, "acme.example"]) == "acme.example"
    assert main_domain(None) is None


OWN = (
    Rule("user_fields.plan", "x_plan"),
    Rule("user_fields.score", "x_score", type="decimal"),
    Rule("user_fields.since", "x_since", type="date"),
    Rule("user_fields.no_mail", "consent_email"),
    Rule("user_fields.calls", "consent_phone", values={"true": "allowed", "false": "opted_out"}),
    Rule("user_fields.likes", "x_likes"),
    Rule("tags", "x_tags"),
)


def test_fields_of_the_accounts_own_are_read_by_their_keys():
    held = {"plan": "gold", "score": 5.5, "since": "2012-07-23T00:00:00Z", "no_mail": True, "calls": True}
    item = {"id": 1, "updated_at": "2024-02-15T16:23:08Z", "tags": ["a", "b"], "email": None, "name": "X"}
    fields = rows("users", *OWN).remote({**item, "user_fields": {**held, "likes": ["tea", "rum"]}}).fields
    assert {k: v for k, v in fields.items() if k.startswith(("x_", "consent"))} == {
        "x_plan": "gold",
        "x_score": "5.5",
        "x_since": "2012-07-23",
        "consent_email": "opted_out",
        "consent_phone": "allowed",
        "x_likes": "tea;rum",
        "x_tags": "a;b",
    }


def test_fields_of_the_accounts_own_are_written_by_their_keys():
    write = Write(
        "update",
        "h",
        {
            "x_plan": None,
            "x_score": "5.5",
            "x_since": "2012-07-23",
            "consent_email": "opted_out",
            "consent_phone": "allowed",
            "x_tags": "a; b",
            "account": "34",
        },
        "1",
    )
    table = rows("users", *OWN)
    flat, problems = table.drafted(write)
    assert not problems
    own = {"plan": None, "score": 5.5, "since": "2012-07-23", "no_mail": True, "calls": True}
    assert table.payload(flat) == {"tags": ["a", "b"], "organization_id": 34, "user_fields": own}


def test_a_reference_that_is_no_id_of_zendesks_is_a_problem_of_its_field():
    _, problems = rows("users").drafted(Write("update", "h", {"account": "../5"}, "1"))
    assert [p.field for p in problems] == ["account"]
    with pytest.raises(ValueError, match="no id"):
        record_id("1e3")


def test_a_number_that_a_float_cannot_hold_is_refused():
    assert number("12") == 12
    with pytest.raises(ValueError, match="digits"):
        number("0.1234567890123456789")


def test_a_stamp_is_milliseconds_of_utc():
    assert stamp_ms("1970-01-01T00:00:01Z") == 1000
