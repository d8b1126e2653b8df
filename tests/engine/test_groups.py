"""Who stands near a remote, and when there are too many to be asked about one by one."""

from __future__ import annotations

from tieline.engine.groups import CROWD, Groups, Member, agrees, crowd_question
from tieline.engine.match import Match, choices, propose, question

KEY = "name:renewal"


def crowd(number: int, *systems: str, account: str | None = None) -> list[Member]:
    return [Member(s, f"{n:03}", None, {"account": account}) for s in systems for n in range(number)]


def test_one_of_each_system_is_no_crowd_however_many_systems_there_are() -> None:
    members = [Member(f"system {n}", "1", "r1", {}) for n in range(3 * CROWD)]
    me = members[0]
    assert propose("opportunity", me, [KEY], Groups("opportunity", {KEY: members})).record == "r1"


def test_the_question_is_the_same_whoever_comes_but_tells_whom_it_is_about() -> None:
    few, many = (Groups("opportunity", {KEY: crowd(n, "crm", "mail")}).near(KEY, {}) for n in (CROWD, CROWD + 1))
    first, second = (crowd_question("opportunity", near, ["mail"]) for near in (few, many))
    assert first.key == second.key
    assert first.detail["members"] != second.detail["members"]
    large = Groups("opportunity", {KEY: crowd(900, "crm", "mail")}).near(KEY, {})
    assert len(str(crowd_question("opportunity", large, ()))) < 1_000


def test_a_context_has_its_own_question_and_a_blank_one_contradicts_nobody() -> None:
    members = [*crowd(20, "crm", account="a1"), *crowd(20, "mail", account="a2"), *crowd(5, "files")]
    groups = Groups("opportunity", {KEY: members})
    one, two, none = (groups.near(KEY, {"account": a}) for a in ("a1", "a2", None))
    assert [len(n.members) for n in (one, two, none)] == [25, 25, 45]
    assert len({crowd_question("opportunity", n, ()).key for n in (one, two, none)}) == 3
    assert agrees(one.context, {"account": None})
    assert not agrees(one.context, {"account": "a2"})


def test_records_given_meanwhile_are_known() -> None:
    assigned = {("mail", "000"): "r1"}
    me = Member("crm", "000", None, {})
    groups = Groups("opportunity", {KEY: [me, Member("mail", "000", None, {})]}, assigned)
    assert propose("opportunity", me, [KEY], groups).record == "r1"


def test_one_of_a_crowd_names_some_and_may_be_any() -> None:
    me, *others = crowd(50, "crm", "mail")
    verdict = propose("opportunity", me, [KEY], Groups("opportunity", {KEY: [me, *others]}))
    assert verdict.crowd is not None
    groups = Groups("opportunity", {KEY: [me, *others]})
    single = verdict._replace(rivals=groups.others(me, verdict.crowd))
    ask = question("opportunity", me, single)
    assert (len(ask.detail["choices"]), ask.detail["more"]) == (10, 89)
    assert len(choices(me, single)) == 50
    assert len(str(ask)) < 1_500


def test_who_is_meant_does_not_depend_on_the_order_in_which_they_were_found() -> None:
    members = crowd(CROWD, "crm", "mail")
    one, other = (
        crowd_question("opportunity", Groups("opportunity", {KEY: found}).near(KEY, {}), ["mail"])
        for found in (members, members[::-1])
    )
    assert one.detail["members"] == other.detail["members"]


def test_one_of_a_crowd_says_in_which_system_somebody_waits() -> None:
    me, *others = crowd(CROWD + 1, "crm", "mail", account="a1")
    ask = question("opportunity", me, Match(rivals=tuple(others), key=KEY))
    assert (ask.detail["waiting"], ask.detail["context"]) == ([me.system], {"account": "a1"})
