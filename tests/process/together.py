"""Runs long stories side by side, each once: all from the start, or as asked for where tests are shared out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future
from typing import Generic, TypeVar

K = TypeVar("K")
T = TypeVar("T")


class Together(Generic[K, T]):
    """What came of each story. A worker of pytest-xdist sees only some of the tests: it begins none ahead."""

    def __init__(self, pool: Executor, tell: Callable[[K], T], keys: Iterable[K]) -> None:
        self._pool, self._tell = pool, tell
        self._told: dict[K, Future[T]] = {}
        if "PYTEST_XDIST_WORKER" not in os.environ:
            for key in keys:
                self._begin(key)

    def _begin(self, key: K) -> Future[T]:
        if key not in self._told:
            self._told[key] = self._pool.submit(self._tell, key)
        return self._told[key]

    def __getitem__(self, key: K) -> T:
        """The story's end; raises what it raised."""
        return self._begin(key).result()
