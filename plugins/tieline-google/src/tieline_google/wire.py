"""Calls to Google's APIs and their answers: what a refusal means. Knows no canonical field.

Errors come in three shapes: `error.status` with `error.details` (the newer APIs), `error.errors` with reasons (Drive,
Calendar), and HTML for an address that there is not [cap, rec].
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

from tieline import (
    Clock,
    ConfigError,
    HttpClient,
    NotAuthorised,
    Rejected,
    Request,
    Response,
    Unavailable,
    decode,
    server_time,
)

PEOPLE, SHEETS, DRIVE, CALENDAR, GMAIL = "/v1", "/v4/spreadsheets", "/drive/v3", "/calendar/v3", "/gmail/v1"
"""Where each API begins. Which host that is at, the profile knows."""
LONG = 1900
"""Characters of a query that still go into an address."""


class NothingThere(ConfigError):
    """There is nothing under this address. `refused`: in Google's own words."""

    refused: Refused | None = None


class NotAllowed(NotAuthorised):
    """The signed-in account may not do this. `refused`: in Google's own words."""

    refused: Refused | None = None


class Refused(Rejected):
    """A call was refused and nothing of it was done. `reasons` are Google's own words: the status, the reasons of its
    details, or of its errors."""

    def __init__(self, status: int, message: str, reasons: tuple[str, ...], details: tuple[Any, ...] = ()) -> None:
        super().__init__(message, code=reasons[-1] if reasons else "")
        self.status, self.reasons, self.details = status, reasons, details


class Answer(NamedTuple):
    """A decoded answer and the server's clock when it was given (ms)."""

    data: Mapping[str, Any]
    now: int
    headers: Mapping[str, str] = {}


def refusal_of(response: Response) -> Refused:
    """What an answer says of why it refuses."""
    try:
        error = response.json()["error"]
        details = tuple(d for d in error.get("details", ()) if isinstance(d, Mapping))
        reasons = [error.get("status"), *(e.get("reason") for e in error.get("errors", ()))]
        reasons += [d.get("reason") for d in details]
        found = tuple(str(r) for r in reasons if r)
        return Refused(response.status, str(error.get("message") or response.status), found, details)
    except (ValueError, KeyError, TypeError, AttributeError):
        return Refused(response.status, f"status {response.status} without a reason", ())


def _understood(refused: Refused) -> Exception:
    """A refusal as the error that says who has to do something about it."""
    error: NotAllowed | NothingThere
    if refused.status == 403:
        error = NotAllowed(f"Google does not allow this call ({refused})")
    elif refused.status == 404:
        error = NothingThere(f"Google has nothing there ({refused})", hint="tieline check")
    else:
        return refused
    error.refused = error.__cause__ = refused
    return error


class Wire:
    """Speaks to one account. Safe to share between threads."""

    def __init__(self, http: HttpClient, clock: Clock) -> None:
        self._http = http
        self.clock = clock

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Answer:
        """Raises Refused, or what a connector may raise. What is too long for an address goes as a form that says it
        is a GET, as Google's own clients send it."""
        query = urlencode(params or {}, doseq=True)
        if len(query) <= LONG:
            return self._decoded(self._http.send(Request("GET", path, params=params or {})))
        headers = {"x-http-method-override": "GET", "content-type": "application/x-www-form-urlencoded"}
        return self._decoded(self._http.send(Request("POST", path, headers=headers, body=query.encode())))

    def ask(self, path: str, body: Any) -> Answer:
        """A question that is too long for an address: a POST that changes nothing."""
        return self._decoded(self._http.send(Request("POST", path, json=body)))

    def write(
        self,
        method: str,
        path: str,
        body: Any = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """A call that changes something. Raises Refused when nothing was done, or what a connector may raise."""
        request = Request(method, path, params=params or {}, headers=headers or {}, json=body, write=True)
        return self._decoded(self._http.send(request))

    def _decoded(self, response: Response) -> Answer:
        if response.status >= 300:
            refused = refusal_of(response)
            raise _understood(refused)
        data = decode(response, "Google") if response.body else {}
        if not isinstance(data, Mapping):
            raise Unavailable("Google answered with something that is no object", sent=True)
        return Answer(data, server_time(response, self.clock), response.headers)
