"""Named misbehaviours that can be switched on. Decides when they strike; the endpoints ask or never know."""

from __future__ import annotations

from tieline_google.sandbox.call import Call
from tieline_google.sandbox.sheets_grid import Book
from tieline_google.sandbox.wire import refuse, refuse_older

QUOTA_EVERY = 7
EXPIRES_EVERY = 2
LAG_MS = 60_000
"""How long a search does not know what is new under the vice `search-lag`."""
REORDER_EVERY = 3


def quota(call: Call, service: str) -> None:
    """Every so often the 429 of a quota per minute, without Retry-After [rec]; under `old-403` the older 403."""
    if call.vices & {"quota", "old-403"} and call.state.count("quota") % QUOTA_EVERY == 0:
        if "old-403" in call.vices:
            raise refuse_older(403, "Rate Limit Exceeded", "rateLimitExceeded", "usageLimits")
        limit = "quota metric 'Requests' and limit 'Requests per minute per user'"
        said = f"Quota exceeded for {limit} of service '{service}'"
        info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "RATE_LIMIT_EXCEEDED"}
        raise refuse(429, said, "RESOURCE_EXHAUSTED", [{**info, "domain": "googleapis.com"}])


def lags(call: Call, created: int) -> bool:
    """Whether a search does not know yet what was made at this time (ms)."""
    return "search-lag" in call.vices and created > call.now - LAG_MS


def expires(call: Call, what: str) -> bool:
    """Whether a good sync token is refused as too old: every second one that is shown."""
    return "sync-token-expiry" in call.vices and call.state.count(f"tokens-{what}") % EXPIRES_EVERY == 0


def reorder(call: Call, book: Book) -> None:
    """Before every so many writes to a spreadsheet somebody sorts its tabs: the last row of each comes first."""
    if "reorder" in call.vices and call.state.count("sheet writes") % REORDER_EVERY == 0:
        for tab in book.tabs:
            if tab.last > 2:  # the header, and two rows to change places
                tab.cells = [tab.cells[0], tab.cells[tab.last - 1], *tab.cells[1 : tab.last - 1]]
