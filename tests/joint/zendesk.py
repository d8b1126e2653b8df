"""A CRM in memory and a help desk's stand-in, joined by a hub; and what people do at the desk."""

from __future__ import annotations

from typing import Any

from tests.joint.hub import Hub
from tieline.ports import Request
from tieline.records import Kind
from tieline.rules import ActionRule, Rules, SystemRules
from tieline.testing import Character
from tieline_zendesk.spec import SPEC

FIELDS: dict[Kind, tuple[str, ...]] = {
    "account": ("name", "domain", "description"),
    "contact": ("email", "first_name", "last_name", "phone", "account"),
}
A_WHILE = 180_000
"""Milliseconds: longer than the newest minute that exports leave out, and the overlap."""


class Joint(Hub):
    """A CRM in memory and a help desk, joined by a hub."""

    spec, vendor, root, a_while = SPEC, "support", "/api/v2", A_WHILE

    def __init__(self, *vices: str, actions: tuple[ActionRule, ...] = (), **settings: Any) -> None:
        kinds: tuple[Kind, ...] = ("account", "contact")
        character = Character(name="crm", kinds=kinds, tombstones=True, unique_hub_id=True, fields=FIELDS)
        archives = {kind: SystemRules(delete="archive") for kind in kinds}
        rules = Rules({}, {"crm": archives, "support": archives}, actions=actions)
        super().__init__(character, rules, SPEC.streams, *vices, **settings)
        self.crm = self.memory

    def route(self, request: Request) -> str:
        """With ids left out."""
        parts = super().route(request).split("/")
        return "/".join("ID" if p.isdigit() or p.startswith("V3-") else p for p in parts)

    def users(self) -> dict[str, Any]:
        """The living end users by e-mail address."""
        found: list[Any] = []
        page = 1
        while True:
            headers = {"authorization": f"Bearer {self.standin.token}"}
            params = {"role": "end-user", "page": str(page)}
            answer = self.standin.handle(Request("GET", "/api/v2/users", params, headers)).json()
            found += answer["users"]
            if answer["next_page"] is None:
                return {u["email"]: u for u in found}
            page += 1

    def fill(self, count: int) -> None:
        """So many people at the desk, and as many others in the CRM, at ten organizations of each."""
        for n in range(10):
            body = {"name": f"Desk {n}", "domain_names": [f"desk{n}.example"]}
            home = self.ask("POST", "/organizations", {"organization": body})["organization"]["id"]
            account = self.crm.person_create("account", {"name": f"Crm {n}", "domain": f"crm{n}.example"})
            for m in range(n, count, 10):
                person = {"name": f"Ann Desk{m}", "email": f"d{m}@desk{n}.example", "organization_id": home}
                self.ask("POST", "/users", {"user": person})
                fields = {"first_name": "Bo", "last_name": f"Crm{m}", "email": f"c{m}@crm{n}.example"}
                self.crm.person_create("contact", {**fields, "account": account})
