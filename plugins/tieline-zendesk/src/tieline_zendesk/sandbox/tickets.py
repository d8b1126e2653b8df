"""Tickets and their comments: rules and endpoints, as far as a ticket is opened, answered, changed and deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic_core import to_json

from tieline.sandbox import Answer
from tieline_zendesk.sandbox import people
from tieline_zendesk.sandbox.call import Call
from tieline_zendesk.sandbox.pages import listed, whole
from tieline_zendesk.sandbox.state import State
from tieline_zendesk.sandbox.wire import HOUR_MS, Flaw, Invalid, Row, iso, missing, moment, not_found, refuse

STATUSES: Final = ("new", "open", "pending", "hold", "solved", "closed")
TYPES: Final = ("problem", "incident", "question", "task")
PRIORITIES: Final = ("urgent", "high", "normal", "low")
REMEMBERED_MS = 2 * HOUR_MS
"""How long the key of a creation is known [doc]."""
_WORDS: Mapping[str, tuple[str, ...]] = {"status": STATUSES, "type": TYPES, "priority": PRIORITIES}


# -- rules


def make(state: State, given: Mapping[str, Any], now: int, author: int) -> Row:
    """A new ticket with its first comment. Raises Invalid."""
    comment = given.get("comment")
    body = comment.get("body") or comment.get("html_body") if isinstance(comment, Mapping) else comment
    body = body or given.get("description")
    if not body:
        raise Invalid([Flaw("base", "Description: cannot be blank", "BlankValue")])
    row: Row = {"id": 0, "status": "new", "comments": [], "tags": [], "created_at": now, "updated_at": now}
    row.update(dict.fromkeys(("external_id", "type", "priority", "due_at", "assignee_id", "organization_id")))
    row.update(subject=str(given.get("subject") or body)[:150], description=str(body), custom_fields=[])
    row.update(_clean(state, row, given, now))
    row["requester_id"] = _requester(state, given, now, author)
    if row["organization_id"] is None:
        row["organization_id"] = people.organization_of(state.users.rows[row["requester_id"]])
    row.update(id=state.tickets.take_id(), submitter_id=author)
    state.tickets.add(row)
    public = bool(comment.get("public", True)) if isinstance(comment, Mapping) else True
    _say(state, row, str(body), public, row["requester_id"], now)
    return row


def change(state: State, row: Row, given: Mapping[str, Any], now: int, author: int) -> None:
    """Change a ticket; `comment` adds one. A closed ticket cannot be changed [doc]. Raises Invalid."""
    if row["status"] == "closed":
        raise Invalid([Flaw("status", "Status: closed prevents ticket update", "InvalidValue")])
    changes = _clean(state, row, given, now)
    comment = given.get("comment")
    if isinstance(comment, Mapping):
        body = str(comment.get("body") or comment.get("html_body") or "")
        _say(state, row, body, bool(comment.get("public", True)), int(comment.get("author_id") or author), now)
    state.tickets.change(row, now, changes)


def _clean(state: State, row: Row, given: Mapping[str, Any], now: int) -> Row:
    changes: Row = {}
    flaws = []
    for name, words in _WORDS.items():
        if name in given:
            changes[name] = given[name]
            if given[name] is not None and given[name] not in words:
                text = f"{name.capitalize()}: {given[name]} is not valid"
                flaws.append(Flaw(name, text, "InvalidValue"))
    if "external_id" in given:
        changes["external_id"] = None if given["external_id"] in (None, "") else str(given["external_id"])
    if "subject" in given:
        changes["subject"] = str(given["subject"] or "")[:150]
    if isinstance(given.get("tags"), list):
        changes["tags"] = sorted({str(tag).lower().replace(" ", "_") for tag in given["tags"]})
    if isinstance(given.get("custom_fields"), list):
        changes["custom_fields"] = list(given["custom_fields"])
    if "due_at" in given and changes.get("type", row["type"]) == "task":  # others have none [spec]
        changes["due_at"] = moment(given["due_at"])
    for name, table in (("assignee_id", state.users), ("organization_id", state.organizations)):
        if name in given:
            changes[name] = given[name]
            if given[name] is not None and given[name] not in table.rows:
                flaws.append(Flaw(name, f"{name.removesuffix('_id').capitalize()}: is invalid", "InvalidValue"))
    if given.get("assignee_email"):
        changes["assignee_id"] = state.emails.get(str(given["assignee_email"]).casefold())
    if flaws:
        raise Invalid(flaws)
    if changes.get("assignee_id") and changes.get("status", row["status"]) == "new":
        changes["status"] = "open"
    return changes


def _requester(state: State, given: Mapping[str, Any], now: int, author: int) -> int:
    """Who asks: by id, or by address, in which case a user is made where there is none [spec]."""
    if given.get("requester_id") is not None:
        user = state.users.rows.get(given["requester_id"])
        if user is None or not user["active"]:
            raise Invalid([Flaw("requester", "Requester: is invalid", "InvalidValue")])
        return int(user["id"])
    who = given.get("requester")
    if not isinstance(who, Mapping) or not who.get("email"):
        return author
    known = state.emails.get(str(who["email"]).casefold())
    if known is not None:
        return known
    fresh = {"name": who.get("name") or who["email"], "email": who["email"]}
    return int(people.create(state, fresh, now)["id"])


def _say(state: State, row: Row, body: str, public: bool, author: int, now: int) -> None:
    key = state.part_id()
    row["comments"].append({"id": key, "body": body, "public": public, "author_id": author, "created_at": now})


# -- shapes


def shown(call: Call, row: Row) -> dict[str, Any]:
    """A ticket as the API shows it [cap]."""
    lists = ("collaborator_ids", "follower_ids", "email_cc_ids", "sharing_agreement_ids", "followup_ids")
    nulls = ("recipient", "group_id", "forum_topic_id", "problem_id", "brand_id", "ticket_form_id")
    return {
        "url": call.url(f"tickets/{row['id']}"),
        "id": row["id"],
        "external_id": row["external_id"],
        "via": {"channel": "api", "source": {"from": {}, "to": {}, "rel": None}},
        "created_at": iso(row["created_at"]),
        "updated_at": iso(row["updated_at"]),
        "generated_timestamp": row["updated_at"] // 1000,
        "type": row["type"],
        "subject": row["subject"],
        "raw_subject": row["subject"],
        "description": row["description"],
        "priority": row["priority"],
        "status": row["status"],
        "requester_id": row["requester_id"],
        "submitter_id": row["submitter_id"],
        "assignee_id": row["assignee_id"],
        "organization_id": row["organization_id"],
        "has_incidents": False,
        "is_public": any(comment["public"] for comment in row["comments"]),
        "due_at": None if row["due_at"] is None else iso(row["due_at"]),
        "tags": list(row["tags"]),
        "custom_fields": list(row["custom_fields"]),
        "fields": list(row["custom_fields"]),
        "satisfaction_rating": {"score": "unoffered"},
        "custom_status_id": STATUSES.index(row["status"]) + 1 if row["status"] in STATUSES else None,
        "encoded_id": f"NB{row['id']:06X}-TL01",
        "allow_channelback": False,
        "allow_attachments": True,
        "from_messaging_channel": False,
        **{name: [] for name in lists},
        **dict.fromkeys(nulls),
    }


def _comment(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "type": "Comment",
        "author_id": row["author_id"],
        "body": row["body"],
        "html_body": f'<div class="zd-comment"><p>{row["body"]}</p></div>',
        "plain_body": row["body"],
        "public": row["public"],
        "attachments": [],
        "audit_id": row["id"] + 1,
        "via": {"channel": "api", "source": {"from": {}, "to": {}, "rel": None}},
        "created_at": iso(row["created_at"]),
        "metadata": {"system": {}, "custom": {}},
    }


def _answer(call: Call, row: Row, status: int = 200) -> Answer:
    """A ticket with the audit of what was just done [rec]."""
    audit = {"id": call.state.part_id(), "ticket_id": row["id"], "created_at": iso(call.now), "author_id": call.who}
    audit.update(metadata={"system": {}, "custom": {}}, events=[], via=shown(call, row)["via"])
    headers = {"location": call.url(f"tickets/{row['id']}")} if status == 201 else {}
    return Answer(status, {"ticket": shown(call, row), "audit": audit}, headers)


# -- endpoints


def _row(call: Call) -> Row:
    row = call.state.tickets.rows.get(call.id())
    if row is None or row["status"] == "deleted":
        raise not_found()
    return row


def _author(call: Call) -> int:
    return call.state.admin if call.who is None else call.who


def list_tickets(call: Call) -> Answer:
    """All that are not deleted; `external_id` names one or more, as it need not be unique [spec]."""
    rows = [row for row in call.state.tickets if row["status"] != "deleted"]
    if call.has("external_id"):
        rows = [row for row in rows if row["external_id"] == call.param("external_id")]
    return listed(call, "tickets", rows, lambda row: shown(call, row))


def of_user(call: Call) -> Answer:
    """What a user has asked."""
    key = call.id()
    rows = [row for row in call.state.tickets if row["requester_id"] == key and row["status"] != "deleted"]
    return listed(call, "tickets", rows, lambda row: shown(call, row))


def show(call: Call) -> Answer:
    """One."""
    return Answer(200, {"ticket": shown(call, _row(call))})


def show_many(call: Call) -> Answer:
    """Several by id."""
    if not call.has("ids"):
        raise missing("ids")
    found = [call.state.tickets.rows.get(int(key)) for key in call.many("ids") if key.isdigit()]
    rows = [shown(call, row) for row in found if row is not None and row["status"] != "deleted"]
    return whole("tickets", rows)


def create(call: Call) -> Answer:
    """A new one; under an `Idempotency-Key` once in two hours, the same answer again [doc]."""
    key, given = call.header("idempotency-key"), call.one("ticket")
    asked = to_json(given).decode()
    if key:
        kept = call.state.idempotent.get(key)
        if kept is not None and kept["at"] > call.now - REMEMBERED_MS:
            if kept["asked"] != asked:
                text = "The request parameters differ from those that the key was first used with"
                raise refuse(400, "IdempotentRequestError", text)
            row = call.state.tickets.rows[kept["id"]]
            again = _answer(call, row, 201)
            again.headers["x-idempotency-lookup"] = "hit"
            return again
    try:
        row = make(call.state, given, call.now, _author(call))
    except Invalid as wrong:
        raise wrong.refusal() from None
    made = _answer(call, row, 201)
    if key:
        call.state.idempotent[key] = {"at": call.now, "asked": asked, "id": row["id"]}
        made.headers["x-idempotency-lookup"] = "miss"
    return made


def update(call: Call) -> Answer:
    """Change one, or add a comment."""
    row = _row(call)
    try:
        change(call.state, row, call.one("ticket"), call.now, _author(call))
    except Invalid as wrong:
        raise wrong.refusal() from None
    return _answer(call, row)


def delete(call: Call) -> Answer:
    """204; it is still in the incremental export, with the status `deleted` [doc]."""
    call.state.tickets.change(_row(call), call.now, {"status": "deleted"})
    return Answer(204)


def comments(call: Call) -> Answer:
    """What was said."""
    return listed(call, "comments", _row(call)["comments"], _comment)


def tags(call: Call) -> Answer:
    """Show, replace (POST), add to (PUT) or take away (DELETE) the tags [spec]."""
    row = _row(call)
    if call.request.method != "GET":
        sent = {str(tag).lower() for tag in call.json().get("tags") or ()}
        now = set(row["tags"])
        kept = {"POST": sent, "PUT": now | sent, "DELETE": now - sent}[call.request.method]
        call.state.tickets.change(row, call.now, {"tags": sorted(kept)})
    return Answer(201 if call.request.method == "POST" else 200, {"tags": list(row["tags"])})


def count(call: Call) -> Answer:
    """How many there are."""
    many = sum(row["status"] != "deleted" for row in call.state.tickets)
    return Answer(200, {"count": {"value": many, "refreshed_at": iso(call.now)}})
