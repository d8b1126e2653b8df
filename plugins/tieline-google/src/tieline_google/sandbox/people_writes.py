"""Writes of the People API: one contact, or a batch of which all or nothing is done."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic_core import to_json

from tieline.sandbox import Answer, Refusal
from tieline_google.sandbox.call import Call
from tieline_google.sandbox.oauth import need
from tieline_google.sandbox.people_shapes import KEPT, SHOWN, mask, person, source_etag, taken, wanted_groups
from tieline_google.sandbox.wire import Row, invalid, nowhere, refuse

MOST = 200
"""Contacts in a batch of creates or updates [spec]."""
MOST_DELETES = 500
STALE_EVERY = 4
"""Which update meets somebody's edit, under the vice `stale-etag`."""
BAD_OF = 10
"""One in so many contacts is refused, always the same, under the vice `partial-batch`."""
UPDATABLE = KEPT | {"memberships"}
_ERRORS = "type.googleapis.com/google.people.v1.Batch{}ContactsErrorDetails"
_CODES = {"INVALID_ARGUMENT": 3, "NOT_FOUND": 5, "FAILED_PRECONDITION": 9}


def answer(call: Call, rest: str) -> Answer:
    """A POST, PATCH or DELETE below /v1/people."""
    need(call, "contacts")
    done = _ROUTES.get((call.method, rest))
    if done is not None:
        return done(call)
    name, _, verb = rest.rpartition(":")
    if (call.method, verb) == ("PATCH", "updateContact"):
        return _update_one(call, name)
    if (call.method, verb) == ("DELETE", "deleteContact"):
        _existing(call, name, 0)
        call.state.people.drop(name, call.now, lag=_lag(call))
        return Answer(200, {})
    raise nowhere()


def _lag(call: Call) -> bool:
    return "propagation" in call.vices


# -- one


def _create_one(call: Call) -> Answer:
    fields = mask(call.param("personFields"), "personFields") if call.param("personFields") else sorted(SHOWN)
    return Answer(200, person(_created(call, *_new(call, call.json())), fields))


def _new(call: Call, body: Mapping[str, Any]) -> tuple[dict[str, list[Row]], list[str]]:
    unknown = [k for k in body if k not in SHOWN | {"etag", "resourceName"}]
    if unknown:
        raise invalid(f'Invalid JSON payload received. Unknown name "{unknown[0]}": Cannot find field.')
    return taken(body, [a for a in sorted(KEPT) if a in body]), wanted_groups(body, call.state.people.groups)


def _created(call: Call, fields: Mapping[str, Any], groups: list[str]) -> Row:
    return call.state.people.make(fields, groups, call.now, lag=_lag(call))


def _update_one(call: Call, name: str) -> Answer:
    areas = mask(call.param("updatePersonFields"), "updatePersonFields", UPDATABLE)
    fields = mask(call.param("personFields"), "personFields") if call.param("personFields") else sorted(SHOWN)
    return Answer(200, person(_put(call, name, *_change(call, name, call.json(), areas)), fields))


def _change(
    call: Call, name: str, body: Mapping[str, Any], areas: Sequence[str]
) -> tuple[dict[str, list[Row]], list[str]]:
    """What an update makes of a contact, after all checks."""
    row = _existing(call, name, 0)
    sources = (body.get("metadata") or {}).get("sources") or ()
    etags = [s.get("etag") for s in sources if isinstance(s, Mapping) and s.get("type") == "CONTACT"]
    if not etags or not etags[0]:
        raise invalid("Request person.metadata.sources is missing the CONTACT source, or its etag.")
    if etags[0] != source_etag(row):
        said = "Request person.etag is different than the current person.etag. Clear local cache and get the latest."
        raise refuse(400, said, "FAILED_PRECONDITION")
    groups = wanted_groups(body, call.state.people.groups) if "memberships" in areas else row["groups"]
    if not groups:
        raise invalid("A contact must have at least one contact group membership.")
    changed = taken(body, [a for a in areas if a != "memberships"])
    return {k: v for k, v in {**row["fields"], **changed}.items() if v}, groups


def _put(call: Call, name: str, fields: Mapping[str, Any], groups: list[str]) -> Row:
    id = call.state.people.moved.get(name, name)
    return call.state.people.put(id, call.now, lag=_lag(call), fields=fields, groups=groups)


def _existing(call: Call, name: str, place: int) -> Row:
    row = call.state.people.alive(name) if name.startswith("people/") else None
    if row is None:
        violation = {"field": f"resourceNames[{place}]", "description": "Resource not found."}
        details = [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]}]
        said = "<eye3 title='NOT_FOUND'/> generic::NOT_FOUND: Contact person resources are not found."
        raise refuse(404, said, "NOT_FOUND", details)  # [cap]
    return row


