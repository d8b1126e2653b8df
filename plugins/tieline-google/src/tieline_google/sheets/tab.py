"""One stream as a tab of the spreadsheet: what it can do, how it is listed and read. Writes are in `writing`.

What changed is not told: the file's version says that something did, and everything is listed again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from tieline import Bad, ConfigError, Finding, Mapper, Outcome, Page, Remote, Schema, StreamFacts, Window, Write
from tieline_google.oauth import ANSWER_SECONDS
from tieline_google.sheets.beside import FIRST
from tieline_google.sheets.book import Book, NoTab
from tieline_google.sheets.cells import at, letters, place
from tieline_google.sheets.keys import key_of
from tieline_google.sheets.mapping import TABS
from tieline_google.sheets.names import Home
from tieline_google.sheets.rows import Header, Row
from tieline_google.sheets.view import Found, Lens, View

BATCH = 1000
"""Rows read or written in one call."""
AGAIN = 3
"""How often a listing of several pages begins anew while people edit."""


@dataclass(frozen=True, slots=True)
class Place:
    """How far a listing is: which time it was begun, the next row, the file's version then, and at the very first."""

    time: int
    row: int
    token: str
    begun: str

    def __str__(self) -> str:
        return f"{self.time}|{self.row}|{self.token}|{self.begun}"

    @classmethod
    def of(cls, text: str) -> Place:
        """What `str` made a text of."""
        time, row, token, begun = text.split("|")
        return cls(int(time), int(row), token, begun)


