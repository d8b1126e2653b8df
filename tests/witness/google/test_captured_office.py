"""Captured answers of Calendar and Gmail, without their requests: each is recognised, provoked, and held against it.

A body that no rule recognises fails the test: a new kind of answer must be looked at, not passed over.
"""

from __future__ import annotations

from typing import Any

from tests.witness.captured import Shapes, Way, differences, hold
from tieline.sandbox import Request, SandboxOptions
from tieline.testing import FakeClock
from tieline_google.sandbox import GoogleSandbox

NOT_OFFERED = "the stand-in offers nothing of this kind"
OURS = ("calendar__read__events", "calendar__write__events", "calendar__read__error", "mail__")
"""How the names of these answers begin; others are of contacts."""
CALENDAR = "/calendar/v3/calendars/primary/events"
EVENT = {
    "summary": "S",
    "start": {"dateTime": "2026-12-01T12:00:00-07:00", "timeZone": "America/Los_Angeles"},
    "end": {"dateTime": "2026-12-01T13:00:00-07:00", "timeZone": "America/Los_Angeles"},
}


class Stand:
    """A fresh stand-in, and a short way to ask it."""

    def __init__(self) -> None:
        self.sandbox = GoogleSandbox(SandboxOptions(clock=FakeClock()))

    def __call__(self, method: str, path: str, body: Any = None, **params: str) -> Any:
        headers = {"authorization": f"Bearer {self.sandbox.token}"}
        response = self.sandbox.handle(Request(method, path, params, headers, json=body))
        return response.json() if response.body else None


def _events(ask: Any, body: Any) -> Any:
    for n in range(2):
        ask("POST", CALENDAR, {**EVENT, "attendees": [{"email": "ada@one.example"}], "id": f"event{n}"})
    first = ask("GET", CALENDAR, maxResults="1")
    return first if "nextPageToken" in body else ask("GET", CALENDAR, pageToken=first["nextPageToken"])


def _new(ask: Any, body: Any) -> Any:
    return ask("POST", CALENDAR, EVENT)


def _page_token(ask: Any, body: Any) -> Any:
    return ask("GET", CALENDAR, pageToken="wrong")


def _no_mail(ask: Any, body: Any) -> Any:
    return ask("GET", "/gmail/v1/users/me/drafts/r-1")


def _no_delegation(ask: Any, body: Any) -> Any:
    return ask("GET", "/gmail/v1/users/eve@one.example/profile")


RULES: list[Way] = [
    (lambda b: b.get("kind") == "calendar#events", _events),
    (lambda b: b.get("kind") == "calendar#event", _new),
    (lambda b: b.get("error", {}).get("message") == "Invalid page token value.", _page_token),
    (lambda b: b.get("error", {}).get("status") == "NOT_FOUND", _no_mail),
    (lambda b: b.get("error", {}).get("status") == "PERMISSION_DENIED", _no_delegation),
    (lambda b: b.get("error", {}).get("code") == 500, NOT_OFFERED),
]


class Captured(Shapes):
    """Answers of other accounts: shapes only, and the first items of lists."""

    _MEETINGS = ("hangoutLink", "conferenceData", "colorId", "description", "location", "attendees")
    """What an event may have and need not."""

    def optional(self, exchange: Any, where: tuple[str, ...]) -> bool:
        return where[-1] in (*self._MEETINGS, "organizer", "self") and len(where) > 2

    def extra(self, exchange: Any, where: tuple[str, ...]) -> bool:
        return where[-1] in self._MEETINGS and where[-2] != "$"

    def exact(self, exchange: Any, where: tuple[str, ...]) -> bool:
        return where[-1] in ("kind", "code", "eventType")


def test_every_captured_answer_has_the_stand_ins_shape(captured: Any) -> None:
    ours = [(name, body) for name, body in captured if name.rpartition("/")[2].startswith(OURS)]
    assert hold(ours, RULES, Captured(), Stand)


def test_a_captured_shape_that_is_missed_is_noticed() -> None:
    body = {**_new(Stand(), None), "new": 1}
    wrong = differences("own", body, _new(Stand(), None), Captured())
    assert [m.where for m in wrong] == ["$.new"]
