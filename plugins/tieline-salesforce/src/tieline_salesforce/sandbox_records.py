"""Single records by id or external id: create, read, change, upsert, delete, with their conditional headers."""

from __future__ import annotations

import base64
import hashlib

from tieline.sandbox import Response
from tieline_salesforce.sandbox_errors import ApiError, ManyMatch, answer, no_column, not_found
from tieline_salesforce.sandbox_org import Call, Org
from tieline_salesforce.sandbox_query import show_row
from tieline_salesforce.sandbox_reads import http_milliseconds
from tieline_salesforce.sandbox_rows import Row
from tieline_salesforce.sandbox_schema import ObjectDef
from tieline_salesforce.sandbox_values import http_time, kept

WITH_TAG = ("Account",)
"""Objects whose rows carry an entity tag and obey If-Match [doc]."""
UPSERT_ANSWERS_SINCE = 46
"""From this version on an upsert that changes a record answers 200 with a body [rec]; before, 204."""
_EMPTY = 204


def create(org: Org, call: Call) -> Response:
    """`POST /sobjects/{O}`."""
    definition = org.object(call.parts[1])
    made = org.writer.create(definition, call.record())
    return answer(201, {"id": made, "success": True, "errors": []}, {"location": _url(call, definition, made)})


def read(org: Org, call: Call) -> Response:
    """`GET /sobjects/{O}/{id}`, perhaps with `fields`. A deleted record is not found [recorded]."""
    definition = org.object(call.parts[1])
    row = org.rows.live(definition.name, _known_id(org, definition, call.parts[2]))
    if row is None:
        raise not_found()
    return _shown(org, call, definition, row)


def update(org: Org, call: Call) -> Response:
    """`PATCH /sobjects/{O}/{id}`."""
    definition = org.object(call.parts[1])
    _unchanged(org, call, definition, org.writer.target(definition, call.parts[2]))
    org.writer.update(definition, call.parts[2], call.record())
    return answer(_EMPTY)


def delete(org: Org, call: Call) -> Response:
    """`DELETE /sobjects/{O}/{id}`."""
    definition = org.object(call.parts[1])
    _unchanged(org, call, definition, org.writer.target(definition, call.parts[2]))
    org.writer.delete(definition, call.parts[2])
    return answer(_EMPTY)


def read_by_key(org: Org, call: Call) -> Response:
    """`GET /sobjects/{O}/{ExtField}/{value}`."""
    definition, row = _by_key(org, call)
    return _shown(org, call, definition, row)


def delete_by_key(org: Org, call: Call) -> Response:
    """`DELETE /sobjects/{O}/{ExtField}/{value}`."""
    definition, row = _by_key(org, call)
    org.writer.delete(definition, row["Id"])
    return answer(_EMPTY)


def upsert(org: Org, call: Call) -> Response:
    """`PATCH /sobjects/{O}/{ExtField}/{value}`: 201, 200, or 300 with the records' URLs and nothing written."""
    definition = org.object(call.parts[1])
    key, value = call.parts[2], call.parts[3]
    only = call.params.get("updateOnly", "").lower() == "true"
    sent = call.record()
    if any(k.lower() == key.lower() for k in sent):
        message = f"The {key} field should not be specified in the sobject data."
        raise ApiError(400, "INVALID_FIELD", message)
    try:
        made, new = org.writer.upsert(definition, key, value, sent, only)
    except ManyMatch as many:
        return answer(300, [f"/services/data/v{call.version}.0/{url}" for url in many.urls])
    if not new and call.version < UPSERT_ANSWERS_SINCE:
        return answer(_EMPTY)
    body = {"id": made, "success": True, "errors": [], "created": new}
    if call.version < UPSERT_ANSWERS_SINCE:
        del body["created"]
    return answer(201 if new else 200, body, {"location": _url(call, definition, made)} if new else None)


# -- parts


def _known_id(org: Org, definition: ObjectDef, value: str) -> str | None:
    found = kept(definition.fields["id"], value) if value.isalnum() and len(value) in (15, 18) else None
    return str(found) if found else None


def _by_key(org: Org, call: Call) -> tuple[ObjectDef, Row]:
    definition = org.object(call.parts[1])
    of = definition.find(call.parts[2])
    if of is None or not of.lookup:
        message = f"Provided external ID field does not exist or is not accessible: {call.parts[2]}"
        raise ApiError(404, "NOT_FOUND", message)
    rows = org.rows.having(definition.name, of, call.parts[3])
    if len(rows) > 1:
        raise ManyMatch([f"/services/data/v{call.version}.0/sobjects/{definition.name}/{r['Id']}" for r in rows])
    if not rows:
        raise not_found()
    return definition, rows[0]


def _shown(org: Org, call: Call, definition: ObjectDef, row: Row) -> Response:
    names = [n.strip() for n in call.params.get("fields", "").split(",") if n.strip()]
    for name in names:
        if definition.find(name) is None:
            raise no_column(name, definition.name)
    headers = {"last-modified": http_time(row["LastModifiedDate"])}
    if definition.name in WITH_TAG:
        headers["etag"] = tag_of(row)
    since = call.headers.get("if-modified-since")
    if call.headers.get("if-none-match") == headers.get("etag", "*") or (
        since is not None and row["LastModifiedDate"] <= http_milliseconds(since)
    ):
        return answer(304, None, headers)
    return answer(200, show_row(org.rows, definition, row, call.version, names), headers)


def _unchanged(org: Org, call: Call, definition: ObjectDef, row: Row) -> None:
    """Raises ApiError 412 when the caller's condition does not hold any more."""
    tag, since = call.headers.get("if-match"), call.headers.get("if-unmodified-since")
    stale = tag is not None and definition.name in WITH_TAG and tag not in ("*", tag_of(row))
    if since is not None and row["LastModifiedDate"] > http_milliseconds(since):
        stale = True
    if stale:
        message = "Precondition failed: the record was modified since it was read"
        raise ApiError(412, "PRECONDITION_FAILED", message)


def tag_of(row: Row) -> str:
    """A row's entity tag: another one after every change."""
    seen = sorted((k, v) for k, v in row.items() if not k.startswith("LastViewed") and not k.startswith("LastRef"))
    digest = hashlib.sha256(repr(seen).encode()).digest()
    return f'"{base64.b64encode(digest).decode()}"'


def _url(call: Call, definition: ObjectDef, record_id: str) -> str:
    return f"/services/data/v{call.version}.0/sobjects/{definition.name}/{record_id}"
