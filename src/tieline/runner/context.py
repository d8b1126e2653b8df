"""What every part of a run needs: the systems, the store, the ports, the rules, and what was counted so far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from tieline.connector import Connector
from tieline.engine.limits import Limits
from tieline.errors import PluginFailed, TielineError
from tieline.events import Applied, ConflictFound, PlannedOrder, RunFinished, Verdict
from tieline.model import Fields, Schema, StreamFacts
from tieline.ports import Ports
from tieline.records import Kind
from tieline.rules import Rules, SystemRules
from tieline.store import Cursor, LeaseLost, Store

DAY_MS = 86_400_000
PAST = 1
"""A moment that is over (ms)."""
LEASE_MS = 600_000
"""How long a lease lasts without renewal: longer than any single call may take."""


@dataclass(frozen=True, slots=True)
class System:
    """One configured system, ready to be called."""

    name: str
    connector: Connector
    streams: tuple[StreamFacts, ...]
    """Only those that are synced."""
    defaults: Mapping[str, Fields] = field(default_factory=dict)
    """Per stream: values given in a create where the record has none, and that stand for the blank from then on."""
    filters: Mapping[Kind, Callable[[Fields], bool]] = field(default_factory=dict)
    calls: Callable[[], int] = lambda: 0
    """How many calls the system was asked in this process."""

    def streams_of(self, kind: Kind) -> list[StreamFacts]:
        """The synced streams of a kind."""
        return [s for s in self.streams if s.kind == kind]

    def home_of(self, kind: Kind) -> StreamFacts | None:
        """Where records of a kind are made: the first of its streams that is no mere way into another one."""
        for stream in self.streams:
            if stream.kind == kind and not stream.becomes:
                return stream
        return None

    def names(self, kind: Kind, stream: str) -> bool:
        """Whether others there can refer to what is in this stream: not before it is converted."""
        taken = {s.name for s in self.streams if s.kind == kind and not s.becomes}
        return stream in taken or not taken


class Hooks(Protocol):
    """The plugins' hooks, already isolated; see `plugins`."""

    def listens(self, hook: str) -> bool: ...
    def plan(self, event: PlannedOrder) -> Verdict | None: ...
    def conflict(self, event: ConflictFound) -> None: ...
    def applied(self, event: Applied) -> None: ...
    def finished(self, event: RunFinished) -> None: ...


class NoHooks:
    """No plugin listens."""

    def listens(self, hook: str) -> bool:
        """Nobody: no event need be made."""
        return False

    def plan(self, event: PlannedOrder) -> Verdict | None:
        """Let every order pass."""
        return None

    def conflict(self, event: ConflictFound) -> None:
        """Nobody listens."""

    def applied(self, event: Applied) -> None:
        """Nobody listens."""

    def finished(self, event: RunFinished) -> None:
        """Nobody listens."""


def _silent(stage: str, system: str, done: int, total: int | None) -> None:
    return None


