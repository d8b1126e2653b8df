"""Bulk jobs: their states, their results in parts, and that a saved org goes on with them. The SDK is the witness of
their shapes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

MakeOrg = Callable[..., Any]
QUERY = {"operation": "query", "query": "SELECT Id, LastName FROM Contact"}


def people(org: Any, count: int) -> None:
    org.sandbox.load({"Contact": [{"LastName": f"P{n}"} for n in range(count)]})


def made(org: Any, body: Any = QUERY, sort: str = "query") -> str:
    response = org.call("POST", f"/jobs/{sort}", body)
    assert response.status == 200, response.body
    return str(response.json()["id"])


def state(org: Any, job: str) -> str:
    return str(org.call("GET", f"/jobs/query/{job}").json()["state"])


def test_a_job_is_done_at_the_first_look_unless_it_takes_its_time(make_org: MakeOrg) -> None:
    quick, slow, failing = make_org(), make_org("bulk-delay"), make_org("bulk-failed")
    assert state(quick, made(quick)) == "JobComplete"
    job = made(slow)
    assert [state(slow, job) for _ in range(5)] == ["InProgress"] * 3 + ["JobComplete"] * 2
    job = made(failing)
    assert state(failing, job) == "Failed"
    assert "nothing" in failing.call("GET", f"/jobs/query/{job}").json()["errorMessage"]


def test_results_come_in_parts_and_show_what_was_there_when_the_job_was_made(org: Any) -> None:
    people(org, 5)
    job = made(org)
    assert org.refused("GET", f"/jobs/query/{job}/results")["errorCode"] == "INVALIDJOBSTATE"
    assert state(org, job) == "JobComplete"
    people(org, 1)
    first = org.call("GET", f"/jobs/query/{job}/results", maxRecords="3")
    assert first.headers["sforce-numberofrecords"] == "3"
    locator = first.headers["sforce-locator"]
    rest = org.call("GET", f"/jobs/query/{job}/results", maxRecords="3", locator=locator)
    assert (rest.headers["sforce-locator"], rest.headers["sforce-numberofrecords"]) == ("null", "2")
    names = [line.split(",")[1] for line in (first.body + rest.body).decode().splitlines()]
    assert names == ['"LastName"', '"P0"', '"P1"', '"P2"', '"LastName"', '"P3"', '"P4"']
    wrong = org.refused("GET", f"/jobs/query/{job}/results", locator="nonsense")
    assert wrong["errorCode"] == "INVALID_QUERY_LOCATOR"


def test_a_job_can_be_aborted_while_it_is_at_work_and_deleted_when_it_has_ended(make_org: MakeOrg) -> None:
    org = make_org("bulk-delay")
    job = made(org)
    assert org.refused("DELETE", f"/jobs/query/{job}")["errorCode"] == "INVALIDJOBSTATE"
    assert org.call("PATCH", f"/jobs/query/{job}", {"state": "Aborted"}).json()["state"] == "Aborted"
    assert state(org, job) == "Aborted"
    assert [j["id"] for j in org.call("GET", "/jobs/query").json()["records"]] == [job]
    assert org.call("DELETE", f"/jobs/query/{job}").status == 204
    assert org.refused("GET", f"/jobs/query/{job}")["status"] == 404


@pytest.mark.parametrize(
    "change",
    [
        {"query": "SELECT COUNT() FROM Contact"},
        {"query": "SELECT Id, MailingAddress FROM Contact"},
        {"query": "SELECT Id FROM Contact LIMIT 5 OFFSET 2"},
        {"query": "SELECT Nope FROM Contact"},
        {"operation": "guess"},
        {"columnDelimiter": "DASH"},
    ],
)
def test_what_a_query_job_cannot_do_is_refused(org: Any, change: Any) -> None:
    assert org.refused("POST", "/jobs/query", QUERY | change)["status"] == 400
    assert org.call("GET", "/jobs/query").json()["records"] == []


def test_a_table_has_the_delimiter_and_the_line_ends_that_were_asked_for(org: Any) -> None:
    people(org, 1)
    job = made(
        org, QUERY | {"query": "SELECT LastName,Id FROM Contact", "columnDelimiter": "TAB", "lineEnding": "CRLF"}
    )
    state(org, job)
    lines = org.call("GET", f"/jobs/query/{job}/results").body.decode().split("\r\n")
    assert (lines[0], lines[1].split("\t")[0]) == ('"LastName"\t"Id"', '"P0"')


def test_a_saved_org_goes_on_with_its_jobs(make_org: MakeOrg) -> None:
    org = make_org("bulk-delay")
    people(org, 2)
    job = made(org)
    state(org, job)
    again = make_org("bulk-delay", state=json.loads(json.dumps(org.sandbox.dump())))
    assert [state(again, job) for _ in range(3)] == ["InProgress", "InProgress", "JobComplete"]
    assert again.call("GET", f"/jobs/query/{job}/results").headers["sforce-numberofrecords"] == "2"
    assert made(again) != job


def test_a_job_of_one_sort_is_none_of_the_other(org: Any) -> None:
    job = made(org, {"operation": "insert", "object": "Contact"}, "ingest")
    assert org.refused("GET", f"/jobs/query/{job}")["status"] == 404
    assert (
        org.refused("POST", "/jobs/ingest", {"operation": "upsert", "object": "Contact"})["errorCode"] == "INVALIDJOB"
    )
    assert org.refused("PATCH", f"/jobs/ingest/{job}", {"state": "UploadComplete"})["errorCode"] == "INVALIDJOBSTATE"
