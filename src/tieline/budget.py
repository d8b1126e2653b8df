"""Decides when a call may leave: one gate for each system, shared by its streams and threads.

It follows what the server's own headers say (`Quota`), and where they say nothing learns the sustainable rate from
refusals: additive increase, multiplicative decrease. It sends nothing and knows no header's name.
"""

from __future__ import annotations

import random as _random
import threading
from collections.abc import Callable
from typing import Final

from tieline.connector import Quota
from tieline.errors import RateLimited
from tieline.ports import Clock

MAX_WAIT: Final = 120.0
"""Seconds one call waits at most; beyond, the stream ends and the next run goes on."""
RESERVE: Final = 0.05
"""Share of the daily budget left to the account's other users."""
DAILY_RECHECK: Final = 600.0
"""Seconds until one call may look whether a used-up daily budget has recovered."""
NEAR_EMPTY: Final = 0.2
"""Share of an interval's calls below which the rest is spread over the time until the reset."""
DEFAULT_RESET: Final = 1.0
"""Seconds until a reset, where the server does not say."""
MEMORY: Final = 20.0
"""Seconds over which the achieved rate is measured."""
EASE, YIELD_AT_MOST = 0.95, 0.7
"""After a refusal the rate is this share of what was achieved; but never below the second share of what it was."""
PROBE, PROBE_MOST = 0.02, 0.2
"""Growth of the rate per second, and its ceiling: it quickens while nothing is refused."""
SLOWEST: Final = 0.05
"""Calls per second; the floor of a learnt rate."""
LONGEST_PAUSE: Final = 60.0
"""Seconds of a pause after repeated refusals that name none."""
SHORTEST_PAUSE: Final = 0.05
MAX_BURST: Final = 10.0
"""Seconds' worth of calls that may be made up for after a pause."""


