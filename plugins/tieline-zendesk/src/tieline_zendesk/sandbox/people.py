"""The rules of users: what makes one, what a change does, how one goes, how two become one. Knows no requests."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from tieline_zendesk.sandbox.fields import taken_in
from tieline_zendesk.sandbox.state import State, blank_user
from tieline_zendesk.sandbox.wire import Flaw, Invalid, Row, taken

ROLES: Final = ("end-user", "agent", "admin")
PLAIN: Final = ("alias", "details", "notes", "phone", "signature", "time_zone", "locale", "locale_id", "suspended")
"""Columns that are kept as they come."""
KNOWN: Final = frozenset(
    (*PLAIN, "id", "name", "email", "role", "verified", "external_id", "tags", "user_fields", "organization")
) | {"organization_id", "skip_verify_email", "identities", "remote_photo_url", "password", "shared_phone_number"}
"""What may be sent; the rest is left aside with a warning [rec: X-Zendesk-API-Warn]."""
_EMAIL = re.compile(r"[^@\s,;<>()]+@[^@\s,;<>()]+\.[^@\s.,;<>()]+")
_E164 = re.compile(r"\+[1-9]\d{6,14}")
_LONGEST_NAME = 255


def email_of(user: Row) -> str | None:
    """The primary address."""
    return next((str(row["value"]) for row in user["identities"] if row["type"] == "email" and row["primary"]), None)


def organization_of(user: Row) -> int | None:
    """The default organization."""
    return next((int(row["organization_id"]) for row in user["memberships"] if row["default"]), None)


def check_email(state: State, value: Any, user_id: int | None, name: str = "email") -> str:
    """The address as it is kept. Raises Invalid when it is no address, or another user's."""
    text, label = str(value).strip().lower(), name.capitalize()
    if not _EMAIL.fullmatch(text):
        raise Invalid([Flaw(name, f"{label}: {value} is not properly formatted", "InvalidFormat")])
    if state.emails.get(text.casefold(), user_id) != user_id:
        text = f"{label}: {text} is already being used by another user"
        raise Invalid([Flaw(name, text, "DuplicateValue")])
    return text


def create(state: State, given: Mapping[str, Any], now: int, mapping: bool = False) -> Row:
    """A new user. `mapping`: one without an organization joins the one that has the address's domain [doc].

    Raises Invalid."""
    user = blank_user(0, now)
    changes = _clean(state, user, {"name": "", **given})
    email = check_email(state, given["email"], None) if given.get("email") else None
    home = _home(state, given)
    user.update(changes, id=state.users.take_id())
    state.users.add(user)
    verified = bool(given.get("verified"))
    if email is not None:
        state.add_identity(user, "email", email, now, primary=True, verified=verified)
    for row in given.get("identities") or ():
        if row.get("type") == "email" and state.emails.get(str(row.get("value")).casefold()) is None:
            value = str(row["value"]).lower()
            state.add_identity(user, "email", value, now, primary=email_of(user) is None, verified=verified)
    if home is None and mapping and email is not None:
        home = _by_domain(state, email.rpartition("@")[2])
    if home is not None:
        state.add_membership(user, home, now, default=True)
    return user


def update(state: State, user: Row, given: Mapping[str, Any], now: int) -> None:
    """Change a user. A new `email` becomes a secondary address, the primary one stays [rec]. Raises Invalid."""
    changes = _clean(state, user, given)
    email = check_email(state, given["email"], user["id"]) if given.get("email") else None
    home = _home(state, given) if "organization_id" in given or "organization" in given else False
    state.users.change(user, now, changes)
    if email is not None and state.emails.get(email.casefold()) is None:
        state.add_identity(user, "email", email, now, primary=email_of(user) is None)
    if home is not False:
        settle(state, user, home, now)


def settle(state: State, user: Row, home: int | None, now: int) -> None:
    """Make this the default organization; the one before goes, unless the user belongs to the new one already."""
    before = next((row for row in user["memberships"] if row["default"]), None)
    if before is not None and before["organization_id"] == home:
        return
    there = next((row for row in user["memberships"] if row["organization_id"] == home), None)
    if before is not None and there is None:
        user["memberships"].remove(before)
    for row in user["memberships"]:
        row["default"] = row is there
    if home is not None and there is None:
        state.add_membership(user, home, now, default=True)
    elif home is None and user["memberships"]:
        user["memberships"][0]["default"] = True
    state.users.change(user, now, {})


