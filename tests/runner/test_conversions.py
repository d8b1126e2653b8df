"""People convert leads into contacts: a remote lives on in another stream of its system, and its link goes along."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tieline.errors import Unavailable


@pytest.fixture
def leads(office: Any) -> Any:
    """`crm` has leads besides its contacts, `mail` has none."""
    office.add("crm", leads=True)
    office.add("mail")
    return office


def lost_for_now(*args: Any) -> Any:
    raise Unavailable("maintenance")


def lead(office: Any, **fields: Any) -> str:
    office.clock.advance(60_000)
    return str(office.systems["crm"].person_create("contact", {"last_name": "Ada", **fields}, stream="leads"))


def convert(office: Any, lead: str, contact: str | None = None) -> str:
    office.clock.advance(60_000)
    return str(office.systems["crm"].person_convert(lead, contact))


def settled(office: Any) -> None:
    """A few runs, of which the last writes nothing and leaves nothing open."""
    for _ in range(3):
        office.sync()
    last = office.sync()
    assert (last.writes, last.converged, office.reviews()) == (0, True, [])


def test_a_lead_is_read_and_updated_like_any_contact(leads: Any) -> None:
    ada = lead(leads, email="ada@firm.example")
    leads.sync()
    leads.edit("mail", "contact", leads.only("mail", "contact").id, title="Countess")
    leads.sync()
    assert leads.systems["crm"].get("contact", ada).fields["title"] == "Countess"


def test_new_people_become_contacts_and_never_leads(leads: Any) -> None:
    leads.create("mail", "contact", last_name="Grace", email="grace@firm.example")
    leads.sync()
    assert leads.only("crm", "contact").stream == "contacts"


def test_a_converted_lead_is_the_contact_from_then_on(leads: Any) -> None:
    ada = lead(leads, email="ada@firm.example", title="Countess")
    leads.sync()
    record = leads.record_of("crm", "contact", ada)
    before = leads.hub_writes("mail")
    contact = convert(leads, ada)
    leads.sync()
    assert leads.record_of("crm", "contact", contact) == record
    assert leads.record_of("crm", "contact", ada) == record, "the old id still leads there"
    assert leads.hub_writes("mail") == before
    settled(leads)
    assert [e.note for e in leads.journal("crm", "contact", contact) if e.op == "convert"] == [
        f"leads {ada} became contacts {contact}"
    ]


def test_the_hub_id_is_stamped_on_the_contact_where_the_conversion_does_not_carry_it(leads: Any) -> None:
    ada = lead(leads, email="ada@firm.example")
    leads.sync()
    contact = convert(leads, ada)
    leads.sync()
    assert leads.systems["crm"].get("contact", contact).hub_id == leads.record_of("crm", "contact", contact)
    settled(leads)


def test_a_conversion_that_carries_the_hub_id_needs_no_stamp(office: Any) -> None:
    office.add("crm", leads=True, carries_hub_id=True)
    office.add("mail")
    ada = lead(office, email="ada@firm.example")
    office.sync()
    convert(office, ada)
    assert office.sync().writes == 0


def test_what_a_conversion_leaves_behind_is_filled_again_and_cleared_nowhere(office: Any) -> None:
    office.add("crm", leads=True, behind=frozenset({"title", "phone"}))
    office.add("mail")
    ada = lead(office, email="ada@firm.example", title="Countess", phone="1815")
    office.sync()
    contact = convert(office, ada)
    settled(office)
    assert office.systems["crm"].get("contact", contact).fields["title"] == "Countess"
    assert office.only("mail", "contact").fields["phone"] == "1815"


def test_an_edit_on_the_contact_after_the_conversion_travels(leads: Any) -> None:
    ada = lead(leads, email="ada@firm.example", title="Countess")
    leads.sync()
    contact = convert(leads, ada)
    leads.edit("crm", "contact", contact, title=None, phone="1815")
    leads.edit("crm", "contact", contact, title="Analyst")
    settled(leads)
    assert leads.only("mail", "contact").fields["title"] == "Analyst"


@pytest.mark.parametrize("traits", [{}, {"carries_hub_id": True}, {"conditional": True}, {"answers_state": False}])
@pytest.mark.parametrize("email", ["ada@firm.example", None])
def test_whenever_a_conversion_happens_nobody_is_made_twice_and_no_edit_is_lost(
    office: Any, email: str | None, traits: Any
) -> None:
    office.add("crm", leads=True, **traits)
    office.add("mail")
    steps = 0
    for moment in range(1, 200):
        ada = lead(office, email=email and f"{moment}.{email}")
        office.sync()
        there = office.systems["mail"].alive("contact")[-1].id
        office.edit("mail", "contact", there, title="Countess")
        steps = 0

        def now_and_then(name: str, ada: str = ada, moment: int = moment) -> None:
            nonlocal steps
            steps += 1
            if steps == moment:
                office.systems["crm"].person_convert(ada)

        office.boundary = now_and_then
        office.sync()
        office.boundary = lambda name: None
        if steps < moment:
            break
        settled(office)
        contacts = office.systems["crm"].alive("contact")
        assert len(contacts) == len(office.systems["mail"].alive("contact")) == moment
        assert contacts[-1].fields["title"] == "Countess"
    assert moment > 10, "the run has more steps than that"


@pytest.mark.parametrize("linked", [True, False])
def test_a_lead_that_joins_a_contact_that_was_there_makes_the_two_one(leads: Any, linked: bool) -> None:
    ada = lead(leads, email="ada@firm.example")
    leads.sync()
    known = leads.record_of("crm", "contact", ada)
    there = leads.create("crm", "contact", last_name="Ada", first_name="A.", phone="1815")
    if linked:
        leads.sync()
    convert(leads, ada, there)
    leads.sync()
    if linked:  # mail has both by now: only a person knows what should become of the second one
        assert [q["topic"] for q in leads.answer("accepted")] == ["merge"]
        leads.sync()
    else:
        assert leads.record_of("crm", "contact", there) == known
    settled(leads)
    assert leads.only("mail", "contact").fields["phone"] == "1815"
    assert leads.only("crm", "contact").id == there


def test_a_lead_and_a_contact_with_one_address_are_asked_about(leads: Any) -> None:
    lead(leads, email="ada@firm.example")
    leads.create("crm", "contact", last_name="Ada", email="ada@firm.example")
    leads.sync()
    assert {q["topic"] for q in leads.reviews()} == {"match"}
    assert leads.systems["mail"].alive("contact") == []


def test_a_question_about_a_lead_ends_with_its_conversion_into_whom_it_was_about(leads: Any) -> None:
    ada = lead(leads, email="ada@firm.example")
    there = leads.create("crm", "contact", last_name="Ada", email="ada@firm.example")
    leads.sync()
    assert leads.reviews()
    convert(leads, ada, there)
    settled(leads)
    assert leads.record_of("crm", "contact", there) == leads.record_of(
        "mail", "contact", leads.only("mail", "contact").id
    )


def test_the_contact_of_a_conversion_waits_where_the_leads_could_not_be_read(leads: Any) -> None:
    ada = lead(leads)
    leads.sync()
    convert(leads, ada)
    inner = leads.inner["crm"]
    real = inner.changes

    def broken(stream: str, *args: Any) -> Any:
        if stream == "leads":
            raise Unavailable("maintenance")
        return real(stream, *args)

    inner.changes = broken
    assert leads.sync().outcome == "failed"
    assert len(leads.systems["mail"].alive("contact")) == 1
    inner.changes = real
    settled(leads)
    assert len(leads.systems["mail"].alive("contact")) == 1


def test_a_contact_that_was_deleted_right_after_its_conversion_is_asked_about_as_such(office: Any) -> None:
    office.add("crm", leads=True, stamps=False, unique_hub_id=False)
    office.add("mail")
    ada = lead(office, email="ada@firm.example")
    office.sync()
    office.systems["crm"].person_delete("contact", convert(office, ada))
    office.sync()
    [review] = office.reviews()
    assert (review["topic"], review["detail"]["system"]) == ("delete", "crm")


def test_a_contact_that_was_read_and_deleted_before_its_conversion_was_told_is_deleted(office: Any) -> None:
    office.add("crm", leads=True, stamps=False, unique_hub_id=False)
    office.add("mail")
    ada = lead(office, email="ada@firm.example")
    office.sync()
    contact = convert(office, ada)
    inner = office.inner["crm"]
    changes = inner.changes
    inner.changes = lambda stream, *args: lost_for_now() if stream == "leads" else changes(stream, *args)
    office.sync()
    inner.changes = changes
    office.systems["crm"].person_delete("contact", contact)
    office.sync()
    [review] = office.reviews()
    assert (review["topic"], review["detail"]["remote_id"]) == ("delete", contact)


def test_a_lead_that_a_person_took_out_of_the_bin_and_converted_lives(leads: Any) -> None:
    ada = lead(leads, email="ada@firm.example")
    leads.sync()
    leads.systems["crm"].person_delete("contact", ada)
    leads.sync()
    assert [q["topic"] for q in leads.reviews()] == ["delete"]
    leads.systems["crm"].person_undelete("contact", ada)
    contact = convert(leads, ada)
    settled(leads)
    assert leads.record_of("crm", "contact", contact) == leads.record_of(
        "mail", "contact", leads.only("mail", "contact").id
    )


def test_a_write_whose_answer_was_lost_is_not_taken_for_an_edit_made_in_the_conversion(leads: Any) -> None:
    ada = lead(leads, email="ada@firm.example", title="Countess")
    leads.sync()
    there = leads.only("mail", "contact").id
    leads.edit("mail", "contact", there, title="Analyst")
    inner = leads.inner["crm"]
    real = inner.write

    def lost(*args: Any) -> Any:
        real(*args)
        leads.edit("mail", "contact", there, title="Programmer")
        convert(leads, ada)
        inner.write = real
        raise Unavailable("no answer", sent=True)

    inner.write = lost
    leads.sync()
    changes, inner.changes = inner.changes, lost_for_now
    leads.sync()  # what became of the write is found out; the rest of crm is not read
    inner.changes = changes
    settled(leads)
    assert leads.only("crm", "contact").fields["title"] == "Programmer"
    assert leads.only("mail", "contact").fields["title"] == "Programmer"


def test_an_edit_of_a_lead_that_nobody_had_merged_stays_in_the_journal(leads: Any) -> None:
    ada = lead(leads, email="ada@firm.example", title="Countess")
    leads.sync()
    leads.edit("crm", "contact", ada, title="Analyst")
    leads.plan()  # reads, and writes nothing
    contact = convert(leads, ada)
    settled(leads)
    assert leads.only("mail", "contact").fields["title"] == "Analyst"
    [entry] = [e for e in leads.journal("crm", "contact", contact) if e.op == "convert"]
    assert '"title":["Countess","Analyst"' in entry.changes


def test_a_deal_names_a_lead_only_once_it_is_a_contact(office: Any) -> None:
    kinds = ("account", "contact", "opportunity")
    office.add("crm", kinds, leads=True)
    office.add("mail", kinds)
    ada = lead(office, email="ada@firm.example")
    office.sync()
    person = {"id": office.only("mail", "contact").id, "role": None, "primary": False}
    office.create("mail", "opportunity", name="Engine", contacts=[person])
    for _ in range(2):
        office.sync()
    assert office.only("crm", "opportunity").fields["contacts"] is None
    assert office.only("mail", "opportunity").fields["contacts"] == [person]
    contact = convert(office, ada)
    settled(office)
    assert [row["id"] for row in office.only("crm", "opportunity").fields["contacts"]] == [contact]
    assert office.only("mail", "opportunity").fields["contacts"] == [person]


def test_a_deleted_lead_is_not_made_again_as_a_contact(leads: Any) -> None:
    ada = lead(leads, email="ada@firm.example")
    leads.sync()
    leads.systems["crm"].person_delete("contact", ada)
    leads.sync()
    assert [q["topic"] for q in leads.answer("rejected")] == ["delete"]
    settled(leads)
    assert leads.systems["crm"].alive("contact") == []


def test_leads_that_take_no_part_any_more_are_not_made_again_as_contacts(leads: Any) -> None:
    lead(leads, email="ada@firm.example")
    leads.sync()
    crm = leads.connectors["crm"]
    crm.facts = replace(crm.facts, streams=tuple(s for s in crm.facts.streams if s.name != "leads"))
    leads.edit("mail", "contact", leads.only("mail", "contact").id, title="Countess")
    assert leads.sync().writes == 0
    assert len(leads.systems["crm"].alive("contact")) == 1


def test_who_was_taken_out_of_the_bin_and_converted_while_a_token_expired_is_nobody_new(office: Any) -> None:
    hour = 3_600_000
    office.add("crm", leads=True, feed=True, feed_ms=24 * hour)
    office.add("mail")
    ada = lead(office, title="Countess")
    office.sync()
    record = office.record_of("crm", "contact", ada)
    office.clock.advance(60_000)
    office.systems["crm"].person_delete("contact", ada)
    office.sync()
    office.systems["crm"].person_undelete("contact", ada)
    contact = convert(office, ada)
    office.clock.advance(25 * hour)
    for _ in range(3):
        office.sync()
    assert office.record_of("crm", "contact", contact) == record


def test_a_lead_that_comes_back_and_is_converted_while_it_is_to_be_made_anew_is_not_made_twice(leads: Any) -> None:
    ada = lead(leads, email="ada@firm.example")
    leads.sync()
    there = leads.only("mail", "contact").id
    record = leads.record_of("mail", "contact", there)
    leads.systems["crm"].person_delete("contact", ada)
    leads.systems["mail"].person_delete("contact", there)
    leads.sync()
    leads.systems["mail"].person_undelete("contact", there)  # so it is to be made in crm once more

    def meanwhile(name: str) -> None:
        if name == "planned":
            leads.boundary = lambda name: None
            leads.systems["crm"].person_undelete("contact", ada)
            convert(leads, ada)

    leads.boundary = meanwhile
    leads.sync()
    assert leads.record_of("crm", "contact", leads.only("crm", "contact").id) == record
    assert leads.only("crm", "contact").hub_id == record, "the same run goes on with whom it found"
    settled(leads)
    leads.only("crm", "contact")


def test_who_was_archived_everywhere_lives_again_when_the_lead_is_taken_out_of_the_bin_and_converted(
    leads: Any,
) -> None:
    leads.rule("crm", "contact", delete="archive")
    ada = lead(leads, email="ada@firm.example")
    leads.sync()
    leads.systems["crm"].person_delete("contact", ada)
    leads.sync()
    assert leads.systems["mail"].alive("contact") == []
    leads.systems["crm"].person_undelete("contact", ada)
    convert(leads, ada)
    settled(leads)
    assert leads.only("mail", "contact").fields["email"] == "ada@firm.example"
    leads.only("crm", "contact")


def convert_behind_a_write(leads: Any, ada: str) -> None:
    """The next write arrives, its answer is lost, and the lead is converted meanwhile."""
    inner = leads.inner["crm"]
    real = inner.write

    def lost(*args: Any) -> Any:
        real(*args)
        inner.write = real
        convert(leads, ada)
        raise Unavailable("no answer", sent=True)

    inner.write = lost


def test_a_write_that_a_conversion_carried_along_is_what_the_contact_is_known_by(leads: Any) -> None:
    ada = lead(leads, email="ada@firm.example")
    leads.sync()
    leads.edit("mail", "contact", leads.only("mail", "contact").id, email="king@firm.example")
    convert_behind_a_write(leads, ada)
    leads.sync()
    settled(leads)
    known = leads.store.trees.sharing("contact", ["email:king@firm.example"])
    assert sorted(m[0] for m in known["email:king@firm.example"]) == ["crm", "mail"]


def test_a_converted_lead_is_not_known_by_the_address_it_had_before(leads: Any) -> None:
    ada = lead(leads, email="ada@firm.example")
    leads.sync()
    leads.edit("mail", "contact", leads.only("mail", "contact").id, email="king@firm.example")
    convert_behind_a_write(leads, ada)
    leads.sync()
    settled(leads)
    assert [leads.only(s, "contact").fields["email"] for s in ("crm", "mail")] == ["king@firm.example"] * 2
    leads.create("mail", "contact", last_name="Bee", email="ada@firm.example")
    leads.sync()
    settled(leads)
    assert leads.reviews() == []
    assert len(leads.systems["crm"].alive("contact")) == 2
