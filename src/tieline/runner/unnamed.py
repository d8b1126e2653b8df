"""Remotes without an id of their own, in a plan: what waits for their `link`, and when they are let go.

Nothing of them is merged and nothing is made of them before a confirmed `link` has named them; so whatever becomes of
one until then, nobody elsewhere knows of it.
"""

from __future__ import annotations

from collections.abc import Sequence

from tieline.engine.merge import Side
from tieline.engine.plan import Planned
from tieline.model import EMPTY, Fields, Problem
from tieline.runner.context import Run
from tieline.store import Store


def hold(run: Run, held: Sequence[Side], planned: Planned) -> None:
    """Say why these remotes take no part yet; a person is told where they cannot ever."""
    for side in held:
        system = side.link.system
        if "#link" in side.rejected:
            planned.rejected.setdefault(system, []).append(Problem(None, f"{system} gave it no id of its own", "link"))
            continue
        planned.waiting[system] = "it gets an id of its own there first"
        if side.rules.mode == "read":
            note = f"{system}: some {side.link.kind} records have no id of their own, and none may be written there"
            run.notes += [note] if note not in run.notes else []


def told_by(held: Sequence[Side]) -> Fields:
    """What the first of these remotes holds, blanks left out: how a person knows a record that is blank so far."""
    return {n: v for n, v in held[0].link.seen.items() if v is not None} if held else EMPTY


def release(store: Store, held: Sequence[Side]) -> None:
    """Their record ends, or has become another one: the next planning finds them another, or a new one."""
    for side in held:
        link = side.link
        store.trees.set_columns(
            link.system, link.kind, link.remote_id, record=None, base=None, dirty=1, state="waiting"
        )
