"""The search endpoint: what the index matches, hydrated from the store, paged by offset up to the cap."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic_core import to_json

from tieline.sandbox import Answer
from tieline_hubspot.sandbox.call import Call
from tieline_hubspot.sandbox.match import compile_search, key_of
from tieline_hubspot.sandbox.table import Table
from tieline_hubspot.sandbox.wire import validation

CAP = 10_000
SMALL_CAP = 20
"""The cap under the vice `result-cap`."""
MAX_LIMIT = 200
MAX_BODY = 3_000
"""Characters of a search body [doc]."""


class Hits:
    """The ids that a search matched, kept while neither the search nor the table changes: pages come cheap."""

    def __init__(self) -> None:
        self._key: tuple[str, int, bytes] = ("", -1, b"")
        self._ids: list[int] = []

    def of(self, table: Table, body: Mapping[str, Any]) -> list[int]:
        """Matching ids in the order of the search."""
        asked = {name: body.get(name) for name in ("filterGroups", "query", "sorts")}
        key = (table.kind.name, table.version, to_json(asked))
        if key != self._key:
            self._ids = _matched(table, body)
            self._key = key
        return self._ids


def _matched(table: Table, body: Mapping[str, Any]) -> list[int]:
    matches = compile_search(table.kind, table.properties, body)
    rows = [(i, row) for i, row in table.indexed() if matches(row)]
    name, down = _sort(table, body.get("sorts") or [])
    if name:
        key = key_of(table.properties[name])
        blank = [i for i, row in rows if not row.get(name)]
        full = sorted(((key(row[name]), i) for i, row in rows if row.get(name)), reverse=down)
        return [i for _, i in full] + blank
    return [i for i, _ in rows]


def _sort(table: Table, sorts: Any) -> tuple[str, bool]:
    """The property to sort by and whether downwards; given as an object, or as a name with `-` before it."""
    if not isinstance(sorts, list) or len(sorts) > 1:
        raise validation("Only one sort is allowed")
    if not sorts:
        return "", False
    first = sorts[0]
    if isinstance(first, Mapping):
        name, down = str(first.get("propertyName")), first.get("direction") == "DESCENDING"
    else:
        name, down = str(first).lstrip("-"), str(first).startswith("-")
    if name not in table.properties:
        raise validation(f"There was a problem with the request: property {name!r} does not exist")
    return name, down


def search(call: Call, table: Table, hits: Hits) -> Answer:
    """POST …/search. `total` counts what the index matched, also what has been archived since [rec]."""
    if len(call.request.payload().decode(errors="replace")) > MAX_BODY:
        raise validation(f"The request body is too long: at most {MAX_BODY} characters are allowed")
    body = call.json()
    limit = _whole(body.get("limit", 10), "limit")
    after = _whole(body.get("after") or 0, "after")
    cap = SMALL_CAP if "result-cap" in call.vices else CAP
    if not 0 < limit <= MAX_LIMIT:
        raise validation(f"limit must be from 1 to {MAX_LIMIT}")
    if after >= cap:
        raise validation(f"There was a problem with the request: only the first {cap} results can be paged through")
    table.settle(call.now)
    ids = hits.of(table, body)
    end = min(after + limit, cap)
    names = table.names([str(n) for n in body.get("properties") or []])
    found = (table.records.get(i) for i in ids[after:end])
    results = [table.view(r, names) for r in found if r is not None and r.archived is None]
    answer: dict[str, Any] = {"total": len(ids), "results": results}
    if end < len(ids):
        answer["paging"] = {"next": {"after": str(end)}}
    return Answer(200, answer)


def _whole(value: Any, name: str) -> int:
    text = str(value)
    if not text.isdigit():
        raise validation(f"Invalid input JSON: {name} must be a number")
    return int(text)
