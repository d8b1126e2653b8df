"""How changes are paged out of the search, which pages by offset, lags, and stops at 10,000 results.

An offset hides records: one that is edited between two pages moves to the end, and all others move up. So a page goes
on from the last stamp of the one before, and within one stamp by object id. A hit shows its newest stamp although the
index matched and sorted it by an older one [recorded], so only stamps older than the lag say how far the index has
come; what is younger is paged by offset and is read again by the next delta, whose window reaches back further.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from tieline import Page, Remote, Window
from tieline_hubspot.rows import Rows
from tieline_hubspot.wire import Wire, moving

PAGE = 200
CAP = 10_000
"""Results that a search pages through; beyond it answers 400 [doc]."""
SETTLED_MS = 60_000
"""After this the index shows a change: up to 30 s are on record [recorded 2022]."""


class Place(NamedTuple):
    """Where the next page starts: from a stamp on (`offset` hits further), or at one stamp behind an object id."""

    since: int
    offset: int = 0
    at_id: str | None = None
    only: bool = False
    """The window is this one stamp: it ends where its ids end."""

    def token(self) -> str:
        """The place as text."""
        return ":".join((str(self.since), str(self.offset), self.at_id or "", "1" if self.only else ""))


def place(window: Window, token: str | None) -> Place:
    """Where a page starts. Raises ValueError for a token that is none of ours."""
    if token is None:
        return Place(window.since, 0, None if window.at_id is None else window.at_id or "0", window.at_id is not None)
    since, offset, at_id, only = token.split(":")
    return Place(int(since), int(offset), at_id or None, bool(only))


def changes(wire: Wire, rows: Rows, window: Window, token: str | None, lag_ms: int) -> Page:
    """One page of hits from the search, ordered by stamp, or by id at one stamp."""
    here = place(window, token)
    body = _body(rows.stamp, here)
    answer = wire.ask(wire.objects(rows.stream, "search"), body, also=(400,) if here.offset else ())
    if not answer.ok:  # an offset beyond what this account's search pages through
        return Page((), None, True, answer.now)
    moving(answer, body.get("after"))
    remotes, bad = rows.hints(answer.items)
    if answer.after is None:
        more = None if here.at_id is None or here.only else Place(here.since + 1)
    else:
        more = _next(here, remotes, answer.now - min(lag_ms, SETTLED_MS), answer.after)
    if more is not None and more.offset + PAGE > CAP:
        return Page(remotes, None, True, answer.now, bad)
    return Page(remotes, None if more is None else more.token(), False, answer.now, bad)


def _body(stamp: str, here: Place) -> dict[str, Any]:
    if here.at_id is None:
        filters = [{"propertyName": stamp, "operator": "GTE", "value": str(here.since)}]
        sort = stamp
    else:
        filters = [
            {"propertyName": stamp, "operator": "EQ", "value": str(here.since)},
            {"propertyName": "hs_object_id", "operator": "GT", "value": here.at_id},
        ]
        sort = "hs_object_id"
    body: dict[str, Any] = {
        "filterGroups": [{"filters": filters}],
        "sorts": [{"propertyName": sort, "direction": "ASCENDING"}],
        "properties": [stamp],
        "limit": PAGE,
    }
    if here.offset:
        body["after"] = str(here.offset)
    return body


def _next(here: Place, remotes: Sequence[Remote], settled: int, after: str) -> Place:
    """Where to go on behind a page that was not the last; `after` is where the server would: its pages may be short."""
    offset = int(after) if after.isdigit() and int(after) > here.offset else here.offset + PAGE
    if here.at_id is not None:
        return here._replace(at_id=max((r.id for r in remotes), key=int)) if remotes else here._replace(offset=offset)
    known = [r.modified for r in remotes if r.modified <= settled]
    reached = max(known, default=here.since)
    if reached > here.since:
        return Place(reached)
    if known:  # a page full of one stamp: a bulk edit
        return Place(here.since, 0, "0")
    return here._replace(offset=offset)
