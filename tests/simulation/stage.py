"""A small stage for named stories: two systems, a hub that can be made to die at any one boundary, and what is left.

The end of a story is told without ids and stamps, so that a story that was interrupted can be held against the same
one undisturbed.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from typing import Any

from tieline.engine.limits import Limit, Limits
from tieline.ports import InlineExecutor, Ports
from tieline.records import REFERENCES, Cell, Kind
from tieline.rules import Policy, Rules, SystemRules
from tieline.runner import Options, Runner, Summary, System
from tieline.store import Store
from tieline.testing import Character, FakeClock, Faults, FaultyConnector, MemoryConnector, MemorySystem, SeqIds
from tieline.testing.simulation import Crash
from tieline.testing.simulation.setting import FIELDS, KINDS

A_MINUTE = 60_000
A_DAY = 86_400_000
MOST_RUNS = 12
NO_LIMITS = Limits(Limit(), Limit(), Limit(), Limit())


class Stage:
    """One home over `crm` (tombstones, unique hub ids) and `mail` (a lagging index, a sweep, unique e-mail)."""

    def __init__(self, crash_at: int | None = None, **policies: Policy) -> None:
        self.clock = FakeClock()
        self.store = Store()
        self.ids = SeqIds(3)
        crm = Character("crm", KINDS, FIELDS, granularity_ms=1000, tombstones=True, unique_hub_id=True, batch=3,
                        page=3, answers_state=False)  # fmt: skip
        mail = Character("mail", KINDS, FIELDS, hints=True, index_lag_ms=2000, sweep=True, unique_email=True, batch=2,
                         page=3, cap=6)  # fmt: skip
        self.systems = {c.name: MemorySystem(c, self.clock, n) for n, c in enumerate((crm, mail))}
        self.faults = {name: Faults(0) for name in self.systems}
        self.connectors = {
            name: FaultyConnector(MemoryConnector(system), self.faults[name], self.clock)
            for name, system in self.systems.items()
        }
        self.rules: dict[str, dict[Kind, SystemRules]] = {name: {} for name in self.systems}
        self.policies: dict[Kind, dict[str, Policy]] = {"contact": dict(policies)}
        self.crash_at = crash_at
        self.count = 0
        self.waiting: list[tuple[str, Callable[[], object]]] = []
        """What people do in the middle of a run: (the boundary, the deed)."""

    # -- people

    def create(self, system: str, kind: Kind, **fields: Cell) -> str:
        """Somebody enters a record."""
        self.clock.advance(A_MINUTE)
        return self.systems[system].person_create(kind, fields)

    def edit(self, system: str, kind: Kind, remote_id: str, **fields: Cell) -> None:
        """Somebody changes one."""
        self.clock.advance(A_MINUTE)
        self.systems[system].person_edit(kind, remote_id, fields)

    def delete(self, system: str, kind: Kind, remote_id: str) -> None:
        """Somebody deletes one."""
        self.clock.advance(A_MINUTE)
        self.systems[system].person_delete(kind, remote_id)

    def answer(self, answer: str, choice: str | None = None) -> None:
        """Somebody answers every open question alike."""
        with self.store.atomic(fence=False):
            for review in self.store.book.reviews():
                self.store.book.answer(review["id"], answer, choice, self.clock.now())

    def during(self, boundary: str, deed: Callable[[], object]) -> None:
        """The deed happens in the next run, once, at a boundary of this name; at the latest when the run has ended."""
        self.waiting.append((boundary, deed))

    def other(self, system: str, kind: Kind, remote_id: str, there: str) -> str:
        """The id under which another system holds the same record."""
        record = self.store.trees.owners(system, kind, [remote_id])[remote_id]
        rows = self.store.trees.of_records([record or ""]).get(record or "", [])
        return next(row.remote_id for row in rows if row.system == there)

    def only(self, system: str, kind: Kind) -> str:
        """The id of the one living record of a kind."""
        (record,) = self.systems[system].alive(kind)
        return record.id

    # -- the hub

    def _boundary(self, name: str) -> None:
        self.count += 1
        self.clock.advance(1)
        for item in [w for w in self.waiting if w[0] == name]:
            if not self.store.db.sql.in_transaction:
                self.waiting.remove(item)
                item[1]()
        if self.count == self.crash_at:
            self.epoch, self.store.db.epoch = self.store.db.epoch, -1
            raise Crash

    def _once(self) -> Summary | None:
        ports = Ports(clock=self.clock, ids=self.ids, executor=InlineExecutor, boundary=self._boundary)
        systems = {n: System(n, c, c.facts.streams) for n, c in self.connectors.items()}
        runner = Runner(self.store, systems, Rules(self.policies, self.rules), NO_LIMITS, ports)
        try:
            return runner.sync(Options(yes=True))
        except Crash:
            dead = json.dumps({"host": socket.gethostname(), "pid": 1 << 30, "started": ""})
            self.store.db.epoch = None
            self.store.db.sql.execute("UPDATE lease SET owner = ? WHERE epoch = ?", (dead, self.epoch))
            return None

    def run(self) -> Summary:
        """One run; if it dies, another one as soon as somebody notices."""
        self.clock.advance(A_MINUTE)
        summary = self._once()
        if summary is None:
            self.clock.advance(A_MINUTE)
            summary = self._once()
            assert summary is not None  # it dies once
        for _, deed in self.waiting:
            deed()
        self.waiting.clear()
        return summary

    def rest(self) -> Summary:
        """Runs until one of them has nothing to do; it is returned."""
        for _ in range(MOST_RUNS):
            self.clock.advance(A_DAY)
            summary = self._once()
            if summary is None:
                continue
            if summary.converged and not summary.writes:
                return summary
        raise AssertionError("the hub finds no rest")

    # -- what is left

    def end(self) -> dict[str, Any]:
        """Everything that a person can see, without ids and stamps."""
        found: dict[str, Any] = {"questions": sorted(r["topic"] for r in self.store.book.reviews())}
        found["unsettled"] = len(self.store.work.intents())
        found["links"] = sorted(
            (s, k, n) for s, k, n in self.store.db.rows(
                "SELECT system, kind, count(*) FROM link WHERE record IS NOT NULL AND gone IS NULL GROUP BY 1, 2")
        )  # fmt: skip
        for name, system in self.systems.items():
            for kind in KINDS:
                told = [self._told(system, kind, r.fields) for r in system.alive(kind)]
                found[f"{name} {kind}"] = sorted(told, key=str)
        return found

    def _told(self, system: MemorySystem, kind: Kind, fields: Any) -> dict[str, Cell]:
        told = dict(fields)
        for name, target in REFERENCES[kind].items():
            if told.get(name) is not None:
                there = system.get(target, system.resolve(target, told[name]))
                told[name] = None if there is None or there.deleted else f"-> {there.fields['name']}"
        return told
