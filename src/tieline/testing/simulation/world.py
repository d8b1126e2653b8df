"""The world of one schedule: three systems of different character, and the people who work in them.

Everything is drawn from one seeded `Random`. It knows nothing of the hub.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tieline.errors import Rejected
from tieline.model import Policy, Rules, SystemRules
from tieline.records import Cell, Kind
from tieline.testing.character import Character, digits, lower, trimmed, truncated
from tieline.testing.clock import FakeClock
from tieline.testing.memory import MemorySystem

KINDS: tuple[Kind, ...] = ("account", "contact")
FIELDS: Mapping[Kind, tuple[str, ...]] = {
    "account": ("name", "domain", "phone", "industry", "parent"),
    "contact": ("email", "first_name", "last_name", "title", "phone", "account", "lead_source", "consent_email"),
}
_DOMAINS = tuple(f"firm{n}.example" for n in range(6))
_NAMES = ("Ada", "Grace", "Linus", "Zoë", "Mei")
_WORDS = ("alpha", "beta", "gamma", "delta", "omega")
_PICKS = ("web", "fair", "partner", "cold call")


@dataclass(frozen=True, slots=True)
class Setting:
    """What a schedule's world is like; drawn from the seed unless a test names it."""

    people: float = 0.12
    """The chance, at each boundary, that somebody does something."""
    burst: int = 3
    crash: float = 0.004
    faults: Mapping[str, float] = field(default_factory=dict)
    runs: int = 6
    deletes: bool = True
    merges: bool = False
    """People merge records. The oracle then forgives what a merge itself overwrote."""


def crm(rng: random.Random) -> Character:
    """Tombstones, unique hub ids, second stamps, answers without state, a restricted picklist."""
    return Character(
        "crm",
        kinds=KINDS,
        fields=FIELDS,
        granularity_ms=1000,
        late_commit_ms=rng.choice((0, 3000)),
        page=3,
        batch=4,
        read_batch=4,
        unique_hub_id=rng.random() < 0.7,
        tombstones=True,
        answers_state=rng.random() < 0.5,
        choices={"lead_source": _PICKS[:3]} if rng.random() < 0.5 else {},
        partial_fields=rng.random() < 0.3,
        normal={"first_name": trimmed},
        conditional=rng.random() < 0.2,
    )


