"""Captured Zendesk answers without their requests: each is recognised by what is in it, provoked, and held against it.

A body that no rule recognises fails the test: a new kind of answer must be looked at, not passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.witness.captured import Shapes, Way, differences, hold
from tieline.sandbox import Request, SandboxOptions
from tieline.testing import FakeClock
from tieline_zendesk.sandbox import ZendeskSandbox

NOT_OFFERED = "the stand-in offers nothing of this kind"


class Stand:
    """A fresh stand-in without fields of its own, and a short way to ask it."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        options = SandboxOptions(clock=self.clock, vices=frozenset({"no-hub-field"}))
        self.sandbox = ZendeskSandbox(options)
        self.token = self.sandbox.token

    def __call__(self, method: str, path: str, body: Any = None, **params: str) -> Any:
        headers = {"authorization": f"Bearer {self.token}"}
        response = self.sandbox.handle(Request(method, f"/api/v2/{path}", params, headers, json=body))
        return response.json()


def _twice(ask: Any, body: Any) -> Any:
    ask("POST", "organizations", {"organization": {"name": "One"}})
    return ask("POST", "organizations", {"organization": {"name": "one"}})


def _invalid(ask: Any, body: Any) -> Any:
    return ask("POST", "organizations", {"organization": {"name": ""}})


def _forbidden(ask: Any, body: Any) -> Any:
    ask.token = ask.sandbox.reader_token
    return ask("POST", "users", {"user": {"name": "N"}})


def _organizations(ask: Any, body: Any) -> Any:
    ask("POST", "organizations", {"organization": {"name": "One"}})
    ask.clock.sleep(120)
    return ask("GET", "incremental/organizations", start_time="0")


def _users(ask: Any, body: Any) -> Any:
    role = body["users"][0]["role"]
    if role == "end-user":
        ask("POST", "users", {"user": {"name": "N", "email": "n@one.example"}})
    ask.clock.sleep(120)
    answer = ask("GET", "incremental/users/cursor", start_time="0", per_page="19")
    return {**answer, "users": [row for row in answer["users"] if row["role"] == role][:1]}


def _tickets(ask: Any, body: Any) -> Any:
    ask("POST", "tickets", {"ticket": {"subject": "s", "comment": {"body": "b"}, "tags": ["t"]}})
    ask.clock.sleep(120)
    return ask("GET", "incremental/tickets/cursor", start_time="0")


def _has(*names: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda body: set(names) <= set(body)


RULES: list[Way] = [
    (lambda b: b.get("error") == "RecordInvalid" and "DuplicateValue" in repr(b), _twice),
    (lambda b: b.get("error") == "RecordInvalid", _invalid),
    (lambda b: b.get("error") == "ParameterMissing", lambda ask, b: ask("POST", "users", {})),
    (lambda b: b.get("error") == "InvalidEndpoint", lambda ask, b: ask("GET", "butterflies")),
    (lambda b: isinstance(b.get("error"), Mapping) and b["error"]["title"] == "Forbidden", _forbidden),
    (_has("organizations", "end_time"), _organizations),
    (_has("users", "after_cursor"), _users),
    (_has("tickets", "after_cursor"), _tickets),
    (_has("triggers"), NOT_OFFERED),
    (_has("brand"), NOT_OFFERED),
    (lambda b: b.get("status") == 500, NOT_OFFERED),
]


class Captured(Shapes):
    """Trimmed answers of other accounts: shapes only, and the first items of lists."""

    def optional(self, exchange: Any, where: tuple[str, ...]) -> bool:
        return where[:2] == ("$", "details")  # which field of which record was wrong

    def extra(self, exchange: Any, where: tuple[str, ...]) -> bool:
        return where[:2] == ("$", "details")

    def same_type(self, exchange: Any, where: tuple[str, ...], recorded: Any, actual: Any) -> bool:
        kinds = {type(recorded), type(actual)} - {type(None)}
        return len(kinds) <= 1 or where[-1] == "photo"

    def exact(self, exchange: Any, where: tuple[str, ...]) -> bool:
        return where[-1] == "error"


def test_every_captured_answer_has_the_stand_ins_shape(captured: Any) -> None:
    assert hold(captured, RULES, Captured(), Stand)


def test_a_captured_shape_that_is_missed_is_noticed() -> None:
    body = {"error": "RecordInvalid", "description": "d", "details": {}, "new": 1}
    wrong = differences("own", body, _twice(Stand(), body), Captured())
    assert [m.where for m in wrong] == ["$.new"]
