"""Folders in Drive as actions: made once for each key, shared with whom the action names. Decides nothing about when.

Drive finds nothing by an id of our choice, so the key is a property of the folder, which a search finds [doc]. Sharing
takes calls of its own: a folder whose sharing was not finished carries a second property until it is. `acted` leaves
it out, and `act` goes on with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from tieline import Action, Cell, ContractViolation, Problem, RateLimited, Receipt, Unavailable
from tieline_google.actions.common import addresses, asked, digest, flag, line, problem_of, rejected, taken
from tieline_google.wire import DRIVE, Refused, Wire

FOLDER = "folder"
_MIME = "application/vnd.google-apps.folder"
_KEY, _OPEN = "tieline_key", "tieline_open"
_LONGEST = 124 - len(_KEY)
"""Bytes of a property's value: its name counts with it [doc]."""
ROLES = ("reader", "commenter", "writer")
_TOGETHER = 10
"""Keys that one search looks for: its text stands in an address."""
_FIELDS = "id,webViewLink,trashed,createdTime,appProperties,permissions(emailAddress)"
_ALL_DRIVES = {"supportsAllDrives": "true"}
_BLAMED = {"notFound": "parent", "insufficientParentPermissions": "parent", "parentNotAFolder": "parent"}

Row = Mapping[str, Any]


def _role(value: Cell) -> str:
    text = line(value)
    if text and text not in ROLES:
        raise ValueError(f"it must be one of {', '.join(ROLES)}")
    return text


_READERS = {"name": line, "parent": line, "share": addresses, "role": _role, "notify": flag}
FIELDS = tuple(_READERS)
"""What an action may say of its folder."""


def property_of(key: str) -> str:
    """A key as the folder holds it: itself, or its digest where it is too long for a property."""
    return key if len(key.encode()) <= _LONGEST else digest(key)


def query_of(keys: Sequence[str]) -> str:
    """The search for folders with one of these properties."""
    held = (property_of(k).replace("\\", "\\\\").replace("'", "\\'") for k in keys)
    terms = " or ".join(f"appProperties has {{ key='{_KEY}' and value='{h}' }}" for h in held)
    return f"mimeType = '{_MIME}' and ({terms})"


