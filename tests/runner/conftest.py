"""A small office: systems in memory, people who use them, and a hub that syncs them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tieline.connector import Connector
from tieline.engine.limits import Limits
from tieline.model import Fields
from tieline.ports import InlineExecutor, Ports
from tieline.records import Cell, Kind
from tieline.rules import ActionRule, Policy, Rules, SystemRules
from tieline.runner import Hooks, Options, Runner, Summary, System
from tieline.store import Store
from tieline.testing import (
    STREAMS,
    Character,
    FakeClock,
    Faults,
    FaultyConnector,
    MemoryConnector,
    MemorySystem,
    SeqIds,
)

FIELDS: dict[Kind, tuple[str, ...]] = {
    "account": ("name", "domain", "phone", "industry", "employees", "parent"),
    "contact": ("email", "first_name", "last_name", "title", "phone", "account", "lead_source", "consent_email"),
    "opportunity": ("name", "account", "contacts", "stage", "amount", "close_date"),
    "campaign": ("name", "start", "budget"),
}
A_MINUTE = 60_000


class Office:
    """Everything one home joins. What a person does is a method; `sync` is one run of a fresh process."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.ids = SeqIds(1)
        self.store = Store()
        self.systems: dict[str, MemorySystem] = {}
        self.connectors: dict[str, Connector] = {}
        self.inner: dict[str, MemoryConnector] = {}
        """What is called in the end; its `calls` counts by method."""
        self.faults: dict[str, Faults] = {}
        self.filters: dict[str, dict[Kind, Callable[[Fields], bool]]] = {}
        self.defaults: dict[str, dict[str, Fields]] = {}
        self.policies: dict[Kind, dict[str, Policy]] = {}
        self.rules: dict[str, dict[Kind, SystemRules]] = {}
        self.limits = Limits()
        self.actions: tuple[ActionRule, ...] = ()
        self.hooks: Hooks | None = None
        self.fingerprint = ""
        self.boundary: Callable[[str], None] = lambda name: None

    # -- how it is set up

    def add(self, name: str, kinds: tuple[Kind, ...] = ("account", "contact"), **traits: Any) -> MemorySystem:
        """One more system; by default it reports deletions and keeps the hub's id."""
        traits = {"tombstones": True, "unique_hub_id": True, "fields": FIELDS, **traits}
        system = MemorySystem(Character(name=name, kinds=kinds, **traits), self.clock, len(self.systems))
        self.systems[name] = system
        self.faults[name] = Faults(0)
        self.inner[name] = MemoryConnector(system)
        self.connectors[name] = FaultyConnector(self.inner[name], self.faults[name], self.clock)
        return system

    def rule(self, system: str, kind: Kind, **rules: Any) -> None:
        """What the configuration says of one system and kind."""
        self.rules.setdefault(system, {})[kind] = SystemRules(**rules)

    def policy(self, kind: Kind, field: str, policy: Policy) -> None:
        """What the configuration says of one field."""
        self.policies.setdefault(kind, {})[field] = policy

    def runner(self, store: Store | None = None) -> Runner:
        """A fresh process over this home."""
        systems = {
            name: System(
                name,
                connector,
                connector.facts.streams,
                defaults=self.defaults.get(name, {}),
                filters=self.filters.get(name, {}),
                calls=self.inner[name].calls.total,
            )
            for name, connector in self.connectors.items()
        }
        ports = Ports(
            clock=self.clock, ids=self.ids, executor=InlineExecutor, boundary=lambda name: self.boundary(name)
        )
        rules = Rules(self.policies, self.rules, actions=self.actions)
        return Runner(store or self.store, systems, rules, self.limits, ports, self.hooks, self.fingerprint)

    # -- what happens

    def sync(self, pause_ms: int = A_MINUTE, **options: Any) -> Summary:
        """One run, a minute after whatever happened before; the first one is confirmed."""
        self.clock.advance(pause_ms)
        return self.runner().sync(Options(confirm=lambda preview: True, **options))

    def plan(self, pause_ms: int = A_MINUTE, **options: Any) -> Summary:
        """One look at what a run would do."""
        self.clock.advance(pause_ms)
        return self.runner().plan(Options(**options))

    def create(self, system: str, kind: Kind, **fields: Cell) -> str:
        """Somebody makes a record."""
        self.clock.advance(A_MINUTE)
        return self.systems[system].person_create(kind, fields)

    def edit(self, system: str, kind: Kind, remote_id: str, **fields: Cell) -> None:
        """Somebody changes one."""
        self.clock.advance(A_MINUTE)
        self.systems[system].person_edit(kind, remote_id, fields)

    def answer(self, answer: str, choice: str | None = None, topic: str | None = None) -> list[dict[str, Any]]:
        """Answer every open question (of a topic) alike; returns them."""
        asked = [r for r in self.reviews() if topic in (None, r["topic"])]
        with self.store.atomic():
            for review in asked:
                self.store.book.answer(review["id"], answer, choice, self.clock.now())
        return asked

    # -- what can be seen

    def reviews(self) -> list[dict[str, Any]]:
        """The open questions."""
        return self.store.book.reviews()

    def only(self, system: str, kind: Kind) -> Any:
        """The one living record of a kind."""
        alive = self.systems[system].alive(kind)
        assert len(alive) == 1, alive
        return alive[0]

    def values(self, system: str, kind: Kind, field: str) -> list[Cell]:
        """A field of all living records, sorted."""
        return sorted((r.fields[field] for r in self.systems[system].alive(kind)), key=str)

    def by_name(self, system: str, kind: Kind, name: str, field: str = "name") -> Any:
        """The living record of a name."""
        found = [r for r in self.systems[system].alive(kind) if r.fields[field] == name]
        assert len(found) == 1, found
        return found[0]

    def hub_writes(self, system: str) -> int:
        """How many lines of a system's history are the hub's."""
        return sum(e.who == "hub" for e in self.systems[system].history)

    def record_of(self, system: str, kind: Kind, remote_id: str) -> str | None:
        """The hub id of what a remote is linked to."""
        return self.store.trees.owners(system, kind, [remote_id]).get(remote_id)

    def journal(self, system: str, kind: Kind, remote_id: str) -> list[Any]:
        """The journal of the record that a remote is linked to."""
        return self.store.work.entries(self.record_of(system, kind, remote_id) or "")

    def stream(self, kind: Kind) -> str:
        """The stream of a kind."""
        return STREAMS[kind]


@pytest.fixture
def office() -> Iterator[Office]:
    """An empty office."""
    made = Office()
    yield made
    made.store.close()


@pytest.fixture
def pair(office: Office) -> Office:
    """Two ordinary systems, `crm` and `mail`."""
    office.add("crm")
    office.add("mail")
    return office
