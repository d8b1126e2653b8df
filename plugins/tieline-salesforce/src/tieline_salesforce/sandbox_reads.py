"""Answers that change nothing: versions, limits, describes, queries and their pages, changed and deleted ids."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from tieline.sandbox import Response
from tieline_salesforce.sandbox_conditions import Scope
from tieline_salesforce.sandbox_describe import describe, global_describe, object_entry
from tieline_salesforce.sandbox_errors import ApiError, answer, not_found
from tieline_salesforce.sandbox_org import Call, Org
from tieline_salesforce.sandbox_query import CHILDREN, Onward, child_renderer, renderer, run
from tieline_salesforce.sandbox_rows import Row
from tieline_salesforce.sandbox_soql import parse
from tieline_salesforce.sandbox_values import day_of, http_time, milliseconds, wire_time

PAGE, LEAST_PAGE = 2000, 200
"""Rows on a page unless asked for fewer, and the fewest that may be asked for [doc]."""
FIRST_VERSION, LAST_VERSION = 31, 68
DAILY_LIMIT = 15_000
SCHEMA_CHANGED = 1_577_836_800_000
"""When the schema last changed, as describes say it: long ago."""
_DAY = 86_400_000
UPDATED_DAYS, DELETED_DAYS = 30, 15
_SEASONS = ("Winter", "Spring", "Summer")
_BATCH_HEADER = "sforce-query-options"


def versions() -> Response:
    """`GET /services/data`: every version, oldest first; needs no token."""
    return answer(200, [_version(v) for v in range(FIRST_VERSION, LAST_VERSION + 1)])


def _version(number: int) -> dict[str, str]:
    year, season = divmod(number - 2, 3)
    label = f"{_SEASONS[season]} '{year + 5:02d}"
    return {"label": label, "url": f"/services/data/v{number}.0", "version": f"{number}.0"}


def resources(org: Org, call: Call) -> Response:
    """`GET /services/data/vNN.0`: where things are."""
    base = f"/services/data/v{call.version}.0/"
    return answer(200, {name: base + name for name in ("sobjects", "query", "queryAll", "composite", "limits")})


def limits(org: Org, call: Call, used: int) -> Response:
    """`GET /limits`."""
    daily = {"Max": DAILY_LIMIT, "Remaining": max(0, DAILY_LIMIT - used)}
    others = {
        "DailyAsyncApexExecutions": 250_000,
        "DailyBulkApiBatches": 15_000,
        "DailyBulkV2QueryJobs": 10_000,
        "DataStorageMB": 1024,
        "FileStorageMB": 1024,
        "HourlyTimeBasedWorkflow": 50,
        "SingleEmail": 5000,
    }
    body = {"DailyApiRequests": daily} | {n: {"Max": m, "Remaining": m} for n, m in others.items()}
    return answer(200, body)


def record_count(org: Org, call: Call) -> Response:
    """`GET /limits/recordCount?sObjects=A,B`: objects without records are left out [recorded]."""
    names = [n for n in call.params.get("sObjects", "").split(",") if n] or list(org.schema.objects)
    found = [o for o in (org.schema.find(n) for n in names) if o is not None]
    counts = [(o.name, sum(1 for _ in org.rows.all(o.name))) for o in found]
    return answer(200, {"sObjects": [{"count": n, "name": name} for name, n in counts if n]})


def schema_answer(call: Call, body: Any) -> Response:
    """A describe with its entity tag, or 304 when the caller has it already [recorded in a composite]."""
    tag = '"' + hashlib.sha256(repr(body).encode()).hexdigest()[:8] + '"'
    headers = {"etag": tag, "last-modified": http_time(SCHEMA_CHANGED)}
    since = call.headers.get("if-modified-since")
    if call.headers.get("if-none-match") == tag or (since is not None and http_milliseconds(since) >= SCHEMA_CHANGED):
        return answer(304, None, headers)
    return answer(200, body, headers)


def http_milliseconds(text: str) -> int:
    """A header's time in ms since 1970 UTC; 0 when it cannot be read."""
    from email.utils import parsedate_to_datetime

    try:
        return int(parsedate_to_datetime(text).timestamp() * 1000)
    except ValueError:
        return 0


def all_objects(org: Org, call: Call) -> Response:
    """`GET /sobjects`."""
    return schema_answer(call, global_describe(org.schema, call.version))


def one_object(org: Org, call: Call) -> Response:
    """`GET /sobjects/{O}`."""
    entry = object_entry(org.object(call.parts[1]), call.version)
    return answer(200, {"objectDescribe": entry, "recentItems": []})


def describe_object(org: Org, call: Call) -> Response:
    """`GET /sobjects/{O}/describe`."""
    return schema_answer(call, describe(org.schema, org.object(call.parts[1]), call.version))


# -- queries


