"""Stand-ins, gates and desks; whatever a test started is stopped when it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.process.harness import Counter, Desk, Gate, Sandboxes


@pytest.fixture(scope="session", autouse=True)
def witnesses() -> None:
    """Nothing here runs without the SDKs that look from the outside, and the certificates they want."""
    for name, package in (
        ("hubspot", "hubspot-api-client"),
        ("simple_salesforce", "simple-salesforce"),
        ("trustme",) * 2,
    ):
        pytest.importorskip(name, reason=f"{package} is not installed")


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Makes scenes: `scene(*vices, seed=…, **config parts)` gives stand-ins, a gate for each, a desk behind them."""
    with ExitStack() as stack:

        def make(*vices: str, seed: str = "empty", **parts: str) -> Any:
            sandboxes = Sandboxes(tmp_path / "sandbox", *vices, seed=seed)
            stack.callback(sandboxes.stop)
            counter = Counter()
            gates = {name: Gate(sandboxes, name, counter) for name in ("crm", "marketing")}
            for gate in gates.values():
                stack.callback(gate.close)
            desk = Desk(tmp_path / "desk", {n: g.url for n, g in gates.items()}, sandboxes.token, **parts)
            return SimpleNamespace(sandboxes=sandboxes, gates=gates, counter=counter, desk=desk)

        yield make


@pytest.fixture
def plain_desk(tmp_path: Path) -> Desk:
    """A desk without stand-ins; the test writes its configuration."""
    nowhere = dict.fromkeys(("crm", "marketing"), "http://127.0.0.1:9")
    return Desk(tmp_path / "desk", nowhere, dict.fromkeys(nowhere, "unused"))
