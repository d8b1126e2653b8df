"""Reads durations, shares and limits as people write them. Pure; raises ValueError with the right spelling."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tieline.config.problems import shown
from tieline.engine.limits import Limit

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)")
_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_NAMED = {"daily": "1d", "weekly": "7d", "monthly": "30d"}
_SHARE = re.compile(r"(\d+(?:\.\d+)?)\s*%")


def duration_ms(value: object) -> int:
    """Milliseconds of `"90s"`, `"15m"`, `"2h"`, `"7d"`; a bare number counts seconds."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return int(value * 1000)
    match = _DURATION.fullmatch(value.strip().lower()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f'must be a duration such as "30s", "15m" or "2h", not {shown(value)}')
    return int(float(match[1]) * _UNITS[match[2]])


def period_ms(value: object) -> int | None:
    """As `duration_ms`, or `daily`, `weekly`, `monthly`; None for `never`."""
    if value == "never" or value is False:
        return None
    try:
        return duration_ms(_NAMED.get(value, value) if isinstance(value, str) else value)
    except ValueError:
        choices = "daily, weekly, monthly, never"
        raise ValueError(f'must be one of {choices}, or a duration such as "3d", not {shown(value)}') from None


def limit(value: object, default: Limit) -> Limit:
    """`100`, `"5%"` (the default's floor stays), `{share = "5%", at_least = 50}`, or `"none"`."""
    if value == "none" or value is False:
        return Limit()
    if isinstance(value, Mapping):
        least = value.get("at_least", default.floor)
        if "share" not in value or set(value) - {"share", "at_least"} or type(least) is not int or least < 0:
            raise ValueError('a limit\'s table is {share = "5%", at_least = 20}')
        return Limit(share=_share(value["share"]), floor=least)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return Limit(count=value)
    return Limit(share=_share(value), floor=default.floor)


def _share(value: object) -> float:
    match = _SHARE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or float(match[1]) > 100:
        raise ValueError(f'must be a number, a share such as "5%", or "none", not {shown(value)}')
    return float(match[1]) / 100