class Tab:
    """One tab."""

    def __init__(self, book: Book, stream: str, mapper: Mapper, limit: int, homes: dict[str, Home]) -> None:
        self.book, self.stream, self.mapper, self.limit = book, stream, mapper, limit
        self.title = TABS[stream]
        self.homes = homes
        """Reference field → where its rows are."""
        self.lens = Lens(book, self.title, mapper, limit, homes)
        self.facts = StreamFacts(
            name=stream,
            kind=mapper.kind,
            batch=BATCH,
            read_batch=BATCH,
            feed=True,
            full_listing=True,
            provisional=True,
            atomic_state=False,
            quiet_ms=int(ANSWER_SECONDS) * 1000,
        )

    # -- the schema

    def schema(self) -> Schema:
        """The fields whose columns are there."""
        shape = self.book.shape(self.title, self.book.stamp(self.stream, again=True).token)
        top = self.book.top(self.title)
        if self.title not in top:
            raise self.book.no_tab(self.title)
        rows = self.lens.under(top[self.title], shape)
        said = sorted((n, rows.lost.get(n)) for n in rows.fields)
        return Schema(rows.fields, stamps=True, fingerprint=blake2b(repr(said).encode(), digest_size=8).hexdigest())

    def recall(self, schema: Schema) -> None:
        """Nothing of it: the header is read with every look."""

    # -- reading

    def list(self, token: str | None) -> Page:
        """One page of rows. A listing of several pages begins anew when the file was changed meanwhile."""
        now = 0
        if token is None:
            stamp = self.book.stamp(self.stream, again=True)
            place, now = Place(0, FIRST, stamp.token, stamp.token), stamp.now
        else:
            place = Place.of(token)
        shape = self.book.shape(self.title, place.token)
        modified = int(place.token.partition("@")[2])
        if self.lens.is_small(shape):
            view = self.lens.look()
            remotes, bad = _listed(self.title, self.lens, view, modified)
            return Page(remotes, now=now or view.now, bad=bad, feed=self._feed(place.begun), note=view.rows.note)
        last = min(place.row + self.limit - 1, shape.rows)
        view = self.lens.page(place.row, last, shape, place.token)
        remotes, bad = _listed(self.title, self.lens, view, modified)
        if last < shape.rows:
            onward = Place(place.time, last + 1, place.token, place.begun)
            return Page(remotes, str(onward), now=now or view.now, bad=bad)
        fresh = self.book.stamp(self.stream)
        if fresh.token != place.token and place.time < AGAIN:  # rows may have moved from a page to another
            onward = Place(place.time + 1, FIRST, fresh.token, place.begun)
            return Page(remotes, str(onward), now=now or view.now, bad=bad)
        return Page(remotes, now=now or view.now, bad=bad, feed=self._feed(place.begun), note=view.rows.note)

    def changes(self, window: Window, token: str | None) -> Page:
        """Whether the file was changed: a new token, and nothing else."""
        stamp = self.book.stamp(self.stream)
        feed = self._feed(stamp.token)
        if feed == window.feed:
            return Page((), now=stamp.now)
        before = (window.feed or "").partition(" ")[2]
        if before not in ("", self.book.id) and not any(self._keys(title) for title in TABS.values()):
            raise ConfigError(
                f"another spreadsheet is configured than before ({before}), and no row of it has a key: nobody deleted "
                "the rows of the other one. Name that one again; a new spreadsheet wants a system of its own name",
                hint="tieline check",
            )
        return Page((), now=stamp.now, feed=feed)

    def _feed(self, token: str) -> str:
        """Where changes go on from: the file's version, and which file it is."""
        return f"{token} {self.book.id}"

    def read(self, ids: Sequence[str], fields: frozenset[str] | None) -> Sequence[Remote]:
        """These rows as they are now."""
        stamp = self.book.stamp(self.stream, again=True)
        columns = self.lens.rows.columns_of(fields) if self.lens.rows is not None and fields is not None else ()
        view = self.lens.look(ids, columns)
        return [self.remote(view, id, found, stamp.modified, fields) for id, found in view.find(ids).items()]

    def find(self, hub_ids: Sequence[str]) -> Sequence[Remote]:
        """Rows that carry one of these hub ids."""
        stamp = self.book.stamp(self.stream, again=True)
        view = self.lens.look(hub_ids)
        ids = [id for hub_id in dict.fromkeys(hub_ids) for id in view.hub(hub_id)]
        if any(view.at[id] not in view.known for id in ids):
            view = self.lens.look(ids)
        return [self.remote(view, id, found, stamp.modified) for id, found in view.find(ids).items()]

    def remote(self, view: View, id: str, found: Found, modified: int, fields: frozenset[str] | None = None) -> Remote:
        """A row that was met, as a remote."""
        return view.rows.remote(found.row, found.number, id, found.key, modified, fields, view.names)

    # -- writing

    def _keys(self, title: str) -> frozenset[str]:
        """The ids of all rows of a tab that have a key; none where there is no such tab."""
        try:
            (block,), _ = self.book.ask(title, ["1:1"])
            column = Header([*(block.rows[0] if block.rows else ())]).key
            keys: Sequence[Row] = ()
            if column is not None:
                (block,), _ = self.book.ask(title, [f"{letters(column)}{FIRST}:{letters(column)}"])
                keys = block.rows
        except NoTab:
            return frozenset()
        return frozenset(k.id for line in keys if (k := key_of(at(line, 0))) is not None)

    def write(self, writes: Sequence[Write]) -> Sequence[Outcome]:
        """Do these writes, one call at a time: rows are addressed by where they are."""
        from tieline_google.sheets.writing import Writer

        with self.book.lock:
            return Writer(self).write(writes)

    def findings(self) -> Iterable[Finding]:
        """What `tieline check` shows."""
        from tieline_google.sheets.check import findings

        return findings(self)

    def mend(self, what: str) -> Finding:
        """Make the tab, or what it lacks; in columns that show names, show them."""
        from tieline_google.sheets.make import completed

        return completed(self, {})


def _listed(tab: str, lens: Lens, view: View, modified: int) -> tuple[list[Remote], list[Bad]]:
    """The records among rows that were met, and rows that cannot be told apart."""
    rows, found, bad = view.rows, [], []
    met: dict[str, int] = {}
    where: dict[str, int] = {}
    for number, row in view.known.items():
        key = view.key(number)
        if key is None and rows.merges and rows.key_covered(number):
            said = "its key is hidden by merged cells: unmerge them"
            bad.append(Bad(place(tab, number, rows.header.key or 0), said))
            continue
        if rows.empty(row, key):
            continue
        if key is None:
            digest = rows.digest(row)
            nth = met[digest] = met.get(digest, -1) + 1
            id = f"{digest}.{nth}" if nth else digest
            where[id] = number
        else:
            id = key.id
        found.append(rows.remote(row, number, id, key, modified, names=view.names))
    if where:
        lens.remember(where)
    return found, bad
