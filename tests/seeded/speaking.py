"""Bugs of a connector: how it addresses records, and what it makes of an answer. Each breaks the one in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from tieline.model import Outcome, Page, Write
from tieline.testing.memory_connector import MemoryConnector


@contextmanager
def identitytwin() -> Iterator[None]:
    """A changed e-mail address is written as if it named somebody: it makes a second contact, or changes another."""
    real = MemoryConnector._update

    def update(self: MemoryConnector, kind: Any, stream: str, write: Write) -> Outcome:
        record = self.system.get(kind, self._target(kind, write))
        email = write.fields.get("email")
        known = record is not None and not record.deleted and record.fields.get("email")
        if kind == "contact" and write.op == "update" and email and known and known != email:
            there = (r for r in self.system.alive(kind) if r.fields.get("email") == email and not r.keyless)
            holder = next(there, None)
            if holder is None:
                return self._create(kind, stream, write)
            write = write._replace(remote_id=holder.id, version="")
        return real(self, kind, stream, write)

    with patch.object(MemoryConnector, "_update", update):
        yield


@contextmanager
def roworder() -> Iterator[None]:
    """A row is written by the place it had in the last listing, not by its key."""
    real_list, real_target = MemoryConnector.list, MemoryConnector._target
    places: dict[int, dict[str, int]] = {}

    def living(self: MemoryConnector, kind: Any) -> list[str]:
        return [i for i in self.system.ids[kind] if not self.system.records[kind][i].deleted]

    def listed(self: MemoryConnector, stream: str, token: str | None) -> Page:
        if self.system.character.full_listing:
            rows = living(self, self._kind[stream])
            places.setdefault(id(self.system), {}).update({i: n for n, i in enumerate(rows)})
        return real_list(self, stream, token)

    def target(self: MemoryConnector, kind: Any, write: Write) -> str:
        found = real_target(self, kind, write)
        place = places.get(id(self.system), {}).get(found)
        rows = living(self, kind) if place is not None else []
        return rows[place] if place is not None and place < len(rows) else found

    with patch.object(MemoryConnector, "list", listed), patch.object(MemoryConnector, "_target", target):
        yield


@contextmanager
def etagignored() -> Iterator[None]:
    """The version that a write was planned on is not sent along: what somebody typed since is written over."""
    real = MemoryConnector._update

    def update(self: MemoryConnector, kind: Any, stream: str, write: Write) -> Outcome:
        return real(self, kind, stream, write._replace(version=""))

    with patch.object(MemoryConnector, "_update", update):
        yield


@contextmanager
def wholebatch() -> Iterator[None]:
    """A call that was refused whole because of one bad write counts as done for the others in it."""
    real = MemoryConnector.write

    def write(self: MemoryConnector, stream: str, writes: Sequence[Write]) -> Sequence[Outcome]:
        kind = self._kind[stream]
        bad = {w for w in range(len(writes)) if self.system.refusals(kind, writes[w].fields, writes[w].op == "create")}
        if not bad or any(w.op != "update" for w in writes):
            return real(self, stream, writes)
        outcomes = []
        for number, one in enumerate(writes):
            record = self.system.get(kind, self._target(kind, one))
            if number in bad or record is None or record.deleted or record.stream != stream:
                outcomes += real(self, stream, [one])
            else:
                held = self._seen(record.remote)
                outcomes.append(Outcome("ok", held._replace(fields={**held.fields, **one.fields}), held.id))
        return outcomes

    with patch.object(MemoryConnector, "write", write):
        yield
