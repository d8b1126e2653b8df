"""The calendars of the stand-in, each with its events. Answers nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tieline_google.sandbox.wire import Row


class Calendars:
    """All calendars by their ids: an address each."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Row]] = {}
        """Calendar → id → event."""
        self.changes = 0
        """How often any event changed: the number behind a sync token."""
        self.made = 0

    def open(self, id: str) -> dict[str, Row]:
        """A calendar's events; makes it where it is not there."""
        return self.rows.setdefault(id, {})

    def id(self) -> str:
        """A fresh one for an event."""
        self.made += 1
        return f"stand{self.made:021d}"

    def touch(self, event: Row, now: int) -> None:
        """The event changed."""
        self.changes += 1
        event["updated"], event["change"] = now, self.changes

    def dump(self) -> dict[str, Any]:
        """All of it as plain JSON."""
        return {
            "rows": {id: events for id, events in self.rows.items() if events},
            "changes": self.changes,
            "made": self.made,
        }

    def restore(self, body: Mapping[str, Any]) -> None:
        """Take in what `dump` gave."""
        self.rows = {id: dict(events) for id, events in body["rows"].items()}
        self.changes, self.made = body["changes"], body["made"]
