"""One request, taken apart: parameters, body, headers. Answers nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from tieline.sandbox import Request
from tieline_google.sandbox.state import State
from tieline_google.sandbox.wire import invalid


@dataclass(slots=True)
class Call:
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

    @property
    def method(self) -> str:
        """GET, POST and so on."""
        return self.request.method

    def header(self, name: str) -> str:
        """A request header, whatever its case; empty when it is not there."""
        return next((v for k, v in self.request.headers.items() if k.lower() == name), "")

    def param(self, name: str, default: str = "") -> str:
        """A query parameter given once."""
        value = self.request.params.get(name, default)
        return str(value[0] if isinstance(value, list) else value)

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
        try:
            body = self.request.data()
        except ValueError:
            raise invalid("Invalid JSON payload received.") from None
        if not isinstance(body, dict):
            raise invalid("Invalid JSON payload received.")
        return body

    def form(self) -> dict[str, str]:
        """The body of a token request."""
        if self.request.form is not None:
            return dict(self.request.form)
        return {k: v[0] for k, v in parse_qs(self.request.payload().decode()).items()}


def meant(request: Request) -> Request:
    """The GET that a form is which says so: too long for an address."""
    names = {k.lower(): v for k, v in request.headers.items()}
    if request.method != "POST" or names.get("x-http-method-override", "").upper() != "GET":
        return request
    found = parse_qs(request.payload().decode(), keep_blank_values=True)
    params = {k: v if len(v) > 1 else v[0] for k, v in found.items()}
    return Request("GET", request.path, params, request.headers)
