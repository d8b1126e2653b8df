"""Connectors that each break one promise, so that each check of the conformance suite is known to bite.

Each wraps an honest connector. `breaks` is the id of the check that must fail it; `needs` changes the character of the
in-memory system underneath.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tieline.testing import broken_feeds, broken_halves, broken_names, broken_reads, broken_world, broken_writes
from tieline.testing.broken_halves import Half
from tieline.testing.broken_reads import Wrapper


def _found() -> dict[str, type[Wrapper]]:
    rooms = (broken_feeds, broken_names, broken_reads, broken_writes, broken_world)
    classes = [c for room in rooms for c in vars(room).values() if isinstance(c, type) and issubclass(c, Wrapper)]
    return {c.breaks: c for c in classes if c.breaks}


BROKEN: Mapping[str, type[Wrapper]] = _found()
"""Id of a check → a connector that must fail it."""

HALVES: Sequence[type[Half]] = tuple(
    c
    for c in vars(broken_halves).values()
    if isinstance(c, type) and c.__module__ == broken_halves.__name__ and issubclass(c, Half) and c.breaks
)
"""Further connectors, for checks that ask for several things: each must fail its check for the reason that it says."""

__all__ = ["BROKEN", "HALVES", "Wrapper"]
