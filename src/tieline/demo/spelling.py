"""How each side writes down what is true: who is careless with what. Pure, given the dice.

Where a value is the only thing two copies can be recognised by, at least one spelling of it is kept on both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from tieline.demo import words
from tieline.demo.world import Truth
from tieline.records import Cell, Kind

Fields = dict[str, Cell]
SEVERAL = 17
"""Every so many accounts, one that must be recognised by its name, because one side has no domain."""


def spelled(truth: Truth, side: str, copy: int, dice: Random) -> Fields:
    """The fields of one truth as one side has them; `copy` 1 is its second entry there."""
    fields = dict(truth.fields)
    if copy:
        return _again(truth, fields, dice)
    if truth.kind == "account":
        _account(truth, side, fields, dice)
    elif truth.kind == "contact":
        _contact(truth, side, fields, dice)
    elif truth.kind == "opportunity":
        _deal(truth, side, fields, dice)
    for name in _UNKNOWN[side][truth.kind]:
        fields.pop(name, None)
    return fields


_UNKNOWN: Mapping[str, Mapping[Kind, tuple[str, ...]]] = {
    "crm": {
        "account": ("domain",),
        "contact": ("lifecycle_stage", "lead_status"),
        "opportunity": ("lost_reason",),
        "campaign": (),
    },
    "marketing": {
        "account": (),
        "contact": ("lead_source", "consent_phone"),
        "opportunity": ("campaign",),
        "campaign": ("type", "budget", "actual_cost"),
    },
    "support": {
        "account": ("employees", "annual_revenue", "address", "owner", "type", "parent"),
        "contact": ("owner", "lead_source", "lifecycle_stage", "lead_status", "consent_phone", "address"),
        "opportunity": (),
        "campaign": (),
    },
    "office": {
        "account": ("parent", "x_tier"),
        "contact": (
            *("account", "owner", "lead_source", "lifecycle_stage", "lead_status", "consent_email", "consent_phone"),
        ),
        "opportunity": (),
        "campaign": (),
    },
}
"""What a side has no place for."""


def _again(truth: Truth, fields: Fields, dice: Random) -> Fields:
    """The same thing entered once more by somebody in a hurry."""
    if truth.kind == "account":
        return {"name": truth.facts["bare"].upper(), "website": fields["domain"], "owner": fields["owner"]}
    kept = {name: fields[name] for name in ("first_name", "last_name", "account", "owner")}
    return {**kept, "email": fields["email"].swapcase(), "phone": _written(truth.facts["phone"], dice)}


def _blank(fields: Fields, dice: Random, chances: Mapping[str, float]) -> None:
    """Leave fields out; a chance is that of being filled in."""
    for name, chance in chances.items():
        if dice.random() >= chance:
            fields.pop(name, None)


def _written(number: tuple[str, str, str], dice: Random) -> str:
    """A telephone number as people type it."""
    country, area, local = number
    forms: tuple[Callable[[], str], ...] = (
        lambda: f"+{country} {area} {local}",
        lambda: f"+{country}{area}{local}",
        lambda: f"00{country} {area} {local[:3]} {local[3:]}",
        lambda: f"0{area}/{local}",
        lambda: f"({area}) {local[:3]}-{local[3:]}",
        lambda: f"+{country}-{area}-{local[:3]}.{local[3:]}",
        lambda: f"{area}.{local}",
        lambda: f"+{country} ({area}) {local} ext. {dice.randrange(10, 99)}",
    )
    return dice.choice(forms)()


def _plain(number: tuple[str, str, str]) -> str:
    return f"+{number[0]} {number[1]} {number[2]}"


def _account(truth: Truth, side: str, fields: Fields, dice: Random) -> None:
    domain = str(fields["domain"])
    number = int(truth.key.partition("-")[2])
    fields["phone"] = _plain(truth.facts["phone"]) if truth.cast else _written(truth.facts["phone"], dice)
    address: Any = fields["address"]
    if side == "marketing":
        fields["website"] = f"https://www.{domain}" if dice.random() < 0.7 else None
    else:
        forms = (f"https://www.{domain}/", f"www.{domain}", f"http://{domain.upper()}", domain)
        fields["website"] = dice.choice(forms)
    if truth.cast:
        return
    if dice.random() < 0.2:
        fields["address"] = {**address, "country": words.COUNTRIES.get(address["country"], address["country"])}
    nameless = number % SEVERAL == 0
    if nameless and side == ("crm" if number % 2 else "marketing"):
        fields["domain"] = fields["website"] = None
    elif not nameless and dice.random() < 0.4:
        fields["name"] = truth.facts["bare"]
    _blank(fields, dice, {"phone": 0.8, "industry": 0.9, "employees": 0.7, "annual_revenue": 0.6})
    _blank(fields, dice, {"address": 0.8, "description": 0.7, "type": 0.8, "x_tier": 0.7, "parent": 0.7})
    if side == "marketing" and truth.shared:
        _blank(fields, dice, {"owner": 0.85})


def _contact(truth: Truth, side: str, fields: Fields, dice: Random) -> None:
    if truth.cast:
        fields.setdefault("phone", _plain(truth.facts["phone"]))
        fields.setdefault("mobile", _plain(truth.facts["mobile"]))
        fields.update(consent_email="allowed", consent_phone="allowed")
        return
    shared = truth.shared
    email = str(fields["email"])
    fields["phone"] = _written(truth.facts["phone"], dice)
    fields["mobile"] = _written(truth.facts["mobile"], dice)
    if side in ("support", "office"):
        _blank(fields, dice, {"title": 0.5, "phone": 0.8, "mobile": 0.3, "address": 0.3})
    elif side == "crm":
        fields["email"] = dice.choice((email, email, email, email.upper(), email.title()))
        _blank(fields, dice, {"first_name": 0.97, "title": 0.75, "phone": 0.65, "mobile": 0.4, "address": 0.6})
    else:
        fields["email"] = email.title() if dice.random() < 0.05 else email
        _blank(fields, dice, {"first_name": 0.96, "title": 0.8, "phone": 0.7, "mobile": 0.3, "address": 0.6})
        if shared:
            _blank(fields, dice, {"last_name": 0.95, "owner": 0.7})
    if dice.random() < 0.1:
        fields["title"] = dice.choice(words.TITLES)
    if shared:
        _blank(fields, dice, {"account": 0.9})
    elif side in ("crm", "marketing") and dice.random() < 0.03:
        fields.update(email=None, consent_email="allowed")
    if fields.get("consent_email") == "opted_out" and shared and dice.random() < 0.4:
        fields["consent_email"] = "allowed"  # they told the other side


def _deal(truth: Truth, side: str, fields: Fields, dice: Random) -> None:
    if truth.cast:
        return
    name = str(fields["name"])
    if side == "marketing":
        fields["name"] = dice.choice((name, name, name, name.lower(), name.replace(" - ", "  - ")))
        if truth.shared:
            _blank(fields, dice, {"amount": 0.92, "contacts": 0.8})
    if dice.random() < 0.1 and not str(fields["stage"]).startswith("Closed"):
        fields["stage"] = dice.choice(words.STAGES[:4])
