"""What a query's conditions mean: names bound to fields, literals to their types, comparisons as Salesforce compares.

Text compares without case; an empty value is unequal to every value and neither less nor more [doc].
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tieline_salesforce.sandbox_derive import derived, value_of
from tieline_salesforce.sandbox_errors import ApiError
from tieline_salesforce.sandbox_ids import full_id
from tieline_salesforce.sandbox_rows import Row, Rows
from tieline_salesforce.sandbox_schema import FieldDef, ObjectDef
from tieline_salesforce.sandbox_soql import Compare, Logic, Path, Query, Value, refuse
from tieline_salesforce.sandbox_values import NUMBER_TYPES, TEXT_TYPES, milliseconds

Test = Callable[[Row], bool]
Get = Callable[[Row], Any]
MAX_PARENTS = 5
_DAY = 86_400_000
_HINT = (
    "If you are attempting to use a custom {kind}, be sure to append the '__{letter}' after the custom {name}. "
    "Please reference your WSDL or the describe call for the appropriate names."
)


@dataclass(frozen=True, slots=True)
class Scope:
    """One query on one object, over all rows or only those not deleted."""

    rows: Rows
    query: Query
    definition: ObjectDef
    deleted: bool

    def candidates(self) -> Iterable[Row]:
        """Every row the query may see."""
        return self.rows.all(self.definition.name, self.deleted)

    def no_such(self, definition: ObjectDef, path: Path) -> ApiError:
        """A field that the object does not have."""
        hint = _HINT.format(kind="field", letter="c", name="field name")
        message = f"No such column '{path.names[-1]}' on entity '{definition.name}'. {hint}"
        return refuse(self.query.text, path.at, "INVALID_FIELD", message)

    def parents(self, path: Path) -> tuple[list[tuple[FieldDef, ObjectDef]], ObjectDef, FieldDef]:
        """The steps of a path: each reference with the object it leads to, then the last object and its field."""
        definition = self.definition
        steps: list[tuple[FieldDef, ObjectDef]] = []
        for relation in path.names[:-1]:
            ref = definition.parent(relation)
            if ref is None and relation.lower() == definition.name.lower():
                continue
            parent = self._parent(ref, relation, path)
            if ref is not None:
                steps.append((ref, parent))
            definition = parent
        of = definition.find(path.names[-1])
        if of is None:
            raise self.no_such(definition, path)
        return steps, definition, of

    def _parent(self, ref: FieldDef | None, relation: str, path: Path) -> ObjectDef:
        target = self.rows.schema.find(ref.refers_to[-1]) if ref is not None and ref.refers_to else None
        if target is None or len(path.names) > MAX_PARENTS + 1:
            hint = _HINT.format(kind="relationship", letter="r", name="relationship name")
            message = f"Didn't understand relationship '{relation}' in field path. {hint}"
            raise refuse(self.query.text, path.at, "INVALID_FIELD", message)
        return target


def unknown_type(query: Query) -> ApiError:
    """FROM names an object that does not exist [recorded wording]."""
    hint = (
        "If you are attempting to use a custom object, be sure to append the '__c' after the entity name. "
        "Please reference your WSDL or the describe call for the appropriate names."
    )
    message = f"sObject type '{query.source}' is not supported. {hint}"
    return refuse(query.text, query.source_at, "INVALID_TYPE", message)


def bind(scope: Scope, path: Path) -> tuple[ObjectDef, FieldDef, Get]:
    """The field a path means, and a function that gets its value from a row."""
    parents, definition, of = scope.parents(path)
    steps = [(ref.name, scope.rows.tables[parent.name]) for ref, parent in parents]
    return definition, of, getter(scope.rows, definition, of, steps)


def getter(rows: Rows, definition: ObjectDef, of: FieldDef, steps: list[tuple[str, dict[str, Row]]]) -> Get:
    """A function from a row to the value of a field, through the parents in `steps`."""
    if not steps and not derived(definition, of):
        name = of.name
        return lambda row: row.get(name)

    def get(row: Row) -> Any:
        at: Row | None = row
        for name, table in steps:
            at = table.get(at.get(name) or "") if at is not None else None
        return None if at is None else value_of(rows, definition, at, of)

    return get


def condition(scope: Scope, node: Any) -> Test:
    """A test of one row. Raises ApiError when a name or a literal does not fit."""
    if isinstance(node, Logic):
        tests = [condition(scope, part) for part in node.parts]
        if node.op == "NOT":
            return lambda row: not tests[0](row)
        if node.op == "AND":
            return lambda row: all(test(row) for test in tests)
        return lambda row: any(test(row) for test in tests)
    return _comparison(scope, node)


def _comparison(scope: Scope, node: Compare) -> Test:
    _, of, get = bind(scope, node.path)
    if of.type == "address" or not of.filterable:
        message = f"field '{of.name}' can not be filtered in a query call"
        raise refuse(scope.query.text, node.path.at, "INVALID_FIELD", message)
    if node.op in ("IN", "NOT IN"):
        return _membership(scope, node, of, get)
    if node.op == "LIKE":
        return _like(scope, node, of, get)
    if node.value.kind == "relative":
        return _relative(scope, node, of, get)
    wanted = literal(scope, node, of, node.value)
    if node.op == "=":
        return lambda row: _fold(get(row)) == wanted
    if node.op == "!=":
        return lambda row: _fold(get(row)) != wanted
    if wanted is None:
        return lambda row: False
    ranged = get if of.type in ("id", "reference") else lambda row: _fold(get(row))
    return _range(ranged, node.op, wanted)


def _range(get: Get, op: str, wanted: Any) -> Test:
    """Ids order by their characters as they are, text without case; an empty value is in no range."""
    if op == "<":
        return lambda row: (v := get(row)) is not None and v < wanted
    if op == "<=":
        return lambda row: (v := get(row)) is not None and v <= wanted
    if op == ">":
        return lambda row: (v := get(row)) is not None and v > wanted
    return lambda row: (v := get(row)) is not None and v >= wanted


def _fold(value: Any) -> Any:
    return value.casefold() if type(value) is str else value


def _membership(scope: Scope, node: Compare, of: FieldDef, get: Get) -> Test:
    if isinstance(node.value, Query):
        wanted = _inner(scope, node.value)
    else:
        wanted = {literal(scope, node, of, value) for value in node.value}
    if node.op == "IN":
        return lambda row: _fold(get(row)) in wanted
    return lambda row: _fold(get(row)) not in wanted


def _inner(scope: Scope, query: Query) -> set[Any]:
    """The values of a semi-join's one column."""
    definition = scope.rows.schema.find(query.source)
    if definition is None:
        raise unknown_type(query)
    if len(query.select) != 1 or not isinstance(query.select[0], Path):
        raise refuse(query.text, query.source_at, "MALFORMED_QUERY", "only one column may be selected")
    inner = Scope(scope.rows, query, definition, False)
    _, _, get = bind(inner, query.select[0])
    holds: Test = (lambda row: True) if query.where is None else condition(inner, query.where)
    return {_fold(get(row)) for row in inner.candidates() if holds(row)} - {None}


