"""The conformance suite, on the stand-in: people use Google Contacts, the connector sync tokens and batches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tieline import ConnectorSpec, Rule
from tieline.testing import ConnectorTests, HttpSubject
from tieline_google.people.mapping import MEMBERSHIPS, SENT
from tieline_google.sandbox.people_rows import MINE
from tieline_google.spec import SPEC

SMALL = 4
STREAM = "contacts"
WEEK_MS = 8 * 86_400_000
OWN = (
    Rule("userDefined.Lead source", "lead_source"),
    Rule("userDefined.No mail", "consent_email"),
    Rule("names.middleName", "x_middle"),
    Rule("organizations.department", "x_department"),
    Rule("phoneNumbers.home", "x_home"),
)
AREAS = "addresses,clientData,emailAddresses,memberships,metadata,names,organizations,phoneNumbers,userDefined"


class ContactSubject(HttpSubject):
    """An account with nobody in it; `outside` is the subject itself."""

    many = 9
    streams = (STREAM,)
    unknown_id = "people/c999"

    def __init__(
        self,
        vices: tuple[str, ...] = (),
        more: tuple[Rule, ...] = (),
        label: str = "Tieline",
        spec: ConnectorSpec = SPEC,
    ) -> None:
        super().__init__(spec, {"page": SMALL, "contact_group": label}, vices, {STREAM: more})
        self.outside = self
        self.more = more
        self.label = ""
        if label:
            self.label = self.ask("POST", "/v1/contactGroups", {"contactGroup": {"name": label}})["resourceName"]

    def sample(self, stream: str, n: int) -> Mapping[str, Any]:
        usual: dict[str, Any] = {
            "first_name": f"Mei {n}",
            "last_name": f"Chen {n}",
            "email": f"p{n}@line.example",
            "title": f"Head of {n}",
            "phone": f"+1 {n}",
            "mobile": f"+2 {n}",
            "address": {"street": f"{n} Main Street", "city": "Oslo", "postal_code": f"0{n}"},
        }
        own = {
            "lead_source": f"Fair {n}",
            "consent_email": ("opted_out", "allowed")[n % 2],
            "x_middle": f"M{n}",
            "x_department": f"D{n}",
            "x_home": f"+3 {n}",
        }
        return {**usual, **(own if self.more else {})}

    def body(self, fields: Mapping[str, Any], held: Mapping[str, Any]) -> dict[str, Any]:
        """What a person's browser would send, of what is there and what is typed."""
        row, _ = self.mappers[STREAM].write(fields)
        body: dict[str, Any] = {}
        for column, value in row.items():
            area, _, part = column.partition(".")
            entries = body.setdefault(area, [{**e} for e in held.get(area, ())])
            key = {"phoneNumbers": ("type", part), "userDefined": ("key", part)}.get(area)
            entry = next((e for e in entries if key is None or e.get(key[0]) == key[1]), None)
            if entry is None:
                entry = {} if key is None else {key[0]: key[1]}
                entries.append(entry)
            entry["value" if key or area == "emailAddresses" else part] = value
        return {
            a: [{k: v for k, v in e.items() if v is not None and k in SENT[a]} for e in es] for a, es in body.items()
        }

    def create(self, stream: str, fields: Mapping[str, Any]) -> str:
        group = {"contactGroupMembership": {"contactGroupResourceName": self.label or MINE}}
        body = {**self.body(fields, {}), MEMBERSHIPS: [group]}
        return str(self.ask("POST", "/v1/people:createContact", body)["resourceName"])

    def edit(self, stream: str, id: str, fields: Mapping[str, Any]) -> None:
        held = self.ask("GET", f"/v1/{id}", params={"personFields": AREAS})
        body = self.body(fields, held)
        params = {"updatePersonFields": ",".join(body)}
        (source,) = held["metadata"]["sources"]
        metadata = {"sources": [{k: source[k] for k in ("type", "id", "etag")}]}
        self.ask("PATCH", f"/v1/{id}:updateContact", {"metadata": metadata, **body}, params)

    def delete(self, stream: str, id: str) -> None:
        self.ask("DELETE", f"/v1/{id}:deleteContact")

    def merge(self, stream: str, winner: str, loser: str) -> None:
        self.sandbox.state.people.merge(winner, loser, self.clock.now(), lag="propagation" in self.sandbox.vices)

    def count(self, stream: str) -> int:
        people = self.sandbox.state.people
        return len(people.members(self.label)) if self.label else len(people.members("contactGroups/all"))

    def state(self) -> Any:
        return {k: v for k, v in self.sandbox.dump().items() if k != "counters"}

    def expire(self) -> None:
        self.clock.advance(WEEK_MS)


class TestConnector(ConnectorTests):
    @pytest.fixture
    def subject(self):
        return ContactSubject()


class TestOwnFields(ConnectorTests):
    """Fields that people made themselves, and parts of fields that are not in the default table."""

    @pytest.fixture
    def subject(self):
        return ContactSubject(more=OWN)


class TestEverybody(ConnectorTests):
    """Without a label all contacts take part."""

    @pytest.fixture
    def subject(self):
        return ContactSubject(label="")


class TestListingsBehind(ConnectorTests):
    """Listings are minutes behind what is read by its id."""

    @pytest.fixture
    def subject(self):
        subject = ContactSubject(("propagation",))
        late = "a listing shows a new or deleted contact minutes later, and the check does not wait for it"
        subject.reasons = dict.fromkeys(("D4", "L2", "R1", "R16"), late)
        return subject
