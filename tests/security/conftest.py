"""Benches on stand-ins that stop with the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.security.signing import READY, Bench, Vendor, vendors


@pytest.fixture
def make_bench(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """`make_bench("vice", …, crm=…, more=…)`."""
    started: list[Vendor] = []

    def make(*vices: str, **auth: Any) -> Bench:
        found = vendors(*vices)
        started.extend(found.values())
        return Bench(tmp_path / f"bench-{len(started)}", found, **auth)

    yield make
    for vendor in started:
        vendor.server.close()


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    """Both vendors, whose refresh tokens rotate."""
    return make_bench("refresh-rotation")


@pytest.fixture
def crm_bench(make_bench: Callable[..., Bench]) -> Bench:
    """As `bench`, but somebody has to sign in to the CRM alone."""
    return make_bench("refresh-rotation", marketing=READY)
