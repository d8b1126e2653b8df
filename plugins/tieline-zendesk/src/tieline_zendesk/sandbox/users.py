"""The endpoints of users: one at a time, several by name, and what becomes of deleted ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tieline.sandbox import Answer
from tieline_zendesk.sandbox import people
from tieline_zendesk.sandbox.call import Call
from tieline_zendesk.sandbox.fields import blank
from tieline_zendesk.sandbox.pages import by_offset, listed, named, whole
from tieline_zendesk.sandbox.state import State
from tieline_zendesk.sandbox.wire import Invalid, Row, bad, iso, missing, not_found, refuse

_NOBODY = {"id": None, "url": None, "name": "Anonymous user", "email": "invalid@example.com", "role": "end-user"}


def shown(call: Call, user: Row) -> dict[str, Any]:
    """A user as the API shows it [cap]."""
    staff = user["role"] != "end-user"
    return {
        "id": user["id"],
        "url": call.url(f"users/{user['id']}"),
        "name": user["name"],
        "email": people.email_of(user),
        "created_at": iso(user["created_at"]),
        "updated_at": iso(user["updated_at"]),
        "time_zone": user["time_zone"],
        "iana_time_zone": "Europe/Berlin",
        "phone": user["phone"],
        "shared_phone_number": user["shared_phone_number"],
        "photo": None,
        "locale_id": user["locale_id"],
        "locale": user["locale"],
        "organization_id": people.organization_of(user),
        "role": user["role"],
        "verified": user["verified"],
        "external_id": user["external_id"],
        "tags": list(user["tags"]),
        "alias": user["alias"],
        "active": user["active"],
        "shared": False,
        "shared_agent": False,
        "last_login_at": user["last_login_at"],
        "two_factor_auth_enabled": None,
        "signature": user["signature"],
        "details": user["details"],
        "notes": user["notes"],
        "role_type": 4 if user["role"] == "admin" else 0 if staff else None,
        "custom_role_id": None,
        "moderator": staff,
        "ticket_restriction": None if staff else "requested",
        "only_private_comments": False,
        "restricted_agent": not staff,
        "suspended": bool(user["suspended"]),
        "default_group_id": None,
        "report_csv": staff,
        "user_fields": {**blank(call.state.user_fields), **user["fields"]},
    }


def row_of(call: Call, key: Any) -> Row:
    """A user by id, deleted or not; a 404 otherwise."""
    row = call.state.users.rows.get(int(key)) if str(key).isdigit() else None
    if row is None:
        raise not_found()
    return row


def alive(call: Call, key: Any) -> Row:
    """A user by id who is not deleted."""
    row = row_of(call, key)
    if not row["active"]:
        raise not_found()
    return row


def answer(call: Call, user: Row, status: int = 200) -> Answer:
    """One user in its wrapper; `Location` for a new one [rec]."""
    headers = {"location": call.url(f"users/{user['id']}")} if status == 201 else {}
    return Answer(status, {"user": shown(call, user)}, headers)


def note_unknown(call: Call, given: Mapping[str, Any]) -> None:
    """Remember for the answer's header which keys were left aside [rec]."""
    call.warnings += [name for name in given if name not in people.KNOWN]


# -- one


def list_users(call: Call) -> Answer:
    """Everybody who is not deleted; `role` narrows."""
    value = call.request.params.get("role[]", call.request.params.get("role", []))
    roles = value if isinstance(value, list) else [value]
    rows = [row for row in call.state.users if row["active"] and (not roles or row["role"] in roles)]
    return listed(call, "users", rows, lambda row: shown(call, row))


def show(call: Call) -> Answer:
    """A user; a deleted one is shown with `active` false."""
    return answer(call, row_of(call, call.id()))


def me(call: Call) -> Answer:
    """Who asks; without credentials a 200 for nobody [obs]."""
    if call.who is None:
        return Answer(200, {"user": dict(_NOBODY)})
    return answer(call, call.state.users.rows[call.who])


def create(call: Call) -> Answer:
    """A new user."""
    given = call.one("user")
    note_unknown(call, given)
    try:
        user = people.create(call.state, given, call.now, "domain-mapping" in call.vices)
    except Invalid as wrong:
        raise wrong.refusal() from None
    return answer(call, user, 201)


def update(call: Call) -> Answer:
    """Change a user."""
    user, given = alive(call, call.id()), call.one("user")
    note_unknown(call, given)
    try:
        people.update(call.state, user, given, call.now)
    except Invalid as wrong:
        raise wrong.refusal() from None
    return answer(call, user)


