"""Witnesses that were not written here: recordings of real traffic, found by TIELINE_RECORDINGS.

A test that asks for `conversation` runs once for every recording of the vendor whose folder the test is in; without
recordings it is skipped with that reason.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.witness import replay

_NO_RECORDINGS = "TIELINE_RECORDINGS names no folder with recordings of this vendor"


def _recordings(vendor: str, part: str) -> Path:
    return Path(os.environ.get("TIELINE_RECORDINGS") or "/nowhere") / vendor / part


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each recording of the test's vendor to tests that ask for a `conversation`."""
    if "conversation" not in metafunc.fixturenames:
        return
    folder = _recordings(Path(metafunc.module.__file__ or "").parent.name, "recorded")
    found = replay.conversations(folder) if folder.is_dir() else []
    rows = [pytest.param(one, id=one.name) for one in found]
    metafunc.parametrize("conversation", rows or [pytest.param(None, marks=pytest.mark.skip(reason=_NO_RECORDINGS))])


@pytest.fixture
def witness_module() -> Callable[[str], Any]:
    """Imports a module of this area when a test wants it, as what it imports may not be there:
    `witness_module("google/office")`."""
    return lambda name: import_module("tests.witness." + name.replace("/", "."))


@pytest.fixture
def replay_module() -> Any:
    """The vendor-neutral replayer."""
    return replay


@pytest.fixture
def captured(request: pytest.FixtureRequest) -> list[tuple[str, Any]]:
    """(name, body) of every captured answer of the vendor in whose folder the test is; skips when there are none."""
    folder = _recordings(request.path.parent.name, "captured")
    rows = [(p.relative_to(folder).as_posix(), json.loads(p.read_text())) for p in sorted(folder.rglob("*.json"))]
    if not rows:
        pytest.skip(_NO_RECORDINGS)
    return rows
