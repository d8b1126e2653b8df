"""The tables people look at: reviews and their answers, runs, cached schemas, counts for `status`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from pydantic_core import from_json

from tieline.model import Decision, FieldFacts, Question, Schema
from tieline.records import Kind
from tieline.store.db import Db, marks
from tieline.store.forms import dumps, parts

_REVIEW = (
    "id, key, topic, kind, record, system, remote_id, summary, detail, accept, reject, state, choice, opened_run, "
    "opened_at"
)

_ENDS = ("applied", "waiting", "rejected", "review", "filtered", "gone")
"""States that a pulled remote may end in; any other is `unchanged`."""


class Book:
    """Reviews, runs, schemas."""

    def __init__(self, db: Db) -> None:
        self.db = db
        self._sql = db.sql

    # -- reviews

    def ask(self, question: Question, run: str, now: int) -> bool:
        """Open a review, once: False when this very question is or was asked."""
        detail = question.detail
        done = self._sql.execute(
            "INSERT OR IGNORE INTO review (key, topic, kind, record, system, remote_id, summary, detail, accept, "
            "reject, opened_run, opened_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                question.key, question.topic, question.kind, question.record, detail.get("system"),
                detail.get("remote_id"), question.summary, dumps(detail), question.accept, question.reject, run, now,
            ),
        )  # fmt: skip
        if done.rowcount == 0:  # asked before and closed since by events: it is open again
            done = self._sql.execute(
                "UPDATE review SET state = 'open', opened_run = ?, opened_at = ?, summary = ?, detail = ?, accept = ?, "
                "reject = ? "
                "WHERE key = ? AND state = 'closed'",
                (run, now, question.summary, dumps(detail), question.accept, question.reject, question.key),
            )
        return done.rowcount == 1

    def refresh(self, question: Question) -> None:
        """Bring an open review's wording up to date."""
        self._sql.execute(
            "UPDATE review SET summary = ?, detail = ? WHERE key = ? AND state = 'open'",
            (question.summary, dumps(question.detail), question.key),
        )

    def decisions(self, records: Sequence[str]) -> dict[str, Decision]:
        """People's answers about these records, by question key."""
        found: dict[str, Decision] = {}
        if self.db.any("review"):
            for part in parts(records):
                found.update(self._decisions(f"record IN ({marks(len(part))})", part))
        return found

    def match_decisions(self, system: str, ids: Sequence[str]) -> dict[str, Decision]:
        """People's answers about these unlinked remotes, by question key."""
        found: dict[str, Decision] = {}
        if self.db.any("review"):
            for part in parts(ids):
                found.update(self._decisions(f"system = ? AND remote_id IN ({marks(len(part))})", (system, *part)))
        return found

    def state_of(self, key: str) -> str | None:
        """How a question stands: open, accepted, rejected or closed; None when it was never asked."""
        row = self._sql.execute("SELECT state FROM review WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def decision(self, key: str) -> Decision | None:
        """The answer to one question."""
        return self._decisions("key = ?", (key,)).get(key)

    def _decisions(self, where: str, values: Sequence[Any]) -> dict[str, Decision]:
        rows = self._sql.execute(
            f"SELECT topic, key, state, detail, choice FROM review WHERE state IN ('accepted', 'rejected') AND {where}",
            values,
        )
        return {k: Decision(t, k, s, from_json(d), c) for t, k, s, d, c in rows}

    def answered(self) -> tuple[int, int]:
        """How many answers there are, and when the last was given (ms)."""
        query = "SELECT count(*), coalesce(max(answered_at), 0) FROM review WHERE state IN ('accepted', 'rejected')"
        number, latest = self._sql.execute(query).fetchone()
        return number, latest

    def close_stale(self, record: str, keep: Sequence[str], topics: Sequence[str]) -> None:
        """Close a record's open questions that its trees no longer raise."""
        self._sql.execute(
            "UPDATE review SET state = 'closed' WHERE record = ? AND state = 'open' "
            f"AND topic IN ({marks(len(topics))}) AND key NOT IN ({marks(len(keep))})",
            (record, *topics, *keep),
        )

    def close_match(self, system: str, remote_id: str, keep: str | None = None) -> None:
        """Close the open match questions about a remote, but for one."""
        self._sql.execute(
            "UPDATE review SET state = 'closed' WHERE system = ? AND remote_id = ? AND topic = 'match' "
            "AND state = 'open' AND key IS NOT ?",
            (system, remote_id, keep),
        )

    def asked(self, topic: str) -> set[str]:
        """The keys of the open questions of a topic."""
        return {k for (k,) in self._sql.execute("SELECT key FROM review WHERE topic = ? AND state = 'open'", (topic,))}

    def close_topic(self, topic: str, keep: Sequence[str]) -> None:
        """Close open questions of a topic but those with these keys."""
        stale = self.asked(topic) - set(keep)
        self._sql.executemany("UPDATE review SET state = 'closed' WHERE key = ?", [(k,) for k in stale])

    def spend(self, key: str) -> None:
        """An answer was used up (a guard, a retry): the same question may come again."""
        self._sql.execute("UPDATE review SET state = 'closed' WHERE key = ?", (key,))

    def questioned(self, records: Sequence[str]) -> set[str]:
        """Those of these records that have an open review."""
        found: set[str] = set()
        if self.db.any("review"):
            for part in parts(records):
                query = f"SELECT DISTINCT record FROM review WHERE state = 'open' AND record IN ({marks(len(part))})"
                found.update(r[0] for r in self._sql.execute(query, part))
        return found

    def open_matches(self, kind: Kind) -> list[dict[str, Any]]:
        """What the open match questions of a kind know: creates of what they speak of could make twins."""
        query = "SELECT detail FROM review WHERE topic = 'match' AND state = 'open' AND kind = ?"
        return [from_json(detail) for (detail,) in self._sql.execute(query, (kind,))]

    def crowds(self, kind: Kind) -> list[tuple[str, dict[str, Any]]]:
        """The open questions about crowds of equals: key and detail. They are about no single remote or record."""
        query = (
            "SELECT key, detail FROM review WHERE topic = 'match' AND state = 'open' AND kind = ? "
            "AND record IS NULL AND remote_id IS NULL"
        )
        return [(key, from_json(detail)) for key, detail in self._sql.execute(query, (kind,))]

    def apart(self, kind: Kind) -> list[dict[str, Any]]:
        """What is known of crowds of equals of which a person said that each is a thing of its own."""
        query = (
            "SELECT detail FROM review WHERE topic = 'match' AND state = 'rejected' AND kind = ? "
            "AND record IS NULL AND remote_id IS NULL"
        )
        return [from_json(detail) for (detail,) in self._sql.execute(query, (kind,))]

    def reviews(self, state: str = "open") -> list[dict[str, Any]]:
        """Reviews of a state (`all` for every one), oldest first."""
        where, values = ("", ()) if state == "all" else ("WHERE state = ?", (state,))
        return [self._review(r) for r in self._sql.execute(f"SELECT {_REVIEW} FROM review {where} ORDER BY id", values)]

    def review(self, number: int) -> dict[str, Any] | None:
        """One review by its number."""
        row = self._sql.execute(f"SELECT {_REVIEW} FROM review WHERE id = ?", (number,)).fetchone()
        return None if row is None else self._review(row)

    def _review(self, row: Sequence[Any]) -> dict[str, Any]:
        found = dict(zip(_REVIEW.split(", "), row, strict=True))
        found["detail"] = from_json(found["detail"])
        return found

    def answer(self, number: int, answer: str, choice: str | None, now: int) -> None:
        """Record a person's answer; what it concerns is planned again."""
        self._sql.execute(
            "UPDATE review SET state = ?, choice = ?, answered_at = ? WHERE id = ?", (answer, choice, now, number)
        )
        self._sql.execute("UPDATE record SET dirty = 1 WHERE id = (SELECT record FROM review WHERE id = ?)", (number,))

    def open_reviews(self) -> int:
        """How many questions wait for a person."""
        count: int = self._sql.execute("SELECT count(*) FROM review WHERE state = 'open'").fetchone()[0]
        return count

    # -- runs

    def begin(self, run: str, command: str, now: int) -> None:
        """A run starts."""
        self._sql.execute("INSERT INTO run (id, command, started) VALUES (?, ?, ?)", (run, command, now))

    def finish(self, run: str, outcome: str, summary: dict[str, Any], now: int) -> None:
        """A run ends."""
        self._sql.execute(
            "UPDATE run SET finished = ?, outcome = ?, summary = ? WHERE id = ?", (now, outcome, dumps(summary), run)
        )

    def runs(self, limit: int = 20) -> list[dict[str, Any]]:
        """Runs, newest first."""
        rows = self._sql.execute(
            "SELECT id, command, started, finished, outcome, summary FROM run ORDER BY started DESC, id DESC LIMIT ?",
            (limit,),
        )
        names = ("id", "command", "started", "finished", "outcome", "summary")
        found = [dict(zip(names, r, strict=True)) for r in rows]
        for run in found:
            run["summary"] = from_json(run["summary"]) if run["summary"] else None
        return found

    # -- schemas

    def schema(self, system: str, stream: str, not_before: int) -> Schema | None:
        """The cached schema, if it is young enough."""
        row = self._sql.execute(
            "SELECT body, fingerprint FROM schema_cache WHERE system = ? AND stream = ? AND fetched >= ?",
            (system, stream, not_before),
        ).fetchone()
        return None if row is None else _schema_of(*row)

    def save_schema(self, system: str, stream: str, schema: Schema, now: int) -> None:
        """Cache a schema."""
        fields = {
            n: [f.read, f.write, f.create, f.clear, f.required, f.choices, f.max_length]
            for n, f in schema.fields.items()
        }
        body = dumps({"fields": fields, "stamps": schema.stamps})
        self._sql.execute(
            "INSERT OR REPLACE INTO schema_cache VALUES (?, ?, ?, ?, ?)",
            (system, stream, now, body, schema.fingerprint),
        )

    def outdate_schemas(self, system: str) -> None:
        """The system's schemas are asked for again, and compared with what was known."""
        self._sql.execute("UPDATE schema_cache SET fetched = 0 WHERE system = ?", (system,))

    # -- counts

    def link_counts(self) -> list[tuple[str, Kind, int, int, int]]:
        """Per system and kind: remotes alive and linked, alive and unlinked, gone."""
        return self._sql.execute(
            "SELECT system, kind, sum(gone IS NULL AND record IS NOT NULL), sum(gone IS NULL AND record IS NULL), "
            "sum(gone IS NOT NULL) FROM link GROUP BY 1, 2 ORDER BY 1, 2"
        ).fetchall()

    def unreadable(self) -> list[tuple[str, Kind, str, int, str]]:
        """Fields that were read and could not be understood: system, kind, field, how many, one of the reasons. `*`: a
        whole remote."""
        return self._sql.execute(
            "SELECT system, kind, coalesce(json_extract(p.value, '$[0]'), '*'), count(*), "
            "min(json_extract(p.value, '$[1]')) FROM link, json_each(link.problems) AS p "
            "WHERE link.problems IS NOT NULL AND gone IS NULL GROUP BY 1, 2, 3 "
            "UNION ALL SELECT system, kind, '*', count(*), min(message) FROM torn GROUP BY 1, 2 ORDER BY 1, 2, 3"
        ).fetchall()

    def linked(self, system: str) -> int:
        """How many live links a system has: what shares of `[limits]` refer to."""
        count: int = self._sql.execute(
            "SELECT count(*) FROM link WHERE system = ? AND record IS NOT NULL AND gone IS NULL", (system,)
        ).fetchone()[0]
        return count

    def pulled_states(self, run: str) -> list[tuple[str, Kind, str, int]]:
        """Per system, kind and end state: the remotes that this run pulled. One pass in the order of the table."""
        sums = ", ".join(f"sum(state IS '{state}')" for state in _ENDS)
        found: list[tuple[str, Kind, str, int]] = []
        query = f"SELECT system, kind, count(*), {sums} FROM link WHERE pulled = ? GROUP BY system, kind"
        for system, kind, number, *counts in self._sql.execute(query, (run,)):
            known = [(system, kind, state, n) for state, n in zip(_ENDS, counts, strict=True) if n]
            rest = number - sum(counts)
            found += [*known, (system, kind, "unchanged", rest)] if rest else known
        return found


@lru_cache(maxsize=64)
def _schema_of(body: str, fingerprint: str) -> Schema:
    """A schema as it was cached; every run asks for the same few, and nobody changes what it gets."""
    stored = from_json(body)
    fields = {
        name: FieldFacts(read, write, create, clear, required, choices and tuple(choices), length)
        for name, (read, write, create, clear, required, choices, length) in stored["fields"].items()
    }
    return Schema(MappingProxyType(fields), stored["stamps"], fingerprint)
