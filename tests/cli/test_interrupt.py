"""A signal during a run: the first ends it at its next boundary, the second at once; both with 130."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

WAIT = 30.0
PROGRAM = """\
import os, sys, time
sys.path.insert(0, {tests!r})
from conftest import Memory, World
from tieline.cli.app import app
from tieline.cli.session import Session
from tieline.plugins import Registry
from tieline.testing import MemoryConnector

class Slow(MemoryConnector):
    def list(self, stream, token):
        os.write(1, b"asked\\n")  # at one go: two streams are read at once
        time.sleep({pause})
        return super().list(stream, token)

world = World()
world["crm"].person_create("contact", {{"email": "ann@x.test"}})
world.connect = lambda context: Slow(world[context.system])
app.main(sys.argv[1:], obj=Session(registry=Registry(extra=[Memory(world)])))
"""


@pytest.mark.parametrize(("pause", "signals", "said"), [(0.5, 1, "Error: interrupted"), (60, 2, "Interrupted at once")])
def test_a_run_that_is_interrupted_ends_with_130(
    configured: Path, here: Path, pause: float, signals: int, said: str
) -> None:
    program = PROGRAM.format(tests=str(Path(__file__).parent), pause=pause)
    process = subprocess.Popen(
        [sys.executable, "-c", program, "sync", "--yes"],
        cwd=here, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ},
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "asked\n"
    for _ in range(signals):
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)
    _, err = process.communicate(timeout=WAIT)
    assert process.returncode == 130, err
    assert said in err
    assert "Traceback" not in err
