"""The marketing side of the demo's company as this account keeps it, the same for the same moment: rows for `load`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from random import Random
from typing import Any
from uuid import UUID

from tieline.sandbox import Entry, demo_company
from tieline_hubspot.mapping import ASSOCIATION, RELATIONS, Relation
from tieline_hubspot.rows import as_text
from tieline_hubspot.sandbox.account import owners
from tieline_hubspot.sandbox.dialect import mapper
from tieline_hubspot.sandbox.wire import iso, moment

_FIRST_IDS = {"companies": (23_828_100_001, 7), "contacts": (73_183_500_001, 11), "deals": (28_640_100_001, 13)}
"""Where ids start, and their step."""
_HOURS = (0, 9 * 3_600_000, 15 * 3_600_000 + 31_415)
"""Times of day at which people set a close date."""


def demo(now: int) -> dict[str, list[Any]]:
    """Companies, contacts, deals, campaigns and their associations, all older than `now` (ms)."""
    company = demo_company("marketing", now)
    made: dict[str, list[Any]] = {"associations": []}
    made["companies"] = _rows("companies", company["account"], made["associations"])
    made["contacts"] = _rows("contacts", company["contact"], made["associations"])
    made["deals"] = _rows("deals", company["opportunity"], made["associations"])
    made["campaigns"] = _campaigns(company["campaign"])
    ids = {row["key"]: row["id"] for rows in made.values() for row in rows if isinstance(row, dict)}
    made["associations"] = [[a, ids[i], b, ids[j], kind] for a, i, b, j, kind in made["associations"]]
    return made


def _rows(stream: str, entries: Sequence[Entry], edges: list[list[Any]]) -> list[dict[str, Any]]:
    table = mapper(stream)
    relations = {r.column: r for r in RELATIONS[stream]}
    first, step = _FIRST_IDS[stream]
    rows = []
    for number, entry in enumerate(entries):
        columns, problems = table.write(entry.fields)
        if problems:
            raise ValueError(f"{entry.key}: {problems[0].message}")
        for column in [c for c in columns if c.startswith(ASSOCIATION)]:
            _join(edges, stream, entry.key, relations[column], columns.pop(column))
        row = _row(entry, str(first + number * step), columns)
        if stream == "deals":
            row["properties"].update(pipeline="default", deal_currency_code="EUR")
        rows.append(row)
    return rows


def _join(edges: list[list[Any]], stream: str, key: str, relation: Relation, cell: Any) -> None:
    for other in [r["id"] for r in cell] if isinstance(cell, list) else [cell]:
        edges.append([stream, key, relation.to, other, relation.type_id])


def _row(entry: Entry, key: str, columns: Mapping[str, Any]) -> dict[str, Any]:
    values = {name: _value(entry, name, value) for name, value in columns.items() if value is not None}
    stamps = {"createdAt": iso(entry.created), "updatedAt": iso(entry.modified)}
    return {"id": key, "key": entry.key, "properties": {n: v for n, v in values.items() if v}, **stamps}


def _value(entry: Entry, name: str, value: Any) -> str:
    if name == "hubspot_owner_id":
        return next(str(o["id"]) for o in owners() if o["email"] == value)
    if name == "hs_email_optout":
        return "true" if value == "opted_out" else ""
    if name == "closedate":
        return iso((moment(value) or 0) + Random(entry.key).choice(_HOURS))
    return as_text(value)


def _campaigns(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    table = mapper("campaigns")
    made = []
    for entry in entries:
        guid = str(UUID(bytes=sha256(f"demo {entry.key}".encode()).digest()[:16], version=4))
        made.append(_row(entry, guid, table.write(entry.fields)[0]))
    return made
