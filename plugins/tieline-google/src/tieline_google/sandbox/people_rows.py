"""The contacts and labels that the stand-in keeps, in the order of their changes. Checks and answers nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tieline_google.sandbox.wire import Row

MINE = "contactGroups/myContacts"
SYSTEM_GROUPS: Mapping[str, str] = {
    "starred": "Starred",
    "friends": "Friends",
    "family": "Family",
    "coworkers": "Coworkers",
    "myContacts": "My Contacts",
    "chatBuddies": "Chat contacts",
    "all": "All Contacts",
    "blocked": "Blocked",
}
"""Google's own labels, and how people see them [cap]."""
LAG_MS = 180_000
"""How far a listing is behind under the vice `propagation`."""


class People:
    """All contacts by their ids, deleted ones too, and all labels by their resource names."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.groups: dict[str, Row] = {}
        self.moved: dict[str, str] = {}
        """Old id → the id of who has taken its place."""
        self.changes = 0
        """How often anything changed: what a sync token counts in."""
        self.older: dict[str, list[Row]] = {}
        """What contacts were, with `until`, for listings that are behind; kept only where they are."""
        for name in SYSTEM_GROUPS:
            self.groups[f"contactGroups/{name}"] = {"name": name, "system": True, "updated": 0, "etag": 0}

    # -- contacts

    def make(self, fields: Mapping[str, Any], groups: list[str], now: int, *, lag: bool = False) -> Row:
        """A new contact; nothing is checked."""
        number = 2_600_607_527_630_000_000 + 7_919 * (len(self.rows) + len(self.moved) + 1)
        row: Row = {"id": f"people/c{number}", "source": f"{number:x}", "created": now, "deleted": False}
        row |= {"fields": dict(fields), "groups": groups or [MINE], "previous": []}
        self.rows[row["id"]] = row
        self._stamp(row, now)
        if lag:
            self.older[row["id"]] = [{"missing": True, "until": now}]
        return row

    def put(self, id: str, now: int, *, lag: bool = False, **changes: Any) -> Row:
        """A contact with other values."""
        if lag:
            self.older.setdefault(id, []).append({**self.rows[id], "until": now})
        row = {**self.rows[id], **changes}
        self.rows[id] = row
        self._stamp(row, now)
        return row

    def merge(self, winner: str, loser: str, now: int, *, lag: bool = False) -> None:
        """A person merges two contacts: the winner answers to both ids, and to those the other answered to."""
        old = [*self.rows[loser]["previous"], loser]
        self.put(winner, now, lag=lag, previous=[*self.rows[winner]["previous"], *old])
        del self.rows[loser]
        self.older.pop(loser, None)
        self.moved.update(dict.fromkeys(old, winner))

    def drop(self, id: str, now: int, *, lag: bool = False) -> None:
        """Delete a contact; that it was there is remembered."""
        self.put(id, now, lag=lag, deleted=True, fields={}, groups=[])

    def alive(self, id: str) -> Row | None:
        """The contact of an id, old ones too; None: there is none, or it is deleted."""
        row = self.rows.get(self.moved.get(id, id))
        return None if row is None or row["deleted"] else row

    def listed(self, now: int, *, lag: bool = False) -> list[Row]:
        """What a listing shows, deleted ones too, oldest change first."""
        rows = (self._shown(row, now) for row in self.rows.values()) if lag else self.rows.values()
        return sorted((r for r in rows if "missing" not in r), key=lambda row: int(row["change"]))

    def horizon(self, now: int, *, lag: bool = False) -> int:
        """The newest change up to which a listing shows everything."""
        hidden = [row["change"] for row in self.rows.values() if self._shown(row, now) is not row] if lag else []
        return min(hidden) - 1 if hidden else self.changes

    def _shown(self, row: Row, now: int) -> Row:
        """A contact as a listing that is behind has it."""
        older = self.older.get(row["id"], ())
        return next((old for old in older if old["until"] > now - LAG_MS), row)

    def _stamp(self, row: Row, now: int) -> None:
        self.changes += 1
        row["change"], row["modified"] = self.changes, now

    # -- labels

    def make_group(self, name: str, now: int) -> str:
        """A new label; nothing is checked. Its resource name."""
        key = f"contactGroups/{0x50EA5F3188530000 + 31 * (len(self.groups) + self.changes):x}"
        self.groups[key] = {"name": name, "system": False, "updated": now, "etag": 1}
        return key

    def members(self, group: str) -> list[str]:
        """The ids of who has a label."""
        if group == "contactGroups/all":
            return [id for id, row in self.rows.items() if not row["deleted"]]
        return [id for id, row in self.rows.items() if group in row["groups"]]

    def drop_group(self, group: str, now: int) -> None:
        """Delete a label; nobody is deleted."""
        del self.groups[group]
        for id, row in list(self.rows.items()):
            if group in row["groups"]:
                self.put(id, now, groups=[g for g in row["groups"] if g != group] or [MINE])

    def dump(self) -> dict[str, Any]:
        """All of it as plain JSON."""
        return {name: getattr(self, name) for name in ("rows", "groups", "moved", "changes", "older")}

    def restore(self, body: Mapping[str, Any]) -> None:
        """Take in what `dump` gave."""
        for name in ("rows", "groups", "moved", "older"):
            setattr(self, name, dict(body[name]))
        self.changes = body["changes"]
