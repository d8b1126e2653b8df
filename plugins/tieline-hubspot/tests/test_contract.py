"""The conformance suite, on the stand-in: people use it over the numbered paths, the connector over the dated ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from tieline.testing import ConnectorTests, HttpSubject
from tieline_hubspot.mapping import ASSOCIATION, RELATIONS
from tieline_hubspot.spec import SPEC

OBJECTS, CAMPAIGNS = "/crm/v3/objects", "/marketing/v3/campaigns"


class HubSpotSubject(HttpSubject):
    """An empty account; `outside` is the subject itself."""

    many = 205
    tick = 1
    """Milliseconds between two edits of people: versions are stamps, and HubSpot's are this fine."""
    reasons: ClassVar[Mapping[str, str]] = {}

    def __init__(self, streams: tuple[str, ...], vices: tuple[str, ...] = ()) -> None:
        super().__init__(SPEC, vices=vices)
        self.streams = streams
        self.outside = self

    def sample(self, stream: str, n: int) -> Mapping[str, Any]:
        match stream:
            case "companies":
                return {"name": f"Company {n}", "domain": f"c{n}.example", "description": f"+{n}", "employees": n}
            case "contacts":
                return {"email": f"p{n}@line.example", "last_name": f"Person {n}", "title": f"Title {n}"}
            case "deals":
                return {"name": f"Deal {n}", "amount": {"amount": str(n), "currency": "EUR"}, "lost_reason": f"r{n}"}
        return {"name": f"Campaign {n}", "start": f"2026-01-{n % 28 + 1:02d}", "status": ("planned", "active")[n % 2]}

    def path(self, stream: str, id: str = "") -> str:
        root = CAMPAIGNS if stream == "campaigns" else f"{OBJECTS}/{stream}"
        return f"{root}/{id}" if id else root

    def create(self, stream: str, fields: Mapping[str, Any]) -> str:
        row, _ = self.mappers[stream].write(fields)
        made = self.ask("POST", self.path(stream), {"properties": self.properties(row)})
        self.relate(stream, made["id"], row)
        return str(made["id"])

    def edit(self, stream: str, id: str, fields: Mapping[str, Any]) -> None:
        self.clock.advance(self.tick)
        row, _ = self.mappers[stream].write(fields)
        self.ask("PATCH", self.path(stream, id), {"properties": self.properties(row)})
        self.relate(stream, id, row)

    def properties(self, row: Mapping[str, Any]) -> dict[str, str]:
        return {k: "" if v is None else str(v) for k, v in row.items() if not k.startswith(ASSOCIATION)}

    def relate(self, stream: str, id: str, row: Mapping[str, Any]) -> None:
        for relation in RELATIONS[stream]:
            if row.get(relation.column):
                path = f"/crm/v4/objects/{stream}/{id}/associations/{relation.to}/{row[relation.column]}"
                types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": relation.type_id}]
                self.ask("PUT", path, types)

    def delete(self, stream: str, id: str) -> None:
        self.ask("DELETE", self.path(stream, id))

    def merge(self, stream: str, winner: str, loser: str) -> None:
        if stream == "campaigns":
            raise NotImplementedError
        self.ask("POST", f"{self.path(stream)}/merge", {"primaryObjectId": winner, "objectIdToMerge": loser})

    def count(self, stream: str) -> int:
        count, params = 0, {"limit": "100"}
        while True:
            page = self.ask("GET", self.path(stream), params=params)
            count += len(page["results"])
            if "paging" not in page:
                return count
            params["after"] = page["paging"]["next"]["after"]

    def state(self) -> Any:
        held = self.sandbox.dump()
        tables = {name: table["records"] for name, table in held["tables"].items()}
        return tables, held["campaigns"], held["associations"], held["consents"], held["properties"]


class TestObjects(ConnectorTests):
    @pytest.fixture
    def subject(self):
        return HubSpotSubject(("companies", "contacts", "deals"))


class TestCampaigns(ConnectorTests):
    @pytest.fixture
    def subject(self):
        subject = HubSpotSubject(("campaigns",))
        subject.unknown_id = "00000000-0000-4000-8000-000000000000"
        subject.reasons = {
            "M1": "campaigns cannot be merged",
            "M2": "campaigns cannot be merged",
            "R15": "changes of campaigns are one page, made of the newest end of the list",
            "R16": "HubSpot's cursor in the list of campaigns counts rows",
        }
        return subject


class TestVices(ConnectorTests):
    """The search index lags and shows twenty results, stamps are whole seconds."""

    @pytest.fixture
    def subject(self):
        subject = HubSpotSubject(("contacts",), ("search-lag", "coarse-stamps", "result-cap"))
        subject.tick = 1000
        subject.cap = 20
        return subject
