"""What the joint tests share: a system in memory and a vendor's stand-in, joined by a hub that syncs as users do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tieline.connector import ConnectorSpec, Context, SandboxOptions
from tieline.engine.limits import Limits
from tieline.mapping import compile_rules
from tieline.ports import InlineExecutor, Ports, Request
from tieline.rules import Rules
from tieline.runner import Options, Runner, Summary, System
from tieline.sandbox import InProcess
from tieline.store import Store
from tieline.testing import (
    Character,
    FakeClock,
    FaultyTransport,
    MemoryConnector,
    MemorySystem,
    SeqIds,
    standin_client,
)


class Hub:
    """The home of a hub, the two systems, and one clock for all three. A subclass says who they are, and what people
    do on either side."""

    spec: ConnectorSpec
    vendor: str
    """What the hub calls the vendor's system."""
    root: str
    """What all paths of the vendor have in common."""
    a_while: int
    """Milliseconds between two runs: longer than the vendor's listings are behind."""

    def __init__(
        self, character: Character, rules: Rules, streams: Iterable[str] = (), *vices: str, **settings: Any
    ) -> None:
        self.clock, self.store, self.ids = FakeClock(), Store(), SeqIds(1)
        self.rules, self.connect = rules, self.spec.connect
        self.memory = MemorySystem(character, self.clock, 0)
        self.inner = MemoryConnector(self.memory)
        self.settings = self.spec.settings.model_validate(settings)
        self.mappers = {s: compile_rules(self.spec.kinds[s], self.spec.mapping[s]) for s in streams}  # type: ignore[arg-type]
        self.standin: Any = self._started(vices)
        self.transport = FaultyTransport(InProcess(self.standin))

    def _started(self, vices: Iterable[str], state: Any = None) -> Any:
        assert self.spec.sandbox is not None
        return self.spec.sandbox(SandboxOptions(vices=frozenset(vices), clock=self.clock, state=state))

    def spoil(self, *vices: str) -> None:
        """From now on the vendor has these vices and no others."""
        self.standin = self._started(vices, self.standin.dump())
        self.transport.inner = InProcess(self.standin)

    def run(self, pause_ms: int | None = None, **options: Any) -> Summary:
        """One run of a fresh process, a while after whatever happened before."""
        self.clock.advance(self.a_while if pause_ms is None else pause_ms)
        client = standin_client(self.spec, self.standin, self.clock, self.transport)
        made = self.connect(Context(self.vendor, self.settings, self.mappers, client, self.clock, Path()))
        name = self.memory.character.name
        both = [
            System(name, self.inner, self.inner.facts.streams, calls=self.inner.calls.total),
            System(self.vendor, made, made.facts.streams, calls=lambda: client.calls),
        ]
        both.sort(key=lambda system: system.name != "crm")
        ports = Ports(clock=self.clock, ids=self.ids, executor=InlineExecutor)
        runner = Runner(self.store, {s.name: s for s in both}, self.rules, Limits(), ports)
        return runner.sync(Options(confirm=lambda preview: True, **options))

    def sync(self, pause_ms: int | None = None, **options: Any) -> tuple[Summary, Counter[str]]:
        """`run`, and the requests that the vendor got in it, by route."""
        before = len(self.transport.requests)
        done = self.run(pause_ms, **options)
        return done, Counter(self.route(r) for r in self.transport.requests[before:])

    def route(self, request: Request) -> str:
        """Method and path, as requests are counted."""
        return f"{request.method} {urlsplit(request.path).path.removeprefix(self.root)}"

    def ask(self, method: str, path: str, body: Any = None, **params: Any) -> Any:
        """What a person does at the vendor's screen."""
        headers = {"authorization": f"Bearer {self.standin.token}", "content-type": "application/json"}
        response = self.standin.handle(Request(method, self.root + path, params, headers, json=body))
        assert response.status < 400, response.body
        return response.json() if response.body else None

    def person(self, email: str) -> Any:
        """The living contact with this address in the system in memory."""
        (found,) = [r for r in self.memory.alive("contact") if r.fields["email"] == email]
        return found

    def edit(self, who: str, **fields: Any) -> None:
        """Somebody changes that contact."""
        self.clock.advance(60_000)
        self.memory.person_edit("contact", self.person(who).id, fields)
