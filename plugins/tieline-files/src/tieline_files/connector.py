"""The connector: the nouns of the contract on one side, `Table` and `apply` on the other. Decides nothing of syncing.

Read this file first. A connector says what it can do (`facts`, `schema`), reads (`list`, `changes`, `read`, `find`)
and writes (`write`); the hub does the rest. It keeps nothing between runs: what it knows is in the files.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from tieline import (
    Connector,
    ConnectorSpec,
    Context,
    Facts,
    FieldFacts,
    Finding,
    Outcome,
    Page,
    Remote,
    Schema,
    StreamFacts,
    Window,
    Write,
)
from tieline_files.apply import apply
from tieline_files.check import check_folder, check_table
from tieline_files.disk import Disk, stamp_of
from tieline_files.mapping import MAPPING, STREAM_KINDS
from tieline_files.settings import FilesSettings
from tieline_files.table import PAGE, Table

OVERLAP_MS = 2_000
"""The coarsest clock of a file system in use (FAT): an edit may be stamped that much earlier than it was made."""
GRANULARITY_MS = 10
"""A kernel stamps files by its tick, commonly 4 to 10 ms."""


@dataclass(frozen=True)
class Limits:
    """How much goes into one call: rows of a page; writes, and ids to read. So many writes that a run has no more:
    each file is then replaced once."""

    page: int = PAGE
    calls: int = 1_000_000


class FilesConnector:
    """One folder. `disk` holds the calls that make writes last, `environ` the variables that settings may name."""

    def __init__(
        self,
        context: Context,
        disk: Disk | None = None,
        environ: Mapping[str, str] | None = None,
        limits: Limits | None = None,
    ) -> None:
        limits = limits or Limits()
        settings: FilesSettings = context.settings
        self.folder: Path = settings.place(context.root, os.environ if environ is None else environ)
        self._clock, self._disk = context.clock, disk or Disk()
        self._tables: dict[str, Table] = {
            stream: Table(stream, self.folder / file.file, file, context.mappers[stream], context.clock, limits.page)
            for stream, file in settings.files.items()
            if stream in context.mappers
        }
        # A folder has one writer at a time, so more calls in flight would only wait for the lock.
        self.facts = Facts(tuple(_stream_facts(t, limits.calls) for t in self._tables.values()), writers=1)

    # -- what the streams can do

    def schema(self, stream: str) -> Schema:
        """The mapped fields that have a column in the file as it is now. Ids are given in a create and then stay."""
        table = self._tables[stream]
        with table.view() as view:
            columns = view.head.columns
        fields = {name: _field_facts(table, name, columns) for name in table.mapper.specs}
        known = {name: facts for name, facts in fields.items() if facts is not None}
        digest = blake2b(repr((columns, table.seed)).encode(), digest_size=8).hexdigest()
        return Schema(known, stamps=table.settings.stamps, fingerprint=digest)

    # -- reading

    def list(self, stream: str, token: str | None) -> Page:
        """Every row, in the order of the file; bad rows by file and line."""
        return self._tables[stream].page(token)

    def changes(self, stream: str, window: Window, token: str | None) -> Page:
        """A row has no stamp of its own: nothing when the file was not touched since, else every row. Those whose
        version the hub knows cost it nothing. An idle run is one look at the file's stamp."""
        table, now = self._tables[stream], self._clock.now()
        stamp = stamp_of(table.path)
        there = stamp is not None and stamp.size > 0
        touched = min(stamp.ms, now) if stamp is not None else now
        if there and token is None and touched < window.since:
            return Page((), now=now)
        if window.at_id is None:
            return table.page(token)
        if there and touched != window.since:
            return Page((), now=now)
        return table.rows_after(token or window.at_id)

    def sweep(self, stream: str, token: str | None) -> Page:
        """A file keeps no record of what was in it."""
        return Page((), now=self._clock.now())

    def read(self, stream: str, ids: Sequence[str], fields: frozenset[str] | None) -> Sequence[Remote]:
        """Rows as they are now; a row that is gone is not known any more."""
        found = self._tables[stream].read(ids)
        if fields is None:
            return found
        return [r._replace(fields={name: cell for name, cell in r.fields.items() if name in fields}) for r in found]

    def find(self, stream: str, hub_ids: Sequence[str]) -> Sequence[Remote]:
        """Rows that carry one of these hub ids."""
        return self._tables[stream].find(hub_ids)

    # -- writing

    def write(self, stream: str, writes: Sequence[Write]) -> Sequence[Outcome]:
        """All of them in one replacement of the file, or, when the disk refuses, none."""
        return apply(self._tables[stream], self._disk, writes)

    # -- the rest

    def check(self) -> Iterable[Finding]:
        """Whether the folder and each file can be used, and every row that cannot."""
        yield from check_folder(self.folder)
        for table in self._tables.values():
            yield from check_table(table)

    def close(self) -> None:
        """Nothing stays open between calls."""


def _stream_facts(table: Table, calls: int) -> StreamFacts:
    return StreamFacts(
        name=table.stream,
        kind=STREAM_KINDS[table.stream],
        batch=calls,
        read_batch=calls,
        mixed=True,
        full_listing=True,
        overlap_ms=OVERLAP_MS,
        granularity_ms=GRANULARITY_MS,
        conditional=True,
        unique_hub_id=table.settings.stamps or table.key is None,
    )


def _field_facts(table: Table, name: str, columns: tuple[str, ...] | None) -> FieldFacts | None:
    """None: the file has nothing of this field. A constant counts as there, unless columns of it could be."""

    def there(column: str) -> bool:
        return columns is None or column in columns

    rules = [rule for rule in table.mapper.rules if rule.field.partition(".")[0] == name]
    wanted = [rule for rule in rules if rule.columns]
    present = [rule for rule in wanted if all(map(there, rule.columns))]
    if wanted and not present:
        return None
    writable = [rule for rule in present if table.written.get(rule.remote) == name]
    choices = next((tuple(dict.fromkeys(rule.values.values())) for rule in writable if rule.values is not None), None)
    is_key = name == table.key
    return FieldFacts(
        read=any(rule.read for rule in rules),
        write=bool(writable) and not is_key,
        create=any(rule.create for rule in writable),
        clear=any(rule.clear for rule in writable) and not is_key,
        required=is_key,
        choices=choices,
        max_length=table.form.longest,
    )


def connect(context: Context) -> Connector:
    """What the core calls. Raises ConfigError when the folder's environment variable is not set."""
    return FilesConnector(context)


SPEC = ConnectorSpec(
    name="files",
    title="CSV and JSON Lines files in a folder",
    streams=tuple(MAPPING),
    connect=connect,
    mapping=MAPPING,
    kinds=STREAM_KINDS,
    settings=FilesSettings,
    hub_field="tieline_id",
)