def query(org: Org, call: Call) -> Response:
    """`/query` and `/queryAll`: the first page."""
    text = call.params.get("q") or (call.body.get("q") if isinstance(call.body, dict) else None)
    if not text:
        raise ApiError(400, "MALFORMED_QUERY", "unexpected token: '<EOF>'")
    deleted = call.parts[0].lower() == "queryall"
    found = run(org.rows, text, call.version, deleted, _onward(org, call, text, deleted))
    if found.count is not None:
        return answer(200, {"totalSize": found.count, "done": True, "records": []})
    table = org.rows.tables[found.definition.name]
    size = _page_size(call.headers)
    if "repeat-page" in org.vices and found.ids:
        size = min(size, -(-len(found.ids) // 2))
    if len(found.ids) <= size and not ("repeat-page" in org.vices and found.ids):
        records = [found.render(table[i]) for i in found.ids]
        return answer(200, {"totalSize": len(found.ids), "done": True, "records": records})
    name = org.open_cursor(text, found.ids, deleted, size)
    return _page(org, call, name, 0, found.render, table)


def next_page(org: Org, call: Call) -> Response:
    """`/query/{locator}-{offset}`."""
    name, _, offset = call.parts[1].rpartition("-")
    cursor = org.cursors.get(name)
    if cursor is None or not offset.isdigit():
        raise ApiError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
    parsed = parse(cursor["soql"])
    definition = org.object(parsed.source)
    scope = Scope(org.rows, parsed, definition, cursor["deleted"])
    if relation := cursor.get("relation", ""):
        render, definition = child_renderer(scope, relation, call.version)
    else:
        render = renderer(scope, call.version, _onward(org, call, cursor["soql"], cursor["deleted"]))
    start = 0 if "repeat-page" in org.vices else int(offset)
    return _page(org, call, name, start, render, org.rows.tables[definition.name])


def _onward(org: Org, call: Call, text: str, deleted: bool) -> Onward:
    """Keeps what does not fit into a parent's row, as the rows of a query are kept."""

    def keep(relation: str, ids: Sequence[str]) -> str:
        name = org.open_cursor(text, ids, deleted, CHILDREN, relation)
        return f"/services/data/v{call.version}.0/query/{name}-{CHILDREN}"

    return keep


def _page(org: Org, call: Call, name: str, start: int, render: Any, table: Mapping[str, Row]) -> Response:
    cursor = org.cursors[name]
    ids: Sequence[str] = cursor["ids"]
    end = start + cursor["size"]
    records = [render(table[i]) for i in ids[start:end] if i in table]
    body: dict[str, Any] = {"totalSize": len(ids), "done": end >= len(ids)}
    if end < len(ids) or "repeat-page" in org.vices:
        body["done"] = False
        body["nextRecordsUrl"] = f"/services/data/v{call.version}.0/query/{name}-{end}"
    return answer(200, body | {"records": records})


def _page_size(headers: Mapping[str, str]) -> int:
    asked = headers.get(_BATCH_HEADER, "").replace(" ", "").lower()
    number = asked.partition("batchsize=")[2].split(",")[0]
    return min(PAGE, max(LEAST_PAGE, int(number))) if number.isdigit() else PAGE


# -- replication


def updated(org: Org, call: Call) -> Response:
    """`GET /sobjects/{O}/updated?start=&end=`: ids of live records stamped in the window."""
    definition = org.object(call.parts[1])
    start, end = _window(org, call, UPDATED_DAYS)
    rows = org.rows.all(definition.name)
    ids = [r["Id"] for r in rows if start <= r["SystemModstamp"] < end]
    return answer(200, {"ids": ids, "latestDateCovered": wire_time(end)})


def deleted(org: Org, call: Call) -> Response:
    """`GET /sobjects/{O}/deleted?start=&end=`."""
    definition = org.object(call.parts[1])
    start, end = _window(org, call, DELETED_DAYS)
    gone = (r for r in org.rows.all(definition.name, deleted=True) if r.get("IsDeleted"))
    records = [
        {"id": r["Id"], "deletedDate": wire_time(r["_binned"])} for r in gone if start <= r.get("_binned", 0) < end
    ]
    earliest = milliseconds(day_of(org.rows.now() - DELETED_DAYS * _DAY) + "T00:00:00Z") or 0
    body = {"deletedRecords": records, "earliestDateAvailable": wire_time(earliest)}
    return answer(200, body | {"latestDateCovered": wire_time(end)})


def _window(org: Org, call: Call, days: int) -> tuple[int, int]:
    """The window asked for, seconds ignored [doc]. Raises ApiError INVALID_REPLICATION_DATE."""
    bounds = [milliseconds(call.params.get(key, "").replace(" ", "+")) for key in ("start", "end")]
    if bounds[0] is None or bounds[1] is None:
        raise ApiError(400, "INVALID_REPLICATION_DATE", "start and end must be dates with a time zone")
    start, end = (b // 60_000 * 60_000 for b in bounds if b is not None)
    if start >= end:
        raise ApiError(400, "INVALID_REPLICATION_DATE", "startDate must be at least one minute before endDate")
    if start < org.rows.now() - days * _DAY:
        raise ApiError(400, "INVALID_REPLICATION_DATE", f"startDate cannot be more than {days} days ago")
    return start, end


def nothing(org: Org, call: Call) -> Response:
    """A path the stand-in does not serve."""
    raise not_found()
