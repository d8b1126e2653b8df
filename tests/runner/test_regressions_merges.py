"""Merges, deletions and what comes back: cases that once went wrong."""

from __future__ import annotations

from typing import Any

import pytest

from tieline.errors import Unavailable

A_SECOND = 1000


def merge(office: Any, kind: Any, winner: str, loser: str) -> None:
    office.clock.advance(A_SECOND)
    office.systems["crm"].person_merge(kind, winner, loser)


def living(office: Any, kind: Any = "contact") -> list[int]:
    """How many records of a kind live in each system, in the order in which the systems were added."""
    return [len(system.alive(kind)) for system in office.systems.values()]


def topics(office: Any) -> list[str]:
    return [review["topic"] for review in office.reviews()]


# -- merges


@pytest.mark.parametrize("emails", [("one@firm.example", "two@firm.example"), (None, None)], ids=["e-mail", "none"])
def test_a_merge_into_a_winner_that_was_never_synced_makes_no_copy(office: Any, emails: tuple[Any, Any]) -> None:
    office.add("crm", redirects=True)
    office.add("mail")
    loser = office.create("crm", "contact", email=emails[0], last_name="One")
    office.sync()
    winner = office.create("crm", "contact", email=emails[1], last_name="Two")
    merge(office, "contact", winner, loser)
    office.sync()
    office.sync()
    assert living(office) == [1, 1]


def test_a_winner_that_the_index_does_not_show_yet_is_read_before_anything_is_planned(office: Any) -> None:
    office.add("crm", tombstones=False, sweep=True, hints=True, index_lag_ms=20 * A_SECOND, server_ms=0)
    office.add("mail")
    loser = office.create("crm", "contact", email="one@firm.example", last_name="One")
    office.sync()
    office.sync()
    office.clock.advance(1000 * 60_000)  # the sweep is due
    office.create("mail", "contact", email="two@firm.example", title="Boss")
    winner = office.systems["crm"].person_create("contact", {"email": "two@firm.example", "last_name": "Two"})
    office.systems["crm"].person_merge("contact", winner, loser)
    office.sync(pause_ms=0)
    assert topics(office) == ["match"]  # they may be one; without the look, a second Two was made
    assert living(office) == [1, 2]


def test_a_chain_of_merges_learnt_in_one_run_leaves_the_last_winner_linked(office: Any) -> None:
    office.add("crm", tombstones=False, sweep=True)
    office.add("mail")
    two, one, three = (office.create("crm", "contact", email=f"{n}@firm.example") for n in ("two", "one", "three"))
    office.sync()
    merge(office, "contact", two, one)
    merge(office, "contact", three, two)
    office.sync(full=True)
    assert office.record_of("crm", "contact", one) == office.record_of("crm", "contact", three) is not None
    linked = office.store.db.rows("SELECT remote_id FROM link WHERE system = 'crm' AND gone IS NULL")
    assert linked == [(three,)]


def test_a_record_folded_twice_is_owned_by_the_last_winner(pair: Any) -> None:
    one, two, three = (
        pair.create("crm", "contact", email=f"{n}@firm.example", last_name=n) for n in ("one", "two", "three")
    )
    pair.sync()
    pair.sync()
    left_behind = pair.by_name("mail", "contact", "one", "last_name").id
    last = pair.record_of("crm", "contact", three)
    merge(pair, "contact", two, one)
    pair.sync()
    merge(pair, "contact", three, two)
    pair.sync()
    assert pair.record_of("mail", "contact", left_behind) == last


def test_an_ambiguous_match_is_settled_by_merging_the_two(pair: Any) -> None:
    one = pair.create("crm", "contact", email="ada@firm.example")
    pair.sync()
    two = pair.create("crm", "contact", email="Ada@firm.example")
    pair.sync()
    assert topics(pair) == ["match"]
    merge(pair, "contact", two, one)
    pair.sync()
    pair.sync()
    assert (pair.reviews(), living(pair)) == ([], [1, 1])


def test_two_that_are_kept_apart_after_a_merge_both_live_and_come_to_rest(pair: Any) -> None:
    one = pair.create("crm", "contact", email="one@firm.example", last_name="One")
    two = pair.create("crm", "contact", email="two@firm.example", last_name="Two")
    pair.sync()
    merge(pair, "contact", one, two)
    pair.sync()
    assert topics(pair) == ["merge"]
    pair.answer("rejected")
    pair.sync()
    pair.sync()
    planned = pair.plan().orders
    pair.store.trees.mark_all()
    assert pair.plan().orders == planned
    assert living(pair) == [2, 2]