def leave(state: State, user: Row, row: Row, now: int) -> None:
    """End a membership; the oldest other one becomes the default."""
    user["memberships"].remove(row)
    if row["default"]:
        if user["memberships"]:
            user["memberships"][0]["default"] = True
        state.users.change(user, now, {})


def delete(state: State, user: Row, now: int) -> None:
    """Soft: `active` is false, the address is free again, the record stays readable by its id [rec]."""
    for row in user["identities"]:
        if state.emails.get(row["value"].casefold()) == user["id"]:
            del state.emails[row["value"].casefold()]
    gone: Row = {"active": False, "hidden": True, "last_email": email_of(user), "identities": [], "memberships": []}
    state.users.change(user, now, gone)


def merge(state: State, loser: Row, winner: Row, now: int) -> None:
    """The loser's addresses, organizations and tickets go to the winner, who keeps what it says of itself."""
    moved, homes = list(loser["identities"]), list(loser["memberships"])
    delete(state, loser, now)
    for row in moved:
        row["primary"] = email_of(winner) is None
        winner["identities"].append(row)
        state.emails[row["value"].casefold()] = winner["id"]
    known = {row["organization_id"] for row in winner["memberships"]}
    for row in homes:
        if row["organization_id"] not in known:
            row["default"] = not winner["memberships"]
            winner["memberships"].append(row)
    for ticket in state.tickets:
        if ticket["requester_id"] == loser["id"]:
            state.tickets.change(ticket, now, {"requester_id": winner["id"]})
    state.users.change(winner, now, {})


def _clean(state: State, user: Row, given: Mapping[str, Any]) -> Row:
    """The plain columns of a change, checked."""
    changes: Row = {name: given[name] for name in PLAIN if name in given}
    flaws = []
    if "name" in given:
        changes["name"] = str(given["name"] or "").strip()
        if not changes["name"]:
            flaws.append(Flaw("name", "Name:  is too short (minimum one character)", "ValueTooShort"))
        elif len(changes["name"]) > _LONGEST_NAME:
            flaws.append(Flaw("name", "Name: is too long (maximum is 255 characters)", "ValueTooLong"))
    if "external_id" in given:
        changes["external_id"] = None if given["external_id"] in (None, "") else str(given["external_id"])
        other = state.users.find("external_id", changes["external_id"]) if changes["external_id"] else None
        if other is not None and other is not user:
            flaws.append(taken("external_id", "External", changes["external_id"]))
    if given.get("role") is not None:
        changes["role"] = given["role"]
        if given["role"] not in ROLES:
            flaws.append(Flaw("role", "Role: is invalid", "InvalidValue"))
    if isinstance(given.get("tags"), list):
        changes["tags"] = sorted({str(tag).lower() for tag in given["tags"]})
    if "verified" in given:
        changes["verified"] = bool(given["verified"])
    for name in ("phone", "alias", "details", "notes"):
        if changes.get(name) == "":
            changes[name] = None
    if "phone" in changes:
        number = changes["phone"]
        changes["shared_phone_number"] = None if number is None else not _E164.fullmatch(str(number))
    try:
        changes["fields"] = {**user["fields"], **taken_in(state.user_fields, given.get("user_fields"))}
    except Invalid as wrong:
        flaws += wrong.flaws
    if flaws:
        raise Invalid(flaws)
    return changes


def _home(state: State, given: Mapping[str, Any]) -> int | None:
    """The organization that is named; one named by a new name is looked up. Raises Invalid."""
    named = given.get("organization")
    if given.get("organization_id") is None and isinstance(named, Mapping):
        row = state.organizations.find("name", named.get("name"))
        return None if row is None else int(row["id"])
    key = given.get("organization_id")
    if key is None or key == "":
        return None
    if not str(key).isdigit() or int(key) not in state.organizations.rows:
        raise Invalid([Flaw("organization_id", "Organization: is invalid", "InvalidValue")])
    return int(key)


def _by_domain(state: State, domain: str) -> int | None:
    return next((int(row["id"]) for row in state.organizations if domain in row["domain_names"]), None)
