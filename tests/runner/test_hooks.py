"""What plugins see of a run and may stop in it."""

from __future__ import annotations

from typing import Any

import pytest

from tieline.engine.limits import Limit, Limits
from tieline.errors import PluginFailed
from tieline.events import Applied, ConflictFound, PlannedOrder, RunFinished, Verdict


class Listening:
    """Keeps every event; `verdict` is the answer to each planned order."""

    def __init__(self, verdict: Verdict | Exception | None = None, sql: Any = None) -> None:
        self.verdict = verdict
        self.sql = sql
        self.in_transaction: list[bool] = []
        """Of `sql`, whenever a conflict was told."""
        self.events: list[Any] = []

    def listens(self, hook: str) -> bool:
        return True

    def plan(self, event: PlannedOrder) -> Verdict | None:
        self.events.append(event)
        if isinstance(self.verdict, Exception):
            raise self.verdict
        return self.verdict

    def conflict(self, event: ConflictFound) -> None:
        self.events.append(event)
        if self.sql is not None:
            self.in_transaction.append(self.sql.in_transaction)

    def applied(self, event: Applied) -> None:
        self.events.append(event)

    def finished(self, event: RunFinished) -> None:
        self.events.append(event)

    def of(self, kind: type) -> list[Any]:
        return [e for e in self.events if isinstance(e, kind)]


@pytest.mark.parametrize("action", ["drop", "hold"])
def test_an_order_that_a_plugin_stops_is_not_written_and_comes_back_when_it_lets_go(pair: Any, action: Any) -> None:
    pair.create("crm", "contact", email="ada@firm.example")
    pair.hooks = Listening(Verdict(action, "not on a Friday"))
    summary = pair.sync()
    assert summary.writes == 0
    assert [pair.hub_writes(s) for s in pair.systems] == [0, 0]
    pair.hooks = Listening()
    assert pair.sync().writes == 2


@pytest.mark.parametrize("answer", ["accepted", "rejected"])
def test_what_a_person_says_of_a_held_order_stands(pair: Any, answer: str) -> None:
    pair.create("crm", "contact", email="ada@firm.example")
    pair.hooks = Listening(Verdict("hold", "not on a Friday"))
    for _ in range(2):
        pair.sync()
        pair.answer(answer, topic="held")
    pair.sync()
    assert pair.reviews() == []
    assert len(pair.systems["mail"].alive("contact")) == (1 if answer == "accepted" else 0)


def test_a_veto_that_cannot_be_asked_is_a_no(pair: Any) -> None:
    pair.create("crm", "contact", email="ada@firm.example")
    pair.hooks = Listening(PluginFailed("the plugin broke"))
    with pytest.raises(PluginFailed):
        pair.sync()
    assert [pair.hub_writes(s) for s in pair.systems] == [0, 0]
    assert pair.store.db.rows("SELECT count(*) FROM record") == [(0,)]


def test_every_confirmed_write_is_told_once_it_is_committed(pair: Any) -> None:
    pair.create("crm", "contact", email="ada@firm.example")
    pair.hooks = Listening()
    pair.sync()
    told = [(e.order.op, e.order.system, e.outcome.status) for e in pair.hooks.of(Applied)]
    assert sorted(told) == [("create", "mail", "ok"), ("link", "crm", "ok")]


def test_a_refused_write_is_not_told_as_applied(office: Any) -> None:
    office.add("crm")
    office.add("mail", required=frozenset({"contact.last_name"}))
    office.create("crm", "contact", email="ada@firm.example")
    office.hooks = Listening()
    office.sync()
    assert [e.order.system for e in office.hooks.of(Applied)] == ["crm"]


def test_a_conflict_is_told_with_both_values(pair: Any) -> None:
    one = pair.create("crm", "contact", email="ada@firm.example", title="Boss")
    pair.sync()
    pair.edit("crm", "contact", one, title="older")
    pair.edit("mail", "contact", pair.only("mail", "contact").id, title="newer")
    pair.hooks = Listening()
    pair.sync()
    [event] = pair.hooks.of(ConflictFound)
    assert (event.conflict.kept, event.conflict.lost) == (("mail", "newer"), ("crm", "older"))


def test_a_plan_that_is_only_looked_at_tells_no_conflict(pair: Any) -> None:
    one = pair.create("crm", "contact", email="ada@firm.example", title="Boss")
    pair.sync()
    pair.edit("crm", "contact", one, title="older")
    pair.edit("mail", "contact", pair.only("mail", "contact").id, title="newer")
    pair.hooks = Listening()
    pair.plan()
    assert pair.hooks.of(ConflictFound) == []
    pair.sync()
    assert len(pair.hooks.of(ConflictFound)) == 1


def test_a_conflict_is_told_once_its_plan_is_committed_and_not_when_a_limit_holds_the_plan(pair: Any) -> None:
    one = pair.create("crm", "contact", email="ada@firm.example", title="Boss", phone="1")
    pair.sync()
    pair.edit("crm", "contact", one, title="older")
    pair.edit("mail", "contact", pair.only("mail", "contact").id, title="newer", phone=None)
    pair.limits = Limits(blanks=Limit(count=0))
    pair.hooks = Listening(sql=pair.store.db.sql)
    pair.sync()
    assert pair.hooks.of(ConflictFound) == []
    pair.answer("accepted", topic="guard")
    pair.sync()
    assert len(pair.hooks.of(ConflictFound)) == 1
    assert pair.hooks.in_transaction == [False]


def test_the_end_of_a_run_is_told_last_and_once(pair: Any) -> None:
    pair.create("crm", "contact", email="ada@firm.example")
    pair.hooks = Listening()
    summary = pair.sync()
    assert len(pair.hooks.of(RunFinished)) == 1
    assert pair.hooks.events[-1].outcome == summary.outcome == "done"
    assert pair.hooks.events[-1].summary["writes"] == 2


def test_a_question_about_an_order_that_is_not_held_any_more_is_closed(pair: Any) -> None:
    pair.create("crm", "contact", email="ada@firm.example")
    pair.hooks = Listening(Verdict("hold", "not on a Friday"))
    pair.sync()
    assert {r["topic"] for r in pair.reviews()} == {"held"}
    pair.hooks = Listening()
    summary = pair.sync()
    assert (pair.reviews(), summary.outcome) == ([], "done")
