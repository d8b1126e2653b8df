"""The stand-in itself: takes a request, checks who asks and how often, finds the endpoint, dresses the answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from email.utils import formatdate
from random import Random
from typing import Any
from uuid import UUID

from tieline.sandbox import Act, Answer, Issuer, Refusal, Request, Response, SandboxOptions, astray
from tieline_hubspot.sandbox import dialect, links, load, metadata, oauth, staff, vices
from tieline_hubspot.sandbox.call import Call, Route, route_of
from tieline_hubspot.sandbox.campaigns import campaigns
from tieline_hubspot.sandbox.communication import preferences
from tieline_hubspot.sandbox.objects import objects
from tieline_hubspot.sandbox.search import Hits
from tieline_hubspot.sandbox.seed import demo
from tieline_hubspot.sandbox.state import CLIENT_ID, State
from tieline_hubspot.sandbox.wire import HTML_404, not_found
from tieline_hubspot.vices import VICES

JSON_TYPE = "application/json;charset=utf-8"
HTML_TYPE = "text/html;charset=iso-8859-1"
DAILY = 250_000
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
        options.check(VICES)
        self.vices = options.vices
        self._time = options.now
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
        now = self._time()
        return now - now % _COARSE_MS if "coarse-stamps" in self.vices else now

    def _handle(self, request: Request, now: int) -> Response:
        correlation = str(UUID(int=self._ids.getrandbits(128), version=4))
        headers = {"x-hubspot-correlation-id": correlation, "date": formatdate(now / 1000, usegmt=True)}
        route = route_of(request.path) or Route("", "", [])
        call = Call(self.state, request, route.version, route.rest, now, self.vices)
        kind = ""
        try:
            if not route.family:
                raise not_found()
            if route.family != "oauth":
                kind = self._credential(call)
                if kind == "narrow" or oauth.lacks(self.state, call.header("authorization"), route, call.method):
                    raise oauth.without_scopes(route.family, route.rest)
                self._limits.admit(now, _searches(route))
            answer = self._families[route.family](call)
            vices.merge_after_read(self.state, self.vices, answer, now)
        except Refusal as refusal:
            answer = Answer(refusal.status, {**refusal.body, "correlationId": correlation}, refusal.headers)
        headers.update(self._budget(kind, route))
        strayed = astray(self.vices, self.state.count, _writes(request, route), headers) if kind else None
        return strayed or _dressed(call, answer, headers)

    def _credential(self, call: Call) -> str:
        """The kind of credential, or the 401."""
        kind = oauth.authorise(self.state, call.header("authorization"), "token-expiry" in self.vices)
        self.state.count("calls")
        return kind

    def _budget(self, kind: str, route: Route) -> dict[str, str]:
        """The rate-limit headers: none on a refused credential, but for properties; searches carry only the daily
        pair, which OAuth apps do not have at all [rec]."""
        if not kind or (kind == "narrow" and route.family != "crm/properties"):
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


def _searches(route: Route) -> bool:
    return route.family == "crm/objects" and route.rest[1:] == ["search"]


def _writes(request: Request, route: Route) -> bool:
    tail = tuple(route.rest)
    return request.method != "GET" and not any(tail[-len(end) :] == end for end in _READS)


def _dressed(call: Call, answer: Answer, headers: dict[str, str]) -> Response:
    """A 404 is HTML unless JSON was asked for by name [rec]."""
    if answer.status == 404 and answer.body is not None and "json" not in call.header("accept"):
        answer = Answer(404, HTML_404, {**answer.headers, "x-hubspot-notfound": "true"})
    return answer.response(headers, json=JSON_TYPE, text=HTML_TYPE)
