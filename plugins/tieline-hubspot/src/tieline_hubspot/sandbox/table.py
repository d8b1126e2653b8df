"""The records of one object type: by id, by unique value, in id order, and the search index behind them.

Keeps what it is told; which values may be written is decided in `values`, what follows from them in `records`.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tieline_hubspot.sandbox.schema import ObjectType, Property
from tieline_hubspot.sandbox.wire import PORTAL, iso

LAG_MS = 10_000
"""How long the search index stays behind under the vice `search-lag`."""


class Record:
    """One record. `props` holds every property that was ever set, the system's own among them; `""` is cleared."""

    __slots__ = ("archived", "created", "history", "id", "props", "updated")

    def __init__(self, key: int, created: int, updated: int) -> None:
        self.id = key
        self.props: dict[str, str] = {"hs_object_id": str(key)}
        self.created = created
        self.updated = updated
        self.archived: int | None = None
        self.history: dict[str, list[tuple[int, str]]] = {}

    def versions(self, name: str) -> list[tuple[int, str]]:
        """The values a property has had, newest first, with the stamp of each."""
        known = self.history.get(name)
        if known is None:
            return [(self.created, self.props[name])] if self.props.get(name) else []
        return known[::-1]


def _values(name: str, record: Record) -> list[str]:
    """What a record holds of a unique property; the e-mail addresses it took over in merges count too."""
    values = [record.props.get(name) or ""]
    if name == "email":
        values += record.props.get("hs_additional_emails", "").split(";")
    return [v for v in values if v]


