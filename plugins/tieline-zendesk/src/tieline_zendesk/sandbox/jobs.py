"""Bulk calls: each becomes a job that is done behind the answer. Decides when, and what its results say.

A job is done before the next request is looked at; under `job-delay` seconds later, by halves; under `job-stuck` some
stop half way for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

from tieline.sandbox import Answer
from tieline_zendesk.sandbox import memberships, organizations, people, tickets, users
from tieline_zendesk.sandbox.call import MOST, Call, too_many
from tieline_zendesk.sandbox.pages import whole
from tieline_zendesk.sandbox.state import State
from tieline_zendesk.sandbox.wire import DAY_MS, Invalid, Row, iso, missing, not_found, refuse

AT_ONCE = 30
"""Jobs that may be queued or running [doc]."""
START_MS, DONE_MS = 2_000, 4_000
"""Under `job-delay`: when a job begins, and when it is done, after it was asked for."""
STUCK_EVERY = 3
FAILING = 7
"""Under the vice `partial-batch` every item of this count fails."""
QUEUED, WORKING, COMPLETED = "queued", "working", "completed"
_DOING = {"create": "Creating", "update": "Updating", "delete": "Deleting", "upsert": "Updating"}
_DID = {"create": "Created", "update": "Updated", "delete": "Deleted"}


# -- asking for one


def _queue(call: Call, what: str, op: str, items: list[Any]) -> Answer:
    if not items:
        raise missing(f"{what}s")
    running = [job for job in call.state.jobs.values() if job["status"] in (QUEUED, WORKING)]
    if len(running) >= AT_ONCE:
        raise refuse(429, "TooManyJobs", "Too many jobs are queued or running. Try again later.", {"retry-after": "5"})
    number = call.state.count("jobs")
    key = f"V3-{sha256(f'job {number}'.encode()).hexdigest()[:32]}"
    delay = "job-delay" in call.vices
    job: Row = {"id": key, "what": what, "op": op, "items": items, "results": [], "status": QUEUED, "asked": call.now}
    job.update(start=call.now + START_MS * delay, due=call.now + DONE_MS * delay, ended=None)
    job["stuck"] = "job-stuck" in call.vices and number % STUCK_EVERY == 0
    call.state.jobs[key] = job
    return Answer(200, {"job_status": shown(call, job)})


def create_users(call: Call) -> Answer:
    """Up to 100 new users."""
    return _queue(call, "user", "create", call.rows("users"))


def upsert_users(call: Call) -> Answer:
    """Up to 100 users, new or changed."""
    return _queue(call, "user", "upsert", call.rows("users"))


def update_users(call: Call) -> Answer:
    """Up to 100 users: each its own change, or one change for those that `ids` names."""
    return _queue(call, "user", "update", _changes(call, "user"))


def create_organizations(call: Call) -> Answer:
    """Up to 100 new organizations."""
    return _queue(call, "organization", "create", call.rows("organizations"))


def update_organizations(call: Call) -> Answer:
    """Up to 100 organizations."""
    return _queue(call, "organization", "update", _changes(call, "organization"))


def create_memberships(call: Call) -> Answer:
    """Up to 100 new memberships."""
    return _queue(call, "organization_membership", "create", call.rows("organization_memberships"))


def create_tickets(call: Call) -> Answer:
    """Up to 100 new tickets."""
    return _queue(call, "ticket", "create", call.rows("tickets"))


def update_tickets(call: Call) -> Answer:
    """Up to 100 tickets."""
    return _queue(call, "ticket", "update", _changes(call, "ticket"))


def destroy(call: Call) -> Answer:
    """Delete up to 100, named by `ids` or `external_ids`."""
    what = call.request.path.split("/")[3].removesuffix("s")
    name = "ids" if call.has("ids") else "external_ids"
    return _queue(call, what, "delete", [_named(name, key) for key in call.many(name)])


def _named(name: str, key: str) -> Row:
    if name == "ids":
        return {"id": int(key) if key.isdigit() else key}
    return {"external_id": key}


def _changes(call: Call, what: str) -> list[Any]:
    body = call.json()
    if isinstance(body.get(what), dict):
        name = "ids" if call.has("ids") else "external_ids"
        return [{**body[what], **_named(name, key)} for key in call.many(name)]
    rows = call.rows(f"{what}s")
    if len(rows) > MOST:
        raise too_many(f"{what}s")
    return rows


# -- asking after one


def show(call: Call) -> Answer:
    """How far it is; forgotten after a day [doc]."""
    return Answer(200, {"job_status": shown(call, _job(call, call.ids[-1]))})


def list_jobs(call: Call) -> Answer:
    """The last ones, the newest first."""
    rows = [shown(call, job) for job in reversed(call.state.jobs.values())][:MOST]
    return whole("job_statuses", rows)


def show_many(call: Call) -> Answer:
    """Several by `ids`."""
    found = [call.state.jobs[key] for key in call.many("ids") if key in call.state.jobs]
    return whole("job_statuses", [shown(call, job) for job in found])


def _job(call: Call, key: str) -> Row:
    job = call.state.jobs.get(key)
    if job is None or job["asked"] < call.now - DAY_MS:
        raise not_found()
    return job


def shown(call: Call, job: Row) -> dict[str, Any]:
    """A job as the API shows it: results only when it is done [rec]."""
    at, status = len(job["results"]), job["status"]
    message = None
    if status == WORKING:
        message = f"{_DOING[job['op']]} {job['what']} #{at}"
    elif status == COMPLETED:
        message = f"Completed at {iso(job['ended'])[:19].replace('T', ' ')} +0000"
    return {
        "id": job["id"],
        "url": call.url(f"job_statuses/{job['id']}"),
        "total": len(job["items"]),
        "progress": None if status == QUEUED else at,
        "status": status,
        "message": message,
        "results": job["results"] if status == COMPLETED else None,
    }


# -- doing them


def run(state: State, now: int, vices: frozenset[str]) -> None:
    """Do what is due; called before each request."""
    for job in state.jobs.values():
        if job["status"] == COMPLETED or now < job["start"]:
            continue
        half = len(job["items"]) // 2
        ends = now >= job["due"] and not job["stuck"]
        for number in range(len(job["results"]), len(job["items"]) if ends else half):
            job["results"].append(_result(state, job, number, now, vices))
        job["status"] = COMPLETED if ends else WORKING
        job["ended"] = now if ends else None


def _result(state: State, job: Row, number: int, now: int, vices: frozenset[str]) -> Row:
    op, what, item = job["op"], job["what"], job["items"][number]
    if "partial-batch" in vices and state.count("batch_items") % FAILING == 0:
        return _failed(op, what, number, item, "DatabaseConflict", "Database collision")
    try:
        return _TASKS[what, op](state, item, number, now)
    except Invalid as wrong:
        return _failed(op, what, number, item, f"{what.capitalize()}{_VERB[op]}Error", wrong.details())
    except LookupError:
        return _failed(op, what, number, item, "NotFound", f"{what.capitalize()} not found")


_VERB = {"create": "Create", "update": "Update", "upsert": "Update", "delete": "Destroy"}


def _failed(op: str, what: str, number: int, item: Mapping[str, Any], error: str, details: str) -> Row:
    """A failed item: of a change it has the record's id [spec], otherwise its place in the request, which
    `create_or_update_many` calls `id` [doc: an answer shown by a user]."""
    if op == "create":
        return {"index": number, "error": error, "details": details, "status": "Failed"}
    if op == "upsert":
        return {"id": number, "error": error, "details": details, "status": "Failed"}
    more = {"error": error, "details": details, "status": "Failed"}
    return {"id": item.get("id"), "action": op, "success": False, **more}


def _done(op: str, key: int) -> Row:
    """A change or a deletion that went well [rec]."""
    return {"action": op, "id": key, "status": _DID[op], "success": True}


def _create_user(state: State, item: Row, number: int, now: int) -> Row:
    return {"status": "Created", "id": people.create(state, item, now)["id"]}  # [rec]


def _user(state: State, item: Row) -> Row:
    row = state.users.rows.get(item["id"]) if "id" in item else state.users.find("external_id", item["external_id"])
    if row is None or not row["active"]:
        raise LookupError
    return row


def _update_user(state: State, item: Row, number: int, now: int) -> Row:
    row = _user(state, item)
    given = {name: value for name, value in item.items() if name != "external_id" or "id" in item}
    people.update(state, row, given, now)
    return _done("update", row["id"])


def _delete_user(state: State, item: Row, number: int, now: int) -> Row:
    row = _user(state, item)
    people.delete(state, row, now)
    return _done("delete", row["id"])


def _upsert_user(state: State, item: Row, number: int, now: int) -> Row:
    row = users.matching(state, item)
    if row is None:
        row, status = people.create(state, item, now), "Created"
    else:
        people.update(state, row, item, now)
        status = "Updated"
    return {"id": row["id"], "status": status, "email": people.email_of(row), "external_id": row["external_id"]}


def _create_organization(state: State, item: Row, number: int, now: int) -> Row:
    return {"status": "Created", "id": organizations.make(state, item, now)["id"]}  # [rec]


def _organization(state: State, item: Row) -> Row:
    table = state.organizations
    row = table.rows.get(item["id"]) if "id" in item else table.find("external_id", item["external_id"])
    if row is None:
        raise LookupError
    return row


def _update_organization(state: State, item: Row, number: int, now: int) -> Row:
    row = _organization(state, item)
    organizations.change(state, row, item, now)
    return _done("update", row["id"])


def _delete_organization(state: State, item: Row, number: int, now: int) -> Row:
    row = _organization(state, item)
    organizations.remove(state, row, now)
    return _done("delete", row["id"])


def _create_membership(state: State, item: Row, number: int, now: int) -> Row:
    return {"status": "Created", "id": memberships.make(state, item, now)[1]["id"]}


def _delete_membership(state: State, item: Row, number: int, now: int) -> Row:
    for user, row in state.memberships():
        if row["id"] == item["id"]:
            people.leave(state, user, row, now)
            return _done("delete", row["id"])
    raise LookupError


def _create_ticket(state: State, item: Row, number: int, now: int) -> Row:
    return {"index": number, "id": tickets.make(state, item, now, state.admin)["id"], "account_id": 1}  # [rec]


def _ticket(state: State, item: Row) -> Row:
    row = state.tickets.rows[item["id"]]
    if row["status"] == "deleted":
        raise LookupError
    return row


def _update_ticket(state: State, item: Row, number: int, now: int) -> Row:
    row = _ticket(state, item)
    tickets.change(state, row, item, now, state.admin)
    return _done("update", row["id"])


def _delete_ticket(state: State, item: Row, number: int, now: int) -> Row:
    row = _ticket(state, item)
    state.tickets.change(row, now, {"status": "deleted"})
    return _done("delete", row["id"])


_TASKS: Mapping[tuple[str, str], Callable[[State, Row, int, int], Row]] = {
    ("user", "create"): _create_user,
    ("user", "update"): _update_user,
    ("user", "delete"): _delete_user,
    ("user", "upsert"): _upsert_user,
    ("organization", "create"): _create_organization,
    ("organization", "update"): _update_organization,
    ("organization", "delete"): _delete_organization,
    ("organization_membership", "create"): _create_membership,
    ("organization_membership", "delete"): _delete_membership,
    ("ticket", "create"): _create_ticket,
    ("ticket", "update"): _update_ticket,
    ("ticket", "delete"): _delete_ticket,
}
