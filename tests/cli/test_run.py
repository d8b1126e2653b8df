"""`tieline run`: when rounds start, and that a signal ends it cleanly."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import pytest

from tieline.cli.run_command import next_start
from tieline.config import Schedule

MINUTE = 60_000
WAIT = 30.0


@pytest.mark.parametrize(
    ("last", "now", "due"),
    [
        (0, 10, 15 * MINUTE),
        (0, 15 * MINUTE - 1, 15 * MINUTE),
        (0, 15 * MINUTE, 15 * MINUTE),
        (0, 15 * MINUTE + 1, 30 * MINUTE),
        (0, 100 * MINUTE, 105 * MINUTE),
    ],
)
def test_starts_that_were_missed_are_skipped(last: int, now: int, due: int) -> None:
    assert next_start(Schedule(every_ms=15 * MINUTE), last, now) == due


def test_cron_is_read_in_local_time() -> None:
    now = datetime(2025, 3, 3, 9, 7).astimezone()
    due = next_start(Schedule(cron="*/15 * * * *"), 0, int(now.timestamp() * 1000))
    assert datetime.fromtimestamp(due / 1000) == datetime(2025, 3, 3, 9, 15)


PROGRAM = """\
import sys
sys.path.insert(0, {tests!r})
from conftest import Memory, World
from tieline.cli.app import app
from tieline.cli.session import Session
from tieline.plugins import Registry
world = World()
world["crm"].person_create("contact", {{"email": "ann@x.test"}})
app.main(sys.argv[1:], obj=Session(registry=Registry(extra=[Memory(world)])))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_rounds_follow_each_other_until_a_signal(configured: Path, here: Path, number: int) -> None:
    configured.write_text(configured.read_text() + '[schedule]\nevery = "100ms"\n')
    program = PROGRAM.format(tests=str(Path(__file__).parent))
    process = subprocess.Popen(
        [sys.executable, "-c", program, "run", "--json"],
        cwd=here, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ},
    )  # fmt: skip
    assert process.stderr is not None
    deadline, rounds = time.monotonic() + WAIT, 0
    while rounds < 3 and time.monotonic() < deadline:
        rounds += "Next round at" in process.stderr.readline()
    process.send_signal(number)
    out, err = process.communicate(timeout=WAIT)
    assert process.returncode == 0, err
    assert "Stopped." in err
    summaries = json.loads(out)
    assert len(summaries) >= 3
    assert len({s["run"] for s in summaries}) == len(summaries)
    assert summaries[0]["outcome"] == "waiting"  # a first sync needs a yes, and nobody is there
