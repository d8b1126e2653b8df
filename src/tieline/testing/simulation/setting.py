"""What a schedule's world is like: how busy people are, what goes wrong, which kinds there are, how many hubs run.

A setting is drawn from the seed, or named: `OPTIONS` holds the option sets that provoke one class of bugs each. It
decides nothing that happens; `world`, `people` and `loop` do.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace

from tieline.model import Fields
from tieline.records import Kind
from tieline.testing.character import STREAMS

KINDS: tuple[Kind, ...] = ("account", "contact")
FIELDS: Mapping[Kind, tuple[str, ...]] = {
    "account": ("name", "domain", "phone", "industry", "parent"),
    "contact": ("email", "first_name", "last_name", "title", "phone", "account", "lead_source", "consent_email"),
    "opportunity": ("name", "account", "contacts", "stage", "amount", "close_date", "campaign"),
    "campaign": ("name", "status", "start"),
}
"""The fields that every system of the world may have; the oracle looks at these."""

FILLED: Mapping[str, Mapping[str, Fields]] = {"files": {STREAMS["contact"]: {"title": "untitled"}}}
"""By system and stream: what is required in a world that fills, and what a create gives there where nobody has it."""

RATES: Mapping[str, float] = {
    "refused": 0.01,
    "lost_before": 0.03,
    "lost_after": 0.04,
    "throttle": 0.02,
    "partial": 0.05,
    "empty_list": 0.01,
    "repeat": 0.05,
    "reorder": 0.05,
}
"""Chance of each fault per call, unless a setting says otherwise; see `tieline.testing.faults`."""

LATE_MS = 2000
"""How long a write may linger in a server where `late` strikes."""
SERVER_MS = 8000
"""What the systems then declare of it: time passes in leaps here, and a leap may overshoot."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a schedule's world is like; drawn from the seed unless a test names it."""

    people: float = 0.12
    """The chance, at each boundary, that somebody does something."""
    burst: int = 3
    """At most so many edits at once."""
    crash: float = 0.004
    """The chance, at each boundary, that the process dies."""
    faults: Mapping[str, float] = field(default_factory=dict)
    runs: int = 6
    deletes: bool = True
    undeletes: bool = True
    merges: bool = False
    """People merge records. The oracle then forgives what a merge itself overwrote."""
    deals: bool = False
    """Opportunities and campaigns too: money, dates, lists of references."""
    skew: bool = False
    """The systems' clocks are up to ten minutes off."""
    picky: bool = False
    """Systems refuse values, each in a way of its own; administrators change what is allowed."""
    guarded: bool = False
    """Tight limits on archives: crossing one asks a person."""
    expiry: float = 0.0
    """The chance per call that the credential has ended: every call is refused until the next run."""
    rotating: float = 0.0
    """The chance per call that the access tokens of one system have ended. Its calls are then signed by the product's
    own sign-in, against an issuer that rotates refresh tokens; see `signing`. 0: nobody signs in."""
    quota: float = 0.0
    """The chance per call that a day's quota is used up: every call is throttled until the next run."""
    acting: bool = False
    """One system does something for contacts with a title; now and then the home forgets what was done."""
    answers: float = 0.0
    """The chance, at each boundary, that somebody answers reviews: also in the middle of a run."""
    converting: bool = False
    """In one system people enter leads, and convert them into contacts, new ones or some that are there."""
    doubles: bool = False
    """Before the hub came, people had some contacts and accounts twice in one system, and in others as well."""
    feeds: bool = False
    """Two systems tell of changes by tokens, which expire after a while."""
    keyless: bool = False
    """In one system people type most rows without a key."""
    filling: bool = False
    """One system requires what people often leave blank; the configuration gives it a default there."""
    together: float = 0.0
    """The chance, at each boundary, that another process goes on: a second scheduler starts, or the first is paused
    for longer than its lease. 0: one process at a time."""

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of this world, parents first."""
        return ("account", "campaign", "contact", "opportunity") if self.deals else KINDS

    def without(self, names: Iterable[str]) -> Setting:
        """The same world with some of its troubles switched off: names of faults, or of this class's fields."""
        changed: dict[str, object] = {}
        faults = dict(self.faults)
        for name in names:
            if name == "faults":
                faults = {}
            elif name in FAULT_CLASSES:
                changed[name] = 1 if name == "burst" else type(getattr(self, name))(0)
            elif name in faults:
                faults[name] = 0.0
            else:
                raise ValueError(f"nothing here is called {name}; there is {', '.join(self.troubles())}")
        return replace(self, faults={n: r for n, r in faults.items() if r}, **changed)  # type: ignore[arg-type]

    def troubles(self) -> list[str]:
        """What can be switched off in this world: the classes of trouble first, then single faults."""
        return [n for n in FAULT_CLASSES if getattr(self, n) and (n != "burst" or self.burst > 1)] + sorted(self.faults)

    def named(self) -> str:
        """The fields that differ from an empty setting's, for a log."""
        plain = Setting()
        return ", ".join(
            f"{f.name}={getattr(self, f.name)!r}"
            for f in fields(self)
            if getattr(self, f.name) != getattr(plain, f.name)
        )


