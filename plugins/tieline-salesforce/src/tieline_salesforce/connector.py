"""The Salesforce connector: its facts, and which room answers what the core asks.

Reading is SOQL throughout: a query is strong, `queryAll` shows deleted and merged records, and one answer brings an
owner's address and an opportunity's contact roles along. Writing is sObject Collections inside a composite that
reads the records back in the same request.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from tieline import Context, Facts, Finding, Kind, Outcome, Page, Remote, Schema, StreamFacts, Window, Write
from tieline_salesforce import check, reading, writing
from tieline_salesforce.mapping import BECOMES, HUB_FIELD
from tieline_salesforce.org import Org
from tieline_salesforce.schema import ObjectInfo
from tieline_salesforce.wire import COLLECTION

TRANSACTION_MS = 600_000
"""How long a call whose answer was lost may go on in the org [doc]."""
SECOND_MS = 1000


class SalesforceConnector:
    """One org, as one signed-in user. Safe to share between threads."""

    def __init__(self, context: Context) -> None:
        self._org = Org(context, self._learned)
        overlap = self._org.settings.overlap * 1000
        self.facts = Facts(tuple(_facts(stream, mapper.kind, overlap) for stream, mapper in self._org.mappers.items()))

    def _learned(self, stream: str, info: ObjectInfo) -> None:
        """A hub-id field that is not unique cannot stop a second create: its outcome has to be waited for."""
        facts = self.facts.stream(stream)
        quiet = 0 if info.unique else TRANSACTION_MS
        told = dataclasses.replace(facts, unique_hub_id=info.unique, quiet_ms=quiet, archives=info.deletable)
        if told != facts:
            streams = tuple(told if s.name == stream else s for s in self.facts.streams)
            self.facts = dataclasses.replace(self.facts, streams=streams)

    def schema(self, stream: str) -> Schema:
        """The mapped fields as the org's describe allows them: one call."""
        return self._org.schema(stream)

    def recall(self, stream: str, schema: Schema) -> None:
        """Select no hub id where the org had no field for it: a query that names it would be refused."""
        self._org.recall(stream, schema)

    def list(self, stream: str, token: str | None) -> Page:
        """Up to 2,000 living records, by id; no converted leads."""
        return reading.list_page(self._org, stream, token)

    def changes(self, stream: str, window: Window, token: str | None) -> Page:
        """Up to 2,000 changed, deleted, merged or converted records, by stamp and id."""
        return reading.changes_page(self._org, stream, window, token)

    def sweep(self, stream: str, token: str | None) -> Page:
        """Nothing: deleted records come with `changes`."""
        return Page(())

    def read(self, stream: str, ids: Sequence[str], fields: frozenset[str] | None) -> Sequence[Remote]:
        """These records as they are now, deleted, merged and converted ones among them."""
        return reading.by_key(self._org, stream, "Id", ids, fields)

    def find(self, stream: str, hub_ids: Sequence[str]) -> Sequence[Remote]:
        """Records that carry one of these hub ids, also those in the recycle bin."""
        if not self._org.stamps(stream):
            return ()
        return reading.by_key(self._org, stream, HUB_FIELD, hub_ids, None)

    def write(self, stream: str, writes: Sequence[Write]) -> Sequence[Outcome]:
        """One request for a batch; a second one where contact roles are to change."""
        return writing.write_batch(self._org, stream, writes)

    def check(self) -> Iterable[Finding]:
        """What stands in the way, and how to mend it."""
        return check.findings(self._org)

    def close(self) -> None:
        """Nothing is held: the HTTP client is the core's."""


def _facts(stream: str, kind: Kind, overlap_ms: int) -> StreamFacts:
    return StreamFacts(
        name=stream,
        kind=kind,
        batch=COLLECTION,
        read_batch=COLLECTION,
        overlap_ms=overlap_ms,
        granularity_ms=SECOND_MS,
        full_listing=True,
        tombstones=True,
        unique_hub_id=True,
        becomes=BECOMES.get(stream, ""),
        atomic_state=False,  # the read-back is a request of its own inside the composite call
    )
