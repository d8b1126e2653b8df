"""Values that have parts: a list of references has one form, whatever was edited or merged in it."""

from __future__ import annotations

from typing import Any

from tieline.engine.compose import listed, rebased


def ref(target: str, role: str | None = None, *, primary: bool = False) -> dict[str, Any]:
    return {"id": target, "role": role, "primary": primary}


def test_the_form_of_a_list_does_not_depend_on_the_order_in_which_it_was_named() -> None:
    refs = [ref("b"), ref("a", "buyer"), ref("a"), ref("b", primary=True)]
    assert listed(refs) == listed(reversed(refs)) == [ref("a"), ref("a", "buyer"), ref("b", primary=True)]
    assert listed([]) is None


def test_nobody_is_named_twice_after_an_edit_took_one_of_two_roles_away() -> None:
    both = [ref("a"), ref("a", "buyer")]
    assert rebased(both, both, [ref("a", "buyer")]) == [ref("a", "buyer")]


def test_an_edit_of_a_list_leaves_alone_whom_the_system_never_showed() -> None:
    assert rebased([ref("a"), ref("b")], [ref("a")], [ref("c")]) == [ref("b"), ref("c")]
    assert rebased(["a", "b"], ["a"], None) == ["b"]


def test_an_amount_that_lost_its_currency_is_not_mixed_with_another_amount() -> None:
    bare = {"amount": "5", "currency": None}
    assert rebased({"amount": "10", "currency": "EUR"}, {"amount": "5", "currency": "EUR"}, bare) == bare
