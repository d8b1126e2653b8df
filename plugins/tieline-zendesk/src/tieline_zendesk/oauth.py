"""Zendesk's OAuth and how it speaks HTTP: addresses, least scopes, budgets in headers. Signs nobody in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from tieline import HttpProfile, Need, OAuth, Quota, Request

TOKEN_PATH = "/oauth/tokens"  # noqa: S105 a path, no secret [doc]
AUTHORIZE = "/oauth/authorizations/new"  # [doc]
HOSTS = (".zendesk.com",)
API_TOKENS_END = "2027-04-30"
_BASIC = (
    f"Zendesk switches all API tokens off on {API_TOKENS_END}, one unused for 30 days earlier; make an OAuth client"
)
"""What whoever signs in with an API token is told [doc]."""
ANSWER_SECONDS = 60.0
"""How long one answer may take: an export page of 1,000 records takes seconds."""
_BUCKET = re.compile(r"total=(\d+);\s*remaining=(\d+);\s*resets=(\d+)")
_INCREMENTAL = re.compile(r"/incremental/[a-z_]+(/cursor)?(?:\.json)?$")
_ONE_USER = re.compile(r"/users/\d+(?:\.json)?$")


def scopes(needs: Sequence[Need]) -> list[str]:
    """The least scopes, sorted: what a stream needs to be read, and to be written where it is."""
    found = {f"{need.stream}:read" for need in needs}
    found |= {f"{need.stream}:write" for need in needs if need.write}
    return sorted(found)


def lane(request: Request) -> str:
    """Exports have a budget of their own, by kind of export; so has the update of a single user [doc]."""
    path = urlsplit(request.path).path
    found = _INCREMENTAL.search(path)
    if found is not None:
        return "export-cursor" if found[1] else "export"
    return "user-update" if request.method == "PUT" and _ONE_USER.search(path) else ""


def quota(headers: Mapping[str, str]) -> Quota | None:
    """The budget that an answer speaks of: an export's own where there is one, else the account's [rec]."""
    for name, value in headers.items():
        if name.startswith("zendesk-ratelimit-incremental") and (found := _BUCKET.search(value)):
            total, left, resets = (int(g) for g in found.groups())
            return Quota(remaining=left, limit=total, resets_in=float(resets))
    remaining = _count(headers, "ratelimit-remaining", "x-rate-limit-remaining")
    limit = _count(headers, "ratelimit-limit", "x-rate-limit")
    if remaining is None or limit is None:
        return None
    reset = _count(headers, "ratelimit-reset")
    return Quota(remaining=remaining, limit=limit, resets_in=None if reset is None else float(reset))


def _count(headers: Mapping[str, str], *names: str) -> int | None:
    return next((int(v) for n in names if (v := headers.get(n, "")).isascii() and v.isdigit()), None)


PROFILE = HttpProfile(
    hosts=HOSTS,
    quota=quota,
    lane=lane,
    timeout=ANSWER_SECONDS,
    token_path=TOKEN_PATH,
    oauth=OAuth(authorize=AUTHORIZE, scopes=scopes),
    basic=_BASIC,
)
