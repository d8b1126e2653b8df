"""Deletions, undeletions and merges: nothing is resurrected, made twice, or deleted that nobody deleted."""

from __future__ import annotations

from typing import Any

import pytest

from tieline.model import Outcome


@pytest.fixture
def linked(pair: Any) -> Any:
    """One contact, in both systems and at rest."""
    pair.crm_id = pair.create("crm", "contact", email="ada@firm.example", title="Boss")
    pair.sync()
    pair.sync()
    pair.mail_id = pair.only("mail", "contact").id
    return pair


def delete(office: Any, system: str, remote_id: str) -> None:
    office.clock.advance(1000)
    office.systems[system].person_delete("contact", remote_id)


def alive(office: Any) -> list[int]:
    return [len(s.alive("contact")) for s in office.systems.values()]


def test_a_deletion_asks_first(linked: Any) -> None:
    delete(linked, "mail", linked.mail_id)
    assert linked.sync().outcome == "waiting"
    assert [r["topic"] for r in linked.reviews()] == ["delete"]
    assert alive(linked) == [1, 0]
    assert linked.sync().writes == 0


def test_an_accepted_deletion_archives_everywhere(linked: Any) -> None:
    delete(linked, "mail", linked.mail_id)
    linked.sync()
    linked.answer("accepted")
    summary = linked.sync()
    assert summary.orders == {"crm": {"contact": {"archive": 1}}}
    assert alive(linked) == [0, 0]
    assert linked.sync().orders == {}


def test_a_rejected_deletion_keeps_the_others_and_makes_nothing_again(linked: Any) -> None:
    delete(linked, "mail", linked.mail_id)
    linked.sync()
    linked.answer("rejected")
    linked.edit("crm", "contact", linked.crm_id, title="Chief")
    linked.sync()
    linked.sync()
    assert alive(linked) == [1, 0]


@pytest.mark.parametrize(("rule", "left"), [("archive", [0, 0]), ("ignore", [1, 0])])
def test_the_configuration_can_decide_on_deletions(linked: Any, rule: str, left: list[int]) -> None:
    linked.rule("mail", "contact", delete=rule)
    delete(linked, "mail", linked.mail_id)
    assert linked.sync().outcome == "done"
    assert alive(linked) == left


def test_a_deletion_wins_over_an_edit_and_the_edit_stays_in_the_journal(linked: Any) -> None:
    linked.rule("mail", "contact", delete="archive")
    hub = linked.record_of("crm", "contact", linked.crm_id)
    delete(linked, "mail", linked.mail_id)
    linked.edit("crm", "contact", linked.crm_id, title="precious")
    linked.sync()
    assert alive(linked) == [0, 0]
    assert "precious" in str(linked.store.work.entries(hub))


def test_a_record_deleted_everywhere_by_people_is_asked_about_no_more(linked: Any) -> None:
    delete(linked, "mail", linked.mail_id)
    linked.sync()
    delete(linked, "crm", linked.crm_id)
    assert (linked.sync().outcome, linked.reviews()) == ("done", [])


def test_what_comes_out_of_the_bin_lives_everywhere_again_and_once(linked: Any) -> None:
    delete(linked, "mail", linked.mail_id)
    linked.sync()
    linked.answer("accepted")
    linked.sync()
    linked.clock.advance(1000)
    linked.systems["mail"].person_undelete("contact", linked.mail_id)
    linked.sync()
    assert alive(linked) == [1, 1]
    assert linked.sync().orders == {}


def test_absence_from_what_changed_is_no_deletion(office: Any) -> None:
    office.add("crm", tombstones=False)
    office.add("mail", tombstones=False)
    one = office.create("crm", "contact", email="ada@firm.example")
    office.sync()
    office.systems["crm"].person_delete("contact", one)
    assert (office.sync().writes, office.reviews()) == (0, [])


def test_absence_from_a_complete_listing_is_evidence(office: Any) -> None:
    office.add("crm", tombstones=False, full_listing=True)
    office.add("mail")
    one = office.create("crm", "contact", email="ada@firm.example")
    office.sync()
    office.sync()
    office.clock.advance(1000)
    office.systems["crm"].person_delete("contact", one)
    office.sync(full=True)
    assert [r["topic"] for r in office.reviews()] == ["delete"]


def test_only_news_calls_for_a_listing_where_nothing_else_tells_of_deletions(office: Any) -> None:
    """The last change is met again by every window that begins with it, and so is what was written here."""
    office.add("crm", tombstones=False, full_listing=True)
    office.add("mail")
    office.rule("crm", "contact", delete="archive")
    one = office.create("crm", "contact", email="ada@firm.example")
    two = office.create("crm", "contact", email="bob@firm.example")
    for _ in range(3):
        office.sync()
    calls = office.inner["crm"].calls
    before = calls["list"]
    office.sync()
    assert calls["list"] == before
    office.systems["crm"].person_delete("contact", one)
    office.edit("crm", "contact", two, title="Countess")
    office.sync()
    assert calls["list"] == before + 1
    assert office.values("mail", "contact", "email") == ["bob@firm.example"]


