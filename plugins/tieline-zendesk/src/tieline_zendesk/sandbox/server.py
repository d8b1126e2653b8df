"""The stand-in itself: takes a request, checks who asks and how often, finds the endpoint, dresses the answer."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from email.utils import formatdate
from hashlib import sha256
from typing import Any

from pydantic_core import from_json, to_json

from tieline.sandbox import Act, Answer, Issuer, Refusal, Request, Response, SandboxOptions, astray
from tieline_zendesk.sandbox import dialect, jobs, load, oauth, staff, vices
from tieline_zendesk.sandbox.call import Call, route_of
from tieline_zendesk.sandbox.routes import OPEN, endpoint
from tieline_zendesk.sandbox.seed import demo
from tieline_zendesk.sandbox.state import CLIENT_ID, State
from tieline_zendesk.sandbox.wire import nowhere
from tieline_zendesk.vices import VICES

JSON_TYPE = "application/json; charset=utf-8"
PLAN = 700
"""Calls in a minute that the headers speak of while nothing is limited [rec]."""


class ZendeskSandbox:
    """A Zendesk account in memory, behind its wire format. Threads may call `handle` at once.

    Raises ValueError for an unknown seed or vice. `reader_token` may read and not write; `api_token` belongs to
    `api_user` (`ADDRESS/token`), as the user name and password of Basic.
    """

    token = oauth.TOKEN
    reader_token = oauth.READER
    api_user = "integration@northbay.example/token"
    api_token = oauth.API_TOKEN
    client_id = CLIENT_ID
    client_secret = oauth.CLIENT_SECRET
    refresh_token = oauth.REFRESH
    token_path = oauth.TOKEN_PATH

    def __init__(self, options: SandboxOptions) -> None:
        options.check(VICES)
        self.vices = options.vices
        self._time = options.now
        self._lock = threading.RLock()
        self._limits = vices.Limits(self.vices)
        self.state = State(self.vices)
        if options.state is not None:
            self.state.restore(from_json(to_json(options.state)))
        elif options.seed == "demo":
            dialect.furnish(self.state, self.vices)
            self.load(demo(self._now()))

    def load(self, records: Mapping[str, Sequence[Any]]) -> None:
        """Put records in, past the API's rules; see `load.load` for the shape."""
        with self._lock:
            load.load(self.state, records, self._now())

    def dump(self) -> Mapping[str, Any]:
        """The whole state as plain JSON: `SandboxOptions(state=…)` with the same vices goes on from it."""
        with self._lock:
            jobs.run(self.state, self._now(), self.vices)
            return dict(from_json(to_json(self.state.dump())))

    def person(self, act: Act) -> None:
        """Somebody does this at a screen; see `tieline.sandbox.Peopled`. Raises ValueError."""
        with self._lock:
            staff.perform(self.state, act, self._now())

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
            now = self._now()
            jobs.run(self.state, now, self.vices)
            return self._handle(request, now)

    def _now(self) -> int:
        """Zendesk's stamps are whole seconds."""
        now = self._time()
        return now - now % 1000

    def _handle(self, request: Request, now: int) -> Response:
        route, ids = route_of(request.path) or ("", [])
        call = Call(self.state, request, ids, now, self.vices)
        headers = {"date": formatdate(now / 1000, usegmt=True)}
        try:
            answer = self._answer(call, route)
        except Refusal as refusal:
            answer = refusal.answer()
        if call.who is not None:
            headers.update(self._budget(route, now))
            wrote = request.method != "GET" and answer.status < 400
            strayed = astray(self.vices, self.state.count, wrote, headers)
            if strayed is not None:
                return strayed
        if call.warnings:
            left = ", ".join(f'"{name}"' for name in sorted(set(call.warnings)))
            headers["x-zendesk-api-warn"] = f"Removed restricted keys [{left}] from parameters according to whitelist"
        return _dressed(answer, headers)

    def _answer(self, call: Call, route: str) -> Answer:
        method = call.request.method
        if call.request.path == oauth.TOKEN_PATH and method == "POST":
            return oauth.tokens(call)
        if f"{method} {route}" not in OPEN or call.header("authorization"):
            call.who = oauth.authorise(call, route, "token-expiry" in self.vices)
            self._limits.admit(call, route)
        found = endpoint(method, route)
        if found is None:
            raise nowhere()
        answer = found(call)
        vices.merge_after_read(self.state, self.vices, answer, call.now)
        return answer

    def _budget(self, route: str, now: int) -> dict[str, str]:
        """The rate-limit headers: the plan's, and those of the exports [rec]."""
        most = vices.MOST_CALLS if self.vices & {"rate-limit", "text-429"} else PLAN
        left = str(max(0, self._limits.left("all", most)))
        headers = {"x-rate-limit": str(most), "x-rate-limit-remaining": left, "ratelimit-limit": str(most)}
        headers |= {"ratelimit-remaining": left, "ratelimit-reset": str(60 - now // 1000 % 60)}
        headers |= {"x-zendesk-api-version": "v2"}
        bucket = vices.export_of(route)
        if bucket:
            total = vices.MOST_EXPORTS[bucket]
            name = "zendesk-ratelimit-incremental-exports" + ("-cursor" if bucket == "cursor" else "")
            rest = max(0, self._limits.left(bucket, total))
            headers[name] = f"total={total}; remaining={rest}; resets={60 - now // 1000 % 60}"
        return headers


def _dressed(answer: Answer, headers: dict[str, str]) -> Response:
    """JSON that is no refusal has a tag."""
    response = answer.response(headers, json=JSON_TYPE)
    if answer.status >= 300 or answer.body is None:
        return response
    tag = {"etag": f'W/"{sha256(response.body).hexdigest()[:32]}"'}
    return Response(response.status, {**response.headers, **tag}, response.body)
