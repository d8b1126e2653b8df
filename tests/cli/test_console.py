"""Output that lines up and cannot steer a terminal."""

from __future__ import annotations

import pytest

from tieline.cli.console import clean, fit, plural, table, width_of, wrapped


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain Zoë 日本", "plain Zoë 日本"),
        ("a\x1b[31mred", "a\\x1b[31mred"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("\x9b2J", "\\x9b2J"),
        ("admin\u202egpj.exe", "admin\\u202egpj.exe"),
        ("lone \ud800", "lone \\ud800"),
        ("no\u00a0break", "no\u00a0break"),
    ],
)
def test_control_characters_are_shown_not_obeyed(raw: str, shown: str) -> None:
    assert clean(raw) == shown


def test_columns_line_up_whatever_the_script() -> None:
    shown = table(["NAME", "N"], [["日本", 1], ["Zoë", 22], ["e\u0301", 333]])
    lines = shown.splitlines()
    assert [width_of(line) for line in lines] == [9, 9, 9, 9]
    assert lines[1] == "日本    1"


def test_numbers_stand_to_the_right_and_none_is_blank() -> None:
    assert table(["A", "NUMBER"], [["x", None], ["y", 7]]).splitlines() == ["A  NUMBER", "x", "y       7"]


def test_the_last_column_is_cut_to_the_terminal() -> None:
    shown = table(["A", "LONG"], [["x", "y" * 100]], width=40)
    assert all(width_of(line) <= 40 for line in shown.splitlines())
    assert shown.endswith("…")
    assert table(["A", "LONG"], [["x", "y" * 100]]).endswith("y" * 100)


def test_wide_characters_are_cut_by_columns() -> None:
    assert fit("日本語", 5) == "日本…"


def test_the_last_column_is_wrapped_where_nothing_may_be_left_out() -> None:
    text = "one two three " * 6 + "日本語" * 12 + "x" * 70
    lines = table(["A", "TEXT"], [["row", text], ["next", "short"]], width=40, wrap=True).splitlines()
    assert all(width_of(line) <= 40 for line in lines), lines
    assert lines[1].startswith("row   one two")
    assert all(line.startswith(" " * 6) for line in lines[2:-1])
    assert lines[-1] == "next  short"
    assert "".join(line[6:] for line in lines[1:-1]).replace(" ", "") == text.replace(" ", "")
    assert wrapped("", 5) == [""]
    assert wrapped("ab cd", 5) == ["ab cd"]
    assert wrapped("abc de", 5) == ["abc", "de"]


def test_counting_words() -> None:
    assert [plural(1, "entry"), plural(0, "entry"), plural(1200, "order")] == ["1 entry", "0 entries", "1,200 orders"]
