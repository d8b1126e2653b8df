"""Bugs in who is whom, who wins, who ends and who is asked. Each is a context manager that breaks one piece."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from tieline.engine import match, merge, policy
from tieline.runner import Runner, matching, planning
from tieline.runner.targets import Targets
from tieline.store.book import Book
from tieline.store.work import Work


@contextmanager
def nonorm() -> Iterator[None]:
    """E-mail addresses are compared as they are spelled."""
    with patch.object(match, "normal_email", lambda value: value):
        yield


@contextmanager
def firsthit() -> Iterator[None]:
    """An ambiguous match takes the first record that shares the key."""
    real = matching.propose

    def proposed(kind: Any, me: Any, keys: Any, groups: Any) -> Any:
        found = real(kind, me, keys, groups)
        records = [m.record for m in found.rivals if m.record is not None]
        return matching.Match(record=records[0], key=found.key) if records else found

    with patch.object(matching, "propose", proposed):
        yield


@contextmanager
def twinblind() -> Iterator[None]:
    """A record is made beside somebody who has its e-mail already."""
    with patch.object(Targets, "_twins", lambda self, record, merged, targets, court: (targets, [])):
        yield


@contextmanager
def blank() -> Iterator[None]:
    """A first link's blank counts as an edit: it clears."""
    real = policy.decide

    def decide(rule: Any, standing: Any, bids: Any, skew_ms: int, order: Any) -> Any:
        cleared = [b for b in bids if not b.based and b.value is None]
        if cleared:
            return policy.Verdict(None, cleared[0].system, cleared[0].time, str(rule), (standing,))
        return real(rule, standing, bids, skew_ms, order)

    with patch.object(policy, "decide", decide):
        yield


@contextmanager
def defaultspeaks() -> Iterator[None]:
    """What a system was given only because it requires something counts as a value there."""
    with patch.object(merge.Side, "is_blank", lambda self, name, *held: False):
        yield


@contextmanager
def consentwide() -> Iterator[None]:
    """Opt-ins travel like any other edit."""

    def consent(standing: Any, bids: Any, approved: bool) -> Any:
        newest = max(bids, key=lambda b: b.time)
        return policy.Verdict(newest.value, newest.system, newest.time, "newest", ())

    with patch.object(policy, "consent", consent):
        yield


@contextmanager
def lostlog() -> Iterator[None]:
    """Who lost a conflict is not written down."""
    real = policy._won

    def won(winner: Any, standing: Any, contenders: Any, rule: str) -> Any:
        return real(winner, standing, contenders, rule)._replace(lost=())

    with patch.object(policy, "_won", won):
        yield


@contextmanager
def moneymix() -> Iterator[None]:
    """Amount and currency are two values: one edit's amount meets the other's currency."""
    real = merge.rebased

    def rebased(standing: Any, base: Any, seen: Any) -> Any:
        if all(isinstance(v, Mapping) and "amount" in v for v in (standing, base, seen)):
            return {**standing, **{n: v for n, v in seen.items() if v != base.get(n)}}
        return real(standing, base, seen)

    with patch.object(merge, "rebased", rebased):
        yield


@contextmanager
def tombless() -> Iterator[None]:
    """A deletion is forgotten: the record is made again where a person deleted it."""
    real = Targets._missing

    def missing(self: Any, record: Any, merged: Any, sides: Any, refusals: Any) -> Any:
        return real(self, record, merged, [s for s in sides if s.link.gone is None], refusals)

    with patch.object(Targets, "_missing", missing):
        yield


@contextmanager
def massdelete() -> Iterator[None]:
    """The limits are not looked at."""
    with patch.object(Runner, "_guards", lambda self, run, *, confirmed: []):
        yield


@contextmanager
def answertwice() -> Iterator[None]:
    """The answer to a limit's question holds for every run to come."""
    with patch.object(Book, "spend", lambda self, key: None):
        yield


@contextmanager
def neveragain() -> Iterator[None]:
    """A refused value is not tried again when the schema changes."""
    with patch.object(Work, "retry_refused", lambda self, system, kind, schema: None):
        yield


@contextmanager
def namelater() -> Iterator[None]:
    """A row without a key is made elsewhere at once; its link comes along with that."""
    real, owed = planning.Planning._side, planning.owed

    def side(self: planning.Planning, *args: Any) -> Any:
        found = real(self, *args)
        return found._replace(link=found.link._replace(provisional=False))

    def elsewhere(*args: Any) -> Any:
        planned = owed(*args)
        planned.orders = [o for o in planned.orders if not (o.remote_id or "").startswith("~")]
        return planned

    with patch.object(planning.Planning, "_side", side), patch.object(planning, "owed", elsewhere):
        yield
