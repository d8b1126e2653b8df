"""The names of the vices, as `tieline sandbox --vice` takes them; apart, so that a sync loads no stand-in."""

from __future__ import annotations

from typing import Final

VICES: Final = (
    "bulk-delay",
    "bulk-failed",
    "coarse-stamps",
    "converted",
    "field-hidden",
    "garbage",
    "late-commit",
    "lost-answer",
    "merged",
    "no-hub-field",
    "partial-batch",
    "rate-limit",
    "rate-limit-no-retry-after",
    "refresh-rotation",
    "repeat-page",
    "restricted-picklist",
    "token-expiry",
    "usage-jumps",
)
