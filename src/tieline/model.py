"""The frozen nouns of sync, shared by connectors, engine, store and runner. No behaviour beyond small derivations.

Times are integers: milliseconds since 1970 UTC. Cells are described in `records`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from tieline.facts import ActionFacts as ActionFacts
from tieline.facts import Facts as Facts
from tieline.facts import FieldFacts as FieldFacts
from tieline.facts import Schema as Schema
from tieline.facts import StreamFacts as StreamFacts
from tieline.records import Cell, Kind

Fields = Mapping[str, Cell]
"""Canonical field → cell. Not there: not spoken of. None: cleared."""

EMPTY: Mapping[str, Any] = MappingProxyType({})


class Agreed(dict[str, Cell]):
    """A base that is what `seen` holds but for the fields it `lacks`; of no other dict than that one. See `agreed`.

    Mostly these are the few fields that nobody shares: knowing it spares comparing every field of every link.
    """

    __slots__ = ("lacks", "seen")
    seen: Fields
    lacks: tuple[str, ...]


def agreed(cells: Fields, seen: Fields, lacks: tuple[str, ...]) -> Agreed:
    """A base that holds these cells."""
    base = Agreed(cells)  # an `__init__` of its own costs as much as copying the cells
    base.seen, base.lacks = seen, lacks
    return base


def lacks(seen: Fields, base: Fields) -> tuple[str, ...] | None:
    """What is known to be all that `base` lacks of what is seen; None: they must be compared."""
    return base.lacks if type(base) is Agreed and base.seen is seen else None


# -- what a connector reads


class Problem(NamedTuple):
    """A field (canonical; None: the whole record) that cannot be taken, and why. `code` is the vendor's word."""

    field: str | None
    message: str
    code: str = "invalid"


class Remote(NamedTuple):
    """A record as a system holds it. Reference fields hold *remote* ids of the same system."""

    id: str
    fields: Fields
    version: str = ""
    """Whatever tells one state from another; equal versions mean equal states."""
    modified: int = 0
    """The system's own modification stamp."""
    hub_id: str | None = None
    """The hub id stamped on it, if any."""
    gone: bool = False
    """Deleted or archived there; `fields` may be empty."""
    merged_into: str | None = None
    """The remote id this one now answers to: merged, or converted, by a person in the system."""
    aliases: tuple[str, ...] = ()
    """Ids of remotes that were merged into this one."""
    problems: tuple[Problem, ...] = ()
    """Fields that could not be read as their type; absent from `fields`."""
    field_times: Mapping[str, int] | None = None
    """Edit time per field, where the system offers it."""
    moved_to: str = ""
    """The stream of `merged_into`, where that is another one: converted, it lives on there. Empty: its own."""
    provisional: bool = False
    """It has no id of its own yet: `id` names it only while nobody touches it. A `link` gives it one."""


class Window(NamedTuple):
    """Which changes are asked for: stamp ≥ `since`; or, when `at_id` is given, stamp = `since` and id > `at_id`."""

    since: int
    at_id: str | None = None
    feed: str | None = None
    """Where the facts say `feed`: everything after this token instead, whatever its stamp."""


class Bad(NamedTuple):
    """A remote that could not be read at all: where (`file:line`, an id) and why."""

    where: str
    message: str
    id: str | None = None
    """Its remote id, where that much can be told: it is there, whatever it holds. None: a complete listing with such a
    one is no evidence that any record is absent."""


class Page(NamedTuple):
    """One answer of `list`, `changes` or `sweep`.

    `token` continues it (None: this was the last). `capped` means the system refuses to page further although there
    is more; the runner then narrows the window. `now` is the server's clock when it answered. Items of `changes` are
    ordered by stamp, and by id where the window gives `at_id`.

    `feed`, with the last page of `list` or `changes` of a stream whose facts say so, is the token from which `changes`
    goes on without a gap: what happened since it was taken comes again. None: nothing new, the old one still holds.
    """

    remotes: Sequence[Remote]
    token: str | None = None
    capped: bool = False
    now: int = 0
    bad: Sequence[Bad] = ()
    feed: str | None = None
    note: str = ""
    """What whoever runs this should be told of the reading itself, in one sentence; nothing failed. Empty: nothing."""


# -- what the hub wants written


Op = Literal["create", "update", "archive", "link", "act"]


class Write(NamedTuple):
    """One write. `fields` are canonical, references already remote ids; only what changes, never the whole record."""

    op: Op
    hub_id: str
    fields: Fields
    remote_id: str | None = None
    version: str = ""
    """The version this write expects, for conditional systems."""


