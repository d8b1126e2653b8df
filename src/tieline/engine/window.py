"""Which changes to ask for next, and how far the saved cursor may move. Pure.

Windows are inclusive and open above. The cursor is never newer than the server's clock minus the stream's overlap, so
that a change which is indexed or committed late is still met; what was met before is recognised by (id, version).
"""

from __future__ import annotations

from typing import NamedTuple

from tieline.errors import ContractViolation
from tieline.model import Page, StreamFacts, Window

REMEMBERED = 50
UNSETTLED = -1
"""Stands for the stamp of a window in which the index has caught up with nothing."""
MAX_PAGES = 1_000_000
"""A stream that needs more pages than this repeats itself."""


class Walk(NamedTuple):
    """Where a pull stands: the window asked for, the vendor's token in it, the newest stamp met, pages read."""

    window: Window
    token: str | None = None
    newest: int = 0
    last: tuple[int, str] = (UNSETTLED, "")
    """Up to where this window was read: the stamp of the last item that a lagging index cannot have put elsewhere, and
    the id of the last item of all."""
    shown: int = 0
    """The least stamp of the last page."""
    sure: bool = True
    """False once it had to go on from a stamp that the index may lag behind: something may have been passed over, and
    the saved cursor must not move."""
    pages: int = 0
    tokens: tuple[str, ...] = ()
    """The latest tokens used in this window: one that comes again would never end."""


def start(cursor: int) -> Walk:
    """The first question of a pull from a saved cursor: everything at or after it."""
    return Walk(Window(cursor), newest=cursor)


def follow(feed: str) -> Walk:
    """The first question of a pull that goes on from a token: everything after it."""
    return Walk(Window(0, feed=feed))


def step(walk: Walk, page: Page, facts: StreamFacts) -> Walk | None:
    """What to ask after `page`; None when the window is read to its end.

    Where a result cap cuts a page on which nothing is old enough to go on from, the walk goes on by what is shown and
    is not `sure` any more. Raises ContractViolation when the pages do not come to an end.
    """
    done = walk._replace(pages=walk.pages + 1)
    if page.remotes:
        stamps = [remote.modified for remote in page.remotes]
        last = (max(walk.last[0], _settled(page, facts)), page.remotes[-1].id)
        done = done._replace(newest=max(walk.newest, *stamps), last=last, shown=min(stamps))
    if done.pages > MAX_PAGES:
        raise ContractViolation(f"more than {MAX_PAGES} pages of changes")
    if page.capped:
        if walk.window.feed is not None:
            raise ContractViolation("a feed that goes on from a token cannot be cut off: there is nothing to narrow")
        return _narrow(done, bool(page.remotes))
    if page.token is not None:
        if page.token in walk.tokens:
            raise ContractViolation("the system answers the same page again and again")
        return done._replace(token=page.token, tokens=(*walk.tokens[-REMEMBERED:], page.token))
    if walk.window.at_id is not None:  # one stamp is exhausted: go on behind it
        return _anew(done, Window(walk.window.since + 1))
    return None


def _settled(page: Page, facts: StreamFacts) -> int:
    """The stamp of the last item that stands where its stamp says.

    An index that lags (`hints`) orders by old stamps and shows new ones; only where it had the time to catch up the two
    are the same.
    """
    limit = page.now - facts.overlap_ms if facts.hints and page.now else None
    sure = [r.modified for r in page.remotes if limit is None or r.modified <= limit]
    return sure[-1] if sure else UNSETTLED


def _narrow(walk: Walk, any_met: bool) -> Walk:
    """The window after a result cap: from the last stamp met, or inside it by id when a single stamp fills the cap."""
    stamp, last_id = walk.last
    window = walk.window
    if window.at_id is not None:
        if not any_met or last_id == window.at_id:
            raise ContractViolation("a result cap leaves no way forward inside one modification stamp")
        narrowed = Window(window.since, last_id)
    elif stamp > window.since:
        narrowed = Window(stamp)
    else:
        if stamp == UNSETTLED and last_id:
            walk = walk._replace(sure=False)
        further = not walk.sure and walk.shown > window.since
        narrowed = Window(walk.shown) if further else Window(window.since, "")
    return _anew(walk, narrowed)


def _anew(walk: Walk, window: Window) -> Walk:
    return walk._replace(window=window, token=None, tokens=(), last=(UNSETTLED, ""), shown=0)


def cursor_after(saved: int, newest: int, server_now: int, facts: StreamFacts) -> int:
    """The cursor to save: the newest stamp met, but `overlap` behind the server's clock, and never backwards.

    `server_now` is the time of the walk's first page: a long walk's last page says nothing of what came late behind it.
    """
    limit = server_now - facts.overlap_ms
    limit -= limit % facts.granularity_ms
    return max(saved, min(newest, limit))


def baseline_cursor(started: int, facts: StreamFacts) -> int:
    """Where changes are read from after a complete listing that began at `started` on the server's clock."""
    limit = started - facts.overlap_ms
    return limit - limit % facts.granularity_ms