@dataclass(slots=True)
class Run:
    """One pass over all systems. Parts of the runner share it; it holds no rules of its own."""

    id: str
    store: Store
    systems: Mapping[str, System]
    rules: Rules
    limits: Limits
    ports: Ports
    hooks: Hooks
    configured: Mapping[str, System]
    """All systems, also those that take no part in this run."""
    without: frozenset[str] = frozenset()
    full: bool = False
    rekey: bool = False
    """Match keys are made anew of what is read."""
    progress: Callable[[str, str, int, int | None], None] = _silent
    failed: dict[str, str] = field(default_factory=dict)
    """System → why its stream or its writes ended early."""
    errors: list[BaseException] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What a person should know of this run besides, one sentence each."""
    unchanged: Counter[tuple[str, Kind]] = field(default_factory=Counter)
    """Remotes met in this run whose version was known."""
    lost: Counter[tuple[str, Kind]] = field(default_factory=Counter)
    """Tombstones of remotes the hub never knew."""
    unread: Counter[tuple[str, Kind]] = field(default_factory=Counter)
    """Fields that could not be read, of remotes that were taken in as news."""
    touched: bool = False
    """Some remote was taken in as news: only then is there anything to count in the trees."""
    written: Counter[tuple[str, Kind, str]] = field(default_factory=Counter)
    """Confirmed writes by system, kind and op."""
    allowed: dict[str, int] = field(default_factory=dict)
    """Guard question → how many a person let pass, in this run."""
    schemas: dict[tuple[str, str], Schema] = field(default_factory=dict)
    lease_until: int = 0
    behind: set[tuple[str, str]] = field(default_factory=set)
    """(system, stream) whose records may have been converted from another stream that was not read to its end since:
    who is new there may be known already."""
    folds: int = 0
    """How often two records turned out to be one: what is under way may stand for another record now."""
    listings: int = 0
    """How many complete listings it began."""
    moves: int = 0
    """Whatever was written, refused or taken in since the plan: without any, another round would do the same again."""

    @property
    def order(self) -> dict[str, int]:
        """System → its rank in the configuration."""
        return {name: rank for rank, name in enumerate(self.systems)}

    def rules_of(self, system: str, kind: Kind) -> SystemRules:
        """What the configuration says of one system and kind."""
        return self.rules.systems.get(system, {}).get(kind) or SystemRules()

    def taking(self, kind: Kind) -> list[System]:
        """The systems that sync a kind, in the order of the configuration."""
        return [s for s in self.systems.values() if s.streams_of(kind)]

    def joined(self, kind: Kind, cursors: Mapping[tuple[str, str], Cursor]) -> tuple[list[System], list[System]]:
        """The systems whose first full read of a kind is complete, and those that are still to join."""
        here: list[System] = []
        missing: list[System] = []
        for system in self.taking(kind):
            read = [cursors.get((system.name, s.name)) for s in system.streams_of(kind)]
            ready = all(cursor is not None and cursor.baseline for cursor in read)
            (here if ready else missing).append(system)
        return here, missing

    def schema(self, system: System, stream: str) -> Schema:
        """The stream's schema, asked at most once a day (and by `--full`)."""
        key = (system.name, stream)
        found = self.schemas.get(key)
        if found is None:
            now = self.ports.clock.now()
            found = None if self.full else self.store.book.schema(system.name, stream, now - DAY_MS)
            if found is None:
                found = self.call(system, lambda: system.connector.schema(stream))
                kind = system.connector.facts.stream(stream).kind
                known = self.store.book.schema(system.name, stream, 0)
                with self.store.atomic(durable=False):
                    if known is not None and (known.fields, known.stamps) != (dict(found.fields), found.stamps):
                        self.store.trees.mark_all(kind)
                    self.store.book.save_schema(system.name, stream, found, now)
                    self.store.work.retry_refused(system.name, kind, found.fingerprint)
            elif (recall := getattr(type(system.connector), "recall", None)) is not None:
                remembered = found
                self.call(system, lambda: recall(system.connector, stream, remembered))
            self.schemas[key] = found
        return found

    def call(self, system: System, ask: Callable[[], Any]) -> Any:
        """Ask a connector in this thread, with the fence before it and foreign exceptions named."""
        self.keep_lease()
        self.ports.boundary(f"call:{system.name}")
        try:
            answer = self.in_time(ask)
        except TielineError:
            raise
        except Exception as error:
            raise PluginFailed(f"the connector of {system.name} failed: {type(error).__name__}: {error}") from error
        self.ports.boundary(f"called:{system.name}")
        return answer

    def in_time(self, ask: Callable[[], Any]) -> Any:
        """Ask, unless this process slept past its lease: another one may have taken the home over since. Any thread."""
        if self.lease_until and self.ports.clock.now() > self.lease_until:
            raise LeaseLost("this run slept longer than its lease: it stops without calling anybody")
        return ask()

    def keep_lease(self) -> None:
        """Before any call: the lease is ours and will outlast it. Raises LeaseLost, or KeyboardInterrupt on a stop."""
        if self.ports.stop.is_set():
            raise KeyboardInterrupt
        self.hold_lease()

    def hold_lease(self) -> None:
        """Renew the lease when it is half over. Raises LeaseLost; what still waits for its turn is not called then."""
        if self.store.db.epoch is None:
            return
        now = self.ports.clock.now()
        if now <= self.lease_until - LEASE_MS // 2:
            return
        try:
            if self.store.db.sql.in_transaction:
                self.store.db.renew(now + LEASE_MS)
            else:
                with self.store.atomic(durable=False):
                    self.store.db.renew(now + LEASE_MS)
        except LeaseLost:
            self.lease_until = PAST
            raise
        self.lease_until = now + LEASE_MS

    def renew_lease(self) -> None:
        """Within a transaction: the lease begins anew."""
        if self.store.db.epoch is not None:
            until = self.ports.clock.now() + LEASE_MS
            self.store.db.renew(until)
            self.lease_until = until

    def fail(self, system: str, error: BaseException) -> None:
        """Note that a system's part of this run ended early."""
        self.failed.setdefault(system, str(error))
        self.errors.append(error)
