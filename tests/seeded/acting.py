"""Bugs in doing side effects at most once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from tieline.runner import acting
from tieline.store.effects import Effects
from tieline.store.work import Work


@contextmanager
def effectblind() -> Iterator[None]:
    """A side effect of unknown outcome counts as «not done»: it is done again at once."""

    def undecided(self: acting.Doing, intent: int, *, unknown: bool) -> None:
        with self.store.atomic():
            self.store.work.forget([intent])

    with patch.object(acting.Doing, "_undecided", undecided):
        yield


@contextmanager
def effectagain() -> Iterator[None]:
    """Nobody looks whether it was done before: a home that lost its memory does it again."""

    def steps(self: acting.Doing) -> Any:
        for order, action in self._wanted():
            yield from self._do(order, action)

    with patch.object(acting.Doing, "steps", steps):
        yield


@contextmanager
def effectpast() -> Iterator[None]:
    """No rule is ever armed: whatever comes to meet it counts as past."""
    with patch.object(Effects, "armed", lambda self, rule: False):
        yield


@contextmanager
def effectdropped() -> Iterator[None]:
    """Nobody goes on with a side effect whose answer was lost."""
    real = Work.intents

    def intents(self: Work) -> Sequence[Any]:
        return [i for i in real(self) if i.op != "act"]

    with patch.object(Work, "intents", intents):
        yield
