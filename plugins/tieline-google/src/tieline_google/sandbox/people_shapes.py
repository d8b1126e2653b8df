"""How the stand-in words a contact, and what it takes of one. Knows no routes.

Shapes are those of captured answers; which names there are, and which of them are output only, is the description's.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from tieline_google.sandbox.wire import Row, invalid

SHOWN = frozenset(
    {
        *("addresses", "ageRanges", "biographies", "birthdays", "calendarUrls", "clientData", "coverPhotos"),
        *("emailAddresses", "events", "externalIds", "genders", "imClients", "interests", "locales", "locations"),
        *("memberships", "metadata", "miscKeywords", "names", "nicknames", "occupations", "organizations"),
        *("phoneNumbers", "photos", "relations", "sipAddresses", "skills", "urls", "userDefined"),
    }
)
"""What a mask may name [spec]."""
KEPT = SHOWN - {"ageRanges", "coverPhotos", "memberships", "metadata", "photos"}
"""What a contact holds of its own; with `memberships`, what may be updated [spec]."""
SINGLE = frozenset({"names", "biographies", "birthdays", "genders"})
MOST_TEXT = 1024
"""Characters of one value [memory]."""
_OUTPUT = frozenset({"metadata", "displayNameLastFirst", "formattedType", "canonicalForm"})
_PHOTO = "https://lh3.googleusercontent.com/cm/default=s100"


def mask(text: str, name: str, known: frozenset[str] = SHOWN) -> list[str]:
    """The fields that a mask names; a 400 for one that there is not, and for none at all [cap: the wording]."""
    paths = [p.strip() for p in text.split(",") if p.strip()]
    if not paths:
        valid = "Valid paths are documented at https://developers.google.com/people/api/rest/v1/people/get."
        raise invalid(f"{name} is required. Please specify one or more valid paths. {valid}")
    for path in paths:
        if path not in known:
            raise invalid(f'Invalid {name} mask path: "{path}". {_valid(known)}')
    return paths


def _valid(known: frozenset[str]) -> str:
    return f"Valid paths are: {', '.join(sorted(known))}."


# -- answers


def person(row: Row, fields: Sequence[str], *, sync: bool = False) -> Row:
    """A contact as an answer words it; `sync`: in an answer to a sync token."""
    source = {"type": "CONTACT", "id": row["source"]}
    shown: Row = {"resourceName": row["id"], "etag": _etag(row, ",".join(sorted(fields)))}
    if "metadata" in fields or (sync and row["deleted"]):
        stamped = {**source, "etag": source_etag(row), "updateTime": micro(row["modified"])}
        shown["metadata"] = {"sources": [stamped], "objectType": "PERSON"}
        if sync and row["deleted"]:
            shown["metadata"]["deleted"] = True
        if sync and row["previous"]:
            shown["metadata"]["previousResourceNames"] = row["previous"]
    for name in (f for f in fields if f in KEPT and row["fields"].get(f)):
        held = row["fields"][name]
        main = next((n for n, e in enumerate(held) if e.get("main")), 0)
        shown[name] = [_entry(name, e, source, n == main) for n, e in enumerate(held)]
    if "photos" in fields and not row["deleted"]:
        shown["photos"] = [{"metadata": {"primary": True, "source": source}, "url": _PHOTO, "default": True}]
    if "memberships" in fields and row["groups"]:
        shown["memberships"] = [_membership(g, source) for g in row["groups"]]
    return shown


def _entry(name: str, held: Row, source: Row, main: bool) -> Row:
    metadata: Row = {"primary": True, "source": source, "sourcePrimary": True} if main else {"source": source}
    entry = {"metadata": metadata, **{k: v for k, v in held.items() if k != "main"}}
    more: Callable[[Row], Row] | None = _MORE.get(name)
    return {**entry, **more(entry)} if more is not None else entry


def _named(entry: Row) -> Row:
    """A name as a whole, which Google puts together [cap]."""
    parts = [entry.get(p) for p in ("honorificPrefix", "givenName", "middleName", "familyName")]
    whole = " ".join(str(p) for p in parts if p)
    given = " ".join(str(p) for p in parts[:3] if p)
    reverse = f"{entry['familyName']}, {given}" if entry.get("familyName") and given else whole
    return {"displayName": whole, "displayNameLastFirst": reverse, "unstructuredName": whole}


def _typed(entry: Row) -> Row:
    return {"formattedType": str(entry["type"]).capitalize()} if entry.get("type") else {}


def _phone(entry: Row) -> Row:
    digits = "".join(c for c in entry.get("value", "") if c.isdigit())
    form = {"canonicalForm": f"+{digits}"} if str(entry.get("value", "")).startswith("+") and digits else {}
    return {**form, **_typed(entry)}


def _address(entry: Row) -> Row:
    """A whole address, put together where nobody gave it [spec]."""
    parts = [entry.get(p) for p in ("streetAddress", "extendedAddress", "city", "region", "postalCode", "country")]
    whole = entry.get("formattedValue") or "\n".join(str(p) for p in parts if p)
    return {**({"formattedValue": whole} if whole else {}), **_typed(entry)}


_MORE: Mapping[str, Callable[[Row], Row]] = {
    "names": _named,
    "phoneNumbers": _phone,
    "emailAddresses": _typed,
    "addresses": _address,
}


def _membership(group: str, source: Row) -> Row:
    named = {"contactGroupId": group.partition("/")[2], "contactGroupResourceName": group}
    return {"metadata": {"source": source}, "contactGroupMembership": named}


def source_etag(row: Row) -> str:
    """What a write must name [cap: the form]."""
    return "#" + base64.b64encode(int(row["change"]).to_bytes(8, "big")).decode()


def _etag(row: Row, fields: str) -> str:
    """The etag of an answer: another one for other fields [cap]."""
    return "%" + base64.b64encode(f"{fields}/{row['change']}".encode()).decode()


def micro(ms: int) -> str:
    """A stamp as the People API writes it: microseconds, Z [cap]."""
    return f"{datetime.fromtimestamp(ms // 1000, UTC):%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}000Z"


# -- requests


def taken(body: Any, areas: Sequence[str]) -> dict[str, list[Row]]:
    """The fields of a contact in a request, as they are kept; what is output only is dropped."""
    if not isinstance(body, Mapping):
        raise invalid("Invalid value (person): must be an object.")
    fields: dict[str, list[Row]] = {}
    for name in areas:
        held = body.get(name)
        if held is None:
            fields[name] = []
            continue
        if not isinstance(held, list) or not all(isinstance(e, Mapping) for e in held):
            raise invalid(f'Invalid JSON payload received. Unknown name "{name}": Proto field is repeated.')
        if name in SINGLE and len(held) > 1:
            raise invalid(f"Only one {name} is allowed for contact sources.")  # [spec: 400]
        fields[name] = [e for e in (_kept(name, e) for e in held) if any(k not in ("type", "main") for k in e)]
    return fields


def _kept(name: str, entry: Mapping[str, Any]) -> Row:
    output = _OUTPUT | ({"displayName", "unstructuredName"} if name == "names" else set())
    kept = {k: v for k, v in entry.items() if k not in output and v not in ("", None)}
    for key, value in kept.items():
        if isinstance(value, str) and len(value) > MOST_TEXT:
            raise _too_long(name, key)
    metadata = entry.get("metadata") or {}
    return {**kept, "main": True} if metadata.get("sourcePrimary") or metadata.get("primary") else kept


def _too_long(name: str, key: str) -> Exception:
    path = f"person.{_snake(name)}.{_snake(key)}"
    violation = {"field": path, "description": f"The value is longer than {MOST_TEXT} characters."}
    details = [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]}]
    return invalid(f"Invalid value at '{path}': {violation['description']}", details)


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name)


def wanted_groups(body: Mapping[str, Any], known: Mapping[str, Any]) -> list[str]:
    """The labels that a request names; a 400 for one that there is not."""
    found = []
    for membership in body.get("memberships") or ():
        name = (membership.get("contactGroupMembership") or {}).get("contactGroupResourceName", "")
        if name not in known:
            raise invalid(f"Contact group does not exist: {name}")
        if known[name]["system"] and name.rpartition("/")[2] not in ("myContacts", "starred"):
            raise invalid(f"Members cannot be added to the group {name}")
        found.append(name)
    return list(dict.fromkeys(found))
