"""Many records in one call: sObject Collections and composites, with results in order."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tieline.sandbox import Response
from tieline_salesforce.sandbox_errors import ApiError, ManyMatch, answer, bad_json
from tieline_salesforce.sandbox_ids import full_id
from tieline_salesforce.sandbox_org import Call, Org, Route
from tieline_salesforce.sandbox_query import show_row
from tieline_salesforce.sandbox_schema import ObjectDef

MAX_RECORDS, MAX_RETRIEVED = 200, 2000
MAX_CHUNKS = 10
"""Runs of one type that a collection may consist of [memory]."""
MAX_PARTS, MAX_HEAVY_PARTS = 25, 5
"""Sub-requests of a composite, and how many of them may be queries or collections [memory]."""
LOCKED_EVERY = 7
_REFERENCE = re.compile(r"@\{([^}]+)\}")
_DATA = re.compile(r"^/?(?:services/data/)?v(\d+)\.0/?(.*)$")
_ROLLED_BACK = ApiError(
    400,
    "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "Record rolled back because not all records were valid and the request was using AllOrNone header",
    (),
)
_HALTED = ApiError(
    400,
    "PROCESSING_HALTED",
    "The transaction was rolled back since another operation in the same transaction failed.",
)
Result = dict[str, Any]


# -- collections


def create_many(org: Org, call: Call) -> Response:
    """`POST /composite/sobjects`."""

    def one(record: Mapping[str, Any]) -> Result:
        return _done(org.writer.create(org.object_of(record), record))

    return _each(org, _records(org, call), one, _all_or_none(call))


def update_many(org: Org, call: Call) -> Response:
    """`PATCH /composite/sobjects`."""

    def one(record: Mapping[str, Any]) -> Result:
        definition = org.object_of(record)
        found = [v for k, v in record.items() if k.lower() == "id" and v]
        if not found:
            raise ApiError(400, "MISSING_ARGUMENT", "Id not specified in an update call", ())
        rest = {k: v for k, v in record.items() if k.lower() != "id"}
        return _done(org.writer.update(definition, found[0], rest))

    return _each(org, _records(org, call), one, _all_or_none(call))


def upsert_many(org: Org, call: Call) -> Response:
    """`PATCH /composite/sobjects/{O}/{ExtField}`: results also say `created`."""
    definition, key = org.object(call.parts[2]), call.parts[3]

    def one(record: Mapping[str, Any]) -> Result:
        value = next((v for k, v in record.items() if k.lower() == key.lower()), None)
        made, new = org.writer.upsert(definition, key, value, record)
        return _done(made) | {"created": new}

    return _each(org, _records(org, call), one, _all_or_none(call))


def delete_many(org: Org, call: Call) -> Response:
    """`DELETE /composite/sobjects?ids=a,b&allOrNone=`."""
    ids = [i.strip() for i in call.params.get("ids", "").split(",") if i.strip()]
    _counted(ids)

    def one(record_id: str) -> Result:
        real = full_id(record_id)
        definition = org.schema.by_prefix(real) if real else None
        if definition is None:
            raise ApiError(400, "MALFORMED_ID", f"malformed id {record_id}", ())
        return _done(org.writer.delete(definition, record_id))

    return _each(org, ids, one, call.params.get("allOrNone", "").lower() == "true")


def retrieve(org: Org, call: Call) -> Response:
    """`GET|POST /composite/sobjects/{O}`: the records in the ids' order, null for one that is not there."""
    definition = org.object(call.parts[2])
    asked: Mapping[str, Any] = call.body if isinstance(call.body, dict) else {}
    ids, fields = _listed(asked, call, "ids"), _listed(asked, call, "fields")
    if not ids or not fields:
        raise ApiError(400, "REQUIRED_FIELD_MISSING", "ids and fields are required")
    if len(ids) > MAX_RETRIEVED:
        raise ApiError(400, "EXCEEDED_ID_LIMIT", f"cannot retrieve more than {MAX_RETRIEVED} records in this call")
    return answer(200, [_shown(org, definition, i, call.version, fields) for i in ids])


def _shown(org: Org, definition: ObjectDef, record_id: str, version: int, fields: Sequence[str]) -> Result | None:
    row = org.rows.live(definition.name, full_id(record_id))
    return None if row is None else show_row(org.rows, definition, row, version, fields)


