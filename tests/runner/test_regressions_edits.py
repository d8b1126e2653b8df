"""Values, references, mappings and answers: cases that once went wrong."""

from __future__ import annotations

from typing import Any

import pytest

from tieline.connector import Connector
from tieline.model import Outcome, Problem, Remote
from tieline.rules import Policy, Rules
from tieline.runner import Options, Summary

A_DAY = 24 * 60 * 60 * 1000


def linked_in_mail(office: Any, kind: Any, crm_id: str) -> str | None:
    """The id that `mail` has for a record of the crm."""
    record = office.record_of("crm", kind, crm_id)
    rows = office.store.db.rows("SELECT remote_id FROM link WHERE system = 'mail' AND record = ?", record)
    return rows[0][0] if rows else None


# -- filters, mappings and schemas that change


def test_a_filter_that_is_lifted_lets_in_what_it_kept_out(pair: Any) -> None:
    pair.fingerprint = "filtered"
    pair.filters = {"crm": {"contact": lambda fields: fields.get("title") == "Boss"}}
    pair.create("crm", "contact", email="ada@firm.example")
    pair.sync()
    assert pair.systems["mail"].alive("contact") == []
    pair.filters = {}
    pair.fingerprint = "open"
    pair.sync()
    pair.sync(full=True)
    assert len(pair.systems["mail"].alive("contact")) == 1


def test_what_a_filter_keeps_out_is_not_made_a_second_time_from_elsewhere(pair: Any) -> None:
    pair.filters = {"mail": {"contact": lambda fields: fields.get("consent_email") != "opted_out"}}
    pair.create("mail", "contact", email="ada@firm.example", consent_email="opted_out")
    pair.create("crm", "contact", email="ada@firm.example")
    pair.sync()
    assert len(pair.systems["mail"].alive("contact")) == 1


class Unmapped:
    """A connector whose mapping does not speak of one field, until `on` is false."""

    def __init__(self, inner: Connector, field: str) -> None:
        self.inner = inner
        self.field = field
        self.on = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def _cut(self, remote: Remote) -> Remote:
        if not self.on:
            return remote
        return remote._replace(fields={name: cell for name, cell in remote.fields.items() if name != self.field})

    def _page(self, page: Any) -> Any:
        return page._replace(remotes=[self._cut(remote) for remote in page.remotes])

    def list(self, *args: Any) -> Any:
        return self._page(self.inner.list(*args))

    def changes(self, *args: Any) -> Any:
        return self._page(self.inner.changes(*args))

    def read(self, *args: Any) -> Any:
        return [self._cut(remote) for remote in self.inner.read(*args)]

    def write(self, *args: Any) -> Any:
        outcomes = self.inner.write(*args)
        return [o._replace(remote=self._cut(o.remote)) if o.remote else o for o in outcomes]


@pytest.mark.parametrize("runs", [1, 3])
def test_a_field_that_a_mapping_gains_travels_and_is_not_blanked(pair: Any, runs: int) -> None:
    pair.fingerprint = "narrow"
    crm = Unmapped(pair.connectors["crm"], "title")
    pair.connectors["crm"] = crm
    pair.create("crm", "contact", email="ada@firm.example", title="Boss")
    for _ in range(runs):
        pair.sync()
    crm.on = False
    pair.fingerprint = "wide"
    pair.sync()
    pair.sync(full=True)
    pair.sync()
    assert [pair.only(system, "contact").fields["title"] for system in ("crm", "mail")] == ["Boss", "Boss"]


def test_a_field_that_becomes_writable_is_filled(office: Any) -> None:
    office.add("crm")
    mail = office.add("mail", read_only=frozenset({"title"}))
    office.create("crm", "contact", email="ada@firm.example", title="Boss")
    office.sync()
    mail.rules["contact"].read_only = frozenset()
    office.sync(full=True)
    office.sync(pause_ms=A_DAY + 60_000)
    assert office.only("mail", "contact").fields["title"] == "Boss"


