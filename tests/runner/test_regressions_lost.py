"""Creates whose answer was lost where the system has no field for the hub id, and stores values in its own way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tieline.errors import Unavailable
from tieline.model import Outcome
from tieline.records import Cell
from tieline.store import StoreFull
from tieline.testing.character import lower

A_MINUTE = 60_000


def upper(cell: Cell) -> Cell:
    return cell.upper() if isinstance(cell, str) else cell


def digits(cell: Cell) -> Cell:
    return "".join(c for c in str(cell) if c.isdigit())


def catalogued(cell: Cell) -> Cell:
    """A spelling that no usual normal form explains."""
    return cell if str(cell).startswith("9-") else f"9-{cell}"


def lose(office: Any, *, arrives: bool) -> None:
    """The answer to the next write in mail is lost."""
    mail = office.connectors["mail"]
    take = mail.write

    def write(stream: str, writes: Any) -> Any:
        mail.write = take
        if arrives:
            take(stream, writes)
        raise Unavailable("the line is cut", sent=True)

    mail.write = write


def unstamped(office: Any, **normal: Any) -> None:
    """`mail` has no field for the hub id; it was joined before anything is lost."""
    office.add("crm")
    office.add("mail", stamps=False, unique_hub_id=False, normal=normal)
    office.create("crm", "account", name="First")
    office.sync()


def test_an_unknown_outcome_that_is_all_there_was_to_do_is_found_out_by_the_same_run(office: Any) -> None:
    office.add("crm", stamps=False, unique_hub_id=False)
    office.add("mail")
    office.create("crm", "contact", last_name="Lovelace")
    mail = office.connectors["mail"]
    take = mail.write

    def write(stream: str, writes: Any) -> Any:
        mail.write = take
        return [Outcome("unknown") for _ in take(stream, writes)]

    mail.write = write
    office.sync()
    assert [*office.store.work.intents()] == []
    assert office.only("mail", "contact").fields["last_name"] == "Lovelace"


@pytest.mark.parametrize("normal", [{"phone": digits}, {"last_name": upper}, {}])
def test_a_lost_create_is_found_again_in_the_systems_own_spelling(office: Any, normal: Any) -> None:
    unstamped(office, **normal)
    office.create("crm", "contact", last_name="Lovelace", phone="+1 555 1")
    lose(office, arrives=True)
    for _ in range(4):
        summary = office.sync()
    assert len(office.systems["mail"].alive("contact")) == len(office.systems["crm"].alive("contact")) == 1
    assert (summary.outcome, summary.converged, summary.writes) == ("done", True, 0)
    assert office.only("crm", "contact").fields["last_name"] == "Lovelace"


@pytest.mark.parametrize("arrives", [True, False])
def test_a_create_that_did_not_arrive_is_made_though_others_came_meanwhile(office: Any, arrives: bool) -> None:
    unstamped(office)
    office.create("crm", "contact", last_name="Lovelace", email="ada@firm.example")
    lose(office, arrives=arrives)
    office.sync()
    office.create("mail", "contact", last_name="Hopper", email="bob@firm.example")
    for _ in range(3):
        summary = office.sync()
    assert summary.converged
    both = ["ada@firm.example", "bob@firm.example"]
    assert [office.values(s, "contact", "email") for s in ("crm", "mail")] == [both, both]


def test_of_two_lost_creates_that_are_alike_each_finds_its_own(office: Any) -> None:
    unstamped(office)
    office.create("crm", "contact", last_name="Lund", phone="+1 555 1")
    office.create("crm", "contact", last_name="Lund")
    lose(office, arrives=True)
    for _ in range(4):
        summary = office.sync()
        assert office.store.book.reviews("all") == []
    assert (summary.outcome, summary.converged, summary.writes) == ("done", True, 0)
    assert office.values("mail", "contact", "phone") == ["+1 555 1", None]


def test_a_lost_create_that_somebody_has_edited_since_is_not_made_again(office: Any) -> None:
    unstamped(office)
    office.create("crm", "contact", last_name="Lovelace", email="ada@firm.example")
    lose(office, arrives=True)
    office.sync()
    made = office.only("mail", "contact").id
    office.edit("mail", "contact", made, email="ada@moved.example")
    assert office.sync().reviews == 1
    office.answer("accepted")
    assert office.sync().converged
    assert [office.values(s, "contact", "email") for s in ("crm", "mail")] == [["ada@moved.example"]] * 2


@pytest.fixture
def undecided(office: Any) -> Any:
    """The lost create arrived, in a spelling that nobody can tell from somebody else's entry."""
    unstamped(office, phone=catalogued)
    office.create("crm", "contact", first_name="Ada", last_name="Lovelace", phone="555")
    lose(office, arrives=True)
    office.sync()
    office.sync()
    return office


