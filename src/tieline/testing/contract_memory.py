"""The in-memory system as a `Subject`: proof that the suite can be passed, and an example of a subject."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from tieline.connector import Connector
from tieline.errors import Invalid
from tieline.model import Fields
from tieline.records import Kind
from tieline.testing.character import Character
from tieline.testing.clock import FakeClock
from tieline.testing.contract_bench import Subject
from tieline.testing.faults import Faults, FaultyConnector
from tieline.testing.memory import MemorySystem
from tieline.testing.memory_connector import MemoryConnector

CANARY = "canary-7d1f0c"
"""Stands for a credential."""

RICH = Character(
    page=3,
    batch=10,
    read_batch=4,
    mixed=True,
    conditional=True,
    unique_hub_id=True,
    tombstones=True,
    sweep=True,
    full_listing=True,
    leads=True,
    choices={
        "account.industry": ("energy", "retail"),
        "contact.lead_source": ("web", "fair"),
        "opportunity.stage": ("open", "won"),
        "campaign.status": ("planned", "active"),
    },
    required=frozenset({"account.name", "contact.last_name", "opportunity.name", "campaign.name"}),
    read_only=frozenset({"account.owner", "contact.owner"}),
    unclearable=frozenset({"account.description", "contact.title", "opportunity.pipeline", "campaign.type"}),
)
"""A system with everything that can be declared, so that every check applies."""

_SAMPLES: Mapping[Kind, Callable[[int], dict[str, Any]]] = {
    "account": lambda n: {
        "name": f"Account {n}",
        "description": f"number {n}",
        "employees": 10 + n,
        "industry": ("energy", "retail")[n % 2],
        "address": {"city": f"Town {n}", "country": "DE"},
    },
    "contact": lambda n: {
        "last_name": f"Name {n}",
        "title": f"Title {n}",
        "email": f"p{n}@line.example",
        "lead_source": ("web", "fair")[n % 2],
    },
    "opportunity": lambda n: {
        "name": f"Deal {n}",
        "pipeline": f"p{n}",
        "amount": {"amount": str(100 + n), "currency": "EUR"},
        "stage": ("open", "won")[n % 2],
    },
    "campaign": lambda n: {
        "name": f"Campaign {n}",
        "type": f"t{n}",
        "budget": str(n + 1),
        "status": ("planned", "active")[n % 2],
    },
}


class MemoryOutside:
    """People at the memory system's screen."""

    def __init__(self, system: MemorySystem, kinds: Mapping[str, Kind]) -> None:
        self.system = system
        self.kinds = kinds

    def create(self, stream: str, fields: Fields) -> str:
        """As a person."""
        return self.system.person_create(self.kinds[stream], fields, stream=stream)

    def edit(self, stream: str, id: str, fields: Fields) -> None:
        """As a person, who may mean a record by the id that it shows for now."""
        kind = self.kinds[stream]
        self.system.person_edit(kind, self.system.inner(kind, id) or id, fields)

    def delete(self, stream: str, id: str) -> None:
        """As a person."""
        self.system.person_delete(self.kinds[stream], id)

    def merge(self, stream: str, winner: str, loser: str) -> None:
        """As a person."""
        self.system.person_merge(self.kinds[stream], winner, loser)

    def count(self, stream: str) -> int:
        """The living."""
        return sum(r.stream == stream for r in self.system.alive(self.kinds[stream]))

    def state(self) -> Any:
        """Every record, dead ones too."""
        return {kind: [r.remote for r in records.values()] for kind, records in self.system.records.items()}


class MemorySubject(Subject):
    """The in-memory connector, perhaps wrapped in another, on a fresh system of some character."""

    def __init__(self, character: Character = RICH, wrap: Callable[[Connector], Connector] | None = None) -> None:
        self.clock = FakeClock()
        self.system = MemorySystem(character, self.clock)
        inner = MemoryConnector(self.system)
        self.faults = Faults()
        honest: Connector = FaultyConnector(inner, self.faults)
        self.connector = wrap(honest) if wrap is not None else honest
        self.kinds: Mapping[str, Kind] = {s.name: s.kind for s in inner.facts.streams}
        self.streams: Sequence[str] = tuple(self.kinds)
        self.outside = MemoryOutside(self.system, self.kinds)
        self.many = character.page + 2
        self.cap = character.cap
        self.secret = CANARY

    def sample(self, stream: str, n: int) -> Fields:
        """A few fields of each type, those that the character has."""
        kind = self.kinds[stream]
        rules = self.system.rules[kind]
        sample = rules.form({f: v for f, v in _SAMPLES[kind](n).items() if f in rules.blank})
        if len(sample) < 2:
            raise Invalid(f"the character offers too few fields of {kind}")
        return sample

    def convert(self, stream: str, id: str) -> str:
        """As a person."""
        return self.system.person_convert(id)

    def settle(self) -> None:
        """Advance the clock by what the connector declares, and not a moment more than needed."""
        self.clock.advance(1 + max(max(s.overlap_ms, s.quiet_ms) for s in self.connector.facts.streams))

    def typed(self, stream: str, fields: Fields) -> str:
        """As a person, and shown as it will be listed."""
        kind = self.kinds[stream]
        record = self.system.get(kind, self.system.person_create(kind, fields, keyless=True, stream=stream))
        assert record is not None  # noqa: S101 it was made just now
        return self.system.outer(record.remote).id

    def expire(self) -> None:
        """Advance the clock until no token holds."""
        self.clock.advance(self.system.character.feed_ms + 1)

    def fault(self, name: str) -> AbstractContextManager[None]:
        """Between the connector and the system."""
        return self.faults.during(name)
