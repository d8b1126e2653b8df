"""The org's users by e-mail address: who can own a record. Never picks a default; remembers what it asked."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from tieline_salesforce import soql_text
from tieline_salesforce.wire import Wire

COLUMNS = ("Id", "Email", "IsActive")


class _Found(NamedTuple):
    user: str | None
    why_not: str = ""


class Owners:
    """Looks users up, each address once in the life of the connector."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._lock = threading.Lock()
        self._known: dict[str, _Found] = {}

    def learn(self, addresses: Iterable[str]) -> None:
        """Ask for those that are not known yet, all in one query where a URL holds them."""
        new = sorted({a.lower() for a in addresses} - self._known.keys())
        if not new:
            return
        room = soql_text.room_after(soql_text.select(COLUMNS, "User", "Email IN ()"))
        rows: list[dict[str, Any]] = []
        for where in soql_text.within("Email", new, room):
            first = self._wire.query(soql_text.select(COLUMNS, "User", where)).data
            rows += (row for page in self._wire.pages(first) for row in page["records"])
        found: dict[str, list[dict[str, Any]]] = {}
        for row in rows:
            found.setdefault(str(row.get("Email") or "").lower(), []).append(row)
        with self._lock:
            self._known.update({a: _choose(a, found.get(a, ())) for a in new})

    def id_of(self, address: str) -> str:
        """The user's id; asks if need be. Raises ValueError saying why there is none."""
        self.learn([address])
        found = self._known[address.lower()]
        if found.user is None:
            raise ValueError(found.why_not)
        return found.user


def _choose(address: str, users: Sequence[dict[str, Any]]) -> _Found:
    active = [u for u in users if u.get("IsActive", True)]
    if len(active) == 1:
        return _Found(str(active[0]["Id"]))
    if active:
        return _Found(None, f"{len(active)} active Salesforce users have the e-mail address {address}")
    if users:
        return _Found(None, f"the Salesforce user {address} is inactive and cannot own records")
    return _Found(None, f"no Salesforce user has the e-mail address {address}")
