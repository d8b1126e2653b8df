"""Captured HubSpot answers without their requests: each is recognised by what is in it, provoked, and held against it.

A body that no rule recognises fails the test: a new kind of answer must be looked at, not passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.witness.captured import Shapes, Way, differences, hold
from tieline.sandbox import Request, SandboxOptions
from tieline.testing import FakeClock
from tieline_hubspot.sandbox import HubSpotSandbox

Ask = Callable[..., Any]
MAIL = {"properties": {"email": "held@example.com"}}


class Stand:
    """A fresh stand-in with one held contact, and a short way to ask it."""

    def __init__(self) -> None:
        self.sandbox = HubSpotSandbox(SandboxOptions(clock=FakeClock()))
        self.held = self("POST", "/crm/v3/objects/contacts", MAIL)["id"]

    def __call__(self, method: str, path: str, body: Any = None, **params: str) -> Any:
        headers = {"authorization": f"Bearer {self.sandbox.token}", "accept": "application/json"}
        response = self.sandbox.handle(Request(method, path, params, headers, json=body))
        return response.json() if response.body else None


def _first(body: Mapping[str, Any]) -> Mapping[str, Any]:
    rows = body.get("results")
    return rows[0] if isinstance(rows, list) and rows and isinstance(rows[0], Mapping) else {}


def _problem(body: Mapping[str, Any]) -> str:
    rows = body.get("errors") or [{}]
    return str(rows[0].get("subCategory") or rows[0].get("code") or rows[0].get("category") or "")


def _names(body: Mapping[str, Any]) -> list[str]:
    return sorted({name for row in body["results"] for name in row["properties"]})


def _conflict(ask: Ask, body: Any) -> Any:
    return ask("POST", "/crm/v3/objects/contacts/batch/create", {"inputs": [MAIL]})


def _unknown_properties(ask: Ask, body: Any) -> Any:
    return ask("POST", "/crm/v3/objects/contacts/batch/create", {"inputs": [{"properties": {"nonsense": "1"}}]})


def _same_ids(ask: Ask, body: Any) -> Any:
    rows = [{"id": "1", "properties": {}}] * 2
    return ask("POST", "/crm/v3/objects/contacts/batch/update", {"inputs": rows})


def _no_such_type(ask: Ask, body: Any) -> Any:
    return ask("POST", "/crm/v3/objects/butterflies/search", {})


def _partly_created(ask: Ask, body: Any) -> Any:
    rows = [
        {**MAIL, "objectWriteTraceId": "0"},
        {"properties": {"email": "new@example.com"}, "objectWriteTraceId": "1"},
    ]
    return ask("POST", "/crm/v3/objects/contacts/batch/create", {"inputs": rows})


def _partly_updated(ask: Ask, body: Any) -> Any:
    rows = [{"id": i, "properties": {"firstname": "F", "lastname": "L"}} for i in (ask.held, "unknown")]  # type: ignore[attr-defined]
    return ask("POST", "/crm/v3/objects/contacts/batch/update", {"inputs": rows})


def _partly_associated(ask: Ask, body: Any) -> Any:
    company = ask("POST", "/crm/v3/objects/companies", {"properties": {"name": "C"}})["id"]
    lonely = ask("POST", "/crm/v3/objects/contacts", {"properties": {}})["id"]
    held = ask.held  # type: ignore[attr-defined]
    ask("PUT", f"/crm/v4/objects/contacts/{held}/associations/default/companies/{company}")
    return ask("POST", "/crm/v4/associations/contacts/companies/batch/read", {"inputs": [{"id": held}, {"id": lonely}]})


def _campaign(ask: Ask, body: Any) -> list[str]:
    rows = ("One", "Two", "Three")
    values = {"hs_notes": "n"}
    path = "/marketing/v3/campaigns"
    ids = [ask("POST", path, {"properties": {"hs_name": name, **values}})["id"] for name in rows]
    for key in ids:
        ask("POST", f"{path}/{key}/budget", {"name": "b", "amount": 2})
    return ids


def _campaign_batch(ask: Ask, body: Any) -> Any:
    ids = _campaign(ask, body)
    if "errors" in body:
        ids = [*ids[:1], "430318c4-abb7-4bf7-a75ee-9c5fa8f475a6"]
    path = "/marketing/v3/campaigns/batch/read"
    return ask("POST", path, {"inputs": [{"id": i} for i in ids]}, properties=",".join(_names(body)))


def _campaign_page(ask: Ask, body: Any) -> Any:
    _campaign(ask, body)
    limit = "2" if "paging" in body else "3"
    return ask("GET", "/marketing/campaigns/2026-03", None, properties=",".join(_names(body)), limit=limit)


def _found(ask: Ask, body: Any) -> Any:
    more = {"email": "more@example.com"}
    ask("POST", "/crm/v3/objects/contacts", {"properties": more})
    search = {"properties": _names(body), "limit": 1 if "paging" in body else 100}
    return ask("POST", "/crm/v3/objects/contacts/search", search)


def _page(ask: Ask, body: Any) -> Any:
    ask("POST", "/crm/v3/objects/contacts", {"properties": {}})
    limit = "1" if "paging" in body else "100"
    return ask("GET", "/crm/v3/objects/contacts", None, properties=",".join(_names(body)), limit=limit)


def _batch_of_records(ask: Ask, body: Any) -> Any:
    rows = {"inputs": [{"id": ask.held}], "properties": _names(body)}  # type: ignore[attr-defined]
    return ask("POST", "/crm/v3/objects/contacts/batch/read", rows)


def _pipelines(ask: Ask, body: Any) -> Any:
    kind = "deals" if "probability" in body["results"][0]["stages"][0]["metadata"] else "contacts"
    return ask("GET", f"/crm/v3/pipelines/{kind}")


AGE = {"name": "age", "label": "Age", "type": "number", "fieldType": "number", "groupName": "contactinformation"}


def _definitions(ask: Ask, body: Any) -> Any:
    if body.get("status") != "COMPLETE":
        return ask("GET", "/crm/v3/properties/deals")
    fresh = [AGE, {**AGE, "name": "other"}]
    if "errors" in body:
        ask("POST", "/crm/v3/properties/contacts", AGE)
    return ask("POST", "/crm/v3/properties/contacts/batch/create", {"inputs": fresh})


def _definition(ask: Ask, body: Any) -> Any:
    ask("POST", "/crm/v3/properties/contacts", AGE)
    return ask("PATCH", "/crm/v3/properties/contacts/age", {"label": "Years"})


def _group(ask: Ask, body: Any) -> Any:
    return ask("POST", "/crm/v3/properties/contacts/groups", {"name": "own", "label": "Own"})


RULES: list[Way] = [
    (lambda b: not isinstance(b, Mapping), None),
    (lambda b: "inputs" in b or "filterGroups" in b, "a request, not an answer"),
    (lambda b: "groupName" in b and "hidden" not in b, "a request, not an answer"),
    (lambda b: {"name", "label"} == set(b), "a request, not an answer"),
    (lambda b: "lists" in b, "contact lists are not served"),
    (lambda b: set(_first(b)) in ({"id"}, {"id", "name"}), "rows of a campaign's assets and reports are not served"),
    (lambda b: b.get("category") == "MISSING_SCOPES", "a refusal of the schemas API, which is not served"),
    (lambda b: b.get("category") == "CONFLICT", _conflict),
    (lambda b: b.get("status") == "error" and _problem(b) == "PROPERTY_DOESNT_EXIST", _unknown_properties),
    (lambda b: b.get("status") == "error" and "ids" in b.get("context", {}), _same_ids),
    (lambda b: "infer object type" in str(b.get("message")), _no_such_type),
    (lambda b: "businessUnits" in _first(b) and b.get("status") == "COMPLETE", _campaign_batch),
    (lambda b: "businessUnits" in _first(b), _campaign_page),
    (lambda b: _problem(b) == "CONFLICT", _partly_created),
    (lambda b: _problem(b) == "crm.associations.NO_ASSOCIATIONS_FOUND", _partly_associated),
    (lambda b: _problem(b) == "OBJECT_NOT_FOUND", _partly_updated),
    (lambda b: "stages" in _first(b), _pipelines),
    (lambda b: "modificationMetadata" in _first(b), _definitions),
    (lambda b: "modificationMetadata" in b, _definition),
    (lambda b: {"name", "label", "displayOrder", "archived"} == set(b), _group),
    (lambda b: "properties" in _first(b) and "total" in b, _found),
    (lambda b: "properties" in _first(b) and b.get("status") == "COMPLETE", _batch_of_records),
    (lambda b: "properties" in _first(b), _page),
]
OPTIONAL = {"userIdIncludingInactive", "createdUserId", "updatedUserId", "readOnlyOptions", "description", "assets"}
"""Parts that one definition has and another has not, and the assets of campaigns, which are not kept."""
EXTRA = {"url", "objectWriteTraceId", "createdAt", "updatedAt", "archived", "hubspotDefined"}


class Captured(Shapes):
    """Trimmed answers of other accounts: shapes only, and the first items of lists."""

    def optional(self, exchange: Any, where: tuple[str, ...]) -> bool:
        return where[-1] in OPTIONAL or "properties" in where[:-1] or "assets" in where

    def extra(self, exchange: Any, where: tuple[str, ...]) -> bool:
        return where[-1] in EXTRA or "properties" in where[:-1] or "paging" in where[-1:]

    def same_type(self, exchange: Any, where: tuple[str, ...], recorded: Any, actual: Any) -> bool:
        if "properties" in where[:-1] or where[-1] == "label":
            return all(value is None or isinstance(value, str) for value in (recorded, actual))
        return type(recorded) is type(actual)


def test_every_captured_answer_has_the_stand_ins_shape(captured: Any) -> None:
    assert hold(captured, RULES, Captured(), Stand)


def test_a_captured_shape_that_is_missed_is_noticed() -> None:
    body = {"status": "error", "message": "m", "correlationId": "c", "category": "CONFLICT", "new": 1}
    wrong = differences("own", body, _conflict(Stand(), body), Captured())
    assert [m.where for m in wrong] == ["$.new"]
