"""The hub as processes: runs the product's own runner over the world, lets it die, be paused, or meet a second one.

One store stands for the home; every process has a fencing epoch of its own, swapped in while it runs. Every port call
is a step: there people act, the process dies, or the baton goes to another.
"""

from __future__ import annotations

import json
import random
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tieline.errors import Locked, NotAuthorised, RateLimited, TielineError
from tieline.model import Action, Outcome, Page, Receipt, Remote, Window, Write
from tieline.ports import InlineExecutor, Ports
from tieline.runner import Options, Runner, Summary, System
from tieline.runner.context import LEASE_MS
from tieline.store import LeaseLost
from tieline.testing.character import LEADS, STREAMS
from tieline.testing.clock import SeqIds
from tieline.testing.faults import Faults, FaultyConnector
from tieline.testing.memory_connector import MemoryConnector
from tieline.testing.simulation.baton import Baton, Ended, Process
from tieline.testing.simulation.evidence import Violation
from tieline.testing.simulation.setting import FILLED, LATE_MS, Setting
from tieline.testing.simulation.shelf import MemoryStore
from tieline.testing.simulation.signing import SIGNED, SignIn
from tieline.testing.simulation.world import WELCOME, World, limits, rules

NO_PROCESS = 1 << 30
"""A process id that no system gives."""
COMMITTED = frozenset({"ingested", "confirmed", "baseline", "planned", "settled"})
"""Steps right after a commit."""
DEAD_EPOCH = -1
BACKUP_MS = 300_000


class Crash(BaseException):
    """The process dies here."""


class Halt(BaseException):
    """The replay has come to the step it was asked for."""


