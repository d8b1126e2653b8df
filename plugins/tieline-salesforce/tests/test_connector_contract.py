"""The conformance suite, on the stand-in: people work through single-record calls, the connector through batches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from tieline.testing import ConnectorTests, HttpSubject
from tieline_salesforce.mapping import CURRENCY, ROLES, SOBJECTS
from tieline_salesforce.spec import SPEC

DATA = "/services/data/v62.0"


class SalesforceSubject(HttpSubject):
    """An empty org; `outside` is the subject itself."""

    many = 201
    unknown_id = "003000000000009AAA"
    reasons: ClassVar[Mapping[str, str]] = {}

    def __init__(self, streams: tuple[str, ...], vices: tuple[str, ...] = ()) -> None:
        super().__init__(SPEC, {"page": 200, "currency": "USD"}, vices)
        self.streams = streams
        self.outside = self

    def sample(self, stream: str, n: int) -> Mapping[str, Any]:
        match stream:
            case "accounts":
                return {"name": f"Company {n}", "phone": f"+1 555 {n}", "description": f"+{n}", "employees": n}
            case "contacts":
                return {"email": f"p{n}@line.example", "last_name": f"Person {n}", "title": f"Title {n}"}
            case "opportunities":
                day = f"2026-01-{n % 28 + 1:02d}"
                amount = {"amount": str(n), "currency": "USD"}
                return {"name": f"Deal {n}", "stage": "Prospecting", "close_date": day, "amount": amount}
        return {"name": f"Campaign {n}", "start": f"2026-01-{n % 28 + 1:02d}", "budget": str(n)}

    def columns(self, stream: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        row, problems = self.mappers[stream].write(fields)
        assert not problems
        return {k: v for k, v in row.items() if k not in (CURRENCY, ROLES)}

    def path(self, stream: str, id: str = "") -> str:
        return f"{DATA}/sobjects/{SOBJECTS[stream]}/{id}".rstrip("/")

    def create(self, stream: str, fields: Mapping[str, Any]) -> str:
        made = self.ask("POST", self.path(stream), self.columns(stream, fields))
        return str(made["id"])

    def edit(self, stream: str, id: str, fields: Mapping[str, Any]) -> None:
        self.ask("PATCH", self.path(stream, id), self.columns(stream, fields))

    def delete(self, stream: str, id: str) -> None:
        self.ask("DELETE", self.path(stream, id))

    def merge(self, stream: str, winner: str, loser: str) -> None:
        if stream not in ("accounts", "contacts"):
            raise NotImplementedError
        self.sandbox.merge(SOBJECTS[stream], winner, loser)

    def count(self, stream: str) -> int:
        found = self.ask("GET", f"{DATA}/query", params={"q": f"SELECT COUNT() FROM {SOBJECTS[stream]}"})
        return int(found["totalSize"])

    def state(self) -> Any:
        return self.sandbox.dump()["org"]["rows"]


class TestPeople(ConnectorTests):
    @pytest.fixture
    def subject(self):
        return SalesforceSubject(("accounts", "contacts"))


class TestDeals(ConnectorTests):
    @pytest.fixture
    def subject(self):
        subject = SalesforceSubject(("accounts", "contacts", "opportunities"))
        subject.streams = ("opportunities",)
        subject.reasons = {"M1": "opportunities cannot be merged", "M2": "opportunities cannot be merged"}
        return subject


class TestReferences:
    """Between all four objects, contact roles among them."""

    test_f1 = ConnectorTests.test_f1_a_reference_round_trips
    test_f2 = ConnectorTests.test_f2_a_list_of_references_is_the_whole_list
    test_f3 = ConnectorTests.test_f3_a_reference_to_nobody_is_refused

    @pytest.fixture
    def subject(self):
        return SalesforceSubject(("accounts", "contacts", "campaigns", "opportunities"))


class TestCampaigns(ConnectorTests):
    @pytest.fixture
    def subject(self):
        subject = SalesforceSubject(("campaigns",))
        subject.reasons = {"M1": "campaigns cannot be merged", "M2": "campaigns cannot be merged"}
        return subject
