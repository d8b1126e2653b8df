"""Named misbehaviours that can be switched on. Decides when they strike; the endpoints ask or never know."""

from __future__ import annotations

from typing import Any

from tieline.sandbox import Answer, Rate, Refusal
from tieline_hubspot.sandbox.records import merge
from tieline_hubspot.sandbox.state import State
from tieline_hubspot.sandbox.wire import refuse

INTERVAL_MS = 10_000
MAX_CALLS = 100
"""Calls in an interval under `rate-limit`, as a private app of a small account has them [doc]."""
MAX_SEARCHES = 5
"""Searches in a second under `rate-limit-no-retry-after` [doc]."""


class Limits:
    """How many calls there were of late. Not part of the dumped state: it is over in seconds."""

    def __init__(self, vices: frozenset[str]) -> None:
        self._calls = Rate(MAX_CALLS, INTERVAL_MS)
        self._searches = Rate(MAX_SEARCHES, 1000)
        self._vices = vices

    def admit(self, now: int, search: bool) -> None:
        """Count a call, or raise the 429 that it meets."""
        if "rate-limit" in self._vices:
            wait = self._calls.take(now)
            if wait:
                raise self._too_fast(wait)
        if search and "rate-limit-no-retry-after" in self._vices and self._searches.take(now):
            raise refuse(429, "RATE_LIMITS", "You have reached your secondly limit.")  # [rec]

    def remaining(self) -> int:
        """What is left of the interval; nearly all of it when nothing is limited."""
        return self._calls.left() if "rate-limit" in self._vices else MAX_CALLS - 1

    @staticmethod
    def _too_fast(wait: int) -> Refusal:
        body = {
            "status": "error",
            "message": "You have reached your ten_secondly_rolling limit.",
            "errorType": "RATE_LIMIT",
            "policyName": "TEN_SECONDLY_ROLLING",
            "groupName": "publicapi:private-apps:api-calls-daily:sandbox",
        }  # [iss]
        return Refusal(429, body, {"retry-after": str(-(-wait // 1000))})


def merge_after_read(state: State, vices: frozenset[str], answer: Answer, now: int) -> None:
    """A person merges a seeded contact into another one as soon as it was read for the first time."""
    pair = state.seeded_contacts[:2]
    if "merged" not in vices or len(pair) < 2 or state.counters.get("merged_by_person"):
        return
    loser, winner = pair
    body: Any = answer.body
    if not isinstance(body, dict):
        return
    rows = body.get("results", [body])
    if not any(isinstance(row, dict) and row.get("id") == str(loser) for row in rows):
        return
    state.count("merged_by_person")
    table = state.tables["contacts"]
    a, b = table.records.get(winner), table.records.get(loser)
    if a is not None and b is not None and a.archived is None and b.archived is None:
        merge(state, table, a, b, now)
