"""Keys propose; whatever is not certain becomes a question, never the first hit."""

from __future__ import annotations

import pytest

from tieline.engine.groups import Groups, Member
from tieline.engine.match import Match, equivalent, keys_of, propose, question, same_refs
from tieline.records import Cell

EMAIL = "email:ada@firm.example"


def member(system: str, remote_id: str, record: str | None = None, **fields: Cell) -> Member:
    return Member(system, remote_id, record, fields)


ME = member("crm", "1")


def judged(*others: Member, kind: str = "contact", key: str = EMAIL, me: Member = ME) -> Match:
    return propose(kind, me, [key], Groups(kind, {key: [me, *others]}))  # type: ignore[arg-type]


def test_one_record_elsewhere_is_the_one() -> None:
    assert judged(member("mail", "a", "r1")).record == "r1"


def test_the_same_record_in_two_systems_is_still_one() -> None:
    assert judged(member("mail", "a", "r1"), member("files", "b", "r1")).record == "r1"


def test_two_records_are_a_question() -> None:
    found = judged(member("mail", "a", "r1"), member("files", "b", "r2"))
    assert found.record is None
    assert len(found.rivals) == 2


def test_two_hits_in_one_system_are_a_question_even_when_only_one_is_linked() -> None:
    found = judged(member("mail", "a", "r1"), member("mail", "b"))
    assert (found.record, len(found.rivals)) == (None, 2)


def test_a_twin_in_its_own_system_is_a_question() -> None:
    assert judged(member("crm", "2", "r1")).rivals


def test_nobody_else_means_a_record_of_its_own() -> None:
    assert judged() == Match()


def test_a_name_may_repeat_inside_a_system() -> None:
    same = member("crm", "2", "r1")
    assert judged(same, kind="campaign", key="name:spring") == Match()
    assert judged(same, kind="account", key="domain:firm.example", me=member("crm", "1")).rivals


def test_a_name_does_not_count_where_the_context_contradicts_it() -> None:
    me = member("crm", "1", account="acme")
    other = member("mail", "a", "r1", account="globex")
    assert judged(other, kind="opportunity", key="name:renewal", me=me) == Match()
    agreeing = member("mail", "a", "r1", account="acme")
    assert judged(agreeing, kind="opportunity", key="name:renewal", me=me).record == "r1"


def test_the_strongest_key_that_meets_anybody_decides() -> None:
    weak, strong = "name:firm", "domain:firm.example"
    me = member("crm", "1", domain="firm.example")
    groups = {weak: [me, member("mail", "a", "r2")], strong: [me, member("mail", "b", "r1")]}
    assert propose("account", me, [strong, weak], Groups("account", groups)).record == "r1"


def test_the_question_names_every_rival_and_is_the_same_whatever_their_order() -> None:
    rivals = (member("mail", "a", "r1"), member("files", "b", "r2"))
    first = question("contact", ME, Match(rivals=rivals, key=EMAIL))
    second = question("contact", ME, Match(rivals=rivals[::-1], key=EMAIL))
    assert first == second
    assert first.detail["rivals"] == ["files:b", "mail:a"]


def test_blank_values_give_no_key() -> None:
    assert keys_of("contact", {"email": None}) == []
    assert keys_of("contact", {"email": "  "}) == []
    assert keys_of("contact", {}) == []


def test_keys_are_blind_to_case_and_space() -> None:
    assert keys_of("contact", {"email": " Ada@Firm.example "}) == [EMAIL]
    assert keys_of("account", {"name": "ACME   Corp", "domain": "acme.example"}) == [
        "domain:acme.example",
        "name:acme corp",
    ]


@pytest.mark.parametrize(
    ("type_name", "a", "b", "same"),
    [
        ("text", "Acme  Corp", "acme corp", True),
        ("phone", "+1 (555) 01", "001555 01", True),
        ("url", "https://www.Firm.example/", "firm.example", True),
        ("text", "a", None, False),
        ("text", None, None, True),
        ("decimal", "1", "1.0", False),
        ("phone", "---", "...", False),
        ("integer", 1, 1, True),
    ],
)
def test_spelling_is_forgiven_and_nothing_else(type_name: str, a: Cell, b: Cell, same: bool) -> None:
    assert equivalent(type_name, a, b) is same
    assert equivalent(type_name, b, a) is same


def test_references_agree_where_roles_do_not_contradict() -> None:
    bare, buyer, user = ([{"id": "p", "role": role, "primary": False}] for role in (None, "buyer", "user"))
    assert same_refs(bare, buyer)
    assert same_refs(buyer, bare)
    assert not same_refs(buyer, user)
    assert same_refs(buyer, [{**buyer[0], "primary": True}])
    assert not same_refs(bare, None)
    assert same_refs(None, [])


def test_the_question_blames_its_own_system_only_where_a_rival_is_in_it() -> None:
    elsewhere = question("contact", ME, Match(rivals=(member("mail", "a"), member("mail", "b")), key=EMAIL))
    beside = question("contact", ME, Match(rivals=(member("crm", "2"), member("mail", "b")), key=EMAIL))
    assert "may hold a duplicate" not in elsewhere.summary
    assert beside.summary.endswith("crm may hold a duplicate")