def test_an_edit_of_what_a_merge_archives_stays_in_the_journal(pair: Any) -> None:
    one = pair.create("crm", "contact", email="one@firm.example", last_name="One")
    two = pair.create("crm", "contact", email="two@firm.example", last_name="Two")
    pair.sync()
    left_behind = pair.by_name("mail", "contact", "Two", "last_name").id
    merge(pair, "contact", one, two)
    pair.sync()
    [(folded,)] = pair.store.db.rows("SELECT record FROM link WHERE system = 'mail' AND remote_id = ?", left_behind)
    pair.edit("mail", "contact", left_behind, title="Precious")
    pair.sync()
    pair.answer("accepted")
    pair.sync()
    assert pair.systems["mail"].get("contact", left_behind).deleted
    kept = [*pair.store.work.entries(folded), *pair.journal("crm", "contact", one)]
    assert any("Precious" in str(entry.changes) for entry in kept)


@pytest.fixture
def folded(office: Any) -> Any:
    """Two accounts merged in the crm, which keeps no contacts; the contact of the loser is called `ada`."""
    office.add("crm", ("account",))
    for name in ("mail", "files", "down"):
        office.add(name)
    one = office.create("crm", "account", name="One", domain="one.example")
    two = office.create("crm", "account", name="Two", domain="two.example")
    office.sync()
    theirs = office.by_name("mail", "account", "Two").id
    office.ada = office.create("mail", "contact", email="ada@two.example", account=theirs)
    office.sync()
    assert office.sync().writes == 0
    merge(office, "account", one, two)
    office.sync()
    return office


def test_references_to_a_merged_record_come_to_rest(folded: Any) -> None:
    folded.sync()
    assert folded.sync().writes == 0


def test_references_to_a_merged_record_come_to_rest_while_a_system_is_left_out(folded: Any) -> None:
    folded.edit("mail", "contact", folded.ada, title="Boss")
    without = frozenset({"down"})
    for _ in range(2):
        folded.sync(without=without)
    assert folded.sync(without=without).writes == 0
    assert folded.only("files", "contact").fields["title"] == "Boss"


def test_an_edit_of_a_record_that_points_at_a_merged_one_still_travels(pair: Any) -> None:
    one, two, _ = (pair.create("crm", "account", name=n, domain=f"{n}.example") for n in ("one", "two", "three"))
    pair.create("crm", "contact", email="ada@two.example", account=two)
    pair.sync()
    assert pair.sync().writes == 0
    merge(pair, "account", one, two)
    pair.sync()
    third = pair.by_name("mail", "account", "three").id
    pair.edit("mail", "contact", pair.only("mail", "contact").id, phone="+1 555", account=third)
    for _ in range(4):
        pair.sync()
    assert pair.only("crm", "contact").fields["phone"] == "+1 555"


def test_the_winner_and_the_loser_of_a_merge_both_count_as_pulled(pair: Any) -> None:
    one = pair.create("crm", "contact", email="one@firm.example")
    two = pair.create("crm", "contact", email="two@firm.example")
    pair.sync()
    pair.sync()
    merge(pair, "contact", one, two)
    assert pair.sync().records["crm"]["contact"]["pulled"] == 2


# -- deletions and what comes back


@pytest.fixture
def deleted(pair: Any) -> Any:
    """A contact of both systems, deleted in `mail`; whether it dies in the crm is asked."""
    pair.crm_id = pair.create("crm", "contact", email="ada@firm.example")
    pair.sync()
    pair.mail_id = pair.only("mail", "contact").id
    pair.systems["mail"].person_delete("contact", pair.mail_id)
    pair.sync()
    return pair


@pytest.mark.parametrize("answer", ["accepted", "rejected"])
def test_a_second_deletion_of_what_came_back_is_asked_about_again(deleted: Any, answer: str) -> None:
    deleted.answer(answer)
    deleted.sync()
    deleted.clock.advance(100 * A_SECOND)
    deleted.systems["mail"].person_undelete("contact", deleted.mail_id)
    deleted.sync()
    assert living(deleted) == [1, 1]
    deleted.clock.advance(100 * A_SECOND)
    deleted.systems["mail"].person_delete("contact", deleted.mail_id)
    deleted.sync()
    deleted.sync()
    assert topics(deleted) == ["delete"]
    assert living(deleted) == [1, 0]


