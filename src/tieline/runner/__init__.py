"""The runner: pull, plan, apply. Does the I/O, decides nothing.

`Runner.sync` is one run; `Runner.plan` is the same up to the first write, and undoes its planning.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from tieline.engine.limits import CONFIRMED, Limits, crossed
from tieline.errors import TielineError
from tieline.events import RunFinished
from tieline.model import Question
from tieline.ports import Ports
from tieline.records import Kind
from tieline.rules import Rules
from tieline.runner import report
from tieline.runner.context import Hooks, NoHooks, Run, System
from tieline.runner.lease import Lease
from tieline.runner.planning import plan as plan_all
from tieline.runner.pull import pull as pull_all
from tieline.runner.settle import settle as settle_all
from tieline.runner.stages import apply as apply_all
from tieline.runner.titles import listing
from tieline.store import Store

MAX_ROUNDS = 12
"""Plan and apply are repeated until nothing is owed; more rounds than this and the rest waits for the next run."""

PREVIEWED = 1000
"""Orders that a person who is asked can look at."""

__all__ = ["Hooks", "NoHooks", "Options", "Runner", "Summary", "System"]

Confirm = Callable[["Preview"], bool]


@dataclass(frozen=True, slots=True)
class Preview:
    """What a person is shown before the first writes of a home. Nothing of it is kept, and nothing is locked."""

    orders: Mapping[str, Mapping[str, Mapping[str, int]]]
    listing: Callable[[int, int], list[dict[str, Any]]]
    """So many orders, from the so-manieth on; of the first PREVIEWED alone."""
    first: bool


@dataclass(frozen=True, slots=True)
class Options:
    """How one run goes. Before a home's first writes `confirm` is asked; None: never ask, write nothing then."""

    without: frozenset[str] = frozenset()
    full: bool = False
    full_every_ms: int = 0
    offline: bool = False
    confirm: Confirm | None = None
    yes: bool = False
    """The first writes need no question."""
    listing: int = 0
    """Carry so many orders in the summary."""
    progress: Callable[[str, str, int, int | None], None] | None = None


