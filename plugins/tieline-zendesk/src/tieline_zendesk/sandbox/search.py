"""Searching: the query language as far as it names types, fields and words, over an index that may lag.

Results are hints: 100 on a page, 1,000 in all [doc].
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from tieline.sandbox import Answer
from tieline_zendesk.sandbox import organizations, people, tickets, users
from tieline_zendesk.sandbox.call import Call
from tieline_zendesk.sandbox.pages import by_cursor, by_offset, refusal_of
from tieline_zendesk.sandbox.wire import MINUTE_MS, Row, missing, moment, refuse

MOST_HITS = 1000
LAG_MS = 2 * MINUTE_MS
"""How long a change stays out of the index under `search-lag`."""
_TERM = re.compile(r'(-?)(?:(\w+)(:|<=|>=|<|>))?("[^"]*"|\S+)')
_TYPES = ("user", "organization", "ticket")


def everything(call: Call) -> Answer:
    """`/search`: hits of all types, in pages by offset; a 422 past the thousandth [doc]."""
    hits = _hits(call, call.param("query"))
    if max(1, call.number("page", 1)) * max(1, min(100, call.number("per_page", 100))) > MOST_HITS:
        text = "Invalid search: Requested response size was greater than Search Response Limits"
        raise refuse(422, "invalid", text)
    body = by_offset(call, "results", hits, lambda hit: _shape(call, hit))
    return Answer(200, {**body, "facets": None})


def count(call: Call) -> Answer:
    """How many hits there are."""
    return Answer(200, {"count": len(_hits(call, call.param("query")))})


def export(call: Call) -> Answer:
    """`/search/export`: one type, by cursor, without the limit of 1,000 [doc]."""
    kind = call.param("filter[type]")
    if kind not in _TYPES:
        raise refusal_of("InvalidFilter", "filter[type] is required")
    hits = [hit for hit in _hits(call, call.param("query")) if hit["kind"] == kind]
    body = by_cursor(call, "results", sorted(hits, key=lambda hit: hit["id"]), lambda hit: _shape(call, hit))
    return Answer(200, {**body, "facets": None})


def users_search(call: Call) -> Answer:
    """Users by a query, or exactly by an external id [spec]."""
    if call.has("external_id"):
        row = call.state.users.find("external_id", call.param("external_id"))
        return users.hits(call, [row] if row is not None and _indexed(call, row) else [])
    if not call.has("query"):
        raise missing("query")
    return users.hits(call, [hit["row"] for hit in _hits(call, call.param("query"), ("user",))])


def users_autocomplete(call: Call) -> Answer:
    """Users whose name begins like this."""
    name = call.param("name").casefold()
    rows = [row for row in call.state.users if row["active"] and _starts(row["name"], name)]
    return users.hits(call, [row for row in rows if _indexed(call, row)])


def organizations_search(call: Call) -> Answer:
    """Organizations exactly by external id or name, whatever the case [spec]."""
    for name in ("external_id", "name"):
        if call.has(name):
            row = call.state.organizations.find(name, call.param(name))
            return organizations.hits(call, [row] if row is not None and _indexed(call, row) else [])
    raise missing("external_id")


def organizations_autocomplete(call: Call) -> Answer:
    """Organizations whose name begins like this."""
    name = call.param("name").casefold()
    rows = [row for row in call.state.organizations if row["name"].casefold().startswith(name)]
    return organizations.hits(call, [row for row in rows if _indexed(call, row)])


def _starts(text: str, begin: str) -> bool:
    return any(word.startswith(begin) for word in text.casefold().split()) or text.casefold().startswith(begin)


def _indexed(call: Call, row: Row) -> bool:
    return "search-lag" not in call.vices or row["updated_at"] <= call.now - LAG_MS


# -- the query


def _hits(call: Call, query: str, kinds: Iterable[str] = _TYPES) -> list[Row]:
    terms = [_Term(*match.groups()) for match in _TERM.finditer(query)]
    wanted = {term.value for term in terms if term.field == "type" and not term.negated}
    found = []
    for kind in kinds:
        if wanted and kind not in wanted:
            continue
        for row in _rows(call, kind):
            if _indexed(call, row) and all(term.meets(kind, row) for term in terms if term.field != "type"):
                found.append({"kind": kind, "id": row["id"], "row": row})
    return found


def _rows(call: Call, kind: str) -> list[Row]:
    if kind == "user":
        return [row for row in call.state.users if row["active"]]
    if kind == "organization":
        return call.state.organizations.by_id()
    return [row for row in call.state.tickets if row["status"] != "deleted"]


class _Term:
    """One condition: a word anywhere, or a field compared with a value."""

    def __init__(self, negated: str, field: str | None, operator: str | None, value: str) -> None:
        self.negated, self.field, self.operator = bool(negated), field, operator or ":"
        self.value = value.strip('"').casefold()

    def meets(self, kind: str, row: Row) -> bool:
        """Whether a record meets it."""
        return self._meets(kind, row) is not self.negated

    def _meets(self, kind: str, row: Row) -> bool:
        if self.field is None:
            return any(self.value in text.casefold() for text in _texts(kind, row))
        if self.field in ("created", "updated", "created_at", "updated_at"):
            at = moment(self.value.upper())
            return at is not None and _COMPARE[self.operator](row[f"{self.field.removesuffix('_at')}_at"], at)
        value = _field(kind, row, self.field)
        if isinstance(value, list):
            return self.value in (str(one).casefold() for one in value)
        if value is None:
            return self.value == "none"
        text = str(value).casefold()
        return text.startswith(self.value.rstrip("*")) if self.value.endswith("*") else text == self.value


_COMPARE: dict[str, Callable[[int, int], bool]] = {
    ":": lambda a, b: a // 86_400_000 == b // 86_400_000,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
}


def _texts(kind: str, row: Row) -> list[str]:
    if kind == "user":
        addresses = [one["value"] for one in row["identities"]]
        return [row["name"], *addresses, *(str(row[name]) for name in ("notes", "details", "phone") if row[name])]
    if kind == "organization":
        return [row["name"], *(str(row[name]) for name in ("notes", "details") if row[name])]
    return [row["subject"], *(one["body"] for one in row["comments"])]


def _field(kind: str, row: Row, name: str) -> Any:
    if name == "tags":
        return row["tags"]
    if kind == "user" and name == "email":
        return [one["value"] for one in row["identities"] if one["type"] == "email"]
    if kind == "user" and name in ("organization", "organization_id"):
        return people.organization_of(row)
    if name in row:
        return row[name]
    return row.get("fields", {}).get(name)


def _shape(call: Call, hit: Row) -> dict[str, Any]:
    shapes: dict[str, Callable[[Call, Row], dict[str, Any]]] = {
        "user": users.shown,
        "organization": organizations.shown,
        "ticket": tickets.shown,
    }
    return {**shapes[hit["kind"]](call, hit["row"]), "result_type": hit["kind"]}
