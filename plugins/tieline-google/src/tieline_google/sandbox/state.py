"""Everything the stand-in remembers, and how it is kept as JSON. Decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tieline.sandbox import Issuer
from tieline_google.sandbox.calendars import Calendars
from tieline_google.sandbox.files import Files
from tieline_google.sandbox.mailbox import Mailbox
from tieline_google.sandbox.people_rows import People
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
        self.people = People()
        self.calendars = Calendars()
        self.mailbox = Mailbox()
        self.users = {OWNER: "active"}
        """Who is in the domain → `active`, or `gone` for who left."""
        self.delegated: list[str] = []
        """The scopes that the service account may ask for in a user's name, without their common beginning."""
        self.certificate = ""
        """The service account's public key or certificate in PEM; without one signatures are not looked at."""
        self.closed_domains: list[str] = []
        """Domains that nothing may be shared with."""
        self.notified: list[str] = []
        """Addresses that Google sent a mail to for what was shared with them, or where they were invited."""
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
        kept |= {name: list(getattr(self, name)) for name in _LISTS}
        return {**kept, "certificate": self.certificate, **{name: dict(getattr(self, name)) for name in _MAPS}}

    def restore(self, body: Mapping[str, Any]) -> None:
        """Take in what `dump` gave, in place of what is here."""
        for name in _KEPT:
            getattr(self, name).restore(body[name])
        for name in _MAPS:
            setattr(self, name, dict(body[name]))
        for name in _LISTS:
            setattr(self, name, list(body[name]))
        self.certificate = str(body["certificate"])


_KEPT = ("calendars", "files", "issuer", "mailbox", "people", "sheets")
"""What keeps itself."""
_MAPS = ("counters", "tokens", "users")
_LISTS = ("closed_domains", "delegated", "notified")
