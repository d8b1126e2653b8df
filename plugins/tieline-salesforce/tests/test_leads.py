"""Leads: how they are read, what is refused, and what says that one has become a contact."""

import pytest

from tieline import Window, Write
from tieline.sandbox import Act
from tieline.testing import HttpSubject
from tieline_salesforce.spec import SPEC

LEAD, CONTACT, OTHER = "00QA00000000001AAA", "003A00000000001AAA", "00QA00000000002AAA"
LEADS = "/services/data/v62.0/sobjects/Lead"


class World(HttpSubject):
    """A connector on an empty stand-in, its leads with it."""

    def lead(self, **values):
        return self.ask("POST", LEADS, {"LastName": "Ito", "Company": "Alder", **values})["id"]

    def remote(self, stream, record_id):
        (found,) = self.connector.read(stream, [record_id], None)
        return found

    def changed(self, stream):
        return {r.id: r for r in self.connector.changes(stream, Window(0), None).remotes}


@pytest.fixture
def world():
    return World(SPEC, {"currency": "USD"})


def test_leads_are_read_only_where_the_configuration_wants_them(connect):
    assert "leads" in SPEC.optional
    connector, _ = connect([])
    assert [s.name for s in connector.facts.streams] == ["accounts", "contacts", "opportunities", "campaigns"]


def test_new_people_are_made_as_contacts_and_a_lead_becomes_one(connect):
    connector, _ = connect([], leads=True)
    facts = {s.name: s.becomes for s in connector.facts.streams if s.kind == "contact"}
    assert facts == {"contacts": "", "leads": "contacts"}


def test_a_lead_is_read_like_a_contact_and_has_a_status(world):
    lead = world.lead(Email="m@alder.example", Street="1 Road", HasOptedOutOfFax=True)
    fields = world.remote("leads", lead).fields
    assert (fields["email"], fields["lead_status"]) == ("m@alder.example", "Open - Not Contacted")
    assert (fields["address"], fields["consent_fax"]) == ({"street": "1 Road"}, "opted_out")
    assert "account" not in fields


def test_a_converted_lead_is_told_as_the_contact_it_became(world):
    """Recorded describes: IsConverted, ConvertedContactId; the lead itself is not deleted."""
    lead = world.lead(Email="m@alder.example")
    contact = world.sandbox.convert(lead)["ConvertedContactId"]
    for remote in (world.remote("leads", lead), world.changed("leads")[lead]):
        assert (remote.gone, remote.merged_into, remote.moved_to) == (True, contact, "contacts")
    assert world.remote("contacts", contact).fields["email"] == "m@alder.example"


def test_a_converted_lead_is_in_no_listing(world):
    lead, other = world.lead(), world.lead()
    world.sandbox.convert(lead)
    assert [r.id for r in world.connector.list("leads", None).remotes] == [other]


def test_a_listing_of_leads_goes_on_behind_the_last_id(connect, sf):
    connector, script = connect(lambda request: sf.page(), leads=True)
    connector.list("leads", f'["{LEAD}", 0]')
    assert f"WHERE IsConverted = false AND Id > '{LEAD}'" in script.queries[0]


def test_a_converted_lead_that_was_deleted_afterwards_is_still_its_contact(world):
    lead = world.lead()
    contact = world.sandbox.convert(lead)["ConvertedContactId"]
    world.ask("DELETE", f"{LEADS}/{lead}")
    assert world.remote("leads", lead).merged_into == contact


def test_leads_that_are_merged_stay_leads(world):
    winner, loser = world.lead(), world.lead()
    world.sandbox.merge("Lead", winner, loser)
    remote = world.remote("leads", loser)
    assert (remote.gone, remote.merged_into, remote.moved_to) == (True, winner, "")


def test_a_lead_whose_contact_may_not_be_seen_is_gone_and_nobody_knows_where_to(connect, sf):
    """Documented: a lookup that the user has no access to is empty."""
    row = sf.row("Lead", LEAD, IsConverted=True, ConvertedContactId=None)
    connector, _ = connect([sf.page(row)], leads=True)
    (remote,) = connector.read("leads", [LEAD], None)
    assert (remote.gone, remote.merged_into, remote.moved_to) == (True, None, "")


def test_a_lead_converted_between_reading_and_writing_is_gone_from_there(world):
    """Recorded: CANNOT_UPDATE_CONVERTED_LEAD."""
    lead = world.lead()
    contact = world.sandbox.convert(lead)["ConvertedContactId"]
    (outcome,) = world.connector.write("leads", [Write("update", "h", {"title": "CTO"}, lead)])
    assert (outcome.status, outcome.remote_id) == ("gone", lead)
    assert (outcome.remote.merged_into, outcome.remote.moved_to) == (contact, "contacts")


