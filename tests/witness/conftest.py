"""Witnesses that were not written here: recordings of real traffic, found by TIELINE_RECORDINGS.

A test that asks for `conversation` runs once for every recording of the vendor whose folder the test is in; without
recordings it is skipped with that reason. The helper modules of this area are loaded by path, as test folders are no
packages.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

_HERE = Path(__file__).parent
_NO_RECORDINGS = "TIELINE_RECORDINGS names no folder with recordings of this vendor"


def _module(path: Path) -> ModuleType:
    name = "tieline_witness_" + "_".join(path.relative_to(_HERE).with_suffix("").parts)
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules[name]


def _recordings(vendor: str, part: str) -> Path:
    return Path(os.environ.get("TIELINE_RECORDINGS") or "/nowhere") / vendor / part


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each recording of the test's vendor to tests that ask for a `conversation`."""
    if "conversation" not in metafunc.fixturenames:
        return
    folder = _recordings(Path(metafunc.module.__file__ or "").parent.name, "recorded")
    found = _module(_HERE / "replay.py").conversations(folder) if folder.is_dir() else []
    rows = [pytest.param(one, id=one.name) for one in found]
    metafunc.parametrize("conversation", rows or [pytest.param(None, marks=pytest.mark.skip(reason=_NO_RECORDINGS))])


@pytest.fixture
def witness_module() -> Callable[[str], Any]:
    """Loads a helper module of this area: `witness_module("replay")`, `witness_module("hubspot/adapter")`."""
    return lambda name: _module(_HERE / f"{name}.py")


@pytest.fixture
def replay_module() -> Any:
    """The vendor-neutral replayer."""
    return _module(_HERE / "replay.py")


@pytest.fixture
def captured(request: pytest.FixtureRequest) -> list[tuple[str, Any]]:
    """(name, body) of every captured answer of the vendor in whose folder the test is; skips when there are none."""
    import json

    folder = _recordings(request.path.parent.name, "captured")
    rows = [(p.relative_to(folder).as_posix(), json.loads(p.read_text())) for p in sorted(folder.rglob("*.json"))]
    if not rows:
        pytest.skip(_NO_RECORDINGS)
    return rows
