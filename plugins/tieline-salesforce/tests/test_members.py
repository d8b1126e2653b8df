"""Campaign members: whom they join, what may be written, and what becomes of a lead's."""

from pathlib import Path

import pytest

from tieline import Context, Window, Write, compile_rules
from tieline.testing import HttpSubject, standin_client
from tieline_salesforce.mapping import SOBJECTS
from tieline_salesforce.spec import SPEC

REST = "/services/data/v62.0/sobjects"
LEADLESS = ("accounts", "contacts", "campaigns", "members")


class World(HttpSubject):
    """A connector on an empty stand-in; a campaign and two people are there."""

    def __init__(self, *vices):
        super().__init__(SPEC, {"currency": "USD"}, vices)
        self.campaign = self.make("Campaign", Name="Fair")
        self.ann, self.bob = (self.make("Contact", LastName=n) for n in ("Ann", "Bob"))

    def make(self, name, **values):
        return self.ask("POST", f"{REST}/{name}", values)["id"]

    def without_leads(self):
        """Another connector on the same org, which reads no leads."""
        mappers = {s: compile_rules(SPEC.kinds[s], SPEC.mapping[s]) for s in LEADLESS}
        settings = SPEC.settings(currency="USD")
        http = standin_client(SPEC, self.sandbox, self.clock, self.transport)
        return SPEC.connect(Context("crm", settings, mappers, http, self.clock, Path()))

    def write(self, op, remote_id=None, hub="h1", **fields):
        (outcome,) = self.connector.write("members", [Write(op, hub, fields, remote_id)])
        return outcome

    def members(self, connector=None):
        return {r.id: r for r in (connector or self.connector).list("members", None).remotes}


@pytest.fixture
def world():
    return World()


def test_members_are_read_only_where_the_configuration_wants_them(connect):
    assert "members" in SPEC.optional
    connector, _ = connect([])
    assert "members" not in [s.name for s in connector.facts.streams]


def test_a_member_is_read_with_its_ends_its_status_and_its_response(world):
    first = world.make("CampaignMember", CampaignId=world.campaign, ContactId=world.ann)
    second = world.make("CampaignMember", CampaignId=world.campaign, ContactId=world.bob, Status="Responded")
    found = world.members()
    assert found[first].fields == {
        "contact": world.ann,
        "campaign": world.campaign,
        "status": "Sent",
        "responded": False,
        "first_responded": None,
    }
    assert found[second].fields["responded"] is True
    assert found[second].fields["first_responded"] == "2025-06-15"


def test_a_member_is_made_changed_and_archived(world):
    made = world.write("create", contact=world.ann, campaign=world.campaign, status="Sent")
    assert (made.status, made.remote.fields["contact"], made.remote.hub_id) == ("ok", world.ann, "h1")
    changed = world.write("update", made.remote_id, status="Responded")
    assert (changed.status, changed.remote.fields["responded"]) == ("ok", True)
    assert world.write("archive", made.remote_id).status == "ok"
    (gone,) = world.connector.changes("members", Window(0), None).remotes
    assert (gone.id, gone.gone) == (made.remote_id, True)


def test_whom_a_member_joins_is_said_when_it_is_made_and_never_after(world):
    """Believed: CampaignId and ContactId of a member can be set on create only."""
    fields = world.connector.schema("members").fields
    for name in ("contact", "campaign"):
        assert (fields[name].create, fields[name].write, fields[name].clear) == (True, False, False)
    assert (fields["campaign"].required, fields["status"].write) == (True, True)
    assert not fields["responded"].write
    assert not fields["first_responded"].create
    made = world.write("create", contact=world.ann, campaign=world.campaign)
    assert world.write("update", made.remote_id, contact=world.bob).status == "rejected"


