"""The world of one schedule: three systems of different character, and the rules the hub is configured with.

Everything is drawn from seeded streams: one that every world has drawn from since the beginning, so that old seeds
stay what they were, and one for what was added since. It knows nothing of the hub.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from tieline.engine.limits import Limit, Limits
from tieline.records import Kind
from tieline.rules import ActionRule, Policy, Rules, SystemRules
from tieline.testing.character import Character, digits, lower, trimmed, truncated
from tieline.testing.clock import FakeClock
from tieline.testing.memory import MemorySystem
from tieline.testing.simulation.people import PICKS, People
from tieline.testing.simulation.setting import FIELDS, FILLED, SERVER_MS, Setting

MOST_ARCHIVES = 1
"""What a guarded hub may archive per system and run without being asked."""
SKEW_MS = 600_000
ACTION_LAG_MS = 120_000
"""How long a lagging index does not show what was done."""
FEED_MS = (10_000_000, 80_000_000)
"""How long a token of a feed may hold: less than the longest pause between two runs, or several of them."""
DEED = "ticket"
WELCOME = ActionRule("welcome", "contact", "crm", DEED, lambda f: f.get("title") is not None, {"to": "{email}"})
"""What a world with side effects does, and for whom."""


def crm(rng: random.Random, kinds: tuple[Kind, ...]) -> Character:
    """Tombstones, unique hub ids, second stamps, answers without state, a restricted picklist."""
    return Character(
        "crm",
        kinds=kinds,
        fields=FIELDS,
        granularity_ms=1000,
        late_commit_ms=rng.choice((0, 3000)),
        page=3,
        batch=4,
        read_batch=4,
        unique_hub_id=rng.random() < 0.7,
        tombstones=True,
        answers_state=rng.random() < 0.5,
        choices={"lead_source": PICKS[:3]} if rng.random() < 0.5 else {},
        partial_fields=rng.random() < 0.3,
        normal={"first_name": trimmed},
        conditional=rng.random() < 0.2,
    )


def marketing(rng: random.Random, kinds: tuple[Kind, ...]) -> Character:
    """A lagging index with a result cap, unique e-mail, lossy forms, a field missing, deletions only by sweep."""
    return Character(
        "marketing",
        kinds=kinds,
        fields=FIELDS,
        missing=frozenset({"lead_source"}) if rng.random() < 0.5 else frozenset(),
        hints=True,
        stale_hits=rng.random() < 0.5,
        index_lag_ms=rng.choice((2000, 8000, 12000)),
        server_ms=2000,
        page=3,
        cap=6,
        batch=3,
        read_batch=5,
        sweep=True,
        unique_email=True,
        redirects=rng.random() < 0.5,
        names_existing=rng.random() < 0.7,
        normal={"email": lower, "phone": digits, "title": truncated(12)},
        touches=rng.random() < 0.3,
    )


def files(rng: random.Random, kinds: tuple[Kind, ...]) -> Character:
    """Complete listings only, every op in one call, conditional writes, perhaps no field for the hub's id."""
    return Character(
        "files",
        kinds=kinds,
        fields=FIELDS,
        full_listing=True,
        mixed=True,
        batch=1000,
        read_batch=1000,
        page=4,
        conditional=rng.random() < 0.7,
        unique_hub_id=True,
        stamps=rng.random() < 0.8,
        required=frozenset({"contact.last_name"}) if rng.random() < 0.3 else frozenset(),
    )


def coloured(character: Character, setting: Setting, rng: random.Random) -> Character:
    """The same system with what a setting adds: a clock that is off, values it refuses, writes that linger."""
    if setting.skew:
        character = replace(character, skew_ms=rng.randint(-SKEW_MS, SKEW_MS))
    if setting.picky and character.name != "files":
        character = replace(
            character,
            choices={**character.choices, "lead_source": PICKS[:3], "industry": ("industry alpha 1",)},
            max_length={"title": 14, "phone": rng.choice((8, 20))},
            unclearable=frozenset({"contact.first_name"}) if rng.random() < 0.3 else frozenset(),
        )
    if setting.merges and character.redirects:
        character = replace(character, repoints=rng.random() < 0.5)
    if setting.converting and character.name == "crm":
        behind = frozenset(rng.choice(((), ("title",), ("phone", "first_name"))))
        character = replace(character, leads=True, behind=behind, carries_hub_id=rng.random() < 0.5)
    if setting.acting and character.name == "crm":
        character = replace(character, actions=(DEED,), action_lag_ms=ACTION_LAG_MS)
    if setting.feeds:
        files = character.name == "files"
        character = replace(character, feed=True, signal=files, feed_ms=0 if files else rng.choice(FEED_MS))
    if setting.keyless and character.name == "files":
        signal = rng.random() < 0.5
        character = replace(character, keyless=rng.choice((0.7, 1.0)), feed=signal, signal=signal)
    if setting.filling and character.name in FILLED:
        character = replace(character, required=frozenset({"contact.title"}))
    if setting.faults.get("late"):
        character = replace(character, server_ms=max(character.server_ms, SERVER_MS))
    return character


def rules(rng: random.Random, names: Sequence[str], kinds: Sequence[Kind]) -> Rules:
    """Policies and per-system rules, mostly the defaults."""
    contact: dict[str, Policy] = {}
    if rng.random() < 0.3:
        contact["title"] = Policy("prefer", rng.choice(list(names)))
    if rng.random() < 0.2:
        contact["first_name"] = Policy("prefer-unless-blank", rng.choice(list(names)))
    if rng.random() < 0.2:
        contact["phone"] = Policy("fill")
    systems: dict[str, dict[Kind, SystemRules]] = {}
    for name in names:
        systems[name] = {kind: SystemRules(delete=rng.choice(("review", "ignore", "archive"))) for kind in kinds}
    return Rules({"contact": contact}, systems, skew_ms=rng.choice((0, 2000)))


def limits(setting: Setting) -> Limits:
    """None, or so tight a limit on archives that people are asked."""
    return Limits(Limit(), Limit(), Limit(count=MOST_ARCHIVES) if setting.guarded else Limit(), Limit())


class World(People):
    """Systems and people."""

    def __init__(self, rng: random.Random, clock: FakeClock, setting: Setting, colours: random.Random) -> None:
        systems = {}
        for make in (crm, marketing, files):
            character = coloured(make(rng, setting.kinds), setting, colours)
            systems[character.name] = MemorySystem(character, clock, rng.randrange(1 << 30))
        super().__init__(rng, clock, setting, systems)
