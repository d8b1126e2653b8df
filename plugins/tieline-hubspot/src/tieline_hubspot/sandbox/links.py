"""Associations on the wire: of one record, in batches, their types and labels; v4 and dated alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tieline.sandbox import Answer, Refusal
from tieline_hubspot.sandbox.account import CUSTOM, DEFINED, default_relation
from tieline_hubspot.sandbox.associations import Spec
from tieline_hubspot.sandbox.call import Call
from tieline_hubspot.sandbox.records import sync_company
from tieline_hubspot.sandbox.table import Record, Table
from tieline_hubspot.sandbox.wire import batch, item_error, not_found, refuse, validation

MAX_CREATE = 2_000  # [memory]
MAX_READ = 1_000  # [memory]
MAX_PAGE = 500

Wanted = list[tuple[Table, Record, list[Spec]]]


def _specs(call: Call, source: Table, target: Table, rows: Any) -> list[Spec]:
    """The association types named in a request; at least one, each known between these object types."""
    if not isinstance(rows, list) or not rows:
        raise validation("At least one association type is required")
    specs: list[Spec] = []
    for row in rows:
        spec = (str(row.get("associationCategory") or DEFINED), int(row.get("associationTypeId") or 0))
        if call.state.edges.relation(source.kind.name, target.kind.name, spec) is None:
            names = f"{source.kind.singular} to {target.kind.singular}"
            raise validation(f"{spec[1]} is not an association type of {names}", {"type": [names]})
        specs.append(spec)
    return specs


def _living(table: Table, key: Any) -> Record:
    record = table.find(str(key))
    if record is None or record.archived is not None:
        raise refuse(404, "OBJECT_NOT_FOUND", f"{table.kind.legacy}={key} is not valid", context={"id": [str(key)]})
    return record


def wanted(call: Call, table: Table, rows: Any) -> Wanted:
    """The `associations` of a create, checked against what exists."""
    result: Wanted = []
    for row in rows:
        types = row.get("types") or []
        for target in call.state.tables.values():
            first = types[0] if types else {}
            spec = (str(first.get("associationCategory") or DEFINED), int(first.get("associationTypeId") or 0))
            if call.state.edges.relation(table.kind.name, target.kind.name, spec) is not None:
                other = _living(target, row["to"]["id"])
                result.append((target, other, _specs(call, table, target, types)))
                break
        else:
            raise validation(f"No association type of {table.kind.name} matches {types}")
    return result


def join(call: Call, table: Table, record: Record, others: Wanted) -> None:
    """Associate a record with what its create named."""
    for target, other, specs in others:
        _add(call, table, record, target, other, specs)


def _add(call: Call, source: Table, record: Record, target: Table, other: Record, specs: Iterable[Spec]) -> None:
    call.state.edges.add(source.kind.name, record.id, target.kind.name, other.id, list(specs))
    _sync(call, (source, record), (target, other))


def _sync(call: Call, *ends: tuple[Table, Record]) -> None:
    for table, record in ends:
        sync_company(call.state, table, record)


def _types(call: Call, source: Table, target: Table, specs: Iterable[Spec]) -> list[dict[str, Any]]:
    rows = []
    for category, type_id in sorted(specs):
        known = call.state.edges.relation(source.kind.name, target.kind.name, (category, type_id))
        rows.append({"category": category, "typeId": type_id, "label": known.label if known else None})
    return rows


def _pair(source: Table, record: Record, target: Table, other: Record, labels: list[str]) -> dict[str, Any]:
    return {
        "fromObjectTypeId": source.kind.type_id,
        "fromObjectId": record.id,
        "toObjectTypeId": target.kind.type_id,
        "toObjectId": other.id,
        "labels": labels,
    }


def _labels(call: Call, source: Table, target: Table, specs: Iterable[Spec]) -> list[str]:
    return [row["label"] for row in _types(call, source, target, specs) if row["label"]]


def _default(call: Call, source: Table, record: Record, target: Table, other: Record) -> list[dict[str, Any]]:
    """Associate without a label; one row for each direction."""
    type_id = default_relation(source.kind.name, target.kind.name)
    back = default_relation(target.kind.name, source.kind.name)
    if type_id is None or back is None:
        raise validation(f"{source.kind.name} and {target.kind.name} cannot be associated")
    _add(call, source, record, target, other, [(DEFINED, type_id)])
    ends = ((record, other, type_id), (other, record, back))
    return [
        {
            "from": {"id": str(a.id)},
            "to": {"id": str(b.id)},
            "associationSpec": {"associationCategory": DEFINED, "associationTypeId": i},
        }
        for a, b, i in ends
    ]


def of_one(call: Call, table: Table, key: str, path: list[str]) -> Answer:
    """`/objects/{type}/{id}/associations/…`."""
    record = _living(table, key)
    if path[:1] == ["default"] and len(path) == 3 and call.method == "PUT":
        target = call.table(path[1])
        rows = _default(call, table, record, target, _living(target, path[2]))
        return batch(call.now, rows, [], 200)
    if not path or len(path) > 2:
        raise not_found()
    target = call.table(path[0])
    if len(path) == 1 and call.method == "GET":
        if call.version == "v3":
            return Answer(200, {"results": named(call, table, record, target)})
        return _page(call, table, record, target)
    if len(path) == 2 and call.method == "PUT":
        other = _living(target, path[1])
        try:
            rows = call.request.data()
        except ValueError:
            raise validation("Invalid input JSON") from None
        specs = _specs(call, table, target, rows)
        _add(call, table, record, target, other, specs)
        return Answer(201, _pair(table, record, target, other, _labels(call, table, target, specs)))
    if len(path) == 2 and call.method == "DELETE":
        if path[1].isdigit():
            _cut(call, table, record, target, path[1], None)
        return Answer(204)
    raise call.nowhere()


def _cut(call: Call, source: Table, record: Record, target: Table, key: str, specs: list[Spec] | None) -> None:
    other = target.find(key)
    if other is not None:
        call.state.edges.remove(source.kind.name, record.id, target.kind.name, other.id, specs)
        _sync(call, (source, record), (target, other))


def _rows(call: Call, source: Table, record: Record, target: Table) -> list[dict[str, Any]]:
    """What a record is associated with and how; archived ones are left out."""
    found = call.state.edges.of(source.kind.name, record.id, target.kind.name)
    alive = ((key, specs) for key, specs in found.items() if (r := target.find(str(key))) and r.archived is None)
    return [
        {"toObjectId": key, "associationTypes": _types(call, source, target, specs)} for key, specs in sorted(alive)
    ]


def named(call: Call, table: Table, record: Record, target: Table) -> list[dict[str, str]]:
    """Associations in the older form: one row for each, its type by name [doc]."""
    edges = call.state.edges
    rows = []
    for key, specs in edges.of(table.kind.name, record.id, target.kind.name).items():
        for category, type_id in sorted(specs):
            known = edges.relation(table.kind.name, target.kind.name, (category, type_id))
            name = known and (known.name or known.label)
            rows.append({"id": str(key), "type": name or "unlabeled"})
    return rows


def _page(call: Call, table: Table, record: Record, target: Table) -> Answer:
    limit = call.number("limit", MAX_PAGE, MAX_PAGE)
    after = int(call.param("after", "0") or 0)
    rows = [r for r in _rows(call, table, record, target) if r["toObjectId"] >= after]
    body: dict[str, Any] = {"results": rows[:limit]}
    if len(rows) > limit:
        mark = str(rows[limit]["toObjectId"])
        body["paging"] = {"next": {"after": mark, "link": f"{call.base}{call.request.path}?after={mark}"}}
    return Answer(200, body)


def associations(call: Call) -> Answer:
    """`/associations/{from}/{to}/…`: batches and labels."""
    if len(call.rest) < 3:
        raise not_found()
    source, target = call.table(call.rest[0]), call.table(call.rest[1])
    match call.method, call.rest[2:]:
        case "POST", ["batch", "create"]:
            return _batch_create(call, source, target)
        case "POST", ["batch", "associate", "default"]:
            return _batch_default(call, source, target)
        case "POST", ["batch", "read"]:
            return _batch_read(call, source, target)
        case "POST", ["batch", "archive"]:
            return _batch_archive(call, source, target)
        case "POST", ["batch", "labels", "archive"]:
            return _batch_unlabel(call, source, target)
        case "GET", ["labels"]:
            rows = call.state.edges.relations(source.kind.name, target.kind.name)
            return Answer(200, {"results": [_relation(c, r.type_id, r.label) for c, r in rows]})
        case "POST", ["labels"]:
            label = str(call.json().get("label") or "")
            if not label:
                raise validation("Invalid input JSON: some required fields were not set: [label]")
            made = call.state.edges.define(source.kind.name, target.kind.name, label)
            return Answer(200, {"results": [_relation(CUSTOM, r.type_id, r.label) for r in made]})
    raise call.nowhere()


def _relation(category: str, type_id: int, label: str | None) -> dict[str, Any]:
    return {"category": category, "typeId": type_id, "label": label}


def _end(row: Mapping[str, Any], name: str) -> Any:
    return (row.get(name) or {}).get("id", "")


def _batch_create(call: Call, source: Table, target: Table) -> Answer:
    results, errors = [], []
    for row in call.inputs(MAX_CREATE):
        try:
            record, other = _living(source, _end(row, "from")), _living(target, _end(row, "to"))
            specs = _specs(call, source, target, row.get("types"))
        except Refusal as refusal:
            errors.append(item_error(refusal, {}))
            continue
        _add(call, source, record, target, other, specs)
        results.append(_pair(source, record, target, other, _labels(call, source, target, specs)))
    return batch(call.now, results, errors, 201)


def _batch_default(call: Call, source: Table, target: Table) -> Answer:
    results, errors = [], []
    for row in call.inputs(MAX_CREATE):
        try:
            record, other = _living(source, _end(row, "from")), _living(target, _end(row, "to"))
            results.extend(_default(call, source, record, target, other))
        except Refusal as refusal:
            errors.append(item_error(refusal, {}))
    return batch(call.now, results, errors, 200)


def _batch_read(call: Call, source: Table, target: Table) -> Answer:
    results, errors = [], []
    for row in call.inputs(MAX_READ):
        key = str(row.get("id"))
        record = source.find(key)
        rows = [] if record is None else _rows(call, source, record, target)
        if rows:
            results.append({"from": {"id": key}, "to": rows})
            continue
        text = f"No {target.kind.singular} is associated with {source.kind.singular} {key}."
        context = {
            "fromObjectId": [key],
            "fromObjectType": [source.kind.singular],
            "toObjectType": [target.kind.singular],
        }
        found = refuse(404, "OBJECT_NOT_FOUND", text, sub="crm.associations.NO_ASSOCIATIONS_FOUND")  # [cap]
        errors.append(item_error(found, context))
    return batch(call.now, results, errors, 200)


def _batch_archive(call: Call, source: Table, target: Table) -> Answer:
    for row in call.inputs(MAX_CREATE):
        record = source.find(str(_end(row, "from")))
        for other in row.get("to") or []:
            if record is not None:
                _cut(call, source, record, target, str(other.get("id")), None)
    return Answer(204)


def _batch_unlabel(call: Call, source: Table, target: Table) -> Answer:
    for row in call.inputs(MAX_CREATE):
        record = source.find(str(_end(row, "from")))
        specs = _specs(call, source, target, row.get("types"))
        if record is not None:
            _cut(call, source, record, target, str(_end(row, "to")), specs)
    return Answer(204)
