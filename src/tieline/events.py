"""The frozen events given to hooks. Adding a field here breaks no plugin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tieline.model import Conflict, Order, Outcome
from tieline.records import Kind


@dataclass(frozen=True, slots=True)
class PlannedOrder:
    """One order of a plan, before anything is written."""

    run: str
    order: Order


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a plan hook may answer: `drop` forgets the order in this run, `hold` opens a review for it."""

    action: Literal["drop", "hold"]
    reason: str


@dataclass(frozen=True, slots=True)
class ConflictFound:
    """A conflict and how the policy decided it."""

    run: str
    kind: Kind
    record: str
    conflict: Conflict


@dataclass(frozen=True, slots=True)
class Applied:
    """A confirmed write."""

    run: str
    order: Order
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class RunFinished:
    """A run's end. `summary` is what `sync --json` prints."""

    run: str
    outcome: Literal["done", "waiting", "failed", "locked"]
    summary: Mapping[str, object]
