"""What only a person can decide is asked once, waits without blocking the rest, and is done as answered."""

from __future__ import annotations

from typing import Any

import pytest

from tieline.engine.limits import Limit, Limits


@pytest.fixture
def linked(pair: Any) -> Any:
    """One contact, in both systems and at rest."""
    pair.crm_id = pair.create("crm", "contact", email="ada@firm.example", title="Boss", consent_email="allowed")
    pair.sync()
    pair.sync()
    pair.mail_id = pair.only("mail", "contact").id
    return pair


def clash(office: Any) -> None:
    """Two people change the title within the same second."""
    office.edit("crm", "contact", office.crm_id, title="from crm", phone="+1")
    office.clock.advance(100)
    office.systems["mail"].person_edit("contact", office.mail_id, {"title": "from mail"})


def titles(office: Any) -> list[Any]:
    return [office.only(s, "contact").fields["title"] for s in ("crm", "mail")]


# -- conflicts


def test_edits_too_close_in_time_wait_and_hold_nothing_else_up(linked: Any) -> None:
    clash(linked)
    summary = linked.sync()
    assert (summary.outcome, summary.reviews, summary.converged) == ("waiting", 1, True)
    assert titles(linked) == ["from crm", "from mail"]
    assert linked.values("mail", "contact", "phone") == ["+1"]
    assert linked.sync().writes == 0
    assert len(linked.reviews()) == 1


@pytest.mark.parametrize(
    ("answer", "choice", "kept"),
    [("accepted", None, "from mail"), ("rejected", None, "from crm"), ("accepted", "mail", "from mail")],
)
def test_an_answer_decides_a_conflict_and_the_loser_stays_in_the_journal(
    linked: Any, answer: str, choice: str | None, kept: str
) -> None:
    clash(linked)
    linked.sync()
    linked.answer(answer, choice)
    assert linked.sync().outcome == "done"
    assert titles(linked) == [kept, kept]
    lost = [e.changes for e in linked.journal("crm", "contact", linked.crm_id) if e.op == "conflict"]
    assert any(({"from crm", "from mail"} - {kept}).pop() in text for text in lost)


def test_a_conflict_that_people_settle_themselves_is_asked_no_more(linked: Any) -> None:
    clash(linked)
    linked.sync()
    linked.edit("crm", "contact", linked.crm_id, title="from mail")
    summary = linked.sync()
    assert (summary.outcome, linked.reviews()) == ("done", [])
    assert titles(linked) == ["from mail", "from mail"]


# -- consent


def test_an_opt_out_reaches_every_system_at_once(linked: Any) -> None:
    linked.edit("mail", "contact", linked.mail_id, consent_email="opted_out")
    linked.sync()
    assert linked.values("crm", "contact", "consent_email") == ["opted_out"]


def test_opting_in_again_waits_for_a_person_and_does_not_spread(linked: Any) -> None:
    linked.edit("mail", "contact", linked.mail_id, consent_email="opted_out")
    linked.sync()
    linked.edit("crm", "contact", linked.crm_id, consent_email="allowed")
    assert linked.sync().outcome == "waiting"
    assert linked.values("mail", "contact", "consent_email") == ["opted_out"]
    assert [r["topic"] for r in linked.reviews()] == ["consent"]


@pytest.mark.parametrize(("answer", "kept"), [("accepted", "allowed"), ("rejected", "opted_out")])
def test_the_answer_on_consent_is_what_every_system_gets(linked: Any, answer: str, kept: str) -> None:
    linked.edit("mail", "contact", linked.mail_id, consent_email="opted_out")
    linked.sync()
    linked.edit("crm", "contact", linked.crm_id, consent_email="allowed")
    linked.sync()
    linked.answer(answer)
    linked.sync()
    assert [linked.only(s, "contact").fields["consent_email"] for s in ("crm", "mail")] == [kept, kept]
    assert linked.sync().writes == 0


def test_an_opt_out_while_a_question_is_open_still_wins(linked: Any) -> None:
    linked.edit("mail", "contact", linked.mail_id, consent_email="opted_out")
    linked.sync()
    linked.edit("crm", "contact", linked.crm_id, consent_email="allowed")
    linked.sync()
    linked.edit("crm", "contact", linked.crm_id, consent_email="opted_out")
    linked.answer("accepted")  # too late: nobody asks for it any more
    linked.sync()
    assert linked.values("crm", "contact", "consent_email") == ["opted_out"]
    assert linked.values("mail", "contact", "consent_email") == ["opted_out"]


