"""The canonical records: which kinds there are, which fields each has, and the normal form of every value.

A value travels as a *cell*: plain JSON (str, int, bool, list, dict, None), already in the normal form of its type,
so that the engine compares with `==` and the store keeps it as text. `None` means cleared; a field that is not
there was not spoken of. `Account`, `Contact`, `Opportunity`, `Campaign` and `CampaignMember` are the typed views that
hooks and library users read. This module knows no vendor and does no I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from tieline.cells import NORMAL as _NORMAL
from tieline.cells import Cell as Cell
from tieline.cells import plain_text as plain_text

Kind = Literal["account", "contact", "opportunity", "campaign", "campaign_member"]
KINDS: tuple[Kind, ...] = ("account", "campaign", "contact", "opportunity", "campaign_member")
"""Parents first: a kind refers only to itself and to kinds before it."""
ENDS: Mapping[Kind, tuple[str, ...]] = {"campaign_member": ("contact", "campaign")}
"""The relations, and the references whose targets one joins: it is known by them, at most one for each pair of targets,
and it is nowhere where one of them is not."""

CUSTOM_PREFIX = "x_"
"""A field of this prefix is the user's own; its type is text unless the mapping says otherwise."""

Consent = Literal["opted_out", "allowed"]
"""Most restrictive first. `opted_out` wins everywhere by itself; back to `allowed` takes a person."""


class _View(BaseModel):
    """A frozen, typed view of a record's fields; custom fields (`x_…`) are kept as extras."""

    model_config = ConfigDict(frozen=True, extra="allow", defer_build=True)


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


class CampaignMember(_View):
    """A contact's part in a campaign: that it was addressed, and how it responded."""

    contact: str | None = None
    """Hub id of the contact; with the campaign's the match key."""
    campaign: str | None = None
    """Hub id of the campaign."""
    status: str | None = None
    responded: bool | None = None
    first_responded: date | None = None


VIEWS: Mapping[Kind, type[_View]] = {
    "account": Account,
    "contact": Contact,
    "opportunity": Opportunity,
    "campaign": Campaign,
    "campaign_member": CampaignMember,
}


class FieldSpec(NamedTuple):
    """One canonical field. `parts` are the dotted parts a mapping may speak of, as in `address.city`."""

    name: str
    type: str
    normal: Callable[[Any], Cell]
    parts: tuple[str, ...] = ()
    refers_to: Kind | None = None


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
    "campaign_member": "contact:ref>contact campaign:ref>campaign status:choice responded:boolean first_responded:date",
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
