"""Bugs seeded on purpose: the seeded world must object to each. A mutant that survives is a fault of the world."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutants import MUTANTS, hunt, sober
from tieline.testing.simulation import OPTIONS

BUDGET = 120
RARE = frozenset(
    {
        "pagebound",
        "blindlate",
        "trustlist",
        "effectblind",
    }
)
"""Mutants that take more schedules than the test suite has time for; `python -m tests.mutants` plays them."""


@pytest.mark.parametrize("name", [name for name in MUTANTS if name not in RARE])
def test_a_seeded_bug_is_caught(name: str) -> None:
    found = hunt(name, BUDGET)
    assert found["caught"], f"{name} survived {BUDGET} schedules"


@pytest.mark.parametrize("options", sorted(OPTIONS))
def test_the_unbroken_engine_passes_where_the_bugs_are_provoked(options: str) -> None:
    assert sober(options, 12) == []


def test_every_mutant_names_an_option_set_and_there_are_forty_of_them() -> None:
    assert {options for _, options in MUTANTS.values()} <= set(OPTIONS)
    assert len(MUTANTS) >= 40


def test_the_page_about_testing_has_every_mutant_with_its_options() -> None:
    page = (Path(__file__).parents[2] / "docs" / "testing.md").read_text(encoding="utf-8")
    for name, (mutant, options) in MUTANTS.items():
        told = str(mutant.__doc__).strip().splitlines()[0]
        assert f"| {name} | {told} | {options} |" in page
