"""A CRM in memory and a workspace that is asked for folders, events and drafts, whatever is lost on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.joint.hub import Hub
from tieline.rules import ActionRule, Rules, SystemRules
from tieline.store import Store
from tieline.testing import Character
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


class Joint(Hub):
    """A CRM and a workspace without streams of its own, joined by a hub."""

    spec, vendor, root, a_while = SPEC, "workspace", "", A_WHILE

    def __init__(self) -> None:
        fields = {"contact": ("email", "first_name", "last_name", "title")}
        kind: Any = Character(name="crm", kinds=("contact",), tombstones=True, unique_hub_id=True, fields=fields)  # type: ignore[arg-type]
        super().__init__(kind, Rules({}, {"crm": {"contact": SystemRules()}}, actions=RULES))
        self.crm = self.memory

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
        state = self.standin.state
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
    joint.run()
    joint.run()
    assert joint.made()[0] == {}
    joint.win(ids[1])
    joint.run()
    for _ in range(2):
        joint.run()
    state = joint.standin.state
    (folder,) = state.files.rows.values()
    assert folder["name"] == "Ann 1 Li 1"
    assert [p["emailAddress"] for p in folder["permissions"]] == ["p1@one.example", "sales@northbay.example"]
    assert joint.made()[1] == {"Kickoff: Li 1": 1}
    assert len(state.mailbox.drafts) == 1
    assert state.notified == []


def test_a_home_that_lost_its_memory_makes_nothing_twice(joint: Joint) -> None:
    ids = joint.people(2)
    joint.run()
    joint.win(ids[0])
    joint.run()
    joint.store.close()
    joint.store = Store()
    joint.crm.person_edit("contact", ids[0], {WON[0]: "Nobody"})
    joint.run()
    joint.win(ids[0])
    joint.run()
    folders, events, _ = joint.made()
    assert (sum(folders.values()), sum(events.values()), len(joint.standin.state.mailbox.drafts)) == (1, 1, 1)


def test_a_run_with_nothing_to_do_asks_the_workspace_nothing(joint: Joint) -> None:
    ids = joint.people(2)
    joint.run()
    joint.win(ids[0])
    joint.run()
    joint.transport.requests.clear()
    idle = joint.run()
    assert (idle.writes, joint.transport.requests, idle.converged) == (0, [], True)


@pytest.mark.parametrize("vice", ["garbage", "lost-answer", "old-403", "quota", "search-lag"])
def test_whatever_google_does_each_is_there_once_in_the_end(joint: Joint, vice: str) -> None:
    ids = joint.people(8)
    joint.run()
    joint.spoil(vice)
    for id in ids:
        joint.win(id)
    for _ in range(14):
        done = joint.run(600_000)
    assert done.converged, done
    joint.spoil()
    folders, events, _ = joint.made()
    assert set(folders.values()) == set(events.values()) == {1}
    assert (len(folders), len(events), len(joint.standin.state.mailbox.drafts)) == (8, 8, 8)
    for row in joint.standin.state.files.rows.values():
        assert len(row["permissions"]) == 2
        assert "tieline_open" not in row["appProperties"], "the sharing is finished"
