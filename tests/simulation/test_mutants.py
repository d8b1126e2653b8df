"""Bugs seeded on purpose: the seeded world must object to each. A mutant that survives is a fault of the world."""

from __future__ import annotations

import pytest

from tests.mutants import BUSY, CRASHY, HEAVY, LOSSY, MUTANTS, RARE, hunt, sober

BUDGET = 400


@pytest.mark.parametrize("name", [name for name in MUTANTS if name not in RARE])
def test_a_seeded_bug_is_caught(name: str) -> None:
    found = hunt(name, BUDGET)
    assert found["caught"], f"{name} survived {BUDGET} schedules"


@pytest.mark.parametrize("setting", [LOSSY, HEAVY, BUSY, CRASHY], ids=["lossy", "heavy", "busy", "crashy"])
def test_the_unbroken_engine_passes_where_the_bugs_are_provoked(setting: object) -> None:
    assert sober(setting, 25) == []