def test_blanking_a_consent_does_not_blank_it_elsewhere(linked: Any) -> None:
    linked.edit("mail", "contact", linked.mail_id, consent_email="opted_out")
    linked.sync()
    linked.edit("crm", "contact", linked.crm_id, consent_email=None)
    linked.sync()
    assert linked.values("crm", "contact", "consent_email") == ["opted_out"]


# -- matches


@pytest.fixture
def ambiguous(pair: Any) -> Any:
    """Two contacts of one address in the crm, one in mail."""
    pair.one = pair.create("crm", "contact", email="ada@firm.example", last_name="One")
    pair.two = pair.create("crm", "contact", email="ADA@firm.example", last_name="Two")
    pair.create("mail", "contact", email="ada@firm.example")
    return pair


def test_an_ambiguous_match_is_never_the_first_hit(ambiguous: Any) -> None:
    summary = ambiguous.sync()
    assert summary.outcome == "waiting"
    assert {r["topic"] for r in ambiguous.reviews()} == {"match"}
    assert len(ambiguous.systems["mail"].alive("contact")) == 1
    assert len(ambiguous.systems["crm"].alive("contact")) == 2
    assert ambiguous.only("mail", "contact").fields["last_name"] is None


def test_an_open_match_is_asked_once_and_blocks_nobody_else(ambiguous: Any) -> None:
    ambiguous.create("crm", "contact", email="bob@firm.example")
    ambiguous.sync()
    asked = len(ambiguous.reviews())
    ambiguous.sync()
    assert len(ambiguous.reviews()) == asked
    assert "bob@firm.example" in ambiguous.values("mail", "contact", "email")


def test_somebody_else_gets_a_record_of_its_own(pair: Any) -> None:
    pair.create("crm", "contact", email="ada@firm.example", last_name="One")
    pair.sync()
    twin = pair.create("crm", "contact", email="ada@firm.example", last_name="Two")
    pair.sync()
    pair.answer("rejected", topic="match")
    pair.sync()
    assert pair.record_of("crm", "contact", twin) is not None
    assert pair.record_of("mail", "contact", pair.only("mail", "contact").id) != pair.record_of("crm", "contact", twin)
    assert [r["topic"] for r in pair.reviews()] == ["match"]  # may it stand beside its namesake in mail?


def test_a_create_beside_somebody_of_the_same_address_is_asked_about(pair: Any) -> None:
    pair.create("crm", "contact", email="ada@firm.example", last_name="One")
    pair.sync()
    pair.create("crm", "contact", email="ada@firm.example", last_name="Two")
    pair.sync()
    pair.answer("rejected", topic="match")
    pair.sync()
    assert len(pair.systems["mail"].alive("contact")) == 1
    pair.answer("accepted", topic="match")
    pair.sync()
    assert pair.values("mail", "contact", "last_name") == ["One", "Two"]


def test_a_chosen_match_is_linked(pair: Any) -> None:
    one = pair.create("crm", "contact", email="ada@firm.example", last_name="One")
    pair.sync(without=frozenset({"mail"}))
    pair.create("crm", "contact", email="bob@firm.example", last_name="Two")
    two = pair.create("mail", "contact", email="ada@firm.example")
    pair.create("mail", "contact", email="ada@firm.example")
    pair.sync()
    asked = [r for r in pair.reviews() if r["remote_id"] == two and r["system"] == "mail"]
    with pair.store.atomic():
        pair.store.book.answer(asked[0]["id"], "accepted", f"crm:{one}", pair.clock.now())
    pair.sync()
    assert pair.record_of("mail", "contact", two) == pair.record_of("crm", "contact", one)


def test_a_copy_that_carries_a_hub_id_is_asked_about(linked: Any) -> None:
    hub = linked.record_of("crm", "contact", linked.crm_id)
    linked.clock.advance(1000)
    linked.systems["crm"].create("contact", {"email": "copy@firm.example"}, "person", hub)
    assert linked.sync().outcome == "waiting"
    [review] = linked.reviews()
    assert review["topic"] == "match"
    assert len(linked.systems["mail"].alive("contact")) == 1


# -- guards


