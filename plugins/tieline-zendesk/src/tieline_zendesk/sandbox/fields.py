"""Custom fields of users and organizations: their definitions, what values they take, and their endpoints."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from tieline.sandbox import Answer
from tieline_zendesk.sandbox.call import Call
from tieline_zendesk.sandbox.pages import listed
from tieline_zendesk.sandbox.table import Table
from tieline_zendesk.sandbox.wire import Flaw, Invalid, Row, iso, missing, moment, not_found, taken

TYPES: Final = (
    "text",
    "textarea",
    "checkbox",
    "date",
    "integer",
    "decimal",
    "regexp",
    "dropdown",
    "lookup",
    "multiselect",
)
"""The types of custom fields [spec]."""
_KEY = re.compile(r"(?=.*[A-Za-z_])\w+", re.ASCII)
_LONGEST = {"text": 1024, "regexp": 1024, "textarea": 65_536}
_KEPT = ("type", "key", "title", "description", "position", "active", "regexp_for_validation")


def define(table: Table, now: int, given: Mapping[str, Any]) -> Row:
    """A new custom field. Raises Invalid."""
    kind, key, title = given.get("type") or "text", str(given.get("key") or ""), str(given.get("title") or "")
    flaws = []
    if not _KEY.fullmatch(key):
        flaws.append(Flaw("key", "Key: is invalid. Only letters, numbers and underscores are allowed", "InvalidFormat"))
    elif table.find("key", key):
        flaws.append(taken("key", "Key", key))
    if not title:
        flaws.append(Flaw("title", "Title: cannot be blank", "BlankValue"))
    if kind not in TYPES:
        flaws.append(Flaw("type", "Type: is invalid", "InvalidValue"))
    options = given.get("custom_field_options") or []
    if kind in ("dropdown", "multiselect") and not options:
        flaws.append(Flaw("base", "Custom field options: cannot be blank", "BlankValue"))
    if flaws:
        raise Invalid(flaws)
    row: Row = {name: given.get(name) for name in _KEPT}
    row.update(id=table.take_id(), type=kind, description=given.get("description") or "", system=False)
    row.update(active=given.get("active", True), position=given.get("position", len(table.rows)))
    row.update(created_at=now, updated_at=now)
    if options:
        row["options"] = [
            {"id": table.take_id(), "name": str(one["name"]), "value": str(one["value"])} for one in options
        ]
    if kind == "checkbox":
        row["tag"] = given.get("tag")
    return table.add(row)


def blank(table: Table) -> dict[str, Any]:
    """What a record without any value says of every field: null, false for a checkbox."""
    return {row["key"]: False if row["type"] == "checkbox" else None for row in table if row["active"]}


def taken_in(table: Table, given: Any) -> dict[str, Any]:
    """Values as the account keeps them; keys that are no field are left out, as the vendor does [memory].

    Raises Invalid."""
    if not isinstance(given, Mapping):
        return {}
    values, flaws = {}, []
    for key, value in given.items():
        row = table.find("key", key)
        if row is None:
            continue
        try:
            values[row["key"]] = None if value in (None, "", []) else _TAKES.get(row["type"], _text)(row, value)
        except (ValueError, TypeError):
            flaws.append(Flaw(row["key"], f"{row['title']}: {value} is not a valid value", "InvalidValue"))
        if row["type"] == "checkbox" and values.get(row["key"]) is None:
            values[row["key"]] = False
    if flaws:
        raise Invalid(flaws)
    return values


def _text(row: Row, value: Any) -> str:
    text = value if isinstance(value, str) else str(value)
    if len(text) > _LONGEST.get(row["type"], _LONGEST["text"]):
        raise ValueError(row["key"])
    if row["type"] == "regexp" and not re.search(row["regexp_for_validation"] or "", text):
        raise ValueError(row["key"])
    return text


def _flag(row: Row, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    return str(value).lower() in ("true", "1", "yes")


def _day(row: Row, value: Any) -> str:
    at = moment(value)
    if at is None:
        raise ValueError(value)
    return f"{iso(at)[:10]}T00:00:00Z"  # [spec: the example of a user]


def _whole(row: Row, value: Any) -> int:
    if isinstance(value, float) and not value.is_integer():
        raise ValueError(value)
    return int(value)


def _decimal(row: Row, value: Any) -> float | int:
    number = float(value)
    return int(number) if isinstance(value, int) else number


def _option(row: Row, value: Any) -> str:
    if all(value != one["value"] for one in row["options"]):
        raise ValueError(value)
    return str(value)


def _options(row: Row, value: Any) -> list[str]:
    return [_option(row, one) for one in value]


_TAKES: Mapping[str, Any] = {
    "checkbox": _flag,
    "date": _day,
    "integer": _whole,
    "decimal": _decimal,
    "dropdown": _option,
    "multiselect": _options,
}


# -- endpoints


def fields(call: Call) -> Answer:
    """List the definitions."""
    name, table = _which(call)
    return listed(call, name, table.by_id(), lambda row: shown(call, name, row))


def field(call: Call) -> Answer:
    """Show one definition."""
    name, table = _which(call)
    return Answer(200, {name.removesuffix("s"): shown(call, name, _row(table, call.id()))})


def create_field(call: Call) -> Answer:
    """Add a definition."""
    name, table = _which(call)
    singular = name.removesuffix("s")
    given = call.json().get(singular)
    if not isinstance(given, Mapping):
        raise missing(singular)
    try:
        row = define(table, call.now, given)
    except Invalid as wrong:
        raise wrong.refusal() from None
    return Answer(201, {singular: shown(call, name, row)}, {"location": call.url(f"{name}/{row['id']}")})


def update_field(call: Call) -> Answer:
    """Change a title, a description, whether it is active, the options."""
    name, table = _which(call)
    row, singular = _row(table, call.id()), name.removesuffix("s")
    given = call.one(singular)
    changes: Row = {key: given[key] for key in ("title", "description", "active", "position") if key in given}
    if "custom_field_options" in given and "options" in row:
        changes["options"] = [
            {"id": one.get("id") or table.take_id(), "name": str(one["name"]), "value": str(one["value"])}
            for one in given["custom_field_options"]
        ]
    table.change(row, call.now, changes)
    return Answer(200, {singular: shown(call, name, row)})


def delete_field(call: Call) -> Answer:
    """Take a definition away, with its values."""
    _, table = _which(call)
    table.drop(_row(table, call.id()))
    return Answer(204)


def _which(call: Call) -> tuple[str, Table]:
    name = "user_fields" if "/user_fields" in call.request.path else "organization_fields"
    return name, call.state.user_fields if name == "user_fields" else call.state.organization_fields


def _row(table: Table, key: int) -> Row:
    row = table.rows.get(key)
    if row is None:
        raise not_found()
    return row


def shown(call: Call, name: str, row: Row) -> dict[str, Any]:
    """A definition as the API shows it [rec]; options and the tag only where its type has them."""
    body = {
        "url": call.url(f"{name}/{row['id']}"),
        "id": row["id"],
        "type": row["type"],
        "key": row["key"],
        "title": row["title"],
        "description": row["description"],
        "raw_title": row["title"],
        "raw_description": row["description"],
        "position": row["position"],
        "active": row["active"],
        "system": row["system"],
        "regexp_for_validation": row["regexp_for_validation"],
        "created_at": iso(row["created_at"]),
        "updated_at": iso(row["updated_at"]),
    }
    if "tag" in row:
        body["tag"] = row["tag"]
    if "options" in row:
        body["custom_field_options"] = [{**one, "raw_name": one["name"]} for one in row["options"]]
    return body
