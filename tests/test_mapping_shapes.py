"""What a mapper makes of rows that hold other columns than the row before."""

from __future__ import annotations

from tieline.mapping import SHAPES, Rule, compile_rules

TABLE = (
    Rule("mail", "email"),
    Rule("first", "first_name"),
    Rule("town", "address.city"),
    Rule("land", "address.country"),
)


def test_each_row_speaks_of_its_own_columns_whatever_the_one_before_held() -> None:
    mapper = compile_rules("contact", TABLE)
    rows: list[dict[str, object]] = [
        {"mail": "a@x.example"},
        {"first": "Ann", "town": "Bonn"},
        {},
        {"land": "DE", "first": "", "other": 1},
    ]
    read = [mapper.read(row)[0] for row in (*rows, *reversed(rows))]
    assert read[:4] == [
        {"email": "a@x.example"},
        {"first_name": "Ann", "address": {"city": "Bonn"}},
        {},
        {"first_name": None, "address": {"country": "DE"}},
    ]
    assert read[4:] == read[3::-1]


def test_the_fields_stand_in_the_order_of_the_table_whatever_the_order_of_the_row() -> None:
    mapper = compile_rules("contact", TABLE)
    assert list(mapper.read({"first": "Ann", "mail": "a@x.example"})[0]) == ["email", "first_name"]


def test_rows_that_never_hold_the_same_columns_are_read_and_not_all_kept() -> None:
    mapper = compile_rules("contact", TABLE)
    for number in range(3 * SHAPES):
        assert mapper.read({f"own{number}": 1, "first": "Ann"}) == ({"first_name": "Ann"}, ())
    assert len(mapper._shapes) <= SHAPES
