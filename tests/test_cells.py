"""Normal forms of values that are no use as they came: told as such, whatever they are, and at once."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieline.cells import NORMAL


@pytest.mark.parametrize("kind", ["integer", "decimal", "percent"])
@pytest.mark.parametrize("text", ["1e999999999", "-1e999999999", "1e-999999999", "9" * 101])
def test_a_number_that_would_fill_the_memory_is_refused(kind: str, text: str) -> None:
    with pytest.raises(ValueError, match="more digits than any amount has"):
        NORMAL[kind][0](text)


def test_an_amount_of_that_size_is_refused_as_well() -> None:
    with pytest.raises(ValueError, match="more digits than any amount has"):
        NORMAL["money"][0]({"amount": "1e999999999", "currency": "EUR"})


@pytest.mark.parametrize(
    ("text", "cell"), [("0e999999999", "0"), ("0E-999999999", "0"), ("-0.0", "0"), ("1e20", "1" + "0" * 20)]
)
def test_nothing_and_what_is_large_but_real_are_numbers(text: str, cell: str) -> None:
    assert NORMAL["decimal"][0](text) == cell
    assert NORMAL["integer"][0](text) == int(cell)


@given(st.from_regex(r"-?[0-9]{1,40}(\.[0-9]{0,40})?", fullmatch=True, alphabet="0123456789-."))
def test_digits_have_one_normal_form_however_they_are_written(text: str) -> None:
    assert NORMAL["decimal"][0](text) == NORMAL["decimal"][0](Decimal(text))
