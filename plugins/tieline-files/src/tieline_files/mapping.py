"""The default mapping: every canonical field has a column of its own name, both ways. Pure.

This is what `[systems.NAME.map.KIND]` overrides. `address.city` is the column `address_city`, `amount` has `currency`
beside it, a reference holds the id of a row in the other file, and an opportunity's contacts are one cell of text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import quote, unquote

from tieline import Cell, Kind, Mapper, Rule

STREAM_KINDS: Mapping[str, Kind] = {
    "accounts": "account",
    "contacts": "contact",
    "opportunities": "opportunity",
    "campaigns": "campaign",
}

# -- one cell for several references: `c1:Decision Maker:primary;c2`

_MARKS = re.compile(r"[%;:]|\A\s|\s\Z")


def dump_refs(refs: Sequence[Mapping[str, Cell]]) -> str:
    """References as `id:role:primary` joined by `;`. What would separate (or be trimmed) is written as %XX."""
    cells = []
    for ref in refs:
        parts = (_quoted(ref["id"]), _quoted(ref.get("role") or ""), "primary" if ref.get("primary") else "")
        cells.append(":".join(parts).rstrip(":"))
    return ";".join(cells)


def load_refs(value: Any) -> Any:
    """The way back. A list, which JSON Lines may hold, is left as it is. Raises ValueError for a malformed entry."""
    if not isinstance(value, str):
        return value
    return [_ref(entry) for entry in value.split(";") if entry.strip()]


def _ref(entry: str) -> dict[str, Cell]:
    id, role, primary, *more = [*(unquote(part.strip()) for part in entry.split(":")), "", ""]
    if not id or primary not in ("", "primary") or any(more):
        raise ValueError(f"{entry.strip()!r} is not id:role:primary")
    return {"id": id, "role": role or None, "primary": primary == "primary"}


def _quoted(text: str) -> str:
    return _MARKS.sub(lambda mark: quote(mark.group(), safe=""), text)


def _dump_list(values: Sequence[str]) -> str:
    return ";".join(values)


# -- the tables


def _same(names: str) -> Iterator[Rule]:
    """A column named like the field. `:number` makes JSON Lines hold a number, exactly."""
    for entry in names.split():
        name, _, form = entry.partition(":")
        yield Rule(name, name, dump=Decimal if form == "number" else None)


def _address() -> Iterator[Rule]:
    for part in ("street", "city", "state", "postal_code", "country"):
        yield Rule(f"address_{part}", f"address.{part}")


MAPPING: Mapping[str, Sequence[Rule]] = {
    "accounts": (
        *_same("name domain website phone industry employees annual_revenue:number description"),
        *_address(),
        *_same("parent owner type lifecycle_stage"),
    ),
    "contacts": (
        *_same("email first_name last_name title phone mobile account owner"),
        Rule("other_emails", "other_emails", dump=_dump_list),
        *_same("lifecycle_stage lead_status lead_source consent_email consent_phone consent_fax"),
        *_address(),
    ),
    "opportunities": (
        *_same("name account stage pipeline"),
        Rule("amount", "amount.amount", dump=Decimal),
        Rule("currency", "amount.currency"),
        *_same("close_date probability:number is_closed is_won lost_reason campaign owner"),
        Rule("contacts", "contacts", load=load_refs, dump=dump_refs),
    ),
    "campaigns": (*_same("name type status start end budget:number actual_cost:number currency parent"),),
}
"""Per stream, in the order in which a new file gets its columns."""


# -- what the connector asks of a compiled mapping


def written_columns(mapper: Mapper) -> Mapping[str, str]:
    """Column → the field it is written from, in the table's order; constants and templates are read only."""
    plain = (r for r in mapper.rules if r.write and r.const is None and r.remote and "{" not in r.remote)
    return {rule.remote: rule.field.partition(".")[0] for rule in plain}


def fingerprint(mapper: Mapper) -> str:
    """Changes when the mapping would read the same row differently; the same in every process."""
    rules = [
        (r.remote, r.field, r.type, sorted((r.values or {}).items()), r.scale, r.const, r.read) for r in mapper.rules
    ]
    return repr(rules)
