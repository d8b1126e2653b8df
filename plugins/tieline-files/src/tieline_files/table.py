"""One file as a stream of remotes: listing by pages, finding rows by id, telling states apart. Reads only.

The disk may change under any call. A file is known by its stamp: what was learnt under one stamp is not believed
under another, and an answer during which the stamp moved is thrown away and taken again.
"""

from __future__ import annotations

import contextlib
import heapq
import threading
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeVar

from tieline import Bad, Clock, ConfigError, Mapper, Page, Remote, Unavailable
from tieline_files.csv_form import CsvForm
from tieline_files.disk import Stamp, opened, stamp_of
from tieline_files.index import Places
from tieline_files.jsonl_form import JsonlForm
from tieline_files.mapping import fingerprint, written_columns
from tieline_files.rows import Entry, Form, Head, Place, Row
from tieline_files.settings import FileSettings

PAGE = 1000
TRIES = 5
"""Attempts at a file that keeps changing."""
VERSION_BYTES = 8
RACY_MS = 50
"""A file changed twice within one tick of the kernel's clock keeps its stamp: what is younger is not remembered."""

T = TypeVar("T")


class Index(NamedTuple):
    """What one pass over a file has learnt. `twins`: offset of a row whose id stands earlier → that earlier line."""

    ids: Places
    hubs: Places
    twins: dict[int, int]


class View:
    """A file opened at one stamp, with its head read. `file` is None when the file is not there (or empty)."""

    def __init__(self, table: Table, file: BinaryIO | None, stamp: Stamp | None, head: Head) -> None:
        self.table, self.file, self.stamp, self.head = table, file, stamp, head
        self.version_seed = blake2b(table.seed, digest_size=VERSION_BYTES)
        names = [*dict.fromkeys(head.columns or ())]
        self.version_seed.update(repr([c for c in names if c != table.hub_column]).encode())
        self._hub_at = names.index(table.hub_column) if table.hub_column and table.hub_column in names else None
        self.now = table.clock.now()
        self.ms = 0 if stamp is None else min(stamp.ms, self.now)  # a stamp from the future wins nothing

    def entries(self, start: Place | None = None) -> Iterator[Entry]:
        """Everything from `start` on (None: from the first row)."""
        if self.file is None:
            return iter(())
        return self.table.form.entries(self.file, self.head, start or self.head.rows)

    def index(self) -> Index:
        """The index of this state of the file, built at first use."""
        return self.table.index_of(self)

    def row(self, id: str) -> Entry | None:
        """The row with this id, the first if there are several; None when there is none."""
        for place in self.index().ids.of(id):
            entry = next(self.entries(place), None)
            if entry is not None and entry.row is not None and self.table.id_of(entry.row) == id:
                return entry
        return None

    def holders(self, hub_id: str) -> Iterator[tuple[str, Entry]]:
        """Rows that carry this hub id, with their own ids."""
        index = self.index()
        for place in index.hubs.of(hub_id):
            entry = next(self.entries(place), None)
            if entry is None or entry.row is None or place.offset in index.twins:
                continue
            id = self.table.id_of(entry.row)
            if id and self.table.hub_id_of(entry.row) == hub_id:
                yield id, entry

    def version(self, entry: Entry) -> str:
        """Tells one state of a row from another, under this mapping and header."""
        digest = self.version_seed.copy()
        digest.update(self.table.form.content(entry, self._hub_at))
        return digest.hexdigest()

    def remote(self, id: str, entry: Entry, row: Row) -> Remote:
        """A row as the hub reads it; its time of change is the file's."""
        fields, problems = self.table.mapper.read(row)
        hub_id = self.table.hub_id_of(row)
        return Remote(id, fields, self.version(entry), self.ms, hub_id, False, None, (), problems)


