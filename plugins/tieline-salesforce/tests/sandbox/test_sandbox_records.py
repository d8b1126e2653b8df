"""What one record's write does to an org, and what it is refused for."""

from __future__ import annotations

from typing import Any

import pytest

from tieline_salesforce.sandbox_ids import full_id, mint

DEAL = {"Name": "Big one", "StageName": "Prospecting", "CloseDate": "2030-04-01"}


@pytest.mark.parametrize("real", ["0014S000007NxgWQAS", "0035500001H9kZuAAJ", "003ak00000luKU1AAM"])
def test_the_suffix_of_an_id_is_the_vendors(real: str) -> None:
    """Recorded ids of three orgs."""
    assert full_id(real[:15]) == real
    assert full_id(real[:17] + ("A" if real[17] != "A" else "B")) is None


def test_ids_of_one_type_sort_by_age() -> None:
    ids = [mint("003", n) for n in range(1, 4000)]
    assert ids == sorted(ids)
    assert len({i.casefold() for i in ids}) == len(ids)


def test_text_is_trimmed_and_empty_text_is_null(org: Any) -> None:
    made = org.make("Contact", FirstName="  Mei ", LastName="Ito", Title="", Department="   ")
    row = org.row("Contact", made)
    assert (row["FirstName"], row["Name"], row["Title"], row["Department"]) == ("Mei", "Mei Ito", None, None)
    assert org.call("PATCH", f"/sobjects/Contact/{made}", {"FirstName": ""}).status == 204
    assert org.row("Contact", made)["Name"] == "Ito"


def test_numbers_are_rounded_to_the_fields_scale(org: Any) -> None:
    deal = org.make("Opportunity", **DEAL, Amount=10.005, Probability="33")
    assert org.row("Opportunity", deal)["Amount"] == 10.01
    assert org.row("Opportunity", deal)["ExpectedRevenue"] == 3.3
    assert org.row("Account", org.make("Account", Name="x", AnnualRevenue=1234.5))["AnnualRevenue"] == 1235


