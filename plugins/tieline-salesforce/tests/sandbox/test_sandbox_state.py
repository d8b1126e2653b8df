"""Seeds, loading, saving: what an org holds, and that it goes on exactly where it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

MakeOrg = Callable[..., Any]
LEAST = {"Contact": 500, "Account": 150, "Opportunity": 200, "Campaign": 12, "OpportunityContactRole": 100}


def count(org: Any, name: str) -> int:
    return int(org.call("GET", "/query", q=f"SELECT COUNT() FROM {name}").json()["totalSize"])


def test_an_empty_org_holds_its_users_and_stages_and_nothing_else(org: Any) -> None:
    users = org.query("SELECT Email, IsActive FROM User")
    assert len(users) == 6
    assert all("@" in u["Email"] and u["IsActive"] for u in users)
    stages = org.query("SELECT MasterLabel, IsWon FROM OpportunityStage WHERE IsClosed = true ORDER BY SortOrder")
    assert [(s["MasterLabel"], s["IsWon"]) for s in stages] == [("Closed Won", True), ("Closed Lost", False)]
    assert [count(org, name) for name in LEAST] == [0] * len(LEAST)


def test_the_demo_company_is_big_enough_and_messy(make_org: MakeOrg) -> None:
    org = make_org(seed="demo")
    for name, least in LEAST.items():
        assert count(org, name) >= least, name
    people = org.query("SELECT Name, Email, Phone, AccountId FROM Contact")
    emails = [p["Email"] for p in people if p["Email"]]
    assert len({e.casefold() for e in emails}) < len(emails)
    assert any(e != e.lower() for e in emails)
    assert len({len(p["Phone"].strip("0123456789")) for p in people if p["Phone"]}) > 2
    assert any(p["AccountId"] is None for p in people)


def test_the_demo_company_is_the_same_every_time(make_org: MakeOrg) -> None:
    assert make_org(seed="demo").sandbox.dump() == make_org(seed="demo").sandbox.dump()


def test_a_saved_org_goes_on_where_it_was(make_org: MakeOrg) -> None:
    """Ids, open cursors, tokens, custom fields and the counting of calls included."""
    org = make_org("token-expiry", "merged", seed="demo")
    org.sandbox.add_field("Contact", {"name": "Shoe_Size__c", "type": "double", "scale": 1})
    org.make("Contact", LastName="a", Shoe_Size__c=41.55)
    options = {"sforce-query-options": "batchSize=200"}
    url = org.call("GET", "/query", q="SELECT Id, Shoe_Size__c FROM Contact", headers=options).json()["nextRecordsUrl"]
    saved = json.loads(json.dumps(org.sandbox.dump()))
    again = make_org("token-expiry", "merged", state=saved, clock=org.clock)
    assert again.sandbox.dump() == saved
    assert again.call("GET", url).body == org.call("GET", url).body
    assert again.make("Contact", LastName="b") == org.make("Contact", LastName="b")
    assert again.sandbox.dump() == org.sandbox.dump()


def test_loaded_records_keep_their_ids_and_names_stand_for_ids(org: Any) -> None:
    real = "001000000000001AAA"
    made = org.sandbox.load(
        {
            "Contact": [
                {"Id": "mei", "LastName": "Ito", "AccountId": real, "ReportsToId": "boss"},
                {"Id": "boss", "LastName": "Boss"},
            ],
            "Account": [{"Id": real[:15], "Name": "Alder", "CreatedDate": "2024-01-02T03:04:05Z"}],
        }
    )
    assert made["Account"] == [real]
    row = org.row("Contact", made["Contact"][0])
    assert (row["AccountId"], row["ReportsToId"]) == (real, made["Contact"][1])
    assert org.row("Account", real)["SystemModstamp"] == "2024-01-02T03:04:05.000+0000"


@pytest.mark.parametrize(
    ("objects", "message"),
    [
        ({"Nope": [{}]}, "there is no object Nope"),
        ({"Contact": [{"LastName": "x", "Nope": 1}]}, "Contact has no field Nope"),
        ({"Contact": [{"LastName": "x", "Email": "bad"}]}, "Contact.Email"),
        ({"Contact": [{"LastName": "x", "AccountId": "001000000000009"}]}, "Contact.AccountId"),
        ({"Contact": [{"LastName": "x", "Tieline_Id__c": "a"}, {"LastName": "y", "Tieline_Id__c": "a"}]}, "twice"),
    ],
)
def test_a_load_that_does_not_fit_says_where_and_keeps_nothing(org: Any, objects: Any, message: str) -> None:
    before = org.sandbox.dump()["org"]["rows"]["tables"]
    with pytest.raises(ValueError, match=message):
        org.sandbox.load(objects)
    assert org.sandbox.dump()["org"]["rows"]["tables"] == before


def test_threads_may_call_at_once(org: Any) -> None:
    def work(number: int) -> int:
        made = org.make("Contact", LastName=f"P{number}", Tieline_Id__c=f"hub-{number}")
        org.call("PATCH", f"/sobjects/Contact/{made}", {"FirstName": "x"})
        return len(org.query("SELECT Id FROM Contact"))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(64)))
    assert count(org, "Contact") == 64
    assert len({r["Id"] for r in org.query("SELECT Id FROM Contact WHERE FirstName = 'x'")}) == 64
