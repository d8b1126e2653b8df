"""`kill -9` of a command at a write request: not sent on, applied with the answer lost, or answered a moment ago."""

from __future__ import annotations

import random
import subprocess
import threading
import time
from collections.abc import Mapping
from typing import NamedTuple

from tests.process.harness import LOST, Call, Desk, Done, Gate, Reply, finished, kill

WHERE = ("before", "after", "answered")
LONGEST_PAUSE_S = 0.04


class Moment(NamedTuple):
    """When the process dies."""

    write: int
    """As the gates count: over all systems, or in one."""
    where: str
    pause: float
    system: str | None = None
    """Whose write it is, where each gate counts on its own."""


def moment(seed: int, writes: int, system: str | None = None) -> Moment:
    """The moment of a seed, among so many writes."""
    chance = random.Random(seed)
    where = WHERE[seed % len(WHERE)]
    return Moment(chance.randint(1, writes), where, chance.uniform(0, LONGEST_PAUSE_S), system)


class Killer:
    """Sits in the gates and kills what it runs at the moment; without one it only runs it."""

    def __init__(self, gates: Mapping[str, Gate], when: Moment | None) -> None:
        self.gates, self.when = gates, when
        self.killed = 0
        self._process: subprocess.Popen[str] | None = None
        self._ready = threading.Event()

    def run(self, desk: Desk, *arguments: str) -> Done:
        """A command, to the end that comes; what it asks after its death goes nowhere."""
        for gate in self.gates.values():
            gate.before, gate.after = self._before, self._after
        try:
            self._process = desk.start(*arguments)
            self._ready.set()
            return finished(self._process)
        finally:
            if self._process is not None and self._process.poll() is None:
                kill(self._process)
            for gate in self.gates.values():
                gate.before, gate.after = (lambda call: None), (lambda call, reply: reply)

    def _now(self, call: Call) -> str:
        """Where the process dies at this call; empty when it does not."""
        self._ready.wait(10)
        when = self.when
        return when.where if when and call.write == when.write and call.system == (when.system or call.system) else ""

    def _before(self, call: Call) -> Reply | None:
        if self._now(call) == "before":
            return self._kill()
        return LOST if self.killed else None

    def _after(self, call: Call, reply: Reply) -> Reply:
        if self._now(call) == "after":
            return self._kill()
        if self._now(call) == "answered":
            threading.Thread(target=self._kill_later, daemon=True).start()
        return reply

    def _kill_later(self) -> None:
        assert self.when is not None
        time.sleep(self.when.pause)
        self._kill()

    def _kill(self) -> Reply:
        self.killed += 1
        assert self._process is not None
        kill(self._process)
        return LOST
