"""One writer per home: takes the lease, and replaces a holder that provably died."""

from __future__ import annotations

import json
import os
import socket
from functools import lru_cache
from pathlib import Path

from tieline.errors import Locked
from tieline.ports import Ports
from tieline.runner.context import LEASE_MS
from tieline.store import Store


class Lease:
    """The lease of one run."""

    def __init__(self, store: Store, ports: Ports) -> None:
        self.store = store
        self.ports = ports

    def take(self) -> int:
        """Hold the home; returns until when (ms). Raises Locked, saying who holds it."""
        now = self.ports.clock.now()
        until = now + LEASE_MS
        owner = json.dumps({"host": socket.gethostname(), "pid": os.getpid(), "started": _mine(os.getpid())})
        try:
            self.store.db.acquire(owner, now, until)
        except Locked:
            holder = self.store.db.holder()
            if holder is None:
                raise
            if not _dead(holder[0]):
                who = _describe(holder[0])
                raise Locked(f"another run holds this home: {who}", hint="tieline status") from None
            self.store.db.acquire(owner, now, until, dead=True)
        return until

    def give_back(self) -> None:
        """Let the next run start at once."""
        self.store.db.release()


def _started(pid: int) -> str:
    """When a process began, in the kernel's own ticks; empty where that cannot be known."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except (OSError, IndexError):
        return ""


_mine = lru_cache(maxsize=1)(_started)
"""The same of this very process, which asks at every run: its own answer stays what it is."""


def _dead(owner: str) -> bool:
    """Whether the holder certainly does not run any more: same host, and no such process or another one."""
    try:
        holder = json.loads(owner)
        host, pid, started = holder["host"], int(holder["pid"]), str(holder["started"])
    except (ValueError, KeyError, TypeError):
        return False
    if host != socket.gethostname():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return bool(started) and _started(pid) != started


def _describe(owner: str) -> str:
    try:
        holder = json.loads(owner)
        return f"process {holder['pid']} on {holder['host']}"
    except (ValueError, KeyError, TypeError):
        return owner
