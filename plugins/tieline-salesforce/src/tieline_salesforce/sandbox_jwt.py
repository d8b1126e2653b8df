"""Which claims a JWT bearer assertion must hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LATEST_MS = 5 * 60_000
"""How far in the future an assertion may end. The vendor says three minutes; clocks differ [memory]."""


def problem(
    told: Mapping[str, Any], client_id: str, usernames: frozenset[str], audiences: frozenset[str], now: int
) -> str:
    """Why the claims are not taken at `now` (ms); empty when they are. Times may be numbers alone."""
    end = told.get("exp")
    if told.get("iss") != client_id:
        return "client identifier invalid"
    if str(told.get("aud", "")).rstrip("/") not in audiences:
        return "audience is invalid"
    if not isinstance(end, (int, float)) or isinstance(end, bool) or not now < end * 1000 <= now + LATEST_MS:
        return "assertion expired, or valid for too long"
    if told.get("sub") not in usernames:
        return "user hasn't approved this consumer"
    return ""
