"""Each vice does what its name says, and nothing without it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tieline.sandbox import SandboxOptions
from tieline_salesforce.sandbox import LOST, VICES, SalesforceSandbox

MakeOrg = Callable[..., Any]
QUERY = "SELECT Id, SystemModstamp FROM Contact"


def test_an_unknown_vice_or_seed_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown vice or seed: lazy"):
        SalesforceSandbox(SandboxOptions(vices=frozenset({"lazy"})))
    with pytest.raises(ValueError, match="unknown vice or seed: nonsense"):
        SalesforceSandbox(SandboxOptions(seed="nonsense"))


@pytest.mark.parametrize("vice", VICES)
def test_an_org_with_any_vice_starts_and_answers(make_org: MakeOrg, vice: str) -> None:
    assert make_org(vice, seed="demo").call("GET", "/sobjects").status == 200


def test_stamps_are_whole_seconds(make_org: MakeOrg) -> None:
    org = make_org()
    org.clock.advance(1234)
    made = org.make("Contact", LastName="a")
    assert org.row("Contact", made)["SystemModstamp"] == "2025-06-15T15:06:41.000+0000"


def test_two_changes_in_one_second_share_a_stamp_only_under_coarse_stamps(make_org: MakeOrg) -> None:
    for vices, same in (((), False), (("coarse-stamps",), True)):
        org = make_org(*vices)
        made = org.make("Contact", LastName="a")
        first = org.row("Contact", made)["SystemModstamp"]
        org.call("PATCH", f"/sobjects/Contact/{made}", {"LastName": "b"})
        assert (org.row("Contact", made)["SystemModstamp"] == first) is same


def test_a_late_commit_shows_up_with_a_stamp_older_than_rows_already_seen(make_org: MakeOrg) -> None:
    org = make_org("late-commit")
    made = org.make("Contact", LastName="late")
    assert org.row("Contact", made)["SystemModstamp"] == "2025-06-15T15:06:20.000+0000"
    assert org.query(QUERY + " WHERE SystemModstamp >= 2025-06-15T15:06:30Z") == []


def test_calls_beyond_the_limit_are_refused_until_the_window_moves(make_org: MakeOrg) -> None:
    for vice, header in (("rate-limit", True), ("rate-limit-no-retry-after", False)):
        org = make_org(vice)
        assert all(org.call("GET", "/limits").status == 200 for _ in range(100))
        answers = [org.call("GET", "/limits") for _ in range(3)]
        assert [a.status for a in answers] == [403, 403, 503]
        codes = [a.json()[0]["errorCode"] for a in answers]
        assert codes == ["REQUEST_LIMIT_EXCEEDED", "REQUEST_LIMIT_EXCEEDED", "SERVER_UNAVAILABLE"]
        assert all(("retry-after" in a.headers) is header for a in answers)
        if header:
            org.clock.advance(int(answers[0].headers["retry-after"]) * 1000)
        else:
            org.clock.advance(10_000)
        assert org.call("GET", "/limits").status == 200


def test_every_seventh_item_of_a_collection_is_locked(make_org: MakeOrg) -> None:
    org = make_org("partial-batch")
    records = [{"attributes": {"type": "Contact"}, "LastName": f"P{n}"} for n in range(15)]
    results = org.call("POST", "/composite/sobjects", {"records": records}).json()
    assert [n for n, r in enumerate(results) if not r["success"]] == [6, 13]
    assert results[6]["errors"][0]["statusCode"] == "UNABLE_TO_LOCK_ROW"
    assert len(org.query(QUERY)) == 13


def test_every_fifth_writes_answer_is_lost_and_the_write_stays(make_org: MakeOrg) -> None:
    org = make_org("lost-answer")
    statuses = [org.call("POST", "/sobjects/Contact", {"LastName": f"P{n}"}).status for n in range(6)]
    assert statuses == [201, 201, 201, 201, LOST, 201]
    assert org.refused("POST", "/sobjects/Contact", {})["status"] == 400
    assert len(org.query(QUERY)) == 6


def test_a_token_lives_for_twenty_calls_and_the_next_one_too(make_org: MakeOrg) -> None:
    org = make_org("token-expiry")
    for _ in range(2):
        assert all(org.call("GET", "/limits").status == 200 for _ in range(20))
        expired = org.call("GET", "/limits")
        assert (expired.status, expired.json()[0]["errorCode"]) == (401, "INVALID_SESSION_ID")
        org.token = sign_in(org, grant_type="refresh_token", refresh_token=org.sandbox.refresh_token).json()[
            "access_token"
        ]


def sign_in(org: Any, **form: str) -> Any:
    from urllib.parse import urlencode

    from tieline.sandbox import Request

    known = {"client_id": org.sandbox.client_id, "client_secret": org.sandbox.client_secret}
    body = urlencode(known | form).encode()
    return org.sandbox.handle(Request("POST", org.sandbox.token_path, body=body))


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "refresh_token", "refresh_token": "old"}, "invalid_grant"),
        ({"grant_type": "client_credentials", "client_secret": "x"}, "invalid_client"),
        ({"grant_type": "client_credentials", "client_id": "x"}, "invalid_client_id"),
        ({"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": "a.b"}, "invalid_grant"),
    ],
)
def test_a_sign_in_that_must_not_work_does_not(org: Any, form: dict[str, str], error: str) -> None:
    answer = sign_in(org, **form)
    assert (answer.status, answer.json()["error"]) == (400, error)


def test_a_seeded_contact_is_merged_away_after_its_first_read(make_org: MakeOrg) -> None:
    org = make_org("merged", seed="demo")
    before = {r["Id"] for r in org.query(QUERY)}
    gone = before - {r["Id"] for r in org.query(QUERY)}
    assert len(gone) == 1
    row = org.query(f"SELECT IsDeleted, MasterRecordId FROM Contact WHERE Id = '{gone.pop()}'", "/queryAll")[0]
    assert row["IsDeleted"] is True
    assert row["MasterRecordId"] in before
    assert len(org.query(QUERY)) == len(before) - 1


def test_a_seeded_lead_is_converted_after_its_first_read(make_org: MakeOrg) -> None:
    org = make_org("converted", seed="demo")
    text = "SELECT Id FROM Lead WHERE IsConverted = true"
    assert org.query(text) == []
    org.query("SELECT Id FROM Lead")
    assert len(org.query(text)) == 1
    assert len(org.query(text)) == 1


def test_a_restricted_picklist_refuses_an_unknown_value(make_org: MakeOrg) -> None:
    org = make_org("restricted-picklist")
    error = org.refused("POST", "/sobjects/Account", {"Name": "x", "Industry": "Alchemy"})
    assert (error["errorCode"], error["fields"]) == ("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", ["Industry"])
    fields = org.call("GET", "/sobjects/Opportunity/describe").json()["fields"]
    assert {f["name"]: f for f in fields}["StageName"]["restrictedPicklist"] is True


def test_usage_goes_up_by_one_and_under_usage_jumps_also_down(make_org: MakeOrg) -> None:
    for vices, monotone in (((), True), (("usage-jumps",), False)):
        org = make_org(*vices)
        said = [org.call("GET", "/limits").headers["sforce-limit-info"] for _ in range(10)]
        used = [int(s.removeprefix("api-usage=").removesuffix("/15000")) for s in said]
        assert (used == sorted(used)) is monotone


def test_a_repeated_page_never_ends(make_org: MakeOrg) -> None:
    org = make_org("repeat-page")
    org.make("Contact", LastName="a")
    first = org.call("GET", "/query", q=QUERY).json()
    second = org.call("GET", first["nextRecordsUrl"]).json()
    assert (second["done"], second["records"]) == (False, first["records"])
    assert second["nextRecordsUrl"] == first["nextRecordsUrl"]


def test_garbage_is_a_page_for_people_and_writes_nothing(make_org: MakeOrg) -> None:
    org = make_org("garbage")
    answer = org.call("POST", "/sobjects/Contact", {"LastName": "a"})
    assert (answer.status, answer.headers["content-type"][:9]) == (200, "text/html")
    assert org.sandbox.dump()["org"]["rows"]["tables"]["Contact"] == []


def test_without_the_hub_field_it_is_unknown_everywhere(make_org: MakeOrg) -> None:
    org = make_org("no-hub-field")
    assert org.refused("POST", "/sobjects/Contact", {"LastName": "x", "Tieline_Id__c": "a"})["status"] == 400
    assert org.refused("GET", "/query", q="SELECT Tieline_Id__c FROM Contact")["errorCode"] == "INVALID_FIELD"


def test_a_hidden_field_is_in_no_describe_and_no_query(make_org: MakeOrg) -> None:
    org = make_org("field-hidden")
    names = {f["name"] for f in org.call("GET", "/sobjects/Contact/describe").json()["fields"]}
    assert "HasOptedOutOfEmail" not in names
    assert "HasOptedOutOfFax" in names
    assert org.refused("GET", "/query", q="SELECT HasOptedOutOfEmail FROM Lead")["errorCode"] == "INVALID_FIELD"


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer wrong", "Basic abc"])
def test_a_wrong_token_opens_nothing(org: Any, authorization: str) -> None:
    answer = org.call("GET", "/limits", headers={"authorization": authorization})
    assert (answer.status, answer.json()[0]["errorCode"]) == (401, "INVALID_SESSION_ID")
    assert org.call("GET", "/services/data", headers={"authorization": ""}).status == 200
