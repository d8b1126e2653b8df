"""Which claims a service account's assertion must hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LONGEST_S = 3600
"""Seconds between `iat` and `exp` [doc]."""
SKEW_S = 300
"""How far `iat` may be in the future [memory]."""


def timed_wrong(told: Mapping[str, Any], now: int) -> bool:
    """Whether `iat` and `exp` are missing, too far apart, over, or still to come at `now` (ms)."""
    begin, end = told.get("iat"), told.get("exp")
    if not all(isinstance(t, int | float) and not isinstance(t, bool) for t in (begin, end)):
        return True
    seconds = now / 1000
    return not (begin <= seconds + SKEW_S and seconds < end <= begin + LONGEST_S)  # type: ignore[operator]
