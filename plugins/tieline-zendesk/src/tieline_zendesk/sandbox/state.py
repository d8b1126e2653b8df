"""Everything the stand-in remembers, and how it is kept as JSON. Decides nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tieline.sandbox import STAFF, Issuer
from tieline_zendesk.sandbox.table import Table
from tieline_zendesk.sandbox.wire import Row

CLIENT_ID = "tieline-sandbox"
ISSUED = "zd-person-"
"""How tokens of a person's sign-in begin."""
HUB_FIELD = "tieline_id"
BORN = 1_704_103_200_000
"""When the account was made (ms)."""
_FIRST = {"users": 26_363_597_354_387, "organizations": 26_363_643_450_387, "tickets": 1, "parts": 26_363_655_924_371}


class State:
    """The account: people, organizations, tickets, definitions, jobs, tokens and counters."""

    def __init__(self, vices: frozenset[str] = frozenset()) -> None:
        self.users = Table(_FIRST["users"], ("external_id",))
        self.organizations = Table(_FIRST["organizations"], ("external_id", "name"))
        self.tickets = Table(_FIRST["tickets"])
        self.user_fields = Table(360_001_266_052, ("key",))
        self.organization_fields = Table(360_002_266_052, ("key",))
        self.emails: dict[str, int] = {}
        """E-mail address of a living identity, lower case → the user's id."""
        self.next_part = _FIRST["parts"]
        self.jobs: dict[str, Row] = {}
        self.merges: dict[str, Row] = {}
        """Merges of organizations, by their id."""
        self.idempotent: dict[str, Row] = {}
        """Key of a ticket's creation → when, what was asked, what was answered."""
        self.counters: dict[str, int] = {}
        """What the vices and the token endpoint count."""
        self.tokens: dict[str, Row] = {}
        """Access token → how many calls it was used for, its scope, the refresh token beside it."""
        self.refreshes: dict[str, str] = {}
        """Refresh token that came of the one a stand-in starts with → its scope."""
        self.issuer = Issuer(CLIENT_ID, ISSUED, rotates=True)
        """Who signed in by browser; a refresh voids the token it was made with [doc]."""
        self.seeded_users: list[int] = []
        self._found(vices)

    def _found(self, vices: frozenset[str]) -> None:
        """What every account has from its first day: its people, and a field for the hub's id."""
        for number, (first, last, email) in enumerate(
            (("Integration", "User", "integration@northbay.example"), *STAFF)
        ):
            user = blank_user(self.users.take_id(), BORN)
            user.update(name=f"{first} {last}", role="admin" if number == 0 else "agent", verified=True)
            self.users.add(user)
            self.add_identity(user, "email", email, BORN, primary=True, verified=True)
        if "no-hub-field" not in vices:
            for table in (self.user_fields, self.organization_fields):
                hub = {"type": "text", "key": HUB_FIELD, "title": "Tieline id", "description": "", "position": 0}
                more = {"active": True, "system": False, "regexp_for_validation": None}
                table.add({"id": table.take_id(), **hub, **more, "created_at": BORN, "updated_at": BORN})

    @property
    def admin(self) -> int:
        """The id of the user whose tokens are given out."""
        return _FIRST["users"]

    def part_id(self) -> int:
        """A fresh id of an identity, a membership or a comment."""
        self.next_part += 1 + self.next_part % 3
        return self.next_part

    def count(self, name: str) -> int:
        """Count one more of something; the first is 1."""
        self.counters[name] = self.counters.get(name, 0) + 1
        return self.counters[name]

    def add_identity(
        self, user: Row, kind: str, value: str, now: int, *, primary: bool = False, verified: bool = False
    ) -> Row:
        """One more way to reach a user; nothing is checked."""
        row: Row = {"id": self.part_id(), "type": kind, "value": value, "primary": primary, "verified": verified}
        row.update(created_at=now, updated_at=now)
        user["identities"].append(row)
        if kind == "email":
            self.emails[value.casefold()] = user["id"]
        return row

    def add_membership(self, user: Row, organization_id: int, now: int, *, default: bool) -> Row:
        """One more organization of a user; nothing is checked."""
        row: Row = {"id": self.part_id(), "organization_id": organization_id, "default": default}
        row.update(created_at=now, updated_at=now)
        user["memberships"].append(row)
        return row

    def memberships(self) -> Iterator[tuple[Row, Row]]:
        """Every membership with its user."""
        for user in self.users:
            for row in user["memberships"]:
                yield user, row

    def dump(self) -> dict[str, Any]:
        """All of it as plain JSON; `restore` on a fresh State of the same vices gives the same again."""
        return {
            **{name: getattr(self, name).dump() for name in _TABLES},
            **{name: dict(getattr(self, name)) for name in _MAPS},
            "next_part": self.next_part,
            "sign_ins": self.issuer.dump(),
            "seeded_users": list(self.seeded_users),
        }

    def restore(self, body: Mapping[str, Any]) -> None:
        """Take in what `dump` gave, in place of what is here."""
        for name in _TABLES:
            getattr(self, name).restore(body[name]["rows"], body[name]["next"])
        for name in _MAPS:
            setattr(self, name, dict(body[name]))
        self.next_part = body["next_part"]
        self.issuer.restore(body["sign_ins"])
        self.seeded_users = list(body["seeded_users"])
        self.index()

    def index(self) -> None:
        """Find all e-mail addresses again."""
        self.emails = {
            row["value"].casefold(): user["id"]
            for user in self.users
            for row in user["identities"]
            if row["type"] == "email"
        }


_TABLES = ("users", "organizations", "tickets", "user_fields", "organization_fields")
_MAPS = ("jobs", "merges", "idempotent", "counters", "tokens", "refreshes")


def blank_user(key: int, now: int) -> Row:
    """A user of whom nothing is known."""
    texts = ("external_id", "alias", "details", "notes", "phone", "signature", "shared_phone_number", "last_login_at")
    return {
        "id": key,
        "name": "",
        "role": "end-user",
        "active": True,
        "verified": False,
        "suspended": False,
        "tags": [],
        "fields": {},
        "identities": [],
        "memberships": [],
        "time_zone": "Berlin",
        "locale": "en-US",
        "locale_id": 1,
        **dict.fromkeys(texts),
        "created_at": now,
        "updated_at": now,
    }
