"""What a connector is examined with: the `Subject` an author hands in, and the bench that the checks work at.

It judges nothing; the checks do, in `contract_read`, `contract_write` and `contract_world`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import pytest

from tieline.connector import Connector
from tieline.model import FieldFacts, Fields, Op, Outcome, Page, Remote, StreamFacts, Window, Write
from tieline.records import REFERENCES, spec_of
from tieline.testing.clock import START_MS, SeqIds

MAX_PAGES = 5000
"""A listing longer than this does not end."""


GUESSES: Mapping[str, Any] = {
    "text": "Tieline",
    "choice": "Tieline",
    "email": "tie@line.example",
    "owner": "tie@line.example",
    "domain": "line.example",
    "url": "https://line.example",
    "phone": "+1 555 0100",
    "integer": 7,
    "decimal": "7",
    "percent": "7",
    "boolean": True,
    "date": "2024-02-29",
}
"""Field type → a value of it."""


class Outside(Protocol):
    """A second hand on the same system, past the connector: a person at the vendor's screen.

    For a sandbox it is the vendor's wire, for files it is the file. Fields are canonical, references remote ids.
    """

    def create(self, stream: str, fields: Fields) -> str:
        """Make a record without a hub id and say its remote id."""
        ...

    def edit(self, stream: str, id: str, fields: Fields) -> None:
        """Change these fields of a record."""
        ...

    def delete(self, stream: str, id: str) -> None:
        """Delete a record as a person does."""
        ...

    def merge(self, stream: str, winner: str, loser: str) -> None:
        """Merge two records as a person does. Raise NotImplementedError where people cannot."""
        ...

    def count(self, stream: str) -> int:
        """How many records are alive."""
        ...

    def state(self) -> Any:
        """Everything the system holds, comparable with `==`; request counters and the like left out."""
        ...


class Subject:
    """One connector on one system that holds nothing yet, ready to be examined. Made afresh for each check."""

    connector: Connector
    outside: Outside
    streams: Sequence[str] = ()
    """The streams to examine, parents first; empty: all that the connector declares."""
    many: int = 5
    """How many records certainly take more than one page of `list` and of `changes`."""
    cap: int | None = None
    """How many results `changes` gives before it is capped; None: the system has no such limit."""
    unknown_id: str = "999999999999"
    """A well-formed remote id that no record has."""
    secret: str | None = None
    """A credential the connector was given; it must show nowhere."""
    reasons: Mapping[str, str] = {}
    """Check id → why it cannot be made on this system. Each is a sentence that users may read."""

    def sample(self, stream: str, n: int) -> Fields:
        """Values for a new record, other ones for each `n`, which the system takes and keeps exactly as they are.

        At least two fields, without references, `required` ones included.
        """
        raise NotImplementedError

    def convert(self, stream: str, id: str) -> str:
        """A person converts this record; its id in the stream that it becomes. For streams whose facts say `becomes`,
        which must all be among the subject's."""
        raise NotImplementedError(f"records of {stream} become another stream's: offer it, or give a reason")

    def settle(self) -> None:
        """Let pass what the facts declare: the longest `overlap_ms` and `quiet_ms` of the streams."""

    def typed(self, stream: str, fields: Fields) -> str:
        """A person adds a record that has no id of its own, where the facts say `provisional`; its provisional id."""
        raise NotImplementedError("this subject cannot add a record without an id: offer it, or give a reason")

    def expire(self) -> None:
        """Let every token that a feed has given expire, for the streams whose facts say `feed`."""
        raise NotImplementedError("this subject cannot let tokens expire: offer it, or give a reason in `reasons`")

    def fault(self, name: str) -> AbstractContextManager[None]:
        """While entered, every call suffers `throttle`, `refused`, `lost_before` or `lost_after`, as `faults` says."""
        raise NotImplementedError(f"this subject has no fault {name!r}: offer it, or give a reason in `reasons`")


