"""Connectors that each break one promise about records without an id of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from tieline.model import Outcome, Remote, Write
from tieline.testing.broken_reads import Wrapper

KEYLESS: Mapping[str, Any] = {"keyless": 1e-12}
"""Only `Subject.typed` makes records without an id: the chance never comes true."""


# ruff: noqa: D102 -- the class says what is wrong, its method does it


class ForgetsWhoItWas(Wrapper):
    """Gives an id, and does not say to whom."""

    breaks = "N1"
    needs: ClassVar[Mapping[str, Any]] = KEYLESS

    def write(self, stream: str, writes: Sequence[Write]) -> Sequence[Outcome]:
        outcomes = super().write(stream, writes)
        return [o._replace(remote=o.remote._replace(aliases=())) if o.remote else o for o in outcomes]


class RemembersTheRow(Wrapper):
    """Answers a provisional id with what it once stood for."""

    breaks = "N2"
    needs: ClassVar[Mapping[str, Any]] = KEYLESS

    def read(self, stream: str, ids: Sequence[str], fields: frozenset[str] | None) -> Sequence[Remote]:
        found = {r.id: r for r in super().read(stream, ids, fields)}
        self.memory.update({(stream, r.id): r for r in found.values() if r.provisional})
        return [r for i in ids if (r := found.get(i) or self.memory.get((stream, i))) is not None]
