"""One request, taken apart: family, version, path parts, parameters, body. Answers nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from tieline.sandbox import Asked, Refusal, Request
from tieline_hubspot.sandbox.schema import ObjectType, type_named
from tieline_hubspot.sandbox.state import State
from tieline_hubspot.sandbox.table import Table
from tieline_hubspot.sandbox.wire import not_found, refuse, validation

DATED = ("2025-09", "2026-03", "2026-09")
_VERSION = re.compile(r"v\d|\d{4}-\d{2}")
_GROUPED = ("crm", "marketing")
_FAMILIES: dict[str, tuple[str, ...]] = {
    "crm/objects": ("v3", "v4"),
    "crm/associations": ("v4",),
    "crm/properties": ("v3",),
    "crm/pipelines": ("v3",),
    "crm/owners": ("v3",),
    "marketing/campaigns": ("v3",),
    "communication-preferences": ("v4",),
    "account-info": ("v3",),
    "oauth": ("v1", "v3"),
}
"""Family → its numeric versions; every family has the dated ones too [spec]."""


@dataclass(slots=True)
class Route:
    """Where a request goes: `family` as in the numeric paths, the version, and what follows."""

    family: str
    version: str
    rest: list[str]


def route_of(path: str) -> Route | None:
    """The route of a path, numeric (`/crm/v3/objects/…`) or dated (`/crm/objects/2026-09/…`); None when unknown."""
    parts = [unquote(p) for p in path.strip("/").split("/")]
    at = next((i for i, p in enumerate(parts[:3]) if _VERSION.fullmatch(p)), 0)
    if not at:
        return None
    version, rest = parts[at], parts[at + 1 :]
    if parts[0] in _GROUPED and at == 1:
        family, rest = "/".join([parts[0], *rest[:1]]), rest[1:]
    else:
        family = "/".join(parts[:at])
    numeric = version.startswith("v")
    if version not in (_FAMILIES.get(family, ()) if numeric else DATED) or family not in _FAMILIES:
        return None
    if numeric is not (at == 1) and parts[0] in _GROUPED:
        return None
    return Route(family, version, rest)


@dataclass(slots=True)
class Call(Asked):
    """A request to one family, with the state it acts on and the stamp that its writes get."""

    state: State
    request: Request
    version: str
    rest: list[str]
    now: int
    vices: frozenset[str] = frozenset()

    @property
    def base(self) -> str:
        """What links in answers start with."""
        host = self.header("host")
        return f"http://{host}" if host else "https://api.hubapi.com"

    def flag(self, name: str) -> bool:
        """A parameter that is true or false; the vendor's SDK writes it with a capital."""
        return self.param(name).lower() == "true"

    def many(self, name: str) -> list[str]:
        """A query parameter given several times, with commas, or both."""
        value = self.request.params.get(name, [])
        rows = value if isinstance(value, (list, tuple)) else [value]
        return [part.strip() for row in rows for part in str(row).split(",") if part.strip()]

    def number(self, name: str, default: int, most: int) -> int:
        """A numeric parameter; a 400 when it is no number or beyond `most`."""
        text = self.param(name, str(default))
        if not text.isdigit() or not 1 <= int(text) <= most:
            raise validation(f"Invalid value for {name}: {text}. It must be a number from 1 to {most}.")
        return int(text)

    def json(self) -> dict[str, Any]:
        """The body, which must be a JSON object."""
        body = self.object()
        if body is None:
            raise validation("Invalid input JSON")
        return body

    def inputs(self, most: int) -> list[Any]:
        """The inputs of a batch; a 400 when there are too many."""
        rows = self.json().get("inputs")
        if not isinstance(rows, list):
            raise validation("Invalid input JSON: some required fields were not set: [inputs]")
        if len(rows) > most:
            raise validation(f"The maximum number of inputs supported in a batch request is {most}. Got {len(rows)}.")
        return rows

    def kind(self, text: str) -> ObjectType:
        """The object type named in the path."""
        kind = type_named(text)
        if kind is None:
            raise refuse(400, None, f"Unable to infer object type from: {text}")  # [cap]
        return kind

    def table(self, text: str) -> Table:
        """The records of the object type named in the path."""
        return self.state.tables[self.kind(text).name]

    def nowhere(self) -> Refusal:
        """The answer for a path that has no such method, or does not exist."""
        if self.method in ("GET", "POST", "PUT", "PATCH", "DELETE") and len(self.rest) > 6:
            return not_found()
        return refuse(405, None, f"HTTP method {self.method} is not allowed here")
