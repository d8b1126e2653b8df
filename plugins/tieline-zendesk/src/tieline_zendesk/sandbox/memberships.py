"""The endpoints of organization memberships: who belongs to which organizations, and which is the default."""

from __future__ import annotations

from typing import Any

from tieline.sandbox import Answer
from tieline_zendesk.sandbox import people
from tieline_zendesk.sandbox.call import Call
from tieline_zendesk.sandbox.pages import listed
from tieline_zendesk.sandbox.state import State
from tieline_zendesk.sandbox.users import alive
from tieline_zendesk.sandbox.wire import Flaw, Invalid, Row, iso, not_found


def shown(call: Call, user: Row, row: Row) -> dict[str, Any]:
    """A membership as the API shows it; `default` is null where it is not [spec]."""
    return {
        "url": call.url(f"organization_memberships/{row['id']}"),
        "id": row["id"],
        "user_id": user["id"],
        "organization_id": row["organization_id"],
        "default": True if row["default"] else None,
        "created_at": iso(row["created_at"]),
        "updated_at": iso(row["updated_at"]),
        "organization_name": call.state.organizations.rows[row["organization_id"]]["name"],
        "view_tickets": True,
    }


def _page(call: Call, pairs: list[tuple[Row, Row]]) -> Answer:
    rows = sorted(({**row, "user": user} for user, row in pairs), key=lambda row: row["id"])
    return listed(call, "organization_memberships", rows, lambda row: shown(call, row["user"], row))


def list_memberships(call: Call) -> Answer:
    """All, or those of one user or organization."""
    key = call.id() if call.ids else None
    path = call.request.path
    rows = [
        (user, row)
        for user, row in call.state.memberships()
        if key is None or key == (user["id"] if "/users/" in path else row["organization_id"])
    ]
    return _page(call, rows)


def _pair(call: Call, key: int) -> tuple[Row, Row]:
    found = next((pair for pair in call.state.memberships() if pair[1]["id"] == key), None)
    if found is None:
        raise not_found()
    return found


def show(call: Call) -> Answer:
    """One of them."""
    return Answer(200, {"organization_membership": shown(call, *_pair(call, call.id(-1)))})


def make(state: State, given: dict[str, Any], now: int) -> tuple[Row, Row]:
    """A new membership: the user's first one is the default. Raises Invalid."""
    user = state.users.rows.get(_number(given.get("user_id")))
    home = state.organizations.rows.get(_number(given.get("organization_id")))
    if user is None or not user["active"]:
        raise Invalid([Flaw("user_id", "User: cannot be blank", "BlankValue")])
    if home is None:
        raise Invalid([Flaw("organization_id", "Organization: cannot be blank", "BlankValue")])
    if any(row["organization_id"] == home["id"] for row in user["memberships"]):
        raise Invalid([Flaw("user_id", "User: has already been taken", "DuplicateValue")])
    default = not user["memberships"]
    row = state.add_membership(user, home["id"], now, default=default)
    if given.get("default") and not default:
        _prefer(state, user, row, now)
    elif default:
        state.users.change(user, now, {})
    return user, row


def create(call: Call) -> Answer:
    """A new one."""
    try:
        user, row = make(call.state, call.one("organization_membership"), call.now)
    except Invalid as wrong:
        raise wrong.refusal() from None
    location = call.url(f"organization_memberships/{row['id']}")
    return Answer(201, {"organization_membership": shown(call, user, row)}, {"location": location})


def delete(call: Call) -> Answer:
    """End one."""
    user, row = _pair(call, call.id(-1))
    people.leave(call.state, user, row, call.now)
    return Answer(204)


def end(call: Call) -> Answer:
    """End the membership of a user in an organization."""
    user, row = _named(call)
    people.leave(call.state, user, row, call.now)
    return Answer(204)


def make_default(call: Call) -> Answer:
    """Make it the user's default one; all of the user's are answered [spec]."""
    user, row = _named(call)
    _prefer(call.state, user, row, call.now)
    return _page(call, [(user, one) for one in user["memberships"]])


def _named(call: Call) -> tuple[Row, Row]:
    """By user and organization, or by user and membership, as the path says."""
    user = alive(call, call.id())
    name = "organization_id" if "/organizations/" in call.request.path else "id"
    row = next((one for one in user["memberships"] if one[name] == call.id(1)), None)
    if row is None:
        raise not_found()
    return user, row


def _prefer(state: State, user: Row, row: Row, now: int) -> None:
    for one in user["memberships"]:
        one["default"] = one is row
    state.users.change(user, now, {})


def _number(value: Any) -> int:
    return int(value) if str(value).isdigit() else -1
