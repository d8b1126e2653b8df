"""How lists are cut: into pages by cursor or by offset, or down to what is asked for by name. Knows no records."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from typing import Any

from tieline.sandbox import Answer, Refusal
from tieline_zendesk.sandbox.call import MOST, Call
from tieline_zendesk.sandbox.table import Table
from tieline_zendesk.sandbox.wire import Row, missing

DEPTH = 10_000
"""How many records offset paging reaches [doc]."""
Shape = Callable[[Row], Any]


def listed(call: Call, name: str, rows: Sequence[Row], shape: Shape) -> Answer:
    """One page of rows that are ordered by id: by cursor where the request names one, else by offset."""
    if any(call.has(f"page[{part}]") for part in ("size", "after", "before")):
        return Answer(200, by_cursor(call, name, rows, shape))
    return Answer(200, by_offset(call, name, rows, shape))


def by_offset(call: Call, name: str, rows: Sequence[Row], shape: Shape) -> dict[str, Any]:
    """`page` and `per_page` (at most 100; more is taken as 100), with the count of all; dies past 10,000 [doc]."""
    size = max(1, min(MOST, call.number("per_page", MOST)))
    page = max(1, call.number("page", 1))
    if page * size > DEPTH:
        raise too_deep()
    cut = rows[(page - 1) * size : page * size]
    following = call.link(page=page + 1) if page * size < len(rows) else None
    before = call.link(page=page - 1) if page > 1 else None
    return {
        name: [shape(row) for row in cut],
        "next_page": following,
        "previous_page": before,
        "count": len(rows),
    }


def by_cursor(call: Call, name: str, rows: Sequence[Row], shape: Shape) -> dict[str, Any]:
    """`page[size]`, `page[after]`, `page[before]`. `links.next` is there also where nothing follows [rec]."""
    size = call.number("page[size]", MOST)
    if not 1 <= size <= MOST:
        raise refusal_of("InvalidPaginationParameter", f"page[size] must be from 1 to {MOST}")
    keys = [row["id"] for row in rows]
    if call.has("page[before]"):
        end = bisect_left(keys, _id_of(call.param("page[before]")))
        start, more = max(0, end - size), end > size
    else:
        start = bisect_right(keys, _id_of(call.param("page[after]"))) if call.has("page[after]") else 0
        end, more = start + size, len(keys) > start + size
    cut = rows[start:end]
    after, before = (cursor(cut[-1]["id"]), cursor(cut[0]["id"])) if cut else (None, None)
    step = {"page[after]": None, "page[before]": None, "page[size]": size}
    return {
        name: [shape(row) for row in cut],
        "meta": {"has_more": more, "after_cursor": after, "before_cursor": before},
        "links": {
            "prev": call.link(**{**step, "page[before]": before}) if before else None,
            "next": call.link(**{**step, "page[after]": after}) if after else None,
        },
    }


def named(call: Call, table: Table) -> list[Row]:
    """The rows that `ids` or `external_ids` names, once each and unknown ones left out; at most 100 [spec, rec]."""
    if call.has("ids"):
        rows = [table.rows.get(int(key)) for key in call.many("ids") if key.isdigit()]
    elif call.has("external_ids"):
        rows = [table.find("external_id", key) for key in call.many("external_ids")]
    else:
        raise missing("ids")
    return list({row["id"]: row for row in rows if row is not None}.values())


def whole(name: str, shapes: Sequence[Any]) -> Answer:
    """All of them on one page, which speaks of others as a list does."""
    return Answer(200, {name: shapes, "next_page": None, "previous_page": None, "count": len(shapes)})


def cursor(key: int) -> str:
    """An opaque cursor that stands after a record."""
    return urlsafe_b64encode(f'{{"o":"id","v":"{key:x}"}}'.encode()).decode()


def _id_of(text: str) -> int:
    try:
        return int(urlsafe_b64decode(text).decode().rpartition('"v":"')[2].removesuffix('"}'), 16)
    except ValueError:
        raise refusal_of("InvalidPaginationParameter", "the cursor is not valid") from None


def too_deep() -> Refusal:
    """The 400 of offset paging past its end [doc: the code]."""
    return refusal_of("InvalidPaginationDepth", f"Pagination depth exceeds the limit of {DEPTH} records")


def refusal_of(code: str, detail: str) -> Refusal:
    """A 400 in the newer shape: a list of errors [doc]."""
    return Refusal(400, {"errors": [{"code": code, "title": detail, "detail": detail}]})
