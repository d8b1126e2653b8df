"""The Google connector: hands each call to the part of its stream, and each action to its API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tieline import (
    Action,
    ConfigError,
    Context,
    Facts,
    Finding,
    Outcome,
    Page,
    Receipt,
    Remote,
    Schema,
    Window,
    Write,
)
from tieline_google.actions.acts import FACTS, Actions
from tieline_google.mapping import KINDS
from tieline_google.parts import Mender, Part
from tieline_google.people.contacts import Contacts
from tieline_google.settings import GoogleSettings
from tieline_google.sheets import tabs
from tieline_google.wire import Wire

_WRITERS = 4


class GoogleConnector:
    """One Google Workspace account, as one signed-in user. Safe to share between threads."""

    def __init__(self, context: Context) -> None:
        settings = context.settings
        if not isinstance(settings, GoogleSettings) or context.http is None:
            raise ConfigError(f"system {context.system!r}: Google needs its own settings and an HTTP client")
        self.settings = settings
        self.wire = Wire(context.http, context.clock)
        self.mappers = context.mappers
        self.streams = tuple(s for s in KINDS if s in context.mappers)
        self.parts: dict[str, Part] = {}
        if "contacts" in context.mappers:
            self.parts["contacts"] = Contacts(self.wire, context.mappers["contacts"], settings)
        if settings.spreadsheet is not None:
            self.parts.update(tabs(self.wire, settings, context.mappers))
        self._actions = Actions(self.wire, settings)
        streams = tuple(self.parts[s].facts for s in self.streams if s in self.parts)
        self.facts = Facts(streams, writers=_WRITERS, actions=FACTS)

    def schema(self, stream: str) -> Schema:
        """The stream's fields."""
        return self.parts[stream].schema()

    def recall(self, stream: str, schema: Schema) -> None:
        """What `schema` answered earlier."""
        self.parts[stream].recall(schema)

    def list(self, stream: str, token: str | None) -> Page:
        """One page of everything alive."""
        return self.parts[stream].list(token)

    def changes(self, stream: str, window: Window, token: str | None) -> Page:
        """One page of what changed since the window's token."""
        return self.parts[stream].changes(window, token)

    def sweep(self, stream: str, token: str | None) -> Page:
        """Nothing: who was deleted comes with `changes`, or shows by its absence."""
        return Page(())

    def read(self, stream: str, ids: Sequence[str], fields: frozenset[str] | None) -> Sequence[Remote]:
        """These records as they are now."""
        return self.parts[stream].read(ids, fields)

    def find(self, stream: str, hub_ids: Sequence[str]) -> Sequence[Remote]:
        """Records that carry one of these hub ids."""
        return self.parts[stream].find(hub_ids)

    def write(self, stream: str, writes: Sequence[Write]) -> Sequence[Outcome]:
        """Do these writes."""
        return self.parts[stream].write(writes)

    def act(self, action: Action) -> Receipt:
        """Make a folder or an event, or write a draft."""
        return self._actions.act(action)

    def acted(self, name: str, keys: Sequence[str]) -> Mapping[str, Receipt]:
        """What carries these keys."""
        return self._actions.acted(name, keys)

    def check(self) -> Iterable[Finding]:
        """What `tieline check` shows."""
        from tieline_google.check import findings

        return findings(self)

    def mend(self, what: str) -> Finding:
        """Make what a finding names, as `AREA:STREAM`."""
        part = self.parts.get(what.partition(":")[2])
        return part.mend(what) if isinstance(part, Mender) else Finding("error", what, "there is nothing to make")

    def close(self) -> None:
        """Nothing is open: the client belongs to the core."""
