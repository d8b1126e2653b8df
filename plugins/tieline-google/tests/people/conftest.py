"""Fixtures: a connector on a scripted HTTP client, and the pieces of People API answers that tests are written in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs

import pytest

from tieline import Context, Request, Response, Rule, compile_rules
from tieline.sandbox import SandboxOptions
from tieline.testing import FakeClock, ScriptedClient, json_answer
from tieline_google.sandbox import GoogleSandbox
from tieline_google.spec import SPEC

Handler = Callable[[Request], Response]
START = 1_700_000_000_000
DATE = "Tue, 14 Nov 2023 22:13:20 GMT"
HUB = "018bcfe5-6800-7000-8000-00000000000"
"""All but the last digit of a hub id."""
LABEL = "contactGroups/1a"
STAMP = "2023-11-14T22:13:00.123456Z"


def asked_for(request: Request) -> list[str]:
    """The resource names of a `batchGet`, whichever way it was sent."""
    params = request.params or parse_qs(request.payload().decode())
    names = params["resourceNames"]
    return [names] if isinstance(names, str) else list(names)


def answer(value: Any, status: int = 200, **headers: str) -> Response:
    return json_answer(value, status, **{"date": DATE, **headers})


def refused(status: int, message: str, word: str, *details: Mapping[str, Any]) -> Response:
    error = {"code": status, "message": message, "status": word, **({"details": list(details)} if details else {})}
    return answer({"error": error}, status)


def person(n: int, etag: str = "#1", label: str | None = LABEL, hub: str | None = None, **lists: Any) -> dict[str, Any]:
    source = {"type": "CONTACT", "id": f"{n:x}", "etag": etag, "updateTime": STAMP}
    held = {a: [{"metadata": _mark(source, at == 0), **e} for at, e in enumerate(es)] for a, es in lists.items()}
    groups = ["contactGroups/myContacts", *([label] if label else [])]
    members = [{"contactGroupMembership": {"contactGroupResourceName": g}} for g in groups]
    client = [{"key": "tieline_id", "value": hub}] if hub else []
    shown = {"resourceName": f"people/c{n}", "etag": f"%{etag}", "metadata": {"sources": [source]}, **held}
    return {**shown, "memberships": members, **({"clientData": client} if client else {})}


def _mark(source: Mapping[str, Any], main: bool) -> dict[str, Any]:
    short = {k: source[k] for k in ("type", "id")}
    return {"source": short, **({"primary": True, "sourcePrimary": True} if main else {})}


def listing(*people: Any, more: str | None = None, sync: str | None = None) -> Response:
    body: dict[str, Any] = {"connections": list(people)} if people else {}
    body |= {"nextPageToken": more} if more else {}
    return answer(body | ({"nextSyncToken": sync} if sync else {}))


def groups(*names: str) -> Response:
    rows = [{"resourceName": "contactGroups/starred", "groupType": "SYSTEM_CONTACT_GROUP", "name": "starred"}]
    rows += [{"resourceName": LABEL, "groupType": "USER_CONTACT_GROUP", "name": n, "memberCount": 3} for n in names]
    return answer({"contactGroups": rows, "totalItems": len(rows)})


def read(*people: Any, missing: Sequence[str] = ()) -> Response:
    rows = [{"requestedResourceName": p["resourceName"], "person": p, "httpStatusCode": 200} for p in people]
    gone = {"httpStatusCode": 404, "status": {"code": 5, "message": "Person not found."}}
    return answer({"responses": [*rows, *({**gone, "requestedResourceName": m} for m in missing)]})


def created(*people: Any) -> Response:
    rows = [{"requestedResourceName": p["resourceName"], "person": p, "httpStatusCode": 200} for p in people]
    return answer({"createdPeople": rows})


def updated(*people: Any) -> Response:
    return answer({"updateResult": {p["resourceName"]: {"person": p, "httpStatusCode": 200} for p in people}})


@pytest.fixture
def people() -> SimpleNamespace:
    """The pieces above, by name."""
    pieces = (answer, refused, person, listing, groups, read, created, updated, asked_for)
    return SimpleNamespace(**{p.__name__: p for p in pieces}, hub=HUB, label=LABEL, start=START, stamp=STAMP)


@pytest.fixture
def contacts() -> Callable[..., tuple[Any, ScriptedClient]]:
    """`contacts(answers, *rules, …)`: the part for contacts on scripted answers, and the script."""

    def connected(
        answers: Sequence[Response | Handler | Exception] | Handler, *rules: Rule, **settings: Any
    ) -> tuple[Any, ScriptedClient]:
        script = ScriptedClient(answers, "/v1/", FakeClock(START))
        mapper = compile_rules("contact", (*SPEC.mapping["contacts"], *rules))
        context = Context("book", SPEC.settings(**settings), {"contacts": mapper}, script, script.clock, Path("."))
        return SPEC.connect(context).parts["contacts"], script  # type: ignore[attr-defined]

    return connected


class Stand:
    """A stand-in with vices, on a clock of the test's own."""

    def __init__(self, *vices: str) -> None:
        self.clock = FakeClock()
        self.sandbox = GoogleSandbox(SandboxOptions(vices=frozenset(vices), clock=self.clock))

    def raw(self, method: str, path: str, body: Any = None, **params: Any) -> Response:
        headers = {"authorization": f"Bearer {self.sandbox.token}"}
        return self.sandbox.handle(Request(method, f"/v1/{path}", params, headers, json=body))

    def ask(self, method: str, path: str, body: Any = None, **params: Any) -> Any:
        return self.raw(method, path, body, **params).json()

    def make(self, name: str = "Ada", **more: Any) -> Any:
        return self.ask("POST", "people:createContact", {"names": [{"givenName": name}], **more})

    def listed(self, **params: str) -> Any:
        return self.ask("GET", "people/me/connections", personFields="names,metadata", **params)


@pytest.fixture
def stand() -> Callable[..., Stand]:
    """Starts a stand-in."""
    return Stand
