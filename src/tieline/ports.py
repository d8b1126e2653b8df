"""Every nondeterminism comes in here: clock, ids, randomness, transport, executor.

The product uses the real ones below; tests and simulation hand in their own. A port call is also where a simulated
scheduler may pass the baton, and where a simulated process may die.
"""

from __future__ import annotations

import os
import queue
import random
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from pydantic_core import from_json, to_json

T = TypeVar("T")


class Clock(Protocol):
    """Wall time in ms since 1970 UTC, a monotone count of seconds, and sleep."""

    def now(self) -> int: ...
    def monotonic(self) -> float: ...
    def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> int:
        """Milliseconds since 1970 UTC."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Seconds since an arbitrary point; never goes back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Block this thread."""
        time.sleep(seconds)


class Ids(Protocol):
    """Hub ids."""

    def new(self, now: int) -> str: ...


class Uuid7:
    """UUIDv7 (RFC 9562): 48 bits of milliseconds, 74 random bits; 36 characters, sorts by time of birth."""

    def new(self, now: int) -> str:
        """A fresh id for the moment `now` (ms)."""
        chance = int.from_bytes(os.urandom(10), "big") >> 6
        value = (now & 0xFFFFFFFFFFFF) << 80 | 0x7 << 76 | chance >> 62 << 64 | 0b10 << 62 | chance & 0x3FFFFFFFFFFFFFFF
        text = f"{value:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


# -- the wire, in our own types: what `http` sends and what a sandbox answers


@dataclass(slots=True)
class Request:
    """An HTTP request. `path` is below the base URL or an absolute URL; `params` are query parameters (repeatable by
    a list); `json` is encoded as the body unless `body` is given; `form` is sent urlencoded.

    `write` says the call changes something: it is never repeated once it may have arrived.
    """

    method: str
    path: str
    params: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    form: Mapping[str, str] | None = None
    body: bytes | None = None
    write: bool = False

    def payload(self) -> bytes:
        """The body as bytes, whichever way it was given."""
        if self.body is not None:
            return self.body
        return b"" if self.json is None else to_json(self.json)

    def data(self) -> Any:
        """The body decoded as JSON. Raises ValueError when it is not."""
        return self.json if self.json is not None else from_json(self.payload() or b"null")


@dataclass(slots=True)
class Response:
    """An HTTP answer. Header names are lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> Any:
        """The body decoded as JSON. Raises ValueError when it is not."""
        return from_json(self.body)


class Transport(Protocol):
    """Carries one request, with an absolute URL in `path`, to its server and back.

    Raises errors.Unavailable, `sent` False when nothing can have reached the server.
    """

    def send(self, request: Request) -> Response: ...
    def close(self) -> None: ...


# -- concurrency: jobs run elsewhere, results are taken by one thread that alone touches the store


class Answer(Protocol):
    """What a job came to: its result, or the exception it raised (None: none)."""

    def result(self) -> Any: ...
    def exception(self) -> BaseException | None: ...


class Executor(Protocol):
    """Runs jobs; `lane` bounds how many of one system run at once. `next` blocks for a finished job: tag and answer."""

    def submit(self, lane: str, width: int, tag: Any, job: Callable[[], T]) -> None: ...
    def next(self) -> tuple[Any, Answer]: ...
    def close(self) -> None: ...


class ThreadExecutor:
    """Threads, one pool per lane; results in the order they finish."""

    def __init__(self) -> None:
        self._pools: dict[str, ThreadPoolExecutor] = {}
        self._done: queue.SimpleQueue[tuple[Any, Future[Any]]] = queue.SimpleQueue()

    def submit(self, lane: str, width: int, tag: Any, job: Callable[[], T]) -> None:
        """Queue a job in its lane; `width` is the lane's number of threads, fixed by its first job."""
        pool = self._pools.get(lane)
        if pool is None:
            pool = self._pools[lane] = ThreadPoolExecutor(width, thread_name_prefix=f"tieline-{lane}")
        future = pool.submit(job)
        future.add_done_callback(lambda f: self._done.put((tag, f)))

    def next(self) -> tuple[Any, Future[Any]]:
        """The next finished job: its tag and its future."""
        return self._done.get()

    def close(self) -> None:
        """Drop what has not started and wait for what has."""
        for pool in self._pools.values():
            pool.shutdown(wait=True, cancel_futures=True)
        self._pools.clear()


class _Done:
    """The answer of a job that nobody waited for."""

    __slots__ = ("_error", "_result")

    def __init__(self, result: Any, error: Exception | None) -> None:
        self._result = result
        self._error = error

    def result(self) -> Any:
        """What the job returned, or the exception it raised."""
        if self._error is not None:
            raise self._error
        return self._result

    def exception(self) -> BaseException | None:
        """The exception it raised."""
        return self._error


class InlineExecutor:
    """Runs each job in the caller's thread when its result is asked for, in an order that `pick` chooses."""

    def __init__(self, pick: Callable[[int], int] | None = None) -> None:
        self._jobs: list[tuple[Any, Callable[[], Any]]] = []
        self._pick = pick or (lambda n: 0)

    def submit(self, lane: str, width: int, tag: Any, job: Callable[[], T]) -> None:
        """Keep the job for `next`."""
        self._jobs.append((tag, job))

    def next(self) -> tuple[Any, Answer]:
        """Run one waiting job; an exception stays in its answer, except what is no Exception (a crash)."""
        tag, job = self._jobs.pop(self._pick(len(self._jobs)))
        try:
            return tag, _Done(job(), None)
        except Exception as error:  # the answer carries it to whoever asks
            return tag, _Done(None, error)

    def close(self) -> None:
        """Forget what has not run."""
        self._jobs.clear()


def _no_boundary(name: str) -> None:
    return None


@dataclass(slots=True)
class Ports:
    """All ports of one process. `boundary` is called, with its name, between any two effects."""

    clock: Clock = field(default_factory=SystemClock)
    ids: Ids = field(default_factory=Uuid7)
    random: random.Random = field(default_factory=random.Random)
    executor: Callable[[], Executor] = ThreadExecutor
    boundary: Callable[[str], None] = _no_boundary
    stop: threading.Event = field(default_factory=threading.Event)
    """Set by a signal: the run ends at its next boundary."""