def test_what_nobody_can_decide_is_asked_and_nothing_is_made_meanwhile(undecided: Any) -> None:
    for _ in range(3):
        summary = undecided.sync()
    assert (summary.outcome, summary.reviews, summary.converged) == ("waiting", 1, True)
    [review] = undecided.reviews()
    made = undecided.only("mail", "contact").id
    assert (review["topic"], review["detail"]["choices"]) == ("lost", [f"mail:{made}"])
    undecided.only("crm", "contact")


def test_a_person_says_which_it_is(undecided: Any) -> None:
    undecided.answer("accepted")
    for _ in range(3):
        summary = undecided.sync()
    assert (summary.outcome, summary.converged, summary.writes) == ("done", True, 0)
    crm, mail = undecided.only("crm", "contact"), undecided.only("mail", "contact")
    assert undecided.record_of("mail", "contact", mail.id) == undecided.record_of("crm", "contact", crm.id)


def test_a_person_says_that_it_was_not_made(undecided: Any) -> None:
    undecided.answer("rejected")
    for _ in range(3):
        summary = undecided.sync()
    assert (summary.outcome, summary.converged) == ("done", True)
    assert len(undecided.systems["mail"].alive("contact")) == 2


def test_an_answer_that_names_nobody_is_asked_again(undecided: Any) -> None:
    undecided.answer("accepted", "mail:somebody")
    assert undecided.sync().reviews == 1
    undecided.only("mail", "contact")


def test_the_question_goes_when_nothing_that_could_be_it_is_left(undecided: Any) -> None:
    mail = undecided.systems["mail"]
    mail.person_delete("contact", undecided.only("mail", "contact").id)
    for _ in range(3):
        summary = undecided.sync()
    assert (summary.reviews, summary.converged) == (0, True)
    assert undecided.only("mail", "contact").fields["first_name"] == "Ada"


def test_two_that_could_be_it_are_a_question_even_when_both_hold_all_that_was_sent(office: Any) -> None:
    unstamped(office)
    office.create("crm", "contact", last_name="Lovelace")
    lose(office, arrives=True)
    office.sync()
    office.create("mail", "contact", last_name="Lovelace")
    office.sync()
    office.sync()
    assert len(office.systems["mail"].alive("contact")) == 2
    [review] = office.reviews()
    assert (review["topic"], len(review["detail"]["choices"])) == ("lost", 2)
    office.answer("accepted", review["detail"]["choices"][0])
    for _ in range(3):
        summary = office.sync()
    assert (summary.reviews, summary.converged) == (0, True)
    assert [len(office.systems[s].alive("contact")) for s in ("crm", "mail")] == [2, 2]


def test_what_a_lost_create_made_is_not_taken_for_somebody_else_with_its_address(office: Any) -> None:
    office.add("crm")
    office.add("mail", unique_email=True)
    office.create("crm", "account", name="First")
    office.sync()
    for name in ("Lovelace", "Byron"):
        office.create("crm", "contact", email="ada@firm.example", last_name=name)
    take = office.connectors["mail"].write

    def write(stream: str, writes: Any) -> Any:
        first, *rest = take(stream, writes)
        return [first._replace(status="unknown", remote_id=None, remote=None), *rest]

    office.sync()
    office.answer("rejected")  # they are two
    office.connectors["mail"].write = write
    office.sync()
    office.connectors["mail"].write = take
    made = office.only("mail", "contact")
    office.sync()
    assert office.record_of("mail", "contact", made.id) == made.hub_id


