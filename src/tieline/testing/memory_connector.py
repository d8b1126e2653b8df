"""A connector over a `MemorySystem`, by the letter of `connector.Connector`: paging, caps, lag, per-item results.

It decides nothing: what the system refuses, forgets or turns into something else is the system's business.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from tieline.errors import ContractViolation, FeedExpired
from tieline.model import (
    Action,
    ActionFacts,
    Facts,
    FieldFacts,
    Finding,
    Outcome,
    Page,
    Problem,
    Receipt,
    Remote,
    Schema,
    StreamFacts,
    Window,
    Write,
)
from tieline.records import Kind
from tieline.testing.character import LEADS, STREAMS, Character, KindRules
from tieline.testing.memory import Deed, MemorySystem, Record


def facts_of(character: Character) -> Facts:
    """What a system of this character can truthfully declare."""
    c = character
    return Facts(
        streams=tuple(
            StreamFacts(
                name=name,
                kind=kind,
                becomes=STREAMS[kind] if name == LEADS else "",
                batch=c.batch,
                read_batch=c.read_batch,
                mixed=c.mixed,
                hints=c.hints,
                strong_read=c.strong_read,
                overlap_ms=c.index_lag_ms + c.late_commit_ms,
                granularity_ms=c.granularity_ms,
                full_listing=c.full_listing,
                feed=c.feed,
                tombstones=c.tombstones,
                sweep=c.sweep,
                provisional=c.keyless > 0,
                conditional=c.conditional,
                unique_hub_id=c.unique_hub_id and c.stamps,
                answers_state=c.answers_state,
                archives=c.archives,
                quiet_ms=c.index_lag_ms + c.server_ms,
            )
            for kind in STREAMS
            if kind in c.kinds
            for name in (STREAMS[kind], *([LEADS] if kind == "contact" and c.leads else []))
        ),
        writers=c.writers,
        actions=tuple(ActionFacts(name, quiet_ms=c.action_lag_ms + c.server_ms) for name in c.actions),
    )


class MemoryConnector:
    """Speaks to one system. `calls` counts what it was asked, by method."""

    def __init__(self, system: MemorySystem) -> None:
        self.system = system
        self.facts = facts_of(system.character)
        self.calls: Counter[str] = Counter()
        self.closed = False
        self._kind: dict[str, Kind] = {s.name: s.kind for s in self.facts.streams}
        self._write_ops = {
            "create": self._create,
            "update": self._update,
            "link": self._update,
            "archive": self._archive,
        }

    # -- reading

    def schema(self, stream: str) -> Schema:
        """The fields the system offers, with its picklists as they are now."""
        self.calls["schema"] += 1
        rules = self.system.rules[self._kind[stream]]
        fields = {name: _field_facts(rules, name) for name in rules.offered}
        stamps = self.system.character.stamps
        return Schema(fields, stamps, fingerprint=str((stamps, sorted(rules.choices.items()), rules.offered)))

    def list(self, stream: str, token: str | None) -> Page:
        """The living, in the order of their ids; a token is the last id, behind that of the feed if any."""
        self.calls["list"] += 1
        system, kind = self.system, self._kind[stream]
        with system.lock:
            records = system.records[kind]
            begun, _, after = (token or "|").partition("|")
            begun = begun or (self._feed_token(stream) if system.character.feed else "")
            found, last = _take(system, kind, after or None, lambda r: r.stream == stream and not r.deleted)
            following = None if last is None else f"{begun}|{last}"
            feed = begun or None if last is None else None
            return Page([self._seen(records[i].remote) for i in found], following, now=system.now(), feed=feed)

    def changes(self, stream: str, window: Window, token: str | None) -> Page:
        """What the index, as far behind as it may be, has in the window; see `Character.hints` and `stale_hits`."""
        self.calls["changes"] += 1
        system, c = self.system, self.system.character
        if c.feed:
            return self._fed(stream, window.feed, token)
        with system.lock:
            hits = sorted(self._hits(stream, window))
            count, _, after = (token or "0").partition(":")
            done = int(count)
            if c.offsets or not token:
                rest = hits[done:]
            else:
                stamp, _, id = after.partition(":")
                rest = [hit for hit in hits if (hit[0], hit[1]) > (int(stamp), id)]
            room = c.page if c.cap is None else min(c.page, c.cap - done)
            page = rest[:room]
            more = len(rest) > len(page)
            capped = more and c.cap is not None and done + len(page) >= c.cap
            following = f"{done + len(page)}:{page[-1][0]}:{page[-1][1]}" if more and not capped else None
            return Page([self._seen(hit[2]) for hit in page], following, capped, system.now())

    def _hits(self, stream: str, window: Window) -> Iterable[tuple[int, str, Remote]]:
        system, c = self.system, self.system.character
        lag, since, at_id = c.index_lag_ms, window.since, window.at_id
        shown = c.tombstones
        for record in system.records[self._kind[stream]].values():
            newest = record.remote
            if record.stream != stream or newest.modified < since:  # an index behind the store only holds older stamps
                continue
            state = system.indexed(record) if lag else newest
            if state is None or state.modified < since or (newest.gone and not shown):
                continue
            if state is not newest and not c.hints:  # not an index: what it cannot yet vouch for, it leaves out
                continue
            if at_id is not None and not (state.modified == since and state.id > at_id):
                continue
            if state.gone and (not shown or record.keyless or _answered(state, c)):
                continue
            yield state.modified, state.id, state if c.stale_hits else newest

    def _fed(self, stream: str, feed: str | None, token: str | None) -> Page:
        """What was done after a token, as far as the index knows, each record where it was touched last."""
        system, c = self.system, self.system.character
        with system.lock:
            count, _, given = (feed or "").partition("@")
            if token is None and (not given or (c.feed_ms and system.now() - int(given) > c.feed_ms)):
                raise FeedExpired(f"the token {feed!r} is not known any more")
            if c.signal:
                return Page(
                    (), now=system.now(), feed=None if int(count) == system.touches else self._feed_token(stream)
                )
            after = int(count if token is None else token)
            hits = sorted((v, r) for v, r in self._touched(stream) if v > after)
            page = hits[: c.page]
            if len(hits) > len(page):
                return Page([self._seen(r) for _, r in page], str(page[-1][0]), now=system.now())
            news = self._feed_token(stream) if page or token is not None else None
            return Page([self._seen(r) for _, r in page], now=system.now(), feed=news)

    def _touched(self, stream: str) -> Iterable[tuple[int, Remote]]:
        """Every record that the feed tells of, with the number of the newest thing done to it."""
        system, c = self.system, self.system.character
        for record in system.records[self._kind[stream]].values():
            state = system.indexed(record)
            if record.stream != stream or state is None or (state is not record.remote and not c.hints):
                continue
            hidden = not c.tombstones or record.keyless or _answered(record.remote, c)
            if hidden and (state.gone or record.deleted):
                continue
            yield int(state.version), state if c.stale_hits else record.remote

    def _feed_token(self, stream: str) -> str:
        if self.system.character.signal:
            return f"{self.system.touches}@{self.system.now()}"
        records = [r for r in self.system.records[self._kind[stream]].values() if r.stream == stream]
        states = [s for r in records if (s := self.system.indexed(r)) is not None]
        return f"{max((int(s.version) for s in states), default=0)}@{self.system.now()}"

    def sweep(self, stream: str, token: str | None) -> Page:
        """The deleted, in the order of their ids; those merged away too, unless their ids answer with the winner."""
        self.calls["sweep"] += 1
        system, kind = self.system, self._kind[stream]
        if not system.character.sweep:
            raise ContractViolation(f"{stream}: the facts do not offer a sweep")
        c = system.character
        with system.lock:
            records = system.records[kind]
            found, last = _take(
                system,
                kind,
                token,
                lambda r: r.stream == stream and r.deleted and not r.keyless and not _answered(r.remote, c),
            )
            return Page([self._seen(records[i].remote) for i in found], last, now=system.now())

    def read(self, stream: str, ids: Sequence[str], fields: frozenset[str] | None) -> Sequence[Remote]:
        """The state of these ids now, or, where reading is not strong, as the index has it."""
        self.calls["read"] += 1
        system, kind, c = self.system, self._kind[stream], self.system.character
        if len(ids) > c.read_batch:
            raise ContractViolation(f"{stream}: {len(ids)} ids in one read, {c.read_batch} are allowed")
        with system.lock:
            found: dict[str, Remote] = {}
            for id in ids:
                record = system.get(kind, system.inner(kind, id))
                if record is not None and c.redirects and not record.remote.moved_to:
                    record = system.get(kind, system.resolve(kind, record.id))
                if record is not None and record.stream != stream:
                    continue
                state = None if record is None else record.remote if c.strong_read else system.indexed(record)
                if state is not None and (not state.gone or c.remembers):
                    found[id if record is not None and record.keyless else state.id] = self._seen(state, fields)
            return [*found.values()]

    def find(self, stream: str, hub_ids: Sequence[str]) -> Sequence[Remote]:
        """Who carries these hub ids, as far as the index knows."""
        self.calls["find"] += 1
        system, kind, c = self.system, self._kind[stream], self.system.character
        found = []
        with system.lock:
            for hub_id in dict.fromkeys(hub_ids):
                for id in system.by_hub_id.get((kind, hub_id), ()) if c.stamps else ():
                    record = system.records[kind][id]
                    state = system.indexed(record) if record.stream == stream else None
                    if state is not None and state.hub_id == hub_id and (not record.deleted or c.remembers):
                        found.append(system.outer(record.remote))
        return found

    # -- writing

    def write(self, stream: str, writes: Sequence[Write]) -> Sequence[Outcome]:
        """Each write in turn; one that is refused leaves the others alone."""
        self.calls["write"] += 1
        kind, c = self._kind[stream], self.system.character
        if len(writes) > c.batch:
            raise ContractViolation(f"{stream}: {len(writes)} writes in one call, {c.batch} are allowed")
        if not c.mixed and len({w.op for w in writes}) > 1:
            raise ContractViolation(f"{stream}: several operations in one call")
        with self.system.lock:
            ops = self._write_ops
            return [ops[w.op](kind, stream, w) if w.op in ops else _refused(w.op) for w in writes]

    def _create(self, kind: Kind, stream: str, write: Write) -> Outcome:
        system, c = self.system, self.system.character
        problems = system.refusals(kind, write.fields, creating=True)
        if problems:
            return Outcome("rejected", problems=tuple(problems))
        twin = system.twin(kind, write.fields)
        if twin is None and c.unique_hub_id and c.stamps:
            twin = self._holder(kind, write.hub_id)
        if twin is not None:
            return Outcome("exists", remote_id=twin.id if c.names_existing else None)
        return self._done(system.create(kind, write.fields, "hub", write.hub_id, stream))

    def _update(self, kind: Kind, stream: str, write: Write) -> Outcome:
        system, c = self.system, self.system.character
        record = system.get(kind, self._target(kind, write))
        if record is None or record.deleted or record.stream != stream:
            return Outcome("gone")
        if c.conditional and write.version and write.version != record.version:
            return Outcome("conflict", remote_id=record.id)
        if record.keyless and write.op != "link":
            raise ContractViolation(f"{write.op} of {write.remote_id}, which has no id yet")
        problems = system.refusals(kind, write.fields, creating=False)
        twin = system.twin(kind, write.fields, record)
        if twin is not None:
            problems.append(Problem("email", f"{write.fields['email']} is in use by {twin.id}", "duplicate"))
        bad = {p.field for p in problems}
        if bad and not c.partial_fields:
            return Outcome("rejected", problems=tuple(problems))
        fields = {f: v for f, v in write.fields.items() if f not in bad}
        if write.op == "update":
            system.commit(record, "hub", fields)
            return self._done(record, problems)
        holder = self._holder(kind, write.hub_id) if c.unique_hub_id else None
        if (not c.stamps and not record.keyless) or (holder is not None and holder is not record):
            text = "the hub id is on another record" if c.stamps else "there is no field for the hub id"
            return Outcome("rejected", problems=(Problem(None, text, "hub_id"),))
        named = system.name(record)
        system.commit(record, "hub", fields, hub_id=write.hub_id if c.stamps else None)
        done = self._done(record, problems)
        if named and done.remote is not None:
            return done._replace(remote=done.remote._replace(aliases=(*record.remote.aliases, write.remote_id or "")))
        return done

    def _archive(self, kind: Kind, stream: str, write: Write) -> Outcome:
        system, c = self.system, self.system.character
        record = system.get(kind, self._target(kind, write))
        if record is None or record.deleted or record.stream != stream:
            return Outcome("gone")
        if not c.archives:
            return _refused("archive")
        if c.conditional and write.version and write.version != record.version:
            return Outcome("conflict", remote_id=record.id)
        system.delete(record, "hub")
        return self._done(record)

    def _target(self, kind: Kind, write: Write) -> str:
        id = self.system.inner(kind, write.remote_id or "")
        return self.system.resolve(kind, id) if self.system.character.redirects else id

    def _holder(self, kind: Kind, hub_id: str) -> Record | None:
        for id in self.system.by_hub_id.get((kind, hub_id), ()):
            record = self.system.records[kind][id]
            if record.hub_id == hub_id and not record.deleted:
                return record
        return None

    def _done(self, record: Record, problems: Sequence[Problem] = ()) -> Outcome:
        remote = record.remote if self.system.character.answers_state else None
        return Outcome("ok", remote, record.id, tuple(problems))

    def _seen(self, remote: Remote, fields: frozenset[str] | None = None) -> Remote:
        if self.system.keyless:
            remote = self.system.outer(remote)
        if fields is None or fields.issuperset(remote.fields):
            return remote
        return remote._replace(fields={f: v for f, v in remote.fields.items() if f in fields})

    # -- side effects

    def act(self, action: Action) -> Receipt:
        """Do it; a second time too, unless the system itself minds."""
        self.calls["act"] += 1
        system, c = self.system, self.system.character
        if action.name not in c.actions:
            return Receipt("rejected", problems=(Problem(None, f"there is no action {action.name}", "unsupported"),))
        with system.lock:
            if c.unique_keys:
                for deed in system.deeds:
                    if (deed.name, deed.key) == (action.name, action.key):
                        return Receipt("exists", deed.id)
            made = Deed(f"{action.name}{len(system.deeds) + 1}", action.name, action.key, action.fields, system.now())
            system.deeds.append(made)
            return Receipt("ok", made.id)

    def acted(self, name: str, keys: Sequence[str]) -> Mapping[str, Receipt]:
        """What was done, as far as the index shows it; the first of several."""
        self.calls["acted"] += 1
        system = self.system
        with system.lock:
            cut = system.now() - system.character.action_lag_ms
            found = [d for d in reversed(system.deeds) if d.name == name and d.key in keys and d.at <= cut]
            return {d.key: Receipt("ok", d.id) for d in found}

    # -- the rest

    def check(self) -> Iterable[Finding]:
        """Reachable always; a warning where the hub id has no field."""
        yield Finding("ok", "connection", f"{self.system.character.name} is in memory")
        if not self.system.character.stamps:
            yield Finding("warning", "hub id", "there is no field for the hub id", "give the character `stamps`")

    def close(self) -> None:
        """Remember that it was asked to."""
        self.closed = True


def _take(
    system: MemorySystem, kind: Kind, token: str | None, wanted: Callable[[Record], bool]
) -> tuple[list[str], str | None]:
    ids, records, size = system.ids[kind], system.records[kind], system.character.page
    found: list[str] = []
    for at in range(bisect_right(ids, token) if token else 0, len(ids)):
        if wanted(records[ids[at]]):
            if len(found) == size:
                return found, found[-1]
            found.append(ids[at])
    return found, None


def _answered(state: Remote, character: Character) -> bool:
    """Whether its id answers with the winner, so that nothing tells of its end."""
    return state.merged_into is not None and character.redirects and not state.moved_to


def _field_facts(rules: KindRules, name: str) -> FieldFacts:
    write = name not in rules.read_only
    return FieldFacts(
        write=write,
        create=write,
        clear=write and name not in rules.unclearable and name not in rules.required,
        required=name in rules.required,
        choices=rules.choices.get(name),
        max_length=rules.max_length.get(name),
    )


def _refused(op: str) -> Outcome:
    return Outcome("rejected", problems=(Problem(None, f"this system takes no {op}", "unsupported"),))
