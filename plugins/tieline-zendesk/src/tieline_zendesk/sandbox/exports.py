"""Incremental exports: everything that changed since a moment, by cursor or by time. The newest minute is left out."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from typing import Any

from tieline.sandbox import Answer
from tieline_zendesk.sandbox import organizations, tickets, users
from tieline_zendesk.sandbox.call import Call
from tieline_zendesk.sandbox.pages import refusal_of
from tieline_zendesk.sandbox.table import change_key
from tieline_zendesk.sandbox.wire import MINUTE_MS, Row, missing, refuse

PAGE = 1000
"""Records on a page: the most, and the default [doc]."""
Shape = Callable[[Row], Any]


def users_by_cursor(call: Call) -> Answer:
    """Users, deleted ones with `active` false."""
    return _by_cursor(call, "users", call.state.users.by_change(), lambda row: users.shown(call, row))


def tickets_by_cursor(call: Call) -> Answer:
    """Tickets, deleted ones with the status `deleted`."""
    return _by_cursor(call, "tickets", call.state.tickets.by_change(), lambda row: tickets.shown(call, row))


def users_by_time(call: Call) -> Answer:
    """Users."""
    return _by_time(call, "users", call.state.users.by_change(), lambda row: users.shown(call, row))


def tickets_by_time(call: Call) -> Answer:
    """Tickets."""
    return _by_time(call, "tickets", call.state.tickets.by_change(), lambda row: tickets.shown(call, row))


def organizations_by_time(call: Call) -> Answer:
    """Organizations; deleted ones are not in it [doc]."""
    rows = call.state.organizations.by_change()
    return _by_time(call, "organizations", rows, lambda row: {**organizations.shown(call, row), "deleted_at": None})


# -- the two ways


def _size(call: Call) -> int:
    return max(1, min(PAGE, call.number("per_page", PAGE)))


def _start(call: Call) -> int:
    """The second asked for, which must be a minute old [doc; the code: iss]."""
    if not call.has("start_time"):
        raise missing("start_time")
    start = call.number("start_time", 0)
    if start * 1000 > call.now - MINUTE_MS:
        raise refuse(400, "StartTimeTooRecent", "Too recent start_time. Use a start_time older than 1 minute")
    return start


def _settled(call: Call, rows: Sequence[Row]) -> int:
    """How many of the rows are older than the newest minute."""
    return bisect_left(rows, ((call.now - MINUTE_MS) // 1000 + 1, 0), key=change_key)


def _by_cursor(call: Call, name: str, rows: Sequence[Row], shape: Shape) -> Answer:
    """After the cursor, or from `start_time` on. A page without news has no cursor [rec]; under `null-cursor` the
    page that ends the stream has none either."""
    size = _size(call)
    if call.has("cursor"):
        begin = bisect_right(rows, _unpack(call.param("cursor")), key=change_key)
    else:
        begin = bisect_left(rows, (_start(call), 0), key=change_key)
    settled = _settled(call, rows)
    cut = rows[begin : min(begin + size, settled)] if begin < settled else []
    end = begin + size >= settled
    after = _pack(cut[-1]) if cut and not (end and "null-cursor" in call.vices) else None
    body = {
        name: [shape(row) for row in cut],
        "after_url": call.link(cursor=after, start_time=None) if after else None,
        "before_url": None,
        "after_cursor": after,
        "before_cursor": None,
        "end_of_stream": end,
    }
    return Answer(200, body)


def _by_time(call: Call, name: str, rows: Sequence[Row], shape: Shape) -> Answer:
    """From a second on. A page of less than 1,000 is made longer to finish its last second, and `end_time` is the
    second after; at 1,000 it is the last second itself, so that the next page repeats records [rec]."""
    start, size = _start(call), _size(call)
    settled = _settled(call, rows)
    begin = bisect_left(rows, (start, 0), key=change_key)
    stop = min(begin + size, settled)
    end = begin + size >= settled
    last = change_key(rows[stop - 1])[0] if stop > begin else None
    end_time = last
    if last is not None and not end and (size < PAGE or last == start):
        stop = min(bisect_left(rows, (last + 1, 0), key=change_key), settled)
        end_time = last + 1
    cut = rows[begin:stop] if last is not None else []
    body = {
        name: [shape(row) for row in cut],
        "next_page": None if end_time is None else call.link(start_time=end_time),
        "count": len(cut),
        "end_of_stream": end,
        "end_time": end_time,
    }
    return Answer(200, body)


def _pack(row: Row) -> str:
    second, key = change_key(row)
    return urlsafe_b64encode(f"{second}.0||{key}|".encode()).decode()  # [rec]


def _unpack(text: str) -> tuple[int, int]:
    try:
        second, _, key = urlsafe_b64decode(text).decode().rstrip("|").partition("||")
        return int(second.partition(".")[0]), int(key)
    except ValueError:
        raise refusal_of("InvalidCursor", "the cursor is not valid") from None