def matching(state: State, given: Mapping[str, Any]) -> Row | None:
    """The user whom `create_or_update` would change: by external id, else by any of the addresses [spec]."""
    if given.get("external_id"):
        row = state.users.find("external_id", given["external_id"])
        if row is not None:
            return row
    key = state.emails.get(str(given.get("email") or "").strip().casefold())
    return None if key is None else state.users.rows[key]


def create_or_update(call: Call) -> Answer:
    """201 for a new user, 200 for one that was there [spec]."""
    given = call.one("user")
    note_unknown(call, given)
    user = matching(call.state, given)
    try:
        if user is None:
            user, status = people.create(call.state, given, call.now, "domain-mapping" in call.vices), 201
        else:
            people.update(call.state, user, given, call.now)
            status = 200
    except Invalid as wrong:
        raise wrong.refusal() from None
    made = answer(call, user, status)
    made.headers["location"] = call.url(f"users/{user['id']}")
    return made


def delete(call: Call) -> Answer:
    """Delete softly: 200 with the user, whose `active` is false [rec]."""
    user = alive(call, call.id())
    if user["id"] == call.who:
        raise bad("Invalid attribute", "You cannot delete yourself")
    people.delete(call.state, user, call.now)
    return answer(call, user)


def merge(call: Call) -> Answer:
    """The user in the path goes into the one in the body; end users only [spec]."""
    loser, given = alive(call, call.id()), call.one("user")
    key = given.get("id")
    if key is None and given.get("email"):
        key = call.state.emails.get(str(given["email"]).casefold())
    if key is None:
        raise missing("user.id")
    winner = alive(call, key)
    if loser is winner or any(one["role"] != "end-user" for one in (loser, winner)):
        raise refuse(422, "RecordInvalid", "These users cannot be merged")
    people.merge(call.state, loser, winner, call.now)
    return answer(call, winner)


# -- several


def show_many(call: Call) -> Answer:
    """Several by id or external id, at most 100, unknown ones left out; by id also deleted ones [spec]."""
    return whole("users", [shown(call, row) for row in named(call, call.state.users)])


def count(call: Call) -> Answer:
    """How many there are."""
    many = sum(row["active"] for row in call.state.users)
    return Answer(200, {"count": {"value": many, "refreshed_at": iso(call.now)}})


def related(call: Call) -> Answer:
    """What hangs on a user."""
    user = alive(call, call.id())
    asked = sum(ticket["requester_id"] == user["id"] for ticket in call.state.tickets)
    numbers = {"assigned_tickets": 0, "requested_tickets": asked, "ccd_tickets": 0, "organization_subscriptions": 0}
    return Answer(200, {"user_related": numbers})


# -- deleted


def deleted(call: Call) -> Answer:
    """Those that are deleted, but not for good."""
    rows = [row for row in call.state.users if not row["active"]]
    return listed(call, "deleted_users", rows, lambda row: _shown_deleted(call, row))


def deleted_one(call: Call) -> Answer:
    """One of them."""
    return Answer(200, {"deleted_user": _shown_deleted(call, _gone(call))})


def purge(call: Call) -> Answer:
    """Delete for good: nothing is left to be shown."""
    user = _gone(call)
    body = {"deleted_user": _shown_deleted(call, user)}
    call.state.users.drop(user)
    return Answer(200, body)


def _gone(call: Call) -> Row:
    user = row_of(call, call.id())
    if user["active"]:
        raise not_found()
    return user


def _shown_deleted(call: Call, user: Row) -> dict[str, Any]:
    names = ("id", "name", "created_at", "updated_at", "time_zone", "phone", "shared_phone_number", "photo")
    whole = shown(call, user)
    kept = {name: whole[name] for name in (*names, "locale_id", "locale", "organization_id", "role", "active")}
    return {**kept, "url": call.url(f"deleted_users/{user['id']}"), "email": user.get("last_email")}


def organizations_users(call: Call) -> Answer:
    """The living users of an organization."""
    key = call.id()
    if key not in call.state.organizations.rows:
        raise not_found()
    rows = [user for user, row in call.state.memberships() if row["organization_id"] == key]
    return listed(call, "users", rows, lambda row: shown(call, row))


def hits(call: Call, rows: list[Row]) -> Answer:
    """Users that were found, by offset only [spec]."""
    return Answer(200, by_offset(call, "users", rows, lambda row: shown(call, row)))
