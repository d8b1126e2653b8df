"""Captured answers of the People API without their requests: each is recognised by what is in it, provoked on the
stand-in, and held against it.

A body that no rule recognises fails the test: a new kind of answer must be looked at, not passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any

import pytest

from tests.witness.captured import Shapes, Way, differences, hold
from tieline.sandbox import Request, SandboxOptions
from tieline.testing import FakeClock
from tieline_google.sandbox import GoogleSandbox

BOTH = "READ_SOURCE_TYPE_CONTACT,READ_SOURCE_TYPE_PROFILE"
NOT_OFFERED = "the stand-in offers nothing of this kind"
PEOPLE = ("contactGroups", "myConnections", "my-connection", "contact-group", "page-size", "otherContacts", "peopleDir")
"""What in a file's name says that it is of the People API, whatever the folder's first word says."""


class Stand:
    """A fresh stand-in, and a short way to ask it."""

    def __init__(self) -> None:
        self.sandbox = GoogleSandbox(SandboxOptions(clock=FakeClock()))

    def __call__(self, method: str, path: str, body: Any = None, **params: str) -> Any:
        headers = {"authorization": f"Bearer {self.sandbox.token}"}
        response = self.sandbox.handle(Request(method, f"/v1/{path}", params, headers, json=body))
        is_json = "json" in response.headers["content-type"]
        return response.json() if is_json else response.body.decode()


def _named(ask: Any, name: str, family: str | None = None) -> Any:
    names = [{"givenName": name, **({"familyName": family} if family else {})}]
    return ask("POST", "people:createContact", {"names": names})


def _connections(ask: Any, body: Any) -> Any:
    _named(ask, "Josh", "Brown")
    _named(ask, "Scarlet", "Lester")
    first = ask("GET", "people/me/connections", personFields="names", pageSize="1")
    if "nextPageToken" in body:
        return first
    token = first["nextPageToken"]
    return ask("GET", "people/me/connections", personFields="names", pageSize="1", pageToken=token)


def _groups(ask: Any, body: Any) -> Any:
    wanted = "groupType,name" if "groupType" in body["contactGroups"][0] else "name"
    if "nextPageToken" in body:
        return ask("GET", "contactGroups", pageSize="2", groupFields=wanted)
    return ask("GET", "contactGroups", pageSize="1", pageToken="7", groupFields=wanted)


def _group_of_old(ask: Any, body: Any) -> Any:
    made = ask("POST", "contactGroups", {"contactGroup": {"name": "One"}})
    return ask("PUT", made["resourceName"], {"contactGroup": {"name": "Two", "etag": "old"}})


def _message(text: str) -> Callable[[Any], bool]:
    return lambda body: isinstance(body, Mapping) and text in str(body.get("error", {}).get("message", ""))


def _has(*names: str) -> Callable[[Any], bool]:
    return lambda body: isinstance(body, Mapping) and set(names) <= set(body)


RULES: list[Way] = [
    (_message("Contact person resources are not found"), lambda ask, b: ask("DELETE", "people/c1:deleteContact")),
    (_message("Requested entity was not found"), lambda ask, b: ask("DELETE", "contactGroups/1")),
    (
        _message("Page size must be"),
        lambda ask, b: ask("GET", "people/me/connections", personFields="names", pageSize="2000"),
    ),
    (_message("etag is outdated"), _group_of_old),
    (_message("Invalid groupFields"), lambda ask, b: ask("GET", "contactGroups", groupFields="formatted_name")),
    (
        _message("Invalid value at 'sources'"),
        lambda ask, b: ask("GET", "people/c1", personFields="names", sources=BOTH),
    ),
    (_message("readMask is required"), NOT_OFFERED),
    (lambda body: isinstance(body, str), lambda ask, b: ask("GET", "bananas")),
    (_has("connections"), _connections),
    (_has("contactGroups"), _groups),
    (_has("otherContacts"), NOT_OFFERED),
    (_has("resourceName", "groupType"), lambda ask, b: ask("POST", "contactGroups", {"contactGroup": {"name": "V W"}})),
    (_has("resourceName", "names"), lambda ask, b: _named(ask, "Patrick")),
]


class Captured(Shapes):
    """Trimmed answers of other accounts: shapes only, and the first items of lists."""

    def exact(self, exchange: Any, where: tuple[str, ...]) -> bool:
        return where[-1] in ("code", "status", "message", "displayName", "displayNameLastFirst", "unstructuredName")


def _bodies(captured: list[tuple[str, Any]], folder: Any) -> list[tuple[str, Any]]:
    pages = [(p.name, p.read_text()) for p in sorted(folder.rglob("contacts*.html"))]
    return [(n, b) for n, b in captured if any(part in PurePosixPath(n).name for part in PEOPLE)] + pages


@pytest.fixture
def bodies(captured: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    import os
    from pathlib import Path

    return _bodies(captured, Path(os.environ["TIELINE_RECORDINGS"]) / "google" / "captured")


def test_every_captured_answer_has_the_stand_ins_shape(bodies: Any) -> None:
    assert hold(bodies, RULES, Captured(), Stand) >= 10


def test_a_captured_shape_that_is_missed_is_noticed() -> None:
    body = {"resourceName": "contactGroups/1", "groupType": "USER_CONTACT_GROUP", "new": 1}
    wrong = differences("own", body, Stand()("POST", "contactGroups", {"contactGroup": {"name": "One"}}), Captured())
    assert "$.new" in [m.where for m in wrong]


def test_captured_answers_agree_with_the_description(bodies: Any, discovery: Any) -> None:
    people = discovery.described("people.v1")
    schemas = {
        "connections": "ListConnectionsResponse",
        "contactGroups": "ListContactGroupsResponse",
        "names": "Person",
    }
    seen = 0
    for name, body in bodies:
        kind = next((s for key, s in schemas.items() if _has(key)(body)), None)
        if kind is not None:
            method = people.methods[0]
            assert list(people._value(method, {"$ref": kind}, body)) == [], name
            seen += 1
    assert seen
