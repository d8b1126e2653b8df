"""A clock that is set back, so that a day fits into seconds and everything in it lies in the past."""

from __future__ import annotations

from tieline.ports import Clock, SystemClock

HOUR_MS = 3_600_000


class PastClock:
    """The machine's clock, `behind` it by some ms. It is never ahead of it, and never goes back."""

    def __init__(self, behind: int, real: Clock | None = None) -> None:
        self._real = real or SystemClock()
        self._behind = behind

    def now(self) -> int:
        """Milliseconds since 1970 UTC, as everybody in the demo reads them."""
        return self._real.now() - self._behind

    def monotonic(self) -> float:
        """The machine's own count of seconds."""
        return self._real.monotonic()

    def sleep(self, seconds: float) -> None:
        """Really wait."""
        self._real.sleep(seconds)

    def pass_by(self, ms: int) -> None:
        """Let time go by at once, at most until the machine's now."""
        self._behind = max(0, self._behind - ms)
