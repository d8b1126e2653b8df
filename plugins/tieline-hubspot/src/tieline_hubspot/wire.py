"""How HubSpot is spoken to: paths per API version, one call, and what an answer that is no success means.

It knows status codes and envelopes; it knows no field and decides nothing about records.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from tieline import (
    Clock,
    HttpClient,
    HttpProfile,
    NotAuthorised,
    Quota,
    RateLimited,
    Request,
    Response,
    Unavailable,
    decode,
    server_time,
)
from tieline_hubspot.oauth import OAUTH, TOKEN_PATH

HOST = "api.hubapi.com"
BATCH = 100
"""Inputs of one batch call for objects [doc]."""
CAMPAIGN_BATCH = 50
"""Inputs of one batch call for campaigns [spec: Marketing Campaigns, batch create and update]."""
LINKS_READ, LINKS_WRITE = 1000, 2000
"""Inputs of one associations call [changelog of 2025-02 for reads]."""
LOCKED, MIGRATING, TOO_FAST = 423, 477, 429
_LOCKED_WAIT = 2.0
"""Seconds to leave a locked record alone [doc]."""
_BAD_REQUEST = 400


class Answer(NamedTuple):
    """A decoded answer. `now` is the server's clock in ms."""

    status: int
    data: dict[str, Any]
    now: int

    @property
    def ok(self) -> bool:
        """Whether the call as a whole was taken; a 207 is."""
        return self.status < _BAD_REQUEST

    @property
    def items(self) -> list[Any]:
        """The `results` of a listing or batch. Raises Unavailable where there are none."""
        items = self.data.get("results")
        if not isinstance(items, list):
            raise Unavailable("HubSpot answered without a list of results")
        return items

    @property
    def after(self) -> str | None:
        """The token of the next page; the last page has none [recorded]."""
        paging = self.data.get("paging") or {}
        after = (paging.get("next") or {}).get("after") if isinstance(paging, dict) else None
        return None if after is None else str(after)


class Wire:
    """One account over the client that the core hands in."""

    def __init__(self, http: HttpClient, version: str, clock: Clock) -> None:
        self._http = http
        self._clock = clock
        self.version = version
        self._dated = version[:1] != "v"

    def objects(self, kind: str, tail: str = "") -> str:
        """The path of an object type, or of what lies below it."""
        if kind == "campaigns":
            root = f"/marketing/campaigns/{self.version}" if self._dated else "/marketing/v3/campaigns"
        else:
            root = f"/crm/objects/{self.version}/{kind}" if self._dated else f"/crm/v3/objects/{kind}"
        return f"{root}/{tail}" if tail else root

    def links(self, one: str, other: str, tail: str) -> str:
        """A batch path of the associations API; the numbered one is v4 while objects are v3."""
        root = f"/crm/associations/{self.version}" if self._dated else "/crm/v4/associations"
        return f"{root}/{one}/{other}/batch/{tail}"

    def crm(self, what: str, tail: str = "") -> str:
        """`properties`, `pipelines` or `owners`."""
        root = f"/crm/{what}/{self.version}" if self._dated else f"/crm/v3/{what}"
        return f"{root}/{tail}" if tail else root

    def preferences(self, tail: str) -> str:
        """Communication preferences; their numbered version is v4."""
        return f"/communication-preferences/{self.version if self._dated else 'v4'}/{tail}"

    def get(self, path: str, params: Mapping[str, Any] | None = None, *, also: tuple[int, ...] = ()) -> Answer:
        """Read. See `call`."""
        return self.call(Request("GET", path, params or {}), also)

    def ask(
        self, path: str, body: Any, params: Mapping[str, Any] | None = None, *, also: tuple[int, ...] = ()
    ) -> Answer:
        """A read that is a POST: it may be repeated like any read."""
        return self.call(Request("POST", path, params or {}, json=body), also)

    def write(
        self, path: str, body: Any, params: Mapping[str, Any] | None = None, *, also: tuple[int, ...] = ()
    ) -> Answer:
        """A call that changes something."""
        return self.call(Request("POST", path, params or {}, json=body, write=True), also)

    def call(self, request: Request, also: tuple[int, ...]) -> Answer:
        """Send and decode. Statuses below 400 and those in `also` are answered; all others are raised.

        Raises RateLimited (429, 423, 477), NotAuthorised (401, 403, naming the scopes that are missing) and
        Unavailable for everything else, also for a success that is no JSON object.
        """
        response = self._http.send(request)
        status = response.status
        if throttled(response) or status == TOO_FAST:
            raise RateLimited(_message(response) or f"HubSpot asks for a pause ({status})", retry_after=_wait(response))
        if status in (401, 403):
            raise NotAuthorised(_refusal(response, request))
        if status >= _BAD_REQUEST and status not in also:
            detail = _message(response) or "no such endpoint here; look at base_url and api_version"
            raise Unavailable(f"HubSpot answered {status} to {request.method} {request.path}: {detail}", sent=False)
        return Answer(status, _decoded(response, request), server_time(response, self._clock))


