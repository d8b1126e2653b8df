"""A contact's part in a campaign: it is known by whom it joins, arrives after both, and is nowhere where one is not."""

from __future__ import annotations

from typing import Any

import pytest

from tieline.runner.titles import Titles

KINDS = ("account", "campaign", "contact", "campaign_member")


def there(office: Any, system: str, kind: Any, crm_id: str) -> str:
    """The id in another system of what crm calls `crm_id`."""
    query = "SELECT remote_id FROM link WHERE system = ? AND gone IS NULL AND record = ?"
    [(remote_id,)] = office.store.db.rows(query, system, office.record_of("crm", kind, crm_id))
    return str(remote_id)


@pytest.fixture
def fair(office: Any) -> Any:
    """Two systems that know a person and a campaign alike, and members."""
    for name in ("crm", "mail"):
        office.add(name, KINDS)
        office.create(name, "contact", email="ada@firm.example")
        office.create(name, "campaign", name="Spring fair")
    office.ada = office.only("crm", "contact").id
    office.fair = office.only("crm", "campaign").id
    return office


def member(office: Any, system: str, contact: str, campaign: str, **fields: Any) -> str:
    return str(office.create(system, "campaign_member", contact=contact, campaign=campaign, **fields))


def member_in_mail(fair: Any, **fields: Any) -> str:
    ids = (fair.only("mail", kind).id for kind in ("contact", "campaign"))
    return member(fair, "mail", *ids, **fields)


def test_members_of_one_contact_and_campaign_are_one_and_nothing_is_made_twice(fair: Any) -> None:
    mine = member(fair, "crm", fair.ada, fair.fair, status="Sent")
    other = member_in_mail(fair, responded=True)
    summary = fair.sync()
    assert (summary.converged, fair.reviews()) == (True, [])
    assert fair.record_of("crm", "campaign_member", mine) == fair.record_of("mail", "campaign_member", other)
    for system in ("crm", "mail"):
        held = fair.only(system, "campaign_member").fields
        assert (held["status"], held["responded"]) == ("Sent", True)
    assert fair.sync().orders == {}
    fair.edit("mail", "campaign_member", other, status="Responded")
    fair.sync()
    assert fair.only("crm", "campaign_member").fields["status"] == "Responded"


def test_a_member_is_called_by_whom_it_joins_in_a_plan_and_in_a_question(fair: Any) -> None:
    bo = fair.create("crm", "contact", email="bo@firm.example", first_name="Bo", last_name="Berg")
    member(fair, "crm", bo, fair.fair)
    mine, other = member(fair, "crm", fair.ada, fair.fair, status="Sent"), member_in_mail(fair, status="Sent")
    planned = fair.plan(listing=50).orders_list
    made = [o["title"] for o in planned if (o["op"], o["kind"]) == ("create", "campaign_member")]
    assert made == ["Bo Berg in Spring fair"]
    fair.sync()
    for system, row, status in (("crm", mine, "Opened"), ("mail", other, "Declined")):
        fair.systems[system].person_edit("campaign_member", row, {"status": status})
    fair.sync()
    [review] = fair.store.book.reviews()
    assert review["summary"].startswith("ada@firm.example in Spring fair: status was edited in crm and mail")


def test_a_member_that_comes_later_finds_the_one_that_is_there(fair: Any) -> None:
    mine = member(fair, "crm", fair.ada, fair.fair, status="Sent")
    fair.rule("mail", "campaign_member", create=False)
    fair.sync()
    other = member_in_mail(fair)
    fair.sync()
    assert fair.record_of("crm", "campaign_member", mine) == fair.record_of("mail", "campaign_member", other)


def test_a_member_is_made_after_its_contact_and_its_campaign_and_names_them_by_their_ids_there(fair: Any) -> None:
    bob = fair.create("crm", "contact", email="bob@firm.example")
    trip = fair.create("crm", "campaign", name="Trip")
    member(fair, "crm", bob, trip, status="Sent")
    assert fair.sync().converged
    made = fair.only("mail", "campaign_member").fields
    assert made["contact"] == there(fair, "mail", "contact", bob)
    assert made["campaign"] == there(fair, "mail", "campaign", trip)
    kinds = [e.kind for e in fair.systems["mail"].history if e.field == "@created" and e.who == "hub"]
    assert kinds[-1] == "campaign_member"
    assert fair.sync().orders == {}


def test_a_member_whose_contact_is_not_known_yet_waits_and_then_finds_its_like(fair: Any) -> None:
    mine = member(fair, "crm", fair.ada, fair.fair, status="Sent")
    fair.create("crm", "contact", email="ada@firm.example")  # whose is whose: a person has to say
    other = member_in_mail(fair)
    fair.sync()
    assert fair.record_of("mail", "campaign_member", other) is None
    assert fair.store.db.rows("SELECT state FROM link WHERE system = 'mail' AND remote_id = ?", other) == [("waiting",)]
    assert len(fair.systems["mail"].alive("campaign_member")) == 1
    fair.answer("accepted", choice=f"crm:{fair.ada}", topic="match")
    fair.sync()
    fair.sync()
    assert fair.record_of("crm", "campaign_member", mine) == fair.record_of("mail", "campaign_member", other)
    assert len(fair.systems["mail"].alive("campaign_member")) == 1


def test_a_system_without_the_kind_or_without_one_of_the_ends_has_no_member(fair: Any) -> None:
    fair.add("desk", ("account", "contact"))
    fair.add("list", ("account", "contact", "campaign_member"))
    member(fair, "crm", fair.ada, fair.fair, status="Sent")
    summary = fair.sync()
    assert (summary.converged, fair.reviews()) == (True, [])
    assert fair.systems["list"].alive("campaign_member") == []
    assert "campaign_member" not in summary.records["desk"]
    assert fair.sync().orders == {}