def marketing(rng: random.Random) -> Character:
    """A lagging index with a result cap, unique e-mail, lossy forms, a field missing, deletions only by sweep."""
    return Character(
        "marketing",
        kinds=KINDS,
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


def files(rng: random.Random) -> Character:
    """Complete listings only, every op in one call, conditional writes, perhaps no field for the hub's id."""
    return Character(
        "files",
        kinds=KINDS,
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


def rules(rng: random.Random, names: Sequence[str]) -> Rules:
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
        systems[name] = {kind: SystemRules(delete=rng.choice(("review", "ignore", "archive"))) for kind in KINDS}
    return Rules({"contact": contact}, systems, skew_ms=rng.choice((0, 2000)))


class World:
    """Systems and people."""

    def __init__(self, rng: random.Random, clock: FakeClock, setting: Setting) -> None:
        self.rng = rng
        self.clock = clock
        self.setting = setting
        makers = (crm, marketing, files)
        self.systems = {c.name: MemorySystem(c, clock, rng.randrange(1 << 30)) for c in (make(rng) for make in makers)}
        self.fresh = 0
        self.undeleted: set[tuple[str, Kind, str]] = set()
        self.merged: set[tuple[str, Kind, str]] = set()

    def populate(self) -> None:
        """What was there before the hub: partly the same people in several systems, differently spelled."""
        rng = self.rng
        for domain in _DOMAINS[:3]:
            for system in self.systems.values():
                if rng.random() < 0.6:
                    self._create(system, "account", {"domain": domain, "name": domain.partition(".")[0].title()})
        for n in range(4):
            for system in self.systems.values():
                if rng.random() < 0.55:
                    self._create(system, "contact", self._person(f"p{n}@firm.example"))
        self.clock.advance(rng.choice((500, 5000, 60000)))

    def act(self) -> None:
        """Somebody does something, often several things in a burst."""
        rng = self.rng
        for _ in range(rng.randint(1, self.setting.burst)):
            system = rng.choice(list(self.systems.values()))
            kind: Kind = "contact" if rng.random() < 0.75 else "account"
            dice = rng.random()
            if dice < 0.14:
                self._create(system, kind, self._new(kind))
            elif dice < 0.20 and self.setting.deletes:
                self._delete(system, kind)
            elif dice < 0.23 and self.setting.deletes:
                self._undelete(system, kind)
            elif dice < 0.25 and self.setting.merges:
                self._merge(system, kind)
            else:
                self._edit(system, kind)
            self.clock.advance(rng.choice((1, 200, 1500)))

    # -- what people do

    def _create(self, system: MemorySystem, kind: Kind, fields: dict[str, Cell]) -> None:
        rules = system.character
        fields = {n: v for n, v in fields.items() if n not in rules.missing}
        accounts = system.alive("account") if kind == "contact" else []
        if accounts and self.rng.random() < 0.5:
            fields["account"] = self.rng.choice(accounts).id
        try:
            system.person_create(kind, fields)
        except Rejected:
            return  # the system itself refuses a second e-mail

    def _edit(self, system: MemorySystem, kind: Kind) -> None:
        alive = system.alive(kind)
        if not alive:
            return
        target = self.rng.choice(alive)
        names = [n for n in FIELDS[kind] if n not in system.character.missing and n != "parent"]
        name = self.rng.choice(names)
        try:
            system.person_edit(kind, target.id, {name: self._value(system, kind, name, target.id)})
        except Rejected:
            return

    def _delete(self, system: MemorySystem, kind: Kind) -> None:
        alive = system.alive(kind)
        if alive:
            system.person_delete(kind, self.rng.choice(alive).id)

    def _undelete(self, system: MemorySystem, kind: Kind) -> None:
        binned = [r for r in self._all(system, kind) if r.deleted and r.merged_into is None]
        if binned and system.character.remembers:
            chosen = self.rng.choice(binned)
            try:
                system.person_undelete(kind, chosen.id)
            except Rejected:
                return
            self.undeleted.add((system.character.name, kind, chosen.id))

    def _merge(self, system: MemorySystem, kind: Kind) -> None:
        alive = system.alive(kind)
        if len(alive) >= 2 and system.character.remembers:
            winner, loser = self.rng.sample(alive, 2)
            system.person_merge(kind, winner.id, loser.id)
            self.merged.add((system.character.name, kind, loser.id))

    @staticmethod
    def _all(system: MemorySystem, kind: Kind) -> list:  # type: ignore[type-arg]
        return list(system.records[kind].values())

    # -- values, each unlike any other so that the oracle knows who wrote it

    def _number(self) -> int:
        self.fresh += 1
        return self.fresh

    def _person(self, email: str | None) -> dict[str, Cell]:
        rng = self.rng
        n = self._number()
        person: dict[str, Cell] = {"last_name": f"Last{n}"}
        if email is not None and rng.random() < 0.9:
            person["email"] = rng.choice((email, email.upper(), email.capitalize()))
        if rng.random() < 0.7:
            person["first_name"] = rng.choice(_NAMES)
        if rng.random() < 0.5:
            person["title"] = f"Head of {rng.choice(_WORDS)} {n}"
        if rng.random() < 0.4:
            person["phone"] = f"+1 (555) {n:04d}"
        if rng.random() < 0.3:
            person["consent_email"] = rng.choice(("opted_out", "allowed"))
        return person

    def _new(self, kind: Kind) -> dict[str, Cell]:
        n = self._number()
        if kind == "account":
            return {"name": f"Firm {n}", "domain": self.rng.choice((*_DOMAINS, f"new{n}.example"))}
        return self._person(self.rng.choice((f"p{self.rng.randrange(6)}@firm.example", f"n{n}@new.example", None)))

    def _value(self, system: MemorySystem, kind: Kind, name: str, own_id: str) -> Cell:
        rng, n = self.rng, self._number()
        if rng.random() < 0.12 and name not in ("last_name", "name"):
            return None
        if name == "consent_email":
            return rng.choice(("opted_out", "allowed"))
        if name == "lead_source":
            return rng.choice(_PICKS)
        if name == "email":
            return f"e{n}@moved.example"
        if name == "domain":
            return f"d{n}.example"
        if name == "account":
            accounts = system.alive("account")
            return rng.choice(accounts).id if accounts else None
        if name == "phone":
            return f"+1 (555) {n:04d}"
        return f"{name} {rng.choice(_WORDS)} {n}"
