"""Progress of a run: bars on a terminal, a plain line now and then in a log. Always on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from tieline.cli.console import Console, clean

EVERY = 5.0
"""Seconds between two plain lines."""
VERBS = {"pull": "read", "match": "matched", "plan": "planned", "apply": "written"}
Report = Callable[[str, str, int, int | None], None]


@contextmanager
def progress(console: Console) -> Iterator[Report]:
    """A function to tell progress to: (stage, system or kind, how many more, of how many if known)."""
    if sys.stderr.isatty() and not console.as_json:
        with _bars(console) as report:
            yield report
    else:
        yield _Lines(console)


class _Lines:
    """Says how far it is every few seconds, so that a log of a short run stays empty."""

    def __init__(self, console: Console, now: Callable[[], float] = time.monotonic) -> None:
        self._console, self._now = console, now
        self._counts: dict[tuple[str, str], int] = {}
        self._said = now()

    def __call__(self, stage: str, name: str, more: int, of: int | None) -> None:
        key = (stage, name)
        self._counts[key] = self._counts.get(key, 0) + more
        if self._now() - self._said >= EVERY:
            self._said = self._now()
            share = f" of {of:,}" if of else ""
            self._console.note(f"{clean(name)}: {self._counts[key]:,}{share} {VERBS.get(stage, stage)}")


@contextmanager
def _bars(console: Console) -> Iterator[Report]:
    from rich.console import Console as Terminal
    from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        TextColumn("{task.completed:,.0f}"),
        TimeElapsedColumn(),
    )
    tasks: dict[tuple[str, str], TaskID] = {}
    with Progress(*columns, console=Terminal(stderr=True), transient=True) as bars:

        def report(stage: str, name: str, more: int, of: int | None) -> Any:
            key = (stage, name)
            if key not in tasks:
                tasks[key] = bars.add_task(f"{stage:<6} {clean(name)}", total=of)
            bars.advance(tasks[key], more)

        @contextmanager
        def away() -> Iterator[None]:
            bars.stop()  # else they are drawn over a question, and hold back a line that has no end yet
            yield
            bars.start()

        console.pause = away
        try:
            yield report
        finally:
            console.pause = nullcontext
