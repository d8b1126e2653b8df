"""The demo's company in Google Contacts: whom its support people know, with the label. The same for the same moment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tieline.sandbox import demo_company
from tieline_google.sandbox.people_rows import MINE, People
from tieline_google.sandbox.wire import Row

LABEL = "Tieline"
_TYPES = {"phone": "work", "mobile": "mobile"}
_ADDRESS = {
    "street": "streetAddress",
    "city": "city",
    "state": "region",
    "postal_code": "postalCode",
    "country": "country",
}


def demo(people: People, now: int) -> None:
    """A label and its contacts, all older than `now` (ms)."""
    company = demo_company("support", now)
    names = {entry.key: str(entry.fields.get("name", "")) for entry in company["account"]}
    label = people.make_group(LABEL, now - 86_400_000)
    for entry in sorted(company["contact"], key=lambda e: e.modified):
        row = people.make(_lists(entry.fields, names), [MINE, label], entry.modified)
        row["created"] = entry.created


def _lists(fields: Mapping[str, Any], companies: Mapping[str, str]) -> dict[str, list[Row]]:
    name = {"givenName": fields.get("first_name"), "familyName": fields.get("last_name")}
    job = {"title": fields.get("title"), "name": companies.get(str(fields.get("account")))}
    home = {_ADDRESS[part]: value for part, value in (fields.get("address") or {}).items()}
    emails = [fields.get("email"), *(fields.get("other_emails") or ())]
    lists: dict[str, list[Row]] = {
        "names": [name],
        "organizations": [job],
        "addresses": [home],
        "emailAddresses": [{"value": e, "type": "work"} for e in emails if e],
        "phoneNumbers": [{"value": fields[f], "type": t} for f, t in _TYPES.items() if fields.get(f)],
    }
    filled = {area: [{k: v for k, v in e.items() if v} for e in entries] for area, entries in lists.items()}
    return {area: [e for e in entries if e] for area, entries in filled.items() if any(entries)}