def _listed(asked: Mapping[str, Any], call: Call, key: str) -> list[str]:
    value = asked.get(key)
    if isinstance(value, list):
        return [str(v) for v in value]
    return [part.strip() for part in call.params.get(key, "").split(",") if part.strip()]


def _records(org: Org, call: Call) -> list[Mapping[str, Any]]:
    records = call.record().get("records")
    if not isinstance(records, list):
        records = []
    _counted(records)
    if any(not isinstance(r, dict) for r in records):
        raise bad_json("records must be a list of objects [line:1, column:1]")
    types = [(r.get("attributes") or {}).get("type") for r in records]
    chunks = 1 + sum(1 for a, b in pairwise(types) if a != b)
    if chunks > MAX_CHUNKS:
        message = f"Cannot have more than {MAX_CHUNKS} chunks in a single operation."
        raise ApiError(400, "LIMIT_EXCEEDED", message)
    return records


def _counted(items: Sequence[Any]) -> None:
    if not items:
        raise ApiError(400, "REQUIRED_FIELD_MISSING", "At least 1 record is required")
    if len(items) > MAX_RECORDS:
        message = f"record limit reached. cannot submit more than {MAX_RECORDS} records into this call"
        raise ApiError(400, "EXCEEDED_ID_LIMIT", message)


def _all_or_none(call: Call) -> bool:
    return bool(call.record().get("allOrNone", False))


def _done(record_id: str) -> Result:
    return {"id": record_id, "success": True, "errors": []}


def _each(org: Org, items: Sequence[Any], one: Callable[[Any], Result], all_or_none: bool) -> Response:
    """Every item by itself, in order; the answer is 200 whatever became of them [recorded]."""
    start = org.rows.mark()
    results: list[Result] = []
    for number, item in enumerate(items, 1):
        before = org.rows.mark()
        try:
            if "partial-batch" in org.vices and number % LOCKED_EVERY == 0:
                message = "unable to obtain exclusive access to this record"
                raise ApiError(400, "UNABLE_TO_LOCK_ROW", message, ())
            results.append(one(item))
        except (ApiError, ManyMatch) as error:
            org.rows.back_to(before)
            results.append(_failed(error))
    if all_or_none and not all(r["success"] for r in results):
        org.rows.back_to(start)
        results = [_ROLLED_BACK.item() if r["success"] else r for r in results]
    return answer(200, results)


