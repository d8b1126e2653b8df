"""A column that counts in thousands or millions, read and written through `Rule.scale`."""

from __future__ import annotations

from decimal import Context, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieline import Rule, compile_rules

MILLIONS = Rule("revenue", "annual_revenue", scale="1000000")


def test_a_column_in_millions_is_read_in_units_without_losing_a_digit():
    mapper = compile_rules("account", [MILLIONS])

    assert mapper.read({"revenue": "1100.04"}) == ({"annual_revenue": "1100040000"}, ())
    assert mapper.read({"revenue": ""}) == ({"annual_revenue": None}, ())
    assert mapper.read({}) == ({}, ())


def test_a_scaled_field_is_written_back_in_the_column_s_own_unit_and_null_stays_null():
    mapper = compile_rules("account", [MILLIONS])

    assert mapper.write({"annual_revenue": "1100040000"}) == ({"revenue": "1100.04"}, ())
    assert mapper.write({"annual_revenue": None}) == ({"revenue": None}, ())


def test_a_scaled_cell_that_is_no_number_is_a_problem_of_that_field_alone():
    mapper = compile_rules("account", [MILLIONS, Rule("name", "name")])

    fields, problems = mapper.read({"name": "Acme", "revenue": "lots"})

    assert fields == {"name": "Acme"}
    assert [(p.field, p.message) for p in problems] == [("annual_revenue", "annual_revenue: 'lots' is not a number")]


def test_an_amount_in_thousands_is_scaled_beside_its_currency():
    mapper = compile_rules(
        "opportunity", [Rule("value_k", "amount.amount", scale="1000"), Rule("", "amount.currency", const="USD")]
    )

    assert mapper.read({"value_k": "12.5"})[0] == {"amount": {"amount": "12500", "currency": "USD"}}
    assert mapper.write({"amount": {"amount": "12500", "currency": "USD"}})[0]["value_k"] == "12.5"


@pytest.mark.parametrize("scale", ["0", "-1", "many", "NaN", "Infinity", ""])
def test_a_scale_that_is_not_a_positive_number_is_refused_with_the_column_s_name(scale):
    with pytest.raises(ValueError, match=r"'revenue': scale .* is not a positive number"):
        compile_rules("account", [Rule("revenue", "annual_revenue", scale=scale)])


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**30), max_value=10**30))
def test_a_power_of_ten_keeps_every_digit_both_ways(number: Decimal):
    mapper = compile_rules("account", [MILLIONS])
    cell = mapper.read({"revenue": format(number, "f")})[0]

    assert mapper.read(mapper.write(cell)[0])[0] == cell
    assert Decimal(cell["annual_revenue"]) == number.scaleb(6, context=Context(prec=100))
