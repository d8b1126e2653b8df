"""Fixtures: a connector on a scripted HTTP client, and the pieces of Zendesk answers that tests are written in."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tieline import Context, Request, Response, Rule, compile_rules
from tieline_zendesk.spec import SPEC

Handler = Callable[[Request], Response]
START = 1_700_000_000_000
HUB = "018bcfe5-6800-7000-8000-00000000000"
"""All but the last digit of a hub id."""


class RestlessClock:
    """Stands still until somebody sleeps."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> int:
        return START + int(sum(self.slept) * 1000)

    def monotonic(self) -> float:
        return sum(self.slept)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


class Scripted:
    """An HTTP client that answers from a list, in order, or by a function; it keeps what it was asked."""

    def __init__(self, answers: Sequence[Response | Handler | Exception] | Handler) -> None:
        self._handler = answers if callable(answers) else None
        self._answers = [] if callable(answers) else list(answers)
        self.asked: list[Request] = []
        self.clock = RestlessClock()

    def send(self, request: Request) -> Response:
        self.asked.append(request)
        if self._handler is not None:
            return self._handler(request)
        assert self._answers, f"one request too many: {request.method} {request.path} {request.params}"
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer(request) if callable(answer) else answer

    @property
    def calls(self) -> list[str]:
        """`METHOD path` of each request, without the API's root."""
        return [f"{r.method} {r.path.removeprefix('/api/v2')}" for r in self.asked]

    @property
    def left(self) -> int:
        return len(self._answers)

    def body(self, n: int = -1) -> Any:
        return self.asked[n].data()


def answer(value: Any, status: int = 200, **headers: str) -> Response:
    named = {k.replace("_", "-"): v for k, v in headers.items()}
    return Response(status, {"date": "Tue, 14 Nov 2023 22:13:20 GMT", **named}, json.dumps(value).encode())


def text(said: str, status: int) -> Response:
    return Response(status, {"content-type": "text/plain; charset=utf-8"}, said.encode())


def refused(column: str, said: str, code: str = "InvalidValue", status: int = 422) -> Response:
    details = {column: [{"description": said, "error": code}]}
    return answer({"error": "RecordInvalid", "description": "Record validation errors", "details": details}, status)


def user(id: int, stamp: str = "2023-11-14T20:00:00Z", **values: Any) -> dict[str, Any]:
    head = {"id": id, "url": f"https://other.zendesk.com/api/v2/users/{id}.json", "role": "end-user", "active": True}
    usual = {"name": "Mei Chen", "email": f"u{id}@line.example", "phone": None, "organization_id": None}
    stamps = {"created_at": "2023-11-01T00:00:00Z", "updated_at": stamp}
    return {**head, **usual, **stamps, "external_id": None, "tags": [], "user_fields": {}, **values}


def organization(id: int, stamp: str = "2023-11-14T20:00:00Z", **values: Any) -> dict[str, Any]:
    usual = {"name": f"Org {id}", "domain_names": [], "details": None, "notes": None, "external_id": None}
    stamps = {"created_at": "2023-11-01T00:00:00Z", "updated_at": stamp}
    return {"id": id, **usual, **stamps, "tags": [], "organization_fields": {}, "deleted_at": None, **values}


def listing(name: str, *rows: Any, after: str | None = None) -> Response:
    meta = {"has_more": after is not None, "after_cursor": after or "end", "before_cursor": None}
    link = f"https://other.zendesk.com/api/v2/{name}.json?page%5Bafter%5D=x"
    return answer({name: list(rows), "meta": meta, "links": {"next": link, "prev": None}})


def exported(*rows: Any, cursor: str | None = None, end: bool = True) -> Response:
    url = f"https://other.zendesk.com/api/v2/incremental/users/cursor.json?cursor={cursor}" if cursor else None
    return answer({"users": list(rows), "after_cursor": cursor, "after_url": url, "end_of_stream": end})


def by_time(*rows: Any, onward: int | None = None, end: bool = True) -> Response:
    url = f"https://other.zendesk.com/api/v2/incremental/organizations.json?start_time={onward}"
    return answer(
        {"organizations": list(rows), "count": len(rows), "next_page": url, "end_time": onward, "end_of_stream": end}
    )


def job(status: str = "completed", results: Sequence[Mapping[str, Any]] | None = None) -> Response:
    total = len(results or ())
    body = {"id": "V3-1", "url": "https://other.zendesk.com/x", "total": total, "progress": None, "message": None}
    return answer({"job_status": {**body, "status": status, "results": None if results is None else list(results)}})


def field(key: str, type: str = "text", *values: str, **more: Any) -> dict[str, Any]:
    options = [{"id": n, "name": v.title(), "raw_name": v.title(), "value": v} for n, v in enumerate(values)]
    body = {"id": 7, "key": key, "type": type, "title": key, "active": True, "regexp_for_validation": None}
    return {**body, **({"custom_field_options": options} if values else {}), **more}


@pytest.fixture
def zd() -> SimpleNamespace:
    """The pieces above, by name."""
    pieces = (answer, text, refused, user, organization, listing, exported, by_time, job, field, Scripted)
    return SimpleNamespace(**{p.__name__: p for p in pieces}, hub=HUB, start=START)


@pytest.fixture
def connect() -> Callable[..., tuple[Any, Scripted]]:
    """`connect(answers, rules={stream: rules}, …)`: a connector on scripted answers, and the script."""

    def connected(
        answers: Sequence[Response | Handler | Exception] | Handler,
        *,
        rules: Mapping[str, Sequence[Rule]] | None = None,
        **settings: Any,
    ) -> tuple[Any, Scripted]:
        script = Scripted(answers)
        more = rules or {}
        mappers = {s: compile_rules(SPEC.kinds[s], (*SPEC.mapping[s], *more.get(s, ()))) for s in SPEC.streams}
        context = Context("support", SPEC.settings(**settings), mappers, script, script.clock, Path("."))
        return SPEC.connect(context), script

    return connected
