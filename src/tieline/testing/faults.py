"""What goes wrong between a hub and a system, drawn from a seed: `FaultyConnector` wraps any connector.

A fault never breaks the protocol of `connector`: it answers what a bad day may answer, so an engine must cope. What
must not happen at all is the business of `broken`.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import cast

from tieline.connector import Acting, Connector
from tieline.errors import RateLimited, Unavailable
from tieline.model import Action, Facts, Finding, Outcome, Page, Receipt, Remote, Schema, Window, Write
from tieline.ports import Clock

FAULTS: Mapping[str, str] = {
    "refused": "any call: Unavailable, sent False",
    "lost_before": "any call: Unavailable, sent True, and nothing was applied",
    "lost_after": "a write: all of it applied, then Unavailable, sent True",
    "late": "a write: Unavailable, sent True, and it is applied some time within `late_ms`",
    "throttle": "any call: RateLimited",
    "partial": "each item of a write: throttled, or unknown (applied or not)",
    "stale_read": "a read where the facts deny strong reads: an older state that was read before",
    "empty_list": "list: one page with nothing on it",
    "repeat": "list, changes, sweep: the last remote of a page comes again on the next",
    "reorder": "list, sweep, read: the remotes of one answer in another order",
}
"""Name → what it does. Each has a probability per call."""

MANY = 1 << 30
"""More calls than any test makes."""


class Faults:
    """Decides, from one seed, which call goes wrong and how. `struck` counts what was done, by name.

    `rates` are probabilities by the names of `FAULTS`; a name not given never strikes by chance. `on` False stops all.
    """

    def __init__(
        self, seed: int | random.Random = 0, rates: Mapping[str, float] | None = None, late_ms: int = 0
    ) -> None:
        unknown = sorted(set(rates or ()) - set(FAULTS))
        if unknown:
            raise ValueError(f"no such fault: {', '.join(unknown)}; there are {', '.join(FAULTS)}")
        self.random = seed if isinstance(seed, random.Random) else random.Random(seed)
        self.rates = dict(rates or {})
        self.late_ms = late_ms
        self.on = True
        self.struck: Counter[str] = Counter()
        self._forced: Counter[str] = Counter()

    def force(self, name: str, times: int = 1) -> None:
        """Let a fault strike for sure the next `times` it could, whatever its rate."""
        if name not in FAULTS:
            raise ValueError(f"no such fault: {name}; there are {', '.join(FAULTS)}")
        self._forced[name] += times

    @contextmanager
    def during(self, name: str) -> Iterator[None]:
        """Let a fault strike for sure as long as this is entered."""
        self.force(name, MANY)
        try:
            yield
        finally:
            self._forced[name] = 0

    def strikes(self, name: str) -> bool:
        """Whether this fault happens now; asking is what counts it."""
        rate = self.rates.get(name, 0.0)
        if self._forced and self._forced[name] > 0:
            self._forced[name] -= 1
        elif not (self.on and rate and self.random.random() < rate):
            return False
        self.struck[name] += 1
        return True


class FaultyConnector:
    """A connector on a bad day. `clock` is needed for `late` writes only."""

    def __init__(self, inner: Connector, faults: Faults, clock: Clock | None = None) -> None:
        self.inner = inner
        self.facts: Facts = inner.facts
        self.faults = faults
        self.clock = clock
        self._pending: list[tuple[int, Callable[[], object]]] = []
        self._last: dict[tuple[str, str], Remote] = {}
        self._before: dict[tuple[str, str], Remote] = {}

    def schema(self, stream: str) -> Schema:
        """The schema, if the call gets through."""
        self._call("schema")
        return self.inner.schema(stream)

    def list(self, stream: str, token: str | None) -> Page:
        """A page, perhaps empty, repeated or out of order."""
        self._call("list")
        page = self.inner.list(stream, token)
        if self.faults.strikes("empty_list"):
            return page._replace(remotes=(), token=None)
        return self._shuffled(self._repeated("list", stream, token, page))

    def changes(self, stream: str, window: Window, token: str | None) -> Page:
        """A page that may begin with the last remote of the one before."""
        self._call("changes")
        return self._repeated("changes", stream, token, self.inner.changes(stream, window, token))

    def sweep(self, stream: str, token: str | None) -> Page:
        """A page, perhaps repeated or out of order."""
        self._call("sweep")
        return self._shuffled(self._repeated("sweep", stream, token, self.inner.sweep(stream, token)))

    def read(self, stream: str, ids: Sequence[str], fields: frozenset[str] | None) -> Sequence[Remote]:
        """The remotes in any order; where reads are not strong, perhaps as they were before."""
        self._call("read")
        remotes = [*self.inner.read(stream, ids, fields)]
        if fields is None and not self.facts.stream(stream).strong_read:
            remotes = [self._aged(stream, remote) for remote in remotes]
        if len(remotes) > 1 and self.faults.strikes("reorder"):
            self.faults.random.shuffle(remotes)
        return remotes

    def find(self, stream: str, hub_ids: Sequence[str]) -> Sequence[Remote]:
        """What is found, if the call gets through."""
        self._call("find")
        return self.inner.find(stream, hub_ids)

    def write(self, stream: str, writes: Sequence[Write]) -> Sequence[Outcome]:
        """The outcomes; or an error after all, some or none of it was applied."""
        self._call("write")
        faults = self.faults
        if self.clock is not None and faults.late_ms and faults.strikes("late"):
            due = self.clock.now() + faults.random.randint(0, faults.late_ms)
            self._pending.append((due, lambda: self.inner.write(stream, tuple(writes))))
            raise Unavailable("the answer is late", sent=True)
        outcomes = self._partly(stream, writes)
        if faults.strikes("lost_after"):
            raise Unavailable("the answer was lost", sent=True)
        return outcomes

    def act(self, action: Action) -> Receipt:
        """The receipt; or an error after all, though it was done or will be."""
        self._call("act")
        faults, inner = self.faults, cast("Acting", self.inner)
        if self.clock is not None and faults.late_ms and faults.strikes("late"):
            due = self.clock.now() + faults.random.randint(0, faults.late_ms)
            self._pending.append((due, lambda: inner.act(action)))
            raise Unavailable("the answer is late", sent=True)
        receipt = inner.act(action)
        if faults.strikes("lost_after"):
            raise Unavailable("the answer was lost", sent=True)
        return receipt

    def acted(self, name: str, keys: Sequence[str]) -> Mapping[str, Receipt]:
        """What is found, if the call gets through."""
        self._call("acted")
        return cast("Acting", self.inner).acted(name, keys)

    def check(self) -> Iterable[Finding]:
        """What the connector inside finds."""
        return self.inner.check()

    def close(self) -> None:
        """Close the connector inside."""
        self.inner.close()

    def settle(self) -> None:
        """Let every late write arrive whose time has come."""
        now = self.clock.now() if self.clock is not None else 0
        due = [p for p in self._pending if p[0] <= now]
        self._pending = [p for p in self._pending if p[0] > now]
        for _, arrive in due:
            arrive()

    def _call(self, method: str) -> None:
        if self._pending:
            self.settle()
        if self.faults.strikes("throttle"):
            raise RateLimited(f"{method}: too many calls", retry_after=1.0)
        if self.faults.strikes("refused"):
            raise Unavailable(f"{method}: no connection", sent=False)
        if self.faults.strikes("lost_before"):
            raise Unavailable(f"{method}: no answer", sent=True)

    def _partly(self, stream: str, writes: Sequence[Write]) -> Sequence[Outcome]:
        fate = [self._fate() for _ in writes]
        through = [write for write, (applied, _) in zip(writes, fate, strict=True) if applied]
        answers = iter(self.inner.write(stream, through) if through else ())
        outcomes = []
        for applied, said in fate:
            answer = next(answers) if applied else None
            outcomes.append(said if said is not None else answer)
        return [outcome or Outcome("unknown") for outcome in outcomes]

    def _fate(self) -> tuple[bool, Outcome | None]:
        if not self.faults.strikes("partial"):
            return True, None
        choice = self.faults.random.randrange(3)
        return choice == 1, Outcome("throttled" if choice == 0 else "unknown")

    def _repeated(self, method: str, stream: str, token: str | None, page: Page) -> Page:
        key = (method, stream)
        last = self._last.get(key) if token else None
        if page.remotes:
            self._last[key] = page.remotes[-1]
        if last is not None and self.faults.strikes("repeat"):
            return page._replace(remotes=[last, *page.remotes])
        return page

    def _shuffled(self, page: Page) -> Page:
        if len(page.remotes) > 1 and self.faults.strikes("reorder"):
            remotes = [*page.remotes]
            self.faults.random.shuffle(remotes)
            return page._replace(remotes=remotes)
        return page

    def _aged(self, stream: str, remote: Remote) -> Remote:
        key = (stream, remote.id)
        older = self._before.get(key)
        if older is not None and self.faults.strikes("stale_read"):
            return older
        self._before[key] = remote
        return remote