def moving(answer: Answer, token: str | None) -> Answer:
    """The answer, unless its next page is itself. Raises Unavailable: such a listing would never end."""
    if token and answer.after == token:
        raise Unavailable("HubSpot's next page is the page it has just given")
    return answer


def millis(stamp: str) -> int:
    """An ISO 8601 stamp as ms since 1970 UTC. Raises ValueError."""
    return int(datetime.fromisoformat(stamp).timestamp() * 1000 + 0.5)


def _decoded(response: Response, request: Request) -> dict[str, Any]:
    """The body as an object; an empty 204 is an empty object.

    A missing page is HTML unless JSON is asked for [recorded], and a proxy may put anything before HubSpot.
    """
    data = decode(response, f"HubSpot, {request.method} {request.path}")
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise Unavailable(f"HubSpot answered {request.method} {request.path} with JSON that is no object")
    return data


def _body(response: Response) -> dict[str, Any]:
    try:
        data = response.json()
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def _message(response: Response) -> str:
    return str(_body(response).get("message") or "")


def scopes_of(data: Mapping[str, Any]) -> tuple[str, ...]:
    """The scopes that an answer of the category MISSING_SCOPES asks for [recorded: two shapes]."""
    places = [data.get("context"), *(e.get("context") for e in data.get("errors") or () if isinstance(e, dict))]
    named: dict[str, None] = {}
    for place in places:
        if isinstance(place, dict):
            for key in ("requiredGranularScopes", "requiredScopes", "missingScopes"):
                named.update(dict.fromkeys(str(s) for s in place.get(key) or ()))
    return tuple(named)


def _refusal(response: Response, request: Request) -> str:
    data = _body(response)
    message = data.get("message") or f"HubSpot refused the credential ({response.status})"
    scopes = scopes_of(data)
    near = [s for s in scopes if _touches(s, request.path)] or list(scopes)
    return f"{message} Missing one of: {', '.join(near[:8])}" if near else f"{message} ({request.path})"


_WORDS = ("contacts", "companies", "deals", "owners", "campaigns", "communication_preferences", "schemas")


def _touches(scope: str, path: str) -> bool:
    """Whether a scope is about what the path is about: HubSpot names thirty where one would do [recorded]."""
    flat = path.replace("-", "_")
    return any(word in scope and word in flat for word in _WORDS)


def throttled(response: Response) -> bool:
    """423: the record is locked. 477: the account is being moved. Both mean: later [doc]."""
    return response.status in (LOCKED, MIGRATING)


def _wait(response: Response) -> float | None:
    text = response.headers.get("retry-after", "")
    if text.replace(".", "", 1).isdigit():
        return float(text)
    return _LOCKED_WAIT if response.status == LOCKED else None


def quota(headers: Mapping[str, str]) -> Quota | None:
    """The budget by the rate-limit headers [recorded]; OAuth apps get no daily pair, searches nothing else."""

    def number(name: str) -> int | None:
        text = headers.get(f"x-hubspot-ratelimit-{name}", "")
        return int(text) if text.isdigit() else None

    remaining, daily = number("remaining"), number("daily-remaining")
    if remaining is None and daily is None:
        return None
    interval = number("interval-milliseconds")
    return Quota(
        remaining=remaining,
        limit=number("max"),
        resets_in=None if interval is None else interval / 1000,
        daily_remaining=daily,
        daily_limit=number("daily"),
    )


def lane(request: Request) -> str:
    """Searches have a limit of their own, five in a second for the whole account [doc]."""
    return "search" if request.path.partition("?")[0].endswith("/search") else ""


PROFILE = HttpProfile(
    hosts=(HOST, ".hubapi.com"),
    throttled=throttled,
    quota=quota,
    lane=lane,
    headers={"accept": "application/json"},
    timeout=30.0,
    token_path=TOKEN_PATH,
    oauth=OAUTH,
)
