"""The tables of work under way: the spool of orders, open intents, the journal, refused values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic_core import from_json

from tieline.model import EMPTY, Change, Fields, Link, Op, Order
from tieline.records import Kind
from tieline.store.db import Db, among, marks
from tieline.store.forms import CHUNK, dumps, loads, parts, trees_of


class Intent(NamedTuple):
    """A write that left, or was about to leave, the machine. `payload` is exactly what was sent, in remote space."""

    id: int
    run: str
    record: str
    system: str
    kind: Kind
    stream: str
    op: Op
    remote_id: str | None
    payload: Fields
    reasons: str
    sent_at: int
    state: str


class Spooled(NamedTuple):
    """An order as it stands in the spool; `reasons` stays text, it goes to the journal as it is."""

    seq: int
    op: Op
    system: str
    kind: Kind
    stream: str
    record: str
    remote_id: str | None
    fields: Fields
    reasons: str


class Entry(NamedTuple):
    """A journal row. `changes` is JSON text: field → [before, after, origin, rule]; of an `adopt`, field → value."""

    run: str
    at: int
    record: str | None
    system: str
    kind: Kind
    remote_id: str | None
    op: str
    outcome: str
    changes: str | None
    note: str | None


class Refusal(NamedTuple):
    """A value that a system will not take; tried again when the value or the schema changes."""

    record: str
    system: str
    kind: Kind
    field: str
    value: str
    code: str
    message: str
    schema: str
    run: str


class Work:
    """Orders, intents, journal, refusals."""

    def __init__(self, db: Db) -> None:
        self.db = db
        self._sql = db.sql

    # -- the spool

    def clear_spool(self) -> None:
        """Throw the spool away: it is only a print of the trees."""
        self._sql.execute("DELETE FROM orders")

    def spool(self, orders: Iterable[tuple[Order, str, int]]) -> None:
        """Add orders, each with the record's title and its number of blank-outs."""
        self._sql.executemany(
            "INSERT INTO orders (op, system, kind, stream, record, remote_id, fields, reasons, title, blanks) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (o.op, o.system, o.kind, o.stream, o.record, o.remote_id, dumps(o.fields), _reasons(o.reasons), t, b)
                for o, t, b in orders
            ],
        )

    def counts(self) -> dict[str, dict[str, dict[str, int]]]:
        """System → kind → op → number of orders."""
        found: dict[str, dict[str, dict[str, int]]] = {}
        for system, kind, op, n in self._sql.execute("SELECT system, kind, op, count(*) FROM orders GROUP BY 1, 2, 3"):
            found.setdefault(system, {}).setdefault(kind, {})[op] = n
        return found

    def blanks(self) -> dict[str, int]:
        """System → fields that would be blanked."""
        return dict(self._sql.execute("SELECT system, sum(blanks) FROM orders WHERE blanks > 0 GROUP BY 1"))

    def lanes(self, kind: Kind, ops: Sequence[Op]) -> list[tuple[str, str]]:
        """The (system, stream) pairs that have orders of a kind and ops."""
        query = f"SELECT DISTINCT system, stream FROM orders WHERE kind = ? AND op IN ({marks(len(ops))}) ORDER BY 1, 2"
        return self._sql.execute(query, (kind, *ops)).fetchall()

    def take(self, kind: Kind, ops: Sequence[Op], system: str, stream: str, after: int, limit: int) -> list[Spooled]:
        """The next orders of a lane, in the order they were planned."""
        query = (
            "SELECT seq, op, record, remote_id, fields, reasons FROM orders "
            f"WHERE kind = ? AND op IN ({marks(len(ops))}) AND system = ? AND stream = ? AND seq > ? "
            "ORDER BY seq LIMIT ?"
        )
        rows = self._sql.execute(query, (kind, *ops, system, stream, after, limit))
        return [Spooled(n, op, system, kind, stream, r, i, loads(fields), why) for n, op, r, i, fields, why in rows]

    def targets(self, orders: Sequence[Spooled]) -> dict[int, tuple[int, Link]]:
        """The links that these orders of the spool write to, each with its row's number, by `seq`.

        Only the usual ones: alive, the record's own, and with no edit, no spelling and no bin to remember. All others
        are left out. One look at both tables costs half of what it costs to name each remote.
        """
        mine = {o.seq: o for o in orders}
        found: dict[int, tuple[int, Link]] = {}
        for part in parts(list(mine)):
            these, numbers = among("o.seq", part)
            rows = self._sql.execute(
                "SELECT o.seq, l.rowid, l.stream, l.seen, l.base, l.version, l.modified, l.hub_id IS NOT NULL "
                "FROM orders o JOIN link l ON l.record = o.record AND l.system = o.system "
                f"WHERE {these} AND l.kind = o.kind AND l.remote_id = o.remote_id AND l.gone IS NULL "
                "AND l.times IS NULL AND l.sent IS NULL AND l.risen = 0 AND l.provisional = 0",
                numbers,
            )
            for seq, row, stream, seen, base, version, modified, stamped in rows:
                o = mine[seq]
                cells, agreed = trees_of(seen, base)
                found[seq] = row, Link(o.system, o.kind, stream, o.remote_id or "", o.record, cells, agreed, version,
                                       modified, EMPTY, EMPTY, None, stamped == 1)  # fmt: skip
        return found

    def creating(self, records: Sequence[str]) -> set[tuple[str, str]]:
        """The (record, system) pairs among these records that have a create in the spool."""
        found: set[tuple[str, str]] = set()
        for part in parts(records):
            query = f"SELECT record, system FROM orders WHERE op = 'create' AND record IN ({marks(len(part))})"
            found.update(self._sql.execute(query, part))
        return found

    def listing(self, limit: int, offset: int = 0) -> list[dict[str, Any]]:
        """Orders for a person to read."""
        rows = self._sql.execute(
            "SELECT op, system, kind, record, remote_id, title, reasons FROM orders ORDER BY seq LIMIT ? OFFSET ?",
            (limit, offset),
        )
        return [
            {"op": op, "system": system, "kind": kind, "record": record, "remote_id": remote_id, "title": title,
             "fields": from_json(reasons)}
            for op, system, kind, record, remote_id, title, reasons in rows
        ]  # fmt: skip

    # -- intents

    def intend(self, run: str, orders: Sequence[tuple[Spooled, Fields]], now: int) -> list[int]:
        """Write intents of orders of the spool, each with the payload that is sent for it; their ids in order.

        The caller commits durably before anything is sent.
        """
        highest = self._sql.execute("SELECT coalesce(max(id), 0) FROM intent").fetchone()[0]
        shift = highest + 1 - min(order.seq for order, _ in orders)
        for part in parts([order.seq for order, _ in orders]):
            these, seqs = among("seq", part)
            self._sql.execute(
                "INSERT INTO intent (id, run, record, system, kind, stream, op, remote_id, payload, reasons, sent_at) "
                "SELECT seq + ?, ?, record, system, kind, stream, op, remote_id, fields, reasons, ? FROM orders "
                f"WHERE {these}",
                (shift, run, now, *seqs),
            )
        moved = [(dumps(payload), order.seq + shift) for order, payload in orders if payload is not order.fields]
        if moved:
            self._sql.executemany("UPDATE intent SET payload = ? WHERE id = ?", moved)
        return [order.seq + shift for order, _ in orders]

    def forget(self, ids: Iterable[int]) -> None:
        """Drop intents: their outcome is known and in the trees, or they were never sent."""
        for part in parts(list(ids)):
            these, numbers = among("id", part)
            self._sql.execute(f"DELETE FROM intent WHERE {these}", numbers)

    def unknown(self, ids: Iterable[int], now: int) -> None:
        """Mark intents whose outcome is not known; the call ended now, whenever it was prepared."""
        self._sql.executemany("UPDATE intent SET state = 'unknown', sent_at = ? WHERE id = ?", [(now, i) for i in ids])

    def discover(self, run: str, now: int) -> None:
        """Intents that an earlier run left prepared: it died, at the latest now, perhaps with the call on the wire."""
        self._sql.execute(
            "UPDATE intent SET state = 'unknown', sent_at = ? WHERE state = 'prepared' AND run <> ?", (now, run)
        )

    def intents(self) -> list[Intent]:
        """Every open intent, oldest first."""
        rows = self._sql.execute(
            "SELECT id, run, record, system, kind, stream, op, remote_id, payload, reasons, sent_at, state "
            "FROM intent ORDER BY id"
        )
        return [Intent._make((*r[:8], from_json(r[8]), *r[9:])) for r in rows]

    def blocked(self) -> set[tuple[str, str]]:
        """The (record, system) pairs with an open intent, the record as the remote stands for it now: nothing more is
        written there until it is settled."""
        query = (
            "SELECT coalesce(l.record, i.record), i.system FROM intent i LEFT JOIN link l "
            "ON l.system = i.system AND l.kind = i.kind AND l.remote_id = i.remote_id"
        )
        return set(self._sql.execute(query))

    # -- journal

    def journal(self, entries: Iterable[Entry]) -> None:
        """Append."""
        self._sql.executemany(
            "INSERT INTO journal (run, at, record, system, kind, remote_id, op, outcome, changes, note) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            entries,
        )

    def journal_orders(self, run: str, seqs: Sequence[int], now: int) -> None:
        """Append orders of the spool that were carried out just as they stand."""
        for part in parts(seqs):
            these, numbers = among("seq", part)
            self._sql.execute(
                "INSERT INTO journal (run, at, record, system, kind, remote_id, op, outcome, changes) "
                "SELECT ?, ?, record, system, kind, remote_id, op, 'ok', reasons FROM orders "
                f"WHERE {these}",
                (run, now, *numbers),
            )

    def entries(self, record: str) -> list[Entry]:
        """A record's whole journal, oldest first."""
        rows = self._sql.execute(
            "SELECT run, at, record, system, kind, remote_id, op, outcome, changes, note FROM journal "
            "WHERE record = ? ORDER BY seq",
            (record,),
        )
        return [Entry._make(r) for r in rows]

    def remotes_of(self, record: str, system: str) -> set[str]:
        """The ids under which a record has stood in a system so far."""
        query = (
            "SELECT DISTINCT remote_id FROM journal "
            "WHERE record = ? AND system = ? AND remote_id IS NOT NULL AND op <> 'act'"
        )
        return {i for (i,) in self._sql.execute(query, (record, system))}

    def given_up(self, record: str, system: str) -> list[Fields]:
        """What each create carried that was sent to a system for this record and never found there, in hub space."""
        query = (
            "SELECT changes FROM journal WHERE record = ? AND system = ? AND op = 'create' AND outcome = 'settled' "
            "AND remote_id IS NULL"
        )
        return [
            {name: change[1] for name, change in from_json(changes).items()}
            for (changes,) in self._sql.execute(query, (record, system))
        ]

    def written_before(self, run: str, system: str, op: str) -> int:
        """How many writes of an op a system took from other runs than this one, in all."""
        query = "SELECT count(*) FROM journal WHERE system = ? AND op = ? AND outcome = 'ok' AND run <> ?"
        number: int = self._sql.execute(query, (system, op, run)).fetchone()[0]
        return number

    def follow_ups(self, run: str, system: str) -> tuple[int, int]:
        """Updates that follow from a create, in this system or another one: the first update of each record here since
        it was made. Those that other runs wrote; and those of this run, written or spooled."""
        query = """
            WITH made AS (
                SELECT record, min(seq) AS at FROM journal
                WHERE op = 'create' AND outcome IN ('ok', 'settled') AND remote_id IS NOT NULL GROUP BY record
            ), followed AS (
                SELECT u.record, u.run, min(u.seq) FROM journal u JOIN made USING (record)
                WHERE u.system = :system AND u.op = 'update' AND u.outcome = 'ok' AND u.seq > made.at GROUP BY u.record
            )
            SELECT
                (SELECT count(*) FROM followed WHERE run <> :run),
                (SELECT count(*) FROM followed WHERE run = :run) + (
                    SELECT count(*) FROM orders JOIN made USING (record)
                    WHERE system = :system AND op = 'update' AND record NOT IN (SELECT record FROM followed)
                )
        """
        before, now = self._sql.execute(query, {"run": run, "system": system}).fetchone()
        return before, now

    def newest_entry(self) -> int:
        """The number of the newest row."""
        number: int = self._sql.execute("SELECT coalesce(max(seq), 0) FROM journal").fetchone()[0]
        return number

    def conflicts(self, after: int) -> Iterator[Entry]:
        """The conflicts among the rows after this one, oldest first."""
        query = (
            "SELECT run, at, record, system, kind, remote_id, op, outcome, changes, note, seq FROM journal "
            "WHERE seq > ? AND op = 'conflict' ORDER BY seq LIMIT ?"
        )
        while rows := self._sql.execute(query, (after, CHUNK)).fetchall():
            after = rows[-1][-1]
            yield from (Entry._make(r[:-1]) for r in rows)

    # -- refusals

    def refuse(self, rows: Iterable[Refusal]) -> None:
        """Remember refused values; a record's other refused fields stay as they are."""
        self._sql.executemany("INSERT OR REPLACE INTO rejection VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def refusals(self, records: Sequence[str]) -> dict[tuple[str, str], dict[str, str]]:
        """(record, system) → field → hash of the refused value."""
        found: dict[tuple[str, str], dict[str, str]] = {}
        if self.db.any("rejection"):
            for part in parts(records):
                query = f"SELECT record, system, field, value FROM rejection WHERE record IN ({marks(len(part))})"
                for record, system, field, value in self._sql.execute(query, part):
                    found.setdefault((record, system), {})[field] = value
        return found

    def accept(self, record: str, system: str, fields: Iterable[str]) -> None:
        """Forget refusals of fields that were written after all."""
        self._sql.executemany(
            "DELETE FROM rejection WHERE record = ? AND system = ? AND field = ?",
            [(record, system, f) for f in (*fields, "*")],
        )

    def forgive(self, record: str) -> None:
        """Forget every refusal of a record that ended."""
        if self.db.any("rejection"):
            self._sql.execute("DELETE FROM rejection WHERE record = ?", (record,))

    def retry_refused(self, system: str, kind: Kind, schema: str | None) -> None:
        """Let values be tried again: those refused under another schema; all of them when `schema` is None."""
        where, values = "system = ? AND kind = ?", [system, kind]
        if schema is not None:
            where, values = where + " AND schema <> ?", [*values, schema]
        if not self.db.any("rejection"):
            return
        self._sql.execute(
            f"UPDATE record SET dirty = 1 WHERE id IN (SELECT record FROM rejection WHERE {where})", values
        )
        self._sql.execute(f"DELETE FROM rejection WHERE {where}", values)

    def refused_groups(self) -> list[tuple[str, Kind, str, str, int, str, str]]:
        """Refusals by (system, kind, field, code): how many, one message, some records."""
        return self._sql.execute(
            "SELECT system, kind, field, code, count(*), min(message), min(record) FROM rejection GROUP BY 1, 2, 3, 4"
        ).fetchall()


def _reasons(reasons: Mapping[str, Change]) -> str:
    return dumps(reasons)