# -- merged, by people, while nobody knew


def lose_in(office: Any, system: str, op: str = "create", *, arrives: bool) -> None:
    """The answer to the next such write in a system is lost."""
    connector = office.connectors[system]
    take = connector.write

    def write(stream: str, writes: Any) -> Any:
        if all(w.op != op for w in writes):
            return take(stream, writes)
        connector.write = take
        if arrives:
            take(stream, writes)
        raise Unavailable("the line is cut", sent=True)

    connector.write = write


def read_and_left_behind(office: Any, system: str) -> None:
    """What was just merged there is read, and so is something newer: no later reading of changes meets it again."""
    office.sync()
    office.create(system, "contact", email="later@firm.example", last_name="Later")
    office.sync()


@pytest.mark.parametrize("delete", ["archive", "review"])
def test_what_a_lost_create_made_and_a_person_merged_away_is_not_taken_for_deleted(office: Any, delete: str) -> None:
    office.add("crm")
    office.add("mail", unique_hub_id=False, server_ms=600_000)  # it may linger: the merge is read before it is found
    office.rule("mail", "contact", delete=delete)
    kept = office.create("mail", "contact", email="two@firm.example", last_name="Two")
    office.sync()
    office.create("crm", "contact", email="one@firm.example", last_name="One")
    lose_in(office, "mail", arrives=True)
    office.sync()
    made = office.by_name("mail", "contact", "One", "last_name").id
    office.clock.advance(1000)
    office.systems["mail"].person_merge("contact", kept, made)
    read_and_left_behind(office, "mail")
    assert [*office.store.work.intents()], "the create was found before its time: this proves nothing"
    office.sync(900_000)
    office.answer("accepted", topic="delete")
    for _ in range(3):
        office.sync()
    assert [r["topic"] for r in office.reviews()] == ["merge"], "the merge was taken for a deletion"
    assert office.values("crm", "contact", "last_name") == ["Later", "One", "Two"]


@pytest.mark.parametrize("arrives", [True, False])
def test_who_was_merged_away_is_not_what_a_later_create_made(pair: Any, arrives: bool) -> None:
    one = pair.create("crm", "contact", email="one@firm.example", last_name="One")
    two = pair.create("crm", "contact", email="two@firm.example", last_name="Two")
    pair.sync()
    pair.sync()
    pair.clock.advance(1000)
    pair.systems["crm"].person_merge("contact", two, one)
    read_and_left_behind(pair, "crm")
    lose_in(pair, "crm", arrives=arrives)
    pair.answer("rejected", topic="merge")  # they are two after all: the crm gets the first again
    for _ in range(4):
        summary = pair.sync()
    assert pair.reviews() == [], "the loser of the merge was taken for what the create made"
    assert (summary.outcome, summary.converged, summary.writes) == ("done", True, 0)
    names = ["Later", "One", "Two"]
    assert [pair.values(s, "contact", "last_name") for s in ("crm", "mail")] == [names, names]


def test_the_target_of_a_lost_update_that_was_merged_away_is_not_taken_for_deleted(office: Any) -> None:
    office.add("crm", index_lag_ms=300_000)  # reading it tells of the merge before any list of changes does
    office.add("mail")
    office.rule("crm", "contact", delete="archive")
    one = office.create("crm", "contact", email="one@firm.example", last_name="One")
    two = office.create("crm", "contact", email="two@firm.example", last_name="Two")
    for _ in range(2):
        office.sync(600_000)
    office.edit("mail", "contact", office.by_name("mail", "contact", "One", "last_name").id, title="Countess")
    lose_in(office, "crm", "update", arrives=False)
    office.sync()
    assert [*office.store.work.intents()], "no update was lost: this proves nothing"
    office.clock.advance(1000)
    office.systems["crm"].person_merge("contact", two, one)
    for _ in range(2):
        office.sync()
    assert [r["topic"] for r in office.reviews()] == ["merge"], "the merge was taken for a deletion"
    assert office.values("mail", "contact", "last_name") == ["One", "Two"]


# -- late, and deleted before anybody here saw it


