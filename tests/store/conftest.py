"""A store in a file, closed at the end; `reopen` makes another process of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tieline.store import Store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store's file is, or will be."""
    return tmp_path / "store.db"


@pytest.fixture
def reopen(path: Path) -> Iterator[Callable[[], Store]]:
    """Opens the file once more; all are closed at the end."""
    opened: list[Store] = []

    def open_it() -> Store:
        opened.append(Store(path))
        return opened[-1]

    yield open_it
    for store in opened:
        store.close()


@pytest.fixture
def store(reopen: Callable[[], Store]) -> Store:
    """A fresh store."""
    return reopen()
