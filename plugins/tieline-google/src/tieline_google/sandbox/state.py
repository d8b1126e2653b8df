"""Everything the stand-in remembers, and how it is kept as JSON. Decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tieline.sandbox import Issuer
from tieline_google.sandbox.files import Files
from tieline_google.sandbox.sheets_grid import Books
from tieline_google.sandbox.wire import Row

CLIENT_ID = "tieline-sandbox.apps.googleusercontent.com"
ISSUED = "ya29.person-"
"""How tokens of a person's sign-in begin."""
OWNER = "ops@northbay.example"
"""The user whose tokens are given out."""


class State:
    """The account: what each API keeps, tokens and counters."""

    def __init__(self) -> None:
        self.files = Files()
        self.sheets = Books()
        self.counters: dict[str, int] = {}
        """What the vices and the token endpoint count."""
        self.tokens: dict[str, Row] = {}
        """Access token → who it speaks for, its scope, how often it was used."""
        self.issuer = Issuer(CLIENT_ID, ISSUED)
        """Who signed in by browser; a refresh gives no new refresh token [doc]."""

    def count(self, name: str) -> int:
        """Count one more of something; the first is 1."""
        self.counters[name] = self.counters.get(name, 0) + 1
        return self.counters[name]

    def dump(self) -> dict[str, Any]:
        """All of it as plain JSON; `restore` on a fresh State gives the same again."""
        kept = {name: getattr(self, name).dump() for name in _KEPT}
        return {**kept, **{name: dict(getattr(self, name)) for name in _MAPS}}

    def restore(self, body: Mapping[str, Any]) -> None:
        """Take in what `dump` gave, in place of what is here."""
        for name in _KEPT:
            getattr(self, name).restore(body[name])
        for name in _MAPS:
            setattr(self, name, dict(body[name]))


_KEPT = ("files", "issuer", "sheets")
"""What keeps itself."""
_MAPS = ("counters", "tokens")
