"""Finds out what became of writes whose answer was lost, from their recorded payloads. Nothing is sent again here.

A create is looked for by the hub id it carried, once the system has had time to show it; found, even if a person has
deleted it since, it is linked; not found, it may be planned anew. Where there is no field for that id, its values must
tell, and a person where they do not. An update or archive is judged by a strong read, once it can no longer arrive:
what equals the payload is our own write and never taken for a person's edit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from tieline.engine.actions import of_lane
from tieline.engine.lost import Likeness, likeness, lost_key, lost_question
from tieline.engine.trees import adrift, arrived
from tieline.engine.trees import settle as settled
from tieline.errors import TielineError
from tieline.model import Link, Remote, StreamFacts
from tieline.runner.acting import settle_acts
from tieline.runner.again import adopted
from tieline.runner.context import Run, System
from tieline.runner.ingest import Ingest
from tieline.store import Entry, Intent, Row
from tieline.store.forms import decode, parts

SLICE_MS = 500
PATIENCE_MS = 60_000
"""How long a run waits for a system to show a write; what needs longer stays open until the next run."""


def settle(run: Run, *, wait: bool = True, read_since: int | None = None) -> None:
    """Close every open intent that can be closed now; the others keep their records from being written.

    `read_since`: every stream was read from this moment (ms) on. Without a field for the hub id, a lost create can only
    be recognised among what was read afterwards.
    """
    with run.store.atomic():
        run.store.work.discover(run.id, run.ports.clock.now())
    lanes: dict[tuple[str, str], list[Intent]] = {}
    for intent in run.store.work.intents():
        lanes.setdefault((intent.system, intent.stream), []).append(intent)
    for (name, stream), intents in lanes.items():
        system = run.systems.get(name)
        if system is None or name in run.failed:
            continue
        try:
            if intents[0].op == "act":
                _acts(run, system, intents, wait)
            elif any(f.name == stream for f in system.streams):
                Settler(run, system, system.connector.facts.stream(stream)).settle(intents, wait, read_since)
        except TielineError as error:
            if error.fatal:
                raise
            run.fail(name, error)
    if run.store.db.any("review"):
        open_creates = [lost_key(i.record, i.system, i.sent_at) for i in run.store.work.intents()]
        with run.store.atomic(durable=False):
            run.store.book.close_topic("lost", open_creates)


def _acts(run: Run, system: System, intents: Sequence[Intent], wait: bool) -> None:
    """Side effects of one rule; those of an action that the system offers no more stay open."""
    action, _ = of_lane(intents[0].stream)
    facts = next((a for a in system.connector.facts.actions if a.name == action), None)
    if facts is not None and (ripe := _ripe(run, intents, wait, facts.quiet_ms)):
        settle_acts(run, system, ripe)


def _ripe(run: Run, intents: Sequence[Intent], wait: bool, quiet: int) -> list[Intent]:
    """The intents that have had time to show; a short rest is waited for."""
    if not intents:
        return []
    clock = run.ports.clock
    due = max(i.sent_at for i in intents) + quiet
    if wait and due - clock.now() <= PATIENCE_MS:
        while (rest := due - clock.now()) > 0:
            run.keep_lease()
            clock.sleep(min(rest, SLICE_MS) / 1000)
    now = clock.now()
    return [i for i in intents if i.sent_at + quiet <= now]


class Settler:
    """Settles the intents of one stream."""

    def __init__(self, run: Run, system: System, facts: StreamFacts) -> None:
        self.run = run
        self.system = system
        self.facts = facts
        self.store = run.store
        self.ingest = Ingest(run, system.name, facts)

    def settle(self, intents: Sequence[Intent], wait: bool, read_since: int | None) -> None:
        """Look, and write down what was found."""
        creates = [i for i in intents if i.op == "create"]
        if creates and not self.run.schema(self.system, self.facts.name).stamps:
            lag = self.facts.quiet_ms + self.facts.overlap_ms
            creates = [i for i in creates if read_since is not None and i.sent_at + lag <= read_since]
        others = [i for i in intents if i.op != "create"]
        waiting = self._look(others)
        if waiting:
            self._look(_ripe(self.run, waiting, wait, self.facts.quiet_ms))
        ripe = _ripe(self.run, creates, wait, self._quiet)
        for part in parts(ripe, self.facts.read_batch):
            self._created(part)

    @property
    def _quiet(self) -> int:
        """How long a create may take to show (ms). Where the system refuses a second one with the same hub id there is
        nothing to wait for: should the first still arrive, one of the two is answered with «exists»."""
        certain = self.facts.unique_hub_id and self.run.schema(self.system, self.facts.name).stamps
        return 0 if certain else self.facts.quiet_ms

    def _look(self, intents: Sequence[Intent]) -> list[Intent]:
        """Judge writes to what exists; returns those that have not arrived and still may."""
        pieces = [list(part) for part in parts(intents, self.facts.read_batch)]
        return [intent for piece in pieces for intent in (*self._naming(piece), *self._existing(piece))]

    def _naming(self, intents: list[Intent]) -> list[Intent]:
        """Judge, and take out, the links that were to give a remote its id: it carries the hub id then, whatever it is
        called now. Returns those that may still arrive."""
        if not self.facts.provisional:
            return []
        rows = self.ingest.rows([i.remote_id for i in intents if i.remote_id is not None and i.op == "link"])
        mine = [i for i in intents if i.remote_id in rows and rows[i.remote_id].provisional]
        if not mine:
            return []
        connector, stream = self.system.connector, self.facts.name
        found: Sequence[Remote] = []
        if self.run.schema(self.system, stream).stamps:
            found = self.run.call(self.system, lambda: connector.find(stream, [i.record for i in mine]))
        there: Sequence[Remote] = self.run.call(
            self.system, lambda: connector.read(stream, [i.remote_id or "" for i in mine], None)
        )
        intents[:] = [i for i in intents if i not in mine]
        met, now, waiting = {r.id for r in there}, self.run.ports.clock.now(), []
        with self.store.atomic():
            self.ingest.take([r for r in found if not r.gone and not r.provisional])
            self.ingest.take([r for r in there if not r.gone and not r.provisional])
            for intent in mine:
                row = self.ingest.rows([intent.remote_id or ""]).get(intent.remote_id or "")
                if row is not None and row.provisional:
                    if intent.sent_at + self.facts.quiet_ms > now:
                        waiting.append(intent)
                        continue
                    if row.remote_id not in met:
                        self.ingest.forget(row, settled=True)
                self._close(intent, "settled" if row is None or not row.provisional else "not found: may be sent again")
        self.run.ports.boundary("settled")
        return waiting

    def _existing(self, intents: Sequence[Intent]) -> list[Intent]:
        ids = [i.remote_id for i in intents if i.remote_id is not None]
        if not intents:
            return []
        connector, stream = self.system.connector, self.facts.name
        found: Sequence[Remote] = self.run.call(self.system, lambda: connector.read(stream, ids, None))
        met = {name: r for r in found for name in (r.id, *r.aliases)}
        heirs = self._heirs(found)
        now, waiting = self.run.ports.clock.now(), []
        with self.store.atomic():
            rows = self.ingest.rows(ids)
            for intent in intents:
                row = rows.get(intent.remote_id or "")
                remote = met.get(intent.remote_id or "")
                if intent.sent_at + self.facts.quiet_ms > now and not self._arrived(intent, row, remote):
                    waiting.append(intent)  # it may linger in the server: arriving later, it would look like an edit
                    continue
                if row is not None:
                    self._judge(intent, row, remote)
                    if remote is not None and remote.merged_into in heirs:
                        self._carried(intent, heirs[remote.merged_into])
                    self.store.trees.mark([row.record] if row.record is not None else [])
                self._close(intent, "settled" if row is not None else "moved")
        self.run.ports.boundary("settled")
        return waiting

    def _heirs(self, found: Sequence[Remote]) -> dict[str, Remote]:
        """Into whom the system converted what these writes were meant for, as they are now."""
        ids = list(dict.fromkeys(r.merged_into for r in found if r.merged_into is not None and r.moved_to))
        if not ids:
            return {}
        stream = next(r.moved_to for r in found if r.moved_to)
        read = self.system.connector.read
        asked = [
            self.run.call(self.system, partial(read, stream, part, None)) for part in parts(ids, self.facts.read_batch)
        ]
        return {r.id: r for remotes in asked for r in remotes if not r.gone}

    def _carried(self, intent: Intent, heir: Remote) -> None:
        """What equals the payload in who it was converted into is our own write, carried along."""
        row = self.ingest.rows([heir.id]).get(heir.id)
        if intent.op != "update" or row is None or row.record != intent.record:
            return
        after = settled(decode(row), intent.payload, heir)
        self.store.trees.save(after, hub_id=heir.hub_id or row.hub_id)
        self.ingest.rekey(decode(row), after)

    @staticmethod
    def _arrived(intent: Intent, row: Row | None, remote: Remote | None) -> bool:
        """Whether nothing more can come of a write: its target is no more, or shows all of it."""
        if row is None or remote is None or remote.gone or remote.id != row.remote_id:
            return True
        if intent.op == "link":
            return remote.hub_id == intent.record
        link, held = decode(row), remote.fields
        return intent.op == "update" and all(
            n in held and arrived(link, n, v, held[n]) for n, v in intent.payload.items()
        )

    def _judge(self, intent: Intent, row: Row, remote: Remote | None) -> None:
        if remote is None and self.facts.blind and intent.op != "archive":
            return  # it may be there and not be readable: the next complete listing tells
        if remote is not None and remote.merged_into is not None:
            self.ingest.take([remote])
        elif remote is None or remote.gone:
            if row.gone is None:
                by, when = "hub" if intent.op == "archive" else "user", remote.modified if remote is not None else 0
                self.ingest.mark_gone(row, by, when)
        elif remote.id != row.remote_id:
            self.ingest.take([remote])
        elif intent.op == "update":
            if row.record == intent.record:
                after = settled(decode(row), intent.payload, remote)
            else:
                after = adrift(decode(row), {}, remote)
            self.store.trees.save(after, hub_id=remote.hub_id or row.hub_id, own=remote.modified)
            self.ingest.rekey(decode(row), after)
        elif intent.op == "link" and remote.hub_id in (intent.record, row.record):  # another came with a copy
            self.store.trees.set_columns(row.system, row.kind, row.remote_id, hub_id=remote.hub_id)

    def _created(self, intents: Sequence[Intent]) -> None:
        connector, stream = self.system.connector, self.facts.name
        hubs = [i.record for i in intents]
        stamps = self.run.schema(self.system, stream).stamps
        found: Sequence[Remote] = []
        if stamps:
            found = self.run.call(self.system, lambda: connector.find(stream, hubs))
        by_hub: dict[str, list[Remote]] = {}
        for remote in found:
            if remote.hub_id is not None:
                by_hub.setdefault(remote.hub_id, []).append(remote)
        with self.store.atomic():
            if stamps:
                for intent in intents:
                    self._adopt(intent, by_hub.get(intent.record, []))
            else:
                self._recognised(intents)
        self.run.ports.boundary("settled")

    def _recognised(self, intents: Sequence[Intent]) -> None:
        """Without a field for the hub id: find each create by its values, or ask."""
        alike: dict[int, dict[str, tuple[Likeness, Remote]]] = {i.id: {} for i in intents}
        rows, after = self.store.trees.unmatched(self.facts.kind, self.system.name)
        while rows:
            for row in rows:
                if row.provisional:
                    continue  # whatever a create made has an id of its own
                remote = Remote(row.remote_id, decode(row).seen, row.version, row.modified)
                for intent in intents if row.stream == self.facts.name else ():
                    found = likeness(intent.kind, intent.payload, remote.fields)
                    if found != "other":
                        alike[intent.id][remote.id] = (found, remote)
            rows, after = self.store.trees.unmatched(self.facts.kind, self.system.name, after)
        taken: set[str] = set()
        for intent in intents:
            free = {i: found for i, found in alike[intent.id].items() if i not in taken}
            chosen = self._recognise(intent, free)
            if chosen is not None:
                taken.add(chosen.id)
                self._adopt(intent, [chosen])

    def _recognise(self, intent: Intent, alike: Mapping[str, tuple[Likeness, Remote]]) -> Remote | None:
        """What a create made; None when nobody can tell, which is asked, or when it was not made."""
        book, key = self.store.book, lost_key(intent.record, intent.system, intent.sent_at)
        ours = [i for i, (found, _) in alike.items() if found == "ours"]
        answer = book.decision(key)
        if answer is not None and answer.answer == "rejected":
            self._close(intent, "a person says that it was not made: may be made again")
            return None
        if answer is not None:
            named = [answer.choice] if answer.choice is not None else answer.detail["choices"]
            ours = [i for i in alike if [f"{intent.system}:{i}"] == named]
            if not ours:
                book.spend(key)  # it names nobody who is free: the question stands
        if len(ours) == 1:
            return alike[ours[0]][1]
        if not alike:
            self._adopt(intent, [])
            return None
        record, _, _ = self.store.trees.records([intent.record])[intent.record]
        ask = lost_question(record, intent.system, intent.sent_at, list(alike))
        book.ask(ask, self.run.id, self.run.ports.clock.now())
        book.refresh(ask)
        return None

    def _adopt(self, intent: Intent, candidates: Sequence[Remote]) -> None:
        former = self.store.work.remotes_of(intent.record, self.system.name)  # they keep the id that they carried
        candidates = [r for r in candidates if not r.gone or r.id not in former]
        alive = [r for r in candidates if not r.gone]
        chosen = alive[0] if len(alive) == 1 else (candidates[0] if len(candidates) == 1 else None)
        if chosen is None:
            self._close(intent, "not found: may be made again" if not candidates else "found more than once")
            return
        self.store.trees.make_way(intent.record, self.system.name, chosen.id)
        linked = {r.system for r in self.store.trees.of_records([intent.record]).get(intent.record, [])}
        known = self.ingest.rows([chosen.id]).get(chosen.id)
        if self.system.name in linked or (known is not None and known.record not in (None, intent.record)):
            if known is not None and known.record not in (None, intent.record) and self._took_in(chosen, known.record):
                self.ingest.fold(intent.record, known.record)
            self._close(intent, "settled")
            return
        empty = Link(
            self.system.name, intent.kind, self.facts.name, chosen.id, intent.record, {}, {}, modified=chosen.modified
        )
        after = settled(empty, intent.payload, chosen)
        gone = "user" if chosen.gone and chosen.merged_into is None else None
        fresh = Row(
            self.system.name, intent.kind, chosen.id, self.facts.name, intent.record, "{}", None, None, None, None,
            "", chosen.modified, chosen.modified, gone, chosen.hub_id, 0,
            known.pulled if known else None, known.state if known else None, known.listed if known else None,
        )  # fmt: skip
        self.store.trees.insert([fresh])
        self.store.trees.save(after._replace(gone=gone))
        self.ingest.rekey(empty, after)
        adopted(self.run, self.ingest.rows([chosen.id])[chosen.id], intent.record)  # an earlier one may have made it
        self.store.trees.wake([intent.record])
        self._close(intent._replace(remote_id=chosen.id), "found again")
        if chosen.merged_into is not None:  # a person merged it before anybody here knew of it
            self.ingest.take([chosen])

    def _took_in(self, remote: Remote, record: str) -> bool:
        """Whether a person merged what stood for a record into this remote: the two it stands for are one then."""
        former = self.store.work.remotes_of(record, self.system.name)
        return remote.id in self.store.trees.aliases(self.system.name, self.facts.kind, list(former)).values()

    def _close(self, intent: Intent, note: str) -> None:
        self.run.moves += 1
        self.store.work.forget([intent.id])
        self.store.trees.mark([intent.record])
        self.store.work.journal(
            [
                Entry(self.run.id, self.run.ports.clock.now(), intent.record, self.system.name, intent.kind,
                      intent.remote_id, intent.op, "settled", intent.reasons, note)
            ]
        )  # fmt: skip
