"""Bulk API 2.0: jobs and what they have in common, and query jobs with their results in pages.

A job's bodies and states are as captured; a query's restrictions, the locator and the codes of refusals are believed
[doc]. A job's results are what the records were when it was made. Under bulk-delay a job is found at work three times
before it is done; under bulk-failed it comes to nothing.
"""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tieline.sandbox import Response
from tieline_salesforce.sandbox_conditions import Scope
from tieline_salesforce.sandbox_errors import ApiError, answer, not_found
from tieline_salesforce.sandbox_ids import full_id, mint
from tieline_salesforce.sandbox_org import Call, Org
from tieline_salesforce.sandbox_query import run
from tieline_salesforce.sandbox_soql import Path, Query, parse
from tieline_salesforce.sandbox_values import wire_time

Job = dict[str, Any]
PREFIX = "750"
MAX_JOBS = 50
LOOKS_BEFORE_DONE = 3
OPERATIONS = {"query": False, "queryAll": True}
"""Query operations, and whether deleted records are among their results."""
DELIMITERS = {"BACKQUOTE": "`", "CARET": "^", "COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "TAB": "\t"}
ENDINGS = {"LF": "\n", "CRLF": "\r\n"}
MOST_ROWS = 250_000
"""Rows of one answer, unless fewer are asked for."""
_SHOWN = (
    *("id", "operation", "object", "createdById", "createdDate", "systemModstamp", "state", "externalIdFieldName"),
    *("concurrencyMode", "contentType", "apiVersion", "contentUrl", "jobType", "lineEnding", "columnDelimiter"),
    *("numberRecordsProcessed", "numberRecordsFailed", "retries", "totalProcessingTime", "apiActiveProcessingTime"),
    *("apexProcessingTime", "errorMessage"),
)
_COUNTERS = ("retries", "totalProcessingTime", "apiActiveProcessingTime", "apexProcessingTime")


def make_query(org: Org, call: Call) -> Response:
    """`POST /jobs/query`: at work at once."""
    body = call.record()
    operation = body.get("operation")
    if operation not in OPERATIONS:
        raise ApiError(400, "INVALIDJOB", f"{operation} is no operation of a query job")
    parsed = parse(str(body.get("query") or ""))
    _refuse_unfit(parsed)
    found = run(org.rows, parsed.text, call.version, OPERATIONS[operation])
    names, cells = _columns(Scope(org.rows, parsed, found.definition, OPERATIONS[operation]), parsed)
    kept = org.rows.tables[found.definition.name]
    job = opened(org, call, {"operation": operation, "object": found.definition.name, "jobType": "V2Query"})
    job |= {"state": "UploadComplete", "columns": names}
    job["rows"] = [[cell(record) for cell in cells] for record in map(found.render, (kept[i] for i in found.ids))]
    return answer(200, shown(job, "jobType"))


def _refuse_unfit(query: Query) -> None:
    """What the Bulk API does not take, which a query does [doc]."""
    if query.count or query.all_fields or query.offset or any(isinstance(c, Query) for c in query.select):
        raise ApiError(400, "API_ERROR", "Aggregate, OFFSET, FIELDS() and nested queries are not supported in Bulk API")


def _columns(scope: Scope, query: Query) -> tuple[list[str], list[Callable[[Mapping[str, Any]], str]]]:
    """The names of the selected columns as the results head them, and how to take each from a shown record."""
    names, cells = [], []
    for path in (p for p in query.select if isinstance(p, Path)):
        steps, _, of = scope.parents(path)
        if of.type == "address":
            raise ApiError(400, "API_ERROR", f"Selecting compound data not supported in Bulk Query: {of.name}")
        way = (*(ref.relation or ref.name for ref, _ in steps), of.name)
        names.append(".".join(way))
        cells.append(_cell(way, of.type))
    return names, cells


def _cell(way: Sequence[str], type_name: str) -> Callable[[Mapping[str, Any]], str]:
    def cell(record: Mapping[str, Any]) -> str:
        value: Any = record
        for step in way:
            value = value.get(step) if value else None
        if value is None:
            return ""
        if isinstance(value, bool):
            return "true" if value else "false"
        text = str(value)
        return text.removesuffix("+0000") + "Z" if type_name == "datetime" else text

    return cell


def results(org: Org, call: Call) -> Response:
    """`GET /jobs/query/{id}/results?locator=&maxRecords=`."""
    job = found(org, call)
    if job["state"] != "JobComplete":
        raise ApiError(400, "INVALIDJOBSTATE", f"the job is {job['state']}: there are no results")
    start = _offset(call.params.get("locator", ""), len(job["rows"]))
    asked = call.params.get("maxRecords", "")
    end = start + min(MOST_ROWS, max(1, int(asked)) if asked.isdigit() else MOST_ROWS)
    rows = job["rows"][start:end]
    following = base64.urlsafe_b64encode(str(end).encode()).decode() if end < len(job["rows"]) else "null"
    told = {"sforce-locator": following, "sforce-numberofrecords": str(len(rows))}
    return csv_answer(table(job, [job["columns"], *rows]), told)


def _offset(locator: str, rows: int) -> int:
    if not locator:
        return 0
    try:
        offset = int(base64.urlsafe_b64decode(locator))
    except ValueError:
        offset = -1
    if not 0 < offset < rows:
        raise ApiError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
    return offset


# -- what all jobs share


def opened(org: Org, call: Call, said: Mapping[str, Any]) -> Job:
    """A new job, kept; the oldest of too many is forgotten. Raises ApiError for a format that is none."""
    body = call.record()
    delimiter, ending = body.get("columnDelimiter", "COMMA"), body.get("lineEnding", "LF")
    if delimiter not in DELIMITERS or ending not in ENDINGS or body.get("contentType", "CSV") != "CSV":
        raise ApiError(400, "INVALIDJOB", f"no such format: {delimiter}, {ending}")
    org.job_count += 1
    moment = wire_time(org.rows.now())
    job: Job = {"id": mint(PREFIX, org.job_count), "createdById": org.user_id, "createdDate": moment} | dict(said)
    job |= {"systemModstamp": moment, "concurrencyMode": "Parallel", "contentType": "CSV"}
    job |= {"apiVersion": float(call.version), "lineEnding": ending, "columnDelimiter": delimiter, "looks": 0}
    org.jobs[job["id"]] = job
    while len(org.jobs) > MAX_JOBS:
        org.jobs.pop(next(iter(org.jobs)))
    return job


def found(org: Org, call: Call) -> Job:
    """The job that the path names. Raises ApiError NOT_FOUND, also for a job of the other sort."""
    job = org.jobs.get(full_id(call.parts[2]) or "")
    if job is None or ("rows" in job) is not (call.parts[1] == "query"):
        raise not_found()
    return job


def shown(job: Job, *without: str) -> dict[str, Any]:
    """A job as answers show it."""
    return {key: job[key] for key in _SHOWN if key in job and key not in without}


def look(org: Org, call: Call) -> Response:
    """`GET /jobs/{sort}/{id}`: it is looked at, and so goes on."""
    job = found(org, call)
    advance(org, job)
    return answer(200, shown(job, "contentUrl"))


def advance(org: Org, job: Job) -> None:
    """A job that is at work gets done, after three looks under bulk-delay; under bulk-failed it fails."""
    if job["state"] not in ("UploadComplete", "InProgress"):
        return
    job["looks"] += 1
    job |= {"state": "InProgress", "systemModstamp": wire_time(org.rows.now())}
    job |= dict.fromkeys(_COUNTERS, 0) | {"numberRecordsProcessed": 0}
    if "rows" not in job:
        job["numberRecordsFailed"] = 0
    if "bulk-delay" in org.vices and job["looks"] <= LOOKS_BEFORE_DONE:
        return
    failure = "InternalServerError : the job came to nothing" if "bulk-failed" in org.vices else job.get("failure")
    if failure:
        job |= {"state": "Failed", "errorMessage": failure}
        return
    done = job["rows"] if "rows" in job else job["done"]
    job |= {"state": "JobComplete", "numberRecordsProcessed": len(done)}
    if "rows" not in job:
        job["numberRecordsFailed"] = sum(1 for result in done if result["error"])


def change(org: Org, call: Call) -> Response:
    """`PATCH /jobs/query/{id}`: abort it."""
    job = found(org, call)
    if call.record().get("state") != "Aborted" or job["state"] in ("JobComplete", "Failed", "Aborted"):
        raise ApiError(400, "INVALIDJOBSTATE", f"a job that is {job['state']} cannot become that")
    job["state"] = "Aborted"
    return answer(200, shown(job))


def remove(org: Org, call: Call) -> Response:
    """`DELETE /jobs/{sort}/{id}`: only one that has ended."""
    job = found(org, call)
    if job["state"] not in ("JobComplete", "Failed", "Aborted"):
        raise ApiError(400, "INVALIDJOBSTATE", f"a job that is {job['state']} cannot be deleted")
    del org.jobs[job["id"]]
    return answer(204)


def listed(org: Org, call: Call) -> Response:
    """`GET /jobs/{sort}`."""
    records = [shown(j) for j in org.jobs.values() if ("rows" in j) is (call.parts[1] == "query")]
    return answer(200, {"done": True, "nextRecordsUrl": None, "records": records})


def table(job: Job, rows: Sequence[Sequence[str]]) -> str:
    """Rows as the job's format writes them: every value in quotes."""
    made = io.StringIO()
    form = {"delimiter": DELIMITERS[job["columnDelimiter"]], "lineterminator": ENDINGS[job["lineEnding"]]}
    csv.writer(made, quoting=csv.QUOTE_ALL, **form).writerows(rows)  # type: ignore[arg-type]
    return made.getvalue()


def csv_answer(text: str, headers: Mapping[str, str] | None = None) -> Response:
    """An answer that is a table."""
    return Response(200, {"content-type": "text/csv", **(headers or {})}, text.encode())