def test_a_match_by_a_newly_chosen_field_is_asked_about_when_it_is_ambiguous(pair: Any) -> None:
    def run(*match: str) -> Summary:
        pair.clock.advance(60_000)
        runner = pair.runner()
        runner.rules = Rules(pair.policies, pair.rules, {"contact": match})
        runner.fingerprint = str(match)
        return runner.sync(Options(confirm=lambda preview: True))

    for system in ("crm", "mail"):
        pair.rule(system, "contact", create=False)
    pair.create("crm", "contact", email="ada@firm.example", phone="+1")
    pair.create("mail", "contact", phone="+1")
    run("email")
    run("phone")
    run("phone")
    pair.create("mail", "contact", phone="+1")
    run("phone")
    assert "match" in [review["topic"] for review in pair.reviews()]


def test_an_opt_out_reaches_a_field_that_is_only_filled(pair: Any) -> None:
    pair.policy("contact", "consent_email", Policy("fill"))
    ada = pair.create("crm", "contact", email="ada@firm.example", consent_email="allowed")
    pair.sync()
    pair.edit("crm", "contact", ada, consent_email="opted_out")
    pair.sync()
    assert pair.only("mail", "contact").fields["consent_email"] == "opted_out"


# -- what a system does not take


def test_a_record_that_lacks_a_required_field_does_not_hold_up_what_refers_to_it(office: Any) -> None:
    office.add("crm")
    office.add("mail", required=frozenset({"account.domain"}))
    acme = office.create("crm", "account", name="Acme")
    office.create("crm", "contact", email="ada@firm.example", account=acme)
    office.sync()
    office.sync()
    assert len(office.systems["mail"].alive("contact")) == 1


def test_a_blank_that_a_system_cannot_take_is_told(office: Any) -> None:
    office.add("crm")
    office.add("mail", unclearable=frozenset({"title"}))
    ada = office.create("crm", "contact", email="ada@firm.example", title="Boss")
    office.sync()
    assert (office.sync().reviews, office.reviews()) == (0, [])
    office.edit("crm", "contact", ada, title=None)
    summary = office.sync()
    assert summary.reviews or summary.notes or not summary.converged
    assert office.only("crm", "contact").fields["title"] is None


def test_a_rejected_question_about_a_refused_value_does_not_silence_the_next(office: Any) -> None:
    office.add("crm")
    office.add("mail", choices={"title": ("Boss",)}, partial_fields=True)
    office.create("crm", "contact", email="ada@firm.example", title="Chief")
    office.sync()
    office.sync()
    office.answer("rejected")
    office.sync()
    office.create("crm", "contact", email="bob@firm.example", title="Head")
    assert office.sync().outcome == "waiting"


# -- references


def test_a_parent_lacking_a_required_field_leaves_nothing_ordered(office: Any) -> None:
    office.add("crm")
    office.add("mail", required=frozenset({"account.domain"}))
    parent = office.create("crm", "account", name="Parent")
    office.create("crm", "account", name="Child", domain="child.example", parent=parent)
    for _ in range(3):
        summary = office.sync()
    assert summary.orders == {}
    assert office.values("mail", "account", "name") == ["Child"]


def test_a_parent_that_is_refused_leaves_nothing_ordered(pair: Any) -> None:
    parent = pair.create("crm", "account", name="Parent")
    pair.create("crm", "account", name="Child", domain="child.example", parent=parent)
    mail = pair.connectors["mail"]
    take = mail.write
    refused = Outcome("rejected", problems=(Problem(None, "no", "no"),))

    def write(stream: str, writes: Any) -> Any:
        return [refused if w.fields.get("name") == "Parent" else take(stream, [w])[0] for w in writes]

    mail.write = write
    for _ in range(3):
        summary = pair.sync()
    assert summary.orders == {}
    assert pair.values("mail", "account", "name") == ["Child"]


def test_a_child_made_with_its_parent_points_at_it(pair: Any) -> None:
    parent = pair.create("crm", "account", name="Parent", domain="parent.example")
    pair.create("crm", "account", name="Child", domain="child.example", parent=parent)
    for _ in range(3):
        summary = pair.sync()
    assert summary.converged
    made = pair.by_name("mail", "account", "Parent").id
    assert pair.by_name("mail", "account", "Child").fields["parent"] == made


