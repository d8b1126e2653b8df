"""A clock that is set back, so that a day fits into seconds and everything in it lies in the past."""

from __future__ import annotations

import math
import threading

from tieline.ports import Clock, SystemClock

HOUR_MS = 3_600_000


class PastClock:
    """The machine's clock, `behind` it by some ms. It is never ahead of it, and never goes back. Threads may share it.

    Nobody waits as long as it is behind: who sleeps lets so much time go by at once, for all.
    """

    def __init__(self, behind: int, real: Clock | None = None) -> None:
        self._real = real or SystemClock()
        self._lock = threading.Lock()
        self._behind = behind
        self._slept = 0

    def now(self) -> int:
        """Milliseconds since 1970 UTC, as everybody in the demo reads them."""
        return self._real.now() - self._behind

    def monotonic(self) -> float:
        """The machine's own count of seconds, and those that somebody slept without waiting."""
        return self._real.monotonic() + self._slept / 1000

    def sleep(self, seconds: float) -> None:
        """Be that much later; what is left of it when the machine's now is reached is really waited for."""
        with self._lock:
            skipped = min(math.ceil(seconds * 1000), self._behind)
            self._behind -= skipped
            self._slept += skipped
        if (left := seconds - skipped / 1000) > 0:
            self._real.sleep(left)

    def pass_by(self, ms: int) -> None:
        """Let time go by at once, at most until the machine's now."""
        with self._lock:
            self._behind = max(0, self._behind - ms)
