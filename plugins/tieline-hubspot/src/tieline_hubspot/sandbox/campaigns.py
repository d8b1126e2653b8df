"""`/marketing/…/campaigns`: GUIDs for ids, base64 cursors, only the properties that were asked for."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import quote, unquote
from uuid import UUID

from tieline.sandbox import Answer, Refusal
from tieline_hubspot.sandbox.call import Call
from tieline_hubspot.sandbox.state import State
from tieline_hubspot.sandbox.wire import Problem, batch, invalid_values, iso, item_error, not_found, refuse, validation

MAX_PAGE = 100
MAX_BATCH = 50
"""Inputs of one batch call; objects take twice as many [spec]."""
WRITABLE: Mapping[str, tuple[str, ...]] = {
    "hs_name": (),
    "hs_start_date": (),
    "hs_end_date": (),
    "hs_notes": (),
    "hs_audience": (),
    "hs_currency_code": (),
    "hs_campaign_status": ("planned", "in_progress", "active", "paused", "completed"),
    "hs_owner": (),
    "hs_color_hex": (),
    "hs_utm": (),
    "hs_goal": (),
}
"""Property → its options; those without take any text [doc, memory]."""
SUMS = ("hs_budget_items_sum_amount", "hs_spend_items_sum_amount")
_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_DATES = ("hs_start_date", "hs_end_date")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def campaigns(call: Call) -> Answer:
    """Everything below `/campaigns`."""
    rest = [part for part in call.rest if part]
    match call.method, rest:
        case "GET", []:
            return _list(call)
        case "POST", []:
            row = create(call.state, _properties(call.json()), call.now)
            return Answer(201, _shown(row, list(row["properties"])))
        case "POST", ["batch", op]:
            return _batch(call, op)
        case "GET", [key]:
            return Answer(200, {**_shown(_found(call, key), call.many("properties")), "assets": {}})
        case "PATCH", [key]:
            row = _found(call, key)
            _write(row, _properties(call.json()), call.now)
            return Answer(200, _shown(row, list(row["properties"])))
        case "DELETE", [key]:
            call.state.campaigns.pop(key, None)
            return Answer(204)
        case _, [key, "budget" | "spend" as ledger, *path]:
            return _ledger(call, _found(call, key), ledger, path)
        case "GET", [key, "assets", _]:
            _found(call, key)
            return Answer(200, {"results": []})
        case "GET", [key, "reports", "contacts"]:
            _found(call, key)
            return Answer(200, {"results": []})
    raise call.nowhere()


def create(state: State, values: Mapping[str, Any], now: int, key: str | None = None) -> dict[str, Any]:
    """A new campaign; its GUID is made from a count, so that a run can be repeated."""
    if not values.get("hs_name"):
        raise validation("Property values were not valid: hs_name is required")
    number = state.count("campaigns")
    guid = key or str(UUID(bytes=sha256(f"campaign {number}".encode()).digest()[:16], version=4))
    row: dict[str, Any] = {"id": guid, "properties": {}, "created": now, "updated": now, "budget": [], "spend": []}
    _write(row, values, now)
    state.campaigns[guid] = row
    return row


def _properties(body: Mapping[str, Any]) -> Mapping[str, Any]:
    values = body.get("properties")
    if not isinstance(values, Mapping):
        raise validation("Invalid input JSON: some required fields were not set: [properties]")
    return values


def _write(row: dict[str, Any], values: Mapping[str, Any], now: int) -> None:
    problems = []
    for name, value in values.items():
        text = str(value or "").strip()
        if name in SUMS:
            problems.append(Problem(name, f'"{name}" is a read only property', "READ_ONLY_VALUE"))
        elif name not in WRITABLE:
            problems.append(Problem(name, f'Property "{name}" does not exist', "PROPERTY_DOESNT_EXIST"))
        elif text and WRITABLE[name] and text not in WRITABLE[name]:
            allowed = ", ".join(WRITABLE[name])
            problems.append(Problem(name, f"{text} was not one of the allowed options: [{allowed}]", "INVALID_OPTION"))
        elif text and name in _DATES and not _DAY.fullmatch(text):
            problems.append(Problem(name, f"{text} is not a date (YYYY-MM-DD)", "INVALID_DATE"))
    if problems:
        raise invalid_values(problems)
    if "hs_name" in values and not values["hs_name"]:
        raise validation("Property values were not valid: hs_name is required")
    for name, value in values.items():
        text = str(value or "").strip()
        if text:
            row["properties"][name] = text
        else:
            row["properties"].pop(name, None)
    row["updated"] = max(row["updated"], now)


def _found(call: Call, key: str) -> dict[str, Any]:
    row = call.state.campaigns.get(key)
    if row is None:
        raise not_found(f"Campaign {key} does not exist")
    return row


def _shown(row: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    """Absent properties are left out, and without `properties` all of them are [cap, memory]."""
    values = dict(row["properties"])
    for ledger, name in zip(("budget", "spend"), SUMS, strict=True):
        if row[ledger]:
            values[name] = str(float(sum(item["amount"] for item in row[ledger])))
    return {
        "id": row["id"],
        "properties": {n: values[n] for n in sorted(names) if n in values},
        "createdAt": iso(row["created"]),
        "updatedAt": iso(row["updated"]),
        "businessUnits": [{"id": 0}],
    }


def _list(call: Call) -> Answer:
    rows = list(call.state.campaigns.values())
    wanted = call.param("name").lower()
    if wanted:
        rows = [r for r in rows if wanted in r["properties"].get("hs_name", "").lower()]
    sort = call.param("sort", "hs_name")
    keys = {"hs_name": lambda r: r["properties"]["hs_name"], "createdAt": lambda r: r["created"]}
    keys["updatedAt"] = lambda r: r["updated"]
    if sort.lstrip("-") not in keys:
        raise validation(f"Invalid sort: {sort}")
    rows.sort(key=lambda r: r["id"])
    rows.sort(key=keys[sort.lstrip("-")], reverse=sort.startswith("-"))
    limit = call.number("limit", 50, MAX_PAGE)
    start = 0 if "repeat-page" in call.vices else _offset(call.param("after"))
    names = call.many("properties")
    body: dict[str, Any] = {"total": len(rows), "results": [_shown(r, names) for r in rows[start : start + limit]]}
    if start + limit < len(rows):
        mark = quote(b64encode(str(start + limit).encode()).decode(), safe="")  # [cap]: quoted already
        body["paging"] = {"next": {"after": mark, "link": f"{call.base}{call.request.path}?after={mark}"}}
    return Answer(200, body)


def _offset(text: str) -> int:
    if not text:
        return 0
    try:
        return int(b64decode(unquote(text), validate=True))
    except ValueError:
        raise validation(f"Invalid paging cursor: {text}") from None


def _batch(call: Call, op: str) -> Answer:
    results: list[Any] = []
    errors: list[Any] = []
    for row in call.inputs(MAX_BATCH):
        key = str(row.get("id", ""))
        try:
            if op == "create":
                made = create(call.state, _properties(row), call.now)
                results.append(_shown(made, list(made["properties"])))
            elif op == "read":
                results.append({**_shown(_guid(call, key), call.many("properties")), "assets": {}})
            elif op == "update":
                found = _guid(call, key)
                _write(found, _properties(row), call.now)
                results.append(_shown(found, list(found["properties"])))
            elif op == "archive":
                call.state.campaigns.pop(key, None)
            else:
                raise call.nowhere()
        except Refusal as refusal:
            if refusal.status == 405:
                raise
            errors.append(item_error(refusal, {}))
    return Answer(204) if op == "archive" else batch(call.now, results, errors, 201 if op == "create" else 200)


def _guid(call: Call, key: str) -> dict[str, Any]:
    if not _GUID.fullmatch(key):
        text = f"Invalid campaign GUID format: {key}"
        raise refuse(
            400,
            "VALIDATION_ERROR",
            f"Invalid request: '{text}'",
            sub="CampaignApiError.INVALID_REQUEST",
            context={"message": [text]},
        )  # [cap]
    return _found(call, key)


def _ledger(call: Call, row: dict[str, Any], ledger: str, path: list[str]) -> Answer:
    """Budget and spend items [spec]; their sums are the campaign's read-only properties."""
    items: list[dict[str, Any]] = row[ledger]
    if call.method == "GET" and path in ([], ["totals"]):
        total = sum(item["amount"] for item in items)
        name = "budgetItems" if ledger == "budget" else "spendItems"
        return Answer(200, {name: items, f"{ledger}Total": float(total), "currencyCode": "EUR"})
    if call.method == "POST" and not path:
        body = call.json()
        item = {
            "id": str(call.state.count("ledger")),
            "name": str(body.get("name") or ""),
            "amount": float(body.get("amount") or 0),
            "order": int(body.get("order") or 0),
            "createdAt": call.now,
            "updatedAt": call.now,
        }
        items.append(item)
        row["updated"] = max(row["updated"], call.now)
        return Answer(201, item)
    if call.method == "DELETE" and len(path) == 1:
        items[:] = [item for item in items if item["id"] != path[0]]
        row["updated"] = max(row["updated"], call.now)
        return Answer(204)
    raise call.nowhere()
