"""What a side effect is asked for with: a record's values in the places of a rule's texts."""

from __future__ import annotations

from tieline.engine.actions import said

MONEY = {"amount": "12.50", "currency": "EUR"}


def test_a_place_that_is_the_whole_text_keeps_the_value_as_it_is() -> None:
    fields = {"amount": MONEY, "employees": 12, "opted": False}
    texts = {name: f"{{{name}}}" for name in (*fields, "missing")}
    assert said(texts, fields) == {**fields, "missing": None}


def test_a_place_inside_a_text_is_filled_and_a_blank_leaves_it_empty() -> None:
    assert said({"to": "{first_name} of {firm}!"}, {"first_name": "Ada", "firm": None}) == {"to": "Ada of !"}
