"""Does a record's row match a search? Compiles a search body to one predicate; reads no store."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from fnmatch import fnmatchcase
from typing import Any

from tieline_hubspot.sandbox.schema import ObjectType, Property
from tieline_hubspot.sandbox.wire import moment, validation

Row = Mapping[str, str]
Test = Callable[[Row], bool]
MAX_GROUPS, MAX_FILTERS, MAX_TOTAL = 5, 6, 18
_WORD = re.compile(r"[^\W_]+")
_TOKEN = re.compile(r"[\w*?]+")


def compile_search(kind: ObjectType, properties: Mapping[str, Property], body: Mapping[str, Any]) -> Test:
    """A predicate for `filterGroups` (any) of `filters` (all) and `query`; a 400 for what the API refuses [doc]."""
    groups = body.get("filterGroups") or []
    if not isinstance(groups, list) or len(groups) > MAX_GROUPS:
        raise validation(f"Too many filter groups: at most {MAX_GROUPS} are allowed")
    filters = [group.get("filters") or [] for group in groups]
    if any(len(rows) > MAX_FILTERS for rows in filters) or sum(map(len, filters)) > MAX_TOTAL:
        raise validation(f"Too many filters: at most {MAX_FILTERS} in a group and {MAX_TOTAL} in all are allowed")
    compiled = [[_test(properties, row) for row in rows] for rows in filters]
    query = str(body.get("query") or "").lower().split()

    def matches(row: Row) -> bool:
        if compiled and not any(all(test(row) for test in tests) for tests in compiled):
            return False
        if not query:
            return True
        text = " ".join(row.get(name, "") for name in kind.searched).lower()
        return all(word in text for word in query)

    return matches


def key_of(known: Property) -> Callable[[str], Any]:
    """What a property's values are compared by: numbers and stamps as numbers, text without case [memory]."""
    if known.type == "number":
        return _number
    if known.type in ("date", "datetime"):
        return moment
    return str.lower


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _test(properties: Mapping[str, Property], row: Mapping[str, Any]) -> Test:
    name, operator = row.get("propertyName", ""), row.get("operator", "")
    known = properties.get(name)
    if known is None:
        raise validation(f"There was a problem with the request: property {name!r} does not exist")
    make = _OPERATORS.get(operator)
    if make is None:
        raise validation(f"Invalid input JSON: {operator!r} is not an operator")
    return make(known, row)


def _wanted(known: Property, row: Mapping[str, Any], part: str = "value") -> Any:
    raw = row.get(part)
    if raw is None:
        raise validation(f"There was a problem with the request: {row.get('operator')} needs {part}")
    value = key_of(known)(str(raw).strip())
    if value is None:
        raise validation(f"There was a problem with the request: {raw!r} is not a {known.type}")
    return value


def _present(known: Property, row: Mapping[str, Any]) -> Test:
    name = known.name
    return lambda r: bool(r.get(name))


def _absent(known: Property, row: Mapping[str, Any]) -> Test:
    name = known.name
    return lambda r: not r.get(name)


def _equal(known: Property, row: Mapping[str, Any]) -> Test:
    name, key, wanted = known.name, key_of(known), _wanted(known, row)
    return lambda r: (value := r.get(name, "")) != "" and key(value) == wanted


def _unequal(known: Property, row: Mapping[str, Any]) -> Test:
    equal = _equal(known, row)
    return lambda r: not equal(r)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Property, Mapping[str, Any]], Test]:
    def make(known: Property, row: Mapping[str, Any]) -> Test:
        name, key, wanted = known.name, key_of(known), _wanted(known, row)

        def test(r: Row) -> bool:
            value = r.get(name)
            found = key(value) if value else None
            return found is not None and compare(found, wanted)

        return test

    return make


def _between(known: Property, row: Mapping[str, Any]) -> Test:
    name, key = known.name, key_of(known)
    low, high = _wanted(known, row), _wanted(known, row, "highValue")

    def test(r: Row) -> bool:
        value = r.get(name)
        found = key(value) if value else None
        return found is not None and low <= found <= high

    return test


def _in(known: Property, row: Mapping[str, Any]) -> Test:
    values = row.get("values")
    if not isinstance(values, list) or not values:
        raise validation(f"There was a problem with the request: {row.get('operator')} needs values")
    name, key = known.name, key_of(known)
    wanted = {key(str(v).strip()) for v in values}
    return lambda r: (value := r.get(name, "")) != "" and key(value) in wanted


def _not_in(known: Property, row: Mapping[str, Any]) -> Test:
    test = _in(known, row)
    return lambda r: not test(r)


def _contains(known: Property, row: Mapping[str, Any]) -> Test:
    name = known.name
    wanted = _TOKEN.findall(str(row.get("value") or "").lower())

    def test(r: Row) -> bool:
        words = _WORD.findall((r.get(name) or "").lower())
        return all(any(fnmatchcase(word, token) for word in words) for token in wanted)

    return test


def _lacks(known: Property, row: Mapping[str, Any]) -> Test:
    test = _contains(known, row)
    return lambda r: not test(r)


_OPERATORS: Mapping[str, Callable[[Property, Mapping[str, Any]], Test]] = {
    "EQ": _equal,
    "NEQ": _unequal,
    "LT": _ordered(lambda a, b: a < b),
    "LTE": _ordered(lambda a, b: a <= b),
    "GT": _ordered(lambda a, b: a > b),
    "GTE": _ordered(lambda a, b: a >= b),
    "BETWEEN": _between,
    "IN": _in,
    "NOT_IN": _not_in,
    "HAS_PROPERTY": _present,
    "NOT_HAS_PROPERTY": _absent,
    "CONTAINS_TOKEN": _contains,
    "NOT_CONTAINS_TOKEN": _lacks,
}