FAULT_CLASSES = (
    "together", "crash", "converting", "merges", "doubles", "feeds", "keyless", "filling", "deals", "undeletes",
    "deletes", "skew", "picky", "guarded", "expiry", "rotating", "quota", "answers", "acting", "burst", "people",
)  # fmt: skip
"""What `shrink` switches off before it turns to single faults, most confusing first."""


def drawn(seed: int) -> Setting:
    """The setting of a seed: one in two is plain; the others have a trouble or two more."""
    plain = random.Random(seed).choice((0.0, 0.004, 0.02))  # the first draw of the seed's own stream
    mood = random.Random(f"mood {seed}")
    setting = Setting(crash=plain, faults=RATES)
    if mood.random() < 0.5:
        return setting
    return replace(
        setting,
        merges=mood.random() < 0.3,
        deals=mood.random() < 0.2,
        skew=mood.random() < 0.2,
        picky=mood.random() < 0.3,
        guarded=mood.random() < 0.1,
        together=mood.choice((0.0, 0.0, 0.0, 0.0, 0.01)),
        expiry=mood.choice((0.0, 0.0, 0.0, 0.003)),
        quota=mood.choice((0.0, 0.0, 0.0, 0.003)),
        answers=mood.choice((0.0, 0.003)),
        faults={**RATES, **({"late": 0.03} if mood.random() < 0.2 else {})},
    )


def _rates(**others: float) -> Mapping[str, float]:
    return {**RATES, **others}


OPTIONS: Mapping[str, Setting] = {
    "plain": Setting(crash=0.004, faults=RATES),
    "heavy": Setting(crash=0.02, faults=_rates(lost_after=0.15, partial=0.2)),
    "lossy": Setting(crash=0.004, faults=_rates(lost_after=0.25, lost_before=0.1)),
    "busy": Setting(people=0.3, crash=0.004, faults=RATES),
    "crashy": Setting(people=0.25, crash=0.06, faults={}, runs=8),
    "calm": Setting(people=0.06, crash=0.0, faults={}, runs=5),
    "merging": Setting(people=0.12, crash=0.004, faults=RATES, merges=True, answers=0.003),
    "fusing": Setting(crash=0.004, people=0.1, faults=_rates(lost_after=0.25), runs=8, merges=True, answers=0.003),
    "deals": Setting(people=0.12, crash=0.004, faults=RATES, deals=True),
    "picky": Setting(people=0.06, crash=0.0, faults={"partial": 0.05}, runs=5, picky=True, answers=0.003),
    "guarded": Setting(people=0.1, crash=0.0, faults=_rates(empty_list=0.1), guarded=True, answers=0.003),
    "late": Setting(people=0.2, crash=0.004, faults=_rates(late=0.3)),
    "graves": Setting(people=0.15, crash=0.01, faults={"lost_after": 0.25}, undeletes=False),
    "risen": Setting(people=0.05, crash=0.0, faults={}, burst=4),
    "doubles": Setting(people=0.04, crash=0.0, faults={"throttle": 0.05}, answers=0.003, doubles=True),
    "twins": Setting(people=0.08, crash=0.0, faults={"throttle": 0.05}, deletes=False, undeletes=False),
    "joining": Setting(people=0.05, crash=0.03, faults={"refused": 0.1, "lost_before": 0.1}, runs=4),
    "acting": Setting(people=0.1, crash=0.004, faults=_rates(lost_after=0.25), runs=8, acting=True),
    "converting": Setting(people=0.15, crash=0.004, faults=_rates(lost_after=0.1), converting=True, answers=0.003),
    "feeds": Setting(people=0.25, crash=0.06, faults=RATES, runs=8, feeds=True, answers=0.003),
    "keyless": Setting(people=0.2, crash=0.01, faults=_rates(lost_after=0.2), runs=8, keyless=True, answers=0.003),
    "filling": Setting(people=0.12, crash=0.01, faults=_rates(lost_after=0.15), filling=True, answers=0.003),
    "offices": Setting(
        people=0.15, crash=0.004, faults=RATES, runs=8, feeds=True, keyless=True, converting=True, answers=0.003
    ),
    "rotating": Setting(people=0.02, crash=0.015, faults=_rates(lost_after=0.15), rotating=0.1),
    "together": Setting(crash=0.002, faults=_rates(lost_after=0.1), together=0.02, answers=0.003),
}
"""Option sets by name, each the world that provokes one class of bugs."""
