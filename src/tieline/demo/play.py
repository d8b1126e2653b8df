"""Plays the demo: a first sync, a day on both sides, a plan, a second sync, and a third that finds nothing to do.

It decides the order of things and whether they came out as told; it says nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from tieline.demo.clock import PastClock
from tieline.demo.day import DAY, LENGTH_MINUTES, Deed
from tieline.demo.home import Stage, staged
from tieline.home import CONFIG

if TYPE_CHECKING:
    from pathlib import Path

    from tieline.connector import ConnectorSpec
    from tieline.plugins import Registry
    from tieline.runner import Runner, Summary
    from tieline.secrets import Redactor
    from tieline.store import Store

MINUTE_MS = 60_000
MOST_ORDERS = 1000
RUNS = 3
"""In the morning, in the evening, and once more."""
Counts = dict[str, dict[str, int]]
Progress = Callable[[str, str, int, int | None], None]


@dataclass(slots=True)
class Told:
    """What happened, for the story and for `--json`."""

    home: str
    before: Counts = field(default_factory=dict)
    after: Counts = field(default_factory=dict)
    runs: list[Summary] = field(default_factory=list)
    counted: dict[str, int] = field(default_factory=dict)
    """System → calls in the last run that may change something, as its stand-in counted them."""
    deeds: list[tuple[int, Deed]] = field(default_factory=list)
    """(when, in ms; what), as it happened."""

    @property
    def converged(self) -> bool:
        """Everything came out as told: all runs ended well, and the last one found nothing to write."""
        return len(self.runs) == RUNS and all(r.converged for r in self.runs) and not self.last_writes

    @property
    def last_writes(self) -> int:
        """Writes of the last run: as it says itself, or as the stand-ins counted them, whichever is more."""
        return max(self.runs[-1].writes, sum(self.counted.values())) if self.runs else 0

    def as_json(self) -> dict[str, Any]:
        """Plain JSON, in the pinned shape."""
        return {
            "converged": self.converged,
            "writes_in_last_run": self.last_writes,
            "home": self.home,
            "before": self.before,
            "after": self.after,
            "runs": [run.as_json() for run in self.runs],
        }


class Play:
    """One performance, scene by scene; each is called once, in order. A set `stop` ends it (KeyboardInterrupt).

    `runner` opens the systems anew for each run, as every command does.
    """

    def __init__(
        self,
        stage: Stage,
        clock: PastClock,
        store: Store,
        runner: Callable[[], AbstractContextManager[Runner]],
        stop: threading.Event,
    ) -> None:
        self._stage = stage
        self._clock = clock
        self._store = store
        self._runner = runner
        self._stop = stop
        self.told = Told(str(stage.home.path), before=stage.counts())

    def sync(self, progress: Progress | None = None) -> Summary:
        """One run, as `tieline sync --yes`."""
        from tieline.runner import Options

        self._go_on()
        before = self._stage.writes()
        with self._runner() as runner:
            summary = runner.sync(Options(yes=True, progress=progress))
        self.told.runs.append(summary)
        self.told.counted = {name: number - before[name] for name, number in self._stage.writes().items()}
        self.told.after = self._stage.counts()
        return summary

    def plan(self) -> Summary:
        """What the next run would do, with every order."""
        from tieline.runner import Options

        self._go_on()
        with self._runner() as runner:
            return runner.plan(Options(listing=MOST_ORDERS))

    def day(self) -> None:
        """Everybody does what `day` says, and the evening comes."""
        passed = 0
        for deed in DAY:
            self._go_on()
            self._clock.pass_by((deed.minute - passed) * MINUTE_MS)
            passed = deed.minute
            self._stage.sandbox(deed.system).person(deed.act)
            self.told.deeds.append((self._clock.now(), deed))
        self._clock.pass_by((LENGTH_MINUTES - passed) * MINUTE_MS)

    def reviews(self, state: str = "open") -> list[dict[str, Any]]:
        """What waits for a person; or, `closed`, what events have answered."""
        return list(self._store.book.reviews(state))

    def conflicts(self, contact: str) -> list[tuple[str, dict[str, Any]]]:
        """The conflicts about a contact that a policy decided: the system that lost, and the fields' changes."""
        from tieline.store.lookup import find

        found = find(self._store, "contact", contact)
        entries = [e for record in found for e in self._store.work.entries(record.id)]
        return [(e.system, from_json(e.changes or "{}")) for e in entries if e.op == "conflict"]

    def _go_on(self) -> None:
        if self._stop.is_set():
            raise KeyboardInterrupt


@contextmanager
def playing(
    registry: Registry,
    specs: Mapping[str, ConnectorSpec],
    path: Path,
    stop: threading.Event,
    redactor: Redactor | None = None,
) -> Iterator[Play]:
    """A stage set in a new folder, everything opened; closed and saved when the block ends.

    `specs` are the connectors that `home.chosen` found. Raises UserError when one of them cannot be played on.
    """
    from tieline.config import load
    from tieline.hub import open_hub
    from tieline.ports import Ports
    from tieline.store import opened

    clock = PastClock(LENGTH_MINUTES * MINUTE_MS)
    with staged(specs, path, clock) as stage:
        config = load(stage.home.path / CONFIG, registry)
        ports = Ports(clock=clock, stop=stop)
        with opened(stage.home.file_of_store()) as store:

            @contextmanager
            def runner() -> Iterator[Runner]:
                with open_hub(config, stage.home, registry, ports=ports, redactor=redactor) as hub:
                    yield hub.runner(store)

            yield Play(stage, clock, store, runner, stop)
