"""Which property values are taken, and in what form they are kept. Changes nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from tieline_hubspot.sandbox.schema import Property
from tieline_hubspot.sandbox.state import State
from tieline_hubspot.sandbox.table import Table
from tieline_hubspot.sandbox.wire import DAY_MS, Problem, iso, moment

STRICT_SINCE = "2026-09"
"""The version from which the account's own rules hold for API writes [doc]."""
_EMAIL = re.compile(r"[^@\s,;<>()]+@[^@\s,;<>()]+\.[^@\s,;<>().]{2,}")
_CONDITIONAL: Mapping[str, tuple[str, str, str]] = {
    "deals": ("dealstage", "closedlost", "closed_lost_reason"),
    "contacts": ("hs_lead_status", "UNQUALIFIED", "message"),
}
"""Under the vice `required-property`: when the first has this value, the last may not be blank."""
_ON_CREATE: Mapping[str, tuple[str, ...]] = {"companies": ("name",)}


class _Bad(Exception):
    """A value that is not taken: message and code."""


def check(state: State, table: Table, values: Mapping[str, Any]) -> tuple[dict[str, str], list[Problem]]:
    """The values as they will be kept (`""` for cleared), and those that are refused with the reason."""
    clean: dict[str, str] = {}
    problems: list[Problem] = []
    for name, raw in values.items():
        known = table.properties.get(name)
        if known is None:
            problems.append(Problem(name, f'Property "{name}" does not exist', "PROPERTY_DOESNT_EXIST"))
            continue
        if known.read_only:
            text = f'"{name}" is a read only property; its value cannot be set.'
            problems.append(Problem(name, text, "READ_ONLY_VALUE"))
            continue
        try:
            clean[name] = _kept(state, table, known, raw)
        except _Bad as bad:
            problems.append(Problem(name, bad.args[0], bad.args[1]))
    return clean, problems


def _kept(state: State, table: Table, known: Property, raw: Any) -> str:
    if raw is None:
        return ""
    if isinstance(raw, bool):
        raw = str(raw).lower()
    if not isinstance(raw, (str, int, float)):
        raise _Bad(f"{raw!r} is not a valid value.", "INVALID_VALUE")
    text = str(raw).strip()
    if not text:
        return ""
    if known.name in ("dealstage", "pipeline") and table.kind.name == "deals":
        return _one_of(text, _pipeline_values(state, known.name))
    if known.name == "hubspot_owner_id":
        return _owner(state, text)
    if known.name == "email" and table.kind.name == "contacts":
        return _email(text)
    if known.options:
        return _options(known, text)
    if known.type == "number":
        return _number(text)
    if known.type in ("date", "datetime"):
        return _moment(known, text)
    return text


def _one_of(text: str, allowed: Iterable[str]) -> str:
    rows = list(allowed)
    if text not in rows:
        raise _Bad(f"{text} was not one of the allowed options: {rows}", "INVALID_OPTION")
    return text


def _options(known: Property, text: str) -> str:
    allowed = [value for value, _ in known.options]
    if known.type == "bool":
        return _one_of(text.lower(), allowed)
    parts = text.split(";") if known.field == "checkbox" else [text]
    return ";".join(_one_of(part.strip(), allowed) for part in parts if part.strip())


def _pipeline_values(state: State, name: str) -> list[str]:
    rows = state.pipelines["deals"]
    return [p["id"] for p in rows] if name == "pipeline" else [s["id"] for p in rows for s in p["stages"]]


def _owner(state: State, text: str) -> str:
    if any(o["id"] == text and not o["archived"] for o in state.owners):
        return text
    raise _Bad(f"{text} is not the id of an active owner.", "INVALID_OWNER_ID")


def _email(text: str) -> str:
    """Addresses are kept in lower case [memory]."""
    if not _EMAIL.fullmatch(text):
        raise _Bad(f"Email address {text} is invalid", "INVALID_EMAIL")
    return text.lower()


def _number(text: str) -> str:
    try:
        finite = Decimal(text).is_finite()
    except InvalidOperation:
        finite = False
    if not finite:
        raise _Bad(f"{text} was not a valid number.", "INVALID_LONG")  # [obs]
    return text


def _moment(known: Property, text: str) -> str:
    ms = moment(text)
    if ms is None or abs(ms) > 10**14:
        raise _Bad(f"{text} was not a valid {known.type}.", "INVALID_DATE")
    if known.type == "datetime":
        return iso(ms)
    if ms % DAY_MS:
        raise _Bad(f"{ms} is at {iso(ms)}, not midnight!", "INVALID_DATE")
    return date.fromisoformat(iso(ms)[:10]).isoformat()


def missing(table: Table, after: Mapping[str, str], creating: bool, version: str) -> list[Problem]:
    """What the account's rules still ask for when a record would stand like `after`; only from 2026-09 on [doc]."""
    if version < STRICT_SINCE or not version[:1].isdigit():
        return []
    problems = []
    for name in _ON_CREATE.get(table.kind.name, ()) if creating else ():
        if not after.get(name):
            problems.append(Problem(name, f"A value for {name} must be provided", "MISSING_REQUIRED_PROPERTY"))
    when, value, needed = _CONDITIONAL.get(table.kind.name, ("", "", ""))
    if when and after.get(when) == value and not after.get(needed):
        text = f"{needed} is required because of a conditional property rule based on [{when}]"
        problems.append(Problem(needed, text, "MISSING_CONDITIONAL_REQUIRED_PROPERTY"))
    return problems
