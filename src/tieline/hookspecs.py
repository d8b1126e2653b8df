"""Every extension point, one paragraph each. Hooks are called in the order plugins are named in the configuration."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from tieline.connector import ConnectorSpec
    from tieline.events import Applied, ConflictFound, PlannedOrder, RunFinished, Verdict

hookspec = pluggy.HookspecMarker("tieline")
hookimpl = pluggy.HookimplMarker("tieline")


@hookspec
def tieline_connectors() -> Iterable[ConnectorSpec]:  # type: ignore[empty-body]
    """The connectors this plugin offers. Called once, when a configuration names one of them. A plugin that raises
    is reported by `tieline plugins list` and left out."""


@hookspec
def tieline_plan(event: PlannedOrder) -> Verdict | None:
    """Called for each order of a plan, before anything is written, in the planning thread. Return a `Verdict` to drop
    or hold the order, with a reason; None lets it pass. It never changes a value. An implementation that raises
    stops the run: a veto that cannot be asked is a no."""


@hookspec
def tieline_conflict(event: ConflictFound) -> None:
    """Called for each conflict that a policy decided, in the run's own thread, once the plan that decided it is
    committed: `tieline plan` commits none. Observers are isolated: one that raises is named in the log and skipped."""


@hookspec
def tieline_applied(event: Applied) -> None:
    """Called after a write is confirmed and committed, in the run's own thread. Observers are isolated."""


@hookspec
def tieline_run_finished(event: RunFinished) -> None:
    """Called once when a run has ended, however it ended, after its last commit. Observers are isolated."""