@dataclass(slots=True)
class Summary:
    """What a run came to; `as_json` is what `--json` prints."""

    run: str
    outcome: Literal["done", "waiting", "failed", "locked"]
    converged: bool
    writes: int = 0
    reviews: int = 0
    api_calls: dict[str, int] = field(default_factory=dict)
    records: dict[str, dict[str, dict[str, int]]] = field(default_factory=dict)
    orders: dict[str, dict[str, dict[str, int]]] = field(default_factory=dict)
    stages: dict[str, dict[str, float]] = field(default_factory=dict)
    orders_list: list[dict[str, Any]] | None = None
    notes: list[str] = field(default_factory=list)
    """Why something waits or failed, one sentence each."""
    errors: list[BaseException] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Plain JSON, in the pinned shape."""
        found: dict[str, Any] = {
            "run": self.run,
            "outcome": self.outcome,
            "converged": self.converged,
            "writes": self.writes,
            "reviews": self.reviews,
            "api_calls": self.api_calls,
            "records": self.records,
            "orders": self.orders,
            "stages": self.stages,
            "notes": self.notes,
        }
        if self.orders_list is not None:
            found["orders_list"] = self.orders_list
        return found


class _Undo(Exception):
    """Leaves the planning transaction without a trace."""


class Runner:
    """Runs one home. Hand in a store, connectors, rules, limits, ports and hooks."""

    def __init__(
        self,
        store: Store,
        systems: Mapping[str, System],
        rules: Rules,
        limits: Limits | None = None,
        ports: Ports | None = None,
        hooks: Hooks | None = None,
        fingerprint: str = "",
    ) -> None:
        self.store = store
        self.systems = systems
        self.rules = rules
        self.limits = limits or Limits()
        self.ports = ports or Ports()
        self.hooks = hooks or NoHooks()
        self.fingerprint = fingerprint

    def sync(self, options: Options | None = None) -> Summary:
        """Pull, plan, apply until nothing is owed. Raises Locked when another run holds the home."""
        return self._go("sync", options or Options())

    def plan(self, options: Options | None = None) -> Summary:
        """Pull (unless offline) and plan; write nothing and keep nothing of the plan."""
        return self._go("plan", options or Options())

    # -- one run

    def _go(self, command: str, options: Options) -> Summary:
        run = self._run(options)
        lease = Lease(self.store, self.ports)
        run.lease_until = lease.take()
        stages: dict[str, dict[str, float]] = {s: {"cpu_s": 0.0, "wall_s": 0.0} for s in ("pull", "plan", "apply")}
        summary = Summary(run.id, "failed", False, stages=stages)
        try:
            with self.store.atomic(durable=False):
                self.store.book.begin(run.id, command, self.ports.clock.now())
            self._prepare(run)
            report.release_retries(run)
            if not options.offline:
                with _clocked(stages["pull"]):
                    settle_all(run)
                    started = self.ports.clock.now()
                    pull_all(run, options.full_every_ms)
                    settle_all(run, wait=False, read_since=started)
            if command == "plan":
                self._look(run, options, summary, stages)
            else:
                self._work(run, options, summary, stages)
            report.finish(run, summary, wrote=command != "plan")
        except BaseException as error:
            summary.notes.append(str(error) or type(error).__name__)
            report.abandon(run, summary)
            self.hooks.finished(RunFinished(run.id, "failed", summary.as_json()))
            raise
        finally:
            lease.give_back()
        self.hooks.finished(RunFinished(run.id, summary.outcome, summary.as_json()))
        return summary

    def _run(self, options: Options) -> Run:
        now = self.ports.clock.now()
        systems = {n: s for n, s in self.systems.items() if n not in options.without}
        run = Run(
            self.ports.ids.new(now), self.store, systems, self.rules, self.limits, self.ports, self.hooks,
            self.systems, options.without, options.full,
        )  # fmt: skip
        if options.progress is not None:
            run.progress = options.progress
        return run

    def _prepare(self, run: Run) -> None:
        """Schemas are known before planning begins; changed rules plan everything anew."""
        for system in run.systems.values():
            try:
                for facts in system.streams:
                    run.schema(system, facts.name)
            except TielineError as error:
                if error.fatal:
                    raise
                run.fail(system.name, error)
        if self.fingerprint and self.store.db.meta("rules") != self.fingerprint:
            with self.store.atomic(durable=False):
                if self.store.db.meta("rules") is not None:  # a changed mapping reads and plans everything anew
                    self.store.trees.forget_versions()
                    self.store.trees.mark_all()
                    run.full = run.rekey = True
                self.store.db.set_meta("rules", self.fingerprint)

    def _look(self, run: Run, options: Options, summary: Summary, stages: dict[str, Any]) -> None:
        """Plan once, keep the numbers, undo."""
        try:
            with self.store.atomic(durable=False), _clocked(stages["plan"]):
                waiting = self._planned(run)
                summary.orders = self.store.work.counts()
                summary.reviews = self.store.book.open_reviews()
                summary.notes += waiting.values()
                summary.notes += [q.summary for q in self._guards(run, confirmed=self.store.db.meta("wrote") is None)]
                if options.listing:
                    summary.orders_list = listing(self.store, options.listing)
                report.count_records(run, summary)
                raise _Undo
        except _Undo:
            pass
        summary.converged = not summary.orders and self._settled(run, waiting)

    def _planned(self, run: Run) -> dict[Kind, str]:
        broken = [n for n in run.systems if any((n, s.name) not in run.schemas for s in run.systems[n].streams)]
        for name in broken:  # its schema could not be had: it takes no part in this run
            run.failed.setdefault(name, "its schema could not be read")
            run.systems = {n: s for n, s in run.systems.items() if n != name}
        return plan_all(run)

    def _work(self, run: Run, options: Options, summary: Summary, stages: dict[str, Any]) -> None:
        """Rounds of plan and apply, until a plan is empty or makes no progress."""
        for _ in range(MAX_ROUNDS):
            moves = run.moves
            if not self._round(run, options, summary, stages):
                break
            if run.moves == moves:
                settle_all(run)
            if run.moves == moves:
                break
        summary.writes = sum(run.written.values())

    def _open_intents(self, run: Run) -> bool:
        return any(system in run.systems for system in report.unsettled(run))

    def _round(self, run: Run, options: Options, summary: Summary, stages: dict[str, Any]) -> bool:
        """One plan and its application; False when there is nothing more to do."""
        since = self.store.work.newest_entry()
        plan = self._committed(run, options, summary, stages)
        report.tell_conflicts(run, since)
        if not plan:
            return False
        self.ports.boundary("planned")
        report.merge_orders(summary.orders, plan)
        with _clocked(stages["apply"]):
            apply_all(run)
        return not all(name in run.failed for name in plan)

    def _committed(self, run: Run, options: Options, summary: Summary, stages: dict[str, Any]) -> report.Orders:
        """Plan and commit that: the orders to carry out; none where nothing is owed or a person must answer first."""
        agreed: tuple[int, int] | None = None
        while True:
            asked: list[Question] = []
            preview = None
            try:
                with self.store.atomic(), _clocked(stages["plan"]):
                    answers = self.store.book.answered()
                    waiting = self._planned(run)
                    counts = self.store.work.counts()
                    summary.notes += [why for why in waiting.values() if why not in summary.notes]
                    summary.converged = not counts and self._settled(run, waiting)
                    if not counts:
                        if self._settled(run, {}):
                            self._first_is_done()
                        return {}
                    if self.store.db.meta("wrote") is None:
                        if not options.yes and agreed != answers:
                            preview = self._preview(counts)
                            raise _Undo
                        self.store.db.set_meta("wrote", run.id)
                        self.store.db.set_meta("agreed", json.dumps(report.guarded(run)))
                    asked = self._guards(run, confirmed=self.store.db.meta("wrote") == run.id)
                    if asked:
                        raise _Undo
                    run.renew_lease()
                    return counts
            except _Undo:
                pass
            if preview is None or options.confirm is None or not options.confirm(preview):
                self._held(run, counts, asked, summary)
                return {}
            agreed = answers  # the same trees and answers give the same plan; others are shown again

    def _preview(self, counts: report.Orders) -> Preview:
        shown = listing(self.store, PREVIEWED)
        return Preview(counts, lambda limit, offset: shown[offset : offset + limit], True)

    def _held(self, run: Run, counts: report.Orders, asked: Sequence[Question], summary: Summary) -> None:
        """Nothing is written: the limits that were crossed are asked about; without any, a yes is missing."""
        report.merge_orders(summary.orders, counts)
        with self.store.atomic():
            for question in asked:
                self.store.book.spend(question.key)
                self.store.book.ask(question, run.id, self.ports.clock.now())
                self.store.book.refresh(question)
        summary.notes += [q.summary for q in asked]
        if not asked:
            summary.notes.append("nothing was written: the first sync of a home needs a yes")
            summary.outcome = "waiting"

    def _settled(self, run: Run, waiting: Mapping[Kind, str]) -> bool:
        """Whether nothing is left that a later run would go on with."""
        return not waiting and not run.failed and not self._open_intents(run)

    def _guards(self, run: Run, *, confirmed: bool) -> list[Question]:
        """The limits this plan crosses, but for those a person has let pass."""
        counts = report.guarded(run)
        linked = {name: self.store.book.linked(name) for name in run.systems}
        asked = []
        for question in crossed(run.limits, counts, linked, confirmed):
            answer = self.store.book.decision(question.key)
            if answer is not None:  # an answer holds for one run
                self.store.book.spend(question.key)
                if answer.answer == "accepted":
                    run.allowed[question.key] = int(answer.detail["count"])
            if not self._passes(run, question, linked):
                asked.append(question)
        return asked

    def _passes(self, run: Run, question: Question, linked: Mapping[str, int]) -> bool:
        """Whether a person let so much pass. What was agreed to in the first sync needs no limit, the rest does."""
        system, what = str(question.detail["system"]), str(question.detail["what"])
        count = int(question.detail["count"])
        if count <= run.allowed.get(question.key, 0):
            return True
        return run.limits.of(what).allows(count - max(0, self._agreed(run, system, what)), linked.get(system, 0))

    def _agreed(self, run: Run, system: str, what: str) -> int:
        """How much of what a person agreed to in the first sync no earlier run has written yet; and, as long as it is
        not done, what systems themselves added to what was made there."""
        told = self.store.db.meta("agreed")
        if not told or what not in CONFIRMED:
            return 0
        work = self.store.work
        left = int(json.loads(told).get(system, {}).get(what, 0)) - work.written_before(run.id, system, what[:-1])
        before, now = work.follow_ups(run.id, system) if what == "updates" else (0, 0)
        return left + before + now

    def _first_is_done(self) -> None:
        """Nothing is left of the plan that a person agreed to in the first sync, however many runs it took."""
        if self.store.db.meta("agreed"):
            self.store.db.set_meta("agreed", "")


@contextmanager
def _clocked(stage: dict[str, float]) -> Iterator[None]:
    cpu, wall = time.process_time(), time.perf_counter()
    try:
        yield
    finally:
        stage["cpu_s"] = round(stage["cpu_s"] + time.process_time() - cpu, 4)
        stage["wall_s"] = round(stage["wall_s"] + time.perf_counter() - wall, 4)
