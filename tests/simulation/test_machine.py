"""The same world, played by Hypothesis step by step: fewer schedules than the seeded loop, but they shrink to a story.

Every step is one thing that a person, the network or a process does. When it is over all is quiet, and the oracle
judges what is left.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.mutants import MUTANTS
from tieline.errors import Rejected
from tieline.testing.simulation import Schedule, Setting
from tieline.testing.simulation.setting import FIELDS

SYSTEMS = st.sampled_from(("crm", "marketing", "files"))
KINDS = st.sampled_from(("contact", "account"))
SOMEBODY = st.integers(0, 5)
FAULTS = st.sampled_from(("lost_after", "lost_before", "throttle", "partial", "empty_list", "reorder"))
LONGEST_RUN = 60
QUIET = Setting(people=0.0, crash=0.0, faults={}, merges=True)
CHEAP = settings(
    max_examples=25, stateful_step_count=25, deadline=None, derandomize=True, database=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


class Office(RuleBasedStateMachine):
    """People, faults, crashes and runs, in any order."""

    @initialize(seed=st.integers(0, 30))
    def open(self, seed: int) -> None:
        """The systems, as some seed draws them, with what people had entered before."""
        self.schedule = Schedule(seed, QUIET)
        self.world, self.hub = self.schedule.world, self.schedule.hub
        self.hub.faults.on = False
        self.world.populate()

    @contextmanager
    def _moment(self) -> Iterator[None]:
        """A second passes; what the system itself refuses, it refuses."""
        self.hub.clock.advance(1000)
        try:
            yield
        except Rejected:
            return

    def _one(self, system: str, kind: Any, number: int) -> Any:
        alive = self.world.systems[system].alive(kind)
        return alive[number % len(alive)].id if alive else None

    @rule(system=SYSTEMS, kind=KINDS, twin=st.integers(0, 3))
    def create(self, system: str, kind: Any, twin: int) -> None:
        """Somebody new, perhaps known elsewhere."""
        n = self.world._number()
        person = {"email": f"p{twin}@firm.example", "last_name": f"Last{n}"}
        firm = {"name": f"Firm {n}", "domain": f"firm{twin}.example"}
        with self._moment():
            self.world.systems[system].person_create(kind, person if kind == "contact" else firm)

    @rule(system=SYSTEMS, kind=KINDS, number=SOMEBODY, field=st.integers(0, 7))
    def edit(self, system: str, kind: Any, number: int, field: int) -> None:
        """One field of somebody."""
        place, chosen = self.world.systems[system], self._one(system, kind, number)
        names = [n for n in FIELDS[kind] if n in place.rules[kind].blank and n != "parent"]
        name = names[field % len(names)]
        if chosen is not None:
            with self._moment():
                place.person_edit(kind, chosen, {name: self.world._value(place, kind, name)})

    @rule(system=SYSTEMS, kind=KINDS, number=SOMEBODY)
    def delete(self, system: str, kind: Any, number: int) -> None:
        """Somebody is deleted."""
        chosen = self._one(system, kind, number)
        if chosen is not None:
            with self._moment():
                self.world.systems[system].person_delete(kind, chosen)

    @rule(system=SYSTEMS, kind=KINDS)
    def undelete(self, system: str, kind: Any) -> None:
        """Somebody is taken out of the bin."""
        with self._moment():
            self.world._undelete(self.world.systems[system], kind)

    @rule(system=SYSTEMS, kind=KINDS)
    def merge(self, system: str, kind: Any) -> None:
        """Two become one."""
        with self._moment():
            self.world._merge(self.world.systems[system], kind)

    @rule(fault=FAULTS, times=st.integers(1, 3))
    def bad_day(self, fault: str, times: int) -> None:
        """The next calls go wrong."""
        self.hub.faults.force(fault, times)

    @rule(minutes=st.sampled_from((1, 60, 24 * 60)))
    def wait(self, minutes: int) -> None:
        """Time passes."""
        self.hub.rest(minutes * 60_000)

    @rule()
    def answer(self) -> None:
        """Somebody answers some of the questions."""
        self.schedule._answer_reviews()

    @rule(full=st.booleans())
    def run(self, full: bool) -> None:
        """A run that nobody disturbs."""
        self.hub.run_once(full=full)

    @rule(step=st.integers(1, LONGEST_RUN), busy=st.booleans())
    def run_and_die(self, step: int, busy: bool) -> None:
        """A run in which somebody may do something, and that dies there."""
        last = self.hub.steps + step

        def between(name: str) -> None:
            if self.hub.steps == last:
                if busy and not self.hub.store.db.sql.in_transaction:
                    self.world.act()
                raise self.hub.crash()

        self.hub.between = between
        self.hub.run_once()
        self.hub.between = self.schedule._between

    def teardown(self) -> None:
        """All is quiet, and the oracle judges."""
        if not hasattr(self, "schedule"):
            return
        try:
            self.hub.faults._forced.clear()
            self.schedule._calm()
            assert self.schedule.result.violations == []
        finally:
            self.schedule.close()


def test_no_story_that_hypothesis_tells_violates_an_invariant() -> None:
    run_state_machine_as_test(Office, settings=CHEAP)


@pytest.mark.parametrize("name", ["noshadow", "lostlog"])
def test_a_seeded_bug_is_found_and_shrunk(name: str) -> None:
    mutant, _ = MUTANTS[name]
    with mutant(), pytest.raises(BaseException, match="Violation"):
        run_state_machine_as_test(Office, settings=settings(CHEAP, max_examples=200))