def test_a_reference_is_filled_when_its_target_is_made_there_by_a_person(pair: Any) -> None:
    pair.rule("mail", "account", create=False)
    acme = pair.create("crm", "account", name="Acme", domain="acme.example")
    pair.create("crm", "contact", email="ada@acme.example", account=acme)
    pair.sync()
    assert pair.only("mail", "contact").fields["account"] is None
    theirs = pair.create("mail", "account", name="Acme", domain="acme.example")
    pair.sync()
    pair.sync()
    assert linked_in_mail(pair, "account", acme) == theirs
    assert pair.only("mail", "contact").fields["account"] == theirs


def test_a_reference_whose_target_was_throttled_arrives_later(pair: Any) -> None:
    ada = pair.create("crm", "contact", email="ada@firm.example")
    pair.sync()
    pair.sync()
    acme = pair.create("crm", "account", name="Acme", domain="acme.example")
    pair.edit("crm", "contact", ada, account=acme, title="Boss")
    mail = pair.connectors["mail"]
    take = mail.write
    throttled = []

    def write(stream: str, writes: Any) -> Any:
        if stream == "accounts" and writes[0].op == "create" and not throttled:
            throttled.append(stream)
            return [Outcome("throttled") for _ in writes]
        return take(stream, writes)

    mail.write = write
    for _ in range(3):
        summary = pair.sync()
    assert throttled
    assert summary.converged
    fields = pair.only("mail", "contact").fields
    assert (fields["title"], fields["account"]) == ("Boss", pair.only("mail", "account").id)


# -- edits beside our writes, and answers


def test_an_edit_right_after_our_write_that_begins_like_it_is_an_edit(office: Any) -> None:
    """A person who shortens a value is not taken for a system that cut it off."""
    office.add("crm")
    office.add("mail", answers_state=False)
    ada = office.create("crm", "contact", email="ada@firm.example", title="Boss")
    office.sync()
    office.sync()
    theirs = office.only("mail", "contact").id
    office.edit("crm", "contact", ada, title="Head of sales")
    mail = office.connectors["mail"]
    take = mail.write
    shortened = []

    def write(stream: str, writes: Any) -> Any:
        outcomes = take(stream, writes)
        if any("title" in w.fields for w in writes) and not shortened:
            shortened.append(stream)
            office.clock.advance(5)
            office.systems["mail"].person_edit("contact", theirs, {"title": "Head"})
        return outcomes

    mail.write = write
    for _ in range(3):
        office.sync()
    assert shortened
    assert [office.only(system, "contact").fields["title"] for system in ("crm", "mail")] == ["Head", "Head"]


def test_an_edit_that_the_answer_to_our_write_leaves_out_is_read_and_kept(pair: Any) -> None:
    """An answer in part brings the version that an edit beside our write has made: it must not stand for the whole."""
    ada = pair.create("crm", "contact", email="ada@firm.example", title="Boss", phone="+49301")
    pair.sync()
    pair.sync()
    theirs = pair.only("mail", "contact").id
    pair.edit("crm", "contact", ada, title="Head")
    mail = pair.connectors["mail"]
    take = mail.write
    beside = []

    def write(stream: str, writes: Any) -> Any:
        if any("title" in w.fields for w in writes) and not beside:
            beside.append(stream)
            pair.systems["mail"].person_edit("contact", theirs, {"phone": "+49302"})
        sent = {name for w in writes for name in w.fields}
        outcomes = take(stream, writes)
        cut = [o.remote._replace(fields={n: v for n, v in o.remote.fields.items() if n in sent}) for o in outcomes]
        return [o._replace(remote=remote) for o, remote in zip(outcomes, cut, strict=True)]

    mail.write = write
    for _ in range(3):
        pair.sync()
    assert beside
    for system in ("crm", "mail"):
        fields = pair.only(system, "contact").fields
        assert (fields["title"], fields["phone"]) == ("Head", "+49302"), system


