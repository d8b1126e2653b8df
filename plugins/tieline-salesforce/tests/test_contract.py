"""The conformance suite, on the stand-in: people use its screens, the connector its REST API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tieline import Rule
from tieline.testing import ConnectorTests, HttpSubject
from tieline_salesforce.mapping import SOBJECTS
from tieline_salesforce.spec import SPEC

REST = "/services/data/v62.0/sobjects"
OWN = {
    "leads": [Rule("Company", "x_company")],
    "members": [Rule("Note__c", "x_note"), Rule("Seat__c", "x_seat")],
}
SMALL = 200
"""The smallest page that a query can be asked for."""


class SalesforceSubject(HttpSubject):
    """An empty org; `outside` is the subject itself."""

    many = SMALL + 5
    unknown_id = "001000000000000AAA"

    def __init__(self, *streams: str, vices: tuple[str, ...] = (), **settings: Any) -> None:
        super().__init__(SPEC, settings, vices, more=OWN)
        for column in ("Note__c", "Seat__c"):
            self.sandbox.add_field("CampaignMember", {"name": column, "type": "string"})
        self.streams = streams
        self._fair = ""
        self._people: dict[int, str] = {}
        self.outside = self
        self.transport.headers = {"sforce-query-options": f"batchSize={SMALL}"}

    def sample(self, stream: str, n: int) -> Mapping[str, Any]:
        match stream:
            case "accounts":
                return {"name": f"Account {n}", "description": f"+{n}", "employees": n, "phone": f"+1 {n}"}
            case "leads":
                return {"last_name": f"Lead {n}", "x_company": f"Firm {n}", "title": f"Title {n}"}
            case "contacts":
                return {"last_name": f"Person {n}", "email": f"p{n}@line.example", "title": f"Title {n}"}
            case "opportunities":
                day = f"2026-01-{n % 28 + 1:02d}"
                stage = ("Prospecting", "Qualification")[n % 2]
                return {"name": f"Deal {n}", "stage": stage, "close_date": day}
            case "members":
                own = {"x_note": f"Note {n}", "x_seat": f"{n}"}
                return {"contact": self.person(n), "campaign": self.fair(), "status": ("Sent", "Invited")[n % 2], **own}
        return {"name": f"Campaign {n}", "start": f"2026-01-{n % 28 + 1:02d}", "budget": str(n)}

    def fair(self) -> str:
        """One campaign for all, with two statuses that are no response."""
        if not self._fair:
            self._fair = self.create("campaigns", {"name": "Fair"})
            status = {"CampaignId": self._fair, "Label": "Invited"}
            self.ask("POST", f"{REST}/CampaignMemberStatus", status)
        return self._fair

    def person(self, n: int) -> str:
        """The n-th contact, made when first named."""
        if n not in self._people:
            self._people[n] = self.create("contacts", {"last_name": f"Person {n}"})
        return self._people[n]

    def path(self, stream: str, id: str = "") -> str:
        return f"{REST}/{SOBJECTS[stream]}/{id}".rstrip("/")

    def create(self, stream: str, fields: Mapping[str, Any]) -> str:
        needed = {"opportunities": {"StageName": "Prospecting", "CloseDate": "2026-02-01"}}.get(stream, {})
        if stream == "members" and "contact" not in fields:
            needed = {"ContactId": self.person(-len(self._people)), "CampaignId": self.fair()}
        row, _ = self.mappers[stream].write(fields)
        return str(self.ask("POST", self.path(stream), {**needed, **row})["id"])

    def edit(self, stream: str, id: str, fields: Mapping[str, Any]) -> None:
        row, _ = self.mappers[stream].write(fields)
        self.ask("PATCH", self.path(stream, id), row)

    def delete(self, stream: str, id: str) -> None:
        self.ask("DELETE", self.path(stream, id))

    def merge(self, stream: str, winner: str, loser: str) -> None:
        self.sandbox.merge(SOBJECTS[stream], winner, loser)

    def convert(self, stream: str, id: str) -> str:
        return self.sandbox.convert(id)["ConvertedContactId"]

    def count(self, stream: str) -> int:
        found = self.ask("GET", "/services/data/v62.0/query", params={"q": f"SELECT COUNT() FROM {SOBJECTS[stream]}"})
        return int(found["totalSize"])

    def state(self) -> Any:
        return self.sandbox.dump()["org"]


class TestPeople(ConnectorTests):
    """What people merge: accounts and contacts."""

    @pytest.fixture
    def subject(self):
        return SalesforceSubject("accounts", "contacts")


class TestLargeListings(ConnectorTests):
    """Whatever is more than one page is read by a query job, which takes its time."""

    @pytest.fixture
    def subject(self):
        return SalesforceSubject("accounts", "contacts", vices=("bulk-delay",), bulk_from=1)


class TestLeads(ConnectorTests):
    """Leads and what they become. The hub makes none, but a connector that is asked to can."""

    @pytest.fixture
    def subject(self):
        return SalesforceSubject("leads")


class TestMembers(ConnectorTests):
    """Whom a member joins is said when it is made and never after."""

    @pytest.fixture
    def subject(self):
        subject = SalesforceSubject("members")
        subject.reasons = dict.fromkeys(("M1", "M2"), "people cannot merge campaign members")
        return subject


class TestDeals(ConnectorTests):
    """Accounts and contacts are there to be referred to."""

    @pytest.fixture
    def subject(self):
        subject = SalesforceSubject("accounts", "contacts", "campaigns", "opportunities")
        subject.reasons = dict.fromkeys(("M1", "M2"), "people cannot merge opportunities or campaigns")
        return subject