class Table:
    """All records of one type. `now` arguments are ms."""

    def __init__(self, kind: ObjectType, properties: dict[str, Property], lagging: bool = False) -> None:
        self.kind = kind
        self.properties = properties
        self.records: dict[int, Record] = {}
        self.alive: list[int] = []
        self.dead: list[int] = []
        self.merged: dict[int, int] = {}
        self.version = 0
        self.lagging = lagging
        self._unique: dict[str, dict[str, int]] = {}
        self._index: dict[int, dict[str, str]] = {}
        self._pending: list[tuple[int, int, dict[str, str] | None]] = []

    # -- finding

    def unique_names(self) -> list[str]:
        """Properties whose values are unique: `email` of contacts, and whatever is defined so."""
        own = [p.name for p in self.properties.values() if p.unique]
        return ["email", *own] if self.kind.name == "contacts" else own

    def find(self, text: str, name: str | None = None) -> Record | None:
        """A record by id or by the value of a unique property; the id of a merged one leads to the winner [memory]."""
        if name and name != "hs_object_id":
            key = self._keys(name).get(text.strip().lower())
            return self.records.get(key) if key is not None else None
        if not text.isdigit():
            return None
        key = int(text)
        while key in self.merged:
            key = self.merged[key]
        return self.records.get(key)

    def holder(self, name: str, value: str) -> int | None:
        """The id of the living record that has this value of a unique property."""
        return self._keys(name).get(value.strip().lower())

    def page(self, ids: list[int], after: int, limit: int) -> tuple[list[Record], int | None]:
        """Records from id `after` on, and the id that the next page starts at."""
        start = bisect_left(ids, after)
        chosen = ids[start : start + limit]
        rest = ids[start + limit] if start + limit < len(ids) else None
        return [self.records[i] for i in chosen], rest

    # -- changing

    def insert(self, record: Record) -> None:
        """Take in a record, alive or archived."""
        self.records[record.id] = record
        record.props.setdefault("createdate", iso(record.created))
        record.props[self.kind.modified] = iso(record.updated)
        insort(self.dead if record.archived is not None else self.alive, record.id)
        if record.archived is None:
            for name in self.unique_names():
                self._claim_all(name, record)
        self.version += 1

    def write(self, record: Record, values: Mapping[str, str], now: int) -> None:
        """Set property values; a value that differs gets a line in the history."""
        for name, value in values.items():
            before = record.props.get(name, "")
            if value != before:
                record.history.setdefault(name, [(record.created, before)] if before else []).append((now, value))
                if name in self._unique:
                    self._release(name, before, record.id)
                    self._claim(name, value, record.id)
            record.props[name] = value
        if "hs_additional_emails" in values:
            self._claim_all("email", record)
        self.touch(record, now)

    def touch(self, record: Record, now: int) -> None:
        """Move the stamp of modification, never back."""
        record.updated = max(record.updated, now)
        record.props[self.kind.modified] = iso(record.updated)
        self.changed(record, now)

    def archive(self, record: Record, now: int) -> None:
        """Take a record out of lists and searches; its unique values are free again."""
        if record.archived is not None:
            return
        record.archived = now
        record.updated = max(record.updated, now)
        record.props[self.kind.modified] = iso(record.updated)
        self.alive.remove(record.id)
        insort(self.dead, record.id)
        for name in self.unique_names():
            for value in _values(name, record):
                self._release(name, value, record.id)
        self.changed(record, now)

    def purge(self, record: Record, now: int) -> None:
        """Forget a record wholly."""
        self.archive(record, now)
        self.dead.remove(record.id)
        del self.records[record.id]

    def reindex(self, name: str) -> None:
        """Build the index of a property that has become unique."""
        self._unique.pop(name, None)
        self._keys(name)

    def _keys(self, name: str) -> dict[str, int]:
        keys = self._unique.get(name)
        if keys is None:
            keys = self._unique[name] = {}
            for i in self.alive:
                self._claim_all(name, self.records[i])
        return keys

    def _claim_all(self, name: str, record: Record) -> None:
        for value in _values(name, record):
            self._claim(name, value, record.id)

    def _claim(self, name: str, value: str | None, key: int) -> None:
        if value:
            self._keys(name).setdefault(value.lower(), key)

    def _release(self, name: str, value: str | None, key: int) -> None:
        keys = self._keys(name)
        if value and keys.get(value.lower()) == key:
            del keys[value.lower()]

    # -- the search index

    def changed(self, record: Record, now: int) -> None:
        """Note a change for the index: at once, or later under the vice `search-lag`."""
        self.version += 1
        if self.lagging:
            snapshot = dict(record.props) if record.archived is None else None
            self._pending.append((now + LAG_MS, record.id, snapshot))

    def settle(self, now: int) -> None:
        """Let the index take in what is due."""
        due = 0
        for when, key, snapshot in self._pending:
            if when > now:
                break
            due += 1
            if snapshot is None:
                self._index.pop(key, None)
            else:
                self._index[key] = snapshot
        if due:
            del self._pending[:due]
            self.version += 1

    def index_now(self) -> None:
        """Bring the index up to date: what was loaded is old news."""
        if self.lagging:
            self._pending.clear()
            self._index = {i: dict(self.records[i].props) for i in self.alive}

    def indexed(self) -> Iterator[tuple[int, Mapping[str, str]]]:
        """(id, properties) as the index knows them, in id order; under the vice, as they were."""
        if not self.lagging:
            return ((i, self.records[i].props) for i in self.alive)
        return ((i, self._index[i]) for i in sorted(self._index))

    # -- the wire, and keeping

    def view(self, record: Record, names: Iterable[str]) -> dict[str, Any]:
        """A record as answered: these properties that exist, null where never set."""
        props, known = record.props, self.properties
        body: dict[str, Any] = {
            "id": str(record.id),
            "properties": {n: props.get(n) for n in names if n in known},
            "createdAt": iso(record.created),
            "updatedAt": iso(record.updated),
            "archived": record.archived is not None,
        }
        if record.archived is not None:
            body["archivedAt"] = iso(record.archived)
        body["url"] = f"https://app.hubspot.com/contacts/{PORTAL}/record/{self.kind.type_id}/{record.id}"
        return body

    def histories(self, record: Record, names: Iterable[str]) -> dict[str, Any]:
        """Property → its values, newest first, with stamp and source [doc]."""
        source = {"sourceType": "INTEGRATION", "sourceId": record.props.get("hs_object_source_id", "")}
        return {
            name: [{"value": value, "timestamp": iso(when), **source} for when, value in record.versions(name)]
            for name in names
            if name in self.properties
        }

    def names(self, asked: Iterable[str] | None) -> list[str]:
        """What is answered for `properties=`: the default few, or those asked for and three of the system's [rec]."""
        if not asked:
            return list(self.kind.defaults)
        created = "hs_createdate" if self.kind.name == "users" else "createdate"
        return sorted({*asked, created, self.kind.modified, "hs_object_id"})

    def dump(self) -> dict[str, Any]:
        """Everything, as plain JSON."""
        body: dict[str, Any] = {
            "records": [
                {
                    "id": r.id,
                    "properties": dict(sorted(r.props.items())),
                    "created": r.created,
                    "updated": r.updated,
                    "archived": r.archived,
                    "history": {n: [list(v) for v in rows] for n, rows in sorted(r.history.items())},
                }
                for _, r in sorted(self.records.items())
            ],
            "merged": {str(k): v for k, v in sorted(self.merged.items())},
        }
        if self._pending:
            late = {key for _, key, _ in self._pending}
            body["index"] = {str(k): self._index.get(k) for k in sorted(late)}
            body["pending"] = [list(p) for p in self._pending]
        return body

    def restore(self, body: Mapping[str, Any]) -> None:
        """Take in what `dump` gave; the table is empty before."""
        for row in body["records"]:
            record = Record(row["id"], row["created"], row["updated"])
            record.props.update(row["properties"])
            record.archived = row["archived"]
            record.history = {n: [(v[0], v[1]) for v in rows] for n, rows in row["history"].items()}
            self.insert(record)
        self.merged = {int(k): v for k, v in body["merged"].items()}
        self.index_now()
        if self.lagging and "pending" in body:
            for key, props in body["index"].items():
                self._index.pop(int(key), None)
                if props is not None:
                    self._index[int(key)] = dict(props)
            self._pending = [(p[0], p[1], p[2]) for p in body["pending"]]
