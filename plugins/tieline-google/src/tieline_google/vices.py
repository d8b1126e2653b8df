"""The names of the vices, as `tieline sandbox --vice` takes them; apart, so that a sync loads no stand-in."""

from __future__ import annotations

from typing import Final

VICES: Final = (
    "garbage",
    "lost-answer",
    "old-403",
    "partial-batch",
    "propagation",
    "quota",
    "reorder",
    "search-lag",
    "stale-etag",
    "sync-token-expiry",
    "token-expiry",
)
