"""The stream `contacts`: says what it can do and hands each call to the reader or the writer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence

from tieline import FieldFacts, Finding, Mapper, Outcome, Page, Remote, Schema, StreamFacts, Window, Write
from tieline_google.oauth import ANSWER_SECONDS
from tieline_google.people.label import Label
from tieline_google.people.reading import MANY, Reader
from tieline_google.people.rows import Rows
from tieline_google.people.writing import Writer
from tieline_google.settings import GoogleSettings
from tieline_google.wire import Wire

LAG_MS = 600_000
"""How long a write may take to show in a listing: «several minutes» [spec]."""


def facts(name: str = "contacts") -> StreamFacts:
    """What the stream can do. Listings are behind what a person read by its id is, so that what they tell is a hint."""
    return StreamFacts(
        name,
        "contact",
        batch=MANY,
        read_batch=MANY,
        hints=True,
        overlap_ms=LAG_MS,
        tombstones=True,
        feed=True,
        conditional=True,
        quiet_ms=LAG_MS + int(ANSWER_SECONDS) * 1000,
    )


class Contacts:
    """Google Contacts of one account. Safe to share between threads."""

    def __init__(self, wire: Wire, mapper: Mapper, settings: GoogleSettings) -> None:
        self.facts = facts()
        self.rows = Rows(mapper)
        self.label = Label(wire, settings.contact_group)
        self.reader = Reader(wire, self.rows, self.label, settings.page)
        self._writer = Writer(wire, self.rows, self.reader, self.label)

    def schema(self) -> Schema:
        """The fields, as mapped: Google lets nobody change them, so nothing is asked."""
        fields = {name: self._facts(name) for name in self.rows.mapper.parts}
        told = json.dumps([[r.remote, r.field, r.write, r.clear] for r in self.rows.mapper.rules])
        return Schema(fields, stamps=True, fingerprint=hashlib.blake2b(told.encode(), digest_size=12).hexdigest())

    def _facts(self, name: str) -> FieldFacts:
        rules = [p.rule for p in self.rows.mapper.parts[name]]
        there = not any(c in self.rows.unknown for r in rules for c in r.columns)
        writes = there and self.rows.writable(name)
        return FieldFacts(
            read=there and any(r.read for r in rules),
            write=writes,
            create=writes and rules[0].create,
            clear=writes and rules[0].clear,
        )

    def recall(self, schema: Schema) -> None:
        """Nothing: no schema is asked for."""

    def list(self, token: str | None) -> Page:
        """One page of all who are in scope."""
        return self.reader.everything(token)

    def changes(self, window: Window, token: str | None) -> Page:
        """One page of what changed since the window's token."""
        return self.reader.changes(window, token)

    def read(self, ids: Sequence[str], fields: frozenset[str] | None) -> Sequence[Remote]:
        """These contacts as they are now."""
        return self.reader.read(ids, fields)

    def find(self, hub_ids: Sequence[str]) -> Sequence[Remote]:
        """Contacts that carry one of these hub ids."""
        return self.reader.find(hub_ids)

    def write(self, writes: Sequence[Write]) -> Sequence[Outcome]:
        """Do these writes."""
        return self._writer.write(writes)

    def findings(self) -> Iterable[Finding]:
        """What `tieline check` shows of it."""
        from tieline_google.people.check import findings

        return findings(self.reader, self.label, self.rows)
