"""The People API: contacts, listed, read one by one, and by sync tokens. Writes are `people_writes`', labels
`people_groups`' business."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from tieline.sandbox import Answer, Refusal
from tieline_google.sandbox import people_groups, people_writes
from tieline_google.sandbox.call import Call
from tieline_google.sandbox.oauth import need
from tieline_google.sandbox.people_shapes import mask, person
from tieline_google.sandbox.wire import Row, invalid, not_found, nowhere, refuse

READ = ("contacts", "contacts.readonly")
MOST_READ = 200
MOST_PAGE = 1000
USUAL_PAGE = 100
TOKEN_MS = 7 * 86_400_000
"""How long after the full sync its tokens are good for [spec]."""
EXPIRE_EVERY = 3
"""Which incremental listing is told that its token has expired, under the vice `sync-token-expiry`."""
SERVICE = "people.googleapis.com"
_INFO = "type.googleapis.com/google.rpc.ErrorInfo"
_SOURCES = frozenset(
    {"READ_SOURCE_TYPE_PROFILE", "READ_SOURCE_TYPE_CONTACT", "READ_SOURCE_TYPE_DOMAIN_CONTACT"}
    | {"READ_SOURCE_TYPE_OTHER_CONTACT"}
)
_SORTS = frozenset(
    {"LAST_MODIFIED_ASCENDING", "LAST_MODIFIED_DESCENDING", "FIRST_NAME_ASCENDING", "LAST_NAME_ASCENDING"}
)
_FIXED = ("personFields", "pageSize", "sources", "sortOrder", "requestSyncToken")
"""Parameters that must stay as they were with a token [spec]."""


def answer(call: Call) -> Answer:
    """Whatever is asked below /v1."""
    rest = call.rest.strip("/")
    if rest.startswith("contactGroups"):
        return people_groups.answer(call, rest)
    if call.method != "GET":
        return people_writes.answer(call, rest)
    if rest == "people/me/connections":
        need(call, *READ)
        return _connections(call)
    if rest == "people:batchGet":
        need(call, *READ)
        return _batch(call)
    if rest.startswith("people/") and "/" not in rest[7:] and ":" not in rest:
        return _one(call, rest)
    raise nowhere()


# -- by id


def _one(call: Call, name: str) -> Answer:
    fields = mask(call.param("personFields"), "personFields")
    _sources(call)
    if name == "people/me":
        return Answer(200, _me(call, fields))
    need(call, *READ)
    row = call.state.people.alive(name)
    if row is None:
        raise not_found()
    return Answer(200, person(row, fields))


def _me(call: Call, fields: Sequence[str]) -> Row:
    """Who signed in, as a profile."""
    metadata = {"primary": True, "source": {"type": "PROFILE", "id": "100000000000000000001"}}
    shown: Row = {"resourceName": "people/100000000000000000001", "etag": "%EgMBAjc="}
    if "emailAddresses" in fields:
        shown["emailAddresses"] = [{"metadata": metadata, "value": call.who}]
    if "names" in fields:
        shown["names"] = [{"metadata": metadata, "displayName": call.who.partition("@")[0].title()}]
    return shown


def _batch(call: Call) -> Answer:
    fields, names = mask(call.param("personFields"), "personFields"), call.params("resourceNames")
    _sources(call)
    if not names or len(names) > MOST_READ:
        raise invalid(f"The number of resource names must be between 1 and {MOST_READ}.")
    return Answer(200, {"responses": [_response(call, name, fields) for name in names]})


def _response(call: Call, name: str, fields: Sequence[str]) -> Row:
    if not name.startswith("people/"):
        raise invalid(f"Invalid resource name: {name}")
    row = call.state.people.alive(name)
    if row is None:
        status = {"code": 5, "message": "Person not found."}
        return {"httpStatusCode": 404, "status": status, "requestedResourceName": name}
    return {"httpStatusCode": 200, "person": person(row, fields), "requestedResourceName": name, "status": {}}


def _sources(call: Call) -> None:
    for source in call.params("sources"):
        if source not in _SOURCES:
            said = f"Invalid value at 'sources' (type.googleapis.com/google.people.v1.ReadSourceType), \"{source}\""
            violation = {"field": "sources", "description": said}
            details = [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]}]
            raise invalid(said, details)  # [cap]


# -- listings


def _connections(call: Call) -> Answer:
    fields = mask(call.param("personFields"), "personFields")
    _sources(call)
    size = _size(call)
    if call.param("sortOrder", "LAST_MODIFIED_ASCENDING") not in _SORTS:
        raise invalid(f"Invalid value at 'sort_order': {call.param('sortOrder')}")
    sync = _since(call)
    page = _opened(call.param("pageToken"), "page token") if call.param("pageToken") else {"after": 0}
    _matches(call, page)
    lag = "propagation" in call.vices
    rows = call.state.people.listed(call.now, lag=lag)
    newest = call.state.people.horizon(call.now, lag=lag)
    horizon = max(int(page.get("horizon", newest)), int(sync["at"]) if sync else 0)
    full = sync["full"] if sync else page.get("full", call.now)
    shown = [r for r in rows if (r["change"] > sync["at"] if sync else not r["deleted"])]
    waiting = [r for r in shown if r["change"] > page["after"]]
    body: Row = {}
    if waiting:
        body["connections"] = [person(r, fields, sync=bool(sync)) for r in waiting[:size]]
    given = {"given": _given(call), "full": full, "horizon": horizon}
    if len(waiting) > size:
        body["nextPageToken"] = _closed({**given, "after": waiting[size - 1]["change"]})
    elif call.param("requestSyncToken") == "true" or sync:
        body["nextSyncToken"] = _closed({**given, "at": horizon})  # only on the last page [spec]
    if not sync:
        body |= {"totalPeople": len(shown), "totalItems": len(shown)}
    return Answer(200, body)


def _size(call: Call) -> int:
    text = call.param("pageSize", str(USUAL_PAGE))
    if not text.isdigit():
        raise invalid(f"Invalid value at 'page_size' (TYPE_INT32), \"{text}\"")
    if int(text) > MOST_PAGE:
        raise invalid(f"Page size must be less than or equal to {MOST_PAGE}.")  # [cap]
    return int(text) or USUAL_PAGE


def _since(call: Call) -> Mapping[str, Any] | None:
    """What a sync token says; None without one."""
    text = call.param("syncToken")
    if not text:
        return None
    token = _opened(text, "sync token")
    _matches(call, token)
    vicious = "sync-token-expiry" in call.vices and call.state.count("syncs") % EXPIRE_EVERY == 0
    if vicious or call.now - token["full"] > TOKEN_MS:
        raise _expired(call)
    return token


def _expired(call: Call) -> Refusal:
    """Sources differ on the status: it changes from one to the other [obs]."""
    status = ("INVALID_ARGUMENT", "FAILED_PRECONDITION")[call.state.count("expired") % 2]
    said = "Sync token is expired. Clear local cache and retry call without the sync token."
    return refuse(400, said, status, [{"@type": _INFO, "reason": "EXPIRED_SYNC_TOKEN", "domain": SERVICE}])


def _given(call: Call) -> list[str]:
    return [f"{name}={','.join(call.params(name))}" for name in _FIXED]


def _matches(call: Call, token: Mapping[str, Any]) -> None:
    if token.get("given", _given(call)) != _given(call):
        raise invalid("Request parameters must match the first call that provided the token.")


def _closed(token: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(token, separators=(",", ":")).encode()).decode().rstrip("=")


def _opened(text: str, what: str) -> dict[str, Any]:
    try:
        found = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:
        found = None
    key = "after" if what.startswith("page") else "at"
    if not isinstance(found, dict) or key not in found:
        raise invalid(f"Invalid {what}.")
    return found
