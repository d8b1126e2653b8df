"""The records of a system in memory that have no id anybody could see yet: under which names they are shown."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from tieline.model import Remote
from tieline.records import Kind

if TYPE_CHECKING:
    from tieline.testing.memory import Record


class Keyless:
    """Those of one system."""

    def __init__(self) -> None:
        self.keyless: dict[str, Record] = {}
        """Those without a visible id, by the one they have inside."""
        self.shown: dict[str, str] = {}
        """Every provisional id that was ever shown → the one inside."""

    def outer(self, remote: Remote) -> Remote:
        """A state of a record as it is shown: one without an id under a provisional one, made of what it holds."""
        record = self.keyless.get(remote.id)
        if record is None:
            return remote
        twins = [r for r in self.keyless.values() if r.kind == record.kind and not r.deleted]
        place = [r.id for r in twins if r.fields == remote.fields or r is record].index(record.id) if twins else 0
        digest = hashlib.blake2b(repr((record.kind, sorted(remote.fields.items()))).encode(), digest_size=6).hexdigest()
        shown = f"~{digest}" + (f".{place}" if place else "")
        self.shown[shown] = record.id
        return remote._replace(id=shown, provisional=True)

    def name(self, record: Record) -> bool:
        """Give a record without a visible id its own; False when it has one."""
        record.keyless = False
        return self.keyless.pop(record.id, None) is not None

    def inner(self, kind: Kind, id: str) -> str:
        """The id inside that this one stands for now; an id without a record where it stands for nobody."""
        if id in self.keyless:
            return ""
        if not id.startswith("~"):
            return id
        living = (r for r in self.keyless.values() if r.kind == kind and not r.deleted)
        return next((r.id for r in living if self.outer(r.remote).id == id), "")
