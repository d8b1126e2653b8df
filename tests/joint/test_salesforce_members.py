"""Campaign members of a Salesforce stand-in and of another system, synced as users sync them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.joint.hub import Hub
from tieline.records import Kind
from tieline.rules import Rules
from tieline.testing import Character
from tieline_salesforce.spec import SPEC

KINDS: tuple[Kind, ...] = ("campaign", "contact", "campaign_member")
FIELDS: dict[Kind, tuple[str, ...]] = {
    "contact": ("email", "first_name", "last_name"),
    "campaign": ("name",),
    "campaign_member": ("contact", "campaign", "status", "responded"),
}
STREAMS = ("contacts", "leads", "campaigns", "members")
REST = "/services/data/v62.0/sobjects"
A_WHILE = 600_000


class Joint(Hub):
    """An org and a mailing system in memory, joined by a hub; one campaign and one person are in both."""

    spec, vendor, root, a_while = SPEC, "crm", REST, A_WHILE

    def __init__(self) -> None:
        character = Character(name="mail", kinds=KINDS, fields=FIELDS, tombstones=True, unique_hub_id=True)
        super().__init__(character, Rules({}, {}), STREAMS, currency="USD")
        self.mail = self.memory
        self.ann = self.ask("POST", "/Contact", {"LastName": "Ann", "Email": "ann@firm.example"})["id"]
        self.fair = self.ask("POST", "/Campaign", {"Name": "Fair"})["id"]
        self.mail.person_create("contact", {"email": "ann@firm.example", "last_name": "Ann"})
        self.mail.person_create("campaign", {"name": "Fair"})

    def members(self) -> list[tuple[str, str, str]]:
        """The org's members as (contact or lead, campaign, status)."""
        tables = self.standin.dump()["org"]["rows"]["tables"]["CampaignMember"]
        alive = [row for row in tables if not row.get("IsDeleted")]
        return sorted((row.get("ContactId") or row["LeadId"], row["CampaignId"], row["Status"]) for row in alive)

    def invite(self, **fields: Any) -> str:
        """Somebody adds the person of both to the campaign of both, in the mailing system."""
        contact = self.person("ann@firm.example")
        [campaign] = self.mail.alive("campaign")
        return self.mail.person_create("campaign_member", {"contact": contact.id, "campaign": campaign.id, **fields})


@pytest.fixture
def joint() -> Any:
    made = Joint()
    yield made
    made.store.close()


def test_a_member_of_both_is_one_and_its_status_travels(joint: Joint) -> None:
    member = joint.ask("POST", "/CampaignMember", {"CampaignId": joint.fair, "ContactId": joint.ann})["id"]
    joint.invite(status="Sent")
    assert joint.run().converged
    assert (len(joint.members()), len(joint.mail.alive("campaign_member"))) == (1, 1)
    joint.ask("PATCH", f"/CampaignMember/{member}", {"Status": "Responded"})
    joint.run()
    [there] = joint.mail.alive("campaign_member")
    assert (there.fields["status"], there.fields["responded"]) == ("Responded", True)
    assert joint.run().orders == {}


def test_a_member_that_somebody_invites_elsewhere_is_made_in_the_org(joint: Joint) -> None:
    joint.run()
    joint.invite(status="Sent")
    assert joint.run().converged
    assert joint.members() == [(joint.ann, joint.fair, "Sent")]
    assert joint.run().orders == {}


def test_a_status_that_the_campaign_does_not_know_keeps_nobody_out(joint: Joint) -> None:
    joint.run()
    joint.invite(status="Danced")
    for _ in range(3):
        joint.run()
    assert joint.members() == [(joint.ann, joint.fair, "Sent")]


def test_a_leads_member_goes_on_as_the_contacts_once_it_is_converted(joint: Joint) -> None:
    lead = joint.ask("POST", "/Lead", {"LastName": "Ito", "Company": "Alder", "Email": "ito@alder.example"})["id"]
    joint.ask("POST", "/CampaignMember", {"CampaignId": joint.fair, "LeadId": lead})
    assert joint.run().converged
    [there] = joint.mail.alive("campaign_member")
    ito = joint.person("ito@alder.example")
    assert there.fields["contact"] == ito.id
    contact = joint.standin.convert(lead)["ConvertedContactId"]
    for _ in range(2):
        joint.run()
    assert joint.members() == [(contact, joint.fair, "Sent")]
    [still] = joint.mail.alive("campaign_member")
    assert (still.id, still.fields["contact"]) == (there.id, ito.id)
    assert joint.store.book.reviews() == []
    assert joint.run().orders == {}


def test_who_is_a_lead_in_the_org_is_made_a_member_there_once_it_is_a_contact(joint: Joint) -> None:
    lead = joint.ask("POST", "/Lead", {"LastName": "Ito", "Company": "Alder", "Email": "ito@alder.example"})["id"]
    joint.run()
    ito = joint.person("ito@alder.example")
    [campaign] = joint.mail.alive("campaign")
    joint.mail.person_create("campaign_member", {"contact": ito.id, "campaign": campaign.id, "status": "Sent"})
    assert joint.run().converged
    assert (joint.members(), joint.store.book.reviews()) == ([], [])
    contact = joint.standin.convert(lead)["ConvertedContactId"]
    for _ in range(2):
        joint.run()
    assert joint.members() == [(contact, joint.fair, "Sent")]
    assert joint.run().orders == {}
