"""The names of the vices, as `tieline sandbox --vice` takes them; apart, so that a sync loads no stand-in."""

from __future__ import annotations

from typing import Final

VICES: Final = (
    "alias-host",
    "domain-mapping",
    "garbage",
    "job-delay",
    "job-stuck",
    "lost-answer",
    "merged",
    "no-hub-field",
    "null-cursor",
    "partial-batch",
    "rate-limit",
    "rate-limit-no-retry-after",
    "restricted-picklist",
    "search-lag",
    "text-429",
    "token-expiry",
    "user-update-limit",
)
