"""Answers a query from the rows: binds names to fields, filters, sorts, and renders records as the wire shows them.

A query is compiled once; each page renders only its own rows. Decides nothing about paging.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tieline_salesforce.sandbox_conditions import Scope, bind, condition, narrowed, unknown_type
from tieline_salesforce.sandbox_derive import value_of
from tieline_salesforce.sandbox_errors import ApiError
from tieline_salesforce.sandbox_rows import Row, Rows
from tieline_salesforce.sandbox_schema import FieldDef, ObjectDef
from tieline_salesforce.sandbox_soql import Order, Path, Query, parse, refuse
from tieline_salesforce.sandbox_values import wire_time

MAX_OFFSET = 2000
MAX_ALL_FIELDS = 200
CHILDREN = 200
"""Rows of a subquery that stand in their parent's row; the others are pages of their own [doc; the number: memory]."""
Render = Callable[[Row], Any]
Onward = Callable[[str, Sequence[str]], str]
"""Where the rest of a parent's children is: a relation's name, and the ids of them all."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a query found: ids in order, and how to show each."""

    definition: ObjectDef
    ids: Sequence[str]
    render: Render
    count: int | None
    """For COUNT(): the number; then there are no ids."""


def run(rows: Rows, text: str, version: int, deleted: bool, onward: Onward | None = None) -> Answer:
    """Run a query; with `deleted` as queryAll does. Without `onward` subqueries stand in one piece. Raises ApiError."""
    query = parse(text)
    definition = rows.schema.find(query.source)
    if definition is None:
        raise unknown_type(query)
    scope = Scope(rows, query, definition, deleted)
    found = select(scope)
    if query.count:
        if query.select or query.order:
            raise refuse(text, 0, "MALFORMED_QUERY", "Grouped query cannot use child relationships in the SELECT list")
        return Answer(definition, (), lambda row: None, len(found))
    render = renderer(scope, version, onward)
    return Answer(definition, [r["Id"] for r in found], render, None)


def select(scope: Scope) -> list[Row]:
    """The rows that meet the query's conditions, in its order, within its limits."""
    query = scope.query
    if query.offset > MAX_OFFSET:
        message = f"Maximum SOQL offset allowed is {MAX_OFFSET}"
        raise ApiError(400, "NUMBER_OUTSIDE_VALID_RANGE", message)
    candidates: Iterable[Row] = scope.candidates() if query.where is None else narrowed(scope)
    if query.where is not None:
        holds = condition(scope, query.where)
        candidates = (r for r in candidates if holds(r))
    found = sort(scope, list(candidates), query.order)
    last = None if query.limit is None else query.offset + query.limit
    return found[query.offset : last]


def sort(scope: Scope, found: list[Row], orders: Sequence[Order]) -> list[Row]:
    """Sorted by the last key first, so that the first decides; empty values first unless said otherwise [doc]."""
    for order in reversed(orders):
        _, of, get = bind(scope, order.path)
        if of.type == "address" or not of.filterable:
            message = f"field '{of.name}' can not be sorted in a query call"
            raise refuse(scope.query.text, order.path.at, "MALFORMED_QUERY", message)
        filled = [(v, r) for r in found if (v := get(r)) is not None]
        empty = [r for r in found if get(r) is None]
        text = of.type not in ("id", "reference")
        filled.sort(key=lambda pair: _fold(pair[0], text), reverse=order.descending)
        rest = [r for _, r in filled]
        found = rest + empty if order.nulls_last else empty + rest
    return found


def _fold(value: Any, text: bool) -> Any:
    return value.casefold() if text and isinstance(value, str) else value


# -- showing


def renderer(scope: Scope, version: int, onward: Onward | None = None) -> Render:
    """A function that shows a row with exactly the selected fields, in their order."""
    columns = _columns(scope)
    children = [c for c in columns if isinstance(c, Query)]
    shown: dict[str, Any] = {}
    for column in columns:
        if isinstance(column, Query):
            shown[_child_name(scope, column)] = column
        else:
            _place(scope, shown, column)
    grouped = {id(c): _children(scope, c, version, onward) for c in children}
    return _node(scope, scope.definition, shown, version, grouped)


def _columns(scope: Scope) -> Sequence[Path | Query]:
    query = scope.query
    if not query.all_fields:
        return query.select
    if query.all_fields != "STANDARD" and (query.limit is None or query.limit > MAX_ALL_FIELDS):
        message = f"The SOQL FIELDS function must have a LIMIT of at most {MAX_ALL_FIELDS}"
        raise refuse(query.text, 0, "MALFORMED_QUERY", message)
    fields = scope.definition.fields.values()
    wanted = [f for f in fields if query.all_fields == "ALL" or f.custom == (query.all_fields == "CUSTOM")]
    return [*query.select, *(Path((f.name,), 0) for f in wanted)]


