"""Organizations: their rules and their endpoints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tieline.sandbox import Answer
from tieline_zendesk.sandbox import people
from tieline_zendesk.sandbox.call import Call
from tieline_zendesk.sandbox.fields import blank, taken_in
from tieline_zendesk.sandbox.pages import listed, named, whole
from tieline_zendesk.sandbox.state import State
from tieline_zendesk.sandbox.wire import Flaw, Invalid, Row, iso, not_found, refuse, taken

PLAIN = ("details", "notes", "group_id", "shared_tickets", "shared_comments")
KNOWN = frozenset((*PLAIN, "id", "name", "external_id", "domain_names", "tags", "organization_fields"))
"""What may be sent."""


def shown(call: Call, row: Row) -> dict[str, Any]:
    """An organization as the API shows it [rec]."""
    return {
        "url": call.url(f"organizations/{row['id']}"),
        "id": row["id"],
        "name": row["name"],
        "shared_tickets": row["shared_tickets"],
        "shared_comments": row["shared_comments"],
        "external_id": row["external_id"],
        "created_at": iso(row["created_at"]),
        "updated_at": iso(row["updated_at"]),
        "domain_names": list(row["domain_names"]),
        "details": row["details"],
        "notes": row["notes"],
        "group_id": row["group_id"],
        "tags": list(row["tags"]),
        "organization_fields": {**blank(call.state.organization_fields), **row["fields"]},
    }


# -- rules


def blank_organization(key: int, now: int) -> Row:
    """An organization of which nothing is known."""
    lists: Row = {"domain_names": [], "tags": [], "fields": {}}
    flags = {"shared_tickets": False, "shared_comments": False}
    texts = dict.fromkeys(("external_id", "details", "notes", "group_id"))
    return {"id": key, "name": "", **flags, **texts, **lists, "created_at": now, "updated_at": now}


def make(state: State, given: Mapping[str, Any], now: int) -> Row:
    """A new organization. Raises Invalid."""
    row = blank_organization(0, now)
    row.update(_clean(state, row, {"name": "", **given}))
    row["id"] = state.organizations.take_id()
    return state.organizations.add(row)


def change(state: State, row: Row, given: Mapping[str, Any], now: int) -> None:
    """Change one; lists are replaced whole. Raises Invalid."""
    state.organizations.change(row, now, _clean(state, row, given))


def remove(state: State, row: Row, now: int) -> None:
    """Gone for good; its users stay, without it [rec]."""
    for user in state.users:
        for member in [one for one in user["memberships"] if one["organization_id"] == row["id"]]:
            people.leave(state, user, member, now)
    state.organizations.drop(row)


def _clean(state: State, row: Row, given: Mapping[str, Any]) -> Row:
    changes: Row = {name: given[name] for name in PLAIN if name in given}
    flaws = []
    if "name" in given:
        changes["name"] = str(given["name"] or "").strip()
        other = state.organizations.find("name", changes["name"])
        if not changes["name"]:
            flaws.append(Flaw("name", "Name: cannot be blank", "BlankValue"))
        elif other is not None and other is not row:
            flaws.append(taken("name", "Name", changes["name"]))
    if "external_id" in given:
        changes["external_id"] = None if given["external_id"] in (None, "") else str(given["external_id"])
        other = state.organizations.find("external_id", changes["external_id"]) if changes["external_id"] else None
        if other is not None and other is not row:
            flaws.append(taken("external_id", "External", changes["external_id"]))
    for name in ("domain_names", "tags"):
        if name in given:
            parts = [str(one).strip().lower() for one in _parts(given[name]) if str(one).strip()]
            changes[name] = sorted(set(parts)) if name == "tags" else list(dict.fromkeys(parts))
    for name in ("details", "notes"):
        if changes.get(name) == "":
            changes[name] = None
    try:
        values = taken_in(state.organization_fields, given.get("organization_fields"))
        changes["fields"] = {**row["fields"], **values}
    except Invalid as wrong:
        flaws += wrong.flaws
    if flaws:
        raise Invalid(flaws)
    return changes


def _parts(value: Any) -> list[Any]:
    return value if isinstance(value, list) else str(value or "").split()


# -- endpoints


def row_of(call: Call, key: Any) -> Row:
    """An organization by id; a 404 otherwise."""
    row = call.state.organizations.rows.get(int(key)) if str(key).isdigit() else None
    if row is None:
        raise not_found()
    return row


def _answer(call: Call, row: Row, status: int = 200) -> Answer:
    headers = {"location": call.url(f"organizations/{row['id']}")} if status == 201 else {}
    return Answer(status, {"organization": shown(call, row)}, headers)


def _note_unknown(call: Call, given: Mapping[str, Any]) -> None:
    call.warnings += [name for name in given if name not in KNOWN]


def hits(call: Call, rows: list[Row]) -> Answer:
    """Several, in pages."""
    return listed(call, "organizations", rows, lambda row: shown(call, row))


def list_organizations(call: Call) -> Answer:
    """All of them."""
    return hits(call, call.state.organizations.by_id())


def show(call: Call) -> Answer:
    """One."""
    return _answer(call, row_of(call, call.id()))


def create(call: Call) -> Answer:
    """A new one."""
    given = call.one("organization")
    _note_unknown(call, given)
    try:
        return _answer(call, make(call.state, given, call.now), 201)
    except Invalid as wrong:
        raise wrong.refusal() from None


def update(call: Call) -> Answer:
    """Change one."""
    row, given = row_of(call, call.id()), call.one("organization")
    _note_unknown(call, given)
    try:
        change(call.state, row, given, call.now)
    except Invalid as wrong:
        raise wrong.refusal() from None
    return _answer(call, row)


def create_or_update(call: Call) -> Answer:
    """Matched by id or external id, never by name [spec]."""
    given = call.one("organization")
    row = call.state.organizations.rows.get(int(given["id"])) if str(given.get("id")).isdigit() else None
    if row is None and given.get("external_id"):
        row = call.state.organizations.find("external_id", given["external_id"])
    try:
        if row is None:
            return _answer(call, make(call.state, given, call.now), 201)
        change(call.state, row, given, call.now)
    except Invalid as wrong:
        raise wrong.refusal() from None
    return _answer(call, row)


def delete(call: Call) -> Answer:
    """204; asked again a 404 [rec]."""
    remove(call.state, row_of(call, call.id()), call.now)
    return Answer(204)


def show_many(call: Call) -> Answer:
    """Several by id or external id, at most 100, unknown ones left out [rec]."""
    return whole("organizations", [shown(call, row) for row in named(call, call.state.organizations)])


def count(call: Call) -> Answer:
    """How many there are."""
    return Answer(200, {"count": {"value": len(call.state.organizations.rows), "refreshed_at": iso(call.now)}})


def related(call: Call) -> Answer:
    """What hangs on one."""
    row = row_of(call, call.id())
    users = sum(one["organization_id"] == row["id"] for _, one in call.state.memberships())
    tickets = sum(ticket["organization_id"] == row["id"] for ticket in call.state.tickets)
    return Answer(200, {"organization_related": {"tickets_count": tickets, "users_count": users}})


def of_user(call: Call) -> Answer:
    """The organizations of a user."""
    user = call.state.users.rows.get(call.id())
    if user is None:
        raise not_found()
    return hits(call, [call.state.organizations.rows[one["organization_id"]] for one in user["memberships"]])


def merge(call: Call) -> Answer:
    """The one in the path goes into the winner; told by an id to ask again with [spec]."""
    loser, given = row_of(call, call.id()), call.one("organization_merge")
    winner = row_of(call, given.get("winner_id"))
    if winner is loser:
        raise refuse(422, "RecordInvalid", "An organization cannot be merged with itself")
    fuse(call.state, loser, winner, call.now)
    key = f"{call.state.count('merges'):026d}"
    call.state.merges[key] = {"loser_id": loser["id"], "winner_id": winner["id"], "status": "new"}
    return Answer(200, {"organization_merge": _merge(call, key)})


def merge_status(call: Call) -> Answer:
    """How far a merge is."""
    key = call.request.path.rstrip("/").rpartition("/")[2].removesuffix(".json")
    if key not in call.state.merges:
        raise not_found()
    call.state.merges[key]["status"] = "complete"
    return Answer(200, {"organization_merge": _merge(call, key)})


def _merge(call: Call, key: str) -> dict[str, Any]:
    return {"id": key, "url": call.url(f"organization_merges/{key}"), **call.state.merges[key]}


def fuse(state: State, loser: Row, winner: Row, now: int) -> None:
    """The loser's users, tickets and domains go to the winner; the loser is gone."""
    for user in state.users:
        for row in user["memberships"]:
            if row["organization_id"] == loser["id"]:
                twin = any(one["organization_id"] == winner["id"] for one in user["memberships"])
                if not twin:
                    row["organization_id"] = winner["id"]
                    state.users.change(user, now, {})
    for ticket in state.tickets:
        if ticket["organization_id"] == loser["id"]:
            state.tickets.change(ticket, now, {"organization_id": winner["id"]})
    domains = sorted({*winner["domain_names"], *loser["domain_names"]})
    remove(state, loser, now)
    state.organizations.change(winner, now, {"domain_names": domains})
