"""The order in which a spool is carried out: parents first, creates before links before updates, then
archives, side effects last.

Batches are made as they are needed and run side by side; what one batch does is `apply`'s business.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tieline.model import Op, StreamFacts
from tieline.records import KINDS, Kind
from tieline.runner.acting import act
from tieline.runner.apply import Batch, Steps
from tieline.runner.context import Run, System
from tieline.runner.drive import drive


def apply(run: Run) -> None:
    """Carry out the spool: creates, links and updates parents first, archives children first, side effects at last."""
    for kind in KINDS:
        _stage(run, kind, ("create",), mixed=True)
        for ops in (("link",), ("update",)):
            _stage(run, kind, ops, mixed=False)
    for kind in reversed(KINDS):
        _stage(run, kind, ("archive",), mixed=False)
    act(run)


def _stage(run: Run, kind: Kind, ops: tuple[Op, ...], *, mixed: bool) -> None:
    """All batches of some ops of a kind, several systems and batches at once. Then they are all done."""
    lanes = []
    for system_name, stream in run.store.work.lanes(kind, ("create", "update", "archive", "link")):
        system = run.systems[system_name]
        facts = system.connector.facts.stream(stream)
        wanted: tuple[Op, ...] = ops
        if facts.mixed:
            if not mixed:
                continue
            wanted = ("create", "update", "archive", "link")
        if run.store.work.take(kind, wanted, system_name, stream, 0, 1):
            lanes.append((system, facts, wanted))
    drive(run, _batches(run, kind, lanes), width=lambda name: run.systems[name].connector.facts.writers)


def _batches(
    run: Run, kind: Kind, lanes: Sequence[tuple[System, StreamFacts, tuple[Op, ...]]]
) -> Iterator[tuple[str, Steps]]:
    """Batches in turn from every lane, made as they are needed: the spool is never held in memory."""
    after = {id(lane): 0 for lane in lanes}
    left = list(lanes)
    while left:
        for lane in list(left):
            system, facts, ops = lane
            orders = run.store.work.take(kind, ops, system.name, facts.name, after[id(lane)], facts.batch)
            if not orders:
                left.remove(lane)
                continue
            after[id(lane)] = orders[-1].seq
            yield system.name, Batch(run, system, facts, orders).steps()