class Bench:
    """What a check works with. Everything it makes is new, so that checks ask nothing of what was there before."""

    def __init__(self, subject: Subject, check: str) -> None:
        if check in subject.reasons:
            pytest.skip(f"{check}: {subject.reasons[check]}")
        self.subject = subject
        if not subject.streams:
            subject.streams = tuple(s.name for s in subject.connector.facts.streams)
        self.connector = subject.connector
        self.outside = subject.outside
        self.check = check
        self._n = 0
        self._ids = SeqIds(7)
        self._begun = {s: self.token(s) for s in subject.streams if self.facts(s).feed}

    # -- judging

    def expect(self, stream: str, held: bool, otherwise: str) -> None:
        """Fail the check, naming it and the stream, unless `held`."""
        if not held:
            raise AssertionError(f"{self.check} {stream}: {otherwise}")

    def streams(self, unless: str = "", when: Callable[[StreamFacts], bool] | None = None) -> list[str]:
        """The streams whose facts fit; skips the check with `unless` when there is none."""
        facts = self.connector.facts
        self.expect("no stream", bool(self.subject.streams), "the facts declare no streams")
        found = [s for s in self.subject.streams if when is None or when(facts.stream(s))]
        if not found:
            pytest.skip(f"{self.check}: {unless or 'there are no streams'}")
        return found

    def facts(self, stream: str) -> StreamFacts:
        """What the connector declares of a stream."""
        return self.connector.facts.stream(stream)

    # -- making

    def fields(self, stream: str) -> dict[str, Any]:
        """A sample that was not used before."""
        self._n += 1
        return dict(self.subject.sample(stream, self._n))

    def hub_id(self) -> str:
        """A hub id that was not used before."""
        return self._ids.new(START_MS)

    def person(self, stream: str) -> str:
        """The id of a record that a person made."""
        return self.outside.create(stream, self.fields(stream))

    def people(self, stream: str, count: int | None = None) -> list[str]:
        """The ids of several such records; without a count, of more than a page."""
        return [self.person(stream) for _ in range(self.subject.many if count is None else count)]

    def write(self, stream: str, op: Op, fields: Fields, id: str | None = None, version: str = "") -> Outcome:
        """One write, in a call of its own, with a hub id of its own."""
        return self.write_all(stream, [Write(op, self.hub_id(), fields, id, version)])[0]

    def write_all(self, stream: str, writes: Sequence[Write]) -> Sequence[Outcome]:
        """One call; there must be one outcome for each write."""
        outcomes = self.connector.write(stream, writes)
        self.expect(stream, len(outcomes) == len(writes), f"{len(writes)} writes, {len(outcomes)} outcomes")
        return outcomes

    def made(self, stream: str, fields: Fields | None = None) -> str:
        """The id of a record that the connector created."""
        outcome = self.write(stream, "create", self.fields(stream) if fields is None else fields)
        self.expect(stream, outcome.status == "ok", f"a create of sample values was answered {outcome}")
        return self.id_of(stream, outcome)

    def id_of(self, stream: str, outcome: Outcome) -> str:
        """The remote id in an outcome; there must be one."""
        id = outcome.remote.id if outcome.remote is not None else outcome.remote_id
        self.expect(stream, bool(id), f"the outcome names no remote id: {outcome}")
        return str(id)

    # -- looking

    def read(self, stream: str, ids: Sequence[str], fields: frozenset[str] | None = None) -> dict[str, Remote]:
        """What `read` answers, by id, asked in calls of the allowed size."""
        step = self.facts(stream).read_batch
        calls = [ids[i : i + step] for i in range(0, len(ids), step)]
        return {r.id: r for call in calls for r in self.connector.read(stream, call, fields)}

    def now(self, stream: str, id: str) -> Remote:
        """One record as `read` answers it; it must be there."""
        found = self.read(stream, [id])
        self.expect(stream, id in found, f"`read` leaves out {id}, which is there")
        return found[id]

    def listed(self, stream: str) -> list[Remote]:
        """Everything `list` answers."""
        return [r for page in self.list_pages(stream) for r in page.remotes]

    def list_pages(self, stream: str) -> list[Page]:
        """The pages of `list`."""
        return [page for _, page in self.pages(stream, lambda token: self.connector.list(stream, token))]

    def swept(self, stream: str) -> list[Remote]:
        """Everything `sweep` answers, nothing where the facts offer none."""
        if not self.facts(stream).sweep:
            return []
        return [r for _, page in self.pages(stream, lambda t: self.connector.sweep(stream, t)) for r in page.remotes]

    def token(self, stream: str) -> str:
        """The token that a complete listing hands out."""
        feed = self.list_pages(stream)[-1].feed
        self.expect(stream, bool(feed), "the last page of `list` gives no token to go on from")
        return str(feed)

    def whole(self, stream: str, since: int = 0) -> Window:
        """The widest window: all that happened since the check began, or since a moment where stamps tell."""
        return Window(0, feed=self._begun[stream]) if stream in self._begun else Window(since)

    def feed(self, stream: str, since: int = 0, at_id: str | None = None) -> list[Remote]:
        """Everything `changes` answers from a window, which is narrowed by id, then by time, where it is capped.

        Where a new token alone may tell that something changed, the listing that it leads to counts as well.
        """
        if stream in self._begun:
            return self.told(stream, self._begun[stream])
        found: list[Remote] = []
        window = self.whole(stream, since)._replace(at_id=at_id)
        for _ in range(MAX_PAGES):
            pages = self.window(stream, window)
            found += (r for _, page in pages for r in page.remotes)
            if not pages[-1][1].capped:
                if window.at_id is None or at_id is not None:
                    return found
                window = Window(window.since + 1)
                continue
            last = pages[-1][1].remotes[-1]
            narrow = window.at_id is not None
            window = Window(window.since, last.id) if narrow else Window(last.modified, "")
        raise AssertionError(f"{self.check} {stream}: `changes` does not end")

    def told(self, stream: str, token: str) -> list[Remote]:
        """Everything that is told from a token on: by `changes`, and by the listing that it leads to where a new token
        alone may tell that something changed."""
        pages = [page for _, page in self.window(stream, Window(0, feed=token))]
        found = [r for page in pages for r in page.remotes]
        return [*found, *self.listed(stream)] if self.signals(stream, token, pages[-1]) else found

    def signals(self, stream: str, token: str, last: Page) -> bool:
        """Whether a last page of `changes` leads to a listing: a new token, and nothing else shows who was deleted."""
        return self.facts(stream).blind and last.feed not in (None, token)

    def window(self, stream: str, window: Window) -> list[tuple[str | None, Page]]:
        """The pages of one query of `changes`, each with the token it was asked with."""
        return self.pages(stream, lambda token: self.connector.changes(stream, window, token))

    def pages(self, stream: str, ask: Callable[[str | None], Page]) -> list[tuple[str | None, Page]]:
        """Follow the tokens to the end, which must come."""
        found: list[tuple[str | None, Page]] = []
        tokens: set[str | None] = set()
        token: str | None = None
        while len(found) < MAX_PAGES:
            self.expect(stream, token not in tokens, f"the token {token!r} comes back: the pages do not end")
            tokens.add(token)
            page = ask(token)
            found.append((token, page))
            if page.token is None:
                return found
            token = page.token
        raise AssertionError(f"{self.check} {stream}: no end after {MAX_PAGES} pages")

    # -- choosing fields

    def schema(self, stream: str) -> Mapping[str, FieldFacts]:
        """The stream's fields."""
        return self.connector.schema(stream).fields

    def editable(self, stream: str) -> list[str]:
        """Fields that the sample gives and the schema lets be written; at least two."""
        one, two = self.fields(stream), self.fields(stream)
        schema = self.schema(stream)
        free = [f for f in one if f in schema and schema[f].write and one[f] != two.get(f)]
        self.expect(stream, len(free) >= 2, f"samples should differ in two writable fields, they do in {free}")
        return free

    def guess(self, stream: str, field: str) -> Any:
        """Some value of the field's type, None where none can be guessed."""
        return GUESSES.get(spec_of(self.facts(stream).kind, field).type)

    def plain_text(self, stream: str) -> str | None:
        """A field of free text that may be written, if the sample has one."""
        schema, kind = self.schema(stream), self.facts(stream).kind
        for name in self.editable(stream):
            if spec_of(kind, name).type == "text" and schema[name].choices is None:
                return name
        return None

    def references(self, stream: str, many: bool) -> list[tuple[str, str]]:
        """Writable reference fields with the stream they refer to; `many` for lists of references."""
        kind, schema = self.facts(stream).kind, self.schema(stream)
        homes = {self.facts(s).kind: s for s in self.subject.streams if not self.facts(s).becomes}
        return [
            (name, homes[target])
            for name, target in REFERENCES[kind].items()
            if name in schema
            and schema[name].write
            and target in homes
            and (spec_of(kind, name).type == "refs") == many
        ]

    def poison(self, stream: str) -> tuple[str, Fields] | None:
        """A field, and values for a create, that the schema says are refused because of it; None if it names none."""
        fields = self.fields(stream)
        for name, facts in self.schema(stream).items():
            if not facts.write:
                continue
            if facts.choices is not None:
                return name, {**fields, name: "no such option"}
            if facts.required:
                return name, {f: v for f, v in fields.items() if f != name}
        return None
