"""`tieline check`: who signs in, which actions are open, and what to do about what is not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tieline import Finding, NotAuthorised, Response, Unavailable
from tieline_google.check import refused


def _told(acts: Any) -> dict[str, Finding]:
    return {f.subject: f for f in acts.connector.check()}


def test_who_is_signed_in_and_which_actions_are_open(acts: Any) -> None:
    told = _told(acts)
    assert told["sign-in"].message == "signed in as ops@northbay.example"
    assert [told[f"action {name}"].level for name in ("folder", "event", "draft")] == ["ok"] * 3


def test_looking_changes_nothing(acts: Any) -> None:
    before = acts.sandbox.dump()
    _told(acts)
    assert acts.sandbox.dump() == before


def test_an_action_without_its_scope_is_a_note_that_names_it(acts: Any) -> None:
    acts.may("drive.file")
    told = _told(acts)
    assert [told[f"action {n}"].level for n in ("folder", "event", "draft")] == ["ok", "note", "note"]
    assert "https://www.googleapis.com/auth/gmail.compose" in told["action draft"].remedy
    assert told["sign-in"].level == "ok"


def test_an_api_that_is_off_in_the_project_is_told_so(scripted: Any) -> None:
    """[doc] 403 SERVICE_DISABLED, or `accessNotConfigured` from the older APIs."""
    error = {"code": 403, "message": "Drive API has not been used", "errors": [{"reason": "accessNotConfigured"}]}
    off = Response(403, {}, json.dumps({"error": error}).encode())
    connector, _ = scripted(off, off, off)
    folder = next(f for f in connector.check() if f.subject == "action folder")
    assert (folder.level, "switch the API on" in folder.remedy) == ("note", True)


def test_a_calendar_that_is_not_there_is_a_warning(on: Any) -> None:
    told = _told(on(calendars=["gone@group.calendar.google.com"]))["action event"]
    assert (told.level, "calendars" in told.remedy) == ("warning", True)


def test_no_answer_is_a_warning_and_no_verdict_on_the_sign_in(scripted: Any) -> None:
    connector, _ = scripted(Unavailable("no connection", sent=False))
    assert [(f.level, f.subject) for f in connector.check()] == [("warning", "base_url")]


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("(invalid_grant: Invalid email or User ID)", ""),
        ("(unauthorized_client: Client is unauthorized to retrieve access tokens)", "Domain-wide delegation"),
        ("(invalid_grant: Token has been expired or revoked.)", "7 days"),
        ("something else", ""),
    ],
)
def test_a_refused_sign_in_says_what_only_google_asks_for(scripted: Any, said: str, remedy: str) -> None:
    """[iss: google-api-php-client 1207, FlowCrypt 1244, g-suite-identity-sync 7] the words of Google's refusals."""
    connector, _ = scripted(NotAuthorised(said))
    (finding,) = connector.check()
    assert (finding.level, finding.subject) == ("error", "sign-in")
    assert (remedy in finding.remedy, bool(finding.remedy)) == (True, bool(remedy))
    assert said in refused(NotAuthorised(said)).message
