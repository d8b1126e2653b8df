"""What each stream of the connector must speak: one part a stream. Decides nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

from tieline import Finding, Outcome, Page, Remote, Schema, StreamFacts, Window, Write


class Part(Protocol):
    """One stream of a Google account; each method is that of `tieline.Connector`, without the stream."""

    facts: StreamFacts

    def schema(self) -> Schema:
        """The fields."""
        ...

    def recall(self, schema: Schema) -> None:
        """What `schema` answered earlier."""
        ...

    def list(self, token: str | None) -> Page:
        """One page of everything alive."""
        ...

    def changes(self, window: Window, token: str | None) -> Page:
        """One page of what changed."""
        ...

    def read(self, ids: Sequence[str], fields: frozenset[str] | None) -> Sequence[Remote]:
        """These records as they are now."""
        ...

    def find(self, hub_ids: Sequence[str]) -> Sequence[Remote]:
        """Records that carry one of these hub ids."""
        ...

    def write(self, writes: Sequence[Write]) -> Sequence[Outcome]:
        """Do these writes."""
        ...

    def findings(self) -> Iterable[Finding]:
        """What `tieline check` shows of it."""
        ...


@runtime_checkable
class Mender(Protocol):
    """What a part may offer besides, where Google's API can make what a finding names."""

    def mend(self, what: str) -> Finding:
        """Make it; see `tieline.Mending`."""
        ...
