"""The mailbox of the stand-in: messages, of which some are drafts. Answers nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tieline_google.sandbox.wire import Row


class Mailbox:
    """Messages and drafts by their ids; a draft names its message."""

    def __init__(self) -> None:
        self.messages: dict[str, Row] = {}
        self.drafts: dict[str, Row] = {}
        self.made = 0

    def id(self) -> str:
        """A fresh one for a message: 16 hexadecimal digits."""
        self.made += 1
        return f"{0x18F0000000000000 + self.made:016x}"

    def dump(self) -> dict[str, Any]:
        """All of it as plain JSON."""
        return {"messages": self.messages, "drafts": self.drafts, "made": self.made}

    def restore(self, body: Mapping[str, Any]) -> None:
        """Take in what `dump` gave."""
        self.messages, self.drafts = dict(body["messages"]), dict(body["drafts"])
        self.made = body["made"]