def _like(scope: Scope, node: Compare, of: FieldDef, get: Get) -> Test:
    if of.type not in TEXT_TYPES or node.value.kind != "string":
        message = f"invalid operator on {of.type} field"
        raise refuse(scope.query.text, node.path.at, "INVALID_QUERY_FILTER_OPERATOR", message)
    parts = (".*" if c == "%" else "." if c == "_" else re.escape(c) for c in node.value.value)
    pattern = re.compile("".join(parts), re.IGNORECASE | re.DOTALL)
    return lambda row: (v := get(row)) is not None and pattern.fullmatch(v) is not None


def literal(scope: Scope, node: Compare, of: FieldDef, value: Value) -> Any:
    """A literal as the field's values are kept. Raises ApiError INVALID_FIELD when it is of another type."""
    if value.kind == "null":
        return False if of.type == "boolean" else None
    if of.type in ("id", "reference"):
        found = full_id(value.value) if value.kind == "string" else None
        if value.kind == "string" and value.value == "":
            return None
        if found is None:
            message = f"invalid ID field: {value.value}"
            raise refuse(scope.query.text, node.path.at, "INVALID_QUERY_FILTER_OPERATOR", message)
        return found.casefold() if node.op in ("=", "!=", "IN", "NOT IN") else found
    if of.type in TEXT_TYPES and value.kind == "string":
        return _fold(value.value) or None
    if of.type == "boolean" and value.kind == "boolean":
        return value.value
    if (of.type in NUMBER_TYPES or of.type == "int") and value.kind == "number":
        return value.value
    if of.type == "date" and value.kind == "date":
        return value.value
    if of.type == "datetime" and value.kind == "datetime":
        moment = milliseconds(value.value)
        if moment is not None:
            return moment
    raise _wrong_type(scope, node, of, value)


