"""One request, taken apart: parameters, body, headers. Answers nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from tieline.sandbox import Asked, Request
from tieline_google.sandbox.state import State
from tieline_google.sandbox.wire import invalid


@dataclass(slots=True)
class Call(Asked):
    """A request with the state it acts on and the moment (ms) of its writes. `rest`: its path below the API's root."""

    state: State
    request: Request
    rest: str
    now: int
    vices: frozenset[str] = frozenset()
    who: str = ""
    """The address of the user who asks."""
    scopes: frozenset[str] = frozenset()
    """What the credentials may do, without the common beginning of the names."""

    def params(self, name: str) -> list[str]:
        """A query parameter that may be repeated."""
        value = self.request.params.get(name, [])
        return [str(v) for v in value] if isinstance(value, list) else [str(value)]

    def number(self, name: str, default: int, most: int) -> int:
        """A numeric parameter between 1 and `most`; a 400 when it is none."""
        text = self.param(name, str(default))
        if not text.isdigit() or not 1 <= int(text) <= most:
            raise invalid(f"Invalid value at '{name}': {text}")
        return int(text)

    def json(self) -> dict[str, Any]:
        """The body, which must be a JSON object."""
        body = self.object()
        if body is None:
            raise invalid("Invalid JSON payload received.")
        return body


def meant(request: Request) -> Request:
    """The GET that a form is which says so: too long for an address."""
    names = {k.lower(): v for k, v in request.headers.items()}
    if request.method != "POST" or names.get("x-http-method-override", "").upper() != "GET":
        return request
    found = parse_qs(request.payload().decode(), keep_blank_values=True)
    params = {k: v if len(v) > 1 else v[0] for k, v in found.items()}
    return Request("GET", request.path, params, request.headers)