@pytest.mark.parametrize("hub_field", [True, False])
def test_a_second_member_of_one_pair_is_the_first_one(hub_field):
    """Believed: the second is refused as DUPLICATE_VALUE, «Already a campaign member.», without an id."""
    world = World(*([] if hub_field else ["no-hub-field"]))
    there = world.make("CampaignMember", CampaignId=world.campaign, ContactId=world.ann)
    other = world.make("Campaign", Name="Trip")
    world.make("CampaignMember", CampaignId=other, ContactId=world.ann)
    writes = [
        Write("create", "h1", {"contact": world.ann, "campaign": world.campaign}),
        Write("create", "h2", {"contact": world.bob, "campaign": world.campaign}),
    ]
    twin, made = world.connector.write("members", writes)
    assert (twin.status, twin.remote_id) == ("exists", there)
    assert made.status == "ok"


def test_a_status_that_the_campaign_does_not_offer_is_refused_by_name(world):
    """Believed: a member takes the labels of its campaign's CampaignMemberStatus records."""
    outcome = world.write("create", contact=world.ann, campaign=world.campaign, status="Danced")
    assert (outcome.status, [p.field for p in outcome.problems]) == ("rejected", ["status"])
    world.make("CampaignMemberStatus", CampaignId=world.campaign, Label="Danced", HasResponded=True)
    outcome = world.write("create", contact=world.ann, campaign=world.campaign, status="Danced")
    assert (outcome.status, outcome.remote.fields["responded"]) == ("ok", True)


def test_a_leads_member_is_the_leads_where_leads_are_read_and_no_news_elsewhere(world):
    lead = world.make("Lead", LastName="Ito", Company="Alder")
    member = world.make("CampaignMember", CampaignId=world.campaign, LeadId=lead)
    assert world.members()[member].fields["contact"] == lead
    plain = world.without_leads()
    assert world.members(plain) == {}
    assert list(plain.changes("members", Window(0), None).remotes) == []


def test_a_converted_leads_member_goes_on_as_the_contacts(world):
    """Believed: conversion sets ContactId on the lead's members and leaves LeadId."""
    lead = world.make("Lead", LastName="Ito", Company="Alder")
    member = world.make("CampaignMember", CampaignId=world.campaign, LeadId=lead)
    before = world.members()[member]
    contact = world.sandbox.convert(lead)["ConvertedContactId"]
    for connector in (world.connector, world.without_leads()):
        after = world.members(connector)[member]
        assert after.fields["contact"] == contact
        assert after.version != before.version
        assert [r.id for r in connector.changes("members", Window(before.modified), None).remotes] == [member]
    assert world.write("update", member, status="Responded").status == "ok"


def test_a_converted_leads_member_goes_where_the_contact_is_one_already(world):
    lead = world.make("Lead", LastName="Ito", Company="Alder")
    member = world.make("CampaignMember", CampaignId=world.campaign, LeadId=lead)
    own = world.make("CampaignMember", CampaignId=world.campaign, ContactId=world.ann)
    world.sandbox.convert(lead, contact_id=world.ann)
    assert list(world.members()) == [own]
    gone = {r.id: r.gone for r in world.connector.changes("members", Window(0), None).remotes}
    assert gone == {member: True, own: False}


def test_a_deleted_contact_takes_its_members_along(world):
    member = world.make("CampaignMember", CampaignId=world.campaign, ContactId=world.ann)
    world.ask("DELETE", f"{REST}/{SOBJECTS['contacts']}/{world.ann}")
    (gone,) = world.connector.changes("members", Window(0), None).remotes
    assert (gone.id, gone.gone) == (member, True)


def test_check_says_that_whom_a_member_joins_is_given_once(world):
    told = {f.subject: f.message for f in world.connector.check() if f.subject.startswith("CampaignMember.C")}
    assert told == {
        "CampaignMember.ContactId": "ContactId (contact) is given once, when a record is made",
        "CampaignMember.CampaignId": "CampaignId (campaign) is given once, when a record is made",
    }
