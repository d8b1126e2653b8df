"""Plays one schedule: agitation with faults, crashes and busy people, then quiet, then the oracle, then one more pass.

The code under test is the product's own: runner, engine, store on `:memory:`. Every port call is a place where people
act or the process dies.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tieline.connector import Connector
from tieline.engine.limits import Limit, Limits
from tieline.errors import TielineError
from tieline.model import Outcome, Remote, Write
from tieline.ports import InlineExecutor, Ports
from tieline.runner import Options, Runner, Summary, System
from tieline.store import Store
from tieline.testing.clock import FakeClock, SeqIds
from tieline.testing.faults import Faults, FaultyConnector
from tieline.testing.memory_connector import MemoryConnector
from tieline.testing.simulation.oracle import Oracle, Violation
from tieline.testing.simulation.world import Setting, World, rules

QUIET_PASSES = 30
IDLE_PASSES = 2
NO_LIMITS = Limits(Limit(), Limit(), Limit(), Limit())
SWEEP_PAUSE_MS = 7 * 3_600_000

RATES = {
    "refused": 0.01,
    "lost_before": 0.03,
    "lost_after": 0.04,
    "throttle": 0.02,
    "partial": 0.05,
    "empty_list": 0.01,
    "repeat": 0.05,
    "reorder": 0.05,
}


class Crash(BaseException):
    """The process dies here."""


@dataclass(slots=True)
class Result:
    """What a schedule came to."""

    seed: int
    violations: list[Violation] = field(default_factory=list)
    passes: int = 0
    writes: int = 0
    crashes: int = 0
    log: list[str] = field(default_factory=list)

    @property
    def command(self) -> str:
        """How to play it again."""
        return f"python -m tests.simulate --seed {self.seed} --schedules 1 --log"


class Watched:
    """A connector that notes when each remote was last read before it was written: the window of one round trip."""

    def __init__(self, inner: Connector, clock: FakeClock) -> None:
        self.inner = inner
        self.facts = inner.facts
        self.clock = clock
        self.read_at: dict[tuple[str, str], int] = {}
        self.windows: dict[tuple[str, str], list[tuple[int, int]]] = {}

    def read(self, stream: str, ids: Sequence[str], fields: frozenset[str] | None) -> Sequence[Remote]:
        """As the connector does, noted."""
        self.read_at.update(dict.fromkeys([(stream, i) for i in ids], self.clock.now()))
        return self.inner.read(stream, ids, fields)

    def write(self, stream: str, writes: Sequence[Write]) -> Sequence[Outcome]:
        """As the connector does, noted."""
        for write in writes:
            if write.remote_id is not None:
                key = (stream, write.remote_id)
                self.windows.setdefault(key, []).append((self.read_at.get(key, 0), self.clock.now()))
        return self.inner.write(stream, writes)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class Schedule:
    """One seed's world, hub and fate."""

    def __init__(self, seed: int, setting: Setting | None = None, *, log: bool = False) -> None:
        self.rng = rng = random.Random(seed)
        self.setting = setting or Setting(crash=rng.choice((0.0, 0.004, 0.02)), faults=RATES)
        self.clock = FakeClock()
        self.world = World(rng, self.clock, self.setting)
        self.faults = Faults(random.Random(rng.randrange(1 << 30)), self.setting.faults)
        self.connectors = {
            name: Watched(FaultyConnector(MemoryConnector(system), self.faults, self.clock), self.clock)
            for name, system in self.world.systems.items()
        }
        self.rules = rules(rng, list(self.world.systems))
        self.store = Store()
        self.ids = SeqIds(seed)
        self.result = Result(seed)
        self.agitated = True
        self.keep_log = log

    # -- the hub as a process

    def _boundary(self, name: str) -> None:
        if not self.agitated:
            self.clock.advance(1)
            return
        rng = self.rng
        self.clock.advance(rng.choice((1, 5, 40)))
        if rng.random() < self.setting.people:
            self.world.act()
        if rng.random() < self.setting.crash:
            self.result.crashes += 1
            self._say(f"crash at {name}")
            raise Crash

    def _runner(self) -> Runner:
        ports = Ports(
            clock=self.clock,
            ids=self.ids,
            random=random.Random(self.rng.randrange(1 << 30)),
            executor=lambda: InlineExecutor(self.rng.randrange if self.agitated else None),
            boundary=self._boundary,
        )
        systems = {name: System(name, c, c.facts.streams) for name, c in self.connectors.items()}
        return Runner(self.store, systems, self.rules, NO_LIMITS, ports)

    def run_once(self, *, full: bool = False) -> Summary | None:
        """One pass of a fresh process; None when it died or failed as a whole."""
        try:
            summary = self._runner().sync(Options(yes=True, full=full))
        except Crash:
            return None
        except TielineError as error:
            self._say(f"run failed: {error!r}")
            return None
        self.result.writes += summary.writes
        self._say(f"run: {summary.outcome} writes={summary.writes} converged={summary.converged} {summary.notes}")
        return summary

    # -- the phases

    def play(self) -> Result:
        """Agitation, quiet, oracle, one more pass."""
        self.world.populate()
        for _ in range(self.setting.runs):
            self.run_once(full=self.rng.random() < 0.1)
            self.clock.advance(self.rng.choice((1000, 30_000, 300_000, SWEEP_PAUSE_MS)))
            if self.rng.random() < 0.6:
                self.world.act()
            if self.rng.random() < 0.5:
                self._answer_reviews()
        self.agitated = False
        self.faults.on = False
        windows = {name: c.windows for name, c in self.connectors.items()}
        oracle = Oracle(self.world, self.store, self.rules, windows)
        if not self._settle_down():
            self.result.violations.append(Violation("I2", f"no quiet within {QUIET_PASSES} passes"))
        self.result.violations += oracle.judge()
        self._one_more_pass()
        return self.result

    def _settle_down(self) -> bool:
        idle = 0
        relist = self.rng.random() < 0.3 or self.faults.struck["empty_list"] > 0  # nothing but a full pass finds those
        for number in range(QUIET_PASSES):
            self.clock.advance(SWEEP_PAUSE_MS)
            summary = self.run_once(full=relist and number == 1)
            self.result.passes += 1
            idle = idle + 1 if summary is not None and summary.writes == 0 and summary.converged else 0
            if idle > IDLE_PASSES:
                return True
        return False

    def _one_more_pass(self) -> None:
        before = [len(s.history) for s in self.world.systems.values()]
        self.clock.advance(SWEEP_PAUSE_MS)
        summary = self.run_once(full=True)
        after = [len(s.history) for s in self.world.systems.values()]
        if summary is None or summary.writes or before != after:
            self.result.violations.append(Violation("I3", "one more full pass wrote something"))

    def _answer_reviews(self) -> None:
        for review in self.store.book.reviews():
            if self.rng.random() < 0.5:
                answer = self.rng.choice(("accepted", "rejected"))
                with self.store.atomic():
                    self.store.book.answer(review["id"], answer, None, self.clock.now())
                self._say(f"review {review['key']}: {answer}")

    def _say(self, line: str) -> None:
        if self.keep_log:
            self.result.log.append(f"{self.clock.now()} {line}")


def simulate(seed: int, setting: Setting | None = None, *, log: bool = False) -> Result:
    """Play the schedule of a seed. Unexpected exceptions of the product are violations too."""
    schedule = Schedule(seed, setting, log=log)
    try:
        return schedule.play()
    except Exception as error:  # whatever the product raises here is a finding
        schedule.result.violations.append(Violation("crash", f"{type(error).__name__}: {error}"))
        if log:
            raise
        return schedule.result
    finally:
        schedule.store.close()
