"""Captured answer bodies, without their requests: the stand-in must be able to give each of them, key for key.

A body is told by its shape: a query's answer is asked for again from records seeded out of it; an error's or a
result's code names the request that provokes it. A body of another shape, or a code that nothing here provokes, is
no answer of a call the stand-in serves, and left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.witness.captured import differences, text_of
from tieline.sandbox import Request, SandboxOptions
from tieline_salesforce.sandbox import SalesforceSandbox

BASE = "/services/data/v60.0"


class Asker:
    """A stand-in with one account and one deleted contact, and a short way to ask it."""

    def __init__(self, *vices: str) -> None:
        self.sandbox = SalesforceSandbox(SandboxOptions(vices=frozenset(vices)))
        self.account = self.sandbox.load({"Account": [{"Name": "Alder"}]})["Account"][0]
        self.contact, self.gone = self.sandbox.load({"Contact": [{"LastName": "a"}, {"LastName": "b"}]})["Contact"]
        self.ask("DELETE", f"/sobjects/Contact/{self.gone}")

    def ask(self, method: str, path: str, params: Mapping[str, str] | None = None, body: Any = None) -> Any:
        headers = {"authorization": f"Bearer {self.sandbox.token}"}
        response = self.sandbox.handle(Request(method, BASE + path, params or {}, headers, json=body))
        return response.json() if response.body else None

    def upload(self, job: str, text: str) -> None:
        headers = {"authorization": f"Bearer {self.sandbox.token}", "content-type": "text/csv"}
        path = f"{BASE}/jobs/ingest/{job}/batches"
        assert self.sandbox.handle(Request("PUT", path, {}, headers, body=text.encode())).status == 201


def _many(*records: Mapping[str, Any], all_or_none: bool = False) -> dict[str, Any]:
    return {"allOrNone": all_or_none, "records": [{"attributes": {"type": "Contact"}, **r} for r in records]}


ERRORS: dict[str, Callable[[Asker], Any]] = {
    "REQUIRED_FIELD_MISSING": lambda a: a.ask("POST", "/composite/sobjects", body=_many()),
    "ENTITY_IS_DELETED": lambda a: a.ask("DELETE", f"/sobjects/Contact/{a.gone}"),
    "INVALID_FIELD_FOR_INSERT_UPDATE": lambda a: a.ask(
        "PATCH", f"/sobjects/Account/{a.account}", body={"MasterRecordId": a.account}
    ),
    "INVALID_FIELD": lambda a: a.ask("POST", "/sobjects/Account", body={"Name": "x", "Nope": "y"}),
    "INVALID_TYPE": lambda a: a.ask("GET", "/query", {"q": "SELECT Name FROM Nope"}),
    "NOT_FOUND": lambda a: a.ask("GET", "/sobjects/Account/001000000000000AAA"),
    "MALFORMED_QUERY": lambda a: a.ask("GET", "/query", {"q": "SELECT"}),
}
RESULTS: dict[str, Callable[[Asker], Any]] = {
    "": lambda a: a.ask("POST", "/composite/sobjects", body=_many({"LastName": "c"})),
    "REQUIRED_FIELD_MISSING": lambda a: a.ask("POST", "/composite/sobjects", body=_many({"FirstName": "c"})),
    "MISSING_ARGUMENT": lambda a: a.ask("PATCH", "/composite/sobjects", body=_many({"LastName": "c"})),
    "INVALID_FIELD": lambda a: a.ask("PATCH", "/composite/sobjects", body=_many({"id": a.contact, "Nope": "c"})),
    "ALL_OR_NONE_OPERATION_ROLLED_BACK": lambda a: a.ask(
        "POST", "/composite/sobjects", body=_many({"LastName": "c"}, {"FirstName": "c"}, all_or_none=True)
    ),
}


LEAST = 10
"""A set whose bodies are nearly all left out witnesses nothing."""


@pytest.fixture
def same(adapter: Any) -> Callable[[str, Any, Any], list[Any]]:
    """Compares a captured body with ours by the rules of recordings."""
    rules = adapter.SalesforceRules(lambda name: ())
    return lambda name, captured, ours: differences(name, captured, ours, rules)


def test_every_captured_answer_can_be_given_key_for_key(captured: list[tuple[str, Any]], same: Any) -> None:
    given, wrong = 0, []
    for name, body in captured:
        for one, ours in _pairs(body):
            given += 1
            wrong += same(name, one, ours)
    assert not wrong, text_of(wrong)
    assert given >= min(LEAST, len(captured) // 3)


def _pairs(captured: Any) -> list[tuple[Any, Any]]:
    """The captured body, or its parts, each with what the stand-in gives instead; empty when it has no such answer."""
    if isinstance(captured, dict) and "records" in captured and "totalSize" in captured:
        return [_query(captured)]
    if isinstance(captured, dict) and "operation" in captured and "state" in captured:
        return [(captured, _job(captured))]
    if _all(captured, "errorCode"):
        return _each(captured, ERRORS, lambda e: e["errorCode"])
    if _all(captured, "success"):
        return _each(captured, RESULTS, _code)
    if isinstance(captured, dict) and set(captured) == {"id", "success", "errors"} and captured["success"]:
        return [(captured, Asker().ask("POST", "/sobjects/Account", body={"Name": "x"}))]
    return []


def test_a_captured_answer_with_another_key_is_noticed(same: Any) -> None:
    ours = ERRORS["NOT_FOUND"](Asker())[0]
    assert same("own", {"message": "gone", "errorCode": "NOT_FOUND"}, ours) == []
    assert same("own", {"message": "gone", "errorCode": "NOT_FOUND", "fields": []}, ours)
    assert same("own", {"message": "gone", "errorCode": "OTHER"}, ours)


def _all(captured: Any, key: str) -> bool:
    return isinstance(captured, list) and bool(captured) and all(isinstance(e, dict) and key in e for e in captured)


def _code(result: Mapping[str, Any]) -> str:
    return result["errors"][0]["statusCode"] if result["errors"] else ""


def _each(
    captured: list[Any], provoke: Mapping[str, Callable[[Asker], Any]], code: Callable[[Any], str]
) -> list[tuple[Any, Any]]:
    return [(entry, provoke[code(entry)](Asker())[0]) for entry in captured if code(entry) in provoke]


# -- a job: one of the same operation, brought to the same state


def _job(captured: Mapping[str, Any]) -> Any:
    asker = Asker(*(["bulk-delay"] if captured["state"] == "InProgress" else []))
    if captured["operation"] == "query":
        return asker.ask("POST", "/jobs/query", body={"operation": "query", "query": "SELECT Id FROM Account"})
    sort = {"operation": captured["operation"], "object": captured["object"], "lineEnding": "LF"}
    asker.sandbox.add_field(captured["object"], {"name": "external_id__c", "type": "string", "externalId": True})
    key = {"externalIdFieldName": captured["externalIdFieldName"]} if "externalIdFieldName" in captured else {}
    job = asker.ask("POST", "/jobs/ingest", body=sort | key)
    if captured["state"] == "Open":
        return job
    column = captured.get("errorMessage", "Name").rpartition(" ")[2]
    asker.upload(job["id"], f"external_id__c,{column}\nx,y\n" if key else f"Id\n{asker.account}\n")
    closed = asker.ask("PATCH", f"/jobs/ingest/{job['id']}", body={"state": "UploadComplete"})
    return closed if "jobType" not in captured else asker.ask("GET", f"/jobs/ingest/{job['id']}")


# -- a query's answer: seed what it shows, ask for the same columns


def _query(captured: dict[str, Any]) -> tuple[Any, Any]:
    asker = Asker()
    shown = {k: v for k, v in captured.items() if not (k == "nextRecordsUrl" and captured["done"])}
    name = captured["records"][0]["attributes"]["type"]
    ids = _seed(asker, name, captured["records"])
    columns = ", ".join(_column(k, v) for k, v in captured["records"][0].items() if k != "attributes")
    listed = ", ".join(f"'{i}'" for i in ids)
    return shown, asker.ask("GET", "/query", {"q": f"SELECT {columns} FROM {name} WHERE Id IN ({listed})"})


def _column(key: str, value: Any) -> str:
    if not isinstance(value, dict) or "records" not in value:
        return key
    inner = ", ".join(_column(k, v) for k, v in value["records"][0].items() if k != "attributes")
    return f"(SELECT {inner} FROM {key})"


def _seed(asker: Asker, name: str, records: list[dict[str, Any]], **parent: str) -> list[str]:
    fields = {f["name"]: f for f in asker.ask("GET", f"/sobjects/{name}/describe")["fields"]}
    ids = []
    for record in records:
        ours = asker.sandbox.load({name: [_row(asker, fields, record) | parent]})[name][0]
        ids.append(ours)
        for value in record.values():
            if isinstance(value, dict) and "records" in value:
                child = value["records"][0]["attributes"]["type"]
                _seed(asker, child, value["records"], **{f"{name}Id": ours})
    return ids


def _row(asker: Asker, fields: Mapping[str, Any], record: Mapping[str, Any]) -> dict[str, Any]:
    known = {"Account": asker.account, "Contact": asker.contact}
    row: dict[str, Any] = {}
    for key, value in record.items():
        of = fields.get(key)
        if of is not None and of["type"] == "reference" and value:
            row[key] = known[of["referenceTo"][0]]
        elif of is not None and of["createable"] and not isinstance(value, (dict, list)):
            row[key] = value
        elif isinstance(value, dict) and "street" in value:
            parts = {k: v for k, v in value.items() if f"{key.removesuffix('Address')}{k[:1].upper()}{k[1:]}" in fields}
            row |= {f"{key.removesuffix('Address')}{k[:1].upper()}{k[1:]}": v for k, v in parts.items()}
    for key, of in fields.items():
        if of["createable"] and not of["nillable"] and not of["defaultedOnCreate"] and of["type"] != "reference":
            row.setdefault(key, "2030-01-01" if of["type"] == "date" else "seeded")
    return row
