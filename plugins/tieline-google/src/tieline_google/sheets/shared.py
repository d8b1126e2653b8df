"""An answer that several streams of one spreadsheet want at the same time, asked once. Knows no HTTP."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from tieline import Clock

FRESH_MS = 2_000
"""How old an answer may be that another stream has asked for."""

T = TypeVar("T")


class Shared(Generic[T]):
    """Asks, and hands the answer to each taker once, as long as it is fresh. Safe to share between threads."""

    def __init__(self, clock: Clock, ask: Callable[[], T]) -> None:
        self._clock, self._ask = clock, ask
        self._lock = threading.Lock()
        self._last: tuple[T, int, set[str]] | None = None

    def get(self, taker: str, *, again: bool = False) -> T:
        """What one taker asks, the others may take; with `again` the same one, too."""
        with self._lock:
            now = self._clock.now()
            if self._last is not None:
                answer, asked, takers = self._last
                if (again or taker not in takers) and 0 <= now - asked <= FRESH_MS:
                    takers.add(taker)
                    return answer
            answer = self._ask()
            self._last = (answer, now, {taker})
            return answer