@pytest.mark.parametrize(
    ("name", "values", "code", "fields"),
    [
        ("Contact", {"FirstName": "x"}, "REQUIRED_FIELD_MISSING", ["LastName"]),
        ("Opportunity", {"Name": "x"}, "REQUIRED_FIELD_MISSING", ["StageName", "CloseDate"]),
        ("Lead", {"LastName": "x"}, "REQUIRED_FIELD_MISSING", ["Company"]),
        ("Contact", {"LastName": "x", "Email": "a@b"}, "INVALID_EMAIL_ADDRESS", ["Email"]),
        ("Contact", {"LastName": "x", "FirstName": "y" * 41}, "STRING_TOO_LONG", ["FirstName"]),
        ("Contact", {"LastName": "x", "AccountId": "nonsense"}, "MALFORMED_ID", ["AccountId"]),
        ("Contact", {"LastName": "x", "AccountId": mint("001", 99)}, "INVALID_CROSS_REFERENCE_KEY", []),
        ("Contact", {"LastName": "x", "AccountId": mint("003", 99)}, "FIELD_INTEGRITY_EXCEPTION", ["AccountId"]),
        ("Account", {"Name": "x", "CleanStatus": "Odd"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", ["CleanStatus"]),
        ("Account", {"Name": "x", "CreatedDate": "2020-01-01"}, "INVALID_FIELD_FOR_INSERT_UPDATE", ["CreatedDate"]),
        ("Opportunity", DEAL | {"Amount": 1e17}, "NUMBER_OUTSIDE_VALID_RANGE", ["Amount"]),
        ("Contact", {"LastName": "x", "Nope": 1}, "INVALID_FIELD", None),
        ("Contact", {"LastName": 7}, "JSON_PARSER_ERROR", None),
        ("Contact", {"LastName": "x", "DoNotCall": "maybe"}, "JSON_PARSER_ERROR", None),
        ("Opportunity", DEAL | {"CloseDate": "01.04.2030"}, "JSON_PARSER_ERROR", None),
        ("Opportunity", DEAL | {"CloseDate": ""}, "JSON_PARSER_ERROR", None),
        ("Account", {"Name": "x", "NumberOfEmployees": 1.5}, "JSON_PARSER_ERROR", None),
    ],
)
def test_a_bad_value_is_refused_by_its_own_code(org: Any, name: str, values: Any, code: str, fields: Any) -> None:
    error = org.refused("POST", f"/sobjects/{name}", values)
    assert (error["errorCode"], error.get("fields"), error["status"]) == (code, fields, 400)
    assert org.query(f"SELECT Id FROM {name}") == []


def test_an_unrestricted_picklist_takes_any_value(org: Any) -> None:
    deal = org.make("Opportunity", **DEAL | {"StageName": "In Progress"})
    row = org.row("Opportunity", deal)
    assert (row["StageName"], row["IsClosed"], row["Probability"]) == ("In Progress", False, 0)


def test_a_stage_decides_what_hangs_on_it(org: Any) -> None:
    deal = org.make("Opportunity", **DEAL, Amount=200)
    row = org.row("Opportunity", deal)
    assert (row["Probability"], row["ForecastCategory"], row["ExpectedRevenue"]) == (10, "Pipeline", 20)
    org.call("PATCH", f"/sobjects/Opportunity/{deal}", {"StageName": "Closed Won"})
    row = org.row("Opportunity", deal)
    assert (row["IsClosed"], row["IsWon"], row["Probability"], row["ForecastCategoryName"]) == (
        True,
        True,
        100,
        "Closed",
    )
    assert (row["Fiscal"], row["FiscalYear"], row["FiscalQuarter"]) == ("2030 2", 2030, 2)


def test_a_hub_id_can_be_carried_by_one_record_only(org: Any) -> None:
    first = org.make("Contact", LastName="x", Tieline_Id__c="hub-1")
    error = org.refused("POST", "/sobjects/Contact", {"LastName": "y", "Tieline_Id__c": "HUB-1"})
    assert (error["errorCode"], error["fields"]) == ("DUPLICATE_VALUE", [])
    assert error["message"].endswith(f"Tieline_Id__c duplicates value on record with id: {first}")
    org.make("Account", Name="y", Tieline_Id__c="hub-1")
    org.call("DELETE", f"/sobjects/Contact/{first}")
    org.make("Contact", LastName="y", Tieline_Id__c="hub-1")
    with pytest.raises(ValueError, match="duplicate value found"):
        org.sandbox.undelete("Contact", first)


def test_a_deleted_account_takes_its_contacts_and_deals_along_and_brings_them_back(org: Any) -> None:
    """cascadeDelete of both is true in recorded describes."""
    account = org.make("Account", Name="Alder")
    contact = org.make("Contact", LastName="Ito", AccountId=account)
    deal = org.make("Opportunity", **DEAL, AccountId=account, ContactId=contact)
    other = org.make("Contact", LastName="Free")
    assert org.call("DELETE", f"/sobjects/Account/{account}").status == 204
    assert [r["Id"] for r in org.query("SELECT Id FROM Contact")] == [other]
    gone = org.query("SELECT Id, IsDeleted FROM Opportunity WHERE IsDeleted = true", "/queryAll")
    assert [g["Id"] for g in gone] == [deal]
    assert org.refused("DELETE", f"/sobjects/Account/{account}")["errorCode"] == "ENTITY_IS_DELETED"
    assert org.refused("GET", f"/sobjects/Account/{account}")["status"] == 404
    org.sandbox.undelete("Account", account)
    assert {r["Id"] for r in org.query("SELECT Id FROM Contact")} == {contact, other}
    assert org.row("Opportunity", deal)["AccountId"] == account
    roles = org.query("SELECT ContactId, IsPrimary FROM OpportunityContactRole")
    assert [(r["ContactId"], r["IsPrimary"]) for r in roles] == [(contact, True)]


def test_a_merge_moves_children_and_says_who_won(org: Any) -> None:
    account = org.make("Account", Name="Alder")
    winner, loser = (org.make("Contact", LastName=n, AccountId=account) for n in ("Ito", "Itoh"))
    deals = [org.make("Opportunity", **DEAL) for _ in range(2)]
    for deal in deals:
        org.make("OpportunityContactRole", OpportunityId=deal, ContactId=loser)
    org.make("OpportunityContactRole", OpportunityId=deals[0], ContactId=winner)
    org.sandbox.merge("Contact", winner, loser)
    assert org.query("SELECT Id FROM Contact") == [org.query("SELECT Id FROM Contact")[0]]
    gone = org.query(f"SELECT IsDeleted, MasterRecordId FROM Contact WHERE Id = '{loser}'", "/queryAll")[0]
    assert (gone["IsDeleted"], gone["MasterRecordId"]) == (True, winner)
    roles = org.query("SELECT OpportunityId, ContactId FROM OpportunityContactRole ORDER BY OpportunityId")
    assert [(r["OpportunityId"], r["ContactId"]) for r in roles] == [(d, winner) for d in deals]
    with pytest.raises(ValueError, match="itself"):
        org.sandbox.merge("Contact", winner, winner)
    with pytest.raises(ValueError, match="cannot be merged"):
        org.sandbox.merge("Opportunity", deals[0], deals[1])


def test_a_converted_lead_points_to_what_became_of_it_and_is_closed_to_changes(org: Any) -> None:
    lead = org.make("Lead", LastName="Ito", Company="Alder", Email="m@alder.example", HasOptedOutOfEmail=True)
    made = org.sandbox.convert(lead, "First deal")
    row = org.row("Lead", lead)
    assert row["IsConverted"] is True
    assert {k: row[k] for k in made} == made
    contact = org.row("Contact", made["ConvertedContactId"])
    assert (contact["Email"], contact["HasOptedOutOfEmail"]) == ("m@alder.example", True)
    error = org.refused("PATCH", f"/sobjects/Lead/{lead}", {"Title": "x"})
    assert error["errorCode"] == "CANNOT_UPDATE_CONVERTED_LEAD"


def test_a_campaign_member_is_one_person_once(org: Any) -> None:
    campaign = org.make("Campaign", Name="Webinar")
    contact = org.make("Contact", LastName="Ito")
    lead = org.make("Lead", LastName="Ito", Company="x")
    member = org.make("CampaignMember", CampaignId=campaign, ContactId=contact)
    assert org.row("CampaignMember", member)["Status"] == "Sent"
    both = {"CampaignId": campaign, "ContactId": contact, "LeadId": lead}
    assert org.refused("POST", "/sobjects/CampaignMember", both)["errorCode"] == "FIELD_INTEGRITY_EXCEPTION"
    again = {"CampaignId": campaign, "ContactId": contact}
    assert org.refused("POST", "/sobjects/CampaignMember", again)["errorCode"] == "DUPLICATE_VALUE"
    org.call("PATCH", f"/sobjects/CampaignMember/{member}", {"Status": "Responded"})
    assert org.row("CampaignMember", member)["HasResponded"] is True
    assert org.row("Campaign", campaign)["NumberOfResponses"] == 1


def test_a_deal_has_one_primary_contact(org: Any) -> None:
    deal = org.make("Opportunity", **DEAL)
    for name in ("a", "b"):
        contact = org.make("Contact", LastName=name)
        org.make("OpportunityContactRole", OpportunityId=deal, ContactId=contact, IsPrimary=True)
    rows = org.query("SELECT Contact.LastName, IsPrimary FROM OpportunityContactRole ORDER BY Contact.LastName")
    assert [(r["Contact"]["LastName"], r["IsPrimary"]) for r in rows] == [("a", False), ("b", True)]


def test_a_parent_can_be_named_by_its_external_id(org: Any) -> None:
    account = org.make("Account", Name="Alder", Tieline_Id__c="hub-1")
    contact = org.make("Contact", LastName="Ito", Account={"Tieline_Id__c": "hub-1"})
    assert org.row("Contact", contact)["AccountId"] == account
    body = {"LastName": "Ito", "Account": {"Tieline_Id__c": "nobody"}}
    assert org.refused("POST", "/sobjects/Contact", body)["errorCode"] == "INVALID_FIELD"


def test_a_condition_on_a_write_is_kept(org: Any) -> None:
    """If-Match on Account only, If-Unmodified-Since on every row."""
    account, contact = org.make("Account", Name="x"), org.make("Contact", LastName="x")
    shown = org.call("GET", f"/sobjects/Account/{account}")
    tag = {"if-match": shown.headers["etag"]}
    assert "etag" not in org.call("GET", f"/sobjects/Contact/{contact}").headers
    assert org.call("PATCH", f"/sobjects/Account/{account}", {"Name": "y"}, tag).status == 204
    stale = org.call("PATCH", f"/sobjects/Account/{account}", {"Name": "z"}, tag)
    assert (stale.status, stale.json()[0]["errorCode"]) == (412, "PRECONDITION_FAILED")
    since = {"if-unmodified-since": org.call("GET", f"/sobjects/Contact/{contact}").headers["last-modified"]}
    org.clock.advance(5000)
    assert org.call("PATCH", f"/sobjects/Contact/{contact}", {"LastName": "y"}, since).status == 204
    assert org.call("PATCH", f"/sobjects/Contact/{contact}", {"LastName": "z"}, since).status == 412
    assert org.row("Contact", contact)["LastName"] == "y"


def test_an_upsert_key_must_be_one_and_must_not_stand_in_the_body(org: Any) -> None:
    assert org.refused("PATCH", "/sobjects/Contact/LastName/x", {"FirstName": "y"})["status"] == 404
    path, body = "/sobjects/Contact/Tieline_Id__c/a", {"LastName": "y", "Tieline_Id__c": "a"}
    assert org.refused("PATCH", path, body)["errorCode"] == "INVALID_FIELD"
    assert org.call("PATCH", path, {"LastName": "y"}, updateOnly="true").status == 404
    assert org.call("PATCH", "/sobjects/Contact/Tieline_Id__c/a%2Fb", {"LastName": "y"}).status == 201
    assert org.query("SELECT Tieline_Id__c FROM Contact")[0]["Tieline_Id__c"] == "a/b"


def test_an_upsert_before_version_46_says_nothing_when_it_changes(org: Any) -> None:
    path = "/services/data/v45.0/sobjects/Contact/Tieline_Id__c/a"
    assert org.call("PATCH", path, {"LastName": "y"}).status == 201
    assert org.call("PATCH", path, {"LastName": "z"}).status == 204


def test_a_body_that_is_no_json_and_a_method_that_is_none_are_told(org: Any) -> None:
    from tieline.sandbox import Request

    said = {"authorization": f"Bearer {org.token}"}
    bad = org.sandbox.handle(Request("POST", "/services/data/v60.0/sobjects/Contact", {}, said, body=b"{"))
    assert (bad.status, bad.json()[0]["errorCode"]) == (400, "JSON_PARSER_ERROR")
    assert org.refused("PUT", "/sobjects/Contact")["errorCode"] == "METHOD_NOT_ALLOWED"
    assert org.refused("GET", "/services/data/v9.0/limits")["status"] == 404
