"""The policy table, cell by cell: who wins for a field."""

from __future__ import annotations

import pytest

from tieline.engine.policy import Bid, Verdict, consent, decide
from tieline.records import Cell
from tieline.rules import Policy

ORDER = {"crm": 0, "mail": 1, "files": 2}
SKEW = 2000
FAR = 100_000


def judge(policy: Policy, standing: Bid, *bids: Bid, skew: int = SKEW) -> Verdict:
    return decide(policy, standing, bids, skew, ORDER)


def standing(value: Cell, time: int = 0, system: str = "crm") -> Bid:
    return Bid(system, value, time)


def edit(system: str, value: Cell, time: int, *, conflicts: bool = False) -> Bid:
    return Bid(system, value, time, True, conflicts)


def first(system: str, value: Cell, time: int) -> Bid:
    return Bid(system, value, time, False)


TWO_WAY = Policy("two-way")
PREFER = Policy("prefer", "crm")
UNLESS_BLANK = Policy("prefer-unless-blank", "crm")
ONLY = Policy("only", "crm")
FILL = Policy("fill")


def test_a_single_edit_travels_however_old_its_stamp_is() -> None:
    verdict = judge(TWO_WAY, standing("old", time=FAR), edit("mail", "new", 1))
    assert (verdict.value, verdict.origin, verdict.lost) == ("new", "mail", ())


def test_the_newest_of_two_edits_wins_and_the_other_is_named_as_lost() -> None:
    verdict = judge(TWO_WAY, standing("old"), edit("crm", "a", 1), edit("mail", "b", FAR))
    assert (verdict.value, verdict.origin) == ("b", "mail")
    assert [b.value for b in verdict.lost] == ["a"]


def test_an_edit_older_than_the_value_it_never_saw_loses() -> None:
    verdict = judge(TWO_WAY, standing("newer", FAR), edit("mail", "older", 1, conflicts=True))
    assert verdict.value == "newer"
    assert [b.value for b in verdict.lost] == ["older"]


@pytest.mark.parametrize("apart", [0, SKEW])
def test_two_edits_within_the_skew_wait_for_a_person(apart: int) -> None:
    verdict = judge(TWO_WAY, standing("old"), edit("crm", "a", FAR), edit("mail", "b", FAR + apart))
    assert verdict.held
    assert verdict.value == "old"


def test_two_edits_just_beyond_the_skew_do_not_wait() -> None:
    assert not judge(TWO_WAY, standing("old"), edit("crm", "a", FAR), edit("mail", "b", FAR + SKEW + 1)).held


def test_two_systems_that_say_the_same_at_once_do_not_conflict() -> None:
    verdict = judge(TWO_WAY, standing("old"), edit("crm", "a", FAR), edit("mail", "a", FAR))
    assert not verdict.held
    assert verdict.value == "a"
    assert verdict.lost == ()


def test_an_exact_tie_beyond_doubt_goes_to_the_system_named_first() -> None:
    verdict = judge(TWO_WAY, standing("old"), edit("mail", "b", 5), edit("crm", "a", 5), skew=-1)
    assert verdict.origin == "crm"


def test_an_edit_may_clear_but_a_first_link_never_does() -> None:
    assert judge(TWO_WAY, standing("x"), edit("mail", None, 1)).value is None
    assert judge(TWO_WAY, standing("x"), first("mail", None, FAR)).value == "x"


def test_a_first_link_fills_a_blank_whatever_its_age() -> None:
    verdict = judge(TWO_WAY, standing(None, FAR), first("mail", "x", 1))
    assert (verdict.value, verdict.origin) == ("x", "mail")


@pytest.mark.parametrize("policy", [TWO_WAY, PREFER, UNLESS_BLANK], ids=str)
def test_a_blank_that_nobody_wrote_beats_no_edit_because_somebody_links_at_the_same_time(policy: Policy) -> None:
    edited, linked = edit("mail", "edited", FAR), first("files", "there already", 1)
    verdict = judge(policy, standing(None, time=2 * FAR), edited, linked)
    assert (verdict.value, verdict.lost) == ("edited", (linked,))


def test_a_blank_that_was_written_stands_against_an_edit_that_never_saw_it() -> None:
    verdict = judge(TWO_WAY, standing(None, time=2 * FAR), edit("mail", "x", 1, conflicts=True), first("files", "y", 1))
    assert verdict.value is None


def test_a_first_link_that_differs_follows_the_policy() -> None:
    assert judge(TWO_WAY, standing("x", FAR), first("mail", "y", 1)).value == "x"
    assert judge(TWO_WAY, standing("x", 1), first("mail", "y", FAR)).value == "y"


def test_a_preferred_system_wins_a_conflict_though_it_is_older() -> None:
    verdict = judge(PREFER, standing("old"), edit("crm", "mine", 1), edit("mail", "theirs", FAR))
    assert verdict.value == "mine"
    assert [b.value for b in verdict.lost] == ["theirs"]


