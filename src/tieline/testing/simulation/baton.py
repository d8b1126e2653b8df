"""Several processes as threads of which exactly one runs: it holds the baton, and passes it on at port calls.

Who goes on is drawn from a seed, so that a second scheduler, a process that sleeps longer than its lease and a crash
in the middle are nothing but schedules. It knows nothing of what the processes do.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

from tieline.testing.clock import FakeClock


class BatonClock(FakeClock):
    """The clock of whoever holds the baton: nobody else moves it meanwhile."""

    def advance(self, ms: int) -> int:
        """Let `ms` pass (at least 0) and say what time it is then."""
        if ms < 0:
            raise ValueError("time does not go back")
        self._now += ms
        return self._now


class Ended(BaseException):
    """The schedule is over: a process that still waits for the baton unwinds without doing anything more."""


def _closed() -> threading.Lock:
    """A door that whoever holds the baton opens for one other: once, and never before that one has gone through."""
    door = threading.Lock()
    door.acquire()
    return door


class Process:
    """One process: its thread, until when it sleeps, and what it died of."""

    def __init__(self, number: int, work: Callable[[], None]) -> None:
        self.number = number
        self.work = work
        self.until = 0
        """It does not run before this moment (ms)."""
        self.done = False
        self.ended = False
        self.error: BaseException | None = None
        self.epoch: int | None = None
        """Its fencing epoch, kept while somebody else holds the baton."""
        self.took = 0
        """When it took the home, in the order of takings; 0: it did not."""
        self._go = _closed()
        self._back: threading.Lock | None = None
        self._thread = threading.Thread(target=self._run, name=f"process-{number}", daemon=True)

    def _run(self) -> None:
        self._go.acquire()
        try:
            if not self.ended:
                self.work()
        except BaseException as error:  # handed to whoever resumed it
            self.error = error
        finally:
            self.done = True
            if self._back is not None:
                self._back.release()

    def resume(self, back: threading.Lock) -> None:
        """Run until it passes the baton back, or ends."""
        if self._back is None:
            self._thread.start()
        self._back = back
        self._go.release()
        back.acquire()
        if self.done:
            self._thread.join()

    def pass_back(self) -> None:
        """Called in its own thread: let somebody else run, and go on when resumed."""
        if self._back is None:
            raise RuntimeError("nobody has resumed this process")
        self._back.release()
        self._go.acquire()
        if self.ended:
            raise Ended


class Baton:
    """Starts processes and decides which of them goes on."""

    def __init__(self, rng: random.Random, clock: FakeClock) -> None:
        self.rng = rng
        self.clock = clock
        self.processes: list[Process] = []
        self.count = 0
        self._back = _closed()

    @property
    def alive(self) -> list[Process]:
        """The processes that have not ended, oldest first."""
        return [p for p in self.processes if not p.done]

    def start(self, work: Callable[[], None]) -> Process:
        """A new process; it runs once it is chosen."""
        self.count += 1
        process = Process(self.count, work)
        self.processes.append(process)
        return process

    def close(self, before: Callable[[Process], None]) -> None:
        """End whatever has not ended."""
        for process in self.alive:
            process.ended = True
            before(process)
            process.resume(self._back)
        self.processes.clear()

    def step(self, before: Callable[[Process], None]) -> Process:
        """Let one process run up to its next pass; when all sleep, time goes on until the first wakes.

        `before` is told who it is. What a process died of is raised here.
        """
        alive = self.alive
        awake = [p for p in alive if p.until <= self.clock.now()]
        if not awake:
            self.clock.advance(max(0, min(p.until for p in alive) - self.clock.now()))
            awake = [p for p in alive if p.until <= self.clock.now()]
        chosen = awake[self.rng.randrange(len(awake))]
        before(chosen)
        chosen.resume(self._back)
        if chosen.done:
            self.processes.remove(chosen)
            if chosen.error is not None:
                raise chosen.error
        return chosen