def _place(scope: Scope, shown: dict[str, Any], path: Path) -> None:
    steps, _, of = scope.parents(path)
    at = shown
    for ref, parent in steps:
        at = at.setdefault(ref.relation or ref.name, {"": (ref, parent)})
    at[of.name] = of


def _node(
    scope: Scope, definition: ObjectDef, shown: Mapping[str, Any], version: int, grouped: Mapping[int, Any]
) -> Render:
    rows = scope.rows
    parts: list[tuple[str, Render]] = []
    for name, what in shown.items():
        if isinstance(what, FieldDef):
            parts.append((name, _cell(rows, definition, what)))
        elif isinstance(what, Query):
            parts.append((name, grouped[id(what)]))
        elif isinstance(what, dict):
            parts.append((name, _parent(scope, what, version)))
    base = f"/services/data/v{version}.0/sobjects/{definition.name}/"

    def show(row: Row) -> dict[str, Any]:
        body: dict[str, Any] = {"attributes": {"type": definition.name, "url": base + row["Id"]}}
        for name, part in parts:
            body[name] = part(row)
        return body

    return show


def _parent(scope: Scope, node: Mapping[str, Any], version: int) -> Render:
    ref, parent = node[""]
    show = _node(scope, parent, {k: v for k, v in node.items() if k}, version, {})
    table = scope.rows.tables[parent.name]

    def part(row: Row) -> Any:
        target = table.get(row.get(ref.name) or "")
        return None if target is None else show(target)

    return part


def _cell(rows: Rows, definition: ObjectDef, of: FieldDef) -> Render:
    if of.type == "datetime":
        return lambda row: None if (v := row.get(of.name)) is None else wire_time(v)
    return lambda row: value_of(rows, definition, row, of)


def show_row(rows: Rows, definition: ObjectDef, row: Row, version: int, names: Sequence[str] = ()) -> dict[str, Any]:
    """A record as `GET /sobjects/{O}/{id}` answers it: all fields, or those named. Raises ApiError."""
    wanted = list(definition.fields.values())
    if names:
        wanted = []
        for name in names:
            of = definition.find(name)
            if of is None:
                message = f"No such column '{name}' on sobject of type {definition.name}"
                raise ApiError(400, "INVALID_FIELD", message)
            wanted.append(of)
    url = f"/services/data/v{version}.0/sobjects/{definition.name}/{row['Id']}"
    body: dict[str, Any] = {"attributes": {"type": definition.name, "url": url}}
    for of in wanted:
        body[of.name] = _cell(rows, definition, of)(row)
    return body


# -- child subqueries


def _child_name(scope: Scope, query: Query) -> str:
    return _child_of(scope, query)[2]


def _child_of(scope: Scope, query: Query) -> tuple[ObjectDef, FieldDef, str]:
    wanted = query.source.lower()
    for child, of, name, _ in scope.rows.schema.children(scope.definition.name):
        if name is not None and name.lower() == wanted:
            return child, of, name
    message = (
        f"Didn't understand relationship '{query.source}' in FROM part of query call. If you are attempting to use a "
        "custom relationship, be sure to append the '__r' after the custom relationship name. Please reference your "
        "WSDL or the describe call for the appropriate names."
    )
    raise refuse(scope.query.text, query.source_at, "INVALID_TYPE", message)


def child_renderer(scope: Scope, relation: str, version: int) -> tuple[Render, ObjectDef]:
    """How the children of a relation are shown on a page of their own, and what they are."""
    for query in _columns(scope):
        if isinstance(query, Query) and _child_name(scope, query) == relation:
            child = _child_of(scope, query)[0]
            return renderer(Scope(scope.rows, query, child, scope.deleted), version), child
    raise ApiError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")


def _children(scope: Scope, query: Query, version: int, onward: Onward | None) -> Render:
    """All children once, grouped by their parent; a parent without any shows null [recorded]."""
    child, of, name = _child_of(scope, query)
    inner = Scope(scope.rows, query, child, scope.deleted)
    show = renderer(inner, version)
    limit, query.limit = query.limit, None
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in select(inner):
        if row.get(of.name):
            groups[row[of.name]].append(row)

    def part(row: Row) -> Any:
        members = groups.get(row["Id"], [])[:limit]
        if not members:
            return None
        if onward is None or len(members) <= CHILDREN:
            return {"totalSize": len(members), "done": True, "records": [show(m) for m in members]}
        url = onward(name, [m["Id"] for m in members])
        records = [show(m) for m in members[:CHILDREN]]
        return {"totalSize": len(members), "done": False, "nextRecordsUrl": url, "records": records}

    return part


__all__ = ["CHILDREN", "Answer", "Onward", "child_renderer", "renderer", "run", "show_row"]
