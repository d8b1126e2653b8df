"""What people do in the systems: create, edit, delete, undelete, merge, opt out and in; administrators change lists.

Everything is drawn from one seeded `Random`. Nobody here knows of the hub.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from tieline.errors import Rejected
from tieline.records import Cell, Kind
from tieline.testing.character import LEADS
from tieline.testing.clock import FakeClock
from tieline.testing.memory import MemorySystem, Record
from tieline.testing.simulation.setting import FIELDS, Setting

DOMAINS = tuple(f"firm{n}.example" for n in range(6))
PICKS = ("web", "fair", "partner", "cold call")
_NAMES = ("Ada", "Grace", "Linus", "Zoë", "Mei")
_WORDS = ("alpha", "beta", "gamma", "delta", "omega")
_CURRENCIES = ("EUR", "USD")


class People:
    """Everybody who works in the systems."""

    def __init__(
        self, rng: random.Random, clock: FakeClock, setting: Setting, systems: Mapping[str, MemorySystem]
    ) -> None:
        self.rng = rng
        self.clock = clock
        self.setting = setting
        self.systems = systems
        self.fresh = 0
        self.undeleted: set[tuple[str, Kind, str]] = set()
        self.merged: set[tuple[str, Kind, str]] = set()
        self.converted: dict[tuple[str, str], str] = {}
        """(system, contact) → the lead it was made of."""

    def populate(self) -> None:
        """What was there before the hub: partly the same people in several systems, differently spelled."""
        rng = self.rng
        for domain in DOMAINS[:3]:
            for system in self.systems.values():
                if rng.random() < 0.6:
                    self._create(system, "account", {"domain": domain, "name": domain.partition(".")[0].title()})
        for n in range(4):
            for system in self.systems.values():
                if rng.random() < 0.55:
                    self._create(system, "contact", self._person(f"p{n}@firm.example"))
        for kind in self.setting.kinds:
            if kind in ("campaign", "opportunity"):
                for system in self.systems.values():
                    for n in range(2):
                        if rng.random() < 0.6:
                            self._create(system, kind, {**self._new(kind), "name": f"{kind} of old {n}"})
        if self.setting.doubles:
            self._populate_doubles()
        self.clock.advance(rng.choice((500, 5000, 60000)))

    def _populate_doubles(self) -> None:
        for n in range(4):
            kind: Kind = "account" if n == 3 else "contact"
            system = self.rng.choice([s for s in self.systems.values() if not s.character.unique_email])
            for other in (system, *self.systems.values()):
                if other is system or self.rng.random() < 0.7:
                    fields = self._new(kind)
                    fields["domain" if kind == "account" else "email"] = (
                        f"d{n}.example" if kind == "account" else f"d{n}@twice.example"
                    )
                    self._create(other, kind, fields)

    def act(self) -> None:
        """Somebody does something, often several things in a burst."""
        rng = self.rng
        for _ in range(rng.randint(1, self.setting.burst)):
            system = rng.choice(list(self.systems.values()))
            kind: Kind = "contact" if rng.random() < 0.75 else "account"
            if self.setting.deals and rng.random() < 0.4:
                kind = "campaign" if rng.random() < 0.2 else "opportunity"
            dice = rng.random()
            if dice < 0.14:
                self._create(system, kind, self._new(kind))
            elif dice < 0.20 and self.setting.deletes:
                self._delete(system, kind)
            elif dice < 0.23 and self.setting.undeletes:
                self._undelete(system, kind)
            elif dice < 0.25 and self.setting.merges:
                self._merge(system, kind)
            elif dice < 0.27 and self.setting.picky:
                self._relist(system)
            elif dice < 0.33 and self.setting.converting:
                self._convert()
            else:
                self._edit(system, kind)
            self.clock.advance(rng.choice((1, 200, 1500)))

    # -- what they do

    def _create(self, system: MemorySystem, kind: Kind, fields: dict[str, Cell]) -> None:
        rules = system.rules[kind]
        fields = {n: v for n, v in fields.items() if n in rules.blank}
        accounts = _named(system, "account") if kind != "account" and "account" in rules.blank else []
        if accounts and self.rng.random() < 0.5:
            fields["account"] = self.rng.choice(accounts).id
        leads = kind == "contact" and system.character.leads and self.rng.random() < 0.6
        try:
            system.person_create(kind, fields, stream=LEADS if leads else "")
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
            system.person_edit(kind, target.id, {name: self._value(system, kind, name)})
        except Rejected:
            return

    def _delete(self, system: MemorySystem, kind: Kind) -> None:
        alive = system.alive(kind)
        if alive:
            system.person_delete(kind, self.rng.choice(alive).id)

    def _undelete(self, system: MemorySystem, kind: Kind) -> None:
        binned = [r for r in _all(system, kind) if r.deleted and r.merged_into is None]
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
            if winner.stream != loser.stream:
                return  # a lead is converted, not merged into a contact
            system.person_merge(kind, winner.id, loser.id)
            self.merged.add((system.character.name, kind, loser.id))

    def _convert(self) -> None:
        """A lead becomes a contact, or part of one that is there."""
        for system in self.systems.values():
            there = system.alive("contact") if system.character.leads else []
            leads = [r for r in there if r.stream == LEADS]
            contacts = [r.id for r in there if r.stream != LEADS]
            if leads:
                lead = self.rng.choice(leads).id
                into = self.rng.choice(contacts) if contacts and self.rng.random() < 0.2 else None
                made = system.person_convert(lead, into)
                if into is None:
                    self.converted[system.character.name, made] = lead
                self.merged.add((system.character.name, "contact", lead))

    def _relist(self, system: MemorySystem) -> None:
        """An administrator changes what a picklist takes."""
        choices = self.rng.choice((None, PICKS[:2], PICKS[:3], PICKS))
        if "lead_source" in system.rules["contact"].blank:
            system.set_choices("contact", "lead_source", choices)

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
        if kind in ("campaign", "opportunity"):
            n = self._number()
            if kind == "campaign":
                return {"name": f"Campaign {n}", "status": "planned", "start": _day(n)}
            return {"name": f"Deal {n}", "stage": f"stage {n}", "amount": self._money(n), "close_date": _day(n)}
        n = self._number()
        if kind == "account":
            return {"name": f"Firm {n}", "domain": self.rng.choice((*DOMAINS, f"new{n}.example"))}
        return self._person(self.rng.choice((f"p{self.rng.randrange(6)}@firm.example", f"n{n}@new.example", None)))

    def _money(self, n: int) -> Cell:
        return {"amount": f"{n}.5", "currency": self.rng.choice(_CURRENCIES)}

    def _one_of(self, system: MemorySystem, kind: Kind) -> Cell:
        alive = _named(system, kind)
        return self.rng.choice(alive).id if alive else None

    def _several(self, system: MemorySystem, kind: Kind) -> Cell:
        alive = _named(system, kind)
        chosen = self.rng.sample(alive, min(len(alive), self.rng.randint(1, 2)))
        return [{"id": r.id, "role": self.rng.choice((None, "buyer")), "primary": False} for r in chosen] or None

    def _value(self, system: MemorySystem, kind: Kind, name: str) -> Cell:
        rng, n = self.rng, self._number()
        if rng.random() < 0.12 and name not in ("last_name", "name"):
            return None
        made = _MADE.get(name)
        return made(self, system, n) if made is not None else f"{name} {rng.choice(_WORDS)} {n}"


_MADE: Mapping[str, Callable[[People, MemorySystem, int], Cell]] = {
    "consent_email": lambda people, _, n: people.rng.choice(("opted_out", "allowed")),
    "lead_source": lambda people, _, n: people.rng.choice(PICKS),
    "email": lambda people, _, n: f"e{n}@moved.example",
    "domain": lambda people, _, n: f"d{n}.example",
    "account": lambda people, system, n: people._one_of(system, "account"),
    "campaign": lambda people, system, n: people._one_of(system, "campaign"),
    "contacts": lambda people, system, n: people._several(system, "contact"),
    "phone": lambda people, _, n: f"+1 (555) {n:04d}",
    "amount": lambda people, _, n: people._money(n),
    "close_date": lambda people, _, n: _day(n),
    "start": lambda people, _, n: _day(n),
}
"""What somebody enters in a field that takes no mere words; `n` is like no other number."""


def _day(n: int) -> str:
    return f"20{26 + n // 336:02d}-{n // 28 % 12 + 1:02d}-{n % 28 + 1:02d}"


def _named(system: MemorySystem, kind: Kind) -> list[Record]:
    """Those that can be referred to: a row without a key cannot."""
    return [r for r in system.alive(kind) if not r.keyless]


def _all(system: MemorySystem, kind: Kind) -> list[Record]:
    return list(system.records[kind].values())
