"""Named misbehaviours that can be switched on. Decides when they strike; the endpoints ask or never know."""

from __future__ import annotations

from tieline.sandbox import Answer, Rate, Refusal
from tieline_zendesk.sandbox import people
from tieline_zendesk.sandbox.call import Call
from tieline_zendesk.sandbox.state import State
from tieline_zendesk.sandbox.wire import MINUTE_MS, Row

MOST_CALLS = 200
"""Calls in a minute under the rate vices, as the smallest plan has them [doc]."""
MOST_EXPORTS = {"time": 10, "cursor": 20}
"""Calls in a minute of either kind of incremental export [rec, doc]."""
MOST_UPDATES = 5
"""Updates of one user in a minute [doc]."""
_RATE = frozenset({"rate-limit", "rate-limit-no-retry-after", "text-429"})
_TOO_MANY = "Number of allowed API requests per minute exceeded"
_TOO_MANY_EXPORTS = "Number of allowed incremental export API requests per minute exceeded"


class Limits:
    """How many calls there were of late. Not part of the dumped state: it is over in a minute."""

    def __init__(self, vices: frozenset[str]) -> None:
        self._rates: dict[str, Rate] = {}
        self._vices = vices

    def admit(self, call: Call, route: str) -> None:
        """Count a call, or raise the 429 that it meets."""
        if self._vices & _RATE:
            self._take(call, "all", MOST_CALLS, _TOO_MANY)
            bucket = export_of(route)
            if bucket:
                self._take(call, bucket, MOST_EXPORTS[bucket], _TOO_MANY_EXPORTS)
        if "user-update-limit" in self._vices and call.request.method == "PUT" and route == "users/{id}":
            self._update(call, call.ids[0])
        if "user-update-limit" in self._vices and route == "users/create_or_update":
            given = call.one("user")
            self._update(call, str(given.get("external_id") or given.get("email")).casefold())

    def left(self, bucket: str, most: int) -> int:
        """What is left of a limit; nearly all of it when nothing is limited."""
        return self._rate(bucket, most).left() if self._vices & _RATE else most - 1

    def _rate(self, bucket: str, most: int) -> Rate:
        return self._rates.setdefault(bucket, Rate(most, MINUTE_MS))

    def _update(self, call: Call, key: str) -> None:
        wait = self._rate(f"user {key}", MOST_UPDATES).take(call.now)
        if wait:
            text = "You have exceeded the rate limit for updating a single unique user. user email:  id:  external_id: "
            raise Refusal(429, text, _after(wait))  # [rec]

    def _take(self, call: Call, bucket: str, most: int, text: str) -> None:
        wait = self._rate(bucket, most).take(call.now)
        if not wait:
            return
        headers = {} if "rate-limit-no-retry-after" in self._vices else _after(wait)
        if "text-429" in self._vices:
            raise Refusal(429, text, headers)  # [iss]
        raise Refusal(429, {"error": "APIRateLimitExceeded", "description": text}, headers)  # [iss]


def _after(wait: int) -> dict[str, str]:
    """In whole seconds."""
    return {"retry-after": str(-(-wait // 1000))}


def export_of(route: str) -> str:
    """Which limit of the incremental exports a route has; empty: none."""
    if not route.startswith("incremental/"):
        return ""
    return "cursor" if route.endswith("/cursor") else "time"


def merge_after_read(state: State, vices: frozenset[str], answer: Answer, now: int) -> None:
    """A person merges a seeded user into another one as soon as it was read for the first time."""
    pair = state.seeded_users[:2]
    if "merged" not in vices or len(pair) < 2 or state.counters.get("merged_by_person"):
        return
    if not isinstance(answer.body, dict):
        return
    rows = answer.body.get("users") or [answer.body.get("user")]
    if not any(isinstance(row, dict) and row.get("id") == pair[0] for row in rows):
        return
    state.count("merged_by_person")
    both: list[Row | None] = [state.users.rows.get(key) for key in pair]
    if both[0] is not None and both[1] is not None and both[0]["active"] and both[1]["active"]:
        people.merge(state, both[0], both[1], now)
