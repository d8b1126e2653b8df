"""What sets one in-memory system apart from another: the knobs, and what they come to for each kind.

It decides nothing about records; `memory` holds those.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from tieline.model import Fields
from tieline.records import ENDS, FIELDS, KINDS, Cell, Kind, spec_of

STREAMS: Mapping[Kind, str] = {
    "account": "accounts",
    "campaign": "campaigns",
    "contact": "contacts",
    "opportunity": "opportunities",
    "campaign_member": "campaign_members",
}
"""Kind → name of its stream, parents first."""
LEADS = "leads"
"""The second stream of contacts, where there is one."""

PLAIN: tuple[Kind, ...] = tuple(kind for kind in KINDS if kind not in ENDS)
"""What a system offers unless told otherwise: no relations."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Character:
    """What sets one system apart. Tables by field take `field` or `kind.field` as key; the latter wins."""

    name: str = "memory"
    kinds: tuple[Kind, ...] = PLAIN
    fields: Mapping[Kind, tuple[str, ...]] = field(default_factory=dict)
    """Offer only these (custom `x_…` included); a kind not named offers every canonical field."""
    missing: frozenset[str] = frozenset()
    """Fields this system does not have."""
    read_only: frozenset[str] = frozenset()
    unclearable: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()
    """A create without them is refused, and so is clearing them."""
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What its picklists take from the hub. (People may have entered anything.)"""
    max_length: Mapping[str, int] = field(default_factory=dict)
    normal: Mapping[str, Callable[[Cell], Cell]] = field(default_factory=dict)
    """What it turns a value into, silently; asked for values that are not null, and must be idempotent."""
    granularity_ms: int = 1
    """Stamps are rounded down to this."""
    skew_ms: int = 0
    """How far its clock is ahead of the true time."""
    index_lag_ms: int = 0
    """How long `changes` and `find` go on matching what was there before."""
    late_commit_ms: int = 0
    """A person's edit may show with a stamp up to this old."""
    server_ms: int = 0
    """The longest a call may linger in the server after its client gave up."""
    hints: bool = False
    """`changes` is an index: it matches old stamps, forgets what was deleted, and shows what the store holds now."""
    stale_hits: bool = False
    """With `hints`: it shows what the index holds instead, old values and versions included."""
    page: int = 100
    cap: int | None = None
    """How many results one query of `changes` gives before it refuses to go on."""
    offsets: bool = False
    """Tokens of `changes` count results instead of naming the last one: an edit between pages shifts the rest."""
    feed: bool = False
    """`changes` goes on from tokens, in the order in which things were done; without news it answers none."""
    signal: bool = False
    """With `feed`: it tells that something was done, and not what: a new token and nothing else."""
    feed_ms: int = 0
    """How long such a token holds; 0: for ever."""
    batch: int = 100
    read_batch: int = 100
    mixed: bool = False
    conditional: bool = False
    unique_hub_id: bool = False
    stamps: bool = True
    """There is a field for the hub id."""
    keyless: float = 0.0
    """The chance that a record which a person enters has no id: it is shown under a provisional one, made of what it
    holds, until a `link` gives it one. When it is deleted before that, nothing tells of it."""
    unique_email: bool = False
    """A second contact with the same e-mail is refused, from hub and people alike."""
    names_existing: bool = True
    """A refusal because of a twin says which record that is."""
    partial_fields: bool = False
    """A bad field of an update is left out; otherwise the whole update is refused."""
    tombstones: bool = False
    sweep: bool = False
    full_listing: bool = False
    archives: bool = True
    redirects: bool = False
    """The id of a merged record answers with the winner, which names it as alias; otherwise it is gone, merged_into."""
    repoints: bool = True
    """What referred to a merged record refers to the winner at once; otherwise old ids stay, and answer as above."""
    leads: bool = False
    """Contacts have a second stream: people enter leads there, and convert them into contacts."""
    behind: frozenset[str] = frozenset()
    """What a conversion does not carry along."""
    carries_hub_id: bool = False
    """A conversion carries the hub id along."""
    strong_read: bool = True
    answers_state: bool = True
    field_times: bool = False
    touches: bool = False
    """A write of what is there moves version and stamp all the same."""
    writers: int = 4
    actions: tuple[str, ...] = ()
    """The side effects it offers."""
    unique_keys: bool = False
    """A second side effect with the same key is refused as existing."""
    action_lag_ms: int = 0
    """How long `acted` does not show what was done."""

    @property
    def remembers(self) -> bool:
        """Whether it can still say of a deleted record that it is gone."""
        return self.tombstones or self.sweep


def by_kind(table: Mapping[str, T], kind: Kind) -> dict[str, T]:
    """The part of a table by `field` or `kind.field` that speaks of one kind, the more exact key winning."""
    plain = {key: value for key, value in table.items() if "." not in key}
    return plain | {key.partition(".")[2]: v for key, v in table.items() if key.startswith(f"{kind}.")}


class KindRules:
    """A character, worked out for one kind."""

    def __init__(self, character: Character, kind: Kind) -> None:
        def named(fields: frozenset[str]) -> frozenset[str]:
            return frozenset(by_kind(dict.fromkeys(fields, True), kind))

        missing = named(character.missing)
        self.offered = tuple(f for f in character.fields.get(kind, tuple(FIELDS[kind])) if f not in missing)
        self.blank: Fields = dict.fromkeys(self.offered)
        self.read_only = named(character.read_only) & self.blank.keys()
        self.unclearable = named(character.unclearable) & self.blank.keys()
        self.required = named(character.required) & self.blank.keys()
        self.choices = {f: c for f, c in by_kind(character.choices, kind).items() if f in self.blank}
        self.max_length = by_kind(character.max_length, kind)
        self.normal = by_kind(character.normal, kind)
        self.refs: dict[str, Kind] = {}
        for name in self.offered:
            target = spec_of(kind, name).refers_to
            if target is not None:
                self.refs[name] = target

    def form(self, fields: Fields) -> dict[str, Cell]:
        """Cells as this system keeps them."""
        normal = self.normal
        return {f: normal[f](v) if v is not None and f in normal else v for f, v in fields.items()}


# -- lossy normal forms, for `Character.normal`


def lower(cell: Cell) -> Cell:
    """Text in lower case."""
    return str(cell).lower()


def trimmed(cell: Cell) -> Cell:
    """Text without blanks at either end; null when nothing is left."""
    return str(cell).strip() or None


def digits(cell: Cell) -> Cell:
    """The digits of a text, as some systems keep telephone numbers; null when there are none."""
    return "".join(c for c in str(cell) if c.isdigit()) or None


def truncated(length: int) -> Callable[[Cell], Cell]:
    """Text cut off after so many characters."""
    return lambda cell: str(cell)[:length]