class Watched:
    """A connector that notes when each remote was last read before it was written: the window of one round trip."""

    def __init__(self, name: str, inner: FaultyConnector, now: Callable[[], int], hub: Hub) -> None:
        self.name = name
        self.inner = inner
        self.facts = inner.facts
        self.now = now
        self.hub = hub
        self.read_at: dict[tuple[str, str], int] = {}
        self.windows: dict[tuple[str, str], list[tuple[int, int]]] = {}
        self.listed: set[str] = set()
        """The streams that were once read to their end."""

    def list(self, stream: str, token: str | None) -> Page:
        """As the connector does, noted."""
        page: Page = self._asked(self.inner.list, stream, token)
        if page.token is None:
            self.listed.add(stream)
        return page

    def read(self, stream: str, ids: Sequence[str], fields: frozenset[str] | None) -> Sequence[Remote]:
        """As the connector does, noted."""
        self.hub.sign(self.name)
        self.read_at.update(dict.fromkeys([(stream, i) for i in ids], self.now()))
        return self._admitted(self.inner.read, stream, ids, fields)  # type: ignore[no-any-return]

    def write(self, stream: str, writes: Sequence[Write]) -> Sequence[Outcome]:
        """As the connector does, noted."""
        self.hub.sign(self.name)  # first: a write leaves once it is signed
        self.hub.writing(self.name, stream, writes)
        for write in writes:
            if write.remote_id is not None:
                key = (stream, write.remote_id)
                self.windows.setdefault(key, []).append((self.read_at.get(key, 0), self.now()))
        return self._admitted(self.inner.write, stream, writes)  # type: ignore[no-any-return]

    def act(self, action: Action) -> Receipt:
        """As the connector does, noted."""
        self.hub.sign(self.name)
        self.hub.writing(self.name)
        return self._admitted(self.inner.act, action)  # type: ignore[no-any-return]

    def read_once(self, stream: str) -> bool:
        """Whether every stream of the kind that this one is of, here or in another system, was read to its end."""
        kind = next(k for k, name in STREAMS.items() if name == stream or (k == "contact" and stream == LEADS))
        return all(s.name in self.listed for s in self.facts.streams if s.kind == kind)

    def changes(self, stream: str, window: Window, token: str | None) -> Page:
        """As the connector does."""
        return self._asked(self.inner.changes, stream, window, token)  # type: ignore[no-any-return]

    def sweep(self, stream: str, token: str | None) -> Page:
        """As the connector does."""
        return self._asked(self.inner.sweep, stream, token)  # type: ignore[no-any-return]

    def find(self, stream: str, hub_ids: Sequence[str]) -> Sequence[Remote]:
        """As the connector does."""
        return self._asked(self.inner.find, stream, hub_ids)  # type: ignore[no-any-return]

    def acted(self, name: str, keys: Sequence[str]) -> Mapping[str, Receipt]:
        """As the connector does."""
        return self._asked(self.inner.acted, name, keys)  # type: ignore[no-any-return]

    def _asked(self, method: Any, *args: Any) -> Any:
        self.hub.sign(self.name)
        self.hub.admit(self.name)
        return method(*args)

    def _admitted(self, method: Any, *args: Any) -> Any:
        self.hub.admit(self.name)
        return method(*args)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class Hub:
    """One home, and the processes that run it."""

    def __init__(self, world: World, setting: Setting, rng: random.Random, seed: int) -> None:
        self.world = world
        self.setting = setting
        self.rng = rng
        self.chance = random.Random(f"hub {seed}")
        """For what was added since the first seeds were kept: the first stream stays what it was."""
        self.clock = world.clock
        late = LATE_MS if setting.faults.get("late") else 0
        self.faults = Faults(random.Random(rng.randrange(1 << 30)), setting.faults, late)
        self.lingering = bool(late)
        self.ending = bool(setting.expiry or setting.quota)
        self.clock.passing = self.linger if late else None
        self.connectors = {
            name: Watched(name, FaultyConnector(MemoryConnector(system), self.faults, self.clock), system.now, self)
            for name, system in world.systems.items()
        }
        self.rules = rules(rng, list(world.systems), setting.kinds)
        if setting.acting:
            self.rules = replace(self.rules, actions=(WELCOME,))
        self.store = MemoryStore()
        self.ids = SeqIds(seed)
        self.baton = Baton(self.chance, self.clock)
        self.current: Process | None = None
        self.agitated = True
        self.between: Callable[[str], None] = lambda name: None
        """Called at every step, before anything happens there."""
        self.breaches: list[Violation] = []
        """What a process did that it had no right to do, or not yet."""
        self.read: set[str] = set()
        """The streams whose kind was read to its end everywhere."""
        self.steps = 0
        self.crashes = 0
        self.buried: int | None = None
        """The epoch of the process that died last."""
        self.taken = 0
        self.barred: dict[str, TielineError] = {}
        self.signin = (
            SignIn(seed, self.clock, self._boundary, setting.faults, setting.rotating, self.breaches)
            if setting.rotating
            else None
        )
        self.trace: list[str] = []
        """When which step was taken, a line each."""
        self.log: list[str] | None = None

    # -- a step

    def _boundary(self, name: str) -> None:
        self.steps += 1
        clock = self.clock
        self.trace.append(f"{clock.now()} {name}\n")
        if self.current is not None:
            self._watch(name, self.current)
        if self.lingering:
            self.linger()
        self.between(name)
        if not self.agitated:
            clock.advance(1)
            return
        rng, setting = self.rng, self.setting
        clock.advance(rng.choice((1, 5, 40)))
        if rng.random() < setting.people:
            self.world.act()
        if rng.random() < setting.crash:
            self.say(f"crash at {name}")
            raise self.crash()
        if setting.together and not self.store.db.sql.in_transaction:
            self._offer(name)

    def crash(self) -> Crash:
        """The process dies: nothing it does from here on reaches the home, and the lease stays its."""
        self.crashes += 1
        self.buried, self.store.db.epoch = self.store.db.epoch, DEAD_EPOCH
        return Crash()

    def _bury(self) -> None:
        """Whoever comes next can see that the holder is dead."""
        self.store.db.epoch = None
        owner = json.dumps({"host": socket.gethostname(), "pid": NO_PROCESS, "started": ""})
        self.store.db.sql.execute("UPDATE lease SET owner = ? WHERE epoch = ?", (owner, self.buried))

    # -- several processes

    def _offer(self, name: str) -> None:
        """Perhaps somebody else goes on: a paused process, or a second scheduler."""
        me = self.current
        if me is None or self.chance.random() >= self.setting.together:
            return
        if self.chance.random() < 0.5:
            me.until = self.clock.now() + self.chance.choice((100, LEASE_MS // 2, LEASE_MS + 60_000))
            self.say(f"process {me.number} is paused at {name} until {me.until}")
        if len(self.baton.alive) < 2:
            second = self.baton.start(self._another)
            second.until = self.clock.now() + self.chance.choice((0, 0, LEASE_MS + 30_000))
        me.epoch = self.store.db.epoch
        me.pass_back()

    def _resumed(self, process: Process) -> None:
        self.current = process
        self.store.db.epoch = process.epoch

    def _watch(self, name: str, me: Process) -> None:
        """Note whether the process that runs takes the home, or works on though it lost it."""
        if not me.took and self.store.db.epoch is not None:
            self.taken += 1
            me.took = self.taken
        if name in COMMITTED and me.took < self.taken:
            what = f"process {me.number} committed ({name}) after another one took the home over"
            self.breaches.append(Violation("I13", what))

    def writing(self, system: str, stream: str = "", writes: Sequence[Write] = ()) -> None:
        """A write, or a side effect (without a stream), leaves the machine."""
        me = self.current
        if me is not None and me.took < self.taken:
            what = f"process {me.number} wrote to {system} after another one took the home over"
            self.breaches.append(Violation("I13", what))
        if not writes or stream in self.read:
            return
        unread = [name for name, c in self.connectors.items() if not c.read_once(stream)]
        if not unread:
            self.read.add(stream)
        else:
            what = f"{writes[0].op} in {system} before {stream} of {', '.join(unread)} were read to their end"
            self.breaches.append(Violation("barrier", what))

    def sign(self, system: str) -> None:
        """A call is signed: raises what sign-in raises."""
        if self.signin is not None and system == SIGNED:
            self.signin.call()

    def person_signs_in(self) -> bool:
        """A person signs in again where the home says that one has to; whether it did."""
        if self.signin is None or not self.signin.asks:
            return False
        self.signin.person()
        self.say("a person signed in again")
        return True

    def admit(self, system: str) -> None:
        """A call: raises what is told when the credential, or the day's quota, has ended until the next run."""
        if not self.ending or not self.agitated:
            return
        setting = self.setting
        if system not in self.barred:
            dice = self.chance.random()
            if dice < setting.expiry:
                self.barred[system] = NotAuthorised("the token has ended")
            elif dice < setting.expiry + setting.quota:
                self.barred[system] = RateLimited("the day's quota is used up", retry_after=3600.0)
        if system in self.barred:
            raise self.barred[system]

    def linger(self) -> None:
        """Writes whose answer was given up arrive when their time has come."""
        for connector in self.connectors.values():
            connector.inner.settle()

    def rest(self, ms: int) -> None:
        """Time passes between runs."""
        first = min(ms, LATE_MS)
        self.clock.advance(first)
        self.linger()
        self.clock.advance(ms - first)

    def forget_deeds(self) -> None:
        """The home comes back from a backup that knows of no side effect; everything is looked at anew."""
        self.rest(BACKUP_MS)
        with self.store.atomic(fence=False):
            self.store.db.sql.execute("DELETE FROM effect WHERE state = 'done'")
            self.store.trees.mark_all()
        self.say("the side effects were forgotten")

    # -- runs

    def runner(self) -> Runner:
        """The product's runner, as a fresh process makes it."""
        if self.signin is not None:
            self.signin.fresh()
            self.signin.calm = not self.agitated
        ports = Ports(
            clock=self.clock,
            ids=self.ids,
            random=random.Random(self.rng.randrange(1 << 30)),
            executor=lambda: InlineExecutor(self.rng.randrange if self.agitated else None),
            boundary=self._boundary,
        )
        filled = FILLED if self.setting.filling else {}
        systems = {
            name: System(name, c, c.facts.streams, defaults=filled.get(name, {})) for name, c in self.connectors.items()
        }
        return Runner(self.store, systems, self.rules, limits(self.setting), ports)

    def run_once(self, *, full: bool = False) -> Summary | None:
        """One pass of a fresh process, and of whoever comes in between; None when it died or failed as a whole."""
        self.barred = {}
        if not self.setting.together or not self.agitated:
            return self._guarded(full=full)
        found: list[Summary | None] = []
        self.baton.start(lambda: found.append(self._guarded(full=full)))
        while self.baton.alive:
            self.baton.step(self._resumed)
        self.current = None
        return found[0] if found else None

    def _another(self) -> None:
        self._guarded(full=False)

    def _guarded(self, *, full: bool) -> Summary | None:
        try:
            summary = self.runner().sync(Options(yes=True, full=full))
        except Ended:
            return None
        except Crash:
            self._bury()
            return None
        except (Locked, LeaseLost) as error:
            self.store.db.epoch = None
            self.say(f"run ended: {error}")
            return None
        except TielineError as error:
            self.say(f"run failed: {error!r}")
            return None
        self.say(f"run: {summary.outcome} writes={summary.writes} converged={summary.converged} {summary.notes}")
        return summary

    def say(self, line: str) -> None:
        """A line for the log, if one is kept."""
        if self.log is not None:
            self.log.append(f"{self.steps} {self.clock.now()} {line}")

    def close(self) -> None:
        """End every process and forget the home."""
        self.baton.close(self._ended)
        self.store.close()

    def _ended(self, process: Process) -> None:
        self.current = None
        self.store.db.epoch = DEAD_EPOCH
