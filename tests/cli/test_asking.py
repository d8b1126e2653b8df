"""The question before the first write, on a terminal: it is seen, it can be answered, and Ctrl-C is an answer too."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

WAIT = 30.0
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


class Terminal:
    """A process whose standard streams are one terminal; what it shows is kept."""

    def __init__(self, process: subprocess.Popen[bytes], fd: int) -> None:
        self.process, self.fd, self.shown = process, fd, b""

    def read_until(self, text: str) -> None:
        """Raises AssertionError when `text` is not shown in time."""
        end = time.monotonic() + WAIT
        while text.encode() not in self.shown:
            assert time.monotonic() < end, self.shown.decode()
            if select.select([self.fd], [], [], 0.2)[0]:
                self.shown += os.read(self.fd, 65536)

    def read_for(self, seconds: float) -> bytes:
        """What is shown from now on, for so long."""
        end, before = time.monotonic() + seconds, len(self.shown)
        while (left := end - time.monotonic()) > 0:
            if select.select([self.fd], [], [], left)[0]:
                self.shown += os.read(self.fd, 65536)
        return self.shown[before:]

    def type(self, keys: str) -> None:
        os.write(self.fd, keys.encode())

    def end(self) -> int:
        """The exit code, once everything is read. Raises AssertionError when the process does not end in time."""
        end = time.monotonic() + WAIT
        while time.monotonic() < end:
            if not select.select([self.fd], [], [], 0.2)[0]:
                continue
            try:
                more = os.read(self.fd, 65536)
            except OSError:  # nobody holds the other side any more
                return self.process.wait(WAIT)
            self.shown += more
        raise AssertionError(f"still running: {self.shown.decode()}")


@contextmanager
def on_a_terminal(here: Path, *arguments: str) -> Iterator[Terminal]:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(tests=str(Path(__file__).parent)), *arguments],
        cwd=here, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True, preexec_fn=_control,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )  # fmt: skip
    os.close(theirs)
    try:
        yield Terminal(process, ours)
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def _control() -> None:
    """Ctrl-C on the terminal is for this process."""
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@pytest.mark.parametrize(("answer", "writes"), [("y", "2 writes, converged"), ("n", "0 writes, not converged")])
def test_the_question_of_the_first_sync_is_shown_and_answered(
    configured: Path, here: Path, answer: str, writes: str
) -> None:
    with on_a_terminal(here, "sync") as terminal:
        terminal.read_until("orders? [y/N]:")
        assert terminal.read_for(0.5).strip() == b"", "something is drawn over the question"
        terminal.type(f"{answer}\n")
        assert terminal.end() in (0, 3)
        assert writes in terminal.shown.decode()


def test_one_ctrl_c_at_the_question_ends_the_command(configured: Path, here: Path) -> None:
    with on_a_terminal(here, "sync") as terminal:
        terminal.read_until("[y/N]:")
        terminal.read_for(0.5)  # a key that comes before the process waits for one does not wake it
        terminal.type("\x03")
        assert terminal.end() == 130
        shown = terminal.shown.decode()
        assert "interrupted; what was committed stays" in shown
        assert "Traceback" not in shown
