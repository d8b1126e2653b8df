"""Captured answers are held against the stand-in's: what differs, or is of no known kind, fails."""

from __future__ import annotations

from typing import Any

import pytest

from tests.witness.captured import Shapes, Way, hold

WAYS: list[Way] = [
    (lambda b: "name" in b, lambda stand, b: {"name": stand}),
    (lambda b: "lists" in b, "lists are not served"),
    (lambda b: "older" in b, None),
]


def held(**bodies: Any) -> int:
    return hold(bodies.items(), WAYS, Shapes(), lambda: "Ann")


def test_what_the_stand_in_gives_as_well_is_counted_and_what_it_does_not_serve_is_not() -> None:
    assert held(one={"name": "Bo"}, two={"name": "Cy"}, three={"lists": []}) == 2


@pytest.mark.parametrize("body", [{"name": 1}, {"name": "Bo", "age": 1}, {"name": None}])
def test_another_shape_fails_and_is_named_with_its_place(body: Any) -> None:
    with pytest.raises(AssertionError, match=r"odd: \$\.(name|age): "):
        held(fine={"name": "Bo"}, odd=body)


@pytest.mark.parametrize("body", [{"label": "Bo"}, {"older": True}, {}])
def test_an_answer_of_no_known_kind_fails_by_name(body: Any) -> None:
    with pytest.raises(AssertionError, match=r"no rule recognises \['odd'\]"):
        held(fine={"name": "Bo"}, odd=body)
