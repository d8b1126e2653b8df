"""What HubSpot says when it refuses: error bodies and the `errors` of a 207, as a list of plain refusals.

Bodies differ by endpoint and every part is optional [doc: error handling], so nothing here may fail on a missing one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic_core import from_json

_EXISTING = re.compile(r"[Ee]xisting (?:object )?ID:? ?(\d+)|(\d+) already has that value")
_QUOTED = re.compile(r'propertyName=([A-Za-z0-9_]+)|[Pp]ropert(?:y|ies) "([A-Za-z0-9_]+)"|([a-z0-9_]+) is required')
_BUSY = frozenset({"INTERNAL_ERROR", "RATE_LIMITS"})
"""Categories that say nothing about what was sent: the same input may be taken the next time [doc: error handling]."""
_EMBEDDED = re.compile(r"\[\{.*\}\]", re.DOTALL)


class Refusal(NamedTuple):
    """One error. `prop` is the property it is about; the sets say which inputs it is about, empty: not said."""

    message: str
    code: str
    prop: str | None = None
    traces: frozenset[str] = frozenset()
    ids: frozenset[str] = frozenset()
    existing: str | None = None

    @property
    def exists(self) -> bool:
        """A create met a record that has the same key."""
        return self.code == "CONFLICT" or self.existing is not None or self.unique

    @property
    def unique(self) -> bool:
        """Another record holds this value of a unique property."""
        text = self.message.lower()
        return "UNIQUE" in self.code or "already has that value" in text or "must be unique across" in text

    @property
    def missing(self) -> bool:
        """There is no such record."""
        return self.code == "OBJECT_NOT_FOUND"

    @property
    def busy(self) -> bool:
        """HubSpot could not now, whatever the values: it was not applied, and may be asked again."""
        return self.code in _BUSY

    @property
    def everywhere(self) -> bool:
        """The property itself is refused, whatever its value: it does not exist or cannot be written."""
        return self.prop is not None and ("DOESNT_EXIST" in self.code or "READ_ONLY" in self.code)


def refusals(data: Mapping[str, Any]) -> list[Refusal]:
    """The refusals in an error body or in a 207; at least one for an error body. Repetitions are dropped."""
    found: dict[Refusal, None] = {}
    listed = [e for e in data.get("errors") or () if isinstance(e, dict)]
    for error in listed:
        for refusal in _one(error, str(data.get("category") or "")):
            found[refusal] = None
    if data.get("status") == "error" and not any(r.prop or r.ids or r.traces for r in found):
        for refusal in _one(data, ""):
            found[refusal] = None
    return list(found)


def _one(error: Mapping[str, Any], category: str) -> list[Refusal]:
    message = str(error.get("message") or error.get("category") or "refused without a reason")
    code = str(error.get("code") or error.get("error") or error.get("category") or category or "refused")
    context = error.get("context")
    context = context if isinstance(context, dict) else {}
    existing = _first(context, "existingId", "existingObjectId") or _match(_EXISTING, message)
    traces, ids = _set(context, "objectWriteTraceId"), _set(context, "ids", "id", "objectId", "fromObjectId")
    base = Refusal(message, code, None, traces, ids, existing)
    inner = _embedded(message)
    if inner:
        return [
            base._replace(
                message=str(e.get("message") or message), code=str(e.get("error") or code), prop=str(e["name"])
            )
            for e in inner
        ]
    props = _set(context, "propertyName", "propertyNames", "properties", "name") or frozenset(
        p
        for p in (error.get("name"), error.get("in"), _match(_QUOTED, message))
        if isinstance(p, str) and p != "values"
    )
    return [base._replace(prop=p) for p in sorted(props)] or [base]


def _embedded(message: str) -> list[dict[str, Any]]:
    """The list inside `Property values were not valid: [{"isValid":false,"message":…,"error":…,"name":…}]`."""
    start = _EMBEDDED.search(message)
    if start is None:
        return []
    try:
        inner = from_json(start.group())
    except ValueError:
        return []
    return [e for e in inner if isinstance(e, dict) and e.get("name")]


def _match(pattern: re.Pattern[str], text: str) -> str | None:
    found = pattern.search(text)
    return next((g for g in found.groups() if g), None) if found else None


def _set(context: Mapping[str, Any], *keys: str) -> frozenset[str]:
    for key in keys:
        value = context.get(key)
        if isinstance(value, (str, int)):
            return frozenset((str(value),))
        if isinstance(value, list) and value:
            return frozenset(str(v) for v in value)
    return frozenset()


def _first(context: Mapping[str, Any], *keys: str) -> str | None:
    for key in keys:
        values = _set(context, key)
        if values:
            return min(values)
    return None
