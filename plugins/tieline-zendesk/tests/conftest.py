"""Fixtures: a connector on a scripted HTTP client, and the pieces of Zendesk answers that tests are written in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tieline import Context, Request, Response, Rule, compile_rules
from tieline.testing import FakeClock, ScriptedClient, json_answer
from tieline_zendesk.spec import SPEC

Handler = Callable[[Request], Response]
START = 1_700_000_000_000
DATE = "Tue, 14 Nov 2023 22:13:20 GMT"
HUB = "018bcfe5-6800-7000-8000-00000000000"
"""All but the last digit of a hub id."""


def answer(value: Any, status: int = 200, **headers: str) -> Response:
    return json_answer(value, status, **{"date": DATE, **headers})


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
    pieces = (answer, text, refused, user, organization, listing, exported, by_time, job, field)
    return SimpleNamespace(**{p.__name__: p for p in pieces}, hub=HUB, start=START)


@pytest.fixture
def connect() -> Callable[..., tuple[Any, ScriptedClient]]:
    """`connect(answers, rules={stream: rules}, …)`: a connector on scripted answers, and the script."""

    def connected(
        answers: Sequence[Response | Handler | Exception] | Handler,
        *,
        rules: Mapping[str, Sequence[Rule]] | None = None,
        **settings: Any,
    ) -> tuple[Any, ScriptedClient]:
        script = ScriptedClient(answers, "/api/v2", FakeClock(START))
        more = rules or {}
        mappers = {s: compile_rules(SPEC.kinds[s], (*SPEC.mapping[s], *more.get(s, ()))) for s in SPEC.streams}
        context = Context("support", SPEC.settings(**settings), mappers, script, script.clock, Path("."))
        return SPEC.connect(context), script

    return connected
