"""Leads of a Salesforce org beside a HubSpot portal: what a conversion at the screen comes to on the other side."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tieline.config import load
from tieline.home import Home
from tieline.hub import open_hub
from tieline.plugins import Registry
from tieline.ports import Ports, Request
from tieline.runner import Options, Summary
from tieline.sandbox import InProcess
from tieline.standin import SandboxOptions
from tieline.store import Store
from tieline.testing import FakeClock

CONFIG = """
[systems.crm]
connector = "salesforce"
base_url = "http://127.0.0.1:9"
auth = {{ type = "token", token = {{ file = "crm.token" }} }}
currency = "EUR"
{leads}

[systems.marketing]
connector = "hubspot"
base_url = "http://127.0.0.1:9"
auth = {{ type = "token", token = {{ file = "marketing.token" }} }}

[sync.contact]
owner = "none"

[sync.account]
owner = "none"
"""
API = "/services/data/v62.0"
MINUTES = 600_000


class Desk:
    """One home that joins the two, and the people on both sides."""

    def __init__(self, folder: Path, stack: ExitStack, *vices: str, leads: str = "leads = true") -> None:
        self.clock = FakeClock()
        registry = Registry.discover()
        spec, other = (registry.get(n) for n in ("salesforce", "hubspot"))
        self.crm: Any = spec.sandbox(SandboxOptions(clock=self.clock, vices=frozenset(vices)))  # type: ignore[misc]
        self.marketing: Any = other.sandbox(SandboxOptions(clock=self.clock))  # type: ignore[misc]
        path = folder / "tieline.toml"
        path.write_text(CONFIG.format(leads=leads))
        for name, sandbox in (("crm", self.crm), ("marketing", self.marketing)):
            token = folder / f"{name}.token"
            token.write_text(sandbox.token)
            token.chmod(0o600)
        config = load(path, registry)
        transports = {"crm": InProcess(self.crm), "marketing": InProcess(self.marketing)}
        ports = Ports(clock=self.clock)
        self.hub = stack.enter_context(
            open_hub(config, Home(folder / "home"), registry, ports=ports, transports=transports)
        )
        self.store = Store()
        stack.callback(self.store.close)

    def sync(self) -> Summary:
        self.clock.advance(MINUTES)
        return self.hub.runner(self.store).sync(Options(yes=True))

    def settled(self) -> None:
        """A few runs, of which the last writes nothing and leaves nothing open."""
        for _ in range(3):
            self.sync()
        last = self.sync()
        asked = [(r["topic"], r["summary"], r["detail"]) for r in self.store.book.reviews()]
        assert (asked, last.outcome, last.writes, last.notes) == ([], "done", 0, [])

    def lead(self, email: str, **values: Any) -> str:
        body = {"LastName": "Ito", "Company": "Alder", "Email": email, **values}
        return str(self.ask(self.crm, "POST", f"{API}/sobjects/Lead", body)["id"])

    def row(self, sobject: str, record_id: str) -> Any:
        return self.ask(self.crm, "GET", f"{API}/sobjects/{sobject}/{record_id}")

    def people(self) -> list[dict[str, Any]]:
        """The portal's contacts."""
        names = "email,jobtitle,phone,tieline_id,lastname"
        found = self.ask(
            self.marketing, "GET", "/crm/v3/objects/contacts", params={"properties": names, "limit": "100"}
        )
        return [{"id": r["id"], **r["properties"]} for r in found["results"]]

    def ask(self, sandbox: Any, method: str, path: str, body: Any = None, params: Any = None) -> Any:
        self.clock.advance(1000)
        headers = {"authorization": f"Bearer {sandbox.token}", "content-type": "application/json"}
        answer = sandbox.handle(Request(method, path, params or {}, headers, json=body))
        assert answer.status < 400, answer.body
        return answer.json() if answer.body else None


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    with ExitStack() as stack:
        yield lambda *vices, **parts: Desk(tmp_path, stack, *vices, **parts)


def test_an_org_that_says_nothing_of_leads_keeps_them_to_itself(desk: Callable[..., Desk]) -> None:
    office = desk(leads="")
    office.lead("m@alder.example")
    office.settled()
    assert office.people() == []


def test_a_lead_is_synced_and_goes_on_as_its_contact(desk: Callable[..., Desk]) -> None:
    office = desk()
    lead = office.lead("m@alder.example", Title="Engineer", Phone="+1 555 0100")
    office.settled()
    (person,) = office.people()
    assert (person["jobtitle"], person["tieline_id"]) == ("Engineer", office.row("Lead", lead)["Tieline_Id__c"])
    made = office.crm.convert(lead)
    office.ask(
        office.marketing, "PATCH", f"/crm/v3/objects/contacts/{person['id']}", {"properties": {"jobtitle": "CTO"}}
    )
    office.settled()
    contact = office.row("Contact", made["ConvertedContactId"])
    assert (contact["Title"], contact["Phone"], contact["Tieline_Id__c"]) == (
        "CTO",
        "+1 555 0100",
        person["tieline_id"],
    )
    assert [p["id"] for p in office.people()] == [person["id"]]


def test_a_lead_converted_right_after_its_first_read_is_nobody_twice(desk: Callable[..., Desk]) -> None:
    office = desk("converted")
    office.lead("m@alder.example")
    office.settled()
    (person,) = office.people()
    (contact,) = office.ask(office.crm, "GET", f"{API}/query", params={"q": "SELECT Id, Tieline_Id__c FROM Contact"})[
        "records"
    ]
    assert contact["Tieline_Id__c"] == person["tieline_id"]


def test_a_lead_that_joins_a_contact_which_marketing_knows_as_well_is_one_person(desk: Callable[..., Desk]) -> None:
    office = desk()
    lead = office.lead("m@alder.example", Phone="+1 555 0100")
    body = {"LastName": "Ito", "Email": "mei@alder.example"}
    contact = office.ask(office.crm, "POST", f"{API}/sobjects/Contact", body)["id"]
    office.crm.convert(lead, contact_id=contact)
    office.settled()
    (person,) = office.people()
    assert (person["email"], person["phone"]) == ("mei@alder.example", "+1 555 0100")


def test_new_people_of_the_portal_become_contacts(desk: Callable[..., Desk]) -> None:
    office = desk()
    body = {"properties": {"email": "new@alder.example", "lastname": "New"}}
    office.ask(office.marketing, "POST", "/crm/v3/objects/contacts", body)
    office.settled()
    counts = [
        office.ask(office.crm, "GET", f"{API}/query", params={"q": f"SELECT COUNT() FROM {name}"})["totalSize"]
        for name in ("Contact", "Lead")
    ]
    assert counts == [1, 0]
