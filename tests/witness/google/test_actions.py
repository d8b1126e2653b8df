"""What the connector's actions and `check` send and are answered, held against the discovery documents."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tieline import Action
from tieline.testing import HttpSubject
from tieline_google.sandbox import GoogleSandbox
from tieline_google.spec import SPEC

CALLED = {
    "calendar.events.get",
    "calendar.events.insert",
    "calendar.events.list",
    "drive.files.create",
    "drive.files.list",
    "drive.files.update",
    "drive.permissions.create",
    "gmail.users.drafts.create",
    "gmail.users.drafts.list",
    "gmail.users.getProfile",
}
DEEDS = {
    "folder": {"name": "N", "share": "ada@one.example", "notify": "true"},
    "event": {"title": "T", "start": "2026-12-01T12:00+01:00", "attendees": "ada@one.example", "description": "d"},
    "draft": {"to": "ada@one.example", "subject": "S", "body": "B"},
}


def test_every_call_of_the_actions_is_as_google_describes_it(discovery: Any, witness_module: Any) -> None:
    documents = discovery.described("people.v1", "sheets.v4", "drive.v3", "calendar.v3", "gmail.v1")
    spec = replace(SPEC, sandbox=lambda options: discovery.Watched(GoogleSandbox(options), documents))
    subject = HttpSubject(spec)
    connector: Any = subject.connector
    watched: Any = subject.sandbox
    for name, fields in DEEDS.items():
        assert connector.act(Action(name, "k", fields)).status == "ok"
        assert set(connector.acted(name, ["k", "other"])) == {"k"}
    assert connector.act(Action("event", "k", DEEDS["event"])).status == "exists"
    list(connector.check())
    assert witness_module("google/office").differences(watched) == []
    assert watched.called >= CALLED
    assert [call for call in watched.called if "unknown" in call] == []
