"""A CRM in memory and Google Contacts on its stand-in, joined by a hub; what people do on either side."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from tests.joint.hub import Bearer
from tieline.connector import Context
from tieline.engine.limits import Limits
from tieline.http import Client
from tieline.mapping import compile_rules
from tieline.ports import InlineExecutor, Ports, Request
from tieline.records import Kind
from tieline.rules import Rules, SystemRules
from tieline.runner import Options, Runner, Summary, System
from tieline.sandbox import InProcess
from tieline.standin import SandboxOptions
from tieline.store import Store
from tieline.testing import Character, FakeClock, FaultyTransport, MemoryConnector, MemorySystem, SeqIds
from tieline_google.spec import SPEC

FIELDS: dict[Kind, tuple[str, ...]] = {
    "contact": ("email", "other_emails", "first_name", "last_name", "title", "phone", "mobile", "address"),
}
A_WHILE = 900_000
"""Milliseconds: longer than a listing is behind."""
AREAS = "addresses,clientData,emailAddresses,memberships,metadata,names,organizations,phoneNumbers,userDefined"


class Joint:
    """A CRM in memory and Google Contacts, joined by a hub."""

    def __init__(self, *vices: str, delete: str = "archive", **settings: Any) -> None:
        self.clock = FakeClock()
        self.store = Store()
        self.ids = SeqIds(1)
        traits = Character(name="crm", kinds=("contact",), tombstones=True, unique_hub_id=True, fields=FIELDS)
        self.crm = MemorySystem(traits, self.clock, 0)
        self.inner = MemoryConnector(self.crm)
        self.transport = FaultyTransport(InProcess(self._google(vices)))
        self.settings = SPEC.settings.model_validate(settings)
        self.rules = Rules({}, {s: {"contact": SystemRules(delete=delete)} for s in ("crm", "book")})  # type: ignore[arg-type]
        self.mappers = {"contacts": compile_rules("contact", SPEC.mapping["contacts"])}

    def _google(self, vices: tuple[str, ...], state: Any = None) -> Any:
        assert SPEC.sandbox is not None
        self.google: Any = SPEC.sandbox(SandboxOptions(vices=frozenset(vices), clock=self.clock, state=state))
        return self.google

    def spoil(self, *vices: str) -> None:
        """From now on Google has these vices and no others."""
        self.transport.inner = InProcess(self._google(vices, self.google.dump()))

    def sync(self, pause_ms: int = A_WHILE, **options: Any) -> tuple[Summary, Counter[str]]:
        """One run of a fresh process, a while after whatever happened before, and Google's requests by route."""
        self.clock.advance(pause_ms)
        assert SPEC.http is not None
        client = Client(
            "http://127.0.0.1:8", SPEC.http, Bearer(self.google.token), self.transport, self.clock, random=lambda: 0.5
        )
        book = SPEC.connect(Context("book", self.settings, self.mappers, client, self.clock, Path()))
        systems = {
            "crm": System("crm", self.inner, self.inner.facts.streams, calls=self.inner.calls.total),
            "book": System("book", book, book.facts.streams, calls=lambda: client.calls),
        }
        ports = Ports(clock=self.clock, ids=self.ids, executor=InlineExecutor)
        runner = Runner(self.store, systems, self.rules, Limits(), ports)
        before = len(self.transport.requests)
        done = runner.sync(Options(confirm=lambda preview: True, **options))
        return done, Counter(route(r) for r in self.transport.requests[before:])

    def ask(self, method: str, path: str, body: Any = None, **params: Any) -> Any:
        """What a person does in Google Contacts."""
        headers = {"authorization": f"Bearer {self.google.token}", "content-type": "application/json"}
        response = self.google.handle(Request(method, f"/v1{path}", params, headers, json=body))
        assert response.status < 400, response.body
        return response.json()

    def label(self) -> str:
        """The label's resource name; made where it is missing."""
        groups = self.google.state.people.groups
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
        rows = self.google.state.people.members(self.label())
        found = [self.ask("GET", f"/{id}", personFields=AREAS) for id in rows]
        return {p["emailAddresses"][0]["value"]: p for p in found}

    def fill(self, count: int) -> None:
        """So many people in Google Contacts, and as many others in the CRM."""
        for n in range(count):
            self.types(f"g{n}@line.example", names=[{"givenName": "Ann", "familyName": f"Google{n}"}])
            self.crm.person_create(
                "contact", {"first_name": "Bo", "last_name": f"Crm{n}", "email": f"c{n}@line.example"}
            )

    def person(self, email: str) -> Any:
        """The living contact of the CRM with this address."""
        (found,) = [r for r in self.crm.alive("contact") if r.fields["email"] == email]
        return found

    def edit(self, who: str, **fields: Any) -> None:
        """Somebody changes a contact of the CRM."""
        self.clock.advance(60_000)
        self.crm.person_edit("contact", self.person(who).id, fields)

    def reviews(self) -> list[str]:
        """The topics of what waits for a person."""
        return [r["topic"] for r in self.store.book.reviews()]


def route(request: Request) -> str:
    """Method and path with ids left out."""
    path = request.path.partition("?")[0].partition("/v1")[2]
    return f"{request.method} {path}"