Status = Literal["ok", "rejected", "exists", "conflict", "throttled", "gone", "unknown"]


class Outcome(NamedTuple):
    """What became of one `Write`, in the order of the writes.

    ok: applied, except the fields in `problems`; `remote` is what the server says is there (see `answers_state`). After
    the `link` of a provisional remote it has the new id, and the old one in `aliases`.
    rejected: nothing applied; `problems` say why. exists: a create met a record with the same key, `remote_id` names
    it if known. conflict: the version has moved. throttled: not applied, ask again. gone: no such remote any more, or
    it was converted. unknown: it may or may not have been applied.
    """

    status: Status
    remote: Remote | None = None
    remote_id: str | None = None
    problems: tuple[Problem, ...] = ()


class Action(NamedTuple):
    """One side effect. The connector puts `key` where `acted` finds it again; ids in `fields` are the system's own."""

    name: str
    key: str
    fields: Fields


class Receipt(NamedTuple):
    """What became of an `Action`: `ok` made it, `exists` found its key taken; the rest as for an `Outcome`."""

    status: Status
    id: str | None = None
    url: str = ""
    problems: tuple[Problem, ...] = ()
    state: str = ""
    """How what was made stands now, in the system's own word; empty: it does not say."""


class Finding(NamedTuple):
    """One line of `tieline check`: level, what was looked at, what was found, and exactly what to do about it."""

    level: Literal["ok", "note", "warning", "error"]
    subject: str
    message: str
    remedy: str = ""
    mend: str = ""
    """What `Mending.mend` is told to make what is missing; empty: that is for a person to do."""


# -- what the engine works on and answers


class Change(NamedTuple):
    """One field's step in the journal: what it was, what it is, which system it came from, by which rule."""

    before: Cell
    after: Cell
    origin: str
    rule: str


class Conflict(NamedTuple):
    """Two systems changed one field. `kept` and `lost` are (system, value); `lost` stays in the journal."""

    field: str
    kept: tuple[str, Cell]
    lost: tuple[str, Cell]
    policy: str


class Link(NamedTuple):
    """Record ↔ remote, with what was observed there. Cells are in the system's own id space for references."""

    system: str
    kind: Kind
    stream: str
    remote_id: str
    record: str | None
    seen: Fields
    base: Fields
    """Full base: `seen` where nothing differs. A field not in it has no base (a first link)."""
    version: str = ""
    modified: int = 0
    times: Mapping[str, int] = EMPTY
    """Edit time of each field where seen ≠ base."""
    sent: Fields = EMPTY
    """Field → the record's value that, written, became `base` there (a system that normalises)."""
    gone: str | None = None
    """None: alive. `user`: deleted there. `hub`: archived by us. `retired`: to be made again."""
    stamped: bool = False
    """The hub id is on the remote."""
    risen: int = 0
    """When the record was taken out of the bin elsewhere, or became one with the record that this remote stood for, if
    the remote was not seen alive since; 0: nothing of the kind. On one that is gone: it may have been deleted before
    that, so the deletion is no verdict on the record."""
    provisional: bool = False
    """It has no id of its own yet: nothing of it is merged, and it vouches for nothing, until a `link` gave it one."""


class Record(NamedTuple):
    """The hub's own record. `stamps` holds (system, edit time) per field; `*` stands for all others."""

    id: str
    kind: Kind
    fields: Fields
    stamps: Mapping[str, Sequence[Cell]] = EMPTY
    alive: bool = True


class Order(NamedTuple):
    """One write the hub wants done. `fields` are in hub space (references are hub ids)."""

    op: Op
    system: str
    kind: Kind
    stream: str
    record: str
    remote_id: str | None
    fields: Fields
    reasons: Mapping[str, Change]
    """Per field: before (there), after, origin and rule."""


class Question(NamedTuple):
    """A review to open. `key` is stable: the same question is never asked twice. `accept`, `reject`: what they do."""

    topic: Literal["match", "conflict", "consent", "delete", "merge", "guard", "held", "rejected", "foreign", "lost"]
    key: str
    kind: Kind | None
    record: str | None
    summary: str
    detail: Mapping[str, Cell]
    accept: str
    reject: str


class Decision(NamedTuple):
    """A person's answer to a question; `choice` narrows it where there are several."""

    topic: str
    key: str
    answer: Literal["accepted", "rejected"]
    detail: Mapping[str, Cell]
    choice: str | None = None
