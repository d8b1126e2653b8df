"""One request, taken apart: its route, ids in the path, parameters, body, and where its links lead. Answers nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlencode

from tieline.sandbox import Asked, Refusal, Request
from tieline_zendesk.sandbox.state import State
from tieline_zendesk.sandbox.wire import ROOT, bad, missing, refuse

MOST = 100
"""Records in one bulk call and on one page of a list [rec]."""
_LOOPBACK = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d+)?")
CANONICAL = "https://northbay.zendesk.com"
ALIASED = "https://northbay1618.zendesk.com"
"""What links in bodies start with under the vice `alias-host`: the canonical name, not the one asked [rec]."""
_JOB = re.compile(r"V3-[0-9a-f]{32}")


def route_of(path: str) -> tuple[str, list[str]] | None:
    """What the path below /api/v2 asks for, ids folded to `{id}`, and the ids; None for another path.

    A trailing `.json` does not matter [rec]."""
    if not path.startswith(ROOT):
        return None
    parts = unquote(path[len(ROOT) :]).removesuffix(".json").strip("/").split("/")
    ids = [part for part in parts if part.isdigit() or _JOB.fullmatch(part)]
    return "/".join("{id}" if part in ids else part for part in parts), ids


@dataclass(slots=True)
class Call(Asked):
    """A request with the state it acts on and the stamp (ms, whole seconds) that its writes get."""

    state: State
    request: Request
    ids: list[str]
    now: int
    vices: frozenset[str] = frozenset()
    who: int | None = None
    """The id of the user who asks; None: nobody signed in."""
    warnings: list[str] = field(default_factory=list)

    @property
    def base(self) -> str:
        """What links in bodies start with."""
        if "alias-host" in self.vices:
            return ALIASED
        host = self.header("host")
        if not host:
            return CANONICAL
        return f"http{'' if _LOOPBACK.fullmatch(host) else 's'}://{host}"

    def id(self, at: int = 0) -> int:
        """An id in the path."""
        return int(self.ids[at])

    def link(self, **changes: Any) -> str:
        """This request's own address with other parameters; None takes one away."""
        kept = {name: value for name, value in self.request.params.items() if name not in changes}
        params = {name: value for name, value in {**changes, **kept}.items() if value is not None}
        query = urlencode(params, doseq=True)
        return f"{self.base}{self.request.path}{'?' if query else ''}{query}"

    def url(self, path: str) -> str:
        """The address of a record: `users/1`."""
        return f"{self.base}{ROOT}{path}.json"

    def has(self, name: str) -> bool:
        """Whether a query parameter is there."""
        return name in self.request.params

    def many(self, name: str) -> list[str]:
        """The values of a parameter that is a list with commas; a 400 for more than 100 [rec: the two blanks]."""
        values = [part.strip() for part in self.param(name).split(",") if part.strip()]
        if len(values) > MOST:
            raise too_many()
        return values

    def number(self, name: str, default: int) -> int:
        """A numeric parameter; a 400 when it is none."""
        text = self.param(name, str(default))
        if not text.isdigit():
            raise bad("Invalid attribute", f"You passed an invalid value for the {name} attribute. must be an integer")
        return int(text)

    def json(self) -> dict[str, Any]:
        """The body, which must be a JSON object."""
        body = self.object()
        if body is None:
            raise unreadable()
        return body

    def one(self, name: str) -> dict[str, Any]:
        """The record in the body's wrapper."""
        row = self.json().get(name)
        if not isinstance(row, dict):
            raise missing(name)
        return row

    def rows(self, name: str) -> list[dict[str, Any]]:
        """The records in the body's wrapper, at most 100."""
        rows = self.json().get(name)
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise missing(name)
        if len(rows) > MOST:
            raise too_many(name)
        return rows

    def form(self) -> dict[str, str]:
        """The body of a token request: JSON, or a form."""
        if "json" in self.header("content-type") or self.request.json is not None:
            return {k: v if isinstance(v, str) else str(v) for k, v in self.json().items()}
        return Asked.form(self)


def too_many(name: str = "") -> Refusal:
    """The 400 for more than 100 at once: users have a sentence of their own [rec]."""
    if name == "users":
        return refuse(400, "TooManyValues", "Maximum 100 users may be created per call")
    return refuse(400, "TooManyValues", "Parameter  cannot specify more than 100 values", max_count=MOST)


def unreadable() -> Refusal:
    """The 400 for a body that is no JSON object [memory]."""
    return bad("Unprocessable Entity", "The server could not process your request. Please check your request format.")
