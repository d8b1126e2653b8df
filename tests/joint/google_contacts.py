"""A CRM in memory and Google Contacts on its stand-in, joined by a hub; what people do on either side."""

from __future__ import annotations

from typing import Any

from tests.joint.hub import Hub
from tieline.records import Kind
from tieline.rules import Rules, SystemRules
from tieline.testing import Character
from tieline_google.spec import SPEC

FIELDS: dict[Kind, tuple[str, ...]] = {
    "contact": ("email", "other_emails", "first_name", "last_name", "title", "phone", "mobile", "address"),
}
A_WHILE = 900_000
"""Milliseconds: longer than a listing is behind."""
AREAS = "addresses,clientData,emailAddresses,memberships,metadata,names,organizations,phoneNumbers,userDefined"


class Joint(Hub):
    """A CRM in memory and Google Contacts, joined by a hub."""

    spec, vendor, root, a_while = SPEC, "book", "/v1", A_WHILE

    def __init__(self, *vices: str, delete: str = "archive", **settings: Any) -> None:
        traits = Character(name="crm", kinds=("contact",), tombstones=True, unique_hub_id=True, fields=FIELDS)
        rules = Rules({}, {s: {"contact": SystemRules(delete=delete)} for s in ("crm", "book")})  # type: ignore[arg-type]
        super().__init__(traits, rules, ("contacts",), *vices, **settings)
        self.crm = self.memory

    def label(self) -> str:
        """The label's resource name; made where it is missing."""
        groups = self.standin.state.people.groups
        found = next((key for key, row in groups.items() if row["name"] == "Tieline"), None)
        body = {"contactGroup": {"name": "Tieline"}}
        return str(found or self.ask("POST", "/contactGroups", body)["resourceName"])

    def types(self, email: str, *, labelled: bool = True, **more: Any) -> str:
        """A person adds a contact; its resource name."""
        groups = [self.label()] if labelled else ["contactGroups/myContacts"]
        members = [{"contactGroupMembership": {"contactGroupResourceName": g}} for g in groups]
        body = {"emailAddresses": [{"value": email}], "memberships": members, **more}
        return str(self.ask("POST", "/people:createContact", body)["resourceName"])

    def edits(self, id: str, **lists: Any) -> None:
        """A person changes a contact."""
        self.clock.advance(60_000)
        held = self.ask("GET", f"/{id}", personFields="metadata")
        mask = ",".join(lists)
        self.ask("PATCH", f"/{id}:updateContact", {"metadata": held["metadata"], **lists}, updatePersonFields=mask)

    def people(self) -> dict[str, Any]:
        """Who has the label, by e-mail address, as Google words them."""
        rows = self.standin.state.people.members(self.label())
        found = [self.ask("GET", f"/{id}", personFields=AREAS) for id in rows]
        return {p["emailAddresses"][0]["value"]: p for p in found}

    def fill(self, count: int) -> None:
        """So many people in Google Contacts, and as many others in the CRM."""
        for n in range(count):
            self.types(f"g{n}@line.example", names=[{"givenName": "Ann", "familyName": f"Google{n}"}])
            self.crm.person_create(
                "contact", {"first_name": "Bo", "last_name": f"Crm{n}", "email": f"c{n}@line.example"}
            )

    def reviews(self) -> list[str]:
        """The topics of what waits for a person."""
        return [r["topic"] for r in self.store.book.reviews()]
