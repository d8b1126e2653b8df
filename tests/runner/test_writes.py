"""Writes that are refused, lost, interrupted or overtaken: nothing is made twice, nothing is forgotten."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from tieline.errors import Broken, NotAuthorised, RateLimited, Unavailable
from tieline.model import Outcome, Write
from tieline.rules import Policy
from tieline.runner.again import maker
from tieline.store import Intent, Row, StoreFull

Writing = Callable[[str, Sequence[Write]], Sequence[Outcome]]


class Dies(BaseException):
    """The process ends here."""


class Between:
    """A connector whose next writes go through a function that has the real one."""

    def __init__(
        self, inner: Any, change: Callable[[Writing, str, Sequence[Write]], Sequence[Outcome]], times: int = 1
    ) -> None:
        self.inner, self.facts, self.change, self.left = inner, inner.facts, change, times

    def write(self, stream: str, writes: Sequence[Write]) -> Sequence[Outcome]:
        if self.left and stream == "contacts":
            self.left -= 1
            return self.change(self.inner.write, stream, writes)
        outcomes: Sequence[Outcome] = self.inner.write(stream, writes)
        return outcomes

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def lost_before(write: Writing, stream: str, writes: Sequence[Write]) -> Sequence[Outcome]:
    raise Unavailable("the line went dead", sent=True)


def lost_after(write: Writing, stream: str, writes: Sequence[Write]) -> Sequence[Outcome]:
    write(stream, writes)
    raise Unavailable("the answer was lost", sent=True)


def unknown(write: Writing, stream: str, writes: Sequence[Write]) -> Sequence[Outcome]:
    write(stream, writes)
    return [Outcome("unknown") for _ in writes]


def plugin_bug(write: Writing, stream: str, writes: Sequence[Write]) -> Sequence[Outcome]:
    write(stream, writes)
    raise KeyError("id")


def too_few_outcomes(write: Writing, stream: str, writes: Sequence[Write]) -> Sequence[Outcome]:
    write(stream, writes)
    return []


def through(office: Any, system: str, change: Any, times: int = 1) -> None:
    office.connectors[system] = Between(office.connectors[system], change, times)


# -- refused values


@pytest.mark.parametrize("partial", [True, False])
def test_a_refused_field_blocks_neither_the_others_nor_other_records(office: Any, partial: bool) -> None:
    office.add("crm")
    office.add("mail", choices={"title": ("Boss",)}, partial_fields=partial)
    one = office.create("crm", "contact", email="ada@firm.example")
    two = office.create("crm", "contact", email="bob@firm.example")
    office.sync()
    office.edit("crm", "contact", one, title="Nonsense", phone="+1")
    office.edit("crm", "contact", two, title="Boss")
    summary = office.sync()
    assert office.by_name("mail", "contact", "ada@firm.example", "email").fields["phone"] == "+1"
    assert office.by_name("mail", "contact", "bob@firm.example", "email").fields["title"] == "Boss"
    assert summary.outcome == "waiting"
    assert [r["topic"] for r in office.reviews()] == ["rejected"]


def test_a_refused_value_is_not_sent_again_until_it_changes(office: Any) -> None:
    office.add("crm")
    office.add("mail", choices={"title": ("Boss",)})
    one = office.create("crm", "contact", email="ada@firm.example")
    office.sync()
    office.edit("crm", "contact", one, title="Nonsense")
    office.sync()
    calls = office.inner["mail"].calls["write"]
    office.sync()
    assert office.inner["mail"].calls["write"] == calls
    office.edit("crm", "contact", one, title="Boss")
    assert office.sync().outcome == "done"
    assert office.values("mail", "contact", "title") == ["Boss"]
    assert office.reviews() == []


def test_a_refused_value_is_tried_again_when_the_schema_changes(office: Any) -> None:
    office.add("crm")
    mail = office.add("mail", choices={"title": ("Boss",)})
    one = office.create("crm", "contact", email="ada@firm.example")
    office.sync()
    office.edit("crm", "contact", one, title="Chief")
    office.sync()
    mail.set_choices("contact", "title", ("Boss", "Chief"))
    office.sync(full=True)
    assert office.values("mail", "contact", "title") == ["Chief"]


def test_a_field_that_an_administrator_adds_is_filled_in_records_that_nobody_touched(office: Any) -> None:
    office.add("crm")
    rules = office.add("mail").rules["contact"]
    offered = rules.offered
    rules.offered = tuple(name for name in offered if name != "title")
    rules.blank = dict.fromkeys(rules.offered)
    office.create("crm", "contact", email="ada@firm.example", title="Countess")
    office.sync()
    office.sync()
    rules.offered, rules.blank = offered, dict.fromkeys(offered)
    office.only("mail", "contact").fields["title"] = None
    office.sync(full=True)
    assert office.values("mail", "contact", "title") == ["Countess"]


def test_a_person_can_have_refused_values_tried_again(office: Any) -> None:
    office.add("crm")
    mail = office.add("mail", choices={"title": ("Boss",)})
    one = office.create("crm", "contact", email="ada@firm.example")
    office.sync()
    office.edit("crm", "contact", one, title="Chief")
    office.sync()
    mail.rules["contact"].choices = {}  # and the schema's fingerprint is not asked for today
    office.answer("accepted", topic="rejected")
    office.sync()
    assert office.values("mail", "contact", "title") == ["Chief"]


def test_a_create_that_lacks_a_required_field_is_told_and_made_when_somebody_fills_it(office: Any) -> None:
    office.add("crm")
    office.add("mail", required=frozenset({"contact.last_name"}))
    one = office.create("crm", "contact", email="ada@firm.example")
    assert office.sync().outcome == "waiting"
    assert office.systems["mail"].alive("contact") == []
    office.edit("crm", "contact", one, last_name="Lovelace")
    assert office.sync().outcome == "done"
    assert office.values("mail", "contact", "last_name") == ["Lovelace"]


def test_a_default_is_given_where_nobody_has_what_is_required(office: Any) -> None:
    office.add("crm")
    office.add("mail", required=frozenset({"contact.last_name"}))
    office.defaults = {"mail": {"contacts": {"last_name": "Unknown"}}}
    office.create("crm", "contact", email="ada@firm.example")
    office.sync()
    office.sync()
    assert [office.only(s, "contact").fields["last_name"] for s in ("crm", "mail")] == [None, "Unknown"]


@pytest.mark.parametrize("meets", ["another blank", "a lost answer", "a person who blanks it"])
def test_a_default_stands_for_the_blank_where_it_was_given(office: Any, meets: str) -> None:
    office.add("crm")
    office.add("mail", required=frozenset({"contact.last_name"}))
    office.add("files")
    office.defaults = {"mail": {"contacts": {"last_name": "Unknown"}}}
    one = office.create("crm", "contact", email="ada@firm.example")
    if meets == "another blank":
        office.create("files", "contact", email="ada@firm.example")
    if meets == "a lost answer":
        through(office, "files", lost_after)
    office.sync()
    if meets == "a person who blanks it":
        office.edit("crm", "contact", one, last_name="Unknown")
        office.sync()
        office.edit("crm", "contact", one, last_name=None)
    summaries = [office.sync(), office.sync()]
    assert [(s.outcome, s.reviews) for s in summaries] == [("done", 0), ("done", 0)]
    assert summaries[1].writes == 0
    held = {s: office.only(s, "contact").fields["last_name"] for s in ("crm", "mail", "files")}
    assert held == {"crm": None, "mail": "Unknown", "files": None}


@pytest.mark.parametrize("policy", ["two-way", "fill", "prefer"])
def test_what_somebody_enters_takes_the_place_of_a_default(office: Any, policy: str) -> None:
    office.add("crm")
    office.add("mail", required=frozenset({"contact.last_name"}))
    office.defaults = {"mail": {"contacts": {"last_name": "Unknown"}}}
    office.policy("contact", "last_name", Policy(policy, "crm"))
    one = office.create("crm", "contact", email="ada@firm.example", title="ada")
    office.create("crm", "contact", email="ben@firm.example", title="ben")
    office.sync()
    office.edit("crm", "contact", one, last_name="Lovelace")
    there = next(r for r in office.systems["mail"].alive("contact") if r.fields["title"] == "ben")
    office.edit("mail", "contact", there.id, last_name="Franklin")
    office.sync()
    assert office.values("crm", "contact", "last_name") == ["Franklin", "Lovelace"]
    assert office.values("mail", "contact", "last_name") == ["Franklin", "Lovelace"]
    assert (office.sync().writes, office.reviews()) == (0, [])


# -- lost answers


@pytest.mark.parametrize("lost", [lost_before, lost_after, unknown, plugin_bug, too_few_outcomes])
def test_a_create_whose_answer_was_lost_is_made_exactly_once(office: Any, lost: Any) -> None:
    office.add("crm")
    office.add("mail", unique_hub_id=False)
    office.create("crm", "contact", last_name="Ada")  # nothing but the hub's id can recognise it
    through(office, "mail", lost)
    office.sync()
    office.sync()
    assert len(office.systems["mail"].alive("contact")) == 1
    summary = office.sync()
    assert (summary.writes, summary.converged) == (0, True)
    assert office.store.work.intents() == []


@pytest.mark.parametrize("lost", [lost_before, lost_after, unknown])
def test_an_update_whose_answer_was_lost_arrives_and_is_no_echo(pair: Any, lost: Any) -> None:
    one = pair.create("crm", "contact", email="ada@firm.example", title="Boss")
    pair.sync()
    pair.edit("crm", "contact", one, title="Zealot")
    through(pair, "mail", lost)
    pair.sync()
    pair.sync()
    assert pair.values("mail", "contact", "title") == ["Zealot"]
    assert not [e for e in pair.journal("crm", "contact", one) if e.op == "conflict"]
    assert pair.sync().writes == 0


def test_a_lost_update_that_did_arrive_is_never_taken_for_a_persons_edit(office: Any) -> None:
    office.add("crm")
    office.add("mail", normal={"title": lambda v: v[:5]})
    one = office.create("crm", "contact", email="ada@firm.example", title="Boss")
    office.sync()
    office.edit("crm", "contact", one, title="Zealot")
    through(office, "mail", lost_after)
    for _ in range(3):
        summary = office.sync()
    assert office.values("mail", "contact", "title") == ["Zealo"]
    assert office.values("crm", "contact", "title") == ["Zealot"]  # what mail made of it is no edit
    assert (summary.writes, summary.converged) == (0, True)


def test_a_create_that_was_lost_and_then_deleted_by_a_person_is_not_made_again(office: Any) -> None:
    office.add("crm")
    mail = office.add("mail")
    office.create("crm", "contact", last_name="Ada")

    def made_and_deleted(write: Writing, stream: str, writes: Sequence[Write]) -> Sequence[Outcome]:
        write(stream, writes)
        mail.person_delete("contact", mail.alive("contact")[0].id)
        raise Unavailable("the answer was lost", sent=True)

    through(office, "mail", made_and_deleted)
    office.sync()
    office.sync()
    assert mail.alive("contact") == []
    assert [r["topic"] for r in office.reviews()] == ["delete"]


def test_a_lost_create_is_looked_for_only_when_the_index_can_show_it(office: Any) -> None:
    office.add("crm")
    office.add("mail", hints=True, index_lag_ms=20_000, server_ms=10_000, unique_hub_id=False)
    office.create("crm", "contact", last_name="Ada")
    through(office, "mail", lost_after)
    office.sync()
    before = office.clock.slept
    office.sync(pause_ms=1)
    assert len(office.systems["mail"].alive("contact")) == 1
    assert office.clock.slept >= before


def test_what_already_exists_is_read_and_linked_and_not_assumed_to_be_ours(office: Any) -> None:
    office.add("crm")
    mail = office.add("mail", unique_email=True)
    office.create("crm", "contact", email="ada@firm.example", title="Boss")

    def beaten(write: Writing, stream: str, writes: Sequence[Write]) -> Sequence[Outcome]:
        mail.person_create("contact", {"email": "ada@firm.example", "phone": "+1"})
        return write(stream, writes)

    through(office, "mail", beaten)
    office.sync()
    office.sync()
    one = office.only("mail", "contact")
    assert (one.fields["title"], one.fields["phone"]) == ("Boss", "+1")
    assert office.only("crm", "contact").fields["phone"] == "+1"


def test_a_pause_that_is_asked_for_ends_the_system_and_loses_nothing(pair: Any) -> None:
    pair.create("crm", "contact", email="ada@firm.example")

    def slow_down(write: Writing, stream: str, writes: Sequence[Write]) -> Sequence[Outcome]:
        raise RateLimited("slow down", retry_after=60)

    through(pair, "mail", slow_down)
    summary = pair.sync()
    assert summary.outcome == "failed"
    assert pair.store.work.intents() == []
    assert pair.sync().outcome == "done"
    assert len(pair.systems["mail"].alive("contact")) == 1


def test_a_system_that_fails_does_not_keep_the_others_from_their_writes(office: Any) -> None:
    for name in ("crm", "mail", "files"):
        office.add(name)
    office.create("crm", "contact", email="ada@firm.example")
    through(office, "mail", lost_before, times=9)
    summary = office.sync()
    assert summary.outcome == "failed"
    assert any(note.startswith("mail:") for note in summary.notes)
    assert len(office.systems["files"].alive("contact")) == 1


def test_the_name_of_a_system_that_fails_is_said_once(office: Any) -> None:
    def refused(write: Writing, stream: str, writes: Sequence[Write]) -> Sequence[Outcome]:
        raise NotAuthorised("mail: nobody may do this")

    for name in ("crm", "mail"):
        office.add(name)
    office.create("crm", "contact", email="ada@firm.example")
    through(office, "mail", refused)
    assert office.sync().notes[0] == "mail: nobody may do this"


def test_an_item_of_a_batch_that_fails_leaves_the_others_done(office: Any) -> None:
    office.add("crm")
    office.add("mail", choices={"title": ("Boss",)})
    for n, title in enumerate(("Boss", "Nonsense", "Boss")):
        office.create("crm", "contact", email=f"p{n}@firm.example", title=title)
    office.sync()
    assert len(office.systems["mail"].alive("contact")) == 3  # the refused value is left out of the second try
    assert office.values("mail", "contact", "title") == ["Boss", "Boss", None]


# -- crashes


def boundaries(office: Any) -> list[str]:
    met: list[str] = []
    office.boundary = met.append
    office.sync()
    office.boundary = lambda name: None
    return met


def prepared(office: Any) -> None:
    office.add("crm")
    office.add("mail", unique_hub_id=False)
    office.create("crm", "contact", last_name="Ada", title="Boss")
    office.create("mail", "contact", last_name="Bob")


def test_a_crash_at_any_boundary_ends_as_if_there_had_been_none(office: Any) -> None:
    prepared(office)
    office_class = type(office)
    crashes = len(boundaries(office))
    assert crashes > 20
    for at in range(crashes):
        again = office_class()
        prepared(again)
        left = [at]

        def die(name: str, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise Dies(name)

        again.boundary = die
        with pytest.raises(Dies):
            again.sync()
        again.boundary = lambda name: None
        again.sync()
        summary = again.sync()
        assert (summary.writes, summary.converged) == (0, True), at
        for system in ("crm", "mail"):
            assert again.values(system, "contact", "last_name") == ["Ada", "Bob"], at
        assert again.store.work.intents() == []
        again.store.close()


def test_nothing_is_sent_when_the_intent_cannot_be_kept(pair: Any) -> None:
    pair.create("crm", "contact", email="ada@firm.example")

    def disk_is_full(name: str) -> None:
        if name == "planned":
            pages = pair.store.db.sql.execute("PRAGMA page_count").fetchone()[0]
            pair.store.db.sql.execute(f"PRAGMA max_page_count = {pages}")
            free = pair.store.db.sql.execute("PRAGMA freelist_count").fetchone()[0]
            assert free == 0

    pair.boundary = disk_is_full
    pair.store.db.sql.execute(
        "CREATE TRIGGER big AFTER INSERT ON intent BEGIN INSERT INTO meta VALUES ('big', hex(zeroblob(99999))); END"
    )
    with pytest.raises(StoreFull):
        pair.sync()
    assert [pair.hub_writes(s) for s in pair.systems] == [0, 0]


def test_a_stop_ends_the_run_at_its_next_call(pair: Any) -> None:
    from tieline.runner import Options

    pair.create("crm", "contact", email="ada@firm.example")
    runner = pair.runner()
    runner.ports.stop.set()
    with pytest.raises(KeyboardInterrupt):
        runner.sync(Options(confirm=lambda preview: True))
    assert pair.hub_writes("mail") == 0
    assert pair.sync().outcome == "done"


def test_a_connector_that_forgets_an_id_is_named(pair: Any) -> None:
    pair.create("crm", "contact", email="ada@firm.example")
    through(pair, "mail", lambda write, stream, writes: [Outcome("ok") for _ in writes], times=99)
    summary = pair.sync()
    assert summary.outcome == "failed"
    assert any(isinstance(e, Broken) for e in summary.errors)


def linked_without_a_question(office: Any, ada: str) -> None:
    """The one in mail stands for who Ada is in the CRM, and nobody was asked."""
    assert office.reviews() == []
    there = office.record_of("mail", "contact", office.only("mail", "contact").id)
    assert there == office.record_of("crm", "contact", ada)


def test_what_already_exists_is_linked_by_the_run_that_was_told_so(office: Any) -> None:
    office.add("crm")
    mail = office.add("mail", unique_email=True)
    ada = office.create("crm", "contact", email="ada@firm.example", title="Boss")

    def beaten(write: Writing, stream: str, writes: Sequence[Write]) -> Sequence[Outcome]:
        mail.person_create("contact", {"email": "ada@firm.example"})
        return write(stream, writes)

    through(office, "mail", beaten)
    office.sync()
    linked_without_a_question(office, ada)


def test_a_deleted_one_that_carries_the_hub_id_is_not_who_exists(office: Any) -> None:
    office.add("crm")
    mail = office.add("mail")
    ada = office.create("crm", "contact", email="ada@firm.example")

    def beaten(write: Writing, stream: str, writes: Sequence[Write]) -> Sequence[Outcome]:
        for email in ("old@firm.example", "ada@firm.example"):
            made = mail.create("contact", {"email": email}, "hub", writes[0].hub_id)
            if email.startswith("old"):
                mail.delete(made, "person")
        return write(stream, writes)

    through(office, "mail", beaten)
    office.sync()
    linked_without_a_question(office, ada)


def test_only_a_create_in_that_system_whose_answer_is_not_known_says_who_made_a_remote() -> None:
    row = Row("mail", "contact", "7", "contacts", None, "{}", *(None,) * 4, "", 0, 0, None, "r2", 1, *(None,) * 3)
    for system, op, found in (("mail", "create", "r2"), ("mail", "update", None), ("crm", "create", None)):
        intent = Intent(1, "run", "r2", system, "contact", "contacts", op, None, {}, "{}", 0, "unknown")
        run = SimpleNamespace(store=SimpleNamespace(work=SimpleNamespace(intents=lambda intent=intent: [intent])))
        assert maker(run, row, "r1") == found  # type: ignore[arg-type]