class Folders:
    """Makes folders in one account's Drive."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def act(self, action: Action) -> Receipt:
        """Make the folder and share it; `exists` where this key had one already."""
        wanted, problems = taken(action, _READERS, "name")
        if problems:
            return rejected(problems)
        share = wanted.get("share", [])
        found = self._search([action.key]).get(action.key) if share else None
        if found is not None and not _unfinished(found):
            return _receipt(found, "exists")
        try:
            row = found if found is not None else self._make(action.key, wanted, bool(share))
        except Refused as error:
            return rejected([problem_of(error, _BLAMED)])
        if not share:
            return _receipt(row, "ok")
        return self._shared(row, wanted)

    def acted(self, keys: Sequence[str]) -> dict[str, Receipt]:
        """Key → its folder, also one in the bin; one that is still to be shared is left out."""
        found: dict[str, Receipt] = {}
        for start in range(0, len(keys), _TOGETHER):
            rows = self._search(keys[start : start + _TOGETHER])
            found |= {key: _receipt(row, "ok") for key, row in rows.items() if not _unfinished(row)}
        return found

    def _make(self, key: str, wanted: Mapping[str, Any], share: bool) -> Row:
        held = {_KEY: property_of(key), **({_OPEN: "1"} if share else {})}
        body: dict[str, Any] = {"name": wanted["name"], "mimeType": _MIME, "appProperties": held}
        if "parent" in wanted:
            body["parents"] = [wanted["parent"]]
        params = {**_ALL_DRIVES, "fields": _FIELDS}
        return asked(lambda: self._wire.write("POST", f"{DRIVE}/files", body, params)).data

    def _shared(self, row: Row, wanted: Mapping[str, Any]) -> Receipt:
        """Share the folder with whom it is not shared yet. It is there, so that no error may promise it is not."""
        with_ = {str(p.get("emailAddress")).casefold() for p in _permissions(row) if isinstance(p, Mapping)}
        role, notify = wanted.get("role", "reader"), "true" if wanted.get("notify") else "false"
        params = {**_ALL_DRIVES, "sendNotificationEmail": notify, "fields": "id"}
        path = f"{DRIVE}/files/{quote(_id(row), safe='')}"
        problems = []
        try:
            for address in (a for a in wanted["share"] if a.casefold() not in with_):
                body = {"type": "user", "role": role, "emailAddress": address}
                try:
                    asked(lambda body=body: self._wire.write("POST", f"{path}/permissions", body, params))  # type: ignore[misc]
                except Refused as error:
                    what = f"the folder is made, and not shared with {address}: {error}"
                    problems.append(Problem("share", what, error.code or "invalid"))
            if problems:
                return Receipt("rejected", _id(row), _url(row), tuple(problems))
            done = {"appProperties": {_OPEN: None}}
            asked(lambda: self._wire.write("PATCH", path, done, {**_ALL_DRIVES, "fields": "id"}))
        except (RateLimited, Unavailable, Refused) as error:
            raise Unavailable(f"the folder is made, its sharing is not finished: {error}", sent=True) from None
        return _receipt(row, "ok")

    def _search(self, keys: Sequence[str]) -> dict[str, Row]:
        """Key → its folder; of several the oldest, of those that are finished where there is one."""
        by_property = {property_of(key): key for key in keys}
        found: dict[str, Row] = {}
        for row in self._rows(query_of(keys)):
            key = by_property.get(str(_properties(row).get(_KEY)))
            if key is not None and (key not in found or _rank(row) < _rank(found[key])):
                found[key] = row
        return found

    def _rows(self, query: str) -> Iterator[Row]:
        params: dict[str, Any] = {"q": query, "fields": f"nextPageToken,files({_FIELDS})"}
        params |= {**_ALL_DRIVES, "includeItemsFromAllDrives": "true"}
        tokens: set[str] = set()
        while True:
            data = self._wire.get(f"{DRIVE}/files", params).data
            files = data.get("files")
            if not isinstance(files, list):
                raise ContractViolation("Drive answered without a list of files")
            yield from (f for f in files if isinstance(f, Mapping) and f.get("id"))
            if not data.get("nextPageToken"):
                return
            params["pageToken"] = token = str(data["nextPageToken"])
            if token in tokens:
                raise ContractViolation("Drive answers the same page of a search again and again")
            tokens.add(token)


def _unfinished(row: Row) -> bool:
    return _properties(row).get(_OPEN) is not None


def _properties(row: Row) -> Row:
    """The folder's private properties. Raises ContractViolation where an answer has something else in their place."""
    held = row.get("appProperties") or {}
    if not isinstance(held, Mapping):
        raise ContractViolation("Drive answered a folder whose properties are none")
    return held


def _permissions(row: Row) -> Sequence[Any]:
    """With whom the folder is shared. Raises Unavailable for something else: the folder is there."""
    held = row.get("permissions") or ()
    if not isinstance(held, list | tuple):
        raise Unavailable("Drive answered a folder whose permissions are no list", sent=True)
    return held


def _rank(row: Row) -> tuple[bool, str]:
    return _unfinished(row), str(row.get("createdTime") or "~")


def _id(row: Row) -> str:
    """Raises Unavailable where an answer does not say under which id the folder is."""
    if not row.get("id"):
        raise Unavailable("Drive made a folder and did not say which", sent=True)
    return str(row["id"])


def _url(row: Row) -> str:
    return str(row.get("webViewLink") or f"https://drive.google.com/drive/folders/{_id(row)}")


def _receipt(row: Row, status: Any) -> Receipt:
    return Receipt(status, _id(row), _url(row), state="trashed" if row.get("trashed") else "")
