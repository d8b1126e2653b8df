"""Which Zendesk fields are which canonical fields: a table for each stream, both ways. Pure; knows no HTTP.

Zendesk keeps one `name` for a person. The table speaks of its two parts as `name.first` and `name.last`, which exist
nowhere else: `split_name` and `join_name` make one of the other without loss.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from tieline import Rule

KINDS: Mapping[str, str] = {"organizations": "account", "users": "contact"}
CUSTOM: Mapping[str, str] = {"organizations": "organization_fields", "users": "user_fields"}
"""The object in a record that holds the account's own fields, by their keys."""
ITEM: Mapping[str, str] = {"organizations": "organization", "users": "user"}
"""The wrapper of a single record [rec]."""
HUB_FIELD = "external_id"
FIRST, LAST = "name.first", "name.last"
DOMAINS = "domain_names"
MAILBOX = "email"
END_USER = "end-user"
_GLUE = "\u00a0"
"""A no-break space keeps the words of a last name together."""
_ALONE = "\u200b"
"""A zero-width space ends a name that is a first name only: it is not seen, it is no part of a word for a search, and
who trims names does not take it for a blank."""


def split_name(name: str | None, email: str | None) -> tuple[str | None, str | None]:
    """First and last name in a full name: the last word is the last name, and an only word too.

    A name that is the e-mail address says nothing: both are None.
    """
    text = (name or "").strip(" ")
    if not text or text.lower() == (email or "").lower():
        return None, None
    if text.endswith(_ALONE):
        return text.rstrip(_ALONE).strip(" ") or None, None
    first, _, last = text.rpartition(" ")
    return first.strip(" ") or None, last.replace(_GLUE, " ").strip(" ") or None


def join_name(first: str | None, last: str | None) -> str | None:
    """The full name that `split_name` takes apart again; None when there is nothing of it."""
    first, last = (first or "").strip(), (last or "").strip().replace(" ", _GLUE)
    if last:
        return f"{first} {last}".strip(" ")
    return first + _ALONE if first else None


def number(text: str) -> int | float:
    """A canonical decimal as a JSON number. Raises ValueError for more digits than such a number holds."""
    if "." not in text:
        return int(text)
    value = float(text)
    if Decimal(repr(value)) != Decimal(text):
        raise ValueError(f"{text} has more digits than Zendesk keeps")
    return value


def main_domain(domains: Any) -> str | None:
    """The first of an organization's domain names that is one; mail addresses among them count by their domain."""
    if not isinstance(domains, list):
        return None
    return next((d for d in domains if isinstance(d, str) and "." in d), None)


def with_domain(domains: Sequence[str], new: str | None) -> list[str]:
    """The whole list to send so that `new` is the main domain and the others stay; None takes the main one away."""
    main = main_domain(list(domains))
    others = [d for d in domains if d not in (main, new)]
    return others if new is None else [new, *others]


def record_id(text: str) -> int:
    """An id as Zendesk writes it. Raises ValueError for what is none."""
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{text!r} is no id of Zendesk's")
    return int(text)


TABLES: Mapping[str, Sequence[Rule]] = {
    "organizations": (
        Rule("name", "name", clear=False),
        Rule(DOMAINS, "domain", load=main_domain),
        Rule("details", "description"),
    ),
    "users": (
        Rule(MAILBOX, "email", clear=False),
        Rule(FIRST, "first_name"),
        Rule(LAST, "last_name"),
        Rule("phone", "phone"),
        Rule("organization_id", "account", dump=record_id),
    ),
}
