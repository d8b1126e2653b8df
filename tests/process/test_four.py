"""Four systems, one company: a first sync, undisturbed and killed at seeded moments, seen by five SDKs from outside.

A moment is a write request of each system in turn, and where it stands. The next sync comes twenty minutes later, by
the clock that stand-ins and commands share: nobody waits for what Google or Zendesk may take to show a lost create.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.process import four
from tests.process.four_seen import Outside
from tests.process.harness import Counter, Gate
from tests.process.killing import Killer, Moment, moment
from tests.process.together import Together

pytest.importorskip("zenpy", reason="zenpy is not installed")
pytest.importorskip("gspread", reason="gspread is not installed")
pytest.importorskip("googleapiclient", reason="google-api-python-client is not installed")

SEEDS = range(int(os.environ.get("TIELINE_KILLS", "10")))
"""`TIELINE_KILLS=200 pytest tests/process/test_four.py` is the long tier, by hand."""
WRITES = {"crm": 12, "marketing": 15, "support": 5, "workspace": 14}
"""Write requests of the undisturbed first sync."""
AT_ONCE = 5
MOST = 4
"""Syncs after which it must be quiet."""
SOON = 120
"""Seconds: everybody but Google Contacts would have shown a lost create."""
CONTACTS_WRITE = 5
"""Which write request of the workspace makes the new contacts."""
SLOW = ("propagation", "search-lag")
"""Vices: whom a killed process made shows in Google's listings, and in what HubSpot and Zendesk find, much later."""
CALM, LOST = "calm", "lost"
"""Stories beside those of the seeds: nothing happens; the answer to new Google contacts is lost, and a sync soon."""


class Story:
    """A first sync, and syncs until one writes nothing, each a while after the one before."""

    def __init__(self, folder: Path, kept: four.Kept, when: Moment | None, *, soon: bool = False) -> None:
        self.when = when
        time = four.Time(folder)
        sandboxes = kept.served(folder / "sandbox", time, *(SLOW if when else ()))
        counters = {name: Counter() for name in four.VENDORS}
        gates = {name: Gate(sandboxes, name, counters[name]) for name in four.VENDORS}
        try:
            self.before = Outside(sandboxes, kept.sheet) if when is None else None
            desk = kept.desk(folder / "desk", {n: g.url for n, g in gates.items()}, sandboxes.token, time)
            was = {name: sandboxes.stats(name) for name in four.VENDORS}
            killer = Killer(gates, when)
            self.first = killer.run(desk, "sync", "--yes", "--json")
            self.killed = killer.killed
            self.writes = {name: counter.writes for name, counter in counters.items()}
            now = {name: sandboxes.stats(name) for name in four.VENDORS}
            self.asked = {name: now[name]["requests"] - was[name]["requests"] for name in now}
            self.changed = {name: now[name]["writes"] - was[name]["writes"] for name in now}
            self.runs: list[Any] = []
            if soon:
                time.pass_(SOON)
                self.runs.append(desk.sync())
            while not self.runs or (len(self.runs) < MOST and (self.runs[-1]["writes"] or self.runs[-1]["notes"])):
                time.pass_(four.A_WHILE)
                written = sandboxes.writes()
                self.runs.append(desk.sync())
                self.last_changed = sandboxes.writes() - written
            time.pass_(four.A_WHILE)
            self.outside = Outside(sandboxes, kept.sheet)
        finally:
            for gate in gates.values():
                gate.close()
            sandboxes.stop()

    @property
    def told(self) -> str:
        """What a failed test should say."""
        return f"{self.when}: {[(r['code'], r['writes'], r['reviews'], r['notes']) for r in self.runs]}"


def when(seed: int) -> Moment:
    """The moment of a seed: each system in turn."""
    system = tuple(WRITES)[seed % len(WRITES)]
    return moment(seed, WRITES[system], system)


Stories = Together[int | str, Story]


@pytest.fixture(scope="module")
def stories(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stories]:
    """All stories by seed, some of them at once."""
    folder = tmp_path_factory.mktemp("four")  # here: the factory is not made for threads
    kept = four.Kept(folder / "kept")

    def play(key: int | str) -> Story:
        if isinstance(key, int):
            return Story(folder / str(key), kept, when(key))
        lost = Moment(CONTACTS_WRITE, "after", 0, "workspace")
        return Story(folder / key, kept, lost if key == LOST else None, soon=key == LOST)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield Together(pool, play, (CALM, LOST, *SEEDS))