def test_under_prefer_an_edit_elsewhere_still_travels() -> None:
    assert judge(PREFER, standing("old", FAR), edit("mail", "new", 1)).value == "new"


def test_under_prefer_the_preferred_systems_standing_value_wins_over_an_edit_that_never_saw_it() -> None:
    verdict = judge(PREFER, standing("mine", 1, "crm"), edit("mail", "theirs", FAR, conflicts=True))
    assert verdict.value == "mine"


def test_under_prefer_edits_at_the_same_moment_need_no_person() -> None:
    assert not judge(PREFER, standing("old"), edit("crm", "a", 5), edit("mail", "b", 5)).held


def test_a_preferred_blank_wins_under_prefer_and_not_under_unless_blank() -> None:
    bids = (edit("crm", None, FAR), edit("mail", "value", 1))
    assert judge(PREFER, standing("old"), *bids).value is None
    assert judge(UNLESS_BLANK, standing("old"), *bids).value == "value"


def test_unless_blank_keeps_the_value_when_the_preferred_system_alone_clears_it() -> None:
    verdict = judge(UNLESS_BLANK, standing("old"), edit("crm", None, FAR))
    assert verdict.value == "old"


def test_unless_blank_lets_another_system_clear() -> None:
    assert judge(UNLESS_BLANK, standing("old"), edit("mail", None, FAR)).value is None


def test_only_takes_the_owners_edit_and_reverts_everybody_elses() -> None:
    verdict = judge(ONLY, standing("old"), edit("crm", "mine", 1), edit("mail", "theirs", FAR))
    assert verdict.value == "mine"
    foreign = judge(ONLY, standing("old"), edit("mail", "theirs", FAR))
    assert foreign.value == "old"
    assert [b.value for b in foreign.lost] == ["theirs"]


def test_only_takes_the_owners_clearing_too() -> None:
    assert judge(ONLY, standing("old"), edit("crm", None, 1)).value is None


def test_fill_takes_a_value_into_a_blank_and_nothing_else() -> None:
    assert judge(FILL, standing(None), edit("mail", "x", 1)).value == "x"
    assert judge(FILL, standing("old"), edit("mail", "x", FAR)).value == "old"
    assert judge(FILL, standing("old"), edit("mail", None, FAR)).value == "old"


def test_the_rule_that_decided_is_named() -> None:
    assert judge(ONLY, standing("old"), edit("crm", "x", 1)).rule == "only:crm"
    assert judge(UNLESS_BLANK, standing("old"), edit("mail", "x", 1)).rule == "prefer:crm-unless-blank"


# -- consent: whatever the policy


def test_an_opt_out_wins_over_a_newer_allowance() -> None:
    verdict = consent(standing(None), [edit("mail", "opted_out", 1), edit("crm", "allowed", FAR)], approved=False)
    assert verdict.value == "opted_out"
    assert [b.system for b in verdict.lost] == ["crm"]


def test_opting_in_again_waits_for_a_person() -> None:
    asking = [edit("mail", "allowed", FAR)]
    assert consent(standing("opted_out"), asking, approved=False).held
    assert consent(standing("opted_out"), asking, approved=True).value == "allowed"


def test_an_approval_does_not_outlive_a_new_opt_out() -> None:
    bids = [edit("mail", "allowed", 1), edit("files", "opted_out", 2)]
    assert consent(standing("opted_out"), bids, approved=True).value == "opted_out"


@pytest.mark.parametrize("known", [None, "allowed"])
def test_a_first_link_that_is_opted_out_opts_out_everywhere(known: Cell) -> None:
    verdict = consent(standing(known, time=FAR), [first("mail", "opted_out", 1)], approved=False)
    assert (verdict.value, verdict.origin) == ("opted_out", "mail")


def test_a_first_link_that_allows_does_not_even_ask() -> None:
    verdict = consent(standing("opted_out"), [first("mail", "allowed", FAR)], approved=False)
    assert not verdict.held
    assert verdict.value == "opted_out"


def test_a_cleared_consent_says_nothing() -> None:
    for value in ("opted_out", "allowed"):
        assert consent(standing(value), [edit("mail", None, FAR)], approved=False).value == value


def test_consent_is_taken_when_it_is_said_for_the_first_time() -> None:
    assert consent(standing(None), [first("mail", "allowed", 1)], approved=False).value == "allowed"


def test_the_preferred_systems_newest_word_wins_also_over_its_own_older_one() -> None:
    verdict = judge(PREFER, standing("old"), edit("crm", "new", FAR, conflicts=True), edit("mail", "other", FAR))
    assert (verdict.value, verdict.origin) == ("new", "crm")


def test_of_two_opt_outs_the_earlier_is_the_reason() -> None:
    bids = [edit("crm", "opted_out", 5), edit("mail", "opted_out", 3)]
    verdict = consent(standing("allowed"), bids, approved=False)
    assert (verdict.origin, verdict.time) == ("mail", 3)
