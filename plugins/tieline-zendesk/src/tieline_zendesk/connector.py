"""The Zendesk connector: says what it can do and hands each call to the reader or the writer of its stream."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tieline import (
    Action,
    ActionFacts,
    Cell,
    ConfigError,
    Context,
    Facts,
    Finding,
    Outcome,
    Page,
    Receipt,
    Remote,
    Schema,
    StreamFacts,
    Window,
    Write,
)
from tieline_zendesk import schema as schemas
from tieline_zendesk.mapping import KINDS
from tieline_zendesk.oauth import ANSWER_SECONDS
from tieline_zendesk.reading import MANY, Reader
from tieline_zendesk.rows import Rows
from tieline_zendesk.settings import ZendeskSettings
from tieline_zendesk.tickets import TICKET, Tickets
from tieline_zendesk.wire import Wire
from tieline_zendesk.writing import Writer

INDEX_LAG_MS = 300_000
"""How long the search may take to show a new record [doc: minutes]."""
_WRITERS = 4


def facts_of(streams: Iterable[str], settings: ZendeskSettings) -> Facts:
    """What these streams can do. A job may go on as long as it is waited for, and the call before it as long again."""
    own = settings.hub_field is not None
    quiet = int(ANSWER_SECONDS + settings.job_wait) * 1000 + (INDEX_LAG_MS if own else 0)
    found = tuple(
        StreamFacts(
            name,
            KINDS[name],  # type: ignore[arg-type]
            batch=MANY,
            read_batch=MANY,
            overlap_ms=settings.overlap * 1000,
            granularity_ms=1000,
            full_listing=name == "organizations",  # nothing else tells of deleted ones
            tombstones=name == "users",
            unique_hub_id=not own,
            atomic_state=False,
            quiet_ms=quiet,
        )
        for name in streams
    )
    return Facts(found, writers=_WRITERS, actions=(ActionFacts(TICKET, quiet_ms=int(ANSWER_SECONDS) * 1000),))


class ZendeskConnector:
    """One Zendesk account, as one signed-in admin. Safe to share between threads."""

    def __init__(self, context: Context) -> None:
        settings = context.settings
        if not isinstance(settings, ZendeskSettings) or context.http is None:
            raise ConfigError(f"system {context.system!r}: Zendesk needs its own settings and an HTTP client")
        self.settings = settings
        self.streams = tuple(s for s in KINDS if s in context.mappers)
        self.facts = facts_of(self.streams, settings)
        self.wire = Wire(context.http, context.clock, settings.job_wait)
        self.rows = {s: Rows(s, context.mappers[s], settings.hub_field) for s in self.streams}
        self.readers = {s: Reader(self.wire, self.rows[s], settings, context.clock) for s in self.streams}
        self._writers = {s: Writer(self.wire, self.rows[s], self.readers[s]) for s in self.streams}
        self._tickets = Tickets(self.wire)

    def schema(self, stream: str) -> Schema:
        """The stream's fields; one call where fields of the account's own are mapped, none otherwise."""
        rows = self.rows[stream]
        asked = bool(rows.keys) or rows.hub_field is not None
        definitions = self.readers[stream].definitions() if asked else {}
        stamps = self._writers[stream].stamps = schemas.stamps(rows, definitions)
        return schemas.schema_of(rows, definitions, stamps=stamps)

    def recall(self, stream: str, schema: Schema) -> None:
        """Send no hub id where the account had no field for it: Zendesk would drop it without a word."""
        self._writers[stream].stamps = schema.stamps

    def list(self, stream: str, token: str | None) -> Page:
        """One page of everything alive."""
        return self.readers[stream].everything(token)

    def changes(self, stream: str, window: Window, token: str | None) -> Page:
        """One page of what changed, deleted users among it."""
        return self.readers[stream].changes(window, token)

    def sweep(self, stream: str, token: str | None) -> Page:
        """Nothing: deleted users come with `changes`, deleted organizations are told by nothing."""
        return Page(())

    def read(self, stream: str, ids: Sequence[str], fields: frozenset[str] | None) -> Sequence[Remote]:
        """These records as they are now."""
        return self.readers[stream].read(ids, fields)

    def heirs(self, stream: str, gone: Mapping[str, Mapping[str, Cell]]) -> Mapping[str, str]:
        """Of users that are gone, who has their e-mail addresses now: a merge moves them, a deletion frees them."""
        return self.readers[stream].heirs(gone) if stream == "users" else {}

    def find(self, stream: str, hub_ids: Sequence[str]) -> Sequence[Remote]:
        """Records that carry one of these hub ids."""
        return self.readers[stream].find(hub_ids) if self._writers[stream].stamps else ()

    def write(self, stream: str, writes: Sequence[Write]) -> Sequence[Outcome]:
        """Do these writes."""
        return self._writers[stream].write(writes)

    def act(self, action: Action) -> Receipt:
        """Open a ticket."""
        return self._tickets.act(action)

    def acted(self, name: str, keys: Sequence[str]) -> Mapping[str, Receipt]:
        """The tickets that carry these keys."""
        return self._tickets.acted(keys)

    def check(self) -> Iterable[Finding]:
        """What `tieline check` shows."""
        from tieline_zendesk.check import findings

        return findings(self)

    def mend(self, what: str) -> Finding:
        """Make the custom field of a stream for the hub's id."""
        from tieline_zendesk.check import mend

        return mend(self, what)

    def close(self) -> None:
        """Nothing is open: the client belongs to the core."""
