"""Google's OAuth and how its APIs speak HTTP: hosts, least scopes, quotas. Signs nobody in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from tieline import HttpProfile, Need, OAuth, Request, Response

ROOT = "https://www.googleapis.com/auth/"
TOKEN_PATH = "/token"  # noqa: S105 a path, no secret [doc]
REVOKE_PATH = "/revoke"
AUTHORIZE = "https://accounts.google.com/o/oauth2/v2/auth?access_type=offline&prompt=consent"
"""Only `offline` gives a refresh token, and only after a person was asked [doc]."""
HOSTS = (".googleapis.com",)
SERVICES: Mapping[str, str] = {
    TOKEN_PATH: "https://oauth2.googleapis.com",
    REVOKE_PATH: "https://oauth2.googleapis.com",
    "/v1": "https://people.googleapis.com",
    "/v4/spreadsheets": "https://sheets.googleapis.com",
    "/gmail/v1": "https://gmail.googleapis.com",
}
"""Where each API is [spec]; Drive and Calendar are below the usual address."""
ANSWER_SECONDS = 60.0
ACTION_SCOPES: Mapping[str, str] = {"folder": "drive.file", "event": "calendar.events", "draft": "gmail.compose"}
"""The least scope of each action. A configuration does not say which of them its rules use."""
_TOO_FAST = frozenset(
    ["rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "dailyLimitExceeded", "sharingRateLimitExceeded"]
)
"""Reasons of the older 403 that mean «too fast» [memory]."""
_QUESTIONS = (":batchGet", ":batchGetByDataFilter", ":getByDataFilter")
"""How the paths of POSTs end that change nothing [spec]."""
_PEOPLE = ("/v1/people", "/v1/contactGroups", "/v1/otherContacts")


def scopes(needs: Sequence[Need]) -> list[str]:
    """The least scopes, sorted: what a stream needs to be read, and to be written where it is."""
    found = set()
    for need in needs:
        if need.stream == "contacts":
            found.add("contacts" if need.write else "contacts.readonly")
        else:
            found |= {"spreadsheets" if need.write else "spreadsheets.readonly", "drive.metadata.readonly"}
    return sorted(ROOT + name for name in found)


def throttled(response: Response) -> bool:
    """The older way to say «too fast»: 403 with a reason."""
    if response.status != 403:
        return False
    try:
        errors = response.json()["error"].get("errors", ())
        return any(e.get("reason") in _TOO_FAST for e in errors)
    except (ValueError, KeyError, TypeError, AttributeError):
        return False


def lane(request: Request) -> str:
    """Each API has quotas of its own; Sheets and People have one for reads and one for writes [rec, doc]."""
    path = urlsplit(request.path).path
    asks = request.method == "GET" or path.endswith(_QUESTIONS)
    if path.startswith("/v4/spreadsheets"):
        return "sheets-read" if asks else "sheets-write"
    if path.startswith(_PEOPLE):
        return "people-read" if asks else "people-write"
    return next((name for name in ("drive", "calendar", "gmail") if path.startswith(f"/{name}/")), "")


PROFILE = HttpProfile(
    hosts=HOSTS,
    services=SERVICES,
    throttled=throttled,
    lane=lane,
    timeout=ANSWER_SECONDS,
    token_path=TOKEN_PATH,
    oauth=OAuth(authorize=AUTHORIZE, revoke=REVOKE_PATH, scopes=scopes),
)
