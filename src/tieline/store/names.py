"""By which ids a remote is known: old ones, its own, the one it is still to get. Reads and writes, decides nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tieline.records import Kind
from tieline.store.db import Db, marks
from tieline.store.forms import parts


class Names:
    """Ids and aliases."""

    def __init__(self, db: Db) -> None:
        self.db = db
        self._sql = db.sql

    def alias(self, system: str, kind: Kind, old_id: str, remote_id: str) -> None:
        """Remember that an old id answers to another; chains are kept one step long."""
        self._sql.execute(
            "UPDATE alias SET remote_id = ? WHERE system = ? AND kind = ? AND remote_id = ?",
            (remote_id, system, kind, old_id),
        )
        self._sql.execute("INSERT OR REPLACE INTO alias VALUES (?, ?, ?, ?)", (system, kind, old_id, remote_id))

    def aliases(self, system: str, kind: Kind, ids: Sequence[str]) -> dict[str, str]:
        """Old id → the id it answers to, for those of `ids` that are old."""
        found: dict[str, str] = {}
        if self.db.any("alias"):
            for part in parts(ids):
                query = (
                    "SELECT old_id, remote_id FROM alias WHERE system = ? AND kind = ? "
                    f"AND old_id IN ({marks(len(part))})"
                )
                found.update(self._sql.execute(query, (system, kind, *part)).fetchall())
        return found

    def owners(self, system: str, kind: Kind, ids: Sequence[str]) -> dict[str, str | None]:
        """Remote id (old ones too) → the record it is linked to, None when it is known but unlinked."""
        return {i: into or record for i, (record, into) in self.owners_named(system, kind, ids).items()}

    def owners_named(self, system: str, kind: Kind, ids: Sequence[str]) -> dict[str, tuple[str | None, str | None]]:
        """The same, each as (the record that is linked, the one which that was merged into)."""
        old = self.aliases(system, kind, ids)
        wanted = list({*ids, *old.values()})
        found: dict[str, tuple[str | None, str | None]] = {}
        for part in parts(wanted):
            query = (
                "SELECT l.remote_id, l.record, r.folded_into FROM link l "
                "LEFT JOIN record r ON r.id = l.record "
                f"WHERE l.system = ? AND l.kind = ? AND l.remote_id IN ({marks(len(part))})"
            )
            found.update((i, (own, into)) for i, own, into in self._sql.execute(query, (system, kind, *part)))
        found.update({a: found[b] for a, b in old.items() if b in found})
        return found

    # -- remotes without an id of their own

    def provisional(self, system: str, kind: Kind, stream: str, run: str = "") -> list[str]:
        """The ids of those remotes of a stream that have none of their own yet and are to get one, or are asked about;
        but for those a run just met."""
        query = (
            "SELECT remote_id FROM link WHERE system = ? AND kind = ? AND stream = ? AND provisional = 1 "
            "AND (record IS NOT NULL OR dirty = 1) AND pulled IS NOT ? ORDER BY remote_id"
        )
        return [i for (i,) in self._sql.execute(query, (system, kind, stream, run))]

    def placeholders(self, system: str, kind: Kind, hub_ids: Sequence[str]) -> dict[str, str]:
        """Record → the provisional id under which a remote of this system is linked to it, for those that have one."""
        found: dict[str, str] = {}
        for part in parts(hub_ids):
            query = (
                "SELECT record, remote_id FROM link WHERE system = ? AND kind = ? AND provisional = 1 "
                f"AND record IN ({marks(len(part))})"
            )
            found.update(self._sql.execute(query, (system, kind, *part)).fetchall())
        return found

    def rename(self, system: str, kind: Kind, old_id: str, remote_id: str, keys: Iterable[str]) -> None:
        """A remote that is matched by these keys got an id of its own, which nobody else has; the provisional one leads
        to it from now on."""
        place = (remote_id, system, kind, old_id)
        query = "UPDATE link SET remote_id = ?, provisional = 0 WHERE system = ? AND kind = ? AND remote_id = ?"
        self._sql.execute(query, place)
        query = (
            "UPDATE OR REPLACE matchkey SET remote_id = ? WHERE system = ? AND kind = ? AND remote_id = ? AND key = ?"
        )
        self._sql.executemany(query, [(*place, key) for key in keys])
        if old_id != remote_id:
            self.alias(system, kind, old_id, remote_id)

    # -- streams in which one of those was lost sight of

    def stray(self, system: str, stream: str, now: int) -> None:
        """A remote is not found under its provisional id any more (now, ms): it may be there under another one."""
        self.db.set_meta(f"astray:{system}:{stream}", str(now))

    def strayed(self, system: str, stream: str) -> int:
        """When that was seen last (ms), if not all of the stream was read since; 0: all was."""
        return int(self.db.meta(f"astray:{system}:{stream}") or 0)

    def met_again(self, system: str, stream: str) -> None:
        """All there is in the stream was read since."""
        self._sql.execute("DELETE FROM meta WHERE key = ?", (f"astray:{system}:{stream}",))
