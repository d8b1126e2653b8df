"""Fixtures: the connector on its stand-in through the real client, with faults between; short ways to ask both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tieline import Action, Context, Receipt, Request, Response, Unavailable
from tieline.sandbox import SandboxOptions
from tieline.testing import FakeClock, HttpSubject, ScriptedClient
from tieline_google.sandbox import GoogleSandbox
from tieline_google.spec import SPEC

ROOT = "https://www.googleapis.com/auth/"
KEY = "018bcfe5-6800-7000-8000-000000000001:welcome"


class Losing:
    """A transport that loses the answers to what is asked of some paths."""

    def __init__(self, inner: Any, end: str) -> None:
        self.inner, self._end = inner, end

    def send(self, request: Request) -> Response:
        response: Response = self.inner.send(request)
        if request.path.partition("?")[0].endswith(self._end):
            raise Unavailable("the answer was lost", sent=True)
        return response

    def close(self) -> None:
        self.inner.close()


class Acts:
    """A connector beside its stand-in. `key` is an action's key."""

    key = KEY

    def __init__(self, *vices: str, **settings: Any) -> None:
        self.subject = HttpSubject(SPEC, settings, vices)
        self.sandbox: Any = self.subject.sandbox
        self.connector: Any = self.subject.connector
        self.clock = self.subject.clock
        self.state = self.sandbox.state

    def do(self, action: str, key: str = KEY, /, **fields: Any) -> Receipt:
        receipt: Receipt = self.connector.act(Action(action, key, fields))
        return receipt

    def found(self, name: str, *keys: str) -> Mapping[str, Receipt]:
        receipts: Mapping[str, Receipt] = self.connector.acted(name, keys or (KEY,))
        return receipts

    @property
    def calls(self) -> list[str]:
        """`METHOD /path` of what was sent."""
        sent = self.subject.transport.requests
        return [f"{r.method} {r.path.partition('?')[0].split('/', 3)[3]}" for r in sent]

    def forget(self) -> None:
        """Begin to count anew."""
        self.subject.transport.requests.clear()

    @contextmanager
    def losing(self, end: str) -> Iterator[None]:
        """Let the answers be lost to what was asked of paths that end so."""
        transport = self.subject.transport
        transport.inner = Losing(transport.inner, end)
        try:
            yield
        finally:
            transport.inner = transport.inner.inner

    def may(self, *scopes: str) -> None:
        """Let the token that the connector uses have these scopes alone."""
        row = {"used": 0, "scope": " ".join(ROOT + s for s in scopes), "who": "ops@northbay.example"}
        self.state.tokens[self.sandbox.token] = row

    @property
    def folders(self) -> list[Any]:
        return [r for r in self.state.files.rows.values() if r["mimeType"].endswith("folder")]


@pytest.fixture
def acts() -> Acts:
    """On an empty account."""
    return Acts()


@pytest.fixture
def on() -> Callable[..., Acts]:
    """`on("search-lag", calendars=[…])`: with vices and settings."""
    return Acts


@pytest.fixture
def scripted() -> Callable[..., tuple[Any, ScriptedClient]]:
    """`scripted(*answers)`: a connector on these answers, and the script."""

    def connected(*answers: Response | Exception) -> tuple[Any, ScriptedClient]:
        script = ScriptedClient(answers)
        return SPEC.connect(Context("workspace", SPEC.settings(), {}, script, script.clock, Path())), script

    return connected


class Asked:
    """The stand-in, asked directly; tokens and vices of a test's own."""

    def __init__(self, *vices: str) -> None:
        self.clock = FakeClock()
        self.sandbox: Any = GoogleSandbox(SandboxOptions(vices=frozenset(vices), clock=self.clock))
        self.token = self.sandbox.token

    def __call__(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None, **params: Any
    ) -> Response:
        sent = {"authorization": f"Bearer {self.token}", **(headers or {})}
        answer: Response = self.sandbox.handle(Request(method, path, params, sent, json=body))
        return answer

    def form(self, path: str, **fields: str) -> Response:
        answer: Response = self.sandbox.handle(Request("POST", path, form=fields))
        return answer


@pytest.fixture
def ask() -> Asked:
    """The empty stand-in."""
    return Asked()


@pytest.fixture
def asking() -> Callable[..., Asked]:
    """`asking("quota")`: the stand-in with vices."""
    return Asked
