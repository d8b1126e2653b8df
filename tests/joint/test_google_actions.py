"""A CRM in memory and a workspace that is asked for folders, events and drafts, whatever is lost on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.joint.hub import Bearer
from tieline.connector import Context
from tieline.engine.limits import Limits
from tieline.http import Client
from tieline.ports import InlineExecutor, Ports
from tieline.rules import ActionRule, Rules, SystemRules
from tieline.runner import Options, Runner, Summary, System
from tieline.sandbox import InProcess
from tieline.standin import SandboxOptions
from tieline.store import Store
from tieline.testing import Character, FakeClock, FaultyTransport, MemoryConnector, MemorySystem, SeqIds
from tieline_google.spec import SPEC

A_WHILE = 180_000
"""Milliseconds between two runs."""
WON = ("title", "Customer")


def won(fields: Any) -> bool:
    return fields.get(WON[0]) == WON[1]


def rule(called: str, action: str, /, **fields: str) -> ActionRule:
    return ActionRule(called, "contact", "workspace", action, won, fields)


RULES = (
    rule("folder", "folder", name="{first_name} {last_name}", share="{email}, sales@northbay.example", role="writer"),
    rule("kickoff", "event", title="Kickoff: {last_name}", start="2026-12-01T10:00", timezone="Europe/Berlin"),
    rule("welcome", "draft", to="{email}", subject="Welcome, {first_name}!", body="Hello {first_name}\n"),
)


class Joint:
    """A CRM and a workspace without streams of its own, joined by a hub."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.store = Store()
        self.ids = SeqIds(1)
        fields = {"contact": ("email", "first_name", "last_name", "title")}
        kind: Any = Character(name="crm", kinds=("contact",), tombstones=True, unique_hub_id=True, fields=fields)  # type: ignore[arg-type]
        self.crm = MemorySystem(kind, self.clock, 0)
        self.inner = MemoryConnector(self.crm)
        self.office: Any = None
        self.transport: Any = None
        self.spoil()
        self.rules = Rules({}, {"crm": {"contact": SystemRules()}}, actions=RULES)

    def spoil(self, *vices: str) -> None:
        """From now on the workspace has these vices and no others."""
        assert SPEC.sandbox is not None
        state = self.office.dump() if self.office is not None else None
        self.office = SPEC.sandbox(SandboxOptions(vices=frozenset(vices), clock=self.clock, state=state))
        self.transport = FaultyTransport(InProcess(self.office))

    def sync(self, pause_ms: int = A_WHILE) -> Summary:
        """One run of a fresh process, a while after whatever happened before."""
        self.clock.advance(pause_ms)
        assert SPEC.http is not None
        client = Client(
            "http://127.0.0.1:8", SPEC.http, Bearer(self.office.token), self.transport, self.clock, random=lambda: 0.5
        )
        workspace = SPEC.connect(Context("workspace", SPEC.settings(), {}, client, self.clock, Path()))
        systems = {
            "crm": System("crm", self.inner, self.inner.facts.streams, calls=self.inner.calls.total),
            "workspace": System("workspace", workspace, workspace.facts.streams, calls=lambda: client.calls),
        }
        ports = Ports(clock=self.clock, ids=self.ids, executor=InlineExecutor)
        return Runner(self.store, systems, self.rules, Limits(), ports).sync(Options(confirm=lambda preview: True))

    def people(self, count: int) -> list[str]:
        return [
            self.crm.person_create(
                "contact", {"email": f"p{n}@one.example", "first_name": f"Ann {n}", "last_name": f"Li {n}"}
            )
            for n in range(count)
        ]

    def win(self, id: str) -> None:
        self.crm.person_edit("contact", id, {WON[0]: WON[1]})

    def made(self) -> tuple[Counter[str], Counter[str], Counter[str]]:
        """Names of folders, titles of events, recipients of drafts: how often each."""
        state = self.office.state
        folders = Counter(r["name"] for r in state.files.rows.values())
        events = Counter(e["said"]["summary"] for c in state.calendars.rows.values() for e in c.values())
        return folders, events, Counter(str(len(state.mailbox.drafts)))


@pytest.fixture
def joint() -> Iterator[Joint]:
    made = Joint()
    yield made
    made.store.close()


def test_each_is_made_once_for_each_record_that_asks_for_it(joint: Joint) -> None:
    ids = joint.people(3)
    joint.sync()
    joint.sync()
    assert joint.made()[0] == {}
    joint.win(ids[1])
    joint.sync()
    for _ in range(2):
        joint.sync()
    state = joint.office.state
    (folder,) = state.files.rows.values()
    assert folder["name"] == "Ann 1 Li 1"
    assert [p["emailAddress"] for p in folder["permissions"]] == ["p1@one.example", "sales@northbay.example"]
    assert joint.made()[1] == {"Kickoff: Li 1": 1}
    assert len(state.mailbox.drafts) == 1
    assert state.notified == []


def test_a_home_that_lost_its_memory_makes_nothing_twice(joint: Joint) -> None:
    ids = joint.people(2)
    joint.sync()
    joint.win(ids[0])
    joint.sync()
    joint.store.close()
    joint.store = Store()
    joint.crm.person_edit("contact", ids[0], {WON[0]: "Nobody"})
    joint.sync()
    joint.win(ids[0])
    joint.sync()
    folders, events, _ = joint.made()
    assert (sum(folders.values()), sum(events.values()), len(joint.office.state.mailbox.drafts)) == (1, 1, 1)


def test_a_run_with_nothing_to_do_asks_the_workspace_nothing(joint: Joint) -> None:
    ids = joint.people(2)
    joint.sync()
    joint.win(ids[0])
    joint.sync()
    joint.transport.requests.clear()
    idle = joint.sync()
    assert (idle.writes, joint.transport.requests, idle.converged) == (0, [], True)


@pytest.mark.parametrize("vice", ["garbage", "lost-answer", "old-403", "quota", "search-lag"])
def test_whatever_google_does_each_is_there_once_in_the_end(joint: Joint, vice: str) -> None:
    ids = joint.people(8)
    joint.sync()
    joint.spoil(vice)
    for id in ids:
        joint.win(id)
    for _ in range(14):
        done = joint.sync(600_000)
    assert done.converged, done
    joint.spoil()
    folders, events, _ = joint.made()
    assert set(folders.values()) == set(events.values()) == {1}
    assert (len(folders), len(events), len(joint.office.state.mailbox.drafts)) == (8, 8, 8)
    for row in joint.office.state.files.rows.values():
        assert len(row["permissions"]) == 2
        assert "tieline_open" not in row["appProperties"], "the sharing is finished"
