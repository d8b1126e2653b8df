"""Drives coroutines whose network calls run elsewhere. Only this thread touches the store.

A lane is a generator that yields `Job`s: the job runs on the executor, its answer (or exception) comes back into the
generator. Sequential code, concurrent calls, and in simulation one seeded order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from typing import Any, NamedTuple

from tieline.errors import PluginFailed, TielineError
from tieline.runner.context import Run, System
from tieline.store import LeaseLost


class Job(NamedTuple):
    """One call to a system."""

    system: System
    ask: Callable[[], Any]


Lane = Generator[Job, Any, None]


def drive(run: Run, lanes: Iterable[tuple[str, Lane]], width: Callable[[str], int]) -> None:
    """Run lanes, at most `width(system)` of a system at once; a system that failed starts no further lane.

    A lane's error is noted in `run.failed` of its system. Errors that must end the run (the lease is gone, the store
    is full, a stop) are raised once nothing is in flight.
    """
    waiting: dict[str, deque[Lane]] = {}
    source = iter(lanes)
    executor = run.ports.executor()
    flight = _Flight(run, executor, width)
    fatal: BaseException | None = None
    exhausted = False
    try:
        while True:
            while not exhausted and fatal is None and flight.hungry(waiting):
                item = next(source, None)
                if item is None:
                    exhausted = True
                else:
                    waiting.setdefault(item[0], deque()).append(item[1])
                    fatal = flight.start(waiting)
            if fatal is None:
                fatal = flight.start(waiting)
            if not flight.open:
                if fatal is not None:
                    raise fatal
                if exhausted and not any(waiting.values()):
                    return
                continue
            fatal = flight.land() or fatal
    finally:
        executor.close()


class _Flight:
    """The lanes under way."""

    def __init__(self, run: Run, executor: Any, width: Callable[[str], int]) -> None:
        self.run = run
        self.executor = executor
        self.width = width
        self.open = 0
        self.running: dict[str, int] = {}

    def hungry(self, waiting: dict[str, deque[Lane]]) -> bool:
        """Whether another lane could start: nothing waits, so the source may be asked."""
        return not any(waiting.values())

    def start(self, waiting: dict[str, deque[Lane]]) -> BaseException | None:
        """Start what may start now."""
        for name, lanes in waiting.items():
            while lanes and self.running.get(name, 0) < self.width(name):
                lane = lanes.popleft()
                if name in self.run.failed:
                    lane.close()
                    continue
                self.running[name] = self.running.get(name, 0) + 1
                fatal = self._advance(name, lane, None, None)
                if fatal is not None:
                    return fatal
        return None

    def land(self) -> BaseException | None:
        """Take one finished call back into its lane."""
        with suppress(LeaseLost):  # the lane finds out when it commits; whatever was not sent yet is not sent any more
            self.run.hold_lease()
        (name, lane), future = self.executor.next()
        self.open -= 1
        error = future.exception()
        if error is not None and not isinstance(error, TielineError):
            wrapped = PluginFailed(f"the connector of {name} failed: {type(error).__name__}: {error}")
            wrapped.__cause__ = error
            error = wrapped
        self.run.ports.boundary(f"called:{name}")
        return self._advance(name, lane, None if error else future.result(), error)

    def _advance(self, name: str, lane: Lane, answer: Any, error: BaseException | None) -> BaseException | None:
        """Let a lane run up to its next call. Returns an error that must end the run."""
        try:
            job = lane.send(answer) if error is None else lane.throw(error)
            self.run.keep_lease()
            self.run.ports.boundary(f"call:{name}")
        except StopIteration:
            self.running[name] -= 1
            return None
        except TielineError as failure:
            self.running[name] -= 1
            if getattr(failure, "fatal", False):
                return failure
            self.run.fail(name, failure)
            return None
        self.executor.submit(name, self.width(name), (name, lane), lambda: self.run.in_time(job.ask))
        self.open += 1
        return None
