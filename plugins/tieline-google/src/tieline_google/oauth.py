"""Google's OAuth and how its APIs speak HTTP: hosts, least scopes, quota errors. Signs nobody in."""

from __future__ import annotations

from collections.abc import Sequence

from tieline import HttpProfile, Need, OAuth, Request, Response

ROOT = "https://www.googleapis.com/auth/"
TOKEN_PATH = "/token"  # noqa: S105 a path, no secret [doc]
AUTHORIZE = "https://accounts.google.com/o/oauth2/v2/auth"
HOSTS = (".googleapis.com",)
ANSWER_SECONDS = 60.0
_TOO_FAST = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded"})
"""Reasons of the older 403 that mean «too fast» [memory]."""


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
    """Each API has quotas of its own, and Sheets one for reads and one for writes [rec]."""
    return ""


PROFILE = HttpProfile(
    hosts=HOSTS,
    throttled=throttled,
    lane=lane,
    timeout=ANSWER_SECONDS,
    token_path=TOKEN_PATH,
    oauth=OAuth(authorize=AUTHORIZE, revoke="/revoke", scopes=scopes),
)