def test_an_empty_listing_deletes_nothing_that_a_read_still_finds(office: Any) -> None:
    office.add("crm", tombstones=False, full_listing=True)
    office.add("mail")
    for n in range(3):
        office.create("crm", "contact", email=f"p{n}@firm.example")
    for _ in range(2):
        office.sync()
    office.create("crm", "contact", email="newer@firm.example")  # so that the others are behind the cursor
    for _ in range(2):
        office.sync()
    with office.faults["crm"].during("empty_list"):
        summary = office.sync(full=True)
    assert (summary.writes, office.reviews()) == (0, [])
    gone = office.store.db.rows("SELECT remote_id FROM link WHERE gone IS NOT NULL")
    assert gone == []
    assert len(office.systems["mail"].alive("contact")) == 4


def test_a_listing_that_is_not_declared_complete_is_no_evidence(office: Any) -> None:
    office.add("crm", tombstones=False, strong_read=False)
    office.add("mail")
    office.create("crm", "contact", email="ada@firm.example")
    office.sync()
    with office.faults["crm"].during("empty_list"):
        office.sync(full=True)
    assert office.reviews() == []


def test_a_sweep_finds_what_was_deleted(office: Any) -> None:
    office.add("crm", tombstones=False, sweep=True)
    office.add("mail")
    one = office.create("crm", "contact", email="ada@firm.example")
    office.sync()
    office.systems["crm"].person_delete("contact", one)
    office.sync(pause_ms=7 * 3_600_000)
    assert [r["topic"] for r in office.reviews()] == ["delete"]


# -- merges


@pytest.fixture(params=[True, False], ids=["redirects", "tombstone"])
def merging(office: Any, request: Any) -> Any:
    """Two contacts in both systems; the crm tells of merges in one of the two ways there are."""
    office.add("crm", redirects=request.param)
    office.add("mail")
    office.one = office.create("crm", "contact", email="one@firm.example", last_name="One")
    office.two = office.create("crm", "contact", email="two@firm.example", last_name="Two", phone="+2")
    office.sync()
    office.sync()
    return office


def merge(office: Any, winner: str, loser: str) -> None:
    office.clock.advance(1000)
    office.systems["crm"].person_merge("contact", winner, loser)


def test_a_merge_moves_the_old_id_to_the_winners_record_and_makes_nothing(merging: Any) -> None:
    merge(merging, merging.one, merging.two)
    merging.sync()
    merging.sync()
    assert merging.record_of("crm", "contact", merging.two) == merging.record_of("crm", "contact", merging.one)
    assert len(merging.systems["crm"].alive("contact")) == 1
    assert not [e for e in merging.systems["crm"].history if e.who == "hub" and e.field == "@created"]


def test_what_the_winner_took_over_travels(merging: Any) -> None:
    merge(merging, merging.one, merging.two)
    merging.sync()
    assert merging.by_name("mail", "contact", "One", "last_name").fields["phone"] == "+2"


def test_what_a_merge_leaves_behind_elsewhere_is_a_question(merging: Any) -> None:
    merge(merging, merging.one, merging.two)
    assert merging.sync().outcome == "waiting"
    assert [r["topic"] for r in merging.reviews()] == ["merge"]
    assert len(merging.systems["mail"].alive("contact")) == 2
    merging.answer("accepted")
    merging.sync()
    assert merging.values("mail", "contact", "last_name") == ["One"]
    assert merging.sync().orders == {}


def test_a_merge_elsewhere_answers_the_question_by_itself(merging: Any) -> None:
    merge(merging, merging.one, merging.two)
    merging.sync()
    mail = {r.fields["last_name"]: r.id for r in merging.systems["mail"].alive("contact")}
    merging.clock.advance(1000)
    merging.systems["mail"].person_merge("contact", mail["One"], mail["Two"])
    assert (merging.sync().outcome, merging.reviews()) == ("done", [])
    assert len(merging.systems["mail"].alive("contact")) == 1


def end_both(pair: Any) -> tuple[str, str]:
    """A firm and its person are deleted in the crm, where deletions are carried on. Returns their ids there."""
    for kind in ("account", "contact"):
        pair.rule("crm", kind, delete="archive")
    firm = pair.create("crm", "account", name="Firm", domain="firm.example")
    ada = pair.create("crm", "contact", email="ada@firm.example", account=firm)
    pair.sync()
    pair.sync()
    pair.systems["crm"].person_delete("account", firm)
    pair.systems["crm"].person_delete("contact", ada)
    pair.sync()
    return firm, ada


def test_who_refers_to_another_is_archived_before_it(pair: Any) -> None:
    end_both(pair)
    ended = [e.kind for e in pair.systems["mail"].history if e.field == "@deleted" and e.who == "hub"]
    assert ended == ["contact", "account"]


def test_who_is_deleted_and_entered_anew_where_deletions_are_carried_on_stays_the_same_elsewhere(pair: Any) -> None:
    pair.rule("crm", "contact", delete="archive")
    ada = pair.create("crm", "contact", email="ada@firm.example")
    pair.sync()
    there = pair.only("mail", "contact").id
    pair.systems["crm"].person_delete("contact", ada)
    pair.create("crm", "contact", email="ada@firm.example")
    for _ in range(2):
        pair.sync()
    assert pair.only("mail", "contact").id == there
    assert pair.reviews() == []