@pytest.fixture
def clash(pair: Any) -> Any:
    """A first name edited on both sides within a moment; the question is open, `crm_id` and `mail_id` are known."""
    pair.crm_id = pair.create("crm", "contact", email="ada@firm.example", first_name="A")
    pair.sync()
    pair.sync()
    pair.mail_id = pair.only("mail", "contact").id
    pair.clock.advance(10_000)
    pair.systems["crm"].person_edit("contact", pair.crm_id, {"first_name": "Crm"})
    pair.clock.advance(10)
    pair.systems["mail"].person_edit("contact", pair.mail_id, {"first_name": "Mail"})
    pair.sync(pause_ms=10)
    return pair


def test_an_answer_keeps_the_value_that_the_question_named(clash: Any) -> None:
    [question] = clash.reviews()
    assert '"Mail"' in question["accept"]
    clash.answer("accepted")
    clash.sync()
    assert clash.values("crm", "contact", "first_name") == ["Mail"]


def test_an_answer_keeps_what_the_question_says_after_one_side_wavered(clash: Any) -> None:
    for name in ("Oops", "Crm"):
        clash.systems["crm"].person_edit("contact", clash.crm_id, {"first_name": name})
        clash.sync(pause_ms=10)
    [question] = clash.reviews()
    named = "Mail" if "'Mail'" in question["accept"] else "Crm"
    assert f'"{named}"' in question["accept"]
    clash.answer("accepted")
    clash.sync()
    assert [clash.only(system, "contact").fields["first_name"] for system in ("crm", "mail")] == [named, named]


def test_choosing_the_side_that_already_stands_keeps_it(pair: Any) -> None:
    ada = pair.create("crm", "contact", email="ada@firm.example", title="Boss")
    pair.sync()
    pair.sync()
    theirs = pair.only("mail", "contact").id
    pair.edit("crm", "contact", ada, title="from crm")
    pair.systems["mail"].person_edit("contact", theirs, {"title": "from mail"})
    pair.sync()
    assert len(pair.answer("accepted", "crm")) == 1
    pair.sync()
    assert [pair.only(system, "contact").fields["title"] for system in ("crm", "mail")] == ["from crm", "from crm"]


def test_an_edit_of_a_deals_contacts_keeps_those_that_its_system_never_showed(office):
    kinds = ("account", "contact", "opportunity")
    office.add("crm", kinds)
    office.add("mail", kinds)
    office.filters = {"mail": {"contact": lambda fields: fields.get("title") != "secret"}}
    hidden = office.create("crm", "contact", email="x@b.example", title="secret")
    first = office.create("crm", "contact", email="y@b.example")
    second = office.create("crm", "contact", email="z@b.example")
    plain = {"role": None, "primary": False}
    office.create("crm", "opportunity", name="Deal", contacts=[{"id": hidden, **plain}, {"id": first, **plain}])
    office.sync()
    office.sync()
    there = [office.by_name("mail", "contact", mail, "email").id for mail in ("y@b.example", "z@b.example")]
    deal = office.only("mail", "opportunity")
    office.edit("mail", "opportunity", deal.id, contacts=[{"id": i, **plain} for i in there])
    office.sync()
    office.sync()
    held = {ref["id"] for ref in office.only("crm", "opportunity").fields["contacts"]}
    assert held == {hidden, first, second}


def test_an_edit_of_the_city_keeps_the_street_that_its_system_cannot_hold(office):
    fields = {"account": ("name", "domain", "address")}
    office.add("crm", ("account",), fields=fields)
    city = {"address": lambda cell: {"city": cell["city"]} if cell.get("city") else None}
    office.add("mail", ("account",), fields=fields, normal=city)
    office.create("crm", "account", name="A", domain="a.example", address={"city": "Oslo", "street": "Main 1"})
    office.sync()
    office.edit("mail", "account", office.only("mail", "account").id, address={"city": "Bergen"})
    office.sync()
    assert office.only("crm", "account").fields["address"] == {"city": "Bergen", "street": "Main 1"}
