"""Cells: where they are in A1 notation, what they hold as canonical values take it, and back. Pure; knows no HTTP.

Values are read UNFORMATTED, with dates as serial numbers, and written RAW: a text stays a text, a number a number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from tieline import Cell

EPOCH = date(1899, 12, 30)
"""Day 0 of serial numbers [spec]."""
LAST_DAY = (date(9999, 12, 31) - EPOCH).days
LONGEST = 50_000
"""Characters in one cell [doc]."""
ERRORS = frozenset(
    {"#REF!", "#N/A", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#ERROR!", "Loading..."}  # [doc]
)
"""What a formula that has no value shows."""
TEXT, NUMBER, DAY, FLAG = "text", "number", "date", "boolean"
FORMS: Final = {
    "integer": NUMBER,
    "decimal": NUMBER,
    "percent": NUMBER,
    "money": NUMBER,
    "date": DAY,
    "boolean": FLAG,
}
"""Field type → the form of its cells; anything else is text. Of money the currency is a text too."""
FORMATS: Mapping[str, Mapping[str, str]] = {TEXT: {"type": "TEXT"}, DAY: {"type": "DATE", "pattern": "yyyy-mm-dd"}}
"""Form → the number format of its cells, where it matters: what a person types there is to be taken as it is meant."""
_START = re.compile(r"!\$?([A-Z]+)?\$?(\d+)?")


# -- places


def letters(column: int) -> str:
    """0 → A, 26 → AA."""
    text = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        text = chr(65 + rest) + text
    return text


def quoted(title: str) -> str:
    """A tab's title as ranges take it."""
    return "'" + title.replace("'", "''") + "'"


def place(title: str, row: int, column: int) -> str:
    """`Accounts!C7`, as people and ranges call a cell; the row counts from 1, the column from 0."""
    return f"{title}!{letters(column)}{row}"


def start_row(range_: str) -> int:
    """The first row that an answer's range speaks of, from 1."""
    found = _START.search(range_[range_.rfind("!") :])
    return int(found[2]) if found is not None and found[2] else 1


def spans(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Rows as spans (first, last), both inclusive, in order."""
    found: list[tuple[int, int]] = []
    for number in sorted(set(numbers)):
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def at(row: Sequence[Any], column: int) -> Any:
    """A cell of a row as answered, which is cut behind its last value; None is blank."""
    value = row[column] if column < len(row) else None
    return None if value == "" else value


# -- values


def text(value: Any) -> str:
    """A cell's value as the text that stands there."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return str(value)


def loaded(value: Any, form: str) -> Any:
    """What a canonical field takes for a cell that is not blank. Raises ValueError saying what is wrong with it."""
    if isinstance(value, str) and value in ERRORS:
        raise ValueError(f"the formula there has no value: {value}")
    if form == DAY:
        return _day(value)
    if form == NUMBER:
        if isinstance(value, bool):
            raise ValueError(f"{text(value)} is not a number")
        if not isinstance(value, (int, float)):
            return value
        digits = repr(value)
        return format(Decimal(digits), "f") if "e" in digits or "n" in digits else digits
    if form == FLAG:
        return value if isinstance(value, bool) else text(value)
    return text(value)


def _day(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{text(value)!r} is text, not a date: type it again in a cell that is formatted as a date")
    if not 1 <= value < LAST_DAY + 1:
        raise ValueError(f"{text(value)} is no day of the calendar")
    return _written(int(value))


@lru_cache(2048)
def _written(day: int) -> str:
    """The day of a number; those of one sheet are near each other."""
    return (EPOCH + timedelta(days=day)).isoformat()


def dumped(value: Cell, form: str) -> Any:
    """A canonical value as a cell takes it, RAW; "" empties it. Raises ValueError for what a cell cannot hold."""
    if value is None:
        return ""
    if form == DAY:
        return _serial(date.fromisoformat(str(value)))
    if form == NUMBER:
        return _number(str(value))
    if form == FLAG and isinstance(value, bool):
        return value
    written = str(value)
    if len(written) > LONGEST:
        raise ValueError(f"{len(written)} characters, a cell holds {LONGEST}")
    return written


def _serial(day: date) -> int:
    """A day's number, which `_day` reads. Raises ValueError for one before the first."""
    if day <= EPOCH:
        raise ValueError(f"{day} is before {EPOCH + timedelta(days=1)}, the first day that a cell holds")
    return (day - EPOCH).days


def _number(digits: str) -> int | float:
    value = float(digits)
    if Decimal(repr(value)) != Decimal(digits):
        raise ValueError(f"{digits} has more digits than a cell keeps")
    return int(value) if value.is_integer() and abs(value) < 1e15 else value


def same(one: Any, two: Any) -> bool:
    """Whether two cells hold the same; a blank text is a blank."""
    one, two = (None if v == "" and not isinstance(v, bool) else v for v in (one, two))
    return isinstance(one, bool) is isinstance(two, bool) and bool(one == two)
