"""Labels of the People API: contact groups and who is in them."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from tieline.sandbox import Answer
from tieline_google.sandbox.call import Call
from tieline_google.sandbox.oauth import need
from tieline_google.sandbox.people_rows import SYSTEM_GROUPS
from tieline_google.sandbox.people_shapes import micro
from tieline_google.sandbox.wire import Row, invalid, not_found, nowhere, refuse

USUAL_PAGE = 30
MOST_PAGE = 1000
MOST_MEMBERS = 1000
FIELDS = ("clientData", "groupType", "memberCount", "metadata", "name")
_USUAL = "metadata,groupType,memberCount,name"
_NEW = "metadata,groupType,name"


def answer(call: Call, rest: str) -> Answer:
    """Whatever is asked below /v1/contactGroups."""
    need(call, "contacts", *(("contacts.readonly",) if call.method == "GET" else ()))
    if rest == "contactGroups":
        return _list(call) if call.method == "GET" else _create(call)
    name, _, verb = rest.partition("/members:")
    if name not in call.state.people.groups:
        raise not_found()
    if verb == "modify" and call.method == "POST":
        return _modify(call, name)
    routes = {"GET": _get, "PUT": _rename, "DELETE": _delete}
    if verb or call.method not in routes:
        raise nowhere()
    return routes[call.method](call, name)


def _list(call: Call) -> Answer:
    size = int(call.param("pageSize", str(USUAL_PAGE)) or USUAL_PAGE) or USUAL_PAGE
    if size > MOST_PAGE:
        raise invalid(f"Page size must be less than or equal to {MOST_PAGE}.")
    fields = _mask(call.param("groupFields") or _USUAL, "groupFields")
    start = int(call.param("pageToken") or 0)
    names = list(call.state.people.groups)
    page = names[start : start + size]
    body: Row = {"contactGroups": [_shown(call, n, fields) for n in page], "totalItems": len(names)}
    if start + size < len(names):
        body["nextPageToken"] = str(start + size)
    return Answer(200, {**body, "nextSyncToken": base64.b64encode(str(call.state.people.changes).encode()).decode()})


def _get(call: Call, name: str) -> Answer:
    most = int(call.param("maxMembers", "0"))
    shown = _shown(call, name, _mask(call.param("groupFields") or _USUAL, "groupFields"))
    members = call.state.people.members(name)[:most]
    return Answer(200, {**shown, **({"memberResourceNames": members} if members else {})})


def _create(call: Call) -> Answer:
    body = call.json()
    name = _name(call, body)
    key = call.state.people.make_group(name, call.now)
    return Answer(200, _shown(call, key, _mask(str(body.get("readGroupFields") or _NEW), "readGroupFields")))


def _rename(call: Call, key: str) -> Answer:
    body, row = call.json(), call.state.people.groups[key]
    sent = (body.get("contactGroup") or {}).get("etag")
    if sent is not None and sent != _etag(row):
        said = "Contact group etag is outdated. Clear the cache and get the latest contact group to set the etag."
        raise refuse(409, said, "ABORTED")  # [cap]
    row |= {"name": _name(call, body), "updated": call.now, "etag": row["etag"] + 1}
    return Answer(200, _shown(call, key, _mask(str(body.get("readGroupFields") or _NEW), "readGroupFields")))


def _name(call: Call, body: Mapping[str, object]) -> str:
    group = body.get("contactGroup")
    name = str(group.get("name") or "").strip() if isinstance(group, Mapping) else ""
    if not name:
        raise invalid("Contact group name is required.")
    if name.casefold() in (row["name"].casefold() for row in call.state.people.groups.values()):
        raise refuse(409, "Contact group name already exists.", "ALREADY_EXISTS")  # [spec: 409]
    return name


def _delete(call: Call, key: str) -> Answer:
    if call.state.people.groups[key]["system"]:
        raise invalid("System contact groups cannot be deleted.")
    for member in call.state.people.members(key) if call.param("deleteContacts") == "true" else ():
        call.state.people.drop(member, call.now)
    call.state.people.drop_group(key, call.now)
    return Answer(200, {})


def _modify(call: Call, key: str) -> Answer:
    people, body = call.state.people, call.json()
    adding, removing = body.get("resourceNamesToAdd") or [], body.get("resourceNamesToRemove") or []
    if len(adding) + len(removing) > MOST_MEMBERS:
        raise invalid(f"At most {MOST_MEMBERS} resource names can be modified.")
    missing, last = [], []
    for name in (*adding, *removing):
        row = people.alive(name)
        if row is None:
            missing.append(name)
            continue
        groups = [g for g in row["groups"] if g != key] + ([key] if name in adding else [])
        if not groups:
            last.append(name)
        elif set(groups) != set(row["groups"]):
            people.put(row["id"], call.now, lag="propagation" in call.vices, groups=groups)
    told = {"notFoundResourceNames": missing, "canNotRemoveLastContactGroupResourceNames": last}
    return Answer(200, {k: v for k, v in told.items() if v})


def _mask(text: str, what: str) -> list[str]:
    paths = [p.strip() for p in text.split(",")]
    for path in paths:
        if path not in FIELDS:
            raise invalid(f'Invalid {what} mask path: "{path}".')  # [cap]
    return paths


def _shown(call: Call, key: str, fields: list[str]) -> Row:
    row = call.state.people.groups[key]
    shown: Row = {"resourceName": key}
    if "metadata" in fields and not row["system"]:
        shown |= {"etag": _etag(row), "metadata": {"updateTime": micro(row["updated"])}}
    if "groupType" in fields:
        shown["groupType"] = "SYSTEM_CONTACT_GROUP" if row["system"] else "USER_CONTACT_GROUP"
    if "name" in fields:
        shown |= {"name": row["name"], "formattedName": SYSTEM_GROUPS.get(row["name"], row["name"])}
    count = len(call.state.people.members(key)) if "memberCount" in fields else 0
    return {**shown, **({"memberCount": count} if count else {})}


def _etag(row: Row) -> str:
    return base64.b64encode(f"{row['updated']}/{row['etag']}".encode()).decode()
