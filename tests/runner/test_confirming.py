"""What an answered write leaves behind: keys, journal and counts are as if somebody had read the record anew."""

from __future__ import annotations

import json
from typing import Any

from tieline.model import Order, Outcome, Remote
from tieline.runner import NoHooks
from tieline.runner.context import Run
from tieline.runner.ingest import Ingest
from tieline.runner.report import guarded


def test_who_takes_over_an_address_that_somebody_gave_up_is_somebody_new(pair: Any) -> None:
    ada = pair.create("crm", "contact", email="info@firm.example", last_name="Ada")
    pair.sync()
    pair.edit("crm", "contact", ada, email="ada@firm.example")
    pair.sync()
    assert pair.only("mail", "contact").fields["email"] == "ada@firm.example"
    pair.create("crm", "contact", email="info@firm.example", last_name="Bob")
    pair.sync()
    assert pair.reviews() == []
    assert pair.values("mail", "contact", "last_name") == ["Ada", "Bob"]


def test_a_field_that_was_refused_while_the_rest_was_taken_stands_in_the_journal(office: Any) -> None:
    office.add("crm")
    office.add("mail", choices={"title": ("Boss",)}, partial_fields=True)
    ada = office.create("crm", "contact", email="ada@firm.example")
    office.sync()
    office.edit("crm", "contact", ada, title="Nonsense", phone="+1")
    office.sync()
    assert office.values("mail", "contact", "phone") == ["+1"]
    [update] = [e for e in office.journal("crm", "contact", ada) if (e.system, e.op) == ("mail", "update")]
    assert update.outcome == "ok"
    assert "Nonsense" in str(update.note)


def test_what_a_system_made_of_one_field_is_remembered_when_another_is_written(office: Any) -> None:
    office.add("crm")
    office.add("mail", normal={"phone": lambda cell: "".join(c for c in str(cell) if c.isdigit())})
    ada = office.create("crm", "contact", email="ada@firm.example", phone="+1 555 0100")
    office.sync()
    office.edit("crm", "contact", ada, title="Boss")
    office.sync()
    office.edit("crm", "contact", ada, title="Chief")
    office.sync()
    updates = [e for e in office.journal("crm", "contact", ada) if (e.system, e.op) == ("mail", "update")]
    assert [list(json.loads(e.changes)) for e in updates] == [["title"], ["title"]]


def test_each_of_many_batches_is_planned_and_counted_once(office: Any) -> None:
    office.add("crm")
    office.add("mail", batch=2)
    for n in range(7):
        office.create("crm", "contact", email=f"p{n}@firm.example")
    summary = office.sync()
    assert summary.orders["mail"]["contact"]["create"] == 7
    assert len(office.systems["mail"].alive("contact")) == 7


def test_an_order_for_what_was_deleted_since_the_plan_is_not_sent(pair: Any) -> None:
    ada = pair.create("crm", "contact", email="ada@firm.example")
    pair.sync()
    there = pair.only("mail", "contact").id

    def bury(moment: str) -> None:
        if moment == "planned":
            with pair.store.atomic():
                pair.store.trees.set_columns("mail", "contact", there, gone="user")

    pair.edit("crm", "contact", ada, title="Boss")
    pair.boundary = bury
    written = pair.hub_writes("mail")
    pair.sync()
    assert pair.hub_writes("mail") == written


def test_a_link_that_a_system_will_not_take_is_told_and_not_tried_again(pair: Any) -> None:
    pair.create("crm", "contact", email="ada@firm.example")
    pair.create("mail", "contact", email="ada@firm.example")
    mail = pair.connectors["mail"]
    write, sent = mail.write, []

    def refuse(stream: str, writes: Any) -> Any:
        if writes[0].op != "link":
            return write(stream, writes)
        sent.extend(writes)
        return [Outcome("exists") for _ in writes]

    mail.write = refuse
    for _ in range(3):
        summary = pair.sync()
    assert len(sent) == 1
    assert [r["topic"] for r in pair.reviews()] == ["rejected"]
    assert summary.converged


