"""Putting records into the stand-in from outside: a seed, a recording's own answers. Past the API's rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tieline_zendesk.sandbox.organizations import blank_organization
from tieline_zendesk.sandbox.people import KNOWN, PLAIN
from tieline_zendesk.sandbox.state import State, blank_user
from tieline_zendesk.sandbox.wire import Row, moment

_DERIVED = ("url", "photo", "user_fields", "organization_fields", "email", "organization_id", "key")
_FIELDS = ("type", "key", "title", "description", "position", "active", "system", "regexp_for_validation", "tag")


def load(state: State, records: Mapping[str, Sequence[Any]], now: int) -> None:
    """Take in rows shaped as on the wire, under `user_fields`, `organization_fields`, `organizations` and `users`.

    Only a name is needed. `organization_id` may be the id of an organization, or the `key` of a row of one. Values are
    taken as they are. The first two users become the ones that the vice `merged` is about. Raises ValueError for an id
    that is there already.
    """
    for name in ("user_fields", "organization_fields"):
        for row in records.get(name, ()):
            _field(state, name, row, now)
    keys: dict[Any, int] = {}
    for row in records.get("organizations", ()):
        made = _organization(state, row, now)
        keys[row.get("key", made["id"])] = made["id"]
    for row in records.get("users", ()):
        made = _user(state, row, keys, now)
        if made["role"] == "end-user" and len(state.seeded_users) < 2:
            state.seeded_users.append(made["id"])


def _stamps(row: Mapping[str, Any], now: int) -> dict[str, int]:
    created = moment(row["created_at"]) if row.get("created_at") else None
    updated = moment(row["updated_at"]) if row.get("updated_at") else None
    born = now if created is None else created
    return {"created_at": born, "updated_at": born if updated is None else updated}


def _field(state: State, name: str, row: Mapping[str, Any], now: int) -> None:
    table = state.user_fields if name == "user_fields" else state.organization_fields
    kept: Row = {"title": row["key"], "description": "", "active": True, "system": False, "position": 0}
    kept["regexp_for_validation"] = None
    kept.update({part: row[part] for part in _FIELDS if part in row}, id=row.get("id") or table.take_id())
    kept.update(_stamps(row, now))
    if row.get("custom_field_options"):
        kept["options"] = [
            {"id": one.get("id") or table.take_id(), "name": one["name"], "value": one["value"]}
            for one in row["custom_field_options"]
        ]
    table.add(kept)


def _organization(state: State, row: Mapping[str, Any], now: int) -> Row:
    made = blank_organization(int(row.get("id") or state.organizations.take_id()), now)
    if made["id"] in state.organizations.rows:
        raise ValueError(f"there is an organization {made['id']} already")
    made.update({name: row[name] for name in made if name in row and name not in _DERIVED})
    made.update(_stamps(row, now), fields=dict(row.get("organization_fields") or {}))
    return state.organizations.add(made)


def _user(state: State, row: Mapping[str, Any], keys: Mapping[Any, int], now: int) -> Row:
    made = blank_user(int(row.get("id") or state.users.take_id()), now)
    if made["id"] in state.users.rows:
        raise ValueError(f"there is a user {made['id']} already")
    kept = (*PLAIN, "id", "name", "role", "verified", "external_id", "tags", "active", "last_login_at")
    made.update({name: row[name] for name in kept if name in row and name in KNOWN | {"active", "last_login_at"}})
    made.update(_stamps(row, now), fields=dict(row.get("user_fields") or {}))
    made["shared_phone_number"] = row.get("shared_phone_number", None if made["phone"] is None else True)
    if not made["active"]:
        made["hidden"] = True
    state.users.add(made)
    if row.get("email"):
        at, verified = made["created_at"], bool(row.get("verified"))
        state.add_identity(made, "email", str(row["email"]).lower(), at, primary=True, verified=verified)
    home = row.get("organization_id")
    if home is not None and keys.get(home, home) in state.organizations.rows:
        state.add_membership(made, keys.get(home, home), made["created_at"], default=True)
    return made
