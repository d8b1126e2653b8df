"""What a query finds, in which order, and how a wrong one is refused."""

from __future__ import annotations

from typing import Any

import pytest

NAMES = ("alpha", "Beta", "gamma", None)


@pytest.fixture
def people(org: Any) -> Any:
    """Four contacts, a second apart; one without a title."""
    for number, title in enumerate(NAMES):
        org.make("Contact", LastName=f"P{number}", Title=title, DoNotCall=number == 1, Birthdate=f"199{number}-01-01")
        org.clock.advance(1000)
    return org


def names(org: Any, where: str) -> list[str]:
    return [r["LastName"] for r in org.query(f"SELECT LastName FROM Contact {where}")]


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("WHERE Title = 'ALPHA'", ["P0"]),
        ("WHERE Title != 'alpha'", ["P1", "P2", "P3"]),
        ("WHERE Title <> null", ["P0", "P1", "P2"]),
        ("WHERE Title = ''", ["P3"]),
        ("WHERE Title IN ('beta', 'GAMMA')", ["P1", "P2"]),
        ("WHERE Title NOT IN ('beta')", ["P0", "P2", "P3"]),
        ("WHERE Title LIKE '%A'", ["P0", "P1", "P2"]),
        ("WHERE Title LIKE '_eta'", ["P1"]),
        ("WHERE (NOT Title LIKE '%a%') AND LastName != 'P9'", ["P3"]),
        ("WHERE Title > 'alpha'", ["P1", "P2"]),
        ("WHERE DoNotCall = true", ["P1"]),
        ("WHERE DoNotCall = false AND (LastName = 'P0' OR LastName = 'P1')", ["P0"]),
        ("WHERE Birthdate >= 1992-01-01", ["P2", "P3"]),
        ("WHERE CreatedDate = TODAY", ["P0", "P1", "P2", "P3"]),
        ("WHERE CreatedDate < LAST_N_DAYS:3", []),
        ("WHERE Name = 'p2'", ["P2"]),
        ("WHERE Contact.LastName = 'P2'", ["P2"]),
        ("WHERE Owner.Email LIKE 'integration@%' LIMIT 1", ["P0"]),
        ("WHERE Id IN (SELECT ContactId FROM CampaignMember)", []),
        ("ORDER BY Title", ["P3", "P0", "P1", "P2"]),
        ("ORDER BY Title DESC NULLS LAST", ["P2", "P1", "P0", "P3"]),
        ("ORDER BY DoNotCall DESC, LastName DESC", ["P1", "P3", "P2", "P0"]),
        ("ORDER BY LastName LIMIT 2 OFFSET 1", ["P1", "P2"]),
        ("WHERE LastName = 'P\\'' OR LastName = 'P3'", ["P3"]),
    ],
)
def test_a_query_finds_what_it_says(people: Any, where: str, found: list[str]) -> None:
    assert names(people, where) == found


def test_a_keyset_on_stamp_and_id_visits_every_row_once(org: Any) -> None:
    for number in range(30):
        org.make("Contact", LastName=f"P{number}")
        if number % 7 == 0:
            org.clock.advance(1000)
    seen: list[str] = []
    where = ""
    while True:
        text = f"SELECT Id, SystemModstamp FROM Contact {where} ORDER BY SystemModstamp, Id LIMIT 4"
        rows = org.query(text)
        if not rows:
            break
        seen += [r["Id"] for r in rows]
        stamp = rows[-1]["SystemModstamp"].replace("+0000", "Z")
        where = f"WHERE SystemModstamp > {stamp} OR (SystemModstamp = {stamp} AND Id > '{seen[-1]}')"
    assert len(seen) == 30
    assert len(set(seen)) == 30


