"""simple-salesforce, written by others, drives the stand-in over a real socket and finds what it expects."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

exceptions = pytest.importorskip("simple_salesforce.exceptions", reason="simple-salesforce is not installed")

MANY = 2300
DEAL = {"Name": "Big one", "StageName": "Prospecting", "CloseDate": "2030-04-01"}


@pytest.fixture
def org(stand_in: Callable[..., Any]) -> Any:
    return stand_in()


@pytest.fixture
def sdk(org: Any) -> Any:
    return org.sdk


def test_a_record_is_created_read_changed_and_deleted(sdk: Any) -> None:
    made = sdk.Account.create({"Name": "Alder Mills", "NumberOfEmployees": 12, "Website": "alder.example"})
    assert made["success"] is True
    assert made["errors"] == []
    assert len(made["id"]) == 18
    row = sdk.Account.get(made["id"])
    assert (row["Name"], row["NumberOfEmployees"], row["IsDeleted"]) == ("Alder Mills", 12, False)
    assert row["CreatedDate"].endswith(".000+0000")
    assert sdk.Account.update(made["id"], {"Website": None}) == 204
    assert sdk.Account.get(made["id"])["Website"] is None
    assert sdk.Account.delete(made["id"]) == 204
    with pytest.raises(exceptions.SalesforceResourceNotFound):
        sdk.Account.get(made["id"])


def test_an_id_of_fifteen_characters_is_as_good_as_one_of_eighteen(sdk: Any) -> None:
    made = sdk.Contact.create({"LastName": "Ito"})["id"]
    assert sdk.Contact.get(made[:15])["Id"] == made
    found = sdk.query(f"SELECT Id FROM Contact WHERE Id = '{made[:15]}'")
    assert found["records"][0]["Id"] == made


def test_an_upsert_makes_then_changes_one_record(sdk: Any, org: Any) -> None:
    assert sdk.Contact.upsert("Tieline_Id__c/hub-1", {"LastName": "Ito"}) == 201
    assert sdk.Contact.upsert("Tieline_Id__c/hub-1", {"FirstName": "Mei"}) == 200
    row = sdk.Contact.get_by_custom_id("Tieline_Id__c", "hub-1")
    assert (row["Name"], row["Tieline_Id__c"]) == ("Mei Ito", "hub-1")


def test_an_upsert_by_a_key_that_two_records_carry_writes_nothing_and_lists_both(sdk: Any) -> None:
    for _ in range(2):
        sdk.Contact.create({"LastName": "Twin", "Email": "twin@example.com"})
    with pytest.raises(exceptions.SalesforceMoreThanOneRecord) as caught:
        sdk.Contact.upsert("Email/twin@example.com", {"LastName": "Other"})
    assert len(caught.value.content) == 2
    assert sdk.query("SELECT COUNT() FROM Contact WHERE LastName = 'Other'")["totalSize"] == 0


def test_pages_of_two_thousand_are_followed_to_the_end(org: Any) -> None:
    org.sandbox.load({"Contact": [{"LastName": f"Person {n:05d}"} for n in range(MANY)]})
    first = org.sdk.query("SELECT Id, LastName FROM Contact ORDER BY LastName")
    assert (len(first["records"]), first["totalSize"], first["done"]) == (2000, MANY, False)
    second = org.sdk.query_more(first["nextRecordsUrl"], identifier_is_url=True)
    assert (len(second["records"]), second["done"]) == (MANY - 2000, True)
    assert "nextRecordsUrl" not in second
    names = [r["LastName"] for r in org.sdk.query_all("SELECT LastName FROM Contact ORDER BY LastName")["records"]]
    assert names == [f"Person {n:05d}" for n in range(MANY)]


def test_a_smaller_page_can_be_asked_for_but_not_below_two_hundred(org: Any) -> None:
    org.sandbox.load({"Contact": [{"LastName": f"P{n}"} for n in range(450)]})
    for asked, given in ((250, 250), (10, 200)):
        options = {"Sforce-Query-Options": f"batchSize={asked}"}
        page = org.sdk.restful("query", {"q": "SELECT Id FROM Contact"}, headers=org.sdk.headers | options)
        assert len(page["records"]) == given


def test_a_query_reaches_parents_and_children(sdk: Any) -> None:
    account = sdk.Account.create({"Name": "Alder"})["id"]
    contact = sdk.Contact.create({"LastName": "Ito", "AccountId": account})["id"]
    deal = sdk.Opportunity.create(DEAL | {"AccountId": account})["id"]
    role = {"OpportunityId": deal, "ContactId": contact, "Role": "Decision Maker", "IsPrimary": True}
    sdk.OpportunityContactRole.create(role)
    text = (
        "SELECT Id, Account.Name, Owner.Email, (SELECT ContactId, Role, IsPrimary FROM OpportunityContactRoles) "
        "FROM Opportunity"
    )
    found = sdk.query(text)["records"][0]
    assert found["Account"]["Name"] == "Alder"
    assert "@" in found["Owner"]["Email"]
    children = found["OpportunityContactRoles"]["records"]
    assert [(c["ContactId"], c["Role"], c["IsPrimary"]) for c in children] == [(contact, "Decision Maker", True)]
    sdk.Opportunity.create(DEAL)
    lonely = sdk.query(text + " WHERE AccountId = null")["records"][0]
    assert lonely["Account"] is None
    assert lonely["OpportunityContactRoles"] is None


def test_deleted_records_are_in_query_all_only(sdk: Any) -> None:
    made = sdk.Contact.create({"LastName": "Gone"})["id"]
    sdk.Contact.delete(made)
    text = "SELECT Id, IsDeleted FROM Contact WHERE LastName = 'Gone'"
    assert sdk.query(text)["totalSize"] == 0
    assert sdk.query_all(text, include_deleted=True)["records"][0]["IsDeleted"] is True


def test_changed_and_deleted_ids_are_told_for_a_window(sdk: Any) -> None:
    kept, gone = (sdk.Contact.create({"LastName": name})["id"] for name in ("Kept", "Gone"))
    sdk.Contact.delete(gone)
    start, end = (datetime.now(UTC) + timedelta(minutes=m) for m in (-5, 5))
    assert sdk.Contact.updated(start, end)["ids"] == [kept]
    assert [d["id"] for d in sdk.Contact.deleted(start, end)["deletedRecords"]] == [gone]


def test_describes_and_limits_hold_what_the_sdk_looks_for(sdk: Any) -> None:
    names = {o["name"] for o in sdk.describe()["sobjects"]}
    assert {"Account", "Contact", "Lead", "Opportunity", "Campaign", "CampaignMember", "User"} <= names
    fields = {f["name"]: f for f in sdk.Contact.describe()["fields"]}
    assert (fields["LastName"]["nillable"], fields["LastName"]["length"]) == (False, 80)
    assert fields["Tieline_Id__c"]["unique"] is True
    assert sdk.Contact.metadata()["objectDescribe"]["keyPrefix"] == "003"
    assert sdk.limits()["DailyApiRequests"]["Max"] == 15000
    assert sdk.is_sandbox() is True


def test_every_answer_says_how_many_calls_were_used(sdk: Any) -> None:
    sdk.limits()
    first = sdk.api_usage["api-usage"]
    sdk.limits()
    assert (sdk.api_usage["api-usage"].used, first.total) == (first.used + 1, 15000)


def test_a_collection_keeps_its_order_and_tells_each_failure(sdk: Any) -> None:
    records = [
        {"attributes": {"type": "Contact"}, "LastName": "Good"},
        {"attributes": {"type": "Contact"}, "FirstName": "Nameless"},
        {"attributes": {"type": "Contact"}, "LastName": "Bad", "Email": "nonsense"},
    ]
    body = {"allOrNone": False, "records": records}
    results = sdk.restful("composite/sobjects", method="POST", json=body)
    assert [r["success"] for r in results] == [True, False, False]
    assert results[1]["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    assert results[2]["errors"][0]["fields"] == ["Email"]
    body["allOrNone"] = True
    rolled = sdk.restful("composite/sobjects", method="POST", json=body)
    assert rolled[0]["errors"][0]["statusCode"] == "ALL_OR_NONE_OPERATION_ROLLED_BACK"
    assert sdk.query("SELECT COUNT() FROM Contact")["totalSize"] == 1


def test_collections_change_upsert_retrieve_and_delete(sdk: Any) -> None:
    typed = {"attributes": {"type": "Account"}}
    upsert = {"records": [typed | {"Name": n, "Tieline_Id__c": n} for n in ("a", "b")]}
    made = sdk.restful("composite/sobjects/Account/Tieline_Id__c", method="PATCH", json=upsert)
    ids = [r["id"] for r in made]
    assert [r["created"] for r in made] == [True, True]
    change = {"records": [typed | {"id": i, "Phone": "1"} for i in ids]}
    assert all(r["success"] for r in sdk.restful("composite/sobjects", method="PATCH", json=change))
    ask = {"ids": [ids[1], "001000000000000AAA", ids[0]], "fields": ["Name", "Phone"]}
    rows = sdk.restful("composite/sobjects/Account", method="POST", json=ask)
    assert [r and (r["Name"], r["Phone"]) for r in rows] == [("b", "1"), None, ("a", "1")]
    gone = sdk.restful("composite/sobjects", {"ids": ",".join(ids), "allOrNone": "true"}, method="DELETE")
    assert [r["id"] for r in gone] == ids


def test_a_composite_hands_ids_from_one_part_to_the_next(sdk: Any) -> None:
    base = f"/services/data/v{sdk.sf_version}"
    parts = [
        {"method": "POST", "url": f"{base}/sobjects/Account", "referenceId": "acc", "body": {"Name": "Alder"}},
        {
            "method": "POST",
            "url": f"{base}/sobjects/Contact",
            "referenceId": "con",
            "body": {"LastName": "Ito", "AccountId": "@{acc.id}"},
        },
        {
            "method": "GET",
            "url": f"{base}/query?q=SELECT Id, Account.Name FROM Contact WHERE Id = '@{{con.id}}'",
            "referenceId": "q",
        },
    ]
    answers = sdk.restful("composite", method="POST", json={"compositeRequest": parts})["compositeResponse"]
    assert [a["httpStatusCode"] for a in answers] == [201, 201, 200]
    assert answers[2]["body"]["records"][0]["Account"]["Name"] == "Alder"
    parts[1]["body"] = {"LastName": ""}
    body = {"allOrNone": True, "compositeRequest": parts}
    answers = sdk.restful("composite", method="POST", json=body)["compositeResponse"]
    assert [a["httpStatusCode"] for a in answers] == [400, 400, 400]
    assert answers[0]["body"][0]["errorCode"] == "PROCESSING_HALTED"
    assert sdk.query("SELECT COUNT() FROM Account")["totalSize"] == 1


def test_a_batch_answers_each_part_by_itself(sdk: Any) -> None:
    parts = [{"method": "GET", "url": "v59.0/limits/recordCount?sObjects=User"}, {"method": "GET", "url": "v59.0/nope"}]
    found = sdk.restful("composite/batch", method="POST", json={"batchRequests": parts})
    assert found["hasErrors"] is True
    assert [r["statusCode"] for r in found["results"]] == [200, 404]


BAD, MISSING = "SalesforceMalformedRequest", "SalesforceResourceNotFound"
WORD_FOR_NUMBER = {"Name": "x", "NumberOfEmployees": "few"}


@pytest.mark.parametrize(
    ("act", "kind", "code"),
    [
        (lambda s: s.Contact.create({"FirstName": "x"}), BAD, "REQUIRED_FIELD_MISSING"),
        (lambda s: s.Contact.create({"LastName": "x", "Nope": 1}), BAD, "INVALID_FIELD"),
        (lambda s: s.Contact.create({"LastName": "x" * 81}), BAD, "STRING_TOO_LONG"),
        (lambda s: s.Account.create(WORD_FOR_NUMBER), BAD, "JSON_PARSER_ERROR"),
        (lambda s: s.query("SELECT Nope FROM Contact"), BAD, "INVALID_FIELD"),
        (lambda s: s.query("SELECT Id FROM Nope"), BAD, "INVALID_TYPE"),
        (lambda s: s.query("SELECT FROM Contact"), BAD, "MALFORMED_QUERY"),
        (lambda s: s.query_more("01gKh0000000009IAA-2000"), BAD, "INVALID_QUERY_LOCATOR"),
        (lambda s: s.Nope.get("001000000000000AAA"), MISSING, "NOT_FOUND"),
        (lambda s: s.Contact.get("003000000000000AAA"), MISSING, "NOT_FOUND"),
    ],
)
def test_a_mistake_is_told_as_the_sdk_expects(sdk: Any, act: Callable[[Any], Any], kind: str, code: str) -> None:
    with pytest.raises(getattr(exceptions, kind)) as caught:
        act(sdk)
    assert caught.value.content[0]["errorCode"] == code


def test_a_wrong_token_is_an_expired_session(stand_in: Callable[..., Any]) -> None:
    sdk = stand_in(token="wrong").sdk
    with pytest.raises(exceptions.SalesforceExpiredSession) as caught:
        sdk.limits()
    assert caught.value.content[0]["errorCode"] == "INVALID_SESSION_ID"


def test_too_many_calls_are_refused_and_not_with_429(stand_in: Callable[..., Any]) -> None:
    sdk = stand_in("empty", "rate-limit").sdk
    for _ in range(100):
        sdk.restful("limits/recordCount", {"sObjects": "User"})
    with pytest.raises(exceptions.SalesforceRefusedRequest) as caught:
        sdk.limits()
    assert caught.value.content[0]["errorCode"] == "REQUEST_LIMIT_EXCEEDED"


def test_a_lost_answer_breaks_the_connection_and_the_write_stays(stand_in: Callable[..., Any]) -> None:
    import requests

    sdk = stand_in("empty", "lost-answer").sdk
    for number in range(4):
        sdk.Account.create({"Name": f"Account {number}"})
    with pytest.raises(requests.exceptions.ConnectionError):
        sdk.Account.create({"Name": "The fifth"})
    assert sdk.query("SELECT COUNT() FROM Account WHERE Name = 'The fifth'")["totalSize"] == 1


def test_the_token_endpoint_signs_in_with_client_credentials(org: Any) -> None:
    form = {
        "grant_type": "client_credentials",
        "client_id": org.sandbox.client_id,
        "client_secret": org.sandbox.client_secret,
    }
    answer = org.session.post(org.server.base_url + org.sandbox.token_path, data=form, timeout=10)
    assert answer.status_code == 200
    signed = answer.json()
    assert "expires_in" not in signed
    assert signed["token_type"] == "Bearer"
    org.sdk.headers["Authorization"] = f"Bearer {signed['access_token']}"
    assert org.sdk.oauth2("userinfo")["user_id"] == signed["id"].rsplit("/", 1)[-1]
    form["client_secret"] = "wrong"
    refused = org.session.post(org.server.base_url + org.sandbox.token_path, data=form, timeout=10)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_client")


def test_a_lead_is_made_changed_merged_deleted_and_converted(org: Any) -> None:
    sdk = org.sdk
    with pytest.raises(exceptions.SalesforceMalformedRequest, match="Company"):
        sdk.Lead.create({"LastName": "Ito"})
    lead, other, third = (
        sdk.Lead.create({"LastName": "Ito", "Company": "Alder", "Email": "m@a.example"}) for _ in "123"
    )
    assert sdk.Lead.update(lead["id"], {"Status": "Working - Contacted"}) == 204
    org.sandbox.merge("Lead", lead["id"], other["id"])
    assert sdk.Lead.delete(third["id"]) == 204
    made = org.sandbox.convert(lead["id"])
    rows = sdk.query_all("SELECT Id, IsConverted, ConvertedContactId, MasterRecordId FROM Lead", include_deleted=True)
    found = {r["Id"]: (r["IsConverted"], r["ConvertedContactId"], r["MasterRecordId"]) for r in rows["records"]}
    assert found == {
        lead["id"]: (True, made["ConvertedContactId"], None),
        other["id"]: (False, None, lead["id"]),
        third["id"]: (False, None, None),
    }
    assert sdk.Contact.get(made["ConvertedContactId"])["Email"] == "m@a.example"
    with pytest.raises(exceptions.SalesforceMalformedRequest, match="CANNOT_UPDATE_CONVERTED_LEAD"):
        sdk.Lead.update(lead["id"], {"Title": "x"})
    (result,) = sdk.restful(
        "composite/sobjects",
        method="PATCH",
        json={"records": [{"attributes": {"type": "Lead"}, "id": lead["id"], "Title": "x"}]},
    )
    assert result["errors"][0]["statusCode"] == "CANNOT_UPDATE_CONVERTED_LEAD"
    fields = {f["name"] for f in sdk.Lead.describe()["fields"]}
    assert {"IsConverted", "ConvertedContactId", "ConvertedAccountId", "ConvertedOpportunityId"} <= fields


AWKWARD = 'Line 1\nLine "2",\r\nline 3'


def test_a_query_job_is_made_waited_for_and_read_page_by_page(org: Any) -> None:
    people = [{"LastName": f"Person {n:04d}", "HasOptedOutOfEmail": n % 2 == 0} for n in range(249)]
    org.sandbox.load({"Contact": [*people, {"LastName": "Zo", "MailingStreet": AWKWARD}]})
    text = "SELECT Id, LastName, HasOptedOutOfEmail, SystemModstamp, MailingStreet, Owner.Email FROM Contact"
    parts = list(org.sdk.bulk2.Contact.query(text, max_records=100, wait=0))
    rows = [row for part in parts for row in csv.DictReader(io.StringIO(part, newline=""))]
    assert [part.count("Person") for part in parts] == [100, 100, 49]
    assert [row["LastName"] for row in rows] == [p["LastName"] for p in people] + ["Zo"]
    assert [row["HasOptedOutOfEmail"] for row in rows[:2]] == ["true", "false"]
    assert (rows[-1]["MailingStreet"], rows[0]["MailingStreet"]) == (AWKWARD, "")
    assert rows[0]["SystemModstamp"].endswith(".000Z")
    assert "@" in rows[0]["Owner.Email"]


def test_a_query_job_may_take_its_time_or_come_to_nothing(stand_in: Callable[..., Any]) -> None:
    slow, failing = stand_in("empty", "bulk-delay"), stand_in("empty", "bulk-failed")
    slow.sandbox.load({"Contact": [{"LastName": "Ito"}]})
    (part,) = slow.sdk.bulk2.Contact.query("SELECT LastName FROM Contact", wait=0)
    assert part.split() == ['"LastName"', '"Ito"']
    with pytest.raises(exceptions.SalesforceOperationError, match="came to nothing"):
        list(failing.sdk.bulk2.Contact.query("SELECT LastName FROM Contact", wait=0))


def test_what_a_query_job_does_not_take_is_refused_at_once(sdk: Any) -> None:
    for text in ("SELECT COUNT() FROM Contact", "SELECT Id, (SELECT Id FROM Contacts) FROM Account"):
        with pytest.raises(exceptions.SalesforceMalformedRequest):
            list(sdk.bulk2.Contact.query(text, wait=0))


def test_ingest_jobs_insert_update_upsert_and_delete(sdk: Any) -> None:
    contacts = sdk.bulk2.Contact
    rows = [{"LastName": "Ito", "Title": AWKWARD, "Tieline_Id__c": "h1"}, {"LastName": "", "Title": "x"}]
    (made,) = contacts.insert(records=rows, wait=0)
    assert (made["numberRecordsProcessed"], made["numberRecordsFailed"]) == (2, 1)
    outcome = contacts.get_all_ingest_records(made["job_id"])
    (good,), (bad,) = outcome["successfulRecords"], outcome["failedRecords"]
    assert (good["Tieline_Id__c"], good["sf__Created"]) == ("h1", "true")
    assert sdk.Contact.get(good["sf__Id"])["Title"] == AWKWARD
    assert bad["sf__Error"].startswith("REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --")
    assert outcome["unprocessedRecords"] == []
    key = good["sf__Id"]
    contacts.update(records=[{"Id": key, "Title": "#N/A", "HasOptedOutOfEmail": "true"}], wait=0)
    row = sdk.Contact.get(key)
    assert (row["Title"], row["HasOptedOutOfEmail"], row["LastName"]) == (None, True, "Ito")
    both = [{"Tieline_Id__c": "h1", "LastName": "Ono"}, {"Tieline_Id__c": "h2", "LastName": "Abe"}]
    (upserted,) = contacts.upsert(records=both, external_id_field="Tieline_Id__c", wait=0)
    done = contacts.get_all_ingest_records(upserted["job_id"])["successfulRecords"]
    assert [(r["sf__Id"] == key, r["sf__Created"]) for r in done] == [(True, "false"), (False, "true")]
    contacts.delete(records=[{"Id": r["sf__Id"]} for r in done], wait=0)
    assert sdk.query("SELECT COUNT() FROM Contact")["totalSize"] == 0


def test_an_ingest_job_with_an_unknown_column_fails_as_a_whole(sdk: Any) -> None:
    with pytest.raises(exceptions.SalesforceOperationError, match="InvalidBatch : Field name not found : Nope"):
        sdk.bulk2.Contact.insert(records=[{"LastName": "Ito", "Nope": "x"}], wait=0)
    assert sdk.query("SELECT COUNT() FROM Contact")["totalSize"] == 0


def test_a_campaign_member_joins_two_once_and_keeps_to_its_campaigns_statuses(sdk: Any) -> None:
    campaign = sdk.Campaign.create({"Name": "Fair"})["id"]
    contact = sdk.Contact.create({"LastName": "Ito"})["id"]
    pair = {"CampaignId": campaign, "ContactId": contact}
    member = sdk.CampaignMember.create(pair)["id"]
    refusals = [
        (lambda: sdk.CampaignMember.create(pair), "DUPLICATE_VALUE"),
        (lambda: sdk.CampaignMember.update(member, {"ContactId": contact}), "INVALID_FIELD_FOR_INSERT_UPDATE"),
        (lambda: sdk.CampaignMember.update(member, {"Status": "Danced"}), "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        (lambda: sdk.CampaignMember.create({"CampaignId": campaign}), "FIELD_INTEGRITY_EXCEPTION"),
    ]
    for act, code in refusals:
        with pytest.raises(exceptions.SalesforceMalformedRequest) as caught:
            act()
        assert caught.value.content[0]["errorCode"] == code
    assert sdk.CampaignMember.update(member, {"Status": "Responded"}) == 204
    found = sdk.query("SELECT HasResponded, Contact.Name, Campaign.Name FROM CampaignMember")["records"][0]
    assert (found["HasResponded"], found["Contact"]["Name"], found["Campaign"]["Name"]) == (True, "Ito", "Fair")
    assert sdk.CampaignMember.delete(member) == 204
    deleted = sdk.query_all("SELECT Id, IsDeleted FROM CampaignMember", include_deleted=True)["records"]
    assert [(r["Id"], r["IsDeleted"]) for r in deleted] == [(member, True)]
