"""What Tieline sends to the People API, and is answered, held against Google's description: every kind of call."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tieline import Rule, Window, Write
from tieline.testing import HttpSubject
from tieline_google.spec import SPEC

pytest.importorskip("googleapiclient", reason="google-api-python-client is not installed")

HUB = "018bcfe5-6800-7000-8000-0000000000{:02}"
STREAM = "contacts"
MORE = (Rule("userDefined.Lead source", "lead_source"), Rule("phoneNumbers.home", "x_home"))
CALLED = {
    "people.contactGroups.create",
    "people.contactGroups.list",
    "people.people.batchCreateContacts",
    "people.people.batchDeleteContacts",
    "people.people.batchUpdateContacts",
    "people.people.connections.list",
    "people.people.get",
    "people.people.getBatchGet",
}


def row(n: int) -> dict[str, Any]:
    return {
        "email": f"p{n}@one.example",
        "other_emails": [f"q{n}@one.example", f"r{n}@one.example"],
        "first_name": "Mei",
        "last_name": f"Chen {n}",
        "title": "Head",
        "phone": f"+1 {n}",
        "mobile": f"+2 {n}",
        "x_home": f"+3 {n}",
        "lead_source": "Fair",
        "address": {"street": "1 Main Street", "city": "Oslo", "country": "Norway"},
    }


@pytest.fixture
def subject(discovery: Any) -> HttpSubject:
    documents = discovery.described("people.v1", "drive.v3", "calendar.v3", "gmail.v1")
    sandbox = SPEC.sandbox
    assert sandbox is not None
    spec = replace(SPEC, sandbox=lambda options: discovery.Watched(sandbox(options), documents))
    return HttpSubject(spec, {"page": 50}, (), {STREAM: MORE})


def test_every_call_of_the_connector_is_as_google_describes_it(subject: HttpSubject) -> None:
    connector, watched = subject.connector, subject.sandbox
    made = connector.write(STREAM, [Write("create", HUB.format(n), row(n)) for n in range(60)])
    assert {o.status for o in made} == {"ok"}
    assert all(o.remote is not None and o.remote.fields["lead_source"] == "Fair" for o in made)
    page, pages = connector.list(STREAM, None), 1
    while page.token is not None:
        page, pages = connector.list(STREAM, page.token), pages + 1
    assert pages == 2
    remotes = connector.read(STREAM, [o.remote.id for o in made if o.remote], None)
    change = {"title": "Chief", "email": "new{}@one.example", "phone": None, "address": {"city": "Bergen"}}
    changes = [
        Write("update", HUB.format(n), {**change, "email": f"new{n}@one.example"}, r.id, r.version)
        for n, r in enumerate(remotes)
    ]
    assert {o.status for o in connector.write(STREAM, changes)} == {"ok"}
    assert connector.write(STREAM, [Write("link", HUB.format(99), {}, remotes[0].id)])[0].status == "ok"
    assert len(connector.find(STREAM, [HUB.format(99), HUB.format(1)])) == 2
    assert {o.status for o in connector.write(STREAM, [Write("archive", HUB.format(1), {}, remotes[1].id)])} == {"ok"}
    changed = connector.changes(STREAM, Window(0, feed=page.feed), None)
    assert changed.token is not None
    connector.changes(STREAM, Window(0, feed=page.feed), changed.token)
    assert connector.schema(STREAM).fields
    assert {f.level for f in connector.check() if f.subject.startswith(STREAM)} == {"ok"}
    assert watched.wrong == []
    assert {c for c in watched.called if c.startswith("people.")} == CALLED


def test_refusals_are_as_google_describes_them(subject: HttpSubject) -> None:
    connector, watched = subject.connector, subject.sandbox
    (made,) = connector.write(STREAM, [Write("create", HUB.format(1), row(1))])
    id = made.remote.id if made.remote else ""
    long = "x" * 2000
    assert connector.write(STREAM, [Write("update", HUB.format(1), {"title": long}, id)])[0].status == "rejected"
    assert connector.write(STREAM, [Write("update", HUB.format(1), {"title": "t"}, id, "old")])[0].status == "conflict"
    assert connector.write(STREAM, [Write("archive", HUB.format(1), {}, "people/c1")])[0].status == "gone"
    assert watched.wrong == []
