"""Seeded schedules of the whole engine: people, faults and crashes against the oracle."""

from __future__ import annotations

import pytest

from tieline.testing.simulation import Schedule, simulate

SCHEDULES = 500
CHUNK = 25
PAST = (
    2,
    11,
    14,
    17,
    22,
    25,
    32,
    38,
    81,
    85,
    88,
    112,
    122,
    123,
    138,
    206,
    402,
    415,
    423,
    451,
    3078,
    10135,
    10201,
    10212,
    10246,
    10543,
    11049,
    11172,
    20867,
    50256,
)
"""Seeds that once showed a fault of the engine."""


@pytest.mark.parametrize("start", range(0, SCHEDULES, CHUNK))
def test_no_invariant_is_violated(start: int) -> None:
    for seed in range(start, start + CHUNK):
        result = simulate(seed)
        assert not result.violations, f"{result.violations[:3]}\n{result.command}"


@pytest.mark.parametrize("seed", PAST)
def test_a_seed_that_once_failed_stays_mended(seed: int) -> None:
    assert simulate(seed).violations == []


def test_the_same_seed_plays_the_same_schedule() -> None:
    logs = []
    for _ in range(2):
        schedule = Schedule(7, log=True)
        schedule.play()
        logs.append((schedule.result.log, [list(s.history) for s in schedule.world.systems.values()]))
    assert logs[0] == logs[1]


def test_schedules_are_eventful() -> None:
    results = [simulate(seed) for seed in range(20)]
    assert sum(r.crashes for r in results) > 5
    assert sum(r.writes for r in results) > 500
