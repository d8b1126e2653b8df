"""The support people's side of the demo's company, the same for the same moment: rows for `load`.

They know organizations and end users, and nothing of deals.
"""

from __future__ import annotations

from typing import Any

from tieline.sandbox import Entry, demo_company
from tieline_zendesk.mapping import join_name
from tieline_zendesk.sandbox.dialect import ACCOUNT, CONTACT, OPT_OUT
from tieline_zendesk.sandbox.wire import iso

_FIRST = {"organizations": (26_364_000_000_013, 17), "users": (26_365_000_000_019, 11)}
"""Where ids start, and their step."""


def demo(now: int) -> dict[str, list[Any]]:
    """Organizations and end users, all older than `now` (ms)."""
    company = demo_company("support", now)
    return {
        "organizations": [_organization(n, entry) for n, entry in enumerate(company["account"])],
        "users": [_user(n, entry) for n, entry in enumerate(company["contact"])],
    }


def _row(stream: str, number: int, entry: Entry) -> dict[str, Any]:
    first, step = _FIRST[stream]
    stamps = {"created_at": iso(entry.created), "updated_at": iso(entry.modified)}
    return {"id": first + number * step, "key": entry.key, **stamps}


def _organization(number: int, entry: Entry) -> dict[str, Any]:
    return {**_row("organizations", number, entry), **columns("account", entry.fields)}


def _user(number: int, entry: Entry) -> dict[str, Any]:
    row = {**_row("users", number, entry), **columns("contact", entry.fields)}
    row["name"] = row.get("name") or row.get("email") or "Unknown"
    return {**row, "organization_id": entry.fields.get("account")}


def columns(kind: str, fields: Any) -> dict[str, Any]:
    """Canonical fields as columns of the wire; what this account has no place for is left out."""
    own = ACCOUNT if kind == "account" else CONTACT
    values = {key: fields[name] for key, name in own.items() if name in fields}
    row: dict[str, Any] = {}
    if kind == "account":
        row = {
            column: fields[name] for column, name in (("name", "name"), ("details", "description")) if name in fields
        }
        if "domain" in fields:
            row["domain_names"] = [fields["domain"]] if fields["domain"] else []
        return {**row, "organization_fields": values}
    row = {name: fields[name] for name in ("email", "phone") if name in fields}
    if "first_name" in fields or "last_name" in fields:
        row["name"] = join_name(fields.get("first_name"), fields.get("last_name"))
    if "consent_email" in fields:
        values[OPT_OUT] = fields["consent_email"] == "opted_out"
    return {**row, "user_fields": values}
