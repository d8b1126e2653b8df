"""The made-up company: big enough, believable, the same each time, and untidy in ways that can be told apart."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tieline.demo.company import STAFF, demo_company
from tieline.records import KINDS, REFERENCES

NOW = 1_763_770_000_000
LEAST = {"account": 150, "contact": 500, "opportunity": 200, "campaign": 12}


@pytest.fixture(scope="module")
def crm() -> Any:
    return demo_company("crm", NOW)


@pytest.fixture(scope="module")
def marketing() -> Any:
    return demo_company("marketing", NOW)


def keys(side: Any, kind: str) -> set[str]:
    return {entry.key for entry in side[kind]}


def test_each_side_is_a_company_of_its_own_size_and_most_of_it_is_known_to_both(crm: Any, marketing: Any) -> None:
    for kind, least in LEAST.items():
        assert len(crm[kind]) >= least
        assert len(marketing[kind]) >= least
        both, either = keys(crm, kind) & keys(marketing, kind), keys(crm, kind) | keys(marketing, kind)
        assert 0.45 < len(both) / len(either) < 0.75
        assert keys(crm, kind) - keys(marketing, kind)
        assert keys(marketing, kind) - keys(crm, kind)


def test_it_is_the_same_for_the_same_moment(crm: Any) -> None:
    assert demo_company("crm", NOW) == crm
    assert demo_company("crm", NOW + 86_400_000) != crm


def test_everything_is_in_the_past_and_was_changed_after_it_was_made(crm: Any, marketing: Any) -> None:
    for side in (crm, marketing):
        for kind in KINDS:
            assert all(e.created <= e.modified < NOW - 86_400_000 for e in side[kind])


def test_every_reference_names_somebody_whom_that_side_knows(crm: Any, marketing: Any) -> None:
    for side in (crm, marketing):
        for kind in KINDS:
            for name, target in REFERENCES[kind].items():
                for entry in side[kind]:
                    value = entry.fields.get(name)
                    named = {r["id"] for r in value} if isinstance(value, list) else {value} - {None}
                    assert named <= keys(side, target), (entry.key, name)


def test_owners_are_people_that_both_vendors_have(crm: Any, marketing: Any) -> None:
    staff = {person.email for person in STAFF}
    for side in (crm, marketing):
        assert {e.fields.get("owner") for kind in KINDS for e in side[kind]} - {None} == staff


def test_what_marketing_alone_knows_has_all_that_a_crm_demands(crm: Any, marketing: Any) -> None:
    alone = {kind: [e for e in marketing[kind] if e.key not in keys(crm, kind)] for kind in KINDS}
    assert all(e.fields.get("last_name") for e in alone["contact"])
    assert all(e.fields.get("close_date") and e.fields.get("stage") for e in alone["opportunity"])
    assert all(e.fields.get("owner") for kind in ("account", "contact", "opportunity") for e in alone[kind])


def test_people_are_careless_with_case_phones_blanks_and_entries(crm: Any, marketing: Any) -> None:
    mails = [e.fields["email"] for e in crm["contact"] if "email" in e.fields]
    twice = [mail for mail, n in Counter(m.lower() for m in mails).items() if n > 1]
    assert len(twice) == 2
    assert sum(m != m.lower() for m in mails) > 50
    shapes = {"".join("9" if c.isdigit() else c for c in e.fields.get("phone", "")) for e in crm["contact"]}
    assert len(shapes) > 8
    theirs = {e.key: e.fields for e in marketing["contact"]}
    filled = [set(e.fields) ^ set(theirs[e.key]) for e in crm["contact"] if e.key in theirs]
    assert sum("title" in names for names in filled) > 50
    assert sum("phone" in names for names in filled) > 50
    names = Counter((e.fields.get("first_name"), e.fields.get("last_name")) for e in marketing["contact"])
    assert sum(n > 1 for n in names.values()) >= 8
    sites = Counter(
        e.fields["website"].lower().removeprefix("http://") for e in crm["account"] if "website" in e.fields
    )
    assert sum(n > 1 for n in sites.values()) <= 1


def test_a_company_whose_domain_one_side_lacks_has_one_name_on_both(crm: Any, marketing: Any) -> None:
    theirs = {e.key: e.fields for e in marketing["account"]}
    lacking = 0
    for entry in crm["account"]:
        other = theirs.get(entry.key)
        if other is not None and not ("website" in entry.fields and "domain" in other):
            lacking += 1
            assert entry.fields["name"] == other["name"]
    assert lacking >= 5