def give_up(office: Any, **character: Any) -> Callable[[], Any]:
    """A create is sent to mail and given up. Returns what makes it arrive there after all; mail takes writes again."""
    office.add("crm")
    office.add("mail", **character)
    office.create("crm", "contact", last_name="Lovelace", email="Ada@Firm.example")
    mail, memory = office.connectors["mail"], office.systems["mail"]
    take, sent = mail.write, []

    def write(stream: str, writes: Any) -> Any:
        again = bool(sent)
        sent.extend(writes)
        raise Unavailable("the line is cut", sent=not again)

    mail.write = write
    office.sync()
    office.sync()  # looks, finds nothing, and cannot make it now
    mail.write = take
    return lambda: memory.create("contact", sent[0].fields, "hub", sent[0].hub_id)


def come_late(office: Any, deleted: bool) -> str:
    """A create arrives in mail after it was given up; perhaps somebody deletes it at once. Returns its id there."""
    made = give_up(office)()
    office.clock.advance(1000)
    if deleted:
        office.systems["mail"].person_delete("contact", made.id)
    return str(made.id)


@pytest.mark.parametrize("policy", ["review", "archive", "ignore"])
def test_a_create_that_arrives_after_it_was_given_up_and_is_deleted_at_once_is_not_repeated(
    office: Any, policy: str
) -> None:
    office.rule("mail", "contact", delete=policy)
    come_late(office, deleted=True)
    for _ in range(3):
        summary = office.sync()
    assert summary.converged
    assert office.systems["mail"].alive("contact") == []
    assert [r["topic"] for r in office.reviews()] == (["delete"] if policy == "review" else [])
    assert len(office.systems["crm"].alive("contact")) == (0 if policy == "archive" else 1)


def test_a_create_that_arrives_after_it_was_given_up_is_found(office: Any) -> None:
    made = come_late(office, deleted=False)
    for _ in range(3):
        summary = office.sync()
    assert summary.converged
    assert office.only("mail", "contact").id == made
    assert office.record_of("mail", "contact", made) == office.record_of(
        "crm", "contact", office.only("crm", "contact").id
    )


@pytest.mark.parametrize("met", ["in the feed", "after it was lost once more", "as it is made again"])
def test_what_a_late_create_brings_along_is_no_edit_and_overwrites_none(office: Any, met: str) -> None:
    arrive = give_up(office, normal={"email": lower})
    mail = office.connectors["mail"]
    take = mail.write

    def write(stream: str, writes: Any) -> Any:
        mail.write = take
        if met != "as it is made again":
            raise Unavailable("the line is cut", sent=met != "in the feed")
        arrive()
        return take(stream, writes)

    ada = office.only("crm", "contact").id
    office.edit("crm", "contact", ada, last_name="Byron", email="Byron@Firm.example", title="Countess")
    mail.write = write
    office.sync()
    if met != "as it is made again":
        arrive()
    for _ in range(3):
        summary = office.sync()
    assert summary.converged
    shown = [office.only(name, "contact").fields for name in ("crm", "mail")]
    assert [f["last_name"] for f in shown] == ["Byron", "Byron"]
    assert [f["email"] for f in shown] == ["Byron@Firm.example", "byron@firm.example"]
    assert not [*office.store.work.conflicts(0)], "nobody said what the late create brought along"


def test_what_a_person_wrote_over_a_late_create_is_an_edit(office: Any) -> None:
    made = give_up(office)()
    office.edit("crm", "contact", office.only("crm", "contact").id, last_name="Byron")
    office.edit("mail", "contact", made.id, last_name="King")
    for _ in range(3):
        office.sync()
    assert [office.only(name, "contact").fields["last_name"] for name in ("crm", "mail")] == ["King", "King"]


def test_a_deleted_copy_of_what_was_never_lost_is_no_deletion(office: Any) -> None:
    office.add("crm")
    office.add("mail")
    office.rule("mail", "contact", create=False, delete="archive")
    ada = office.create("crm", "contact", last_name="Lovelace")
    office.sync()
    memory = office.systems["mail"]
    copy = memory.create("contact", {"last_name": "Lovelace"}, "person", office.record_of("crm", "contact", ada))
    memory.person_delete("contact", copy.id)
    office.sync()
    office.sync()
    assert office.only("crm", "contact").id == ada


