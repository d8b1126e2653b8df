"""What a `filter` means, what it refuses, and that no text at all makes it fail in another way."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieline.engine.filter import MAX_DEPTH, MAX_LENGTH, FilterError, parse_filter

RECORD = {
    "name": "Acme",
    "employees": 12,
    "annual_revenue": "1500000.5",
    "lifecycle_stage": "customer",
    "address": {"city": "Oslo"},
    "description": None,
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('lifecycle_stage in ["customer", "opportunity"] and employees >= 10 and not name is null', True),
        ("employees > 12", False),
        ("employees >= 12", True),
        ("annual_revenue > 1500000", True),
        ("annual_revenue < 1500000.50", False),
        ("annual_revenue == 1500000.50", True),
        ('address.city == "Oslo"', True),
        ('address.country == "NO"', False),
        ("address is null", False),
        ("description is null", True),
        ("phone is null", True),
        ('phone != "1"', True),
        ('phone == "1"', False),
        ("employees is not null", True),
        ('name contains "cm"', True),
        ('name not contains "cm"', False),
        ('name not in ["Acme"]', False),
        ("name in []", False),
        ('name == "x" or name == "Acme" and employees == 1', False),
        ('(name == "x" or name == "Acme") and employees == 12', True),
        ("not not employees == 12", True),
        ("name == 'Acme'", True),
    ],
)
def test_an_expression_means_what_it_says(text: str, expected: bool) -> None:
    assert parse_filter(text, "account")(RECORD) is expected


def test_a_boolean_field_stands_for_itself() -> None:
    won = parse_filter("is_won and not is_closed is false", "opportunity")
    assert won({"is_won": True, "is_closed": True})
    assert not won({"is_won": None, "is_closed": True})


def test_an_absent_number_is_neither_greater_nor_less() -> None:
    assert not parse_filter("employees > 0 or employees <= 0", "account")({})


def test_a_quote_can_be_escaped_inside_text() -> None:
    assert parse_filter(r'name == "5\" disk"', "account")({"name": '5" disk'})


def test_it_says_which_fields_it_looks_at() -> None:
    assert parse_filter('address.city == "x" and employees > 1', "account").fields == {"address", "employees"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("employes > 1", "account has no field 'employes'; did you mean 'employees'? (at character 1)"),
        ("parent is null", "'parent' is a reference; a filter looks at the record's own fields (at character 1)"),
        ('employees > "ten"', "expected a number, found 'ten' (at character 13)"),
        ("name == Acme", "expected a constant, found 'Acme': text stands in quotes (at character 9)"),
        ("name = 'x'", "found an unexpected '='; write == to compare (at character 6)"),
        ("name == 'x", "found a text that is not closed (at character 9)"),
        ("name", "expected a comparison after 'name', found the end (at character 5)"),
        ("", "expected a field, found the end (at character 1)"),
        ("(name is null", "expected a closing ), found the end (at character 14)"),
        ("name is null name", "expected `and`, `or` or the end, found 'name' (at character 14)"),
        ("name is 3", "expected null, true or false, found '3' (at character 9)"),
        ("name in 'x'", "expected a list in [ ], found \"'x'\" (at character 9)"),
        ("address == 'x'", "say which part of address: street, city, state, postal_code, country (at character 1)"),
        ("domain < 'x'", "a field of type domain cannot be compared with < (at character 8)"),
        ("name not == 'x'", "expected `in` or `contains` after `not`, found '==' (at character 10)"),
    ],
)
def test_a_wrong_expression_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse_filter(text, "account")
    assert str(caught.value) == message


def test_a_date_is_compared_with_a_date() -> None:
    due = parse_filter('close_date >= "2025-02-01"', "opportunity")
    assert due({"close_date": "2025-02-01"})
    assert not due({"close_date": "2025-01-31"})
    with pytest.raises(FilterError, match="YYYY-MM-DD"):
        parse_filter('close_date >= "soon"', "opportunity")


def test_a_custom_field_takes_any_constant() -> None:
    assert parse_filter("x_score > 5", "contact", {"x_score"})({"x_score": "7"})


@pytest.mark.parametrize("text", ["x_score > 5", "x_score <= 5", "x_score == 5", "x_score in [5, 6]"])
@pytest.mark.parametrize("cell", ["NaN", "sNaN", "-nan", float("nan")])
def test_what_is_no_number_is_neither_greater_nor_less_nor_equal(text: str, cell: Any) -> None:
    assert not parse_filter(text, "contact", {"x_score"})({"x_score": cell})


def test_an_expression_may_be_as_deep_and_as_long_as_is_said() -> None:
    deep = "(" * MAX_DEPTH + "name is null" + ")" * MAX_DEPTH
    assert parse_filter(deep)({})
    with pytest.raises(FilterError, match=f"deeper than {MAX_DEPTH}"):
        parse_filter(f"({deep})")
    assert parse_filter("name is null".rjust(MAX_LENGTH))({})
    with pytest.raises(FilterError, match=f"longer than {MAX_LENGTH}"):
        parse_filter("name is null".rjust(MAX_LENGTH + 1))


@pytest.mark.parametrize("text", ["(" * 5000, "not " * 2000 + "name", "(" * 900 + "name is null" + ")" * 900])
def test_depth_and_length_are_bounded(text: str) -> None:
    with pytest.raises(FilterError):
        parse_filter(text)
    assert MAX_LENGTH == 4000


WORDS = st.sampled_from(
    [
        "and",
        "or",
        "not",
        "in",
        "is",
        "null",
        "true",
        "name",
        "employees",
        "(",
        ")",
        "[",
        "]",
        ",",
        "==",
        "<",
        "'a'",
        "3",
    ]
)
CELLS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["amount", "city"]), inner),
    max_leaves=4,
)


@given(
    st.text(max_size=60) | st.lists(WORDS, max_size=14).map(" ".join),
    st.dictionaries(st.sampled_from(["name", "employees"]), CELLS),
)
def test_no_text_and_no_record_fail_in_another_way(text: str, record: dict[str, object]) -> None:
    for kind in (None, "account"):
        try:
            test = parse_filter(text, kind)
        except FilterError:
            continue
        assert test(record) in (True, False)