def _planned(summary: Any, op: str) -> dict[str, dict[str, int]]:
    """System → kind → how many of these orders, where there are any."""
    found = {s: {k: n[op] for k, n in kinds.items() if op in n} for s, kinds in summary["orders"].items()}
    return {s: kinds for s, kinds in found.items() if kinds}


def test_the_company_is_made_as_it_is_meant(stories: Stories) -> None:
    before = stories[CALM].before
    assert before is not None
    for kind, held in four.HOLDS.items():
        for system, numbers in held.items():
            seen = before.seen[system][kind]
            assert sorted(seen) == sorted((four.name(kind, n), "") for n in numbers), (system, kind)


def test_undisturbed_one_sync_makes_four_systems_equal_and_the_next_writes_nothing(stories: Stories) -> None:
    calm = stories[CALM]
    assert calm.first.code == 0, calm.first.err
    assert calm.first.json["converged"] is True
    calm.outside.check()
    (after,) = calm.runs
    assert (after["code"], after["writes"], after["orders"], after["converged"]) == (0, 0, {}, True), after
    assert calm.last_changed == 0


def test_what_the_sync_says_it_made_is_what_the_sdks_count(stories: Stories) -> None:
    calm = stories[CALM]
    assert calm.before is not None
    before, after, said = calm.before.count(), calm.outside.count(), calm.first.json
    gained = {s: {k: n - before[s][k] for k, n in kinds.items() if n > before[s][k]} for s, kinds in after.items()}
    named = {s: {k: n for k, n in kinds.items() if n and (s, k) not in four.NAMELESS} for s, kinds in before.items()}
    assert _planned(said, "create") == gained == four.gains()
    assert _planned(said, "link") == named
    made, stamped = (sum(n for kinds in found.values() for n in kinds.values()) for found in (gained, named))
    changed = sum(n for kinds in _planned(said, "update").values() for n in kinds.values())
    assert made + stamped < said["writes"] <= made + stamped + changed


def test_the_calls_it_counts_are_the_calls_the_stand_ins_had(stories: Stories) -> None:
    calm = stories[CALM]
    assert calm.first.json["api_calls"] == calm.asked
    assert calm.changed == calm.writes == WRITES, "the moments are drawn from the wrong range"


def test_a_lost_create_is_looked_for_only_when_it_would_show_and_is_not_made_twice(stories: Stories) -> None:
    story = stories[LOST]
    soon, *later = story.runs
    assert (story.killed, story.first.code) == (1, -9)
    new = four.gains()["workspace"]["contact"]
    note = f"workspace: the outcome of {new} writes is not known yet; the next run looks again"
    assert (soon["code"], soon["converged"], soon["notes"]) == (0, False, [note]), story.told
    assert (later[-1]["code"], later[-1]["writes"], later[-1]["converged"]) == (0, 0, True), story.told
    story.outside.check()


@pytest.mark.parametrize("kind", ["account", "contact", "opportunity", "campaign"])
def test_a_twin_a_gap_or_another_hub_id_would_be_noticed(kind: str, stories: Stories) -> None:
    outside = stories[CALM].outside
    rows = outside.seen["workspace"][kind]
    (first, hub), *others = rows
    for wrong in ([*rows, (first, hub)], others, [(first, ""), *others], [(first, "another"), *others]):
        with pytest.raises(AssertionError, match="workspace"):
            outside.having("workspace", kind, wrong).check()


@pytest.mark.parametrize("seed", SEEDS)
def test_killed_at_any_moment_the_next_syncs_end_with_no_twin_and_no_gap(seed: int, stories: Stories) -> None:
    story = stories[seed]
    assert (story.killed, story.first.code) == (1, -9), story.first.err
    assert [run["code"] for run in story.runs] == [0] * len(story.runs), story.told
    story.outside.check()
    last = story.runs[-1]
    assert (last["writes"], last["reviews"], last["orders"], last["converged"]) == (0, 0, {}, True), story.told
    assert story.last_changed == 0