@pytest.mark.parametrize("arrives", [True, False])
def test_a_copy_whose_own_id_was_lost_on_the_way_gets_it_in_the_end(office: Any, arrives: bool) -> None:
    office.add("crm")
    office.add("mail", unique_hub_id=False)
    office.create("crm", "contact", email="ada@firm.example")
    office.sync()
    mail = office.systems["mail"]
    made = office.only("mail", "contact")
    copy = mail.create("contact", {"email": "twin@firm.example"}, "person", made.hub_id).id
    office.sync()
    office.answer("rejected")  # somebody else, who carries the id of the one it was copied from
    lose(office, arrives=arrives)
    for _ in range(4):
        summary = office.sync()
    assert (summary.converged, summary.writes) == (True, 0)
    assert mail.get("contact", copy).hub_id == office.record_of("mail", "contact", copy) != made.hub_id


def test_a_create_that_a_late_index_may_still_show_is_not_made_again(office: Any) -> None:
    office.add("crm")
    office.add("mail", stamps=False, unique_hub_id=False, late_commit_ms=5 * A_MINUTE)
    office.create("crm", "account", name="First")
    office.sync()
    office.create("crm", "contact", last_name="Lund")
    lose(office, arrives=False)
    for _ in range(4):
        office.sync()
        assert office.systems["mail"].alive("contact") == []
    for _ in range(4):
        office.sync()
    assert office.values("mail", "contact", "last_name") == ["Lund"]


def test_what_ends_a_run_ends_it_also_where_it_looks_for_lost_answers(office: Any) -> None:
    office.add("crm")
    office.add("mail")
    office.create("crm", "contact", last_name="Lund")
    lose(office, arrives=True)
    office.sync()

    def full(moment: str) -> None:
        if moment == "settled":
            raise StoreFull("the disk is full")

    office.boundary = full
    writes = office.inner["mail"].calls["write"]
    office.create("crm", "contact", last_name="Berg")
    with pytest.raises(StoreFull):
        office.sync()
    assert office.inner["mail"].calls["write"] == writes


def test_a_late_create_that_somebody_deletes_ends_nothing_of_the_one_that_was_made_instead(office: Any) -> None:
    arrive = give_up(office, unique_hub_id=False)
    office.sync()
    office.sync()
    kept = office.only("mail", "contact")
    late = arrive()
    office.clock.advance(1000)
    office.systems["mail"].person_delete("contact", late.id)
    office.edit("crm", "contact", office.only("crm", "contact").id, title="Countess")
    for _ in range(2):
        office.sync()
    assert office.reviews() == []
    assert office.only("mail", "contact").id == kept.id
    assert office.only("mail", "contact").fields["title"] == "Countess"


def test_an_archive_whose_answer_was_lost_is_the_hubs_and_not_a_deletion_by_somebody_there(office: Any) -> None:
    office.add("crm")
    office.add("mail")
    office.rule("crm", "contact", delete="archive")
    office.rule("mail", "contact", delete="ignore")  # what people delete there stays deleted
    ada = office.create("crm", "contact", last_name="Lovelace")
    office.sync()
    office.sync()
    office.systems["crm"].person_delete("contact", ada)
    lose(office, arrives=True)
    office.sync()
    office.sync()
    assert office.systems["mail"].alive("contact") == []
    office.systems["crm"].person_undelete("contact", ada)
    for _ in range(2):
        office.sync()
    assert office.only("mail", "contact").fields["last_name"] == "Lovelace"


def test_nobody_is_asked_about_what_a_create_may_have_made_whose_answer_is_still_to_come(office: Any) -> None:
    office.add("crm")
    office.add("mail", unique_hub_id=False, server_ms=10 * A_MINUTE)
    office.create("crm", "contact", last_name="Lovelace", email="ada@firm.example")
    lose(office, arrives=True)
    office.sync()
    assert office.sync().reviews == 0
    assert office.reviews() == []
    office.sync(pause_ms=20 * A_MINUTE)
    office.only("mail", "contact")
