"""The stand-in itself: takes a request, checks who asks and how often, finds the endpoint, dresses the answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from email.utils import formatdate
from random import Random
from typing import Any
from uuid import UUID

from pydantic_core import to_json

from tieline.sandbox import Act, Issuer, Request, Response, SandboxOptions
from tieline_hubspot.sandbox import dialect, links, load, metadata, oauth, staff, vices
from tieline_hubspot.sandbox.call import Call, Route, route_of
from tieline_hubspot.sandbox.campaigns import campaigns
from tieline_hubspot.sandbox.communication import preferences
from tieline_hubspot.sandbox.objects import objects
from tieline_hubspot.sandbox.search import Hits
from tieline_hubspot.sandbox.seed import demo
from tieline_hubspot.sandbox.state import CLIENT_ID, State
from tieline_hubspot.sandbox.wire import HTML_404, Answer, Refusal, not_found
from tieline_hubspot.vices import VICES

JSON_TYPE = "application/json;charset=utf-8"
HTML_TYPE = "text/html;charset=iso-8859-1"
DAILY = 250_000
LOST = 0
"""The status of an answer that never arrives."""
_READS = (("search",), ("batch", "read"), ("unsubscribe-all", "read"), ("token",))
_COARSE_MS = 1000


class HubSpotSandbox:
    """A HubSpot account in memory, behind its wire format. Threads may call `handle` at once.

    Numeric (`/crm/v3/…`, `/crm/v4/…`) and dated (`/crm/objects/2026-09/…`) paths act on one state. Raises ValueError
    for an unknown seed or vice. `token_without_scopes` is a credential that is refused with 403 everywhere.
    """

    token = oauth.TOKEN
    token_without_scopes = oauth.NO_SCOPES
    client_id = CLIENT_ID
    client_secret = oauth.CLIENT_SECRET
    refresh_token = oauth.REFRESH
    token_path = oauth.TOKEN_PATH

    def __init__(self, options: SandboxOptions) -> None:
        unknown = sorted(options.vices - set(VICES))
        if unknown or options.seed not in ("empty", "demo"):
            raise ValueError(f"unknown vice or seed: {', '.join(unknown) or options.seed}")
        self.vices = options.vices
        self._clock = options.clock
        self._lock = threading.RLock()
        self._hits = Hits()
        self._limits = vices.Limits(self.vices)
        self._ids = Random(1)
        self.state = State(self.vices)
        if options.state is not None:
            self.state.restore(options.state)
        elif options.seed == "demo":
            self.state.tables["companies"].properties["tier"] = dialect.tier()
            self.load(demo(self._now()))
        self._families: Mapping[str, Callable[[Call], Answer]] = {
            "crm/objects": lambda call: objects(call, self._hits),
            "crm/associations": links.associations,
            "crm/properties": metadata.properties,
            "crm/pipelines": metadata.pipelines,
            "crm/owners": metadata.owners,
            "account-info": metadata.details,
            "marketing/campaigns": campaigns,
            "communication-preferences": preferences,
            "oauth": oauth.tokens,
        }

    def load(self, objects: Mapping[str, Sequence[Any]]) -> None:
        """Put records in, bypassing the API's rules; see `load.load` for the shape."""
        with self._lock:
            load.load(self.state, objects, self._now())

    def dump(self) -> Mapping[str, Any]:
        """The whole state as plain JSON: `SandboxOptions(state=…)` with the same vices goes on from it."""
        with self._lock:
            return self.state.dump()

    def person(self, act: Act) -> None:
        """Somebody does this at a screen; see `tieline.sandbox.Peopled`. Raises ValueError."""
        with self._lock:
            staff.perform(self.state, act, self.handle, self.token)

    def counts(self) -> Mapping[Any, int]:
        """Living records per kind."""
        with self._lock:
            return staff.counts(self.state)

    def demo_config(self, system: str) -> str:
        """The configuration that joins this account to the demo's company."""
        return dialect.config(system)

    @property
    def issuer(self) -> Issuer:
        """Who signed in by browser."""
        return self.state.issuer

    def handle(self, request: Request) -> Response:
        """Answer one request."""
        with self._lock:
            if request.path == oauth.AUTHORIZE_PATH and request.method == "GET":
                return self.state.issuer.authorize(request.params)
            return self._handle(request, self._now())

    def _now(self) -> int:
        now = self._clock.now() if self._clock is not None else time.time_ns() // 1_000_000
        return now - now % _COARSE_MS if "coarse-stamps" in self.vices else now

    def _handle(self, request: Request, now: int) -> Response:
        correlation = str(UUID(int=self._ids.getrandbits(128), version=4))
        headers = {"x-hubspot-correlation-id": correlation, "date": formatdate(now / 1000, usegmt=True)}
        route = route_of(request.path)
        kind = ""
        try:
            if route is None:
                raise not_found()
            if route.family != "oauth":
                kind = self._credential(request)
                if kind == "narrow" or oauth.lacks(self.state, _authorization(request), route, request.method):
                    raise oauth.without_scopes(route.family, route.rest)
                self._limits.admit(now, _searches(route))
            call = Call(self.state, request, route.version, route.rest, now, self.vices)
            answer = self._families[route.family](call)
            vices.merge_after_read(self.state, self.vices, answer, now)
        except Refusal as refusal:
            body = {**refusal.body, "correlationId": correlation}
            answer = Answer(refusal.status, body, refusal.headers)
        headers.update(self._budget(kind, route))
        headers.update(answer.headers)
        if route is not None and route.family != "oauth" and kind:
            if vices.lost(self.state, self.vices, _writes(request, route)):
                return Response(LOST, {}, b"")
            if vices.garbage(self.state, self.vices):
                return Response(200, {**headers, "content-type": HTML_TYPE}, b"<html><body>Just a moment\xe2\x80\xa6")
        return _dressed(request, answer, headers)

    def _credential(self, request: Request) -> str:
        """The kind of credential, or the 401."""
        kind = oauth.authorise(self.state, _authorization(request), "token-expiry" in self.vices)
        self.state.count("calls")
        return kind

    def _budget(self, kind: str, route: Route | None) -> dict[str, str]:
        """The rate-limit headers: none on a refused credential, but for properties; searches carry only the daily
        pair, which OAuth apps do not have at all [rec]."""
        if not kind or route is None or (kind == "narrow" and route.family != "crm/properties"):
            return {}
        headers: dict[str, str] = {}
        if kind != "oauth":
            left = max(0, DAILY - self.state.counters.get("calls", 0))
            headers = {"x-hubspot-ratelimit-daily": str(DAILY), "x-hubspot-ratelimit-daily-remaining": str(left)}
        if _searches(route):
            return headers
        most = 110 if kind == "oauth" else vices.MAX_CALLS
        return {
            **headers,
            "x-hubspot-ratelimit-interval-milliseconds": str(vices.INTERVAL_MS),
            "x-hubspot-ratelimit-max": str(most),
            "x-hubspot-ratelimit-remaining": str(self._limits.remaining() + most - vices.MAX_CALLS),
            "x-hubspot-ratelimit-secondly": str(most // 10),
            "x-hubspot-ratelimit-secondly-remaining": str(most // 10 - 1),
        }


def _authorization(request: Request) -> str:
    return next((v for k, v in request.headers.items() if k.lower() == "authorization"), "")


def _searches(route: Route) -> bool:
    return route.family == "crm/objects" and route.rest[1:] == ["search"]


def _writes(request: Request, route: Route) -> bool:
    tail = tuple(route.rest)
    return request.method != "GET" and not any(tail[-len(end) :] == end for end in _READS)


def _dressed(request: Request, answer: Answer, headers: dict[str, str]) -> Response:
    """The answer as bytes. A 404 is HTML unless JSON was asked for by name [rec]."""
    if answer.body is None:
        return Response(answer.status, headers, b"")
    accept = next((v for k, v in request.headers.items() if k.lower() == "accept"), "")
    if answer.status == 404 and "json" not in accept:
        headers = {**headers, "content-type": HTML_TYPE, "x-hubspot-notfound": "true"}
        return Response(404, headers, HTML_404.encode())
    return Response(answer.status, {"content-type": JSON_TYPE, **headers}, to_json(answer.body))