def test_what_the_hub_archived_lives_everywhere_again_when_a_person_takes_it_out(deleted: Any) -> None:
    deleted.answer("accepted")
    deleted.sync()
    assert living(deleted) == [0, 0]
    deleted.clock.advance(A_SECOND)
    deleted.systems["crm"].person_undelete("contact", deleted.crm_id)
    deleted.sync()
    deleted.sync()
    assert living(deleted) == [1, 1]


def test_an_import_that_carries_the_hub_id_of_a_dead_record_is_left_alone(deleted: Any) -> None:
    hub = deleted.record_of("crm", "contact", deleted.crm_id)
    deleted.answer("accepted")
    deleted.sync()
    deleted.clock.advance(100 * A_SECOND)
    deleted.systems["crm"].create("contact", {"email": "ada@firm.example", "last_name": "Back"}, "person", hub)
    deleted.sync()
    deleted.sync()
    assert deleted.only("crm", "contact").fields["last_name"] == "Back"


def test_an_archive_that_a_system_cannot_do_is_tried_once(office: Any) -> None:
    office.add("crm", archives=False)
    office.add("mail")
    office.create("crm", "contact", email="ada@firm.example")
    office.sync()
    office.systems["mail"].person_delete("contact", office.only("mail", "contact").id)
    office.sync()
    office.answer("accepted")
    calls = office.inner["crm"].calls["write"]
    office.sync()
    tried = office.inner["crm"].calls["write"]
    assert tried <= calls + 1
    office.sync()
    assert office.inner["crm"].calls["write"] == tried


def test_what_was_replaced_while_it_lay_in_the_bin_revives_its_record_when_it_comes_back(office: Any) -> None:
    for name in ("crm", "mail", "files"):
        office.add(name)
        office.rule(name, "contact", delete="archive")
    ada = office.create("crm", "contact", email="ada@firm.example")
    office.sync()
    hub = office.record_of("crm", "contact", ada)
    office.systems["crm"].person_delete("contact", ada)
    second = office.create("crm", "contact", email="ada@firm.example")
    office.sync()
    assert office.record_of("crm", "contact", second) == hub
    assert office.record_of("crm", "contact", ada) is None
    office.systems["crm"].person_delete("contact", second)
    office.sync()
    assert living(office) == [0, 0, 0]
    office.clock.advance(100 * A_SECOND)
    office.systems["crm"].person_undelete("contact", ada)
    office.sync()
    office.sync()
    assert office.only("crm", "contact").id == ada
    assert office.record_of("crm", "contact", ada) == hub
    assert living(office) == [1, 1, 1]


# -- merges that happen while the hub writes


@pytest.mark.parametrize("redirects", [True, False])
def test_a_merge_between_the_reading_and_the_write_is_no_deletion(office: Any, redirects: bool) -> None:
    office.add("crm")
    office.add("mail", tombstones=False, sweep=True, redirects=redirects)
    for system in ("crm", "mail"):
        office.rule(system, "contact", delete="archive")
    one = office.create("crm", "contact", email="one@firm.example", last_name="One")
    office.create("crm", "contact", email="two@firm.example", last_name="Two")
    office.sync()
    mail = office.connectors["mail"]
    take = mail.write

    def write(stream: str, writes: Any) -> Any:
        mail.write = take
        kept, lost = (office.by_name("mail", "contact", n, "last_name").id for n in ("Two", "One"))
        office.systems["mail"].person_merge("contact", kept, lost)
        return take(stream, writes)

    mail.write = write
    office.edit("crm", "contact", one, title="Boss")
    for _ in range(3):
        office.sync()
    assert living(office) == [2, 1], "somebody was archived for a merge elsewhere"
    assert topics(office) == ["merge"]


