"""Record ids as Salesforce makes them: 15 significant characters and a suffix of three that guards their case. Pure."""

from __future__ import annotations

_SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
SHORT, LONG = 15, 18
POD = "Kh0"
"""What stands between the type's prefix and the running number: the instance the org lives on."""


def suffix_of(short: str) -> str:
    """The three characters that say which of the 15 are capitals: one letter for each five, lowest bit first."""
    parts = (short[i : i + 5] for i in range(0, SHORT, 5))
    return "".join(_SUFFIX[sum(c.isupper() << bit for bit, c in enumerate(part))] for part in parts)


def full_id(value: object) -> str | None:
    """The 18-character form of a 15- or 18-character id; None when it is none, or its suffix belongs to another."""
    if not isinstance(value, str) or not value.isascii() or not value.isalnum():
        return None
    if len(value) == SHORT:
        return value + suffix_of(value)
    if len(value) != LONG:
        return None
    right = value[:SHORT] + suffix_of(value[:SHORT])
    return right if value[SHORT:].upper() == right[SHORT:] else None


def mint(prefix: str, number: int) -> str:
    """The id of the type's record with this running number. Ids of one type sort by number."""
    digits = ""
    while number:
        number, rest = divmod(number, len(_DIGITS))
        digits = _DIGITS[rest] + digits
    short = prefix + POD + digits.rjust(SHORT - len(prefix) - len(POD), "0")
    return short + suffix_of(short)
