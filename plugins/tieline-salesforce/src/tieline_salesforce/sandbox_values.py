"""Which values a field takes, and the form they are kept in. Pure: knows a field, not the other records.

Kept forms: text trimmed (empty is None), numbers rounded to the field's scale, dates `YYYY-MM-DD`, times as
milliseconds since 1970 UTC, ids with 18 characters.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from tieline_salesforce.sandbox_errors import ApiError, bad_json
from tieline_salesforce.sandbox_ids import full_id
from tieline_salesforce.sandbox_schema import FieldDef

TEXT_TYPES = frozenset({"string", "textarea", "picklist", "multipicklist", "combobox", "phone", "url", "email"})
NUMBER_TYPES = frozenset({"double", "currency", "percent"})
_EMAIL = re.compile(r"[^@\s,;<>()]+@[^@\s,;<>()]+\.[^@\s.,;<>()]{2,}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ZONE = re.compile(r"([+-]\d\d)(\d\d)$")
_FIRST_YEAR, _LAST_YEAR = 1700, 4000
_JSON_NAMES = {bool: "VALUE_TRUE", int: "VALUE_NUMBER_INT", float: "VALUE_NUMBER_FLOAT", str: "VALUE_STRING"}


def kept(of: FieldDef, value: Any) -> Any:
    """The kept form of a value sent for a field; None when it clears it. Raises ApiError."""
    if value is None:
        return False if of.type == "boolean" else None
    if of.type in TEXT_TYPES:
        return _text(of, value)
    if of.type in ("reference", "id"):
        return _reference(of, value)
    if of.type == "boolean":
        return _boolean(of, value)
    if of.type in NUMBER_TYPES:
        return _number(of, value)
    if of.type == "int":
        return _integer(of, value)
    if of.type == "date":
        return _date(of, value)
    if of.type == "datetime":
        return _time(of, value)
    raise _unreadable(of, value)


def _unreadable(of: FieldDef, value: Any) -> ApiError:
    shape = _JSON_NAMES.get(type(value), "START_OBJECT" if isinstance(value, dict) else "START_ARRAY")
    said = "" if isinstance(value, (dict, list)) else f" {value}"
    kind = {"reference": "id", "datetime": "datetime", "currency": "double", "percent": "double"}.get(of.type, of.type)
    return bad_json(
        f"Cannot deserialize instance of {kind} from {shape} value{said} "
        "or request may be missing a required field at [line:1, column:1]"
    )


def _text(of: FieldDef, value: Any) -> str | None:
    if not isinstance(value, str):
        raise _unreadable(of, value)
    text = value.strip()
    if not text:
        return None
    if of.type == "email" and not _EMAIL.fullmatch(text):
        raise _invalid("INVALID_EMAIL_ADDRESS", of, f"invalid email address: {text}")
    if of.size and len(text) > of.size:
        raise _invalid("STRING_TOO_LONG", of, f"data value too large: {text} (max length={of.size})")
    if of.restricted and text not in {v.partition("=")[0] for v in of.values}:
        code = "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
        raise _invalid(code, of, f"bad value for restricted picklist field: {text}")
    return text


def _invalid(code: str, of: FieldDef, message: str) -> ApiError:
    return ApiError(400, code, f"{of.label}: {message}", (of.name,))


def _reference(of: FieldDef, value: Any) -> str | None:
    if not isinstance(value, str):
        raise _unreadable(of, value)
    if not value.strip():
        return None
    found = full_id(value.strip())
    if found is None:
        raise _invalid("MALFORMED_ID", of, f"id value of incorrect type: {value}")
    return found


def _boolean(of: FieldDef, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return bool(value == "true")
    raise _unreadable(of, value)


def _decimal(of: FieldDef, value: Any) -> Decimal:
    """Numbers may come as text [recorded: NumberOfEmployees "10000" is taken]."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise _unreadable(of, value)
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation as error:
        raise _unreadable(of, value) from error
    if not number.is_finite():
        raise _unreadable(of, value)
    return number


def _number(of: FieldDef, value: Any) -> float | int:
    number = _decimal(of, value)
    if abs(number) >= Decimal(10) ** (of.precision - of.scale):
        raise _invalid("NUMBER_OUTSIDE_VALID_RANGE", of, f"value outside of valid range on numeric field: {value}")
    return float(number.quantize(Decimal(1).scaleb(-of.scale), ROUND_HALF_UP))


def _integer(of: FieldDef, value: Any) -> int:
    number = _decimal(of, value)
    if number != number.to_integral_value():
        raise _unreadable(of, value)
    if abs(number) >= Decimal(10) ** of.digits:
        raise _invalid("NUMBER_OUTSIDE_VALID_RANGE", of, f"value outside of valid range on numeric field: {value}")
    return int(number)


def _date(of: FieldDef, value: Any) -> str:
    try:
        day = date.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise _unreadable(of, value) from error
    if len(value) != len("2000-01-01") or not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise _unreadable(of, value)
    return day.isoformat()


def _time(of: FieldDef, value: Any) -> int:
    found = milliseconds(value) if isinstance(value, str) else None
    if found is None:
        raise _unreadable(of, value)
    return found


def milliseconds(text: str) -> int | None:
    """An ISO time with a zone as milliseconds since 1970 UTC; None when it is none."""
    if "T" not in text:
        return None
    try:
        moment = datetime.fromisoformat(_ZONE.sub(r"\1:\2", text.strip()))
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def wire_time(moment: int) -> str:
    """A time as queries answer it: `2021-12-21T19:52:14.000+0000` [recorded]."""
    seconds, rest = divmod(moment, 1000)
    return f"{(_EPOCH + timedelta(seconds=seconds)).strftime('%Y-%m-%dT%H:%M:%S')}.{rest:03d}+0000"


def http_time(moment: int) -> str:
    """A time as headers carry it."""
    return (_EPOCH + timedelta(milliseconds=moment)).strftime("%a, %d %b %Y %H:%M:%S GMT")


def day_of(moment: int) -> str:
    """The UTC day of a time."""
    return (_EPOCH + timedelta(milliseconds=moment)).date().isoformat()