def _failed(error: ApiError | ManyMatch) -> Result:
    if isinstance(error, ManyMatch):
        ids = ", ".join(url.rsplit("/", 1)[-1] for url in error.urls)
        message = f"more than one record found for external id field: [{ids}]"
        return ApiError(400, "DUPLICATE_EXTERNAL_ID", message, ()).item()
    if error.code == "NOT_FOUND":
        return ApiError(400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", ()).item()
    return error.item()


# -- composites


def composite(org: Org, call: Call, run: Route) -> Response:
    """`POST /composite`: up to 25 sub-requests in order, later ones may name earlier answers."""
    body = call.record()
    parts = body.get("compositeRequest")
    if not isinstance(parts, list) or not parts:
        raise bad_json("compositeRequest must be a list of sub-requests [line:1, column:1]")
    _fits(parts)
    all_or_none = bool(body.get("allOrNone", False))
    start = org.rows.mark()
    known: dict[str, Any] = {}
    answers: list[Result] = []
    for part in parts:
        if all_or_none and any(a["httpStatusCode"] >= 400 for a in answers):
            answers.append(_halted(part["referenceId"]))
            continue
        answers.append(_part(org, call, part, known, run))
    if all_or_none and any(a["httpStatusCode"] >= 400 for a in answers):
        org.rows.back_to(start)
        answers = [_halted(a["referenceId"]) if a["httpStatusCode"] < 400 else a for a in answers]
    return answer(200, {"compositeResponse": answers})


def _fits(parts: Sequence[Any]) -> None:
    if len(parts) > MAX_PARTS:
        raise ApiError(400, "LIMIT_EXCEEDED", f"a composite holds at most {MAX_PARTS} sub-requests")
    names = [p.get("referenceId") if isinstance(p, dict) else None for p in parts]
    if not all(isinstance(n, str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_]*", n) for n in names):
        message = "Provided referenceId must start with a letter or a number, and contain only letters, numbers and _"
        raise ApiError(400, "INVALID_INPUT", message)
    if len(set(names)) != len(names):
        raise ApiError(400, "INVALID_INPUT", "referenceId must be unique in a composite")
    heavy = [p for p in parts if re.search(r"/v\d+\.0/(query|queryAll|composite/sobjects)\b", str(p.get("url")))]
    if len(heavy) > MAX_HEAVY_PARTS:
        message = f"a composite holds at most {MAX_HEAVY_PARTS} queries and collections"
        raise ApiError(400, "LIMIT_EXCEEDED", message)


def _part(org: Org, call: Call, part: Mapping[str, Any], known: dict[str, Any], run: Route) -> Result:
    name = str(part["referenceId"])
    try:
        url = _resolve(part.get("url", ""), known)
        inner = sub_call(call, str(part.get("method", "GET")), url, _resolve(part.get("body"), known))
        inner = replace(inner, headers={k.lower(): str(v) for k, v in (part.get("httpHeaders") or {}).items()})
        before = org.rows.mark()
        response = run(org, inner)
        if response.status >= 400:
            org.rows.back_to(before)
    except ApiError as error:
        response = answer(error.status, [error.entry()])
    content = json.loads(response.body) if response.body else None
    known[name] = content
    shown = {"etag": "ETag", "last-modified": "Last-Modified", "location": "Location"}
    headers = {shown[k]: v for k, v in response.headers.items() if k in shown}
    return {"body": content, "httpHeaders": headers, "httpStatusCode": response.status, "referenceId": name}


def _halted(name: str) -> Result:
    return {"body": [_HALTED.entry()], "httpHeaders": {}, "httpStatusCode": 400, "referenceId": name}


def sub_call(call: Call, method: str, url: str, body: Any) -> Call:
    """A sub-request's URL as a call. Raises ApiError when it does not lie below the API."""
    split = urlsplit(url)
    match = _DATA.match(split.path)
    if match is None:
        raise ApiError(400, "INVALID_INPUT", f"the URL {url} is not one of this API")
    parts = [unquote(p) for p in match[2].split("/") if p]
    params = dict(parse_qsl(split.query, keep_blank_values=True))
    return Call(method.upper(), parts, params, {}, body, int(match[1]), nested=True)


def _resolve(value: Any, known: Mapping[str, Any]) -> Any:
    """`@{name.path[0].id}` replaced by what the named answer holds there."""
    if isinstance(value, dict):
        return {k: _resolve(v, known) for k, v in value.items()}
    if isinstance(value, list):
        return [_resolve(v, known) for v in value]
    if not isinstance(value, str):
        return value
    return _REFERENCE.sub(lambda m: str(_look_up(m[1], known)), value)


def _look_up(path: str, known: Mapping[str, Any]) -> Any:
    name, _, rest = path.partition(".")
    at: Any = known.get(name.split("[")[0])
    try:
        for step in re.findall(r"[^.\[\]]+", name.partition("[")[2] + "." + rest):
            at = at[int(step)] if isinstance(at, list) else at[step]
    except (KeyError, IndexError, TypeError, ValueError):
        at = None
    if at is None:
        message = f"Invalid reference specified. No value for {path} found in {name}."
        raise ApiError(400, "PROCESSING_HALTED", message)
    return at


def batch(org: Org, call: Call, run: Route) -> Response:
    """`POST /composite/batch`: up to 25 independent sub-requests."""
    body = call.record()
    parts = body.get("batchRequests")
    if not isinstance(parts, list) or not 0 < len(parts) <= MAX_PARTS:
        raise ApiError(400, "LIMIT_EXCEEDED", f"a batch holds 1 to {MAX_PARTS} sub-requests")
    results: list[Result] = []
    for part in parts:
        failed = any(r["statusCode"] >= 400 for r in results)
        if body.get("haltOnError") and failed:
            halted = ApiError(412, "BATCH_PROCESSING_HALTED", "Batch processing halted per request")
            results.append({"statusCode": 412, "result": [halted.entry()]})
            continue
        before = org.rows.mark()
        try:
            inner = sub_call(call, str(part.get("method", "GET")), str(part.get("url")), part.get("richInput"))
            response = run(org, inner)
        except ApiError as error:
            response = answer(error.status, [error.entry()])
        if response.status >= 400:
            org.rows.back_to(before)
        results.append({"statusCode": response.status, "result": json.loads(response.body or b"null")})
    return answer(200, {"hasErrors": any(r["statusCode"] >= 400 for r in results), "results": results})