def test_a_firm_and_its_person_that_come_back_are_made_again_together(pair: Any) -> None:
    firm, ada = end_both(pair)
    pair.clock.advance(60_000)
    for kind, remote_id in (("account", firm), ("contact", ada)):
        pair.systems["crm"].person_undelete(kind, remote_id)
    summary = pair.sync()
    assert summary.orders["mail"]["contact"] == {"create": 1}
    assert pair.only("mail", "contact").fields["account"] == pair.only("mail", "account").id


class Hiding:
    """A connector whose system does not answer for one remote while `hidden` names it, though it is there."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.facts, self.hidden, self.listed = inner, inner.facts, "", 0

    def read(self, stream: str, ids: Any, fields: Any) -> Any:
        return [r for r in self.inner.read(stream, ids, fields) if r.id != self.hidden]

    def write(self, stream: str, writes: Any) -> Any:
        found = self.inner.write(stream, [w for w in writes if w.remote_id != self.hidden])
        answers = iter(found)
        return [Outcome("gone") if w.remote_id == self.hidden else next(answers) for w in writes]

    def list(self, stream: str, token: str | None) -> Any:
        self.listed += stream == "contacts"
        return self.inner.list(stream, token)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def test_a_write_that_meets_nothing_is_no_deletion_where_only_a_listing_tells(office: Any) -> None:
    office.add("crm")
    office.add("sheet", tombstones=False, full_listing=True)
    office.rule("sheet", "contact", delete="archive")
    hiding = office.connectors["sheet"] = Hiding(office.connectors["sheet"])
    crm = office.create("crm", "contact", email="ada@firm.example")
    office.sync()
    office.sync()
    office.edit("crm", "contact", crm, title="Chief")

    def unreadable(name: str) -> None:
        if name == "intended":
            hiding.hidden = office.only("sheet", "contact").id

    office.boundary = unreadable
    office.sync()
    office.boundary = lambda name: None
    assert (alive(office), office.reviews()) == ([1, 1], [])
    hiding.hidden, before = "", hiding.listed
    office.sync()
    assert hiding.listed == before + 1, "the next run lists everything, which tells"
    assert office.only("sheet", "contact").fields["title"] == "Chief"
    assert alive(office) == [1, 1]


@pytest.mark.parametrize("strong", [True, False])
def test_a_write_that_meets_nothing_ends_in_a_deletion_once_a_listing_says_so(office: Any, strong: bool) -> None:
    office.add("crm")
    office.add("sheet", tombstones=False, full_listing=True, strong_read=strong)
    office.rule("sheet", "contact", delete="archive")
    crm = office.create("crm", "contact", email="ada@firm.example")
    office.sync()
    office.sync()
    office.edit("crm", "contact", crm, title="Chief")
    row = office.only("sheet", "contact").id

    def deleted(name: str) -> None:
        if name == "intended":
            office.boundary = lambda name: None
            office.systems["sheet"].person_delete("contact", row)

    office.boundary = deleted
    office.sync()
    assert alive(office) == [1, 0]
    office.sync()
    assert alive(office) == [0, 0]


def test_who_comes_back_after_another_took_its_place_is_asked_about(linked: Any) -> None:
    delete(linked, "mail", linked.mail_id)
    linked.sync()
    linked.answer("rejected")
    linked.sync()
    record = linked.record_of("crm", "contact", linked.crm_id)
    second = linked.create("mail", "contact", email="ada@firm.example")
    linked.sync()
    assert linked.record_of("mail", "contact", second) == record
    linked.systems["mail"].person_undelete("contact", linked.mail_id)
    assert linked.sync().outcome == "waiting"
    assert [r["topic"] for r in linked.reviews()] == ["match"]
    assert linked.record_of("mail", "contact", second) == record
    assert linked.record_of("mail", "contact", linked.mail_id) is None


def test_a_question_about_somebody_new_goes_when_somebody_deletes_it(linked: Any) -> None:
    twin = linked.create("mail", "contact", email="ada@firm.example")
    linked.sync()
    assert [r["remote_id"] for r in linked.reviews()] == [twin]
    delete(linked, "mail", twin)
    assert linked.sync().outcome == "done"
    assert linked.reviews() == []


def test_a_copy_of_a_hub_id_of_another_kind_means_nobody(linked: Any) -> None:
    firm = linked.create("crm", "account", name="Firm", domain="firm.example")
    linked.sync()
    account = linked.record_of("crm", "account", firm)
    odd = linked.systems["mail"].create("contact", {"email": "bob@x.example"}, "person", account).id
    linked.sync()
    record = linked.record_of("mail", "contact", odd)
    assert record not in (None, account)
    assert linked.store.trees.records([record])[record][0].kind == "contact"
    assert linked.values("crm", "contact", "email") == ["ada@firm.example", "bob@x.example"]