@pytest.mark.parametrize(("converted", "status"), [(True, "gone"), (False, "rejected")])
def test_of_a_locked_lead_the_lead_itself_says_whether_it_was_converted(connect, sf, converted, status):
    """Believed, not checked: ENTITY_IS_LOCKED is an approval's lock, and may be met in a conversion."""
    row = sf.row("Lead", LEAD, IsConverted=converted, ConvertedContactId=CONTACT if converted else None)
    connector, _ = connect([sf.composite([sf.failed("ENTITY_IS_LOCKED")], sf.result(row))], leads=True)
    (outcome,) = connector.write("leads", [Write("update", "h", {"title": "CTO"}, LEAD)])
    assert outcome.status == status


def test_a_lead_without_a_company_is_refused_by_the_org(world):
    """Recorded describe: Company is neither nillable nor defaulted on create. The hub makes no leads of itself."""
    (outcome,) = world.connector.write("leads", [Write("create", "h", {"last_name": "Ito"})])
    assert (outcome.status, outcome.problems[0].code) == ("rejected", "REQUIRED_FIELD_MISSING")


def test_a_lead_of_a_queue_has_no_owner(connect, sf):
    """Documented: the owner of a lead may be a queue, which has no address."""
    rows = [sf.row("Lead", LEAD, Owner=None), sf.row("Lead", OTHER, Owner={"Email": "rep@example.com"})]
    connector, _ = connect([sf.page(*rows)], leads=True)
    remotes = connector.read("leads", [LEAD, OTHER], None)
    assert [r.fields["owner"] for r in remotes] == [None, "rep@example.com"]


def test_check_says_what_becomes_of_leads_and_when_that_cannot_be_seen(connect, sf):
    names = ("LastName", "IsConverted", "ConvertedContactId")

    def answers(*columns):
        def answer(request):
            if request.path.endswith("/describe"):
                sobject = request.path.split("/")[-2]
                return (
                    sf.described(sobject, *(sf.column(c) for c in columns), sf.hub)
                    if sobject == "Lead"
                    else (sf.described(sobject))
                )
            return sf.page()

        return answer

    for columns, level in ((names, "ok"), (names[:2], "error")):
        connector, _ = connect(answers(*columns), leads=True)
        (finding,) = [f for f in connector.check() if f.subject == "Lead conversion"]
        assert finding.level == level


def test_a_hidden_lookup_is_left_out_of_queries(connect, sf):
    refusal = sf.refusal("INVALID_FIELD", "No such column 'ConvertedContactId' on entity 'Lead'")
    seen = [sf.column(c) for c in ("LastName", "IsConverted")]
    connector, script = connect([refusal, sf.described("Lead", *seen, sf.hub), sf.page()], leads=True)
    connector.changes("leads", Window(sf.start), None)
    assert "ConvertedContactId" not in script.queries[-1]
    assert "IsConverted" in script.queries[-1]


@pytest.mark.parametrize("mapped", [(), ("Tieline_Id__c",)])
def test_the_hub_id_goes_along_only_where_the_org_maps_it(world, mapped):
    lead = world.lead(Tieline_Id__c="hub-1")
    contact = world.sandbox.convert(lead, mapped=mapped)["ConvertedContactId"]
    assert world.remote("contacts", contact).hub_id == ("hub-1" if mapped else None)


def test_a_lead_that_joins_a_contact_fills_its_blanks_only(world):
    """Documented (lead conversion): what the contact holds stays."""
    there = world.ask("POST", "/services/data/v62.0/sobjects/Contact", {"LastName": "Ito", "Title": "CTO"})["id"]
    lead = world.lead(Title="Engineer", Phone="+1 555", City="Leeds")
    assert world.sandbox.convert(lead, contact_id=there)["ConvertedContactId"] == there
    fields = world.remote("contacts", there).fields
    assert (fields["title"], fields["phone"], fields["address"]) == ("CTO", "+1 555", {"city": "Leeds"})


def test_a_person_converts_a_lead_at_the_screen(world):
    lead = world.lead(Email="M@alder.example")
    world.sandbox.person(Act("convert", "contact", "m@alder.example"))
    assert world.remote("leads", lead).moved_to == "contacts"
    with pytest.raises(ValueError, match="no lead"):
        world.sandbox.person(Act("convert", "contact", "m@alder.example"))


def test_the_converted_lead_of_the_vice_is_told(world):
    world = World(SPEC, {"currency": "USD"}, ("converted",))
    lead = world.lead()
    assert not world.remote("leads", lead).gone
    assert world.changed("leads")[lead].moved_to == "contacts"
