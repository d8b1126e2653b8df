"""Side effects: once for each record that comes to meet a rule, whatever is lost on the way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tieline.errors import Unavailable
from tieline.events import Applied
from tieline.model import Action, Fields, Receipt
from tieline.rules import ActionRule
from tieline.runner import NoHooks

LAG_MS = 5000


def won(fields: Fields) -> bool:
    return fields.get("lead_source") == "won"


WELCOME = ActionRule(
    "welcome", "contact", "desk", "ticket", won, {"subject": "Welcome, {first_name}!", "of": "{account}"}
)


@pytest.fixture
def shop(office: Any) -> Any:
    """A crm and a help desk that makes tickets; the rule is in force since the first sync."""
    office.add("crm")
    office.add("desk", actions=("ticket",), action_lag_ms=LAG_MS, kinds=("account", "contact"))
    office.actions = (WELCOME,)
    office.fingerprint = "with one rule"
    office.create("crm", "account", name="Firm")
    office.sync()
    office.sync()
    return office


def tickets(office: Any) -> list[Fields]:
    return [deed.fields for deed in office.systems["desk"].deeds]


def winner(office: Any, name: str = "Ada") -> str:
    found: str = office.create("crm", "contact", email=f"{name}@firm.example", first_name=name, lead_source="won")
    return found


def test_who_comes_to_meet_a_rule_gets_one_ticket_in_the_systems_own_words(shop: Any) -> None:
    account = shop.only("crm", "account").id
    ada = shop.create("crm", "contact", email="ada@firm.example", first_name="Ada", account=account)
    shop.sync()
    assert tickets(shop) == []
    shop.edit("crm", "contact", ada, lead_source="won")
    summary = shop.sync()
    assert tickets(shop) == [{"subject": "Welcome, Ada!", "of": shop.only("desk", "account").id}]
    assert summary.orders["desk"]["contact"]["act"] == 1
    idle = shop.sync()
    assert (idle.writes, idle.orders, idle.converged) == (0, {}, True)


def test_what_is_lost_and_won_again_gets_no_second_ticket(shop: Any) -> None:
    ada = winner(shop)
    shop.sync()
    for source in ("lost", "won", "lost", "won"):
        shop.edit("crm", "contact", ada, lead_source=source)
        shop.sync()
    assert len(tickets(shop)) == 1


def test_what_was_so_before_the_first_sync_is_past(office: Any) -> None:
    office.add("crm")
    office.add("desk", actions=("ticket",))
    office.actions = (WELCOME,)
    winner(office)
    office.sync()
    office.sync()
    assert tickets(office) == []


def test_what_a_late_system_brings_along_is_past_and_what_it_gets_later_is_not(shop: Any) -> None:
    late = shop.add("late")
    late.person_create("contact", {"email": "old@firm.example", "lead_source": "won"})
    shop.sync()
    shop.sync()
    assert tickets(shop) == []
    late.person_create("contact", {"email": "new@firm.example", "first_name": "New", "lead_source": "won"})
    shop.sync()
    assert [t["subject"] for t in tickets(shop)] == ["Welcome, New!"]


def test_who_comes_to_meet_a_rule_while_a_late_system_brings_it_along_gets_its_ticket(shop: Any) -> None:
    ada = shop.create("crm", "contact", email="ada@firm.example", first_name="Ada")
    shop.sync()
    shop.add("late").person_create("contact", {"email": "ada@firm.example", "first_name": "Ada"})
    shop.edit("crm", "contact", ada, lead_source="won")
    for _ in range(2):
        shop.sync()
    assert [t["subject"] for t in tickets(shop)] == ["Welcome, Ada!"]


def test_a_rule_that_is_new_takes_everything_there_is_for_past(shop: Any) -> None:
    ada = winner(shop)
    shop.sync()
    shop.fingerprint = "with another rule"
    shop.actions = (WELCOME, renamed("party"))
    shop.sync()
    shop.sync()
    shop.edit("crm", "contact", ada, title="Countess")
    shop.sync()
    assert len(tickets(shop)) == 1
    winner(shop, "Bob")
    shop.sync()
    assert len(tickets(shop)) == 3


def renamed(name: str) -> ActionRule:
    return ActionRule(name, WELCOME.kind, WELCOME.system, WELCOME.action, WELCOME.when, WELCOME.fields)


@pytest.mark.parametrize("arrives", [True, False])
def test_a_lost_answer_makes_no_second_ticket_and_misses_none(shop: Any, arrives: bool) -> None:
    desk = shop.inner["desk"]
    act = desk.act

    def lose(action: Action) -> Receipt:
        desk.act = act
        if arrives:
            act(action)
        raise Unavailable("the line is cut", sent=True)

    desk.act = lose
    winner(shop)
    shop.sync(pause_ms=1)
    shop.sync(pause_ms=1)  # the index does not show it yet
    for _ in range(2):
        summary = shop.sync()
    assert len(tickets(shop)) == 1
    assert (summary.converged, summary.writes) == (True, 0)


def test_a_home_that_forgot_what_was_done_finds_it_again(shop: Any) -> None:
    winner(shop)
    shop.sync()
    with shop.store.atomic():
        shop.store.db.sql.execute("DELETE FROM effect")
        shop.store.trees.mark_all()
    for _ in range(2):
        summary = shop.sync()
    assert len(tickets(shop)) == 1
    assert (summary.converged, summary.writes) == (True, 0)


def test_a_ticket_that_is_said_to_be_there_already_is_done(office: Any) -> None:
    office.add("crm")
    office.add("desk", actions=("ticket",), unique_keys=True, action_lag_ms=600_000)
    office.actions = (WELCOME,)
    office.create("crm", "contact", email="first@firm.example")
    office.sync()
    winner(office)
    office.sync()
    with office.store.atomic():
        office.store.db.sql.execute("DELETE FROM effect")
        office.store.trees.mark_all()
    desk, sent = office.inner["desk"], []
    act = desk.act
    desk.act = lambda action: sent.append(action) or act(action)
    for _ in range(3):
        summary = office.sync(pause_ms=1)
    assert (len(sent), len(tickets(office))) == (1, 1)
    assert (summary.outcome, summary.converged, summary.writes) == ("done", True, 0)


def test_two_who_are_merged_get_no_ticket_for_the_one_they_become(shop: Any) -> None:
    ada = winner(shop)
    twin = shop.create("crm", "contact", email="other@firm.example", first_name="Twin")
    shop.sync()
    shop.clock.advance(1000)
    shop.systems["crm"].person_merge("contact", twin, ada)  # the one without a ticket stays
    shop.edit("crm", "contact", twin, lead_source="won")
    shop.sync()
    shop.sync()
    assert len(tickets(shop)) == 1


def test_whose_answer_was_lost_and_who_was_merged_then_gets_no_second_ticket(office: Any) -> None:
    office.add("crm")
    office.add(
        "desk", actions=("ticket",), action_lag_ms=200_000
    )  # long after the merge was read it is still not shown
    office.actions = (WELCOME,)
    kept = office.create("crm", "contact", email="kept@firm.example", first_name="Kept")
    office.sync()
    desk, act = office.inner["desk"], office.inner["desk"].act

    def lose(action: Action) -> Receipt:
        desk.act = act
        act(action)
        raise Unavailable("the line is cut", sent=True)

    desk.act = lose
    loser = winner(office)
    office.sync(pause_ms=1)
    office.edit("crm", "contact", kept, lead_source="won")
    office.systems["crm"].person_merge("contact", kept, loser)
    for _ in range(8):
        office.sync()
    assert len(tickets(office)) == 1


def test_a_refused_ticket_is_told_and_not_sent_again_until_its_words_change(shop: Any) -> None:
    desk = shop.inner["desk"]
    sent: list[Action] = []
    act = desk.act

    def refuse(action: Action) -> Receipt:
        sent.append(action)
        return Receipt("rejected")

    desk.act = refuse
    ada = winner(shop)
    for _ in range(3):
        summary = shop.sync()
    assert len(sent) == 1
    assert [r["topic"] for r in shop.reviews()] == ["rejected"]
    assert (summary.outcome, summary.converged) == ("waiting", True)
    desk.act = act
    shop.edit("crm", "contact", ada, first_name="Augusta")
    shop.sync()
    assert [t["subject"] for t in tickets(shop)] == ["Welcome, Augusta!"]
    assert shop.sync().outcome == "done"


def test_a_ticket_waits_for_the_account_it_is_about(shop: Any) -> None:
    shop.rule("desk", "account", create=False)
    account = shop.create("crm", "account", name="Not at the desk")
    shop.create("crm", "contact", email="ada@firm.example", first_name="Ada", account=account, lead_source="won")
    for _ in range(2):
        summary = shop.sync()
    assert tickets(shop) == []
    assert (summary.writes, summary.converged) == (0, True)
    shop.rule("desk", "account", create=True)
    shop.fingerprint = "changed"
    shop.sync()
    assert [t["of"] for t in tickets(shop)] == [shop.by_name("desk", "account", "Not at the desk").id]


def test_a_plan_tells_of_a_ticket_and_makes_none(shop: Any) -> None:
    winner(shop)
    summary = shop.plan()
    assert summary.orders["desk"]["contact"]["act"] == 1
    assert tickets(shop) == []


def test_observers_are_told_of_a_ticket(shop: Any) -> None:
    told: list[Applied] = []

    class Listening(NoHooks):
        def listens(self, hook: str) -> bool:
            return hook == "tieline_applied"

        def applied(self, event: Applied) -> None:
            told.append(event)

    shop.hooks = Listening()
    winner(shop)
    shop.sync()
    assert [(e.order.op, e.outcome.remote_id) for e in told if e.order.op == "act"] == [("act", "ticket1")]


def test_a_run_that_dies_between_any_two_steps_makes_one_ticket(shop: Any) -> None:
    class Died(BaseException):
        pass

    for step in range(1, 40):
        steps = iter(range(1, step + 1))

        def die(name: str, steps: Any = steps) -> None:
            if next(steps, None) is None:
                raise Died

        before = len(tickets(shop))
        winner(shop, f"n{step}")
        shop.boundary = die
        died = False
        try:
            shop.sync()
        except Died:
            died = True
        shop.boundary = lambda name: None
        shop.store.db.epoch = None
        with shop.store.atomic(fence=False):
            shop.store.db.sql.execute("UPDATE lease SET until = 0")
        shop.sync()
        shop.sync()
        assert len(tickets(shop)) == before + 1, f"dead at step {step}"
        if not died:
            return
    raise AssertionError("it never came through")


def test_several_rules_of_one_record_are_each_done_once(shop: Any) -> None:
    shop.actions = (WELCOME, renamed("party"))
    shop.sync()
    winner(shop)
    shop.sync()
    shop.sync()
    keys: Sequence[str] = [deed.key.partition(":")[2] for deed in shop.systems["desk"].deeds]
    assert sorted(keys) == ["party", "welcome"]
