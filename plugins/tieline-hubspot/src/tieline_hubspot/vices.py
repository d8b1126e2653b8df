"""The names of the vices, as `tieline sandbox --vice` takes them; apart, so that a sync loads no stand-in."""

from __future__ import annotations

from typing import Final

VICES: Final = (
    "search-lag",
    "result-cap",
    "coarse-stamps",
    "rate-limit",
    "rate-limit-no-retry-after",
    "partial-batch",
    "lost-answer",
    "token-expiry",
    "refresh-rotation",
    "merged",
    "restricted-picklist",
    "required-property",
    "repeat-page",
    "garbage",
    "no-hub-field",
)
