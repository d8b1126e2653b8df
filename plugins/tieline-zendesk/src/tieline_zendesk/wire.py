"""Calls and their answers: exports, jobs, and what a refusal means. Knows no canonical field.

Only the query of an address that Zendesk names is ever followed: bodies may name another host for the same account
[rec]. Errors come in five shapes and as plain text [rec, cap, doc].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qs, quote, urlsplit

from tieline import (
    Clock,
    ConfigError,
    ContractViolation,
    HttpClient,
    NotAuthorised,
    RateLimited,
    Rejected,
    Request,
    Response,
    Transient,
    Unavailable,
    decode,
    server_time,
)

API = "/api/v2"
FIRST_LOOK, LONGEST_PAUSE, GROWTH = 1.0, 10.0, 1.5
"""Seconds before a job is looked at for the first time and at most between two looks, and how the pause grows."""
MOST_LOOKS = 400
_ENDED = frozenset({"completed", "failed", "killed"})


class Fault(NamedTuple):
    """One error as Zendesk words it. `column` is its own name of the field, "" when it names none."""

    code: str
    message: str
    column: str = ""


class NothingThere(ConfigError):
    """The account has nothing under this address."""


class NotAllowed(NotAuthorised):
    """The signed-in user may not do this [cap: 403]."""


class Refused(Rejected):
    """A call was refused and nothing of it was done. Never leaves the connector uncaught by intent."""

    def __init__(self, status: int, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults) or (Fault("", f"status {status} without a reason"),)
        super().__init__(self.faults[0].message, code=self.faults[0].code)
        self.status = status


class Answer(NamedTuple):
    """A decoded answer and the server's clock when it was given (ms)."""

    data: Mapping[str, Any]
    now: int
    headers: Mapping[str, str] = {}


class Job(NamedTuple):
    """A job that came to its end. `results` is empty where it says nothing of its items."""

    status: str
    message: str
    results: Sequence[Mapping[str, Any]]


def faults_of(body: Any) -> list[Fault]:
    """The errors in a decoded body, or in a failed item of a job; empty when there are none."""
    if not isinstance(body, Mapping):
        return []
    if isinstance(body.get("errors"), list):
        return [
            Fault(str(e.get("code") or ""), str(e.get("detail") or e.get("title") or e.get("code") or ""))
            for e in body["errors"]
            if isinstance(e, Mapping)
        ]
    error = body.get("error")
    if isinstance(error, Mapping):
        return [Fault(str(error.get("title") or ""), str(error.get("message") or error.get("title") or ""))]
    if not error:
        return []
    details = body.get("details")
    if isinstance(details, Mapping):
        found = [_detail(str(column), entry) for column, entries in details.items() for entry in _listed(entries)]
        if found:
            return found
    said = details if isinstance(details, str) and details else body.get("description") or error
    return [Fault(str(error), str(said), _named(str(said)))]


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else [value]


def _detail(column: str, entry: Any) -> Fault:
    if not isinstance(entry, Mapping):
        return Fault("invalid", str(entry), column)
    said = str(entry.get("description") or entry.get("error") or "")
    return Fault(str(entry.get("error") or "invalid"), said, column if column != "base" else _named(said) or column)


def _named(message: str) -> str:
    """The field that a message begins with, as in `Email: x is not properly formatted` [rec]."""
    name, colon, _ = message.partition(":")
    return name.strip().lower().replace(" ", "_") if colon and len(name) < 40 else ""


def faults_in(response: Response) -> list[Fault]:
    """The errors of an answer; its text where that is no JSON [rec: text/plain]."""
    try:
        return faults_of(response.json())
    except ValueError:
        text = response.body[:200].decode("utf-8", "replace").strip()
        plain = "html" not in response.headers.get("content-type", "") and not text.startswith("<")
        return [Fault("", text)] if text and plain else []


def query_of(url: Any, name: str) -> str | None:
    """One parameter of an address that Zendesk names; its host is left alone."""
    if not isinstance(url, str):
        return None
    return next(iter(parse_qs(urlsplit(url).query).get(name, ())), None)


class Wire:
    """Speaks to one account. Safe to share between threads."""

    def __init__(self, http: HttpClient, clock: Clock, job_wait: float) -> None:
        self._http = http
        self._clock = clock
        self._job_wait = job_wait

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Answer:
        """`path` is below the API's root. Raises Refused, or what a connector may raise."""
        return self._decoded(self._http.send(Request("GET", API + path, params=params or {})), write=False)

    def write(
        self,
        method: str,
        path: str,
        body: Any = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """A call that changes something. Raises Refused when nothing was done, or what a connector may raise."""
        request = Request(method, API + path, params=params or {}, headers=headers or {}, json=body, write=True)
        return self._decoded(self._http.send(request), write=True)

    def job(self, method: str, path: str, body: Any = None, params: Mapping[str, Any] | None = None) -> Job | None:
        """Queue a job and wait for its end; None when that is not seen: what it does may or may not be done.

        Raises as `write` does where the job was not queued.
        """
        status = self.write(method, path, body, params).data.get("job_status")
        waited, pause = 0.0, FIRST_LOOK
        for _ in range(MOST_LOOKS):
            if not isinstance(status, Mapping) or not status.get("id"):
                return None
            if status.get("status") in _ENDED:
                return _ended(status)
            if waited >= self._job_wait:
                return None
            self._clock.sleep(pause)
            waited, pause = waited + pause, min(LONGEST_PAUSE, pause * GROWTH)
            try:
                status = self.get(f"/job_statuses/{quote(str(status['id']), safe='')}").data.get("job_status")
            except (Transient, NotAuthorised, ConfigError, Refused):  # it was queued: what comes of it is not known
                return None
        return None

    def _decoded(self, response: Response, *, write: bool) -> Answer:
        if response.status >= 300:
            raise self._refusal(response, write=write)
        data = decode(response, "Zendesk") if response.body else {}
        if not isinstance(data, Mapping):
            raise Unavailable("Zendesk answered with something that is no object", sent=True)
        return Answer(data, server_time(response, self._clock), response.headers)

    def _refusal(self, response: Response, *, write: bool) -> Exception:
        refused = Refused(response.status, faults_in(response))
        if response.status == 403:
            return NotAllowed(f"Zendesk does not allow this call ({refused})")
        if response.status == 409 and write:
            return RateLimited(f"Zendesk is busy with this record ({refused})")
        if response.status == 404 and not write:
            return NothingThere(
                f"Zendesk has nothing there ({refused}): is base_url the address of the account?", hint="tieline check"
            )
        return refused


def _ended(status: Mapping[str, Any]) -> Job:
    results = status.get("results")
    rows = [r for r in results if isinstance(r, Mapping)] if isinstance(results, list) else []
    return Job(str(status["status"]), str(status.get("message") or ""), rows)


def listed(answer: Answer, name: str) -> list[Any]:
    """The records in an answer. Raises ContractViolation where there is no list of them."""
    found = answer.data.get(name)
    if not isinstance(found, list):
        raise ContractViolation(f"Zendesk answered without a list of {name}")
    return found
