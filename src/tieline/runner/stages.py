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

ALL: tuple[Op, ...] = ("create", "update", "archive", "link")


def apply(run: Run) -> None:
    """Carry out the spool: creates, links and updates parents first, archives children first, side effects at last."""
    spooled: dict[str, set[str]] = {}
    for kinds in run.store.work.counts().values():
        for name, numbers in kinds.items():
            spooled.setdefault(name, set()).update(numbers)
    for kind in KINDS:
        there = spooled.get(kind, ())
        if there:
            _stage(run, kind, ("create",), mixed=True)
        if "link" in there:
            _stage(run, kind, ("link",), mixed=False)
        if "update" in there:
            _stage(run, kind, ("update",), mixed=False)
    for kind in reversed(KINDS):
        if "archive" in spooled.get(kind, ()):
            _stage(run, kind, ("archive",), mixed=False)
    if any("act" in there for there in spooled.values()):
        act(run)


def _stage(run: Run, kind: Kind, ops: tuple[Op, ...], *, mixed: bool) -> None:
    """All batches of some ops of a kind, several systems and batches at once. Then they are all done."""
    lanes = []
    with run.store.atomic(durable=False):  # a run that was replaced meanwhile ends here: the spool is another's
        there = set(run.store.work.lanes(kind, ops))
        spooled = run.store.work.lanes(kind, ALL) if mixed else sorted(there)
    for system_name, stream in spooled:
        system = run.systems[system_name]
        facts = system.connector.facts.stream(stream)
        if facts.mixed and mixed:
            lanes.append((system, facts, ALL))
        elif not facts.mixed and (system_name, stream) in there:
            lanes.append((system, facts, ops))
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
            if len(orders) < facts.batch:
                left.remove(lane)
            yield system.name, Batch(run, system, facts, orders).steps()
