"""A conversation with the stand-in over a real socket, recorded once and replayed; see `ConversationTests`."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tieline import Action, Connector, Window, Write
from tieline.testing import Cassette, ConversationTests
from tieline_zendesk.spec import SPEC

CASSETTE = Cassette(
    Path(__file__).parent / "cassettes" / "conversation.yaml",
    "https://example.zendesk.com",
    keep=("idempotency-key", "x-idempotency-lookup", "x-rate-limit"),
)


def hub(n: int) -> str:
    """A hub id."""
    return f"018bcfe5-6800-7000-8000-00000000000{n}"


EXPECTED = {
    "home": ("ok", "acme.example"),
    "made": [("ok", []), ("ok", []), ("rejected", ["email"])],
    "moved": ("ok", "z@acme.example", "1"),
    "again": [("exists", True)],
    "left": ["O'Hara"],
    "gone": [(hub(2), False), (hub(3), True)],
    "news": 0,  # all of it is younger than the minute that exports leave out
    "ticket": ("ok", "new", True),
}


class TestConversation(ConversationTests):
    """Sign in; make an organization and people, one of them wrong; edit, re-address, archive, list; open a ticket."""

    spec = SPEC
    cassette = CASSETTE
    expected = EXPECTED

    def converse(self, connector: Connector) -> dict[str, Any]:
        desk = connector
        (home,) = desk.write("organizations", [Write("create", hub(1), {"name": "Acme", "domain": "acme.example"})])
        names = {"first_name": "Zoë", "last_name": "O'Hara", "account": home.remote.id}
        people = [{**names, "email": "zoe@acme.example"}, {"last_name": "Łukasz"}, {"last_name": "X", "email": "no"}]
        made = desk.write("users", [Write("create", hub(n), p) for n, p in enumerate(people, 2)])
        ids = [o.remote_id for o in made[:2]]
        (moved,) = desk.write("users", [Write("update", hub(2), {"email": "z@acme.example", "phone": "1"}, ids[0])])
        again = desk.write("users", [Write("create", hub(9), {"email": "z@acme.example", "last_name": "Twin"})])
        desk.write("users", [Write("archive", hub(3), {}, ids[1])])
        key = "welcome-1"
        ticket = desk.act(Action("ticket", key, {"subject": "Hello", "comment": "Welcome", "requester": ids[0]}))
        return {
            "home": (home.status, home.remote.fields["domain"]),
            "made": [(o.status, [p.field for p in o.problems]) for o in made],
            "moved": (moved.status, moved.remote.fields["email"], moved.remote.fields["phone"]),
            "again": [(o.status, o.remote_id == ids[0]) for o in again],
            "left": [r.fields["last_name"] for r in desk.list("users", None).remotes],
            "gone": [(r.hub_id, r.gone) for r in desk.read("users", ids, None)],
            "news": len(desk.changes("users", Window(0), None).remotes),
            "ticket": (ticket.status, ticket.state, desk.acted("ticket", [key])[key].id == ticket.id),
        }


def test_the_cassette_is_worth_replaying():
    calls = [f"{e.method} {urlsplit(e.url).path}" for e in CASSETTE.exchanges()]
    assert {"POST /oauth/tokens", "POST /api/v2/users/create_many", "GET /api/v2/incremental/users/cursor"} <= {*calls}
    assert sum("/job_statuses/" in call for call in calls) >= 1
    assert sum("/make_primary" in call for call in calls) == 1
