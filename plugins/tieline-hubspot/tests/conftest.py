"""A HubSpot that says what a test tells it to, and a connector on it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tieline import Context, Request, Response, Rule, compile_rules
from tieline.testing import FakeClock
from tieline_hubspot.connector import HubSpotConnector
from tieline_hubspot.mapping import KINDS, TABLES
from tieline_hubspot.settings import HubSpotSettings

DATE = "Wed, 02 Sep 2026 10:00:00 GMT"
STAMP = "2026-09-02T09:00:00.500Z"
Answer = Any
"""(status, body), an exception to raise, or a function of the request that gives either."""


class Script:
    """An HTTP client that answers each route with what it was told, the last answer again and again."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self._told: dict[str, list[Answer]] = defaultdict(list)

    def on(self, route: str, *answers: Answer) -> Script:
        """Answer requests whose `METHOD path` ends with `route`."""
        self._told[route] += answers
        return self

    def send(self, request: Request) -> Response:
        self.asked.append(request)
        line = f"{request.method} {request.path}"
        for route, answers in self._told.items():
            method, _, tail = route.partition(" ")
            if method == request.method and request.path.endswith(tail):
                return self._answer(answers.pop(0) if len(answers) > 1 else answers[0], request)
        raise AssertionError(f"nobody told what to answer to {line}")

    @staticmethod
    def _answer(answer: Answer, request: Request) -> Response:
        while callable(answer):
            answer = answer(request)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Response):
            return answer
        status, body = answer
        response = Response(status, {"date": DATE, "content-type": "application/json"})
        if body is not None:
            response.body = Request("GET", "", json=body).payload()
        return response

    @property
    def lines(self) -> list[str]:
        return [f"{r.method} {r.path}" for r in self.asked]

    def bodies(self, tail: str) -> list[Any]:
        return [r.json for r in self.asked if r.path.endswith(tail)]


def stored(key: str, stamp: str = STAMP, **properties: Any) -> dict[str, Any]:
    """An object as HubSpot answers it; a property in `properties` may be None."""
    return {"id": key, "properties": properties, "createdAt": STAMP, "updatedAt": stamp, "archived": False}


def echo(status: int = 200, **more: Any) -> Callable[[Request], tuple[int, Any]]:
    """A batch that takes every input and answers, in reverse order, what it was sent."""

    def answer(request: Request) -> tuple[int, Any]:
        results = []
        for k, row in enumerate(request.json["inputs"]):
            one = stored(str(row.get("id") or 9000 + k), **row["properties"])
            if "objectWriteTraceId" in row:
                one["objectWriteTraceId"] = row["objectWriteTraceId"]
            results.append(one)
        return status, {"status": "COMPLETE", "results": results[::-1], **more}

    return answer


def done(*results: Any, **more: Any) -> tuple[int, Any]:
    return (207 if more.get("errors") else 200), {"status": "COMPLETE", "results": list(results), **more}


Make = Callable[..., HubSpotConnector]


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def hubspot(script: Script, tmp_path: Path) -> Make:
    """Makes a connector on the script: `hubspot(timezone=…)`, with `streams` and `rules` to override the tables."""

    def make(
        streams: Sequence[str] = tuple(TABLES),
        rules: Mapping[str, Sequence[Rule]] | None = None,
        http: Any = None,
        **settings: Any,
    ) -> HubSpotConnector:
        tables = {**TABLES, **(rules or {})}
        mappers = {s: compile_rules(KINDS[s], tables[s]) for s in streams}
        context = Context(
            "marketing", HubSpotSettings.model_validate(settings), mappers, http or script, FakeClock(), tmp_path
        )
        return HubSpotConnector(context)

    return make


@pytest.fixture
def wire() -> Any:
    """The builders of answers, as a namespace: tests cannot import from here."""

    class Wire:
        stored = staticmethod(stored)
        echo = staticmethod(echo)
        done = staticmethod(done)
        stamp = STAMP
        date = DATE

    return Wire