@pytest.mark.parametrize("redirects", [True, False])
def test_two_are_one_when_people_merge_one_into_what_a_lost_create_made_of_the_other(
    office: Any, redirects: bool
) -> None:
    office.add("crm")
    office.add("mail", unique_hub_id=False, redirects=redirects, server_ms=200_000)  # the merge is read first
    office.create("mail", "contact", email="two@firm.example", last_name="Two")
    office.sync()
    office.create("crm", "contact", email="one@firm.example", last_name="One")
    mail = office.connectors["mail"]
    take = mail.write

    def write(stream: str, writes: Any) -> Any:
        mail.write = take
        take(stream, writes)
        raise Unavailable("the line is cut", sent=True)

    mail.write = write
    office.sync()
    made, other = (office.by_name("mail", "contact", n, "last_name").id for n in ("One", "Two"))
    office.clock.advance(A_SECOND)
    office.systems["mail"].person_merge("contact", made, other)
    for _ in range(8):
        office.sync()
    assert living(office)[1] == 1, "what the lost create made was made again"
    assert topics(office) == ["merge"]


def test_who_was_deleted_does_not_take_the_one_along_whom_it_is_merged_into(pair: Any) -> None:
    one = pair.create("crm", "contact", email="one@firm.example", last_name="One")
    pair.sync()
    pair.rule("crm", "contact", delete="archive")
    pair.rule("mail", "contact", delete="archive", create=False)
    two = pair.create("crm", "contact", email="two@firm.example", last_name="Two")
    pair.sync()
    pair.systems["mail"].person_delete("contact", pair.only("mail", "contact").id)
    with pair.faults["crm"].during("throttle"):
        pair.sync()  # the deletion is known, and not carried out in the crm yet
    merge(pair, "contact", two, one)
    for _ in range(3):
        pair.sync()
    assert [r.id for r in pair.systems["crm"].alive("contact")] == [two]


def test_a_merge_that_only_the_look_before_a_write_shows_is_taken_in(office: Any) -> None:
    office.add("crm")
    office.add("mail", tombstones=False, sweep=True, redirects=True, hints=True)
    one = office.create("crm", "contact", email="one@firm.example", last_name="One")
    office.create("crm", "contact", email="two@firm.example", last_name="Two")
    office.sync()
    office.sync()
    mail = office.connectors["mail"]
    look = mail.read

    def read(stream: str, ids: Any, fields: Any) -> Any:
        if fields is not None:  # the look before a write
            mail.read = look
            kept, lost = (office.by_name("mail", "contact", n, "last_name").id for n in ("One", "Two"))
            office.systems["mail"].person_merge("contact", kept, lost)
        return look(stream, ids, fields)

    mail.read = read
    office.edit("crm", "contact", one, title="Boss")
    for _ in range(3):
        office.sync()
    assert living(office) == [2, 1]
    assert topics(office) == ["merge"]
    assert office.only("mail", "contact").fields["title"] == "Boss"


def test_what_the_look_before_a_write_left_unread_of_a_winner_is_read_by_the_next_run(office: Any) -> None:
    office.add("crm")
    office.add("mail", tombstones=False, sweep=True, redirects=True, hints=True)
    one = office.create("crm", "contact", email="one@firm.example", last_name="One")
    office.sync()
    office.sync()
    mail = office.connectors["mail"]
    look = mail.read

    def read(stream: str, ids: Any, fields: Any) -> Any:
        if fields is not None:  # the look before a write
            mail.read = look
            winner = office.systems["mail"].person_create("contact", {"email": "new@firm.example", "title": "Boss"})
            merge_there = office.systems["mail"].person_merge
            merge_there("contact", winner, office.by_name("mail", "contact", "One", "last_name").id)
        return look(stream, ids, fields)

    mail.read = read
    office.edit("crm", "contact", one, title="Boss")
    office.sync()
    office.sync()
    assert office.only("crm", "contact").fields["email"] == "new@firm.example"


def test_what_a_person_takes_out_of_the_bin_while_the_hub_plans_to_make_it_again_is_not_doubled(deleted: Any) -> None:
    deleted.answer("accepted")
    deleted.sync()
    assert living(deleted) == [0, 0]
    deleted.clock.advance(A_SECOND)
    deleted.systems["mail"].person_undelete("contact", deleted.mail_id)

    def meanwhile(step: str) -> None:
        if step == "planned" and not living(deleted)[0]:
            deleted.systems["crm"].person_undelete("contact", deleted.crm_id)

    deleted.boundary = meanwhile
    for _ in range(3):
        summary = deleted.sync()
    assert summary.converged
    assert living(deleted) == [1, 1]
    assert topics(deleted) == []
    assert deleted.only("crm", "contact").id == deleted.crm_id
