"""What describes the account: properties and their groups, pipelines, owners, details."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from tieline.sandbox import Answer, Refusal
from tieline_hubspot.sandbox import account
from tieline_hubspot.sandbox.call import Call
from tieline_hubspot.sandbox.schema import Property
from tieline_hubspot.sandbox.table import Table
from tieline_hubspot.sandbox.wire import batch, item_error, not_found, refuse, validation

MAX_UNIQUE = 10
"""Unique properties of one object type [doc]."""
_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")
_TYPES = {"string", "number", "date", "datetime", "enumeration", "bool"}
_NEEDED = ("name", "label", "type", "fieldType", "groupName")


def properties(call: Call) -> Answer:
    """`/properties/{type}…`."""
    if not call.rest:
        raise not_found()
    table = call.table(call.rest[0])
    match call.method, call.rest[1:]:
        case "GET", []:
            archived = call.flag("archived")
            return Answer(200, {"results": [] if archived else [p.as_json() for p in table.properties.values()]})
        case "POST", []:
            return Answer(201, _define(call, table, call.json()).as_json())
        case _, ["groups", *path]:
            return _groups(call, table, path)
        case "POST", ["batch", op]:
            return _batch(call, table, op)
        case "GET", [name]:
            return Answer(200, _known(table, name).as_json())
        case "PATCH", [name]:
            return Answer(200, _redefine(table, _known(table, name), call.json()).as_json())
        case "DELETE", [name]:
            known = _known(table, name)
            if known.own:
                raise validation(f"Property {name} cannot be archived")
            del table.properties[name]
            return Answer(204)
    raise call.nowhere()


def _known(table: Table, name: str) -> Property:
    known = table.properties.get(name)
    if known is None:
        raise not_found(f"Property {name!r} does not exist on {table.kind.name}")
    return known


def _options(body: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((str(o.get("value", "")), str(o.get("label", ""))) for o in body.get("options") or [])


def _define(call: Call, table: Table, body: dict[str, Any]) -> Property:
    absent = [n for n in _NEEDED if not body.get(n)]
    if absent:
        raise validation(f"Invalid input JSON: some required fields were not set: [{', '.join(absent)}]")
    name = str(body["name"])
    if name in table.properties:
        raise refuse(
            409,
            "OBJECT_ALREADY_EXISTS",
            f"A property named '{name}' already exists.",
            sub="Properties.PROPERTY_WITH_NAME_EXISTS",
            context={"name": [name]},
        )  # [cap]
    if not _NAME.fullmatch(name) or body["type"] not in _TYPES:
        raise validation(f"Property name or type is not valid: {name}, {body['type']}")
    if body["groupName"] not in call.state.groups[table.kind.name]:
        raise validation(f"Property group {body['groupName']!r} does not exist")
    unique = bool(body.get("hasUniqueValue"))
    if unique and sum(p.unique and not p.own for p in table.properties.values()) >= MAX_UNIQUE:
        raise validation(f"At most {MAX_UNIQUE} unique properties are allowed on {table.kind.name}")
    made = Property(
        name,
        str(body["type"]),
        str(body["fieldType"]),
        str(body["groupName"]),
        unique=unique,
        hidden=bool(body.get("hidden")),
        options=_options(body),
        label=str(body["label"]),
        description=str(body.get("description") or ""),
        own=False,
        made=call.now,
    )
    table.properties[name] = made
    table.version += 1
    return made


def _redefine(table: Table, known: Property, body: dict[str, Any]) -> Property:
    """Change label, description, group, options; whether values are unique can never change [doc]."""
    if known.own and known.type != "enumeration":
        raise validation(f"The definition of {known.name} is read only")
    if bool(body.get("hasUniqueValue", known.unique)) is not known.unique:
        raise validation("hasUniqueValue cannot be changed")
    fresh = replace(
        known,
        label=str(body.get("label") or known.label),
        description=str(body.get("description") or known.description),
        group=str(body.get("groupName") or known.group),
        options=_options(body) if "options" in body else known.options,
    )
    table.properties[known.name] = fresh
    table.version += 1
    return fresh


def _batch(call: Call, table: Table, op: str) -> Answer:
    results: list[Any] = []
    errors: list[Any] = []
    for row in call.inputs(100):
        name = str(row.get("name", ""))
        try:
            if op == "create":
                results.append(_define(call, table, row).as_json())
            elif op == "read":
                results.append(_known(table, name).as_json())
            elif op == "archive":
                table.properties.pop(name, None) if not _known(table, name).own else None
            else:
                raise call.nowhere()
        except Refusal as refusal:
            if op not in ("create", "read"):
                raise
            errors.append(item_error(refusal, {}))
    return Answer(204) if op == "archive" else batch(call.now, results, errors, 201 if op == "create" else 200)


def _groups(call: Call, table: Table, path: list[str]) -> Answer:
    groups = call.state.groups[table.kind.name]
    rows = [
        {"name": n, "label": label, "displayOrder": i, "archived": False} for i, (n, label) in enumerate(groups.items())
    ]
    match call.method, path:
        case "GET", []:
            return Answer(200, {"results": rows})
        case "GET", [name]:
            for row in rows:
                if row["name"] == name:
                    return Answer(200, row)
            raise not_found(f"Property group {name!r} does not exist")
        case "POST", []:
            body = call.json()
            name = str(body.get("name") or "")
            if name in groups:
                raise refuse(409, "OBJECT_ALREADY_EXISTS", f"A property group named '{name}' already exists.")
            groups[name] = str(body.get("label") or name)
            made = {"name": name, "label": groups[name], "displayOrder": len(groups) - 1, "archived": False}
            return Answer(201, made)
    raise call.nowhere()


def pipelines(call: Call) -> Answer:
    """`/pipelines/{type}[/{id}[/stages[/{id}]]]`, read only."""
    if not call.rest:
        raise not_found()
    rows = call.state.pipelines.get(call.kind(call.rest[0]).name, [])
    if call.method != "GET":
        raise call.nowhere()
    match call.rest[1:]:
        case []:
            return Answer(200, {"results": rows})
        case [key]:
            return Answer(200, _by_id(rows, key))
        case [key, "stages"]:
            return Answer(200, {"results": _by_id(rows, key)["stages"]})
        case [key, "stages", stage]:
            return Answer(200, _by_id(_by_id(rows, key)["stages"], stage))
    raise not_found()


def _by_id(rows: list[dict[str, Any]], key: str) -> dict[str, Any]:
    for row in rows:
        if row["id"] == key:
            return row
    raise not_found()


def owners(call: Call) -> Answer:
    """`/owners[/{id}]`, by e-mail, archived or not."""
    if call.method != "GET":
        raise call.nowhere()
    archived = call.flag("archived")
    rows = [o for o in call.state.owners if o["archived"] is archived]
    rest = [part for part in call.rest if part]
    if rest:
        name = "userId" if call.param("idProperty") == "userId" else "id"
        for row in rows:
            if str(row[name]) == rest[0]:
                return Answer(200, row)
        raise not_found()
    email = call.param("email").lower()
    rows = [o for o in rows if not email or o["email"].lower() == email]
    limit, start = call.number("limit", 100, 500), int(call.param("after", "0") or 0)
    body: dict[str, Any] = {"results": rows[start : start + limit]}
    if start + limit < len(rows):
        mark = str(start + limit)
        body["paging"] = {"next": {"after": mark, "link": f"{call.base}{call.request.path}?after={mark}"}}
    return Answer(200, body)


def details(call: Call) -> Answer:
    """`/account-info/…/details`."""
    if call.rest == ["details"] and call.method == "GET":
        return Answer(200, account.details())
    raise not_found()
