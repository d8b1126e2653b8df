"""What a connector says of itself: the facts that the engine acts on in place of a vendor's name. Part of `model`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tieline.records import Kind


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """What one stream of a system can do. The engine acts on these, never on a vendor's name."""

    name: str
    kind: Kind
    batch: int = 100
    """Writes in one call."""
    read_batch: int = 100
    """Ids in one strong read."""
    mixed: bool = False
    """`write` takes creates, updates and archives in one call."""
    hints: bool = False
    """`changes` is an index that may lag: what it names is read strongly before it is believed. Who is told to be gone
    there, and is left out by the read, is gone. In a listing, what is older than what is known is read, too."""
    strong_read: bool = True
    """`read` answers what is there now."""
    overlap_ms: int = 0
    """How long a change may take to show in `changes`; the saved cursor stays this far behind the server's clock."""
    granularity_ms: int = 1
    """The step of modification stamps."""
    full_listing: bool = False
    """Absence from a complete `list` is evidence of deletion."""
    tombstones: bool = False
    """`changes` reports deleted and merged records."""
    feed: bool = False
    """`changes` goes on from a token that an earlier last page gave (`Page.feed`), not from a time; in no
    order. Where only a complete listing shows what was deleted, a new token alone may say «something changed»."""
    sweep: bool = False
    """`sweep` lists deleted records; it is asked on a slower schedule."""
    conditional: bool = False
    """`write` refuses an update whose `version` is not the newest, with outcome `conflict`."""
    unique_hub_id: bool = False
    """A second create with the same hub id is refused with outcome `exists`."""
    answers_state: bool = True
    """An `ok` outcome carries the remote as it now stands; otherwise the runner reads it back."""
    atomic_state: bool = True
    """That remote is of the very moment of the write; otherwise somebody may have edited in between."""
    provisional: bool = False
    """People add records without an id of their own; a `link` gives them one. See `Remote.provisional`."""
    archives: bool = True
    quiet_ms: int = 0
    """After a create of unknown outcome: how long until `find` may be believed (deadline + server time + index lag)."""
    becomes: str = ""
    """The stream where a record of this one lives on once people convert it (leads become contacts). It is read after
    that stream, and updated; new records are made there, and nothing can refer to what is still here."""

    @property
    def blind(self) -> bool:
        """Nothing but a complete listing shows what was deleted here."""
        return self.full_listing and not self.tombstones and not self.sweep


@dataclass(frozen=True, slots=True)
class ActionFacts:
    """A side effect that a connector offers besides record writes: a ticket, a folder, an event."""

    name: str
    quiet_ms: int = 0
    """After a call of unknown outcome: how long until `acted` may be believed (deadline + server time + index lag)."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a connector can do."""

    streams: tuple[StreamFacts, ...]
    writers: int = 4
    """Calls in flight at once that the system bears."""
    actions: tuple[ActionFacts, ...] = ()

    def stream(self, name: str) -> StreamFacts:
        """The stream of this name; KeyError if there is none."""
        for stream in self.streams:
            if stream.name == name:
                return stream
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class FieldFacts:
    """What one canonical field can do in one stream, as mapped and as the system's own schema allows."""

    read: bool = True
    write: bool = True
    create: bool = True
    """May be given in a create."""
    clear: bool = True
    """May be written as null."""
    required: bool = False
    """A create without it is refused."""
    choices: tuple[str, ...] | None = None
    """Canonical values the system takes, None: any."""
    max_length: int | None = None


@dataclass(frozen=True, slots=True)
class Schema:
    """The fields of one stream. `fingerprint` changes when any of it does: rejected values are then tried again."""

    fields: Mapping[str, FieldFacts]
    stamps: bool = True
    """The field that holds the hub's id exists, so that creates carry it."""
    fingerprint: str = ""