def _wrong_type(scope: Scope, node: Compare, of: FieldDef, value: Value) -> ApiError:
    kind = {"currency": "double", "percent": "double", "datetime": "dateTime"}.get(of.type, of.type)
    kind = "string" if of.type in TEXT_TYPES else kind
    ending = " and should not be enclosed in quotes" if value.kind == "string" else ""
    ending = " and should be enclosed in quotes" if kind == "string" else ending
    message = f"value of filter criterion for field '{of.name}' must be of type {kind}{ending}"
    return refuse(scope.query.text, node.path.at, "INVALID_FIELD", message)


# -- relative days


def _relative(scope: Scope, node: Compare, of: FieldDef, get: Get) -> Test:
    if of.type not in ("date", "datetime"):
        raise _wrong_type(scope, node, of, node.value)
    today = datetime.fromtimestamp(scope.rows.now() / 1000, UTC).date()
    first, after = _span(node.value.value, today)
    low, high = (_form(of, first), _form(of, after))
    tests: dict[str, Callable[[Any], bool]] = {
        "=": lambda v: low <= v < high,
        "!=": lambda v: not low <= v < high,
        "<": lambda v: v < low,
        "<=": lambda v: v < high,
        ">": lambda v: v >= high,
        ">=": lambda v: v >= low,
    }
    holds = tests[node.op]
    return lambda row: (v := get(row)) is not None and holds(v)


def _form(of: FieldDef, day: date) -> Any:
    return day.isoformat() if of.type == "date" else (day - date(1970, 1, 1)).days * _DAY


def _span(word: str, today: date) -> tuple[date, date]:
    """First day and the day after the last of TODAY, LAST_N_DAYS:7, THIS_MONTH…"""
    one = timedelta(days=1)
    near = {"TODAY": 0, "YESTERDAY": -1, "TOMORROW": 1}
    if word in near:
        day = today + one * near[word]
        return day, day + one
    which, unit = word.split("_", 1)
    if unit.startswith("N_DAYS"):
        days = one * int(unit.split(":")[1])
        return (today - days, today + one) if which == "LAST" else (today + one, today + one + days)
    shift = {"LAST": -1, "THIS": 0, "NEXT": 1}[which]
    if unit == "WEEK":
        start = today - one * ((today.weekday() + 1) % 7) + timedelta(weeks=shift)
        return start, start + timedelta(weeks=1)
    if unit == "YEAR":
        return date(today.year + shift, 1, 1), date(today.year + shift + 1, 1, 1)
    month = today.year * 12 + today.month - 1 + shift
    return date(month // 12, month % 12 + 1, 1), date((month + 1) // 12, (month + 1) % 12 + 1, 1)


# -- not looking at every row


def narrowed(scope: Scope) -> Iterable[Row]:
    """The rows that can meet the query's conditions: by id or key where it names some, else all."""
    parts = scope.query.where.parts if isinstance(scope.query.where, Logic) else (scope.query.where,)
    if isinstance(scope.query.where, Logic) and scope.query.where.op != "AND":
        return scope.candidates()
    for part in parts:
        if not isinstance(part, Compare) or part.op not in ("=", "IN") or len(part.path.names) != 1:
            continue
        of = scope.definition.find(part.path.names[0])
        values = part.value if isinstance(part.value, list) else [part.value]
        if of is None or not of.lookup or isinstance(part.value, Query) or any(v.kind != "string" for v in values):
            continue
        return _looked_up(scope, of, [v.value for v in values])
    return scope.candidates()


def _looked_up(scope: Scope, of: FieldDef, wanted: list[str]) -> list[Row]:
    name = scope.definition.name
    if of.type == "id":
        ids = sorted({i for v in wanted if (i := full_id(v)) is not None})
        rows = (scope.rows.any(name, i) for i in ids)
        return [r for r in rows if r is not None and (scope.deleted or not r.get("IsDeleted"))]
    found = {r["Id"]: r for v in wanted for r in scope.rows.having(name, of, v, scope.deleted)}
    return [found[i] for i in sorted(found)]
