"""The benchmarks run and print their table. Nothing is timed here: whether a target is met is theirs to say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def test_the_benchmarks_print_every_target_with_a_verdict() -> None:
    if not os.environ.get("TIELINE_BENCH"):
        pytest.skip("TIELINE_BENCH is unset: the stand-in is not here")
    tasks = ("first", "idle", "apply", "limited")
    chosen = [word for task in tasks for word in ("--only", task)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.run", "--records", "150", *chosen],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode in (0, 1), done.stderr
    lines = [line.split(" | ") for line in done.stdout.splitlines() if line.startswith("| ")]
    verdicts = {(cells[0].removeprefix("| "), cells[1]): cells[4] for cells in lines[1:]}
    assert {task for task, _ in verdicts} == set(tasks)
    assert verdicts["idle", "requests"] == "met"
    assert verdicts["apply", "requests a batch"] == "met"


def test_without_the_stand_in_they_say_what_is_missing(tmp_path: Path) -> None:
    env = {**os.environ, "TIELINE_BENCH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.run"], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert "TIELINE_BENCH" in done.stderr
