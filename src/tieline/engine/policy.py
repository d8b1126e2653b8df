"""Who wins when a field was changed. Pure.

A *bid* is one system's wish for a field: the value it holds there, the time of the edit, and whether it stands on a
base (an edit) or meets the record for the first time. The record's own value is the standing bid. `decide` answers
with the value to keep, or holds the field for a person.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tieline.records import Cell
from tieline.rules import Policy


class Bid(NamedTuple):
    """One system's value for a field. `based`: it is an edit; otherwise a first link, where nothing is cleared."""

    system: str
    value: Cell
    time: int
    based: bool = True
    conflicts: bool = False
    """The record has moved on since this system last agreed with it."""


class Verdict(NamedTuple):
    """The field's new value and where it came from; or, with `held`, nothing moves until a person answers."""

    value: Cell
    origin: str
    time: int
    rule: str
    lost: tuple[Bid, ...] = ()
    held: bool = False


DEFAULT = Policy("two-way")
HOLD_RULE = "two-way: edits too close in time"
MOOT_RULE = "newest: no system can write it"


def decide(policy: Policy, standing: Bid, bids: Sequence[Bid], skew_ms: int, order: Mapping[str, int]) -> Verdict:
    """Choose among the record's value and the bids, which all differ from it.

    `order` ranks systems as the configuration names them and breaks exact ties, so that every run decides alike.
    """
    bids = [b for b in bids if b.based or b.value is not None]  # a first link never clears
    if policy.name == "only":
        owner = [b for b in bids if b.system == policy.system]
        if owner:
            return _won(owner[0], standing, bids, str(policy))
        return Verdict(standing.value, standing.system, standing.time, str(policy), tuple(bids))
    if policy.name == "fill":
        bids_with_value = [b for b in bids if b.value is not None]
        if standing.value is None and bids_with_value:
            return _won(_newest(bids_with_value, order), standing, bids, str(policy))
        return Verdict(standing.value, standing.system, standing.time, str(policy), tuple(bids))
    # who links for the first time meets a value, never a blank: that stands only against an edit that has not seen it
    standing_counts = any(b.conflicts or (not b.based and standing.value is not None) for b in bids)
    if any(b.system == standing.system and b.based and not b.conflicts for b in bids):  # its own system saw it there
        standing_counts = False
    contenders = ([standing] if standing_counts else []) + list(bids)
    if not bids:
        return Verdict(standing.value, standing.system, standing.time, str(policy))
    if policy.name in ("prefer", "prefer-unless-blank"):
        return _preferred(policy, standing, contenders, order)
    return _newest_wins(policy, standing, contenders, skew_ms, order)


def _preferred(policy: Policy, standing: Bid, contenders: list[Bid], order: Mapping[str, int]) -> Verdict:
    pool = contenders
    if policy.name == "prefer-unless-blank":
        values = [b for b in contenders if b.value is not None or b.system != policy.system]
        pool = values or contenders
        if not values:  # the preferred system's blank alone never wins over a value
            return Verdict(standing.value, standing.system, standing.time, str(policy), tuple(contenders))
    mine = [b for b in pool if b.system == policy.system]
    return _won(mine[-1] if mine else _newest(pool, order), standing, contenders, str(policy))


def _newest_wins(
    policy: Policy, standing: Bid, contenders: list[Bid], skew_ms: int, order: Mapping[str, int]
) -> Verdict:
    best = _newest(contenders, order)
    close = [b for b in contenders if b.value != best.value and abs(best.time - b.time) <= skew_ms]
    if close and len({b.system for b in contenders}) > 1:
        return Verdict(standing.value, standing.system, standing.time, HOLD_RULE, tuple(contenders), held=True)
    return _won(best, standing, contenders, str(policy))


def moot(standing: Bid, contenders: Sequence[Bid], order: Mapping[str, int]) -> Verdict:
    """What the record says of a field that every system keeps to itself: a person could not make them agree either."""
    return _won(_newest(contenders, order), standing, list(contenders), MOOT_RULE)


def _newest(bids: Sequence[Bid], order: Mapping[str, int]) -> Bid:
    return max(bids, key=lambda b: (b.time, -order.get(b.system, len(order))))


def _won(winner: Bid, standing: Bid, contenders: Sequence[Bid], rule: str) -> Verdict:
    lost = tuple(b for b in contenders if b is not winner and b.value != winner.value)
    return Verdict(winner.value, winner.system, winner.time, rule, lost)


def consent(standing: Bid, bids: Sequence[Bid], approved: bool) -> Verdict:
    """The most restrictive wins at once, whatever the policy; back to `allowed` only with a person's approval.

    Held means: a system asks to widen; the record stays as it is and that system is left alone until the answer.
    """
    outs = [b for b in bids if b.value == "opted_out"]
    if outs:
        first = min(outs, key=lambda b: b.time)
        unseen = [standing] if any(b.conflicts or not b.based for b in outs) else []
        return Verdict(first.value, first.system, first.time, "consent: opt-out wins", _allowing([*unseen, *bids]))
    if standing.value == "opted_out":
        widening = [b for b in bids if b.value == "allowed" and b.based]
        if widening and approved:
            return Verdict("allowed", widening[0].system, widening[0].time, "consent: a person approved")
        if widening:
            return Verdict(standing.value, standing.system, standing.time, "consent: opt-in waits", held=True)
        rule = "consent: opt-out wins"
        return Verdict(standing.value, standing.system, standing.time, rule, _allowing(bids))
    allowed = _allowing(bids)
    if allowed:
        return Verdict(allowed[0].value, allowed[0].system, allowed[0].time, "consent: said for the first time")
    return Verdict(standing.value, standing.system, standing.time, "consent: a blank says nothing")


def _allowing(bids: Sequence[Bid]) -> tuple[Bid, ...]:
    return tuple(b for b in bids if b.value == "allowed")
