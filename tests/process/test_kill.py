"""`kill -9` at seeded moments of a first sync; the next sync goes on, and the SDKs count no twin, no gap.

A moment is a write request (of either system) and where it stands: not sent on, applied with the answer lost, or
answered a little while ago, so that the kill lands in a commit, in the next plan or in between. The episodes run side
by side: what takes long in them is waiting until a lost create may be believed not to have happened.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.process import company
from tests.process.harness import VENDORS, Counter, Desk, Gate, Sandboxes
from tests.process.killing import Killer, Moment, moment
from tests.process.together import Together

SEEDS = range(int(os.environ.get("TIELINE_KILLS", "10")))
"""`TIELINE_KILLS=200 pytest tests/process/test_kill.py` is the long tier, by hand."""
WRITES = 13
"""Write requests of the undisturbed first sync."""
AT_ONCE = 5


class Episode:
    """One first sync that is killed, the sync that goes on, and the one that should find nothing to do."""

    def __init__(self, folder: Path, when: Moment | None) -> None:
        self.when = when
        sandboxes = Sandboxes(folder / "sandbox")
        counter = Counter()
        gates = {name: Gate(sandboxes, name, counter) for name in VENDORS}
        try:
            company.fill(sandboxes)
            desk = Desk(folder / "desk", {n: g.url for n, g in gates.items()}, sandboxes.token)
            killer = Killer(gates, when)
            self.first = killer.run(desk, "sync", "--yes", "--json")
            self.killed = killer.killed
            self.second = desk.sync() if when else None
            self.writes = counter.writes
            self.quiet = desk.sync()
            self.quiet_writes = counter.writes - self.writes
            self.outside = company.Outside(sandboxes)
        finally:
            for gate in gates.values():
                gate.close()
            sandboxes.stop()


Episodes = Together[int | None, Episode]


@pytest.fixture(scope="module")
def episodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Episodes]:
    """All episodes by seed, some of them at once; None is the undisturbed one."""

    folder = tmp_path_factory.mktemp("kill")  # here: the factory is not made for threads

    def play(seed: int | None) -> Episode:
        return Episode(folder / str(seed), None if seed is None else moment(seed, WRITES))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield Together(pool, play, (None, *SEEDS))


def test_undisturbed_the_first_sync_makes_both_sides_equal(episodes: Episodes) -> None:
    calm = episodes[None]
    assert calm.first.code == 0, calm.first.err
    assert calm.writes == WRITES, "the moments are drawn from the wrong range"
    assert calm.quiet_writes == 0
    calm.outside.check()


@pytest.mark.parametrize("seed", SEEDS)
def test_killed_at_any_moment_the_next_sync_ends_with_no_twin_and_no_gap(seed: int, episodes: Episodes) -> None:
    one = episodes[seed]
    told = f"{one.when}: {one.second}"
    assert one.killed == 1, "the moment never came"
    assert one.first.code == -9, one.first.err
    assert one.second is not None
    assert one.second["code"] == 0, told
    one.outside.check()
    assert (one.quiet["code"], one.quiet["writes"], one.quiet["reviews"]) == (0, 0, 0), f"{told}\n{one.quiet}"
    assert one.quiet["converged"] is True
    assert one.quiet_writes == 0
