"""Holds captured answers, without their requests, against what a stand-in answers when the same is provoked on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from tests.witness.replay import Binder, Comparison, Exchange, Mismatch, Rules, Where

Way = tuple[Callable[[Any], Any], Callable[[Any, Any], Any] | str | None]
"""Whether a body is of some kind; and how to provoke one like it with a stand-in (given that and the body), why that
cannot be done, or None: nobody knows the kind."""


class Shapes(Rules):
    """Trimmed answers of other accounts: shapes only, and the first items of lists."""

    def identifier(self, exchange: Exchange, where: Where) -> bool:
        """No id is the stand-in's."""
        return False

    def extract(self, exchange: Exchange, where: Where) -> bool:
        """What was captured is a part."""
        return True


def differences(name: str, body: Any, ours: Any, rules: Rules) -> list[Mismatch]:
    """Where our answer differs from a captured body."""
    exchange = Exchange("GET", "", {}, {}, None, 200, {}, body, None)
    comparison = Comparison(name, exchange, rules, Binder(), frozenset())
    comparison.value(("$",), body, ours)
    return comparison.mismatches


def text_of(mismatches: Iterable[Mismatch]) -> str:
    """One line each."""
    return "\n".join(f"{m.exchange}: {m.where}: {m.what}" for m in mismatches)


def hold(bodies: Iterable[tuple[str, Any]], ways: Sequence[Way], rules: Rules, stand: Callable[[], Any]) -> int:
    """Holds each body against a fresh stand-in's, by the first way that fits; how many were compared.

    Fails where a shape differs, and where no way fits: a new kind of answer must be looked at, not passed over.
    """
    wrong: list[Mismatch] = []
    unknown: list[str] = []
    compared = 0
    for name, body in bodies:
        act = next((act for fits, act in ways if fits(body)), None)
        if act is None:
            unknown.append(name)
        elif not isinstance(act, str):
            wrong += differences(name, body, act(stand(), body), rules)
            compared += 1
    assert not wrong, text_of(wrong)
    assert not unknown, f"no rule recognises {unknown}"
    return compared
