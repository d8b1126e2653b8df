"""Runs one command at a time and says what it cost; starts and stops the stand-in server beside it.

Costs are the kernel's own: user + system time and peak resident memory of the child (`wait4`), requests as the server
counted them. It knows no task and judges nothing.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

START_TIMEOUT = 120.0
"""Seconds for the stand-in to build its records and answer."""
CALL_TIMEOUT = 120.0
RUN_TIMEOUT = 1800.0
"""Seconds after which a measured command is killed."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one process came to. `cpu` is user + system in seconds, `rss` the peak in MB."""

    code: int
    cpu: float
    wall: float
    rss: float
    out: str = ""
    requests: int = 0
    throttled: int = 0
    routes: Mapping[str, int] = field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        """What the command printed, as JSON. Raises ValueError with its beginning when it is none."""
        try:
            found: dict[str, Any] = json.loads(self.out)
        except ValueError:
            raise ValueError(f"exit {self.code}, no JSON: {self.out[-400:]!r}") from None
        return found


class StandIn:
    """The stand-in server, as a process on a free loopback port."""

    def __init__(self, base: str) -> None:
        self.base = base

    def call(self, path: str, *, post: bool = False) -> dict[str, Any]:
        """Ask one of its control routes."""
        request = urllib.request.Request(self.base + path, data=b"" if post else None)
        with urllib.request.urlopen(request, timeout=CALL_TIMEOUT) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def configure(self, **values: Any) -> None:
        """Change latency_ms, rate or change/change_in while it runs."""
        self.call("/_config?" + "&".join(f"{k}={v}" for k, v in values.items()), post=True)


@contextmanager
def stand_in(bench: Path, records: int, python: str = sys.executable) -> Iterator[StandIn]:
    """A server of `records` contacts, stopped at the end. Raises RuntimeError when it does not come up."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [python, str(bench / "standin.py"), "--port", str(port), "--records", str(records)]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    server = StandIn(f"http://127.0.0.1:{port}")
    try:
        _await(server, child)
        yield server
    finally:
        child.terminate()
        child.wait(10)


def _await(server: StandIn, child: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_TIMEOUT
    while time.monotonic() < until:
        if child.poll() is not None:
            raise RuntimeError(f"the stand-in ended at once with {child.returncode}")
        try:
            server.call("/_stats")
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the stand-in does not answer")


def measure(command: Sequence[str], server: StandIn | None = None, env: Mapping[str, str] | None = None) -> Cost:
    """Run a command to its end, with the server's counters zeroed before."""
    if server is not None:
        server.call("/_stats/reset", post=True)
    began = time.monotonic()
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**environment(), **(env or {})},
    )
    out, err, usage, code = _drain(child, began + RUN_TIMEOUT)
    wall = time.monotonic() - began
    cost = Cost(code, usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / _RSS_UNIT, out or err)
    if server is None:
        return cost
    stats = server.call("/_stats")
    return Cost(code, cost.cpu, wall, cost.rss, cost.out, stats["requests"], stats["throttled_429"], stats["routes"])


_RSS_UNIT = 1 << 20 if sys.platform == "darwin" else 1 << 10


def _drain(child: subprocess.Popen[bytes], until: float) -> tuple[str, str, Any, int]:
    """Both streams to the end, then the child's own account."""
    import threading

    texts: dict[str, bytes] = {}

    def read(name: str, pipe: Any) -> None:
        texts[name] = pipe.read()

    readers = [threading.Thread(target=read, args=(n, p)) for n, p in (("out", child.stdout), ("err", child.stderr))]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join(max(0.0, until - time.monotonic()))
    if any(r.is_alive() for r in readers):
        child.kill()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return texts.get("out", b"").decode(), texts.get("err", b"").decode(), usage, child.returncode


def speed() -> float:
    """CPU seconds this machine takes, now, to count to a million: what absolute times are to be read against."""
    began = time.process_time()
    total = 0
    for number in range(1_000_000):
        total += number
    return time.process_time() - began


def environment() -> dict[str, str]:
    """The environment of measured commands: byte code may be kept, as on a user's machine; nothing phones home."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHONDONTWRITE", "PYTHONUNBUFFERED", "TIELINE_"))}
    return {**env, "DO_NOT_TRACK": "1", "BENCH_TOKEN": "x"}
