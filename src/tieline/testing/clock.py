"""Time and ids that a test decides: a clock that moves only when told, and hub ids that repeat with their seed."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

START_MS = 1_750_000_000_000
"""Where a `FakeClock` starts: 2025-06-15 15:06:40 UTC."""


class FakeClock:
    """A `ports.Clock` that stands still between `sleep` and `advance`. Threads may share it."""

    def __init__(self, start: int = START_MS) -> None:
        self._now = start
        self._start = start
        self._lock = threading.Lock()
        self.slept = 0.0
        """Seconds that callers asked to sleep, in sum."""
        self.sleeps: list[float] = []
        """Each of them, in order."""
        self.passing: Callable[[], None] | None = None
        """Called after each sleep: what happens elsewhere while somebody sleeps."""

    def now(self) -> int:
        """Milliseconds since 1970 UTC."""
        return self._now

    def monotonic(self) -> float:
        """Seconds since this clock was made; a clock set back does not turn it back."""
        return (self._now - self._start) / 1000

    def sleep(self, seconds: float) -> None:
        """Return at once, that much later."""
        if seconds > 0:
            with self._lock:
                self.slept += seconds
                self.sleeps.append(seconds)
                self._now += max(1, round(seconds * 1000))  # a sleep too short for this clock still ends
            if self.passing is not None:
                self.passing()

    def advance(self, ms: int) -> int:
        """Let `ms` pass (at least 0) and say what time it is then."""
        if ms < 0:
            raise ValueError("time does not go back")
        with self._lock:
            self._now += ms
            return self._now


class SeqIds:
    """`ports.Ids` shaped like UUIDv7, the same for the same seed and moments; later ids sort after earlier ones."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._count = 0

    def new(self, now: int) -> str:
        """A fresh id for the moment `now` (ms): 48 bits of time, 12 of count, 62 drawn from the seed."""
        with self._lock:
            self._count += 1
            count, noise = self._count & 0xFFF, self._random.getrandbits(62)
        value = (now & 0xFFFFFFFFFFFF) << 80 | 0x7 << 76 | count << 64 | 0b10 << 62 | noise
        text = f"{value:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