@pytest.mark.parametrize(
    ("text", "code", "column"),
    [
        ("SELECT Id FROM Nope", "INVALID_TYPE", 16),
        ("SELECT Nope FROM Contact", "INVALID_FIELD", 8),
        ("SELECT Nope.Id FROM Contact", "INVALID_FIELD", 8),
        ("SELECT Id, (SELECT Id FROM Nopes) FROM Account", "INVALID_TYPE", 28),
        ("SELECT Id FROM Contact WHERE DoNotCall = 'true'", "INVALID_FIELD", 30),
        ("SELECT Id FROM Contact WHERE CreatedDate > '2020-01-01'", "INVALID_FIELD", 30),
        ("SELECT Id FROM Contact WHERE CreatedDate > 2020-01-01", "INVALID_FIELD", 30),
        ("SELECT Id FROM Contact WHERE Description = 'x'", "INVALID_FIELD", 30),
        ("SELECT Id FROM Contact WHERE Id = 'x'", "INVALID_QUERY_FILTER_OPERATOR", 30),
        ("SELECT Id FROM Contact WHERE DoNotCall LIKE 'x'", "INVALID_QUERY_FILTER_OPERATOR", 30),
        ("SELECT Id FROM Contact WHERE", "MALFORMED_QUERY", 29),
        ("SELECT Id FROM Contact WHERE Id = 'a' AND Id = 'b' OR Id = 'c'", "MALFORMED_QUERY", 52),
        ("SELECT Id FROM Contact LIMIT ten", "MALFORMED_QUERY", 30),
        ("SELECT Id, FROM Contact", "MALFORMED_QUERY", 12),
        ("SELECT * FROM Contact", "MALFORMED_QUERY", 8),
        ("SELECT COUNT(Id), Name FROM Contact GROUP BY Name", "MALFORMED_QUERY", 14),
        ("SELECT FIELDS(ALL) FROM Contact", "MALFORMED_QUERY", 1),
        ("DELETE FROM Contact", "MALFORMED_QUERY", 1),
    ],
)
def test_a_wrong_query_is_refused_where_it_is_wrong(org: Any, text: str, code: str, column: int) -> None:
    error = org.refused("GET", "/query", q=text)
    assert (error["errorCode"], error["status"]) == (code, 400)
    assert f"ERROR at Row:1:Column:{column}\n" in error["message"]
    assert "fields" not in error


def test_all_fields_are_those_of_the_describe(people: Any) -> None:
    row = people.query("SELECT FIELDS(ALL) FROM Contact LIMIT 1")[0]
    described = people.call("GET", "/sobjects/Contact/describe").json()["fields"]
    assert list(row) == ["attributes", *(f["name"] for f in described)]


def test_count_counts(people: Any) -> None:
    body = people.call("GET", "/query", q="select count() from Contact where Title != null").json()
    assert body == {"totalSize": 3, "done": True, "records": []}


def test_pages_of_query_all_hold_deleted_rows_and_end(org: Any) -> None:
    ids = org.sandbox.load({"Contact": [{"LastName": f"P{n}"} for n in range(450)]})["Contact"]
    org.call("DELETE", f"/sobjects/Contact/{ids[3]}")
    page = org.call("GET", "/queryAll", q="SELECT Id FROM Contact", headers={"sforce-query-options": "batchSize=200"})
    seen = [r["Id"] for r in page.json()["records"]]
    url = page.json()["nextRecordsUrl"]
    assert url.endswith("-200")
    while url:
        body = org.call("GET", url).json()
        seen += [r["Id"] for r in body["records"]]
        url = body.get("nextRecordsUrl")
    assert seen == ids
    error = org.refused("GET", "/query/0r8Kh000000000zAAA-200")
    assert error["errorCode"] == "INVALID_QUERY_LOCATOR"


def test_a_change_feed_tells_changed_and_deleted_ids_and_how_far_it_reaches(org: Any) -> None:
    kept, gone = org.make("Contact", LastName="a"), org.make("Contact", LastName="b")
    org.call("DELETE", f"/sobjects/Contact/{gone}")
    window = {"start": "2025-06-15T15:00:00+00:00", "end": "2025-06-15T15:10:30Z"}
    body = org.call("GET", "/sobjects/Contact/updated", **window).json()
    assert body == {"ids": [kept], "latestDateCovered": "2025-06-15T15:10:00.000+0000"}
    body = org.call("GET", "/sobjects/Contact/deleted", **window).json()
    assert [d["id"] for d in body["deletedRecords"]] == [gone]
    assert set(body) == {"deletedRecords", "earliestDateAvailable", "latestDateCovered"}
    window["start"] = "2025-01-01T00:00:00Z"
    error = org.refused("GET", "/sobjects/Contact/updated", **window)
    assert error["errorCode"] == "INVALID_REPLICATION_DATE"
