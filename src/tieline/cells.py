"""The normal form of every type of value: each function takes what a mapping read (or a person wrote) and returns a
cell, or raises ValueError. Pure; it knows no field and no kind. Part of `records`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

Cell = Any
"""A canonical value as plain JSON."""
MOST_DIGITS = 100
"""How many digits a number may have before, or zeros behind, its decimal point."""
_WRITTEN = re.compile(r"(?:-?[1-9][0-9]{0,30}|0)(?:\.[0-9]{0,30}[1-9])?")
"""Digits that are their own normal form, as nearly all are."""


def plain_text(value: Any) -> str | None:
    """Text as it is; blank is None. Raises ValueError for what is neither text nor a number."""
    if type(value) is str:
        return value or None
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        raise ValueError("is not text")
    return str(value)


def _email(value: Any) -> str | None:
    text = plain_text(value)
    if text is None:
        return None
    text = text.strip()
    name, at, host = text.rpartition("@")
    if not at or not name or "." not in host or len(text.split()) != 1:
        raise ValueError(f"{text!r} is not an e-mail address")
    return text


def _domain(value: Any) -> str | None:
    text = plain_text(value)
    if text is None:
        return None
    text = text.strip().lower()
    if "://" in text:
        text = text.split("://", 1)[1]
    text = text.split("/", 1)[0].split("?", 1)[0].rsplit("@", 1)[-1].split(":", 1)[0].removeprefix("www.").rstrip(".")
    if not text:
        return None
    if "." not in text or any(c.isspace() for c in text):
        raise ValueError(f"{text!r} is not a domain")
    return text


def _integer(value: Any) -> int | None:
    if value == "" or value is None:
        return None
    number = _number(value)
    if number != number.to_integral_value():
        raise ValueError(f"{value!r} is not a whole number")
    return int(number)


def _number(value: Any) -> Decimal:
    if isinstance(value, bool):
        raise ValueError(f"{value!r} is not a number")
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        raise ValueError(f"{value!r} is not a number") from None
    if not number.is_finite():
        raise ValueError(f"{value!r} is not a number")
    if not number:
        return Decimal(0)
    if abs(number.adjusted()) >= MOST_DIGITS:  # written out, a few letters can be gigabytes
        raise ValueError(f"{str(value)[:20]!r} has more digits than any amount has")
    return number


def _decimal(value: Any) -> str | None:
    """Decimal digits without exponent or trailing zeros, so that equal numbers are equal text."""
    if value == "" or value is None:
        return None
    if type(value) is str and _WRITTEN.fullmatch(value):
        return value
    text = format(_number(value), "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def _percent(value: Any) -> str | None:
    text = _decimal(value)
    if text is not None and not 0 <= Decimal(text) <= 100:
        raise ValueError(f"{value!r} is not a percentage between 0 and 100")
    return text


def _money(value: Any) -> dict[str, Cell] | None:
    if value == "" or value is None:
        return None
    if not isinstance(value, Mapping):
        raise ValueError("is not an amount with a currency")
    amount = _decimal(value.get("amount"))
    if amount is None:
        return None
    currency = value.get("currency") or None
    if currency is not None:
        currency = str(currency).strip().upper()
        if len(currency) != 3 or not currency.isalpha():
            raise ValueError(f"{currency!r} is not a currency code")
    return {"amount": amount, "currency": currency}


def _day(value: Any) -> str | None:
    """`YYYY-MM-DD`. A timestamp is refused unless it is midnight UTC: the mapping decides on zones, not this."""
    if value == "" or value is None:
        return None
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    text = str(value).strip()
    if len(text) > 10:
        head, tail = text[:10], text[10:]
        if tail.strip("TZ0:.+ "):
            raise ValueError(f"{text!r} is a moment, not a date")
        text = head
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise ValueError(f"{text!r} is not a date (YYYY-MM-DD)") from None


_TRUE, _FALSE = frozenset({"true", "1", "yes", "y"}), frozenset({"false", "0", "no", "n"})


def _boolean(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    if value == "" or value is None:
        return None
    text = str(value).strip().lower()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError(f"{value!r} is neither true nor false")


def _consent(value: Any) -> str | None:
    if value in ("opted_out", "allowed"):
        return str(value)
    out = _boolean(value)
    return None if out is None else ("opted_out" if out else "allowed")


def _ref(value: Any) -> str | None:
    return plain_text(value)


def _refs(value: Any) -> list[dict[str, Cell]] | None:
    if not value:
        return None
    if not isinstance(value, list):
        raise ValueError("is not a list of references")
    rows = {(r["id"], r.get("role") or ""): bool(r.get("primary")) for r in value}
    return [{"id": i, "role": role or None, "primary": first} for (i, role), first in sorted(rows.items())]


def _emails(value: Any) -> list[str] | None:
    if not value:
        return None
    parts = value if isinstance(value, list) else str(value).replace(",", ";").split(";")
    return sorted({e for e in (_email(p) for p in parts) if e}) or None


_PARTS = ("street", "city", "state", "postal_code", "country")


def _address(value: Any) -> dict[str, Cell] | None:
    if not value:
        return None
    if type(value) is not dict and not isinstance(value, Mapping):
        raise ValueError("is not an address")
    parts = {p: part if type(part) is str else plain_text(part) for p in _PARTS if (part := value.get(p))}
    return parts or None


NORMAL: Mapping[str, tuple[Callable[[Any], Cell], tuple[str, ...]]] = {
    "text": (plain_text, ()),
    "choice": (plain_text, ()),
    "email": (_email, ()),
    "emails": (_emails, ()),
    "phone": (plain_text, ()),
    "url": (plain_text, ()),
    "domain": (_domain, ()),
    "owner": (plain_text, ()),
    "integer": (_integer, ()),
    "decimal": (_decimal, ()),
    "percent": (_percent, ()),
    "boolean": (_boolean, ()),
    "date": (_day, ()),
    "money": (_money, ("amount", "currency")),
    "address": (_address, _PARTS),
    "consent": (_consent, ()),
    "ref": (_ref, ()),
    "refs": (_refs, ()),
}
"""Type → its normal form, and the dotted parts that a mapping may speak of."""
