"""The HubSpot connector: says what it can do and hands each call to the reader or writer of its stream."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tieline import (
    ConfigError,
    Context,
    Facts,
    Finding,
    Outcome,
    Page,
    Remote,
    Schema,
    StreamFacts,
    Window,
    Write,
)
from tieline_hubspot.consent import Consents
from tieline_hubspot.mapping import KINDS, TABLES
from tieline_hubspot.portal import Portal
from tieline_hubspot.properties import Properties
from tieline_hubspot.reader import CampaignReader, Reader
from tieline_hubspot.rows import Rows
from tieline_hubspot.settings import HubSpotSettings
from tieline_hubspot.wire import BATCH, CAMPAIGN_BATCH, Wire
from tieline_hubspot.writer import Writer

QUIET_MS = 30_000
"""After a lost answer to a create: the call's own deadline again; the look-up by unique property does not lag."""
_WRITERS = 8


def facts_of(streams: Iterable[str], settings: HubSpotSettings) -> Facts:
    """What these streams can do."""
    found = []
    for name in streams:
        if name == "campaigns":
            found.append(
                StreamFacts(
                    name,
                    "campaign",
                    batch=CAMPAIGN_BATCH,
                    read_batch=CAMPAIGN_BATCH,
                    overlap_ms=settings.overlap * 1000,
                    full_listing=True,  # the list is strong and whole, and nothing else tells of deleted ones
                    quiet_ms=QUIET_MS,
                )
            )
        else:
            found.append(
                StreamFacts(
                    name,
                    KINDS[name],  # type: ignore[arg-type]
                    batch=BATCH,
                    read_batch=BATCH,
                    hints=True,
                    overlap_ms=settings.overlap * 1000,
                    sweep=True,
                    unique_hub_id=True,
                    quiet_ms=QUIET_MS,
                )
            )
    return Facts(tuple(found), writers=_WRITERS)


class HubSpotConnector:
    """One HubSpot account."""

    def __init__(self, context: Context) -> None:
        settings = context.settings
        if not isinstance(settings, HubSpotSettings) or context.http is None:
            raise ConfigError(f"system {context.system!r}: HubSpot needs its own settings and an HTTP client")
        self.streams = tuple(s for s in TABLES if s in context.mappers)
        self.facts = facts_of(self.streams, settings)
        self.settings = settings
        self.wire = Wire(context.http, settings.api_version, context.clock)
        self.portal = Portal(self.wire)
        self.properties = Properties(self.wire, {s: context.mappers[s] for s in self.streams})
        self.rows = {s: Rows(s, context.mappers[s], settings.timezone, self.portal) for s in self.streams}
        consents = Consents(self.wire, settings)
        self._readers = {s: self._reader(s) for s in self.streams}
        self._writers = {s: Writer(self.wire, self.rows[s], self.properties, consents) for s in self.streams}

    def _reader(self, stream: str) -> Reader | CampaignReader:
        if stream == "campaigns":
            return CampaignReader(self.wire, self.rows[stream], self.properties)
        return Reader(self.wire, self.rows[stream], self.properties, self.settings.overlap * 1000)

    def schema(self, stream: str) -> Schema:
        """The stream's fields as mapped and as the account allows; one call."""
        return self.properties.schema(stream)

    def recall(self, stream: str, schema: Schema) -> None:
        """Send no hub id where the account had no property for it: a campaign's whole read would be refused."""
        if not schema.stamps:
            self.properties.stampless(stream)

    def list(self, stream: str, token: str | None) -> Page:
        """One page of everything alive."""
        return self._readers[stream].everything(token)

    def changes(self, stream: str, window: Window, token: str | None) -> Page:
        """One page of what changed."""
        return self._readers[stream].changes(window, token)

    def sweep(self, stream: str, token: str | None) -> Page:
        """One page of what was archived; campaigns have no archive."""
        reader = self._readers[stream]
        return reader.sweep(token) if isinstance(reader, Reader) else Page(())

    def read(self, stream: str, ids: Sequence[str], fields: frozenset[str] | None) -> Sequence[Remote]:
        """These records now."""
        return self._readers[stream].read(ids, fields)

    def find(self, stream: str, hub_ids: Sequence[str]) -> Sequence[Remote]:
        """Records that carry these hub ids."""
        return self._readers[stream].find(hub_ids)

    def write(self, stream: str, writes: Sequence[Write]) -> Sequence[Outcome]:
        """Do these writes."""
        return self._writers[stream].write(writes)

    def check(self) -> Iterable[Finding]:
        """What `tieline check` shows."""
        from tieline_hubspot.check import findings

        return findings(self)

    def mend(self, what: str) -> Finding:
        """Make the unique property of a stream for the hub id."""
        from tieline_hubspot.check import mend

        return mend(self, what)

    def close(self) -> None:
        """Nothing is open: the client belongs to the core."""