class Budget:
    """A gate on the clock port. `enter` before each request, `leave` or `refused` after it, from any thread."""

    def __init__(
        self,
        clock: Clock,
        *,
        system: str = "the system",
        max_wait: float = MAX_WAIT,
        random: Callable[[], float] = _random.random,
    ) -> None:
        self._clock, self._system, self._max_wait, self._random = clock, system, max_wait, random
        self._lock = threading.Lock()
        self._lanes: dict[str, Budget] = {}
        self.calls = 0
        """Requests sent so far, refused ones included."""
        self._flying = 0
        self._hold = float("-inf")  # nobody leaves before
        # the learnt rate: none until a first refusal, then a bucket kept as the time at which it is empty again
        self.rate: float | None = None
        """Calls per second learnt from refusals; None while nothing was refused."""
        self._burst = 1.0
        self._burst_most = MAX_BURST
        self._price = 1.0  # seconds that the last refusal cost: the dearer, the slower the rate is probed
        self._due = float("-inf")
        self._epoch = 0  # one decrease for all calls that were under way at the same refusal
        self._learnt = 0.0
        self._strikes = 0
        self._mark: float | None = None
        self._done = 0.0
        # the interval named by headers
        self._gap = 0.0
        self._gap_until = self._next = float("-inf")
        self._daily: tuple[float, str] | None = None

    def lane(self, name: str) -> Budget:
        """The gate of calls that the system limits apart from all others; this one for the empty name.

        A refusal there slows nobody here, and the other way round.
        """
        if not name:
            return self
        with self._lock:
            lane = self._lanes.get(name)
            if lane is None:
                lane = self._lanes[name] = Budget(
                    self._clock, system=self._system, max_wait=self._max_wait, random=self._random
                )
        return lane

    @property
    def sent(self) -> int:
        """Requests sent so far in all lanes."""
        with self._lock:
            return self.calls + sum(lane.calls for lane in self._lanes.values())

    def enter(self) -> int:
        """Wait for a turn; gives a ticket for `leave` or `refused`.

        Raises RateLimited, and sends nobody, when the wait would be longer than `max_wait` or the daily budget is
        down to its reserve.
        """
        with self._lock:
            now = self._clock.monotonic()
            wait = self._reserve(now) - now
            if wait <= 0:
                return self._go(now)
        while True:
            self._clock.sleep(wait)
            with self._lock:
                now = self._clock.monotonic()
                wait = self._hold - now  # a refusal that came meanwhile holds everybody
                if wait <= 0:
                    return self._go(now)
                self._bearable(wait)

    def leave(self, ticket: int, quota: Quota | None = None) -> None:
        """A call is back, answered or lost; `quota` is what its headers said."""
        with self._lock:
            now = self._clock.monotonic()
            self._flying -= 1
            self._done += 1
            if ticket == self._epoch:
                self._strikes = 0
                if self.rate is not None:
                    # by call, so that a rate nobody uses does not grow
                    self.rate += min(PROBE_MOST, PROBE * (1 + (now - self._learnt) / 2)) / self._price
            if quota is not None:
                self._follow(quota, now)

    def refused(self, ticket: int, retry_after: float | None, quota: Quota | None = None) -> None:
        """A call was refused as too fast: everybody pauses; the rate comes down, once for all that were under way."""
        with self._lock:
            now = self._clock.monotonic()
            self._flying -= 1
            first = ticket == self._epoch
            if first:
                self._epoch += 1
                self._strikes += 1
            backoff = min(LONGEST_PAUSE, 2.0 ** (self._strikes - 1)) * (0.5 + self._random() / 2)
            pause = max(SHORTEST_PAUSE, backoff if retry_after is None else retry_after)
            if first:
                self._slow_down(now, pause)
            self._hold = max(self._hold, now + pause)
            if quota is not None:
                self._follow(quota, now)

    def _bearable(self, wait: float) -> None:
        if wait > self._max_wait:
            raise RateLimited(
                f"{self._system} asks for a pause of {wait:.0f} s, longer than {self._max_wait:.0f} s: "
                "the next run goes on from here",
                retry_after=wait,
            )

    def _go(self, now: float) -> int:
        if self._mark is None:
            self._mark = now
        self.calls += 1
        self._flying += 1
        return self._epoch

    def _reserve(self, now: float) -> float:
        """The moment this call may leave; its place is taken, unless it raises."""
        if self._daily is not None:
            until, message = self._daily
            if now < until:
                raise RateLimited(message)
            self._daily = (now + DAILY_RECHECK, message)  # this call looks, the others wait for its answer
        start = max(now, self._hold)
        spread = now < self._gap_until
        if spread:
            start = max(start, self._next)
        if self.rate is not None:
            start = max(start, self._due - self._burst)
        self._bearable(start - now)
        if spread:
            self._next = start + self._gap
        if self.rate is not None:
            self._due = max(self._due, start) + 1 / self.rate
        return start

    def _slow_down(self, now: float, pause: float) -> None:
        since = now if self._mark is None else self._mark
        span = max(1.0, now - since)
        achieved = EASE * self._done / span
        if self.rate is not None:
            achieved = min(max(achieved, self.rate * YIELD_AT_MOST), self.rate * EASE)
        self.rate = max(SLOWEST, achieved)
        if now - self._hold < 1.0:  # refused right after a pause: the server does not save up that much
            self._burst_most = max(1.0, self._burst_most / 2)
        # what could not be sent during the pause is made up for after it: the server's own bucket fills meanwhile
        self._burst = min(max(pause, 1.0), self._burst_most)
        self._price = max(1.0, pause)
        self._due = now + self._burst
        self._learnt = now
        if span > MEMORY:
            self._done *= MEMORY / 2 / span
            self._mark = now - MEMORY / 2

    def _follow(self, quota: Quota, now: float) -> None:
        if quota.remaining is not None:
            reset = DEFAULT_RESET if quota.resets_in is None else max(quota.resets_in, 0.0)
            left = quota.remaining - self._flying  # those under way are not counted in this answer
            if quota.remaining <= 0:
                self._hold = max(self._hold, now + reset)
            elif left <= (quota.limit or 10 * max(1, self._flying)) * NEAR_EMPTY:
                self._gap = reset / max(left, 1)
                self._gap_until = now + reset
                self._next = min(max(self._next, now), self._gap_until)
            else:
                self._gap_until = float("-inf")
        if quota.daily_remaining is not None:
            self._follow_day(quota.daily_remaining, quota.daily_limit, now)

    def _follow_day(self, remaining: int, limit: int | None, now: float) -> None:
        if remaining > (limit or 0) * RESERVE:
            self._daily = None
            return
        of = f" of {limit}" if limit else ""
        message = (
            f"the daily budget of {self._system} is nearly used: {remaining}{of} calls left, which are kept for its "
            "other users; the next run goes on from here"
        )
        self._daily = (now + DAILY_RECHECK, message)
