"""Northbay Instruments, a made-up company: what sales (`crm`), marketing, support and office hold of one world.

Everything is canonical (`records`), the same for the same moment, and messy on purpose: e-mails in any case, phones in
every notation, blanks, people and companies entered twice. It decides what is true and who knows it; how a vendor
writes it is the stand-ins' business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Literal, NamedTuple

from tieline.demo.spelling import spelled
from tieline.demo.world import Truth, truths
from tieline.records import KINDS, Cell, Kind

Side = Literal["crm", "marketing", "support", "office"]
DAY_MS = 86_400_000
OLDEST, NEWEST = 700, 2
"""Days before now: when the first records were made, and when the last ones were changed."""


class Person(NamedTuple):
    """One of the company's own people: they own records on both sides."""

    first: str
    last: str
    email: str


STAFF: Sequence[Person] = tuple(
    Person(first, last, f"{first.lower()}@northbay.example")
    for first, last in (
        ("Amara", "Okafor"),
        ("Lukas", "Brandt"),
        ("Mei", "Tanaka"),
        ("Sofia", "Almeida"),
        ("Tom", "Fletcher"),
    )
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One record as one side has it. References in `fields` hold the `key` of another entry of that side."""

    key: str
    fields: Mapping[str, Cell]
    created: int
    modified: int


def demo_company(side: Side, now: int) -> Mapping[Kind, Sequence[Entry]]:
    """The company's records as one side keeps them, per kind, oldest first; all older than `now` (ms) by two days.

    A field that is not there is blank. The custom field `x_tier` of an account is Bronze, Silver or Gold.
    """
    owners = [person.email for person in STAFF]
    world = truths(owners, now)
    return {
        kind: [_entry(truth, side, copy, now) for truth in world.get(kind, ()) for copy in range(truth.copies(side))]
        for kind in KINDS
    }


def _entry(truth: Truth, side: Side, copy: int, now: int) -> Entry:
    key = truth.key if copy == 0 else f"{truth.key}-again"
    dice = Random(f"{key}/{side}")
    made = now - dice.randrange(OLDEST // 4, OLDEST) * DAY_MS - dice.randrange(DAY_MS)
    changed = dice.randrange(made, now - NEWEST * DAY_MS)
    fields: dict[str, Any] = spelled(truth, side, copy, dice)
    kept = {name: value for name, value in fields.items() if value is not None}
    return Entry(key, kept, made // 1000 * 1000, changed // 1000 * 1000)


__all__ = ["STAFF", "Entry", "Person", "Side", "demo_company"]
