"""The Drive API: files and their metadata, whom they are shared with, and what changed."""

from __future__ import annotations

import re
from typing import Any

from tieline.sandbox import Answer
from tieline_google.sandbox.call import Call
from tieline_google.sandbox.files import FOLDER, ROOT
from tieline_google.sandbox.mask import masked
from tieline_google.sandbox.oauth import need
from tieline_google.sandbox.query import test_of
from tieline_google.sandbox.vices import lags
from tieline_google.sandbox.wire import Row, empty, invalid_older, iso, nowhere, number, refuse_older

WRITE = ("drive", "drive.file")
READ = (*WRITE, "drive.readonly", "drive.metadata", "drive.metadata.readonly")
_EVERY_FILE = frozenset(READ) - {"drive.file"}
"""With `drive.file` alone only what this application made is there [spec]."""
_SHOWN = "kind,id,name,mimeType"
"""What comes without `fields` [doc]."""
_PERMISSION = "kind,id,type,role"
ROLES = ("owner", "organizer", "fileOrganizer", "writer", "commenter", "reader")
_ADDRESS = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>]+")
_PROPERTY_BYTES = 124
"""Of one property, its name included [doc]."""


def answer(call: Call) -> Answer:
    """Whatever is asked below /drive/v3."""
    asked = (call.method, *call.rest.strip("/").split("/"))
    match asked:
        case ("GET", "files"):
            return _list(call)
        case ("POST", "files"):
            return _create(call)
        case ("GET", "files", "generateIds"):
            return _generate(call)
        case ("GET", "files", id):
            need(call, *READ)
            return Answer(200, shown(call, _row(call, id), call.param("fields")))
        case ("PATCH", "files", id):
            return _update(call, id)
        case ("DELETE", "files", id):
            need(call, *WRITE)
            call.state.files.drop(_row(call, id)["id"])
            return empty()
        case ("GET" | "POST", "files", id, "permissions"):
            return _permissions(call, id)
        case ("GET", "changes", "startPageToken"):
            need(call, *READ)
            return Answer(200, {"kind": "drive#startPageToken", "startPageToken": str(call.state.files.changes + 1)})
        case ("GET", "changes"):
            return _changes(call)
    raise nowhere()


# -- files


def shown(call: Call, row: Row, fields: str) -> Any:
    """A file's metadata: what `fields` names, or the four that come without it."""
    return masked(_everything(call, row), fields or _SHOWN)


def _everything(call: Call, row: Row) -> Row:
    link = "drive/folders/" if row["mimeType"] == FOLDER else "spreadsheets/d/"
    host = "https://drive.google.com/" if row["mimeType"] == FOLDER else "https://docs.google.com/"
    body = {
        "kind": "drive#file",
        "id": row["id"],
        "name": row["name"],
        "mimeType": row["mimeType"],
        "parents": row["parents"],
        "trashed": row["trashed"],
        "explicitlyTrashed": row["trashed"],
        "version": str(row["version"]),
        "createdTime": iso(row["created"]),
        "modifiedTime": iso(row["modified"]),
        "webViewLink": f"{host}{link}{row['id']}",
        "permissions": [_permission(call, p) for p in _grants(call, row)],
        "ownedByMe": True,
    }
    if row["appProperties"]:
        body["appProperties"] = dict(row["appProperties"])
    return body


def _row(call: Call, id: str) -> Row:
    row = call.state.files.rows.get(id)
    if row is None or not _visible(call, row):
        raise _gone(id)
    return row


def _gone(id: str) -> Exception:
    return refuse_older(404, f"File not found: {id}.", "notFound", locationType="parameter", location="fileId")


def _visible(call: Call, row: Row) -> bool:
    return bool(row.get("app")) or bool(call.scopes & _EVERY_FILE)


def _list(call: Call) -> Answer:
    """A search. Under the vice `search-lag` it does not know what is younger than a minute."""
    need(call, *READ)
    test = test_of(call.param("q"))
    rows = [r for r in call.state.files.rows.values() if _visible(call, r) and test(r)]
    rows = [r for r in rows if not lags(call, r["created"])]
    rows.sort(key=lambda r: (r["modified"], r["id"]), reverse=True)
    size, start = _size(call, 100), number(call.param("pageToken", "0"))
    body: Row = {"kind": "drive#fileList", "incompleteSearch": False}
    if start + size < len(rows):
        body["nextPageToken"] = str(start + size)
    fields = call.param("fields") or f"kind,incompleteSearch,nextPageToken,files({_SHOWN})"
    body["files"] = [_everything(call, row) for row in rows[start : start + size]]
    return Answer(200, masked(body, fields))


def _size(call: Call, default: int) -> int:
    """`pageSize`; more than 1,000 counts as 1,000 [spec]."""
    size = number(call.param("pageSize", str(default)))
    if size < 1:
        raise invalid_older("Invalid value '0'. Values must be within the range: [1, 1000]", "pageSize")
    return min(size, 1000)


def _generate(call: Call) -> Answer:
    need(call, *WRITE)
    ids = [call.state.files.id() for _ in range(number(call.param("count", "10")))]
    return Answer(200, {"kind": "drive#generatedIds", "space": "drive", "ids": ids})