def test_a_plan_beyond_a_limit_asks_and_writes_nothing(linked: Any) -> None:
    linked.limits = Limits(creates=Limit(count=2))
    for n in range(3):
        linked.create("crm", "contact", email=f"p{n}@firm.example")
    summary = linked.sync()
    assert (summary.outcome, summary.writes) == ("waiting", 0)
    assert [r["key"] for r in linked.reviews()] == ["guard:mail:creates"]
    assert summary.notes == [r["summary"] for r in linked.reviews()]  # and not that a first sync wants a yes
    assert len(linked.systems["mail"].alive("contact")) == 1


def test_an_accepted_guard_lets_one_run_pass(linked: Any) -> None:
    linked.limits = Limits(creates=Limit(count=2))
    for n in range(3):
        linked.create("crm", "contact", email=f"p{n}@firm.example")
    linked.sync()
    linked.answer("accepted", topic="guard")
    assert linked.sync().outcome == "done"
    assert len(linked.systems["mail"].alive("contact")) == 4
    for n in range(3, 6):
        linked.create("crm", "contact", email=f"p{n}@firm.example")
    assert linked.sync().outcome == "waiting"
    assert len(linked.systems["mail"].alive("contact")) == 4


def test_an_accepted_guard_is_no_leave_for_more_than_was_asked(linked: Any) -> None:
    linked.limits = Limits(creates=Limit(count=2))
    for n in range(3):
        linked.create("crm", "contact", email=f"p{n}@firm.example")
    linked.sync()
    linked.answer("accepted", topic="guard")
    linked.create("crm", "contact", email="p9@firm.example")
    assert (linked.sync().outcome, len(linked.systems["mail"].alive("contact"))) == ("waiting", 1)


def test_a_rejected_guard_writes_nothing_and_asks_again(linked: Any) -> None:
    linked.limits = Limits(creates=Limit(count=0))
    linked.create("crm", "contact", email="p@firm.example")
    linked.sync()
    linked.answer("rejected", topic="guard")
    assert linked.sync().writes == 0
    assert [r["topic"] for r in linked.reviews()] == ["guard"]


def test_blanking_many_fields_is_guarded_by_field(linked: Any) -> None:
    linked.limits = Limits(blanks=Limit(count=1))
    linked.edit("crm", "contact", linked.crm_id, phone="+1")
    linked.sync()
    linked.edit("crm", "contact", linked.crm_id, phone=None, title=None)
    assert linked.sync().outcome == "waiting"
    assert linked.only("mail", "contact").fields["title"] == "Boss"


def test_a_guard_whose_cause_is_gone_lets_the_run_through(linked: Any) -> None:
    linked.limits = Limits(creates=Limit(count=0))
    new = linked.create("crm", "contact", email="p@firm.example")
    linked.sync()
    linked.systems["crm"].person_delete("contact", new)
    assert linked.sync().orders == {}


def test_what_a_person_leaves_refused_is_not_asked_about_again(office: Any) -> None:
    office.add("crm")
    office.add("mail", choices={"title": ("Boss",)})
    office.create("crm", "contact", email="ada@firm.example", title="Nonsense")
    office.sync()
    assert [r["topic"] for r in office.answer("rejected")] == ["rejected"]
    for _ in range(2):
        assert office.sync().outcome == "done"
    office.create("crm", "contact", email="bob@firm.example", title="Nonsense")
    assert office.sync().reviews == 1


def test_a_question_about_a_deletion_names_who_came_since(linked: Any) -> None:
    linked.systems["crm"].person_delete("contact", linked.crm_id)
    linked.sync()
    linked.add("shop")
    for _ in range(2):
        linked.sync()
    [review] = linked.reviews()
    assert f"shop:{linked.only('shop', 'contact').id}" in review["summary"]


def test_to_try_again_is_one_try_and_then_it_is_asked_again(office: Any) -> None:
    office.add("crm")
    office.add("mail", choices={"title": ("Boss",)})
    ada = office.create("crm", "contact", email="ada@firm.example")
    office.sync()
    office.edit("crm", "contact", ada, title="Nonsense")
    office.sync()
    office.answer("accepted")
    tried = office.inner["mail"].calls["write"]
    for _ in range(3):
        assert office.sync().reviews == 1
    assert office.inner["mail"].calls["write"] == tried + 1
