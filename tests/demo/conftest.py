"""One performance of the demo for all tests that only look, and the way to work in the home it left."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tieline.cli.app import app
from tieline.cli.session import Session
from tieline.config import load
from tieline.home import Home
from tieline.hub import open_hub
from tieline.plugins import Registry
from tieline.sandbox import Server, serve
from tieline.standin import SandboxOptions


def _tieline(*arguments: str, registry: Registry | None = None) -> Result:
    session = Session(registry=registry, environ={})
    return CliRunner().invoke(app, list(arguments), obj=session)


@pytest.fixture(scope="session")
def tieline() -> Callable[..., Result]:
    """Runs a command line in the current folder, as `tieline` would."""
    return _tieline


@pytest.fixture(scope="session")
def performance(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """`tieline demo`, told as a story."""
    return _tieline("demo", "--dir", str(tmp_path_factory.mktemp("told") / "home"))


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """`tieline demo --json`."""
    return _tieline("demo", "--json", "--dir", str(tmp_path_factory.mktemp("played") / "home"))


@pytest.fixture(scope="session")
def home(played: Result) -> Path:
    """The home it left; tests may answer reviews in it only if they copy it."""
    return Path(json.loads(played.stdout)["home"])


@contextmanager
def _served(home: Path) -> Iterator[dict[str, Server]]:
    registry = Registry.discover()
    config = load(home / "tieline.toml", registry)
    servers: dict[str, Server] = {}
    try:
        for name, system in config.systems.items():
            state = json.loads((home / "sandboxes" / f"{system.spec.name}.json").read_text())
            port = int(system.base_url.rpartition(":")[2])
            assert system.spec.sandbox is not None
            servers[name] = serve(system.spec.sandbox(SandboxOptions(state=state)), port)
        yield servers
    finally:
        for server in servers.values():
            server.close()


@pytest.fixture(scope="session")
def served() -> Any:
    """A context: the stand-ins of a home, as they were saved, on the ports its configuration names."""
    return _served


def _everything(home: Path) -> dict[str, dict[str, list[Any]]]:
    """System → kind → all its remotes, read anew; needs the home's stand-ins to be served."""
    registry = Registry.discover()
    config = load(home / "tieline.toml", registry)
    found: dict[str, dict[str, list[Any]]] = {}
    with open_hub(config, Home(home), registry) as hub:
        for name, opened in hub.systems.items():
            for facts in opened.connector.facts.streams:
                remotes, token = [], None
                while True:
                    page = opened.connector.list(facts.name, token)
                    remotes += page.remotes
                    token = page.token
                    if token is None:
                        break
                last = {r.id: r for r in remotes}  # a listing may name one twice
                found.setdefault(name, {}).setdefault(facts.kind, []).extend(last.values())
    return found


@pytest.fixture(scope="session")
def everything(home: Path) -> dict[str, dict[str, list[Any]]]:
    """System → kind → all that is there after the demo, as the connectors read it, past the hub's memory."""
    with _served(home):
        return _everything(home)


@pytest.fixture
def stopped() -> threading.Event:
    """A stop that has been asked for already."""
    event = threading.Event()
    event.set()
    return event
