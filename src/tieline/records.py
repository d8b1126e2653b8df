"""The canonical records: which kinds there are, which fields each has, and the normal form of every value.

A value travels as a *cell*: plain JSON (str, int, bool, list, dict, None), already in the normal form of its type,
so that the engine compares with `==` and the store keeps it as text. `None` means cleared; a field that is not
there was not spoken of. `Account`, `Contact`, `Opportunity` and `Campaign` are the typed views that hooks and
library users read. This module knows no vendor and does no I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

Cell = Any
"""A canonical value as plain JSON; see `FieldSpec.normal` for the normal form of each type."""

Kind = Literal["account", "contact", "opportunity", "campaign"]
KINDS: tuple[Kind, ...] = ("account", "campaign", "contact", "opportunity")
"""Parents first: a kind refers only to itself and to kinds before it."""

CUSTOM_PREFIX = "x_"
"""A field of this prefix is the user's own; its type is text unless the mapping says otherwise."""

Consent = Literal["opted_out", "allowed"]
"""Most restrictive first. `opted_out` wins everywhere by itself; back to `allowed` takes a person."""


class _View(BaseModel):
    """A frozen, typed view of a record's fields; custom fields (`x_…`) are kept as extras."""

    model_config = ConfigDict(frozen=True, extra="allow")


class Money(_View):
    """An amount with its currency, one value: neither travels without the other."""

    amount: Decimal
    """Exact, never a float."""
    currency: str | None = None
    """ISO 4217 code, or None when the system does not say."""


class Address(_View):
    """A postal address, one value; parts that a system lacks are None."""

    street: str | None = None
    city: str | None = None
    state: str | None = None
    postal_code: str | None = None
    country: str | None = None


class Ref(_View):
    """A reference with a role, as in an opportunity's contacts. `id` is a hub id."""

    id: str
    role: str | None = None
    primary: bool = False


class Account(_View):
    """A company that is, was or may become a customer."""

    name: str | None = None
    domain: str | None = None
    """Bare host, lower case, without `www.`; the match key."""
    website: str | None = None
    phone: str | None = None
    industry: str | None = None
    employees: int | None = None
    annual_revenue: Decimal | None = None
    """In the unit of the system's own currency; use `x_` fields to keep several."""
    address: Address | None = None
    description: str | None = None
    parent: str | None = None
    """Hub id of the parent account."""
    owner: str | None = None
    """E-mail address of the owning user."""
    type: str | None = None
    lifecycle_stage: str | None = None


class Contact(_View):
    """A person at an account."""

    email: str | None = None
    """The match key, compared without regard to case."""
    other_emails: list[str] | None = None
    first_name: str | None = None
    last_name: str | None = None
    title: str | None = None
    phone: str | None = None
    mobile: str | None = None
    account: str | None = None
    """Hub id of the account."""
    owner: str | None = None
    lifecycle_stage: str | None = None
    lead_status: str | None = None
    lead_source: str | None = None
    consent_email: Consent | None = None
    consent_phone: Consent | None = None
    consent_fax: Consent | None = None
    address: Address | None = None


class Campaign(_View):
    """A marketing campaign."""

    name: str | None = None
    type: str | None = None
    status: str | None = None
    start: date | None = None
    end: date | None = None
    budget: Decimal | None = None
    actual_cost: Decimal | None = None
    currency: str | None = None
    parent: str | None = None


class Opportunity(_View):
    """A deal."""

    name: str | None = None
    account: str | None = None
    contacts: list[Ref] | None = None
    stage: str | None = None
    pipeline: str | None = None
    amount: Money | None = None
    close_date: date | None = None
    """A calendar date: no zone ever shifts it."""
    probability: Decimal | None = None
    """Percent, 0 to 100."""
    is_closed: bool | None = None
    is_won: bool | None = None
    lost_reason: str | None = None
    campaign: str | None = None
    owner: str | None = None


VIEWS: Mapping[Kind, type[_View]] = {
    "account": Account,
    "contact": Contact,
    "opportunity": Opportunity,
    "campaign": Campaign,
}


# -- normal forms: each takes what a mapping read (or a person wrote) and returns a cell, or raises ValueError


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
    return number


def _decimal(value: Any) -> str | None:
    """Decimal digits without exponent or trailing zeros, so that equal numbers are equal text."""
    if value == "" or value is None:
        return None
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


class FieldSpec(NamedTuple):
    """One canonical field. `parts` are the dotted parts a mapping may speak of, as in `address.city`."""

    name: str
    type: str
    normal: Callable[[Any], Cell]
    parts: tuple[str, ...] = ()
    refers_to: Kind | None = None


_NORMAL: Mapping[str, tuple[Callable[[Any], Cell], tuple[str, ...]]] = {
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
TYPES: tuple[str, ...] = tuple(_NORMAL)

_TABLE: Mapping[Kind, str] = {
    "account": "name:text domain:domain website:url phone:phone industry:choice employees:integer "
    "annual_revenue:decimal address:address description:text parent:ref>account owner:owner type:choice "
    "lifecycle_stage:choice",
    "contact": "email:email other_emails:emails first_name:text last_name:text title:text phone:phone mobile:phone "
    "account:ref>account owner:owner lifecycle_stage:choice lead_status:choice lead_source:choice "
    "consent_email:consent consent_phone:consent consent_fax:consent address:address",
    "opportunity": "name:text account:ref>account contacts:refs>contact stage:choice pipeline:choice amount:money "
    "close_date:date probability:percent is_closed:boolean is_won:boolean lost_reason:text "
    "campaign:ref>campaign owner:owner",
    "campaign": "name:text type:choice status:choice start:date end:date budget:decimal actual_cost:decimal "
    "currency:text parent:ref>campaign",
}


def field_spec(name: str, type_name: str, refers_to: Kind | None = None) -> FieldSpec:
    """The spec of a field of a known type. Raises KeyError for an unknown type."""
    normal, parts = _NORMAL[type_name]
    return FieldSpec(name, type_name, normal, parts, refers_to)


def _parse(table: str) -> Mapping[str, FieldSpec]:
    specs: dict[str, FieldSpec] = {}
    for entry in table.split():
        name, _, rest = entry.partition(":")
        type_name, _, target = rest.partition(">")
        specs[name] = field_spec(name, type_name, target or None)  # type: ignore[arg-type]
    return specs


FIELDS: Mapping[Kind, Mapping[str, FieldSpec]] = {kind: _parse(table) for kind, table in _TABLE.items()}
"""Per kind: canonical field name → its spec."""

REFERENCES: Mapping[Kind, Mapping[str, Kind]] = {
    kind: {f.name: f.refers_to for f in specs.values() if f.refers_to} for kind, specs in FIELDS.items()
}
"""Per kind: reference field → the kind it refers to."""


def spec_of(kind: Kind, field: str) -> FieldSpec:
    """The spec of a field; a custom field (`x_…`) is text. Raises KeyError for a field the kind does not have."""
    known = FIELDS[kind].get(field)
    if known is not None:
        return known
    if field.startswith(CUSTOM_PREFIX):
        return field_spec(field, "text")
    raise KeyError(field)


def view(kind: Kind, fields: Mapping[str, Cell]) -> _View:
    """The typed, frozen view of canonical fields. Raises pydantic's ValidationError when a cell is malformed."""
    return VIEWS[kind].model_validate(dict(fields))
