"""Subjects for connectors that speak HTTP: the plugin's own stand-in in process, the real client, faults between.

It knows no vendor. A plugin's subject says how people use the stand-in, and what good samples are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from tieline.connector import ConnectorSpec, Context, HttpProfile
from tieline.errors import Unavailable
from tieline.http import Client
from tieline.mapping import Rule, compile_rules
from tieline.ports import Clock, Request, Response, Transport
from tieline.sandbox import InProcess
from tieline.standin import SandboxOptions
from tieline.testing.clock import FakeClock
from tieline.testing.contract_bench import Subject

BASE_URL = "http://127.0.0.1:8"
"""Nothing listens there: the transport hands requests to the stand-in."""


class FaultyTransport:
    """A transport on a bad day: `throttle`, `refused`, `lost_before` (any call) and `lost_after` (writes)."""

    def __init__(self, inner: Transport) -> None:
        self.inner = inner
        self.fault = ""
        self.headers: dict[str, str] = {}
        """Sent with each request besides its own: to ask for small pages, where a system can be asked."""
        self.requests: list[Request] = []
        """Everything that was sent, oldest first."""

    def send(self, request: Request) -> Response:
        """The answer, or what the fault makes of it."""
        if self.headers:
            request.headers = {**request.headers, **self.headers}
        self.requests.append(request)
        if self.fault == "throttle":
            return Response(429, {"retry-after": "1", "content-type": "application/json"}, b'{"message":"too fast"}')
        if self.fault == "refused":
            raise Unavailable("no connection", sent=False)
        if self.fault == "lost_before":
            raise Unavailable("no answer", sent=True)
        response = self.inner.send(request)
        if self.fault == "lost_after" and request.write:
            raise Unavailable("the answer was lost", sent=True)
        return response

    def close(self) -> None:
        """Close the transport inside."""
        self.inner.close()

    @contextmanager
    def during(self, fault: str) -> Iterator[None]:
        """Let every call meet the fault as long as this is entered."""
        self.fault = fault
        try:
            yield
        finally:
            self.fault = ""


class Bearer:
    """A credential that never ends."""

    def __init__(self, token: str) -> None:
        self._token = token

    def authorise(self, request: Request) -> None:
        """Put it on the request."""
        request.headers = {**request.headers, "authorization": f"Bearer {self._token}"}

    def refresh(self, request: Request) -> bool:
        """There is no other."""
        return False


def standin_client(spec: ConnectorSpec, sandbox: Any, clock: Clock, transport: Transport | None = None) -> Client:
    """The client that connectors get in a sync, signed in to a stand-in in process: for `Context.http`.

    `transport` stands in between where a test has one, such as a `FaultyTransport`; what it sends on reaches the
    stand-in through `InProcess(sandbox)`. Waits before retries are the same in every run.
    """
    wire = transport or InProcess(sandbox)
    return Client(BASE_URL, spec.http or HttpProfile(), Bearer(sandbox.token), wire, clock, random=lambda: 0.5)


class HttpSubject(Subject):
    """A connector on the empty stand-in of its plugin, with the default mapping, and `more` rules for some streams.
    Also a base for its `outside`."""

    def __init__(
        self,
        spec: ConnectorSpec,
        settings: Mapping[str, Any] | None = None,
        vices: tuple[str, ...] = (),
        more: Mapping[str, Sequence[Rule]] | None = None,
    ) -> None:
        if spec.sandbox is None:
            raise ValueError(f"{spec.name} has no stand-in to be examined on")
        self.clock = FakeClock()
        self.sandbox = spec.sandbox(SandboxOptions(vices=frozenset(vices), clock=self.clock))
        self.transport = FaultyTransport(InProcess(self.sandbox))
        self.secret = self.sandbox.token
        tables = {s: [*spec.mapping[s], *(more or {}).get(s, ())] for s in spec.streams}
        self.mappers = {s: compile_rules(spec.kinds[s], tables[s]) for s in spec.streams}  # type: ignore[arg-type]
        client = standin_client(spec, self.sandbox, self.clock, self.transport)
        parsed = spec.settings.model_validate(dict(settings or {}))
        self.connector = spec.connect(Context(spec.name, parsed, self.mappers, client, self.clock, Path()))

    def settle(self) -> None:
        """Advance the stand-in's clock by what the connector declares."""
        self.clock.advance(1 + max(max(s.overlap_ms, s.quiet_ms) for s in self.connector.facts.streams))

    def fault(self, name: str) -> AbstractContextManager[None]:
        """Between the client and the stand-in."""
        return self.transport.during(name)

    def ask(self, method: str, path: str, json: Any = None, params: Mapping[str, Any] | None = None) -> Any:
        """Raw access to the stand-in, as a person's browser has it. Raises AssertionError for a refusal."""
        headers = {
            "authorization": f"Bearer {self.sandbox.token}",
            "accept": "application/json",
            "content-type": "application/json",
        }
        response = self.sandbox.handle(Request(method, path, params or {}, headers, json=json))
        if response.status >= 400:
            raise AssertionError(f"{method} {path}: {response.status} {response.body[:300]!r}")
        return response.json() if response.body else None
