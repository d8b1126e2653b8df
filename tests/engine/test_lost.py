"""What a create whose answer was lost may have become, judged by values alone."""

from __future__ import annotations

import pytest

from tieline.engine.lost import likeness, lost_question
from tieline.engine.trees import CUT_OFF, stored_as
from tieline.model import Record

SENT = {"email": "Ada@firm.example", "first_name": "Ada", "last_name": "Lovelace", "phone": "+1 555 1", "account": "a1"}


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({}, "ours"),
        ({"email": "ada@firm.example", "phone": "15551"}, "ours"),
        ({"title": "Boss"}, "ours"),
        ({"phone": "9-15551"}, "maybe"),
        ({"phone": None}, "maybe"),
        ({"email": None}, "maybe"),
        ({"account": None}, "maybe"),
        ({"email": "ada@moved.example"}, "maybe"),
        ({"email": "ada@moved.example", "phone": "9"}, "maybe"),
        ({"email": "ada@moved.example", "first_name": None}, "maybe"),
        ({"email": "bob@firm.example", "last_name": "Hopper"}, "other"),
        ({"email": None, "first_name": "Grace", "last_name": "Hopper", "phone": "9"}, "other"),
    ],
)
def test_values_tell_what_they_can(changed: dict[str, str | None], verdict: str) -> None:
    assert likeness("contact", SENT, {**SENT, **changed}) == verdict


def test_what_names_nothing_proves_nothing() -> None:
    assert likeness("contact", {"account": "a1"}, {"account": "a1"}) == "maybe"
    assert likeness("contact", {}, {"last_name": "Hopper"}) == "maybe"


def test_a_question_about_many_names_some_and_counts_the_rest() -> None:
    ask = lost_question(Record("r1", "contact", {"last_name": "Lovelace"}), "mail", 5, [str(n) for n in range(30)])
    assert (len(ask.detail["choices"]), ask.detail["more"]) == (10, 20)
    assert len(ask.summary) < 400


def test_a_beginning_is_what_a_system_cut_off_only_from_a_certain_length_on() -> None:
    whole = "Brandenburger-Tor"
    assert stored_as("title", "contact", whole, whole[:CUT_OFF])
    assert not stored_as("title", "contact", whole, whole[: CUT_OFF - 1])


def test_whom_a_question_names_does_not_depend_on_the_order_in_which_they_were_found() -> None:
    found = [f"{n:02}" for n in range(12)]
    record = Record("r1", "contact", {"last_name": "Lovelace"})
    assert lost_question(record, "mail", 5, found[::-1]) == lost_question(record, "mail", 5, found)