class Table:
    """One configured file, listed `page` rows at a time."""

    def __init__(
        self, stream: str, path: Path, settings: FileSettings, mapper: Mapper, clock: Clock, page: int = PAGE
    ) -> None:
        self.stream, self.path, self.settings, self.mapper, self.clock = stream, path, settings, mapper, clock
        self._page_size = page
        self.hub_column = settings.hub_id if settings.stamps else ""
        """"" when hub ids are not kept here; a column may be named so, so look before using it."""
        self.form: Form = (
            CsvForm(settings.separator, settings.encoding)
            if settings.is_csv
            else JsonlForm(settings.encoding, mapper.columns)
        )
        self.written = written_columns(mapper)
        self.key = self.written.get(settings.id)
        """The field that names a row; None when ids are the hub's own."""
        self.seed = fingerprint(mapper).encode()
        self._lock = threading.Lock()
        self._known: tuple[Stamp, Index] | None = None

    # -- opening

    @contextlib.contextmanager
    def view(self) -> Iterator[View]:
        """The file as it is now. Raises ConfigError when its head rules it out, Unavailable when it cannot be read."""
        stamp = stamp_of(self.path)
        if stamp is None or stamp.size == 0:
            yield View(self, None, stamp, self._missing(stamp))
            return
        with opened(self.path) as file:
            yield View(self, file, stamp, self._head(file))

    def _missing(self, stamp: Stamp | None) -> Head:
        if self.settings.missing == "empty":
            return self.form.fresh(self.new_columns())
        text = f"{self.path} is {'not there' if stamp is None else 'empty'}, which does not mean that its rows are gone"
        remedy = f'put it back, or let the first write begin it with files.{self.stream}.missing = "empty"'
        raise Unavailable(f"{text}: {remedy}", sent=False)

    def _head(self, file: BinaryIO) -> Head:
        try:
            head = self.form.head(file)
        except ConfigError as error:
            raise ConfigError(f"{self.path}: {error}") from None
        columns, id_column = head.columns, self.settings.id
        if columns is not None and id_column not in columns:
            names = ", ".join(repr(c) for c in columns if c)
            remedy = f"name the column that identifies a row with files.{self.stream}.id"
            other = next((d for d in ";\t|," if len(columns) == 1 and d in columns[0]), None)
            if other:
                remedy = f"set files.{self.stream}.delimiter = {other!r}"
            raise ConfigError(f"{self.path} has no column {id_column!r} (it has {names}): {remedy}")
        return head

    def new_columns(self) -> list[str]:
        """The header of a new file: the id, every column the mapping writes, the hub's id."""
        names = [self.settings.id, *self.written, self.hub_column]
        return [name for name in dict.fromkeys(names) if name]

    def index_of(self, view: View) -> Index:
        """The index under the view's stamp; one pass over the file unless it is known."""
        with self._lock:
            if view.stamp is None or self._known is None or self._known[0] != view.stamp:
                index = self._build(view)
                if view.stamp is None or abs(self.clock.now() - view.stamp.ms) <= RACY_MS:
                    return index
                self._known = view.stamp, index
            return self._known[1]

    def _build(self, view: View) -> Index:
        ids, hubs = Places(), Places()
        columns = [self.settings.id, *([self.hub_column] if self.hub_column else [])]
        for offset, line, (name, *stamp) in self.form.values(view.file, view.head, columns) if view.file else ():
            id = _name(name)
            if id:
                ids.add(id, offset, line)
                if stamp and stamp[0]:
                    hubs.add(_name(stamp[0]), offset, line)
        ids.seal()
        return Index(ids, hubs.seal(), self._twins(view, ids))

    def _twins(self, view: View, ids: Places) -> dict[int, int]:
        twins: dict[int, int] = {}
        for group in ids.repeated():
            first: dict[str, int] = {}
            for place in group:
                entry = next(view.entries(place), None)
                id = self.id_of(entry.row) if entry and entry.row else ""
                if first.setdefault(id, place.line) != place.line:
                    twins[place.offset] = first[id]
        return twins

    # -- what a row says of itself

    def id_of(self, row: Row) -> str:
        """The row's id as text, "" when it has none that can be used."""
        return _name(row.get(self.settings.id))

    def hub_id_of(self, row: Row) -> str | None:
        """The hub's id on the row, if any."""
        return (_name(row.get(self.hub_column)) or None) if self.hub_column else None

    def bad(self, entry: Entry, why: str) -> Bad:
        """A row that cannot be taken, with the line a text editor shows."""
        return Bad(f"{self.path.name}:{entry.place.line}", why)

    # -- answers

    def page(self, token: str | None) -> Page:
        """One page of everything. When the file has changed since the page before, the listing starts over: rows
        then come twice, which is harmless, but none is missed."""
        return self._steadily(lambda view: self._page(view, token))

    def _page(self, view: View, token: str | None) -> Page:
        index, mark = view.index(), _mark(view.stamp)
        offset, line, known = (token or "0.0.").split(".", 2)
        start = Place(int(offset), int(line)) if known == mark else view.head.rows
        remotes: list[Remote] = []
        bad: list[Bad] = []
        for entry in view.entries(start):
            if len(remotes) + len(bad) == self._page_size:
                return Page(remotes, f"{entry.place.offset}.{entry.place.line}.{mark}", now=view.now, bad=bad)
            row = entry.row
            if row is None:
                if entry.why:
                    bad.append(self._bad(entry, entry.why))
                continue
            id = self.id_of(row)
            if not id:
                bad.append(self._bad(entry, f"the column {self.settings.id!r} names no row: it is blank, or no text"))
            elif index.twins and entry.place.offset in index.twins:
                bad.append(self._bad(entry, f"the id {id!r} is taken by line {index.twins[entry.place.offset]}", id))
            else:
                remotes.append(view.remote(id, entry, row))
        return Page(remotes, now=view.now, bad=bad)

    def _bad(self, entry: Entry, why: str, id: str | None = None) -> Bad:
        return Bad(f"{self.path.name}:{entry.place.line}", why, id)

    def rows_after(self, id: str) -> Page:
        """The first page of the rows whose id is greater, in the order of their ids: what a keyset window asks for."""
        return self._steadily(lambda view: self._after(view, id))

    def _after(self, view: View, id: str) -> Page:
        twins, size = view.index().twins, self._page_size
        rows = ((self.id_of(e.row), e.place) for e in view.entries() if e.row and e.place.offset not in twins)
        places = heapq.nsmallest(size + 1, ((name, place) for name, place in rows if name > id))
        found = ((name, next(view.entries(place))) for name, place in places[:size])
        remotes = [view.remote(name, entry, entry.row) for name, entry in found if entry.row]
        return Page(remotes, remotes[-1].id if len(places) > size else None, now=view.now)

    def read(self, ids: Sequence[str]) -> list[Remote]:
        """The rows with these ids; an id that is not there is left out."""
        return self._steadily(lambda view: [r for id in dict.fromkeys(ids) if (r := _one(view, id))])

    def find(self, hub_ids: Sequence[str]) -> list[Remote]:
        """The rows that carry these hub ids, in the hub's column or, where ids are the hub's own, as their id."""
        return self._steadily(lambda view: [r for hub_id in dict.fromkeys(hub_ids) for r in self._found(view, hub_id)])

    def _found(self, view: View, hub_id: str) -> list[Remote]:
        found = [view.remote(id, entry, entry.row) for id, entry in view.holders(hub_id) if entry.row]
        own = None if found or self.key else _one(view, hub_id)
        return [own._replace(hub_id=hub_id)] if own else found

    def _steadily(self, answer: Callable[[View], T]) -> T:
        """An answer during which the file did not change."""
        for _ in range(TRIES):
            with self.view() as view:
                result = answer(view)
            if stamp_of(self.path) == view.stamp:
                return result
        raise Unavailable(f"{self.path} keeps changing while it is read", sent=False)


def _one(view: View, id: str) -> Remote | None:
    entry = view.row(id)
    return None if entry is None or entry.row is None else view.remote(id, entry, entry.row)


def _name(value: Any) -> str:
    """Text and whole numbers can name a row; anything else is as good as blank."""
    if type(value) is str:
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def _mark(stamp: Stamp | None) -> str:
    return "" if stamp is None else blake2b(repr(stamp).encode(), digest_size=VERSION_BYTES).hexdigest()
