"""Bad days, by name: what a call meets before it is answered, and what happens behind the caller's back after it.

Vices that change how values, pages or jobs are made (bulk-delay, bulk-failed, coarse-stamps, late-commit,
restricted-picklist, partial-batch, repeat-page, no-hub-field, field-hidden, token-expiry, refresh-rotation) live where
those are made.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from tieline.sandbox import Rate, Response
from tieline_salesforce.sandbox_errors import ApiError, answer
from tieline_salesforce.sandbox_org import Org
from tieline_salesforce.sandbox_people import convert, merge
from tieline_salesforce.sandbox_rows import Row

MOST_CALLS, WINDOW = 100, 10_000
"""Under the rate vices: so many calls in so many milliseconds, more are refused."""
UNAVAILABLE_EVERY = 3
"""Every third refusal says 503 SERVER_UNAVAILABLE instead of 403 REQUEST_LIMIT_EXCEEDED."""
LOST_EVERY = 5
_JUMPS = (0, 12, 10, 6, -4, 9, 1)
_PAGE = "<!DOCTYPE html><html><head><title>Maintenance</title></head><body>We are down for maintenance.</body></html>"


class Days:
    """Which vices are on, and what they did so far."""

    def __init__(self, vices: Collection[str]) -> None:
        self.on = frozenset(vices)
        self._calls = Rate(MOST_CALLS, WINDOW)
        self._refusals = 0
        self._writes = 0
        self._happened: list[str] = []

    def throttle(self, now: int) -> Response | None:
        """A refusal for too many calls, which is never a 429; a refused call is not counted again."""
        if not self.on & {"rate-limit", "rate-limit-no-retry-after"}:
            return None
        wait = self._calls.take(now)
        if not wait:
            return None
        self._refusals += 1
        headers = {} if "rate-limit-no-retry-after" in self.on else {"retry-after": str(-(-wait // 1000))}
        if self._refusals % UNAVAILABLE_EVERY == 0:
            error = ApiError(503, "SERVER_UNAVAILABLE", "Server is temporarily unavailable. Please try again.")
        else:
            error = ApiError(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        return answer(error.status, [error.entry()], headers)

    def garbage(self) -> Response | None:
        """A page for people, with status 200, where JSON was asked for."""
        if "garbage" not in self.on:
            return None
        return Response(200, {"content-type": "text/html;charset=UTF-8"}, _PAGE.encode())

    def usage(self, used: int) -> int:
        """The number of calls as this server knows it: another server may know fewer [recorded]."""
        return max(1, used + _JUMPS[used % len(_JUMPS)]) if "usage-jumps" in self.on else used

    def loses(self, wrote: bool) -> bool:
        """Whether the answer of this call gets lost; what it wrote stays written."""
        if not wrote or "lost-answer" not in self.on:
            return False
        self._writes += 1
        return self._writes % LOST_EVERY == 0

    # -- once, after a record was read for the first time

    def behind_the_back(self, org: Org, shown: bytes) -> None:
        """Merge a contact, convert a lead: each once, when an answer has shown the record."""
        if "merged" in self.on and "merged" not in self._happened:
            pair = merge_pair(org)
            if pair is not None and pair[1].encode() in shown:
                merge(org.writer, "Contact", *pair)
                self._happened.append("merged")
        if "converted" in self.on and "converted" not in self._happened:
            lead = next((r["Id"] for r in org.rows.all("Lead") if not r.get("IsConverted")), None)
            if lead is not None and lead.encode() in shown:
                convert(org.writer, lead)
                self._happened.append("converted")

    def dump(self) -> dict[str, Any]:
        """The state as plain JSON."""
        return {
            "calls": self._calls.dump(),
            "refusals": self._refusals,
            "writes": self._writes,
            "happened": list(self._happened),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `dump` gave."""
        self._calls = Rate(MOST_CALLS, WINDOW, state["calls"])
        self._refusals, self._writes = state["refusals"], state["writes"]
        self._happened = list(state["happened"])


def merge_pair(org: Org) -> tuple[str, str] | None:
    """Winner and loser: the first two contacts of one name, else the first two; None with fewer."""
    seen: dict[tuple[Any, Any], str] = {}
    rows: list[Row] = list(org.rows.all("Contact"))
    for row in rows:
        name = (str(row.get("FirstName", "")).casefold(), str(row["LastName"]).casefold())
        if name in seen:
            return seen[name], row["Id"]
        seen[name] = row["Id"]
    return (rows[0]["Id"], rows[1]["Id"]) if len(rows) > 1 else None
