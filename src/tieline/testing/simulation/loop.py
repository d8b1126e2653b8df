"""Plays one schedule: agitation with faults, crashes and busy people, then quiet, then the oracle, then one more pass.

The code under test is the product's own: runner, engine, store on `:memory:`. Every port call is a step at which
people act, the process dies, or another one goes on.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Collection
from dataclasses import dataclass, field

from tieline.runner import Options, Summary
from tieline.testing.simulation.baton import BatonClock
from tieline.testing.simulation.hub import Crash, Halt, Hub
from tieline.testing.simulation.oracle import Oracle, Violation
from tieline.testing.simulation.setting import OPTIONS, RATES, Setting, drawn
from tieline.testing.simulation.world import MOST_ARCHIVES, World

QUIET_PASSES = 30
IDLE_PASSES = 1
SWEEP_PAUSE_MS = 7 * 3_600_000
MOST_LISTED = 10_000


@dataclass(slots=True)
class Result:
    """What a schedule came to."""

    seed: int
    options: str = ""
    """The name of the option set; "": drawn from the seed."""
    off: tuple[str, ...] = ()
    """What was switched off."""
    violations: list[Violation] = field(default_factory=list)
    passes: int = 0
    writes: int = 0
    crashes: int = 0
    steps: int = 0
    """Port calls."""
    hash: str = ""
    """Of everything that happened, in its order: the same seed gives the same."""
    log: list[str] = field(default_factory=list)

    @property
    def command(self) -> str:
        """How to play it again; `--until STEP` stops there."""
        options = f" --options {self.options}" if self.options else ""
        off = f" --off {','.join(self.off)}" if self.off else ""
        return f"python -m tests.simulate --seed {self.seed} --schedules 1{options}{off} --log --until {self.steps}"


class Schedule:
    """One seed's world, hub and fate. `setting` is a setting, the name of an option set, or None: drawn."""

    def __init__(
        self,
        seed: int,
        setting: Setting | str | None = None,
        *,
        off: Collection[str] = (),
        log: bool = False,
        until: int | None = None,
    ) -> None:
        self.rng = rng = random.Random(seed)
        self.result = Result(seed, setting if isinstance(setting, str) else "", tuple(off))
        if setting is None:
            rng.choice((0.0, 0.004, 0.02))  # the draw that `drawn` made of this stream
            setting = drawn(seed)
        elif isinstance(setting, str):
            setting = OPTIONS[setting]
        self.setting = setting = setting.without(off)
        self.world = World(rng, BatonClock(), setting, random.Random(f"world {seed}"))
        self.clock = self.world.clock
        self.hub = Hub(self.world, setting, rng, seed)
        self.hub.between = self._between
        self.store = self.hub.store
        self.until = until
        self.chance = random.Random(f"loop {seed}")
        self.planned: list[tuple[str, ...]] | None = None
        self.let_pass: dict[str, int] = {}
        """Guard question → how many a person let pass, in one run."""
        if log:
            self.hub.log = self.result.log
            self.hub.say(f"seed {seed}: {setting.named()}")

    def _between(self, name: str) -> None:
        if self.until is not None and self.hub.steps > self.until:
            raise Halt
        answers = self.setting.answers
        able = answers and self.hub.agitated and not self.store.db.sql.in_transaction
        if able and self.chance.random() < answers:
            self._answer_reviews()
        if name == "planned" and self.planned is None:
            self.planned = self._orders(self.store.work.listing(MOST_LISTED))

    # -- the phases

    def play(self) -> Result:
        """Agitation, quiet, oracle, one more pass."""
        result = self.result
        try:
            self._agitate()
            self._calm()
        except Halt:
            self.hub.say("halted")
        finally:
            result.steps, result.crashes = self.hub.steps, self.hub.crashes
            result.hash = self._hash()
        return result

    def _agitate(self) -> None:
        self.world.populate()
        for _ in range(self.setting.runs):
            self._run(full=self.rng.random() < 0.1)
            self.hub.rest(self.rng.choice((1000, 30_000, 300_000, SWEEP_PAUSE_MS)))
            if self.rng.random() < 0.6:
                self.world.act()
            if self.rng.random() < 0.5:
                self._answer_reviews()
            if self.setting.acting and self.chance.random() < 0.3:
                self.hub.forget_deeds()
            if self.setting.rotating and self.chance.random() < 0.5:
                self.hub.person_signs_in()

    def _calm(self) -> None:
        violations = self.result.violations
        self.hub.agitated = False
        self.hub.faults.on = False
        self._look_first()
        windows = {name: c.windows for name, c in self.hub.connectors.items()}
        oracle = Oracle(self.world, self.store, self.hub.rules, windows)
        if not self._settle_down():
            violations.append(Violation("I2", f"no quiet within {QUIET_PASSES} passes"))
        violations += oracle.judge()
        violations += self.hub.breaches[:3]
        self._one_more_pass()

    def _settle_down(self) -> bool:
        idle = signed = 0
        # nothing but a full pass finds what an empty page hid, or learns of new picklists at once
        relist = self.rng.random() < 0.3 or self.hub.faults.struck["empty_list"] > 0 or self.setting.picky
        for number in range(QUIET_PASSES):
            self.hub.rest(SWEEP_PAUSE_MS)
            summary = self._run(full=relist and number == 1)
            self.result.passes += 1
            signed += self.hub.person_signs_in()
            if signed > 1:
                self.result.violations.append(Violation("refresh", "a person had to sign in again though all was calm"))
                return True
            if self.setting.guarded:
                self._approve_guards()
            idle = idle + 1 if summary is not None and summary.writes == 0 and summary.converged else 0
            if idle > IDLE_PASSES:
                return True
        return False

    def _one_more_pass(self) -> None:
        before = [len(s.history) for s in self.world.systems.values()]
        self.hub.rest(SWEEP_PAUSE_MS)
        summary = self._run(full=True)
        after = [len(s.history) for s in self.world.systems.values()]
        if summary is None or summary.writes or before != after:
            self.result.violations.append(Violation("I3", "one more full pass wrote something"))
        for name, kinds in summary.records.items() if summary is not None else ():
            for kind in self.setting.kinds:
                alive = len(self.world.systems[name].alive(kind))
                buried = len(self.world.systems[name].records[kind]) - alive  # some systems tell of these as well
                if not alive <= kinds[kind]["pulled"] - kinds[kind]["gone"] <= alive + buried:
                    what = f"a full pass told of {kinds[kind]} in {name}, where {alive} of {kind} are"
                    self.result.violations.append(Violation("counts", what))

    def _run(self, *, full: bool = False) -> Summary | None:
        marks = {name: len(s.history) for name, s in self.world.systems.items()}
        taken = self.hub.taken
        summary = self.hub.run_once(full=full)
        if summary is not None:
            self.result.writes += summary.writes
        if self.setting.guarded:
            self._watch_guards(marks, max(1, self.hub.taken - taken))
        return summary

    # -- a plan says what the next run does

    def _look_first(self) -> None:
        """I15: a plan writes nothing, and the run after it does just that if nothing happens in between."""
        if self.chance.random() >= 0.15 or self.setting.rotating:
            return  # what a plan says of a system that nobody is signed in to, it says of the others only
        self.hub.rest(SWEEP_PAUSE_MS)
        before = [len(s.history) for s in self.world.systems.values()]
        self.hub.runner().plan()  # finishes what an earlier run was in the middle of reading
        summary = self.hub.runner().plan(Options(listing=MOST_LISTED))
        if before != [len(s.history) for s in self.world.systems.values()]:
            self.result.violations.append(Violation("I15", "a plan wrote something"))
        unsettled = bool(self.store.work.blocked())
        self.planned = None
        self._run()
        if unsettled or any(r["topic"] == "guard" for r in self.store.book.reviews()):
            return  # what became of a write is found out in between; a plan only mentions the limits that stop a run
        promised = self._orders(summary.orders_list or [])
        done: list[tuple[str, ...]] = self.planned or []
        if promised != done:
            odd = sorted(set(promised) ^ set(done))
            self.result.violations.append(Violation("I15", f"the run did not do what the plan said: {odd[:2]}"))

    def _orders(self, listing: list[dict[str, object]]) -> list[tuple[str, ...]]:
        """Orders without the ids of records that a plan makes up and forgets."""
        return sorted(
            (str(o["op"]), str(o["system"]), str(o["kind"]), str(o["remote_id"]), str(o["title"]), *_names(o["fields"]))
            for o in listing
        )

    # -- people answer

    def _answer_reviews(self) -> None:
        for review in self.store.book.reviews():
            if self.rng.random() < 0.5:
                answer = self.rng.choice(("accepted", "rejected"))
                choices = review["detail"].get("choices") or [None]
                self._answer(review, answer, self.chance.choice(choices) if self.chance.random() < 0.5 else None)

    def _approve_guards(self) -> None:
        for review in self.store.book.reviews():
            if review["topic"] == "guard":
                self._answer(review, "accepted", None)

    def _answer(self, review: dict[str, object], answer: str, choice: str | None) -> None:
        if review["topic"] == "guard" and answer == "accepted":
            self.let_pass[str(review["key"])] = int(review["detail"]["count"])  # type: ignore[index]
        with self.store.atomic(fence=False):
            self.store.book.answer(review["id"], answer, choice, self.clock.now())  # type: ignore[arg-type]
        self.hub.say(f"review {review['key']}: {answer} {choice or ''}")

    # -- guards

    def _watch_guards(self, marks: dict[str, int], runs: int) -> None:
        """Nothing above the limit is archived in one run unless a person let it pass, for this one run.

        `runs` processes took the home since `marks`, each with a limit of its own.
        """
        for name, system in self.world.systems.items():
            done = sum(e.who == "hub" and e.field == "@deleted" for e in system.history[marks[name] :])
            key = f"guard:{name}:archives"
            others = (runs - 1) * MOST_ARCHIVES
            if done > others + MOST_ARCHIVES and done > others + self.let_pass.pop(key, 0):
                self.result.violations.append(
                    Violation("guard", f"{done} archives in {name}, and nobody let them pass")
                )

    def _hash(self) -> str:
        digest = hashlib.blake2b("".join(self.hub.trace).encode(), digest_size=16)
        for system in self.world.systems.values():
            digest.update(repr(system.history).encode())
        digest.update(repr((self.result.violations, self.result.writes)).encode())
        return digest.hexdigest()

    def close(self) -> None:
        """End what still runs."""
        self.hub.close()


def _names(fields: object) -> list[str]:
    return sorted(fields) if isinstance(fields, dict) else []


def simulate(
    seed: int,
    setting: Setting | str | None = None,
    *,
    off: Collection[str] = (),
    log: bool = False,
    until: int | None = None,
) -> Result:
    """Play the schedule of a seed. Unexpected exceptions of the product are violations too."""
    schedule = Schedule(seed, setting, off=off, log=log, until=until)
    try:
        return schedule.play()
    except Exception as error:  # whatever the product raises here is a finding
        schedule.result.violations.append(Violation("crash", f"{type(error).__name__}: {error}"))
        return schedule.result
    finally:
        schedule.close()


__all__ = ["RATES", "Crash", "Result", "Schedule", "simulate"]
