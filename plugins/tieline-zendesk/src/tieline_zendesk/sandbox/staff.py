"""What the account's own people do at their screens. Through the same rules as the API."""

from __future__ import annotations

from typing import Any

from tieline.sandbox import Act
from tieline_zendesk.mapping import split_name
from tieline_zendesk.sandbox import organizations, people
from tieline_zendesk.sandbox.dialect import OPT_OUT
from tieline_zendesk.sandbox.seed import columns
from tieline_zendesk.sandbox.state import State
from tieline_zendesk.sandbox.wire import Invalid, Row


def counts(state: State) -> dict[Any, int]:
    """Living records per kind; agents and admins are no contacts."""
    persons = sum(row["active"] and row["role"] == "end-user" for row in state.users)
    return {"account": len(state.organizations.rows), "contact": persons}


def perform(state: State, act: Act, now: int) -> None:
    """Do it; see `tieline.sandbox.Act`. Raises ValueError."""
    if act.kind not in ("account", "contact"):
        raise ValueError(f"this account holds no {act.kind}")
    found = _found(state, act)
    if not found:
        raise ValueError(f"there is no {act.kind} {act.key!r}")
    try:
        if act.kind == "account":
            _account(state, act, found, now)
        else:
            _contact(state, act, found, now)
    except Invalid as wrong:
        raise ValueError(wrong.details()) from wrong


def _found(state: State, act: Act) -> list[Row]:
    """The living records that answer to the key, oldest first."""
    wanted = act.key.casefold()
    if act.kind == "account":
        rows = [row for row in state.organizations if row["name"].casefold() == wanted]
    else:
        persons = [row for row in state.users if row["active"] and row["role"] == "end-user"]
        rows = [row for row in persons if any(one["value"].casefold() == wanted for one in row["identities"])]
    return sorted(rows, key=lambda row: (row["created_at"], row["id"]))


def _account(state: State, act: Act, found: list[Row], now: int) -> None:
    if act.verb == "edit":
        organizations.change(state, found[0], columns("account", act.fields), now)
    elif act.verb == "delete":
        organizations.remove(state, found[0], now)
    elif act.verb == "merge":
        for other in found[1:]:
            organizations.fuse(state, other, found[0], now)
    else:
        raise ValueError("an account takes no e-mail")


def _contact(state: State, act: Act, found: list[Row], now: int) -> None:
    user = found[0]
    if act.verb == "opt_out":
        people.update(state, user, {"user_fields": {OPT_OUT: True}}, now)
    elif act.verb == "delete":
        people.delete(state, user, now)
    elif act.verb == "merge":
        for other in found[1:]:
            people.merge(state, other, user, now)
    else:
        _edit(state, user, act, now)


def _edit(state: State, user: Row, act: Act, now: int) -> None:
    """A new address is made the primary one at once, as the screen does; a half of the name leaves the other."""
    fields: dict[str, Any] = dict(act.fields)
    if {"first_name", "last_name"} & set(fields):
        first, last = split_name(user["name"], people.email_of(user))
        fields = {"first_name": first, "last_name": last, **fields}
    given = columns("contact", fields)
    email = given.pop("email", None)
    if email is not None:
        email = people.check_email(state, email, user["id"])
    if "account" in fields:
        given["organization_id"] = fields["account"]
    people.update(state, user, given, now)
    if email is not None:
        known = next((one for one in user["identities"] if one["value"].casefold() == email.casefold()), None)
        chosen = known or state.add_identity(user, "email", email, now)
        for one in user["identities"]:
            one["primary"] = one is chosen
