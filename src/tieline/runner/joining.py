"""Which systems take part in a kind: those that join now, and whether there is but one. It plans nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tieline.records import Kind
from tieline.runner.context import Run, System
from tieline.store import Cursor


def alone(run: Run, kind: Kind, joined: Sequence[System]) -> bool:
    """Whether one system takes part that is owed nothing, not even a hub id: records made of it need no plan."""
    if len(joined) != 1 or any(s.streams_of(kind) and s.name != joined[0].name for s in run.configured.values()):
        return False
    system = joined[0]
    stamping = any(run.schema(system, f.name).stamps for f in system.streams_of(kind))
    return run.rules_of(system.name, kind).mode == "read" or not stamping


def join(run: Run, kind: Kind, joined: Sequence[System], cursors: Mapping[tuple[str, str], Cursor]) -> set[str]:
    """Systems that take part for the first time, by name: every record may owe them something."""
    newly = set()
    for system in joined:
        for facts in system.streams_of(kind):
            cursor = cursors[system.name, facts.name]
            if not cursor.joined:
                newly.add(system.name)
                run.store.trees.save_cursor(cursor._replace(joined=True))
                run.store.trees.mark_all(kind)
    return newly
