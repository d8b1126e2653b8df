"""The endpoints of a user's identities: addresses to be reached at, of which one e-mail address is the primary."""

from __future__ import annotations

from typing import Any

from tieline.sandbox import Answer
from tieline_zendesk.sandbox import people
from tieline_zendesk.sandbox.call import Call
from tieline_zendesk.sandbox.pages import listed
from tieline_zendesk.sandbox.users import alive
from tieline_zendesk.sandbox.wire import Flaw, Invalid, Row, iso, not_found

TYPES = ("email", "twitter", "facebook", "google", "phone_number", "agent_forwarding", "any_channel", "foreign", "sdk")
"""Types of identities [spec]."""


def shown(call: Call, user: Row, row: Row) -> dict[str, Any]:
    """An identity as the API shows it [rec]."""
    body: dict[str, Any] = {
        "url": call.url(f"users/{user['id']}/identities/{row['id']}"),
        "id": row["id"],
        "user_id": user["id"],
        "type": row["type"],
        "value": row["value"],
        "verified": row["verified"],
        "primary": row["primary"],
        "created_at": iso(row["created_at"]),
        "updated_at": iso(row["updated_at"]),
    }
    if row["type"] == "email":
        state = "reserved_example" if row["value"].endswith(".example") else "deliverable"
        body.update(undeliverable_count=0, deliverable_state=state)
    return body


def _row(call: Call, user: Row) -> Row:
    row: Row | None = next((row for row in user["identities"] if row["id"] == call.id(1)), None)
    if row is None:
        raise not_found()
    return row


def _all(call: Call, user: Row) -> Answer:
    return listed(call, "identities", user["identities"], lambda row: shown(call, user, row))


def identities(call: Call) -> Answer:
    """All of a user's."""
    return _all(call, alive(call, call.id()))


def identity(call: Call) -> Answer:
    """One of them."""
    user = alive(call, call.id())
    return Answer(200, {"identity": shown(call, user, _row(call, user))})


def create(call: Call) -> Answer:
    """One more; an address that the user has already is another record's as well [memory]."""
    user, given = alive(call, call.id()), call.one("identity")
    kind, value = given.get("type"), given.get("value")
    try:
        if kind not in TYPES:
            raise Invalid([Flaw("type", "Type: is invalid", "InvalidValue")])
        if not value:
            raise Invalid([Flaw("value", "Value: cannot be blank", "BlankValue")])
        if kind == "email":
            value = people.check_email(call.state, value, None, "value")
    except Invalid as wrong:
        raise wrong.refusal() from None
    first = kind == "email" and people.email_of(user) is None
    row = call.state.add_identity(user, kind, str(value), call.now, primary=first, verified=bool(given.get("verified")))
    if given.get("primary"):
        _first(user, row, call.now)
    call.state.users.change(user, call.now, {})
    location = call.url(f"users/{user['id']}/identities/{row['id']}")
    return Answer(201, {"identity": shown(call, user, row)}, {"location": location})


def update(call: Call) -> Answer:
    """Say that it is verified, or correct an address."""
    user, given = alive(call, call.id()), call.one("identity")
    row = _row(call, user)
    if given.get("value") and row["type"] == "email" and given["value"].casefold() != row["value"].casefold():
        try:
            value = people.check_email(call.state, given["value"], None, "value")
        except Invalid as wrong:
            raise wrong.refusal() from None
        del call.state.emails[row["value"].casefold()]
        row["value"] = value
        call.state.emails[value.casefold()] = user["id"]
    row.update(verified=bool(given.get("verified", row["verified"])), updated_at=call.now)
    call.state.users.change(user, call.now, {})
    return Answer(200, {"identity": shown(call, user, row)})


def make_primary(call: Call) -> Answer:
    """Make it the one that `email` shows; all of the user's identities are answered [spec]."""
    user = alive(call, call.id())
    _first(user, _row(call, user), call.now)
    call.state.users.change(user, call.now, {})
    return _all(call, user)


def verify(call: Call) -> Answer:
    """Say that it is verified."""
    user = alive(call, call.id())
    row = _row(call, user)
    row.update(verified=True, updated_at=call.now)
    return Answer(200, {"identity": shown(call, user, row)})


def delete(call: Call) -> Answer:
    """Take it away; the next address becomes the primary one."""
    user = alive(call, call.id())
    row = _row(call, user)
    user["identities"].remove(row)
    if row["type"] == "email":
        call.state.emails.pop(row["value"].casefold(), None)
        following = next((one for one in user["identities"] if one["type"] == "email"), None)
        if row["primary"] and following is not None:
            following["primary"] = True
    call.state.users.change(user, call.now, {})
    return Answer(204)


def _first(user: Row, chosen: Row, now: int) -> None:
    for row in user["identities"]:
        if row["type"] == chosen["type"]:
            row["primary"] = row is chosen
    chosen["updated_at"] = now
