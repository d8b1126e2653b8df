"""Commands in process, against systems that live in memory: what people do there is one call away."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tieline import ConnectorSpec, Context, Finding, HttpProfile, NotAuthorised, Rule, hookimpl
from tieline.cli.app import app
from tieline.cli.console import Console
from tieline.cli.session import Session
from tieline.plugins import Registry
from tieline.ports import Request, Response
from tieline.records import FIELDS
from tieline.standin import SandboxOptions
from tieline.testing import STREAMS, Character, MemoryConnector, MemorySystem

CONFIG = """\
[systems.crm]
connector = "memory"

[systems.marketing]
connector = "memory"
"""


class Stub:
    """A stand-in that answers everything with what it was started with."""

    def __init__(self, options: SandboxOptions) -> None:
        self.token = "stub-token"
        self.client_id, self.client_secret, self.token_path = "id", "secret", "/token"
        self.options = options
        self.count = (options.state or {}).get("count", 0)

    def handle(self, request: Request) -> Response:
        self.count += 1
        body = {"seed": self.options.seed, "vices": sorted(self.options.vices), "count": self.count}
        return Response(200, {"content-type": "application/json"}, json.dumps(body).encode())

    def dump(self) -> dict[str, Any]:
        return {"count": self.count}


@dataclass
class World:
    """The systems by name, and what their connectors do when they are asked."""

    systems: dict[str, MemorySystem] = field(default_factory=dict)
    trouble: dict[str, Exception] = field(default_factory=dict)
    """System → raised when it is opened."""
    findings: dict[str, Any] = field(default_factory=dict)
    """System → what `check` gives, or raises."""
    mended: dict[tuple[str, str], Any] = field(default_factory=dict)
    """(system, name) → what `mend` gives, raises, or is called for; what it gave is no finding any more."""

    def __getitem__(self, name: str) -> MemorySystem:
        if name not in self.systems:
            self.systems[name] = MemorySystem(Character(name=name, kinds=("account", "contact"), full_listing=True))
        return self.systems[name]

    def connect(self, context: Context) -> Any:
        if context.system in self.trouble:
            raise self.trouble[context.system]
        connector = MemoryConnector(self[context.system])
        if context.system in self.findings:
            connector.check = self._check(context.system)  # type: ignore[method-assign]
            connector.mend = self._mend(context.system)  # type: ignore[attr-defined]
        return connector

    def _check(self, name: str) -> Callable[[], Any]:
        def check() -> Any:
            if isinstance(self.findings[name], Exception):
                raise self.findings[name]
            return self.findings[name]

        return check

    def _mend(self, name: str) -> Callable[[str], Any]:
        def mend(what: str) -> Any:
            made = self.mended[name, what]
            if isinstance(made, Exception):
                raise made
            if callable(made):
                return made(what)
            if made.level == "ok":
                self.findings[name] = [f for f in self.findings[name] if f.mend != what]
            return made

        return mend


class Memory:
    """The plugin: `memory` is synced in tests, `stub` has only a stand-in."""

    __name__ = "memory"

    def __init__(self, world: World) -> None:
        self.world = world

    @hookimpl
    def tieline_connectors(self) -> list[ConnectorSpec]:
        kinds = ("account", "contact")
        tables = {STREAMS[k]: tuple(Rule(name, name) for name in FIELDS[k]) for k in kinds}
        memory = ConnectorSpec(
            name="memory",
            title="A system in memory",
            streams=tuple(tables),
            kinds={STREAMS[k]: k for k in kinds},
            connect=self.world.connect,
            mapping=tables,
        )
        stub = ConnectorSpec(
            name="stub",
            title="A stand-in",
            streams=("things",),
            kinds={"things": "account"},
            connect=self.world.connect,
            mapping={"things": (Rule("name", "name"),)},
            http=HttpProfile(hosts=("stub.test",)),
            sandbox=Stub,
            vices=("search-lag", "rate-limit"),
        )
        return [memory, stub]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def not_authorised() -> type[NotAuthorised]:
    return NotAuthorised


@pytest.fixture
def finding() -> type[Finding]:
    return Finding


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TIELINE_HOME", raising=False)
    return tmp_path


class Answering(Console):
    """A terminal with somebody who gives one answer to every question; None: nobody is there."""

    def __init__(self, answer: bool | None) -> None:
        super().__init__()
        self.answer = answer

    def confirm(self, question: str) -> bool | None:
        return self.answer


@pytest.fixture
def tieline(here: Path, world: World) -> Callable[..., Result]:
    """Runs a command line in `here`, as `tieline` would."""

    def run(*arguments: str, answer: bool | None = None, **more: Any) -> Result:
        session = Session(registry=Registry(extra=[Memory(world)]))
        session.console = Answering(answer)
        return CliRunner().invoke(app, list(arguments), obj=session, **more)

    return run


@pytest.fixture
def configured(here: Path) -> Path:
    """A configuration of two systems in memory."""
    path = here / "tieline.toml"
    path.write_text(CONFIG, encoding="utf-8")
    return path
