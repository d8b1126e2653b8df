"""The stand-in itself: takes a request, checks who asks and how often, finds the API, dresses the answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import Any

from pydantic_core import from_json, to_json

from tieline.sandbox import Act, Answer, Issuer, Refusal, Request, Response, SandboxOptions, astray
from tieline_google.sandbox import calendar, drive, gmail, oauth, people, seed, sheets, staff, vices
from tieline_google.sandbox.call import Call, meant
from tieline_google.sandbox.state import CLIENT_ID, State
from tieline_google.sandbox.wire import nowhere
from tieline_google.vices import VICES

JSON_TYPE = "application/json; charset=UTF-8"
HTML_TYPE = "text/html; charset=UTF-8"
APIS: Mapping[str, tuple[str, Callable[[Call], Answer]]] = {
    "/calendar/v3/": ("calendar-json.googleapis.com", calendar.answer),
    "/drive/v3/": ("drive.googleapis.com", drive.answer),
    "/gmail/v1/": ("gmail.googleapis.com", gmail.answer),
    "/v1/": ("people.googleapis.com", people.answer),
    "/v4/spreadsheets": ("sheets.googleapis.com", sheets.answer),
}
"""Where an API begins → the name of its service, and what answers."""
_QUESTIONS = (":batchGet", ":batchGetByDataFilter", ":getByDataFilter")
"""How the paths of POSTs end that change nothing."""


class GoogleSandbox:
    """A Google Workspace account in memory, behind its wire format. Threads may call `handle` at once.

    Raises ValueError for an unknown seed or vice.
    """

    token = oauth.TOKEN
    client_id = CLIENT_ID
    client_secret = oauth.CLIENT_SECRET
    refresh_token = oauth.REFRESH
    service_account = oauth.SERVICE_ACCOUNT
    token_path = oauth.TOKEN_PATH

    def __init__(self, options: SandboxOptions) -> None:
        options.check(VICES)
        self.vices = options.vices
        self._now = options.now
        self._lock = threading.RLock()
        self.state = State()
        if options.state is not None:
            self.state.restore(from_json(to_json(options.state)))
        elif options.seed == "demo":
            seed.furnish(self.state, self._now())

    def dump(self) -> Mapping[str, Any]:
        """The whole state as plain JSON: `SandboxOptions(state=…)` with the same vices goes on from it."""
        with self._lock:
            return dict(from_json(to_json(self.state.dump())))

    def person(self, act: Act) -> None:
        """Somebody does this in the address book or the sheet; see `tieline.sandbox.Peopled`. Raises ValueError."""
        with self._lock:
            staff.perform(self.state, act, self._now())

    def counts(self) -> Mapping[Any, int]:
        """Living records per kind."""
        with self._lock:
            return staff.counts(self.state)

    def demo_config(self, system: str) -> str:
        """The configuration that joins this account to the demo's company."""
        return seed.config(self.state)

    @property
    def issuer(self) -> Issuer:
        """Who signed in by browser."""
        return self.state.issuer

    def handle(self, request: Request) -> Response:
        """Answer one request."""
        request = meant(request)
        with self._lock:
            if request.path == oauth.AUTHORIZE_PATH and request.method == "GET":
                return self.state.issuer.authorize(request.params)
            return self._handle(request, self._now())

    def _handle(self, request: Request, now: int) -> Response:
        headers = {"date": formatdate(now / 1000, usegmt=True)}
        root = next((r for r in APIS if request.path.startswith(r)), "")
        call = Call(self.state, request, request.path.removeprefix(root), now, self.vices)
        try:
            answer = self._answer(call, root)
        except Refusal as refusal:
            answer = refusal.answer()
        if call.who:
            write = request.method != "GET" and not request.path.endswith(_QUESTIONS) and answer.status < 400
            strayed = astray(self.vices, self.state.count, write, headers)
            if strayed is not None:
                return strayed
        return answer.response(headers, json=JSON_TYPE, text=HTML_TYPE)

    def _answer(self, call: Call, root: str) -> Answer:
        if call.request.path in oauth.OPEN:
            return oauth.OPEN[call.request.path](call)
        if not root:
            raise nowhere()
        oauth.authorise(call)
        service, answer = APIS[root]
        vices.quota(call, service)
        return answer(call)
