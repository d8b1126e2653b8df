"""Collections and composites: order, partial failure, rolling back, limits."""

from __future__ import annotations

from typing import Any

import pytest


def contacts(*names: str) -> dict[str, Any]:
    return {"records": [{"attributes": {"type": "Contact"}, "LastName": n} for n in names]}


def test_a_collection_of_mixed_types_is_answered_in_order(org: Any) -> None:
    kinds = ("Account", "Account", "Contact", "Account")
    records = [
        {"attributes": {"type": k}, "Name" if k == "Account" else "LastName": str(n)} for n, k in enumerate(kinds)
    ]
    results = org.call("POST", "/composite/sobjects", {"records": records}).json()
    assert [r["id"][:3] for r in results] == ["001", "001", "003", "001"]


def test_a_failing_item_leaves_nothing_behind(org: Any) -> None:
    """The twin in the same call is refused, the others stay."""
    records = contacts("a", "b", "c")
    records["records"][0]["Tieline_Id__c"] = records["records"][1]["Tieline_Id__c"] = "hub-1"
    results = org.call("POST", "/composite/sobjects", records).json()
    assert [r["success"] for r in results] == [True, False, True]
    assert results[1]["errors"][0]["statusCode"] == "DUPLICATE_VALUE"
    assert "id" not in results[1]
    assert len(org.query("SELECT Id FROM Contact")) == 2


def test_all_or_none_takes_everything_back(org: Any) -> None:
    made = org.make("Contact", LastName="old")
    typed = {"attributes": {"type": "Contact"}}
    body = {"allOrNone": True, "records": [typed | {"id": made, "LastName": "new"}, typed | {"LastName": "no id"}]}
    results = org.call("PATCH", "/composite/sobjects", body).json()
    codes = [r["errors"][0]["statusCode"] for r in results]
    assert codes == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "MISSING_ARGUMENT"]
    assert org.row("Contact", made)["LastName"] == "old"


def test_unknown_and_deleted_records_of_a_collection_have_codes_of_their_own(org: Any) -> None:
    gone = org.make("Contact", LastName="gone")
    org.call("DELETE", f"/sobjects/Contact/{gone}")
    typed = {"attributes": {"type": "Contact"}, "LastName": "x"}
    body = {"records": [typed | {"id": i} for i in (gone, "003000000000001", "nonsense")]}
    results = org.call("PATCH", "/composite/sobjects", body).json()
    codes = [r["errors"][0]["statusCode"] for r in results]
    assert codes == ["ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY", "MALFORMED_ID"]


def test_a_collection_upsert_says_what_it_made_and_what_is_ambiguous(org: Any) -> None:
    for _ in range(2):
        org.make("Contact", LastName="twin", Email="twin@example.com")
    body = contacts("a", "b")
    body["records"][0]["Email"], body["records"][1]["Email"] = "new@example.com", "TWIN@example.com"
    results = org.call("PATCH", "/composite/sobjects/Contact/Email", body).json()
    assert results[0]["created"] is True
    assert results[1]["errors"][0]["statusCode"] == "DUPLICATE_EXTERNAL_ID"
    again = org.call("PATCH", "/composite/sobjects/Contact/Email", {"records": body["records"][:1]}).json()
    assert again[0] == results[0] | {"created": False}


@pytest.mark.parametrize(
    ("method", "body", "params", "code"),
    [
        ("POST", {"records": []}, {}, "REQUIRED_FIELD_MISSING"),
        ("POST", contacts(*"x" * 201), {}, "EXCEEDED_ID_LIMIT"),
        ("DELETE", None, {"ids": ",".join(["003000000000001"] * 201)}, "EXCEEDED_ID_LIMIT"),
    ],
)
def test_a_collection_has_its_limits(org: Any, method: str, body: Any, params: Any, code: str) -> None:
    assert org.refused(method, "/composite/sobjects", body, **params)["errorCode"] == code


def test_two_hundred_records_fit(org: Any) -> None:
    results = org.call("POST", "/composite/sobjects", contacts(*"x" * 200)).json()
    assert sum(r["success"] for r in results) == 200


def test_retrieving_answers_null_for_what_is_not_there(org: Any) -> None:
    made = org.make("Contact", LastName="a")
    gone = org.make("Contact", LastName="b")
    org.call("DELETE", f"/sobjects/Contact/{gone}")
    rows = org.call("GET", "/composite/sobjects/Contact", ids=f"{gone},{made}", fields="Id,LastName").json()
    assert rows[0] is None
    assert rows[1]["LastName"] == "a"
    error = org.refused("GET", "/composite/sobjects/Contact", ids=made, fields="Nope")
    assert error["errorCode"] == "INVALID_FIELD"


def part(name: str, method: str, path: str, body: Any = None) -> dict[str, Any]:
    return {"referenceId": name, "method": method, "url": f"/services/data/v60.0{path}", "body": body}


def test_a_composite_part_that_fails_leaves_the_others_alone(org: Any) -> None:
    parts = [
        part("a", "POST", "/sobjects/Account", {"Name": "x"}),
        part("b", "POST", "/sobjects/Account", {}),
        part("c", "PATCH", "/sobjects/Account/@{a.id}", {"Name": "y"}),
        part("d", "PATCH", "/sobjects/Account/@{b.id}", {"Name": "z"}),
        part("e", "POST", "/composite/sobjects", contacts("p", "")),
        part("f", "GET", "/sobjects/Contact/@{e[0].id}"),
    ]
    answers = org.call("POST", "/composite", {"compositeRequest": parts}).json()["compositeResponse"]
    assert [a["httpStatusCode"] for a in answers] == [201, 400, 204, 400, 200, 200]
    assert [a["referenceId"] for a in answers] == list("abcdef")
    assert answers[0]["httpHeaders"]["Location"].endswith(answers[0]["body"]["id"])
    assert (answers[2]["body"], answers[5]["body"]["LastName"]) == (None, "p")
    assert answers[3]["body"][0]["errorCode"] == "PROCESSING_HALTED"
    assert [r["Name"] for r in org.query("SELECT Name FROM Account")] == ["y"]


@pytest.mark.parametrize(
    "parts",
    [
        [part(f"r{n}", "GET", "/limits/recordCount") for n in range(26)],
        [part(f"r{n}", "GET", "/query?q=SELECT Id FROM User") for n in range(6)],
        [part("same", "GET", "/sobjects"), part("same", "GET", "/sobjects")],
        [part("no-dashes", "GET", "/sobjects")],
        [],
    ],
)
def test_a_composite_has_its_limits(org: Any, parts: Any) -> None:
    assert org.refused("POST", "/composite", {"compositeRequest": parts})["status"] == 400


def test_a_composite_holds_no_composite(org: Any) -> None:
    inner = part("a", "POST", "/composite", {"compositeRequest": [part("b", "GET", "/sobjects")]})
    answers = org.call("POST", "/composite", {"compositeRequest": [inner]}).json()["compositeResponse"]
    assert answers[0]["httpStatusCode"] == 400


def test_a_batch_can_stop_at_its_first_error(org: Any) -> None:
    parts = [
        {"method": "POST", "url": "v60.0/sobjects/Account", "richInput": {}},
        {"method": "POST", "url": "v60.0/sobjects/Account", "richInput": {"Name": "x"}},
    ]
    found = org.call("POST", "/composite/batch", {"batchRequests": parts, "haltOnError": True}).json()
    assert [r["statusCode"] for r in found["results"]] == [400, 412]
    assert org.query("SELECT Id FROM Account") == []
