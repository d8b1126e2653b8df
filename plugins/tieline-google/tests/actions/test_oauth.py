"""Google's OAuth and quotas, as the profile tells them to the core."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tieline import Need, Request, Response
from tieline_google.actions.acts import FACTS
from tieline_google.oauth import ACTION_SCOPES, PROFILE, ROOT, scopes
from tieline_google.spec import SPEC

README = Path(__file__).parents[2] / "README.md"
HOST = "https://sheets.googleapis.com"


def _need(stream: str, *, write: bool = True) -> Need:
    kinds: Any = SPEC.kinds
    return Need(stream, kinds[stream], frozenset(), write=write)


@pytest.mark.parametrize(
    ("needs", "wanted"),
    [
        ([_need("contacts")], ["contacts"]),
        ([_need("contacts", write=False)], ["contacts.readonly"]),
        ([_need("accounts"), _need("opportunities")], ["drive.metadata.readonly", "spreadsheets"]),
        ([_need("campaigns", write=False)], ["drive.metadata.readonly", "spreadsheets.readonly"]),
        ([], []),
    ],
)
def test_nothing_is_asked_for_that_no_stream_needs(needs: Any, wanted: Any) -> None:
    assert scopes(needs) == [ROOT + name for name in wanted]


def test_the_readme_names_every_scope_that_is_asked_for_and_no_other() -> None:
    told = [line for line in README.read_text("utf-8").splitlines() if line.startswith("| ") and " `…/auth/" in line]
    named = {word for line in told for word in re.findall(r"`…/auth/([a-z.]+)`", line)}
    asked = {
        s.removeprefix(ROOT) for write in (True, False) for k in SPEC.kinds for s in scopes([_need(k, write=write)])
    }
    assert named == asked | set(ACTION_SCOPES.values())


def test_every_action_has_its_least_scope() -> None:
    assert {fact.name for fact in FACTS} == set(ACTION_SCOPES)


def test_only_with_offline_access_does_google_give_a_refresh_token() -> None:
    """[doc] `access_type=offline`; and only after a person was asked again: `prompt=consent`."""
    assert PROFILE.oauth is not None
    assert "access_type=offline" in PROFILE.oauth.authorize
    assert "prompt=consent" in PROFILE.oauth.authorize


@pytest.mark.parametrize(
    ("method", "path", "lane"),
    [
        ("GET", "/v4/spreadsheets/1/values/A1", "sheets-read"),
        ("POST", "/v4/spreadsheets/1/values:batchGetByDataFilter", "sheets-read"),
        ("POST", "/v4/spreadsheets/1/values:batchUpdate", "sheets-write"),
        ("PUT", "/v4/spreadsheets/1/values/A1", "sheets-write"),
        ("GET", "/v1/people/me/connections", "people-read"),
        ("POST", "/v1/people:batchCreateContacts", "people-write"),
        ("PATCH", "/v1/people/c1:updateContact", "people-write"),
        ("POST", "/v1/contactGroups", "people-write"),
        ("GET", "/drive/v3/files/1", "drive"),
        ("POST", "/calendar/v3/calendars/primary/events", "calendar"),
        ("GET", "/gmail/v1/users/me/drafts", "gmail"),
        ("GET", "/other", ""),
    ],
)
def test_each_quota_is_a_lane_of_its_own(method: str, path: str, lane: str) -> None:
    """[rec] `Read requests per minute per user` of Sheets; quotas are counted for each API [doc]."""
    assert PROFILE.lane(Request(method, f"{HOST}{path}?fields=a")) == lane


def _older(status: int, reason: str) -> Response:
    error = {"code": status, "message": "m", "errors": [{"domain": "usageLimits", "reason": reason, "message": "m"}]}
    return Response(status, {}, json.dumps({"error": error}).encode())


@pytest.mark.parametrize(
    ("answer", "throttled"),
    [
        (_older(403, "rateLimitExceeded"), True),
        (_older(403, "userRateLimitExceeded"), True),
        (_older(403, "quotaExceeded"), True),
        (_older(403, "insufficientPermissions"), False),
        (_older(403, "forbidden"), False),
        (_older(400, "rateLimitExceeded"), False),
        (Response(403, {}, b"<html>"), False),
        (Response(403, {}, b'{"error": "access_denied"}'), False),
        (Response(403, {}, b'{"error": {"errors": ["x"]}}'), False),
        (Response(403, {}, b"[]"), False),
    ],
)
def test_the_older_403_means_too_fast_by_its_reason_alone(answer: Response, throttled: bool) -> None:
    """[memory] Calendar, Drive and Gmail may say «too fast» with 403."""
    assert PROFILE.throttled(answer) is throttled


def test_each_api_is_asked_where_its_document_says() -> None:
    """[spec] the root of each discovery document."""
    from tieline_google.wire import CALENDAR, DRIVE, GMAIL, PEOPLE, SHEETS

    assert SPEC.base_url == "https://www.googleapis.com"
    assert {PEOPLE, SHEETS, GMAIL} <= set(PROFILE.services)
    assert not {DRIVE, CALENDAR} & set(PROFILE.services)


def test_a_refused_token_is_refreshed() -> None:
    assert PROFILE.expired(Response(401, {}, b""))
    assert not PROFILE.expired(Response(403, {}, b""))
