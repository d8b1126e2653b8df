"""Fixtures: a connector on a scripted HTTP client, and the pieces of Salesforce answers that tests are written in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tieline import Request, Response, compile_rules
from tieline.testing import FakeClock, ScriptedClient, json_answer
from tieline_salesforce.spec import SPEC

Handler = Callable[[Request], Response]
START = 1_700_000_000_000
DATE = "Tue, 14 Nov 2023 22:13:20 GMT"


class StillClock(FakeClock):
    def sleep(self, seconds: float) -> None:
        raise AssertionError("a connector does not wait")


class Scripted(ScriptedClient):
    @property
    def queries(self) -> list[str]:
        """The statements asked, those inside composites included."""
        return [r.params["q"] for r in self.asked if "q" in r.params]


def answer(value: Any, status: int = 200, **headers: str) -> Response:
    return json_answer(value, status, **{"date": DATE, **headers})


def refusal(code: str, message: str = "", status: int = 400, fields: Sequence[str] = ()) -> Response:
    return answer([{"message": message or code, "errorCode": code, "fields": list(fields)}], status)


def page(*rows: dict[str, Any], more: str | None = None) -> Response:
    return answer(result(*rows, more=more))


def result(*rows: dict[str, Any], more: str | None = None) -> dict[str, Any]:
    body = {"totalSize": len(rows), "done": more is None, "records": list(rows)}
    return body if more is None else {**body, "nextRecordsUrl": f"/services/data/v62.0/query/{more}"}


def row(sobject: str, id: str, stamp: str = "2024-01-01T00:00:01.000+0000", **values: Any) -> dict[str, Any]:
    head = {"attributes": {"type": sobject, "url": f"/services/data/v62.0/sobjects/{sobject}/{id}"}}
    return {**head, "Id": id, "SystemModstamp": stamp, "IsDeleted": False, "Tieline_Id__c": None, **values}


def composite(*parts: Any, statuses: Sequence[int] = ()) -> Response:
    found = [
        {"body": body, "httpHeaders": {}, "httpStatusCode": (statuses or [200] * len(parts))[i], "referenceId": f"p{i}"}
        for i, body in enumerate(parts)
    ]
    return answer({"compositeResponse": found})


def done(id: str) -> dict[str, Any]:
    return {"id": id, "success": True, "errors": []}


def failed(code: str, message: str = "", *fields: str) -> dict[str, Any]:
    return {"success": False, "errors": [{"statusCode": code, "message": message or code, "fields": list(fields)}]}


def column(name: str, type: str = "string", **flags: Any) -> dict[str, Any]:
    usual = {
        "nillable": True,
        "createable": True,
        "updateable": True,
        "defaultedOnCreate": type == "boolean",
        "restrictedPicklist": False,
        "picklistValues": [],
        "length": 0,
        "unique": False,
        "externalId": False,
        "relationshipName": name.removesuffix("Id") if type == "reference" else None,
    }
    return {"name": name, "type": type, **usual, **flags}


HUB = column("Tieline_Id__c", length=36, unique=True, externalId=True)


def described(sobject: str, *columns: dict[str, Any], **flags: Any) -> Response:
    """A describe; without columns: those of the default table, all of them plain."""
    if not columns:
        stream = next(s for s, o in STREAMS.items() if o == sobject)
        names = dict.fromkeys(c for rule in SPEC.mapping[stream] for c in rule.columns)
        drop = ("OpportunityContactRoles", "CurrencyIsoCode")
        kinds = {"OwnerId": "reference", "DoNotCall": "boolean"}
        columns = (*(column(n, kinds.get(n, "string")) for n in names if n not in drop), HUB)
    body = {"name": sobject, "createable": True, "updateable": True, "deletable": True, "childRelationships": []}
    return answer({**body, "fields": list(columns), **flags})


STREAMS = {
    "accounts": "Account",
    "contacts": "Contact",
    "leads": "Lead",
    "opportunities": "Opportunity",
    "campaigns": "Campaign",
    "members": "CampaignMember",
}


@pytest.fixture
def sf() -> SimpleNamespace:
    """The pieces above, by name."""
    pieces = (answer, refusal, page, result, row, composite, done, failed, column, described)
    return SimpleNamespace(**{p.__name__: p for p in pieces}, hub=HUB, start=START)


@pytest.fixture
def connect() -> Callable[..., tuple[Any, Scripted]]:
    """`connect(answers, currency="USD", …)`: a connector on scripted answers, and the script; with `leads=True` it
    reads those too."""

    def connected(
        answers: Sequence[Response | Handler] | Handler,
        *,
        rules: dict[str, Any] | None = None,
        leads: bool = False,
        **settings: Any,
    ) -> tuple[Any, Scripted]:
        from tieline import Context

        script = Scripted(answers, clock=StillClock(START))
        tables = {**SPEC.mapping, **(rules or {})}
        streams = [s for s in SPEC.streams if leads or s not in SPEC.optional]
        mappers = {s: compile_rules(SPEC.kinds[s], tables[s]) for s in streams}
        settings.setdefault("currency", "USD")
        context = Context("crm", SPEC.settings(**settings), mappers, script, script.clock, Path("."))
        return SPEC.connect(context), script

    return connected