# -- batches: all or nothing


def _create_many(call: Call) -> Answer:
    body = call.json()
    fields = _read_mask(body)
    items = [c.get("contactPerson") or {} for c in _some(body.get("contacts"), MOST)]
    checked = _checked(call, "Create", {str(n): item for n, item in enumerate(items)}, lambda _, i: _new(call, i))
    rows = [_created(call, *checked[str(n)]) for n in range(len(items))]
    return Answer(200, {"createdPeople": [_told(r, fields, r["id"]) for r in rows]} if fields else {})


def _update_many(call: Call) -> Answer:
    body = call.json()
    fields, areas = _read_mask(body), mask(str(body.get("updateMask", "")), "updateMask", UPDATABLE)
    contacts = body.get("contacts")
    if not isinstance(contacts, Mapping) or not 1 <= len(contacts) <= MOST:
        raise invalid(f"The number of contacts must be between 1 and {MOST}.")
    _somebody_edits(call, list(contacts))
    checked = _checked(call, "Update", contacts, lambda name, item: _change(call, name, item, areas))
    rows = {name: _put(call, name, *change) for name, change in checked.items()}
    return Answer(200, {"updateResult": {n: _told(r, fields, n) for n, r in rows.items()}} if fields else {})


def _delete_many(call: Call) -> Answer:
    names = _some(call.json().get("resourceNames"), MOST_DELETES)
    for n, name in enumerate(names):
        _existing(call, str(name), n)
    for name in dict.fromkeys(names):
        call.state.people.drop(call.state.people.moved.get(name, name), call.now, lag=_lag(call))
    return Answer(200, {})


def _some(items: Any, most: int) -> list[Any]:
    if not isinstance(items, list) or not 1 <= len(items) <= most:
        raise invalid(f"The number of contacts must be between 1 and {most}.")
    return items


def _read_mask(body: Mapping[str, Any]) -> list[str]:
    return mask(str(body["readMask"]), "readMask") if body.get("readMask") else []


def _told(row: Row, fields: Sequence[str], asked: str) -> Row:
    return {"httpStatusCode": 200, "person": person(row, fields), "requestedResourceName": asked, "status": {}}


def _checked(
    call: Call, verb: str, items: Mapping[str, Any], check: Callable[[str, Any], Any]
) -> dict[str, tuple[Any, Any]]:
    """What becomes of each item, or the refusal of all, which names the culprits [doc]; under `partial-batch` not."""
    found, errors, first = {}, {}, ""
    for key, item in items.items():
        try:
            if "partial-batch" in call.vices and _bad(item):
                raise invalid("Invalid contact.")
            found[key] = check(key, item)
        except Refusal as refusal:
            error = refusal.body["error"] if isinstance(refusal.body, Mapping) else {}
            first = first or error["status"]
            told = {"details": error["details"]} if error.get("details") else {}
            errors[key] = {"code": _CODES[error["status"]], "message": error["message"], **told}
    if not errors:
        return found
    details = [{"@type": _ERRORS.format(verb), "contactErrors": errors}]
    if "partial-batch" in call.vices:
        details = []
    said = "Batch request failed because of one or more contacts."
    raise refuse(404 if first == "NOT_FOUND" else 400, said, first, details)


def _bad(item: Mapping[str, Any]) -> bool:
    """Whether this is the one of so many that is always refused: by its names."""
    return zlib.crc32(to_json(item.get("names") or item.get("emailAddresses") or [])) % BAD_OF == 0


def _somebody_edits(call: Call, names: Sequence[str]) -> None:
    """Somebody edits one of these in the very moment of the write, every so often, under `stale-etag`."""
    if "stale-etag" not in call.vices or call.state.count("stale") % STALE_EVERY:
        return
    row = call.state.people.alive(names[len(names) // 2])
    if row is not None:
        fields = {**row["fields"], "biographies": [{"value": f"seen {call.state.counters['stale']}"}]}
        call.state.people.put(row["id"], call.now, lag=_lag(call), fields=fields)


_ROUTES: Mapping[tuple[str, str], Callable[[Call], Answer]] = {
    ("POST", "people:createContact"): _create_one,
    ("POST", "people:batchCreateContacts"): _create_many,
    ("POST", "people:batchUpdateContacts"): _update_many,
    ("POST", "people:batchDeleteContacts"): _delete_many,
}
