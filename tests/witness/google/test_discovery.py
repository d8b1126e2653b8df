"""The discovery documents as a witness: what differs from them must be noticed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tieline.sandbox import Request, Response

PERSON = {"resourceName": "people/c1", "etag": "%1", "names": [{"givenName": "Ada", "displayName": "Ada"}]}
LIST = "/v1/people/me/connections"


@pytest.fixture
def people(discovery: Any) -> Any:
    return discovery.described("people.v1")


def _wrong(
    people: Any, method: str, path: str, params: Mapping[str, Any], sent: Any, answer: Any, status: int = 200
) -> list[tuple[str, str]]:
    body = None if sent is None else json.dumps(sent).encode()
    response = Response(status, {"content-type": "application/json"}, json.dumps(answer).encode())
    return [(w.half, w.where) for w in people.check(Request(method, path, params, body=body), response)]


@pytest.mark.parametrize(
    ("params", "answer", "wrong"),
    [
        ({"personFields": "names", "pageSize": 5}, {"connections": [PERSON], "totalItems": 1}, []),
        ({"personFields": "names", "pagesize": 5}, {}, [("request", "pagesize")]),
        ({"personFields": "names", "pageSize": "many"}, {}, [("request", "pageSize")]),
        ({"personFields": "names", "sortOrder": "NEWEST"}, {}, [("request", "sortOrder")]),
        ({"personFields": "names", "requestSyncToken": "yes"}, {}, [("request", "requestSyncToken")]),
        ({"personFields": "names"}, {"connections": PERSON}, [("answer", "connections")]),
        ({"personFields": "names"}, {"people": []}, [("answer", "people")]),
        ({"personFields": "names"}, {"totalItems": "1"}, [("answer", "totalItems")]),
    ],
)
def test_a_difference_in_a_listing_is_named(people: Any, params: Any, answer: Any, wrong: Any) -> None:
    assert _wrong(people, "GET", LIST, params, None, answer) == wrong


@pytest.mark.parametrize(
    ("sent", "wrong"),
    [
        ({"names": [{"givenName": "Ada"}]}, []),
        ({"names": [{"givenName": "Ada", "displayName": "Ada"}]}, [("request", "names[0].displayName")]),
        ({"names": {"givenName": "Ada"}}, [("request", "names")]),
        ({"name": "Ada"}, [("request", "name")]),
        ({"phoneNumbers": [{"value": 5}]}, [("request", "phoneNumbers[0].value")]),
    ],
)
def test_a_difference_in_what_is_sent_is_named(people: Any, sent: Any, wrong: Any) -> None:
    assert _wrong(people, "POST", "/v1/people:createContact", {}, sent, PERSON) == wrong


def test_a_path_that_no_document_has_is_named_unless_it_is_refused(people: Any) -> None:
    assert _wrong(people, "GET", "/v1/bananas", {}, None, {}) == [("request", "path")]
    assert _wrong(people, "GET", "/v1/bananas", {}, None, {}, 404) == []


def test_an_error_without_its_shape_is_named(people: Any) -> None:
    params = {"personFields": "names"}
    fine = {"error": {"code": 400, "message": "no", "status": "INVALID_ARGUMENT"}}
    assert _wrong(people, "GET", LIST, params, None, fine, 400) == []
    other = {"error": {"code": 401, "message": "no", "status": "INVALID_ARGUMENT"}}
    assert _wrong(people, "GET", LIST, params, None, other, 400) == [("answer", "error.code")]


def test_the_closest_path_is_the_one_that_is_meant(discovery: Any) -> None:
    sheets = discovery.described("sheets.v4", "drive.v3", "calendar.v3")
    one = sheets.method("POST", "/v4/spreadsheets/1Tl/values/Accounts!A1:append")
    two = sheets.method("PUT", "/v4/spreadsheets/1Tl/values/Accounts!A1:B2")
    three = sheets.method("GET", "/drive/v3/files/1Tl")
    four = sheets.method("POST", "/calendar/v3/calendars/primary/events")
    ids = [m.body["id"] for m in (one, two, three, four)]
    assert ids == ["sheets.spreadsheets.values.append", "sheets.spreadsheets.values.update", "drive.files.get",
                   "calendar.events.insert"]  # fmt: skip
