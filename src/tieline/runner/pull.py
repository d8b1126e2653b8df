"""Reads every stream into the trees. Cursor and trees move in one transaction, page by page.

A stream that fails ends there with its reason; what was committed stays, and the next run goes on from it.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from functools import partial
from typing import Any

from tieline.engine import window
from tieline.errors import ContractViolation, FeedExpired, Rejected, TielineError
from tieline.model import Page, Remote, StreamFacts, Window
from tieline.runner.again import traced
from tieline.runner.context import DAY_MS, Run, System
from tieline.runner.drive import Job, drive
from tieline.runner.ingest import Ingest
from tieline.store import Cursor, Entry, Row
from tieline.store.forms import parts

SWEEP_MS = DAY_MS // 4
"""How often deleted records are swept where only a sweep shows them; `--full` sweeps too."""
COMMIT_PAGES, COMMIT_REMOTES = 5, 500
"""A listing is committed after so many pages, or so many remotes: small pages would cost a transaction each."""
LIST_LIMIT = 1_000_000
"""Pages of one complete listing."""
UNSURE = "?"
"""Ends the mark of a listing that met a remote without a readable id: it may be any of those that seem absent."""

Steps = Generator[Job, Any, None]


def pull(run: Run, full_every_ms: int = 0) -> None:
    """Bring `seen` up to date everywhere. Failures are noted in `run.failed`, per system."""
    lanes = []
    for system in run.systems.values():
        readers = [Reader(run, system, facts, full_every_ms) for facts in system.streams]
        for reader in readers:
            sources = [r for r in readers if r.facts.becomes == reader.facts.name]
            if not any(reader.facts.becomes == r.facts.name for r in readers):
                lanes.append((system.name, _in_turn(reader, sources)))
    drive(run, lanes, width=lambda name: max(1, len(run.systems[name].streams)))


def _in_turn(reader: Reader, sources: Sequence[Reader]) -> Steps:
    """A stream, then those whose records are converted into it: whoever is new in it is told there to be no news."""
    place = (reader.system.name, reader.facts.name)
    if sources:
        reader.run.behind.add(place)
    yield from reader.steps()
    for source in sources:
        yield from source.steps()
        yield from source.heirs(reader.facts)
    reader.run.behind.discard(place)


class Reader:
    """Reads one stream."""

    def __init__(self, run: Run, system: System, facts: StreamFacts, full_every_ms: int) -> None:
        self.run = run
        self.system = system
        self.facts = facts
        self.full_every_ms = full_every_ms
        self.ingest = Ingest(run, system.name, facts)
        self.trees = run.store.trees
        self.met = 0
        self.spent: str | None = None
        """A token that has expired, kept until all is read anew: it may be all that tells who took part."""

    def steps(self) -> Steps:
        """The whole reading of the stream: baseline or changes, then a sweep when it is due."""
        cursor = self.trees.cursor(self.system.name, self.facts.name)
        now = self.run.ports.clock.now()
        every = self.full_every_ms
        if self.facts.blind and not every:
            every = SWEEP_MS
        elif self.facts.blind:
            every = min(every, SWEEP_MS)
        relist = bool(self.run.full or (every and now - cursor.full_at >= every))
        if self.facts.feed:
            cursor = yield from self._fed(cursor, relist)
        elif not cursor.baseline:
            cursor = yield from self._listing(cursor)
        elif cursor.listing is not None or relist:  # what is deleted is in no listing: the changes are read as well
            cursor = yield from self._listing(cursor)
            self.ingest.counting = False
            cursor = yield from self._changes(cursor)
        else:
            before = self.met
            cursor = yield from self._changes(cursor)
            if self.met > before and self.facts.blind:
                self.ingest.counting = False
                cursor = yield from self._listing(cursor)
        due = self.run.full or now - cursor.swept_at >= SWEEP_MS
        if self.facts.sweep and due:
            yield from self._sweep(cursor, first=cursor.swept_at == 0)
        if self.facts.provisional:
            yield from self._unnamed(now)
        yield from self._winners()

    def heirs(self, target: StreamFacts) -> Steps:
        """Read those into whom remotes were converted since the target's stream was read."""
        if not target.strong_read:
            return
        ingest = Ingest(self.run, self.system.name, target)
        for part in parts(list(self.ingest.unmet), target.read_batch):
            ask = partial(self.system.connector.read, target.name, part, None)
            found: Sequence[Remote] = yield Job(self.system, ask)
            with self.run.store.atomic(durable=False):
                ingest.take(found)
            self.run.ports.boundary("ingested")

    def _unnamed(self, began: int) -> Steps:
        """Look once more at what has no id of its own: whoever touched it gave it another. Where somebody did, all is
        read again, since what it has become may be behind the reader; `began` is when the reading did."""
        self.ingest.counting = False
        name, stream = self.system.name, self.facts.name
        if self.facts.strong_read:
            yield from self._looked(self.trees.provisional(name, self.facts.kind, stream, self.run.id))
        if self.trees.strayed(name, stream) >= began:
            began = self.run.ports.clock.now()
            cursor, whole = self.trees.cursor(name, stream), self.facts.feed or self.facts.blind
            yield from self._listing(cursor) if whole else self._changes(cursor)
        if 0 < self.trees.strayed(name, stream) <= began - self.facts.overlap_ms:
            with self.run.store.atomic(durable=False):
                self.trees.met_again(name, stream)

    def _fed(self, cursor: Cursor, relist: bool) -> Generator[Job, Any, Cursor]:
        """Changes that go on from a token. Without one, or when it has expired, everything is read anew.

        They come before a listing, which shows nothing of what was deleted since.
        """
        relist = relist or cursor.listing is not None
        if cursor.baseline and cursor.feed is not None:
            self.ingest.counting = not relist  # who is there is met again, and counted then
            try:
                cursor = yield from self._changes(cursor)
            except FeedExpired as error:
                what = f"the token from which changes of {self.facts.name} go on has expired ({error})"
                self.run.notes.append(f"{self.system.name}: {what}; everything was read anew")
                self.spent, cursor = cursor.feed, cursor._replace(feed=None)
            relist = relist or cursor.listing is not None
            self.ingest.counting = relist or cursor.feed is None
        if relist or not cursor.baseline or cursor.feed is None:
            cursor = yield from self._listing(cursor)
        return cursor

    # -- a complete listing

    def _listing(self, cursor: Cursor) -> Generator[Job, Any, Cursor]:
        """Read everything; the baseline barrier falls only when this is complete."""
        token = cursor.token if cursor.listing is not None else None
        resumed = token is not None
        listing = cursor.listing if resumed and cursor.listing else self._mark()
        started = cursor.started if resumed else 0
        pages, tokens, anew = 0, {token}, False
        held: list[Page] = []
        while True:
            try:
                page: Page = yield self._job(self.system.connector.list, token)
            except TielineError as error:
                if held:  # what was read stays read, whatever comes next
                    self._commit(_joined(held), cursor, listing)
                    held = []
                if token is None or anew or not isinstance(error, Rejected):
                    raise
                token, started, listing, anew = None, 0, self._mark(), True  # the token has died: list from the start
                continue
            if cursor.baseline and self.facts.hints and self.facts.strong_read:
                page = yield from self._caught_up(page)
            pages += 1
            self._told(page)
            held.append(page)
            started = started or page.now or self.run.ports.clock.now()
            if page.token is not None and (page.token in tokens or pages > LIST_LIMIT):
                raise self._endless()
            tokens.add(page.token)
            token = page.token
            if any(bad.id is None for bad in page.bad):
                listing = listing.removesuffix(UNSURE) + UNSURE
            if token is None:
                return (yield from self._listed(cursor, _joined(held), listing, started))
            cursor = cursor._replace(token=token, started=started, listing=listing)
            if len(held) >= COMMIT_PAGES or sum(len(p.remotes) for p in held) >= COMMIT_REMOTES:
                self._commit(_joined(held), cursor, listing)
                held = []

    def _mark(self) -> str:
        """A name for a listing from its very start that no row bears: what was met earlier may be gone by now."""
        self.run.listings += 1
        return f"{self.run.id}:{self.run.listings}"

    def _listed(self, cursor: Cursor, page: Page, listing: str, started: int) -> Generator[Job, Any, Cursor]:
        """The last page of a listing: ingest it, look for what is missing, then say the baseline is complete."""
        had_baseline = cursor.baseline
        lost = self.facts.feed and cursor.feed is None  # nothing told what was deleted meanwhile
        self._commit(page, cursor._replace(listing=listing, started=started), listing)
        telling = self.facts.full_listing or (lost and self.facts.strong_read)
        if listing.endswith(UNSURE) and telling:
            self.run.notes.append(
                f"{self.system.name}: some of {self.facts.name} cannot be read and show no id; until they can, nothing "
                "that is absent there counts as deleted"
            )
        elif telling and had_baseline:
            yield from self._absent(listing, lost=lost)
        since = cursor.since if had_baseline else window.baseline_cursor(started, self.facts)
        done = cursor._replace(
            baseline=True,
            token=None,
            started=0,
            since=since,
            full_at=self.run.ports.clock.now(),
            listing=None,
            feed=cursor.feed or page.feed or self.spent,
        )
        self._moved(done, listing)
        self.run.ports.boundary("baseline")
        return done

    def _absent(self, listing: str, *, lost: bool) -> Steps:
        """What a complete listing does not name is gone, if a strong read of its id says so too. Where what happened
        is lost, somebody may also have taken out of the bin what is known to be gone, and converted it."""
        place, bin = (self.system.name, self.facts.name, self.facts.kind), bool(lost and self.facts.becomes)
        after = ""
        while ids := self.trees.unlisted(*place, listing, after, deleted=bin):
            after = ids[-1]
            yield from self._looked(ids)

    def _looked(self, ids: Sequence[str]) -> Steps:
        """Take in what a strong read, where there is one, says of these ids; it leaves out who is gone."""
        for part in parts(ids, self.facts.read_batch):
            found: Sequence[Remote] = []
            if self.facts.strong_read:
                found = yield self._read_job(part)
            alive = {r.id for r in found if not r.gone} | {a for r in found for a in r.aliases}
            with self.run.store.atomic(durable=False):
                self.ingest.take(found)
                for row in self.ingest.rows([i for i in part if i not in alive]).values():
                    if row.gone is None:
                        self.ingest.mark_gone(row)

    # -- changes

    def _changes(self, cursor: Cursor) -> Generator[Job, Any, Cursor]:
        """Read what changed since the cursor. Hints are read strongly unless their version is known."""
        walk: window.Walk | None = window.follow(cursor.feed) if cursor.feed else window.start(cursor.since)
        began = 0
        while walk is not None:
            page: Page = yield self._changes_job(walk.window, walk.token)
            self._told(page)
            page = page._replace(now=page.now or self.run.ports.clock.now())
            began = began or page.now  # what is committed late, behind a page that was read, is met by the next run
            onward = window.step(walk, page, self.facts)  # the walk follows the index's own stamps
            newest = max([walk.newest, *(r.modified for r in page.remotes)])
            if self.facts.hints:
                page = page._replace(remotes=(yield from self._confirmed(page.remotes)))
            page = page._replace(remotes=(yield from traced(self.system, self.facts, self.trees, page.remotes)))
            if onward is None and self.facts.feed:
                news = page.feed is not None and page.feed != cursor.feed
                cursor = cursor._replace(feed=page.feed or cursor.feed)
                if news and self.facts.blind:  # owed from here on: the token does not tell of it a second time
                    cursor = cursor._replace(listing=self.run.id, token=None)
            elif onward is None and walk.sure:  # only a window surely read to its end moves the cursor
                cursor = cursor._replace(since=window.cursor_after(cursor.since, newest, began, self.facts))
            self._commit(page, cursor, None)
            walk = onward
        return cursor

    def _confirmed(self, hints: Sequence[Remote]) -> Generator[Job, Any, Sequence[Remote]]:
        """The strongly read remotes behind hints; a hit whose version is known costs nothing. Who is said to be gone,
        and is left out by the read, is."""
        known = self.trees.versions(self.system.name, self.facts.kind, [h.id for h in hints])
        news = []
        for hint in hints:
            version, gone = known.get(hint.id, ("", None))
            if hint.version and version == hint.version and gone is None and not hint.gone:
                self.run.unchanged[self.system.name, self.facts.kind] += self.ingest.counting
            else:
                news.append(hint.id)
        found: list[Remote] = []
        asked = dict.fromkeys(news)
        for part in parts(list(asked), self.facts.read_batch):
            found += yield self._read_job(part)
        met = {r.id for r in found} | {a for r in found for a in r.aliases}
        return [*found, *(h for h in hints if h.gone and h.id in asked and h.id not in met)]

    def _caught_up(self, page: Page) -> Generator[Job, Any, Page]:
        """A listing may be as far behind as the hints: who is older in it than what is known, or is alive although
        known to be gone, is read strongly."""
        rows = self.trees.links(self.system.name, self.facts.kind, [r.id for r in page.remotes])
        old = [r.id for r in page.remotes if r.id in rows and _behind(r, rows[r.id])]
        found: list[Remote] = [r for r in page.remotes if r.id not in old]
        for part in parts(old, self.facts.read_batch):
            found += yield self._read_job(part)
        return page._replace(remotes=found) if old else page

    # -- the sweep

    def _sweep(self, cursor: Cursor, *, first: bool) -> Steps:
        """Read which records were deleted. On the first sweep the hub may know none of them: they are only counted."""
        token: str | None = None
        tokens: set[str | None] = {None}
        while True:
            page: Page = yield self._job(self.system.connector.sweep, token)
            token = page.token
            if token in tokens and token is not None:
                raise self._endless()
            tokens.add(token)
            with self.run.store.atomic(durable=False):
                self.ingest.take([r for r in page.remotes if r.gone])
                if token is None:
                    now = self.run.ports.clock.now()
                    fresh = self.trees.cursor(self.system.name, self.facts.name)
                    self.trees.save_cursor(fresh._replace(swept_at=now))
            if token is None:
                return

    def _winners(self) -> Steps:
        """Read whom others were merged into, if nothing else showed what they hold: the index may not have them yet."""
        ids = sorted(self.ingest.unread) if self.facts.strong_read else []
        for part in parts(ids, self.facts.read_batch):
            found: Sequence[Remote] = yield self._read_job(part)
            with self.run.store.atomic(durable=False):
                self.ingest.take(found)

    # -- small things

    def _moved(self, cursor: Cursor, listing: str = "") -> Cursor:
        """A cursor that accounts for what is in the trees already; `listing` has just come to its end."""
        with self.run.store.atomic(durable=False):
            self.trees.save_cursor(cursor)
            if listing:
                self.run.store.torn.listed(cursor.system, cursor.stream, self.run.id, listing.removesuffix(UNSURE))
        return cursor

    def _commit(self, page: Page, cursor: Cursor, listing: str | None) -> None:
        """A page's remotes and the cursor that accounts for them, together."""
        store = self.run.store
        now = self.run.ports.clock.now()
        self.met += self._news(page.remotes) if self.facts.blind else len(page.remotes)
        with store.atomic(durable=False):
            self.ingest.take(page.remotes, listing)
            store.trees.save_cursor(cursor._replace(feed=cursor.feed or self.spent))
            if page.bad:
                if listing is not None:
                    known = [bad.id for bad in page.bad if bad.id is not None]
                    self.trees.touch(self.system.name, self.facts.kind, known, listing)
                mark = (listing or "").removesuffix(UNSURE)
                store.torn.add(self.system.name, self.facts.kind, self.facts.name, page.bad, self.run.id, mark)
                store.work.journal(
                    Entry(self.run.id, now, None, self.system.name, self.facts.kind, None, "read", "rejected", None,
                          f"{bad.where}: {bad.message}")
                    for bad in page.bad
                )  # fmt: skip
        self.run.ports.boundary("ingested")
        self.run.progress("pull", self.system.name, len(page.remotes), None)

    def _told(self, page: Page) -> None:
        note = f"{self.system.name}: {page.note}"
        if page.note and note not in self.run.notes:
            self.run.notes.append(note)

    def _news(self, remotes: Sequence[Remote]) -> int:
        """How many of these are not known to stand just so: a window meets again what lies at its very beginning, and
        what we wrote ourselves; neither is a reason to look for what is missing."""
        known = self.trees.versions(self.system.name, self.facts.kind, [r.id for r in remotes])
        same = (r.version and not r.gone and known.get(r.id) == (r.version, None) for r in remotes)
        return sum(not s for s in same)

    def _job(self, method: Any, token: str | None) -> Job:
        name = self.facts.name
        return Job(self.system, lambda: method(name, token))

    def _changes_job(self, asked: Window, token: str | None) -> Job:
        name = self.facts.name
        return Job(self.system, lambda: self.system.connector.changes(name, asked, token))

    def _read_job(self, ids: Sequence[str]) -> Job:
        name = self.facts.name
        return Job(self.system, lambda: self.system.connector.read(name, ids, None))

    def _endless(self) -> TielineError:
        return ContractViolation(
            f"{self.system.name} answers the same page of {self.facts.name} again and again: reading it would never end"
        )


def _behind(remote: Remote, row: Row) -> bool:
    """Whether this may be what was there before something that is known already."""
    return row.gone is not None or (remote.version != row.version and remote.modified < max(row.own, row.modified))


def _joined(pages: Sequence[Page]) -> Page:
    """Pages in a row as one, for a single transaction."""
    if len(pages) == 1:
        return pages[0]
    remotes, bad = [r for p in pages for r in p.remotes], [b for p in pages for b in p.bad]
    return pages[-1]._replace(remotes=remotes, bad=bad)
