"""The trees' tables: records, links, aliases, match keys, cursors. Reads and writes them, decides nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from tieline.model import Link, Record
from tieline.records import Kind
from tieline.store.db import marks
from tieline.store.forms import CHUNK, Cursor, Row, dumps, encode, link_of, loads, parts
from tieline.store.names import Names

_COLUMNS = (
    "system, kind, remote_id, stream, record, seen, base, times, sent, problems, version, modified, own, gone, "
    "hub_id, dirty, pulled, state, listed, risen, provisional"
)
_LINK = "stream, remote_id, record, seen, base, version, modified, times, sent, gone, hub_id, risen, provisional"
"""What a `Link` is made of besides system and kind, in its order."""
FRESH = (
    "system", "kind", "remote_id", "stream", "seen", "times", "problems", "version", "modified", "hub_id", "pulled",
    "state", "listed", "provisional",
)  # fmt: skip
"""What is known of a remote at first sight; it wants matching."""
Confirmed = tuple[str, str | None, str | None, str | None, str, int | None, str, Kind, str]
"""A link's trees after a write of our own: seen, base, times, sent, version, the stamp of that write where it is known;
and which link it is: system, kind, remote id."""
Placed = tuple[str, str, str, int, int, str, Kind, str]
"""The same after the usual update of a usual link: seen, base, version, stamp; and the number that its row had, system,
kind, remote id."""


class Trees(Names):
    """Records and links."""

    # -- links

    def links(self, system: str, kind: Kind, ids: Sequence[str]) -> dict[str, Row]:
        """The rows of these remotes, by remote id; old ids are not followed."""
        found: dict[str, Row] = {}
        for part in parts(ids):
            query = f"SELECT {_COLUMNS} FROM link WHERE system = ? AND kind = ? AND remote_id IN ({marks(len(part))})"
            for values in self._sql.execute(query, (system, kind, *part)):
                found[values[2]] = Row._make(values)
        return found

    def linked(self, system: str, kind: Kind, ids: Sequence[str]) -> dict[str, Link]:
        """The links of these remotes, by remote id; old ids are not followed."""
        found: dict[str, Link] = {}
        for part in parts(ids):
            query = f"SELECT {_LINK} FROM link WHERE system = ? AND kind = ? AND remote_id IN ({marks(len(part))})"
            for values in self._sql.execute(query, (system, kind, *part)):
                found[values[1]] = link_of(system, kind, *values)
        return found

    def versions(self, system: str, kind: Kind, ids: Sequence[str]) -> dict[str, tuple[str, str | None]]:
        """Version and `gone` of these remotes, by remote id: enough to know what is news."""
        found: dict[str, tuple[str, str | None]] = {}
        for part in parts(ids):
            query = (
                "SELECT remote_id, version, gone FROM link WHERE system = ? AND kind = ? "
                f"AND remote_id IN ({marks(len(part))})"
            )
            found.update((i, (v, g)) for i, v, g in self._sql.execute(query, (system, kind, *part)))
        return found

    def of_records(self, ids: Sequence[str]) -> dict[str, list[Row]]:
        """The rows linked to these records, by record."""
        found: dict[str, list[Row]] = {}
        for part in parts(ids):
            query = f"SELECT {_COLUMNS} FROM link WHERE record IN ({marks(len(part))})"
            for values in self._sql.execute(query, part):
                found.setdefault(values[4], []).append(Row._make(values))
        return found

    def buried(self, system: str, records: Sequence[str]) -> dict[str, tuple[str, str]]:
        """Which of these records are linked to a remote of this system that is gone: record → (its stream, its id)."""
        found: dict[str, tuple[str, str]] = {}
        for part in parts(records):
            query = (
                "SELECT record, stream, remote_id FROM link "
                f"WHERE record IN ({marks(len(part))}) AND system = ? AND gone IS NOT NULL"
            )
            found.update((record, (stream, i)) for record, stream, i in self._sql.execute(query, (*part, system)))
        return found

    def naming(self, system: str, kind: Kind, target: str) -> list[Row]:
        """The linked, living rows of a kind in which this remote id stands as a value. Reads them all."""
        query = (
            f"SELECT {_COLUMNS} FROM link WHERE system = ? AND kind = ? AND record IS NOT NULL AND gone IS NULL "
            "AND instr(seen, ?)"
        )
        return [Row._make(r) for r in self._sql.execute(query, (system, kind, dumps(target)))]

    def add(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Rows of remotes met for the first time, with the columns of `FRESH`; all others are blank."""
        self._sql.executemany(f"INSERT INTO link ({', '.join(FRESH)}) VALUES ({marks(len(FRESH))})", rows)

    def insert(self, rows: Iterable[Row]) -> None:
        """Write rows whole, new or known."""
        self._sql.executemany(f"INSERT OR REPLACE INTO link ({_COLUMNS}) VALUES ({marks(21)})", rows)

    def save(self, link: Link, *, own: int | None = None, **columns: Any) -> None:
        """Write a link's trees back, and any other column by name."""
        seen, base, times, sent = encode(link)
        values: dict[str, Any] = {
            "seen": seen,
            "base": base,
            "times": times,
            "sent": sent,
            "version": link.version,
            "modified": link.modified,
            "gone": link.gone,
            "risen": link.risen,
            **columns,
        }
        if own is not None:
            values["own"] = own
        self.set_columns(link.system, link.kind, link.remote_id, **values)

    def confirm(self, links: Iterable[Confirmed]) -> None:
        """Write links' trees back after writes of our own."""
        self._sql.executemany(
            "UPDATE link SET seen = ?, base = ?, times = ?, sent = ?, version = ?, own = coalesce(?, own), risen = 0 "
            "WHERE system = ? AND kind = ? AND remote_id = ?",
            links,
        )

    def confirm_placed(self, links: list[Placed]) -> None:
        """The same for links whose row's number is known: found by it if they still stand there, else by name."""
        done = self._sql.executemany(
            "UPDATE link SET seen = ?, base = ?, times = NULL, sent = NULL, version = ?, own = ?, risen = 0 "
            "WHERE rowid = ? AND system = ? AND kind = ? AND remote_id = ?",
            links,
        )
        if done is not None and done.rowcount < len(links):
            self.confirm([(*link[:2], None, None, *link[2:4], *link[5:]) for link in links])

    def set_columns(self, system: str, kind: Kind, remote_id: str, **values: Any) -> None:
        """Set some columns of one row; names are the code's own."""
        assignments = ", ".join(f"{name} = ?" for name in values)
        self._sql.execute(
            f"UPDATE link SET {assignments} WHERE system = ? AND kind = ? AND remote_id = ?",
            (*values.values(), system, kind, remote_id),
        )

    def set_states(self, rows: Iterable[tuple[str, str, Kind, str]]) -> None:
        """What remotes of this run ended as: (state, system, kind, remote id)."""
        self._sql.executemany("UPDATE link SET state = ? WHERE system = ? AND kind = ? AND remote_id = ?", rows)

    def agree(self, rows: Iterable[tuple[str | None, str | None, str | None, str | None, str, Kind, str]]) -> None:
        """Advance bases after a merge: (base text, times text, sent text, state, system, kind, remote id)."""
        self._sql.executemany(
            "UPDATE link SET base = ?, times = ?, sent = ?, state = ? WHERE system = ? AND kind = ? AND remote_id = ?",
            rows,
        )

    def unsee(self, system: str, kind: Kind, fields: Collection[str]) -> None:
        """Nothing was seen of these fields yet, whatever was agreed: a blank that is read next clears nothing."""
        if not fields:
            return
        rows = self._sql.execute("SELECT remote_id FROM link WHERE system = ? AND kind = ?", (system, kind)).fetchall()
        for part in parts([i for (i,) in rows]):
            for link in self.linked(system, kind, part).values():
                seen = {n: v for n, v in link.seen.items() if n not in fields}
                if len(seen) < len(link.seen):
                    self.save(link._replace(seen=seen, base=dict(link.base), version=""))

    def touch(self, system: str, kind: Kind, ids: Iterable[str], listed: str) -> None:
        """Mark remotes as met in a complete listing."""
        self._sql.executemany(
            "UPDATE link SET listed = ? WHERE system = ? AND kind = ? AND remote_id = ?",
            [(listed, system, kind, i) for i in ids],
        )

    def unlisted(
        self, system: str, stream: str, kind: Kind, listing: str, after: str, *, deleted: bool = False
    ) -> list[str]:
        """Live remotes that a complete listing did not name, in chunks by id; with `deleted`, also those that
        are known to be gone."""
        rows = self._sql.execute(
            "SELECT remote_id FROM link WHERE system = ? AND kind = ? AND stream = ? "
            "AND (gone IS NULL OR ?) "
            "AND listed IS NOT ? AND remote_id > ? ORDER BY remote_id LIMIT ?",
            (system, kind, stream, deleted, listing, after, CHUNK),
        )
        return [r[0] for r in rows]

    def unmatched(self, kind: Kind, system: str, after: int = 0, limit: int = CHUNK) -> tuple[list[Row], int]:
        """Live, unlinked remotes that want matching, as they were first met, and after what to go on.

        Of their columns only what one sees of a remote is filled: each that is read costs as much as a line of code.
        """
        rows = self._sql.execute(
            "SELECT remote_id, stream, seen, times, problems, version, modified, hub_id, provisional, rowid FROM link "
            "WHERE kind = ? AND system = ? AND record IS NULL AND dirty = 1 AND rowid > ? ORDER BY rowid LIMIT ?",
            (kind, system, after, limit),
        ).fetchall()
        found = [
            Row(system, kind, i, stream, None, seen, None, times, None, problems, version, modified, 0, None, hub, 1,
                None, None, None, 0, provisional)
            for i, stream, seen, times, problems, version, modified, hub, provisional, _ in rows
        ]  # fmt: skip
        return found, rows[-1][-1] if rows else after

    def adopt(self, rows: Iterable[tuple[str, str | None, str, str, Kind, str]]) -> None:
        """Link remotes to records: (record, base text, state, system, kind, remote id)."""
        self._sql.executemany(
            "UPDATE link SET record = ?, base = ?, state = ?, dirty = 0 "
            "WHERE system = ? AND kind = ? AND remote_id = ?",
            rows,
        )

    def make_way(self, record: str, system: str, remote_id: str) -> None:
        """Unlink the record's remotes of this system that are gone: `remote_id` takes their place.

        Whose they were is kept as if they carried its id: one that comes back is known for a second one of it.
        """
        self._sql.execute(
            "UPDATE link SET hub_id = coalesce(hub_id, record), record = NULL, dirty = 0 "
            "WHERE record = ? AND system = ? AND remote_id <> ? AND gone IS NOT NULL",
            (record, system, remote_id),
        )

    def drop_link(self, system: str, kind: Kind, remote_id: str) -> None:
        """Forget a remote: it answers to another id now. Its match keys are the caller's to remove."""
        self._sql.execute("DELETE FROM link WHERE system = ? AND kind = ? AND remote_id = ?", (system, kind, remote_id))

    # -- match keys

    def set_keys(self, system: str, kind: Kind, keys: Iterable[tuple[str, str]]) -> None:
        """Add (key, remote id) pairs."""
        self._sql.executemany(
            "INSERT OR IGNORE INTO matchkey VALUES (?, ?, ?, ?)", [(kind, key, system, i) for key, i in keys]
        )

    def unkey(self, system: str, kind: Kind, keys: Iterable[tuple[str, str]]) -> None:
        """Remove (key, remote id) pairs."""
        self._sql.executemany(
            "DELETE FROM matchkey WHERE kind = ? AND key = ? AND system = ? AND remote_id = ?",
            [(kind, key, system, i) for key, i in keys],
        )

    def rename_in_keys(self, kinds: Sequence[Kind], old: str, new: str) -> None:
        """Keys of these kinds that name a record name another one instead. Reads them all."""
        query = f"UPDATE OR REPLACE matchkey SET key = replace(key, ?, ?) WHERE kind IN ({marks(len(kinds))}) "
        self._sql.execute(query + "AND instr(key, ?)", (old, new, *kinds, old))

    def sharing(self, kind: Kind, keys: Sequence[str]) -> dict[str, list[tuple[str, str, str | None, str]]]:
        """Per key, everything alive that has it: (system, remote id, record, seen text)."""
        return self._members(kind, keys)

    def crowded(self, kind: Kind, keys: Sequence[str]) -> dict[str, list[tuple[str, str, str | None, str]]]:
        """The same, for those of these keys alone that more than one remote has."""
        several: list[str] = []
        for part in parts(keys):
            query = (
                f"SELECT key FROM matchkey WHERE kind = ? AND key IN ({marks(len(part))}) "
                "GROUP BY key HAVING count(*) > 1"
            )
            several += [k for (k,) in self._sql.execute(query, (kind, *part))]
        return {k: found for k, found in self._members(kind, several).items() if len(found) > 1}

    def _members(self, kind: Kind, keys: Sequence[str]) -> dict[str, list[tuple[str, str, str | None, str]]]:
        found: dict[str, list[tuple[str, str, str | None, str]]] = {}
        for part in parts(keys):
            query = (
                "SELECT k.key, l.system, l.remote_id, l.record, l.seen FROM matchkey k JOIN link l "
                "ON l.system = k.system AND l.kind = k.kind AND l.remote_id = k.remote_id "
                f"WHERE k.kind = ? AND k.key IN ({marks(len(part))}) AND l.gone IS NULL"
            )
            for key, system, remote_id, record, seen in self._sql.execute(query, (kind, *part)):
                found.setdefault(key, []).append((system, remote_id, record, seen))
        return found

    # -- records

    def records(self, ids: Sequence[str]) -> dict[str, tuple[Record, str, str | None]]:
        """Records by id, with their state and what they were folded into."""
        found: dict[str, tuple[Record, str, str | None]] = {}
        for part in parts(ids):
            query = f"SELECT id, kind, fields, stamps, state, folded_into FROM record WHERE id IN ({marks(len(part))})"
            for i, kind, fields, stamps, state, into in self._sql.execute(query, part):
                found[i] = (Record(i, kind, loads(fields), loads(stamps), state == "alive"), state, into)
        return found

    def dead(self, ids: Sequence[str]) -> set[str]:
        """Those of these records that have ended."""
        found: set[str] = set()
        for part in parts(ids):
            query = f"SELECT id FROM record WHERE id IN ({marks(len(part))}) AND state = 'dead'"
            found.update(i for (i,) in self._sql.execute(query, part))
        return found

    def binned(self, ids: Sequence[str]) -> list[Row]:
        """The rows of these records that a person deleted."""
        found: list[Row] = []
        for part in parts(ids):
            query = f"SELECT {_COLUMNS} FROM link WHERE record IN ({marks(len(part))}) AND gone = 'user'"
            found += [Row._make(r) for r in self._sql.execute(query, part)]
        return found

    def add_records(self, rows: Iterable[tuple[str, Kind, str, str, int]]) -> None:
        """New records: (id, kind, fields text, stamps text, whether it wants planning)."""
        self._sql.executemany("INSERT INTO record (id, kind, fields, stamps, dirty) VALUES (?, ?, ?, ?, ?)", rows)

    def save_records(self, rows: Iterable[tuple[str, str, str]]) -> None:
        """Write records' trees: (fields text, stamps text, record)."""
        self._sql.executemany("UPDATE record SET fields = ?, stamps = ? WHERE id = ?", rows)

    def set_state(self, record: str, state: str, folded_into: str | None = None) -> None:
        """alive, dead or folded."""
        self._sql.execute(
            "UPDATE record SET state = ?, folded_into = ?, dirty = 1 WHERE id = ?", (state, folded_into, record)
        )

    def dirty(self, kind: Kind, after: str, limit: int = CHUNK) -> list[str]:
        """Records that want planning, by id."""
        rows = self._sql.execute(
            "SELECT id FROM record WHERE kind = ? AND (dirty = 1 OR due > 0) AND id > ? ORDER BY id LIMIT ?",
            (kind, after, limit),
        )
        return [r[0] for r in rows]

    def await_targets(self, pairs: Iterable[tuple[str, str]]) -> None:
        """(target, record): plan the record again once its target is linked somewhere."""
        self._sql.executemany("INSERT OR IGNORE INTO awaits VALUES (?, ?)", pairs)

    def wake(self, targets: Sequence[str]) -> None:
        """These records were linked somewhere: whatever waited to refer to them wants planning."""
        if not targets or not self.db.any("awaits"):
            return
        for part in parts(targets):
            self._sql.execute(
                "UPDATE record SET dirty = 1 WHERE id IN "
                f"(SELECT record FROM awaits WHERE target IN ({marks(len(part))}))",
                part,
            )
            self._sql.execute(f"DELETE FROM awaits WHERE target IN ({marks(len(part))})", part)

    def forget_versions(self) -> None:
        """Whatever is read next is news, and what was left out before is matched again: the mapping has changed."""
        self._sql.execute(
            "UPDATE link SET version = '', dirty = CASE WHEN record IS NULL AND gone IS NULL THEN 1 ELSE dirty END"
        )

    def fold(self, loser: str, winner: str) -> None:
        """A record turned out to be another one; chains are kept one step long."""
        self._sql.execute("UPDATE record SET folded_into = ? WHERE folded_into = ?", (winner, loser))
        self.set_state(loser, "folded", winner)

    def mark(self, ids: Iterable[str]) -> None:
        """These records want planning."""
        self._sql.executemany("UPDATE record SET dirty = 1 WHERE id = ?", [(i,) for i in ids])

    def mark_naming(self, kinds: Sequence[Kind], record: str) -> None:
        """Records of these kinds that refer to a record want planning. Reads them all."""
        query = f"UPDATE record SET dirty = 1 WHERE kind IN ({marks(len(kinds))}) AND instr(fields, ?)"
        self._sql.execute(query, (*kinds, dumps(record)))

    def mark_all(self, kind: Kind | None = None) -> None:
        """Everything (of a kind) wants planning: the rules have changed, or a system has joined."""
        self._sql.execute("UPDATE record SET dirty = 1 WHERE dirty = 0 AND kind = coalesce(?, kind)", (kind,))

    def planned(self, rows: Iterable[tuple[int, int, str]]) -> None:
        """After planning: (dirty, orders due, record)."""
        self._sql.executemany("UPDATE record SET dirty = ?, due = ? WHERE id = ?", rows)

    def done(self, ids: Iterable[str]) -> None:
        """One order of each of these records is confirmed."""
        counts = Counter(ids)
        for part in parts([i for i, number in counts.items() if number == 1]):
            self._sql.execute(f"UPDATE record SET due = due - 1 WHERE due > 0 AND id IN ({marks(len(part))})", part)
        several = [(number, i) for i, number in counts.items() if number > 1]
        self._sql.executemany("UPDATE record SET due = max(due - ?, 0) WHERE id = ?", several)

    # -- cursors

    def cursor(self, system: str, stream: str) -> Cursor:
        """Where a stream stands; a fresh one if it was never read."""
        row = self._sql.execute("SELECT * FROM cursor WHERE system = ? AND stream = ?", (system, stream)).fetchone()
        if row is None:
            return Cursor(system, stream)
        return Cursor._make(row)._replace(baseline=bool(row[2]), joined=bool(row[6]))

    def cursors(self) -> dict[tuple[str, str], Cursor]:
        """Where every stream that was ever read stands, by (system, stream)."""
        rows = self._sql.execute("SELECT * FROM cursor ORDER BY system, stream")
        return {(r[0], r[1]): Cursor._make(r)._replace(baseline=bool(r[2]), joined=bool(r[6])) for r in rows}

    def save_cursor(self, cursor: Cursor) -> None:
        """Move a cursor, in the transaction of the trees it accounts for."""
        self._sql.execute(f"INSERT OR REPLACE INTO cursor VALUES ({marks(11)})", cursor)
