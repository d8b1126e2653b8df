"""The limits between a plan and its first write."""

from __future__ import annotations

import pytest

from tieline.engine.limits import Limit, Limits, crossed


@pytest.mark.parametrize(
    ("limit", "number", "linked", "allowed"),
    [
        (Limit(), 10**9, 0, True),
        (Limit(count=5), 5, 0, True),
        (Limit(count=5), 6, 10**6, False),
        (Limit(share=0.05, floor=20), 20, 0, True),
        (Limit(share=0.05, floor=20), 21, 100, False),
        (Limit(share=0.05, floor=20), 50, 1000, True),
        (Limit(share=0.05, floor=20), 51, 1000, False),
        (Limit(count=0), 1, 100, False),
        (Limit(count=0), 0, 100, True),
    ],
)
def test_a_limit_is_a_number_or_a_share_never_below_its_floor(
    limit: Limit, number: int, linked: int, allowed: bool
) -> None:
    assert limit.allows(number, linked) is allowed


def test_a_crossed_limit_asks_once_per_system_and_kind_of_write() -> None:
    limits = Limits(creates=Limit(count=1), archives=Limit(count=1))
    counts = {"crm": {"creates": 2, "archives": 2, "updates": 1}, "mail": {"creates": 1}}
    questions = crossed(limits, counts, {"crm": 10, "mail": 10}, confirmed=False)
    assert [q.key for q in questions] == ["guard:crm:creates", "guard:crm:archives"]
    assert questions[0].detail["count"] == 2


def test_a_plan_just_confirmed_is_not_asked_about_twice_but_for_what_destroys() -> None:
    limits = Limits(Limit(count=0), Limit(count=0), Limit(count=0), Limit(count=0))
    counts = {"crm": {"creates": 1, "updates": 1, "archives": 1, "blanks": 1}}
    asked = crossed(limits, counts, {}, confirmed=True)
    assert [q.detail["what"] for q in asked] == ["archives", "blanks"]


def test_a_limit_says_what_it_is() -> None:
    assert str(Limit(count=3)) == "3"
    assert str(Limit(share=0.05, floor=20)) == "5% (at least 20)"
    assert str(Limit()) == "none"
