"""Bulk API 2.0: ingest jobs, from their upload to the three tables of what became of each row.

States, a job that fails for an unknown column, and the wording of a row's error are as captured; the rest is the
documentation's. Rows are written when the upload is declared complete, each by itself.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from typing import Any

from tieline.sandbox import Response
from tieline_salesforce.sandbox_errors import ApiError, ManyMatch, answer, not_found
from tieline_salesforce.sandbox_jobs import DELIMITERS, Job, csv_answer, found, opened, shown, table
from tieline_salesforce.sandbox_jobs import change as abort
from tieline_salesforce.sandbox_org import Call, Org
from tieline_salesforce.sandbox_schema import FieldDef, ObjectDef

OPERATIONS = frozenset({"insert", "update", "upsert", "delete", "hardDelete"})
CLEARED = "#N/A"
"""How a row says null; an empty value leaves the field alone [doc]."""
_TABLES = ("successfulresults", "failedresults", "unprocessedrecords")
Row = Mapping[str, str]


def make(org: Org, call: Call) -> Response:
    """`POST /jobs/ingest`: open, waiting for its rows."""
    body = call.record()
    operation, key = body.get("operation"), body.get("externalIdFieldName")
    definition = org.object(str(body.get("object")))
    if operation not in OPERATIONS:
        raise ApiError(400, "INVALIDJOB", f"{operation} is no operation of an ingest job")
    of = definition.find(str(key)) if key else None
    if operation == "upsert" and (of is None or not of.lookup):
        raise ApiError(400, "INVALIDJOB", "externalIdFieldName must be an external id or an idLookup field")
    said = {"operation": operation, "object": definition.name, "state": "Open", "jobType": "V2Ingest"}
    job = opened(org, call, said | ({"externalIdFieldName": of.name} if of else {}))
    job["contentUrl"] = f"services/data/v{call.version}.0/jobs/ingest/{job['id']}/batches"
    return answer(200, shown(job, "jobType"))


def upload(org: Org, call: Call) -> Response:
    """`PUT /jobs/ingest/{id}/batches`: the rows, once."""
    job = found(org, call)
    if job["state"] != "Open" or "text" in job:
        raise ApiError(400, "INVALIDJOBSTATE", f"a job that is {job['state']} takes no rows now")
    job["text"] = call.text
    return answer(201)


def change(org: Org, call: Call) -> Response:
    """`PATCH /jobs/ingest/{id}`: the upload is complete, or the job is aborted."""
    job = found(org, call)
    if call.record().get("state") != "UploadComplete":
        return abort(org, call)
    if job["state"] != "Open" or "text" not in job:
        raise ApiError(400, "INVALIDJOBSTATE", f"a job that is {job['state']} has no complete upload")
    job["state"] = "UploadComplete"
    if "bulk-failed" not in org.vices:
        _run(org, job)
    return answer(200, shown(job, "jobType", "lineEnding", "columnDelimiter", "contentUrl"))


def _run(org: Org, job: Job) -> None:
    reader = csv.reader(io.StringIO(job["text"], newline=""), delimiter=DELIMITERS[job["columnDelimiter"]])
    head = next(reader, [])
    definition = org.object(job["object"])
    unknown = [name for name in head if definition.find(name) is None and "." not in name]
    job |= {"head": head, "done": []}
    if unknown or not head:
        job["failure"] = f"InvalidBatch : Field name not found : {unknown[0] if unknown else ''}"
        return
    write = _writers(org, definition, job)[job["operation"]]
    for cells in reader:
        row = dict(zip(head, cells, strict=False))
        before = org.rows.mark()
        result: dict[str, Any] = {"id": "", "created": False, "error": "", "cells": cells}
        try:
            result["id"], result["created"] = write(row)
        except ApiError as error:
            org.rows.back_to(before)
            result["error"] = f"{error.code}:{error.message}:{' '.join(error.fields or ())} --"
        except ManyMatch:
            org.rows.back_to(before)
            result["error"] = f"DUPLICATE_VALUE:several records match:{job['externalIdFieldName']} --"
        job["done"].append(result)


def _writers(org: Org, definition: ObjectDef, job: Job) -> Mapping[str, Callable[[Row], tuple[str, bool]]]:
    def values(row: Row) -> dict[str, Any]:
        kept = {k: v for k, v in row.items() if v != "" and k.lower() != "id"}
        return {k: None if v == CLEARED else _typed(definition.find(k), v) for k, v in kept.items()}

    def identity(row: Row) -> str:
        return next((v for k, v in row.items() if k.lower() == "id"), "")

    def upsert(row: Row) -> tuple[str, bool]:
        key = job["externalIdFieldName"]
        value = next((v for k, v in row.items() if k.lower() == key.lower()), None)
        return org.writer.upsert(definition, key, value, values(row))

    return {
        "insert": lambda row: (org.writer.create(definition, values(row)), True),
        "update": lambda row: (org.writer.update(definition, identity(row), values(row)), False),
        "upsert": upsert,
        "delete": lambda row: (org.writer.delete(definition, identity(row)), False),
        "hardDelete": lambda row: (org.writer.delete(definition, identity(row)), False),
    }


def _typed(of: FieldDef | None, text: str) -> Any:
    """A value of a table as JSON has it. Raises ApiError in the words of a row's error [captured]."""
    if of is None or of.type != "boolean":
        return text
    if text.lower() not in ("true", "false", "1", "0"):
        message = f"Failed to deserialize field. Due to, '{text}' is not a valid value for the type xsd:boolean"
        raise ApiError(400, "INVALID_FIELD", message, (of.name,))
    return text.lower() in ("true", "1")


def results(org: Org, call: Call) -> Response:
    """`GET /jobs/ingest/{id}/{table}`: the rows that were written, refused, or never reached."""
    job, name = found(org, call), call.parts[3].lower()
    if name not in _TABLES:
        raise not_found()
    if job["state"] not in ("JobComplete", "Failed", "Aborted"):
        raise ApiError(400, "INVALIDJOBSTATE", f"the job is {job['state']}: there are no results")
    head, done = job.get("head", []), job.get("done", [])
    if name == "unprocessedrecords":
        return csv_answer(table(job, [head]))
    if name == "failedresults":
        rows = [[r["id"], r["error"], *r["cells"]] for r in done if r["error"]]
        return csv_answer(table(job, [["sf__Id", "sf__Error", *head], *rows]))
    rows = [[r["id"], "true" if r["created"] else "false", *r["cells"]] for r in done if not r["error"]]
    return csv_answer(table(job, [["sf__Id", "sf__Created", *head], *rows]))
