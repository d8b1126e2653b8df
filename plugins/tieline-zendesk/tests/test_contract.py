"""The conformance suite, on the stand-in: people use its screens, the connector its exports and jobs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from tieline import ConnectorSpec, Rule
from tieline.testing import ConnectorTests, HttpSubject
from tieline_zendesk.mapping import FIRST, ITEM, LAST, join_name, split_name
from tieline_zendesk.spec import SPEC

SMALL = 50
"""Records in a page of an export; a page of a plain list holds 100."""
SECOND_MS = 1000


class ZendeskSubject(HttpSubject):
    """An empty account; `outside` is the subject itself."""

    many = 105

    def __init__(
        self, streams: tuple[str, ...], vices: tuple[str, ...] = (), spec: ConnectorSpec = SPEC, **settings: Any
    ) -> None:
        super().__init__(spec, {"page": SMALL, **settings}, vices)
        self.streams = streams
        self.outside = self
        self.reasons = dict.fromkeys(
            ("M1", "M2"), "Zendesk does not say into which record another one was merged; `heirs` finds it out"
        )

    def sample(self, stream: str, n: int) -> Mapping[str, Any]:
        if stream == "organizations":
            return {"name": f"Organization {n}", "description": f"+{n}", "domain": f"o{n}.example"}
        return {"email": f"p{n}@line.example", "first_name": f"Mei {n}", "last_name": f"Chen {n}", "phone": f"+1 {n}"}

    def path(self, stream: str, id: str = "") -> str:
        return f"/api/v2/{stream}/{id}".rstrip("/")

    def payload(self, stream: str, fields: Mapping[str, Any], name: str | None = None) -> dict[str, Any]:
        row, _ = self.mappers[stream].write(fields)
        if "domain_names" in row:
            row["domain_names"] = [row["domain_names"]] if row["domain_names"] else []
        if FIRST in row or LAST in row:
            first, last = split_name(name, None)
            row["name"] = join_name(row.pop(FIRST, first), row.pop(LAST, last)) or "Nobody"
        return {ITEM[stream]: row}

    def create(self, stream: str, fields: Mapping[str, Any]) -> str:
        needed = {"name": "Somebody"} if stream == "users" else {}
        body = self.payload(stream, fields)
        body[ITEM[stream]] = {**needed, **body[ITEM[stream]]}
        return str(self.ask("POST", self.path(stream), body)[ITEM[stream]]["id"])

    def edit(self, stream: str, id: str, fields: Mapping[str, Any]) -> None:
        item = ITEM[stream]
        held = self.ask("GET", self.path(stream, id))[item]
        body = self.payload(stream, fields, held["name"])
        email = body[item].pop("email", None) if stream == "users" else None
        if body[item]:
            self.ask("PUT", self.path(stream, id), body)
        if email is not None:
            path = f"{self.path(stream, id)}/identities"
            added = self.ask("POST", path, {"identity": {"type": "email", "value": email}})["identity"]
            self.ask("PUT", f"{path}/{added['id']}/make_primary", {})

    def delete(self, stream: str, id: str) -> None:
        self.ask("DELETE", self.path(stream, id))

    def merge(self, stream: str, winner: str, loser: str) -> None:
        raise NotImplementedError

    def count(self, stream: str) -> int:
        params = {"role": "end-user"} if stream == "users" else {}
        return int(self.ask("GET", self.path(stream), params=params)["count"])

    def state(self) -> Any:
        return self.sandbox.dump()


class TestConnector(ConnectorTests):
    @pytest.fixture
    def subject(self):
        return ZendeskSubject(("organizations", "users"))


OWN = (
    Rule("user_fields.plan", "lead_source"),
    Rule("user_fields.no_mail", "consent_email"),
    Rule("user_fields.title", "title"),
)


class OwnFields(ZendeskSubject):
    """Dropdown, checkbox and text fields of the account's own, one of which holds the hub's id."""

    def __init__(self) -> None:
        spec = replace(SPEC, mapping={**SPEC.mapping, "users": (*SPEC.mapping["users"], *OWN)})
        super().__init__(("users",), spec=spec, hub_field="tie")
        options = [{"name": v.title(), "value": v} for v in ("gold", "free")]
        for key, kind, more in (
            ("tie", "text", {}),
            ("title", "text", {}),
            ("no_mail", "checkbox", {}),
            ("plan", "dropdown", {"custom_field_options": options}),
        ):
            self.ask("POST", "/api/v2/user_fields", {"user_field": {"key": key, "type": kind, "title": key, **more}})

    def sample(self, stream: str, n: int) -> Mapping[str, Any]:
        own = {
            "title": f"T {n}",
            "lead_source": ("gold", "free")[n % 2],
            "consent_email": ("allowed", "opted_out")[n % 2],
        }
        return {**super().sample(stream, n), **own}

    def payload(self, stream: str, fields: Mapping[str, Any], name: str | None = None) -> dict[str, Any]:
        body = super().payload(stream, fields, name)[ITEM[stream]]
        own = {c.removeprefix("user_fields."): body.pop(c) for c in [*body] if c.startswith("user_fields.")}
        if "no_mail" in own:
            own["no_mail"] = own["no_mail"] == "opted_out"
        return {ITEM[stream]: {**body, "user_fields": own}}


class TestOwnFields(ConnectorTests):
    @pytest.fixture
    def subject(self):
        return OwnFields()


class TestSlowJobs(ConnectorTests):
    """Jobs take their time, and exports end without a cursor."""

    @pytest.fixture
    def subject(self):
        return ZendeskSubject(("users",), ("job-delay", "null-cursor"))
