"""Thousands of schedules make many objects and no cycles: the interpreter looks for some less often."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from tests.simulate import GC_OBJECTS


@pytest.fixture(scope="session", autouse=True)
def seldom_collected() -> Iterator[None]:
    """Look for cycles seldom while these tests run."""
    before = gc.get_threshold()
    gc.set_threshold(GC_OBJECTS)
    yield
    gc.set_threshold(*before)