def test_a_member_of_somebody_who_is_filtered_out_is_so_too_until_that_ends(fair: Any) -> None:
    fair.filters["crm"] = {"contact": lambda fields: fields["email"] != "bob@firm.example"}
    bob = fair.create("crm", "contact", email="bob@firm.example")
    member(fair, "crm", bob, fair.fair, status="Sent")
    for _ in range(2):
        summary = fair.sync()
        assert (summary.converged, summary.outcome) == (True, "done")
        assert fair.systems["mail"].alive("campaign_member") == []
    assert fair.store.db.rows("SELECT state FROM link WHERE kind = 'campaign_member'") == [("filtered",)]
    fair.filters.clear()
    fair.edit("crm", "contact", bob, email="bob@home.example")
    fair.store.trees.forget_versions()
    fair.sync()
    assert len(fair.systems["mail"].alive("campaign_member")) == 1


def test_a_member_is_not_made_where_its_ends_cannot_be_given(fair: Any) -> None:
    fair.add("list", KINDS, read_only=frozenset({"campaign_member.contact"}))
    member(fair, "crm", fair.ada, fair.fair, status="Sent")
    assert fair.sync().converged
    assert (fair.systems["list"].alive("campaign_member"), fair.reviews()) == ([], [])


def test_a_create_whose_answer_was_lost_is_known_again_by_whom_it_joins(office: Any) -> None:
    for name in ("crm", "mail"):
        office.add(name, KINDS, stamps=False, unique_hub_id=False)
        office.create(name, "contact", email="ada@firm.example")
        for title in ("Fair", "Trip"):
            office.create(name, "campaign", name=title)
    office.sync()
    ada = office.only("crm", "contact").id
    for campaign in office.systems["crm"].alive("campaign"):
        member(office, "crm", ada, campaign.id, status="Sent")
    with office.faults["mail"].during("lost_after"):
        office.sync()
    for _ in range(3):
        office.sync()
    assert len(office.systems["mail"].alive("campaign_member")) == 2
    assert office.reviews() == []
    for place in office.systems["crm"].alive("campaign_member"):
        assert there(office, "mail", "campaign_member", place.id)


def test_two_members_of_one_pair_in_one_system_are_a_question(fair: Any) -> None:
    for status in ("Sent", "Responded"):
        member(fair, "crm", fair.ada, fair.fair, status=status)
    fair.sync()
    assert {r["topic"] for r in fair.reviews()} == {"match"}
    assert len(fair.systems["mail"].alive("campaign_member")) < 2


def test_a_member_is_not_made_beside_one_that_takes_no_part(fair: Any) -> None:
    fair.filters["mail"] = {"campaign_member": lambda fields: fields["status"] != "Hidden"}
    member_in_mail(fair, status="Hidden")
    member(fair, "crm", fair.ada, fair.fair, status="Sent")
    fair.sync()
    assert [r["topic"] for r in fair.reviews()] == ["match"]
    assert len(fair.systems["mail"].alive("campaign_member")) == 1


def test_after_a_merge_of_contacts_a_member_of_the_winner_is_the_one_that_was_the_losers(fair: Any) -> None:
    bob = fair.create("crm", "contact", email="bob@firm.example")
    mine = member(fair, "crm", bob, fair.fair, status="Sent")
    fair.rule("mail", "campaign_member", create=False)
    fair.sync()
    contact = there(fair, "mail", "contact", fair.ada)
    fair.systems["mail"].person_merge("contact", contact, there(fair, "mail", "contact", bob))
    fair.sync()  # in crm they are two, and the member's contact stays who it was
    other = member(fair, "mail", contact, fair.only("mail", "campaign").id)
    fair.sync()
    assert fair.record_of("crm", "campaign_member", mine) == fair.record_of("mail", "campaign_member", other)


def test_a_member_that_was_pointed_at_somebody_else_is_found_there_and_not_where_it_was(office: Any) -> None:
    for name in ("crm", "mail"):
        office.add(name, KINDS)
    ada, bob = (office.create("crm", "contact", email=f"{n}@firm.example") for n in ("ada", "bob"))
    trip = office.create("crm", "campaign", name="Trip")
    office.rule("mail", "campaign_member", mode="read")
    mine = member(office, "crm", ada, trip)
    office.sync()
    office.edit("crm", "campaign_member", mine, contact=bob)
    office.sync()
    ends = [there(office, "mail", kind, i) for kind, i in (("contact", ada), ("contact", bob), ("campaign", trip))]
    old, new = member(office, "mail", ends[0], ends[2]), member(office, "mail", ends[1], ends[2])
    office.sync()
    own = office.record_of("crm", "campaign_member", mine)
    assert office.record_of("mail", "campaign_member", new) == own
    assert office.record_of("mail", "campaign_member", old) not in (None, own)


def test_a_member_that_is_deleted_is_asked_about_and_made_nowhere_again(fair: Any) -> None:
    mine = member(fair, "crm", fair.ada, fair.fair, status="Sent")
    fair.sync()
    fair.systems["crm"].person_delete("campaign_member", mine)
    fair.sync()
    assert [r["topic"] for r in fair.reviews()] == ["delete"]
    assert fair.systems["crm"].alive("campaign_member") == []
    fair.answer("accepted")
    fair.sync()
    assert fair.systems["mail"].alive("campaign_member") == []


def test_a_member_of_which_only_one_end_is_known_is_called_by_its_id(fair: Any) -> None:
    fair.sync()
    ada = fair.record_of("crm", "contact", fair.ada)
    names = Titles(fair.store, "campaign_member")
    half = {"contact": ada, "campaign": None}
    names.prepare([half])
    assert names.of("r", half) == "r"
