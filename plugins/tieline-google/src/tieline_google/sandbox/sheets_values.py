"""What a cell of the stand-in shows, and what becomes of a value that is put into one. Answers nothing."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

from tieline_google.sandbox.sheets_grid import Tab, inside
from tieline_google.sandbox.wire import invalid

EPOCH = date(1899, 12, 30)
"""Day 0 of serial numbers [spec]."""
LONGEST = 50_000
"""Characters in one cell [doc]."""
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_SUM = re.compile(r"=\s*(\d+)\s*([+*-])\s*(\d+)\s*")
_ERRORS = {"IMPORTXML": "#N/A", "IMPORTDATA": "#N/A"}


def entered(value: Any, option: str) -> Any:
    """A value as the cell keeps it: RAW as it is, USER_ENTERED as if typed [spec]. A formula is `{"f", "v"}`."""
    if isinstance(value, (dict, list)):
        raise invalid("Invalid values: not a scalar")
    if isinstance(value, str) and len(value) > LONGEST:
        raise invalid(f"Your input contains more than the maximum of {LONGEST} characters in a single cell.")
    if option == "RAW" or not isinstance(value, str):
        return value
    if option != "USER_ENTERED":
        raise invalid("'valueInputOption' is required but not specified")
    return typed(value)


def typed(text: str) -> Any:
    """What the screen makes of what a person types."""
    if text.startswith("'"):
        return text[1:]
    if text.startswith("="):
        return {"f": text, "v": _computed(text)}
    if text.upper() in ("TRUE", "FALSE"):
        return text.upper() == "TRUE"
    if _NUMBER.fullmatch(text.strip()):
        number = float(text)
        return int(number) if number.is_integer() else number
    try:
        return (date.fromisoformat(text) - EPOCH).days
    except ValueError:
        return text


def _computed(formula: str) -> Any:
    match = _SUM.fullmatch(formula)
    if match is None:
        name = formula[1:].partition("(")[0].strip().upper()
        return _ERRORS.get(name, "#NAME?")
    one, sign, two = int(match[1]), match[2], int(match[3])
    return one + two if sign == "+" else one - two if sign == "-" else one * two


def plain(value: Any) -> Any:
    """The value without how it came about."""
    return value["v"] if isinstance(value, dict) else value


def rendered(tab: Tab, row: int, column: int, option: str) -> Any:
    """A cell as an answer shows it; "" for a blank one."""
    held = tab.cell(row, column)
    if held is None:
        return ""
    if option == "FORMULA" and isinstance(held, dict):
        return held["f"]
    value = plain(held)
    return value if option in ("UNFORMATTED_VALUE", "FORMULA") else formatted(tab, row, column, value)


def formatted(tab: Tab, row: int, column: int, value: Any) -> str:
    """A value as the screen shows it."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if not isinstance(value, (int, float)):
        return str(value)
    formats = [f["numberFormat"] for f in inside(tab.formats, tab, row, column)]
    if formats and formats[-1].get("type") == "DATE":
        return (EPOCH + timedelta(days=int(value))).isoformat()
    return str(int(value)) if float(value).is_integer() else str(value)


def extended(value: Any, *, effective: bool = False) -> dict[str, Any]:
    """A cell's value as an ExtendedValue."""
    if isinstance(value, dict) and not effective:
        return {"formulaValue": value["f"]}
    value = plain(value)
    if isinstance(value, bool):
        return {"boolValue": value}
    return {"numberValue": value} if isinstance(value, (int, float)) else {"stringValue": value}


def from_extended(value: Any) -> Any:
    """What a cell keeps of an ExtendedValue; None for an empty one."""
    if not value:
        return None
    if "formulaValue" in value:
        return {"f": value["formulaValue"], "v": _computed(value["formulaValue"])}
    found = next(iter(value.values()))
    if isinstance(found, str) and len(found) > LONGEST:
        raise invalid(f"Your input contains more than the maximum of {LONGEST} characters in a single cell.")
    return found