def test_what_a_run_has_written_counts_towards_its_limits(pair: Any) -> None:
    runner = pair.runner()
    run = Run("run", pair.store, runner.systems, runner.rules, runner.limits, runner.ports, NoHooks(), runner.systems)
    fields = {"email": "ada@firm.example"}
    pair.store.work.spool([(Order("create", "mail", "contact", "contacts", "r", None, fields, {}), "Ada", 0)])
    run.written["mail", "account", "create"] = 3
    run.written["crm", "account", "create"] = 5
    assert guarded(run) == {"mail": {"creates": 4}}


def test_who_was_filtered_out_takes_part_when_the_filter_has_changed(pair: Any) -> None:
    pair.fingerprint = "bosses"
    pair.filters = {"crm": {"contact": lambda fields: fields.get("title") == "Boss"}}
    pair.create("crm", "contact", email="ada@firm.example")
    pair.sync()
    assert pair.systems["mail"].alive("contact") == []
    pair.fingerprint, pair.filters = "everybody", {}
    pair.sync()
    assert pair.values("mail", "contact", "email") == ["ada@firm.example"]


def test_a_system_that_answers_too_fast_is_not_asked_again_and_again(pair: Any) -> None:
    pair.sync()
    pair.create("crm", "contact", email="ada@firm.example")
    mail = pair.connectors["mail"]
    write, sent = mail.write, []

    def throttled(stream: str, writes: Any) -> Any:
        sent.extend(writes)
        return [Outcome("throttled") for _ in writes]

    mail.write = throttled
    summary = pair.sync()
    assert len(sent) <= 2, "once more after the stamps that went through beside it"
    assert not summary.converged
    mail.write = write
    assert pair.sync().writes >= 1
    assert pair.values("mail", "contact", "email") == ["ada@firm.example"]


def test_a_choice_that_was_refused_although_it_is_offered_is_tried_when_the_schema_is_read_again(office: Any) -> None:
    office.add("crm")
    mail = office.add("mail", choices={"title": ("Boss", "Chief")})
    ada = office.create("crm", "contact", email="ada@firm.example")
    office.sync()
    mail.set_choices("contact", "title", ("Boss",))
    office.edit("crm", "contact", ada, title="Chief")
    office.sync()
    mail.set_choices("contact", "title", ("Boss", "Chief"))
    office.sync(full=True)
    assert office.values("mail", "contact", "title") == ["Chief"]


def test_an_edit_beside_the_one_that_stopped_a_write_is_read_as_well(pair: Any) -> None:
    ada = pair.create("crm", "contact", email="ada@firm.example")
    pair.sync()
    there = pair.only("mail", "contact").id

    def meanwhile(moment: str) -> None:
        if moment == "planned":
            pair.boundary = lambda name: None
            pair.clock.advance(5000)
            pair.systems["mail"].person_edit("contact", there, {"title": "theirs", "phone": "+2"})

    pair.edit("crm", "contact", ada, title="ours")
    pair.boundary = meanwhile
    for _ in range(2):
        pair.sync()
    assert (pair.values("crm", "contact", "phone"), pair.values("crm", "contact", "title")) == (["+2"], ["theirs"])


def test_of_one_remote_twice_on_a_page_the_newer_counts_in_whatever_order_they_come(pair: Any) -> None:
    runner = pair.runner()
    run = Run("run", pair.store, runner.systems, runner.rules, runner.limits, runner.ports, NoHooks(), runner.systems)
    ingest = Ingest(run, "mail", runner.systems["mail"].connector.facts.stream("contacts"))
    old, new = (Remote("7", {"title": word}, version=word, modified=at) for word, at in (("old", 1), ("new", 2)))
    for page in ([old, new], [new, old]):
        with pair.store.atomic():
            ingest.take(page)
        assert pair.store.trees.linked("mail", "contact", ["7"])["7"].seen == {"title": "new"}
        pair.store.trees.drop_link("mail", "contact", "7")