def _create(call: Call) -> Answer:
    need(call, *WRITE)
    body, files = call.json(), call.state.files
    parents = tuple(body.get("parents") or ("root",))
    for parent in (p for p in parents if p not in ("root", ROOT)):
        if _row(call, parent)["mimeType"] != FOLDER:
            raise refuse_older(403, "The specified parent is not a folder.", "parentNotAFolder")
    if len(parents) > 1:
        raise refuse_older(400, "A file can only have a single parent folder.", "invalid")
    if body.get("id") in files.rows:
        raise refuse_older(409, "A file already exists with the provided ID.", "fileIdInUse")
    properties = _properties({}, body.get("appProperties"))
    name, mime = str(body.get("name") or "Untitled"), str(body.get("mimeType") or "application/octet-stream")
    made = files.make(name, mime, call.now, parents=parents, id=body.get("id", ""), app=True, appProperties=properties)
    return Answer(200, shown(call, made, call.param("fields")))


def _properties(held: Row, given: Any) -> Row:
    """A null takes one away [spec]."""
    merged = {**held, **(given or {})}
    for name, value in merged.items():
        if value is not None and len(f"{name}{value}".encode()) > _PROPERTY_BYTES:
            raise refuse_older(400, "The property is too large.", "propertyTooLarge")
    return {name: str(value) for name, value in merged.items() if value is not None}


def _update(call: Call, id: str) -> Answer:
    need(call, *WRITE, "drive.metadata")
    row, body = _row(call, id), call.json()
    row["appProperties"] = _properties(row["appProperties"], body.get("appProperties"))
    row |= {name: body[name] for name in ("name", "trashed") if name in body}
    removed = set(call.param("removeParents").split(","))
    added = [p for p in call.param("addParents").split(",") if p]
    row["parents"] = [p for p in row["parents"] if p not in removed and not added] + added
    call.state.files.touch(id, call.now)
    return Answer(200, shown(call, row, call.param("fields")))


# -- permissions


def _grants(call: Call, row: Row) -> list[Row]:
    """The owner's comes first."""
    return [{"emailAddress": call.who, "role": "owner", "type": "user"}, *row["permissions"]]


def _permission(call: Call, grant: Row) -> Row:
    who = grant.get("emailAddress") or grant.get("domain") or "anyone"
    id = "".join(str(ord(c) % 10) for c in who)[:20].rjust(20, "0") if who != "anyone" else "anyoneWithLink"
    return {"kind": "drive#permission", "id": id, **grant, "displayName": who.partition("@")[0]}


def _permissions(call: Call, id: str) -> Answer:
    if call.method == "GET":
        need(call, *READ)
        rows = [_permission(call, g) for g in _grants(call, _row(call, id))]
        body = {"kind": "drive#permissionList", "permissions": rows}
        return Answer(200, masked(body, call.param("fields") or f"kind,nextPageToken,permissions({_PERMISSION})"))
    need(call, *WRITE)
    row, given = _row(call, id), call.json()
    kind, role = given.get("type"), given.get("role")
    if kind not in ("user", "group", "domain", "anyone") or role not in ROLES:
        raise refuse_older(400, "The permission type and role fields are required.", "required")
    grant: Row = {name: given[name] for name in ("type", "role", "emailAddress", "domain") if name in given}
    if kind in ("user", "group") and not _ADDRESS.fullmatch(str(given.get("emailAddress", ""))):
        raise refuse_older(400, "The specified emailAddress is invalid or not applicable.", "invalidSharingRequest")
    if str(given.get("emailAddress", "")).rpartition("@")[2] in call.state.closed_domains:
        said = "The owner of the item does not allow it to be shared outside of the organization."
        raise refuse_older(403, said, "shareOutNotPermitted")
    same = [p for p in row["permissions"] if p.get("emailAddress") != grant.get("emailAddress") or p["type"] != kind]
    row["permissions"] = [*same, grant]
    if call.param("sendNotificationEmail", "true") == "true" and kind in ("user", "group"):
        call.state.notified.append(str(grant["emailAddress"]))
    call.state.files.touch(id, call.now)
    return Answer(200, masked(_permission(call, grant), call.param("fields") or _PERMISSION))


# -- changes


def _changes(call: Call) -> Answer:
    """What changed since a token, each file once, oldest first."""
    need(call, *READ)
    if not call.param("pageToken"):
        raise invalid_older("Required parameter: pageToken", "pageToken", "required")
    since, files = number(call.param("pageToken")), call.state.files
    found = [(row["change"], id) for id, row in files.rows.items() if row["change"] >= since and _visible(call, row)]
    if call.param("includeRemoved", "true") == "true":
        found += [(change, id) for id, change in files.removed.items() if change >= since]
    found.sort()
    size = _size(call, 100)
    body: Row = {"kind": "drive#changeList"}
    if len(found) > size:
        body["nextPageToken"] = str(found[size][0])
    else:
        body["newStartPageToken"] = str(files.changes + 1)
    body["changes"] = [_change(call, id) for _, id in found[:size]]
    shown_file = f"kind,type,changeType,time,removed,fileId,file({_SHOWN})"
    return Answer(
        200, masked(body, call.param("fields") or f"kind,nextPageToken,newStartPageToken,changes({shown_file})")
    )


def _change(call: Call, id: str) -> Row:
    row = call.state.files.rows.get(id)
    head = {"kind": "drive#change", "type": "file", "changeType": "file", "fileId": id, "removed": row is None}
    if row is None:
        return {**head, "time": iso(call.now)}
    return {**head, "time": iso(row["modified"]), "file": _everything(call, row)}
