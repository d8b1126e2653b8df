"""A conversation with the stand-in over a real socket, recorded once and replayed; see `ConversationTests`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tieline import Connector, Window, Write
from tieline.testing import Cassette, ConversationTests
from tieline_hubspot.spec import SPEC

EXPECTED = {
    "company": "Acme",
    "statuses": ["ok"] * 5,
    "accounts": {True},
    "title": ["CTO", None, None],
    "consent": ["opted_out", "allowed", "allowed"],
    "hits": True,
    "left": True,
    "found": True,
}


class TestConversation(ConversationTests):
    """A first sync in small: make, relate, change, opt out, list, ask for changes, archive."""

    spec = SPEC
    cassette = Cassette(Path(__file__).parent / "cassettes" / "conversation.yaml", "https://api.hubapi.com")
    signs_in = False
    expected = EXPECTED

    def converse(self, connector: Connector) -> dict[str, Any]:
        hub = connector
        (company,) = hub.write("companies", [Write("create", "h1", {"name": "Acme", "domain": "acme.example"})])
        people = [{"email": f"{n}@acme.example", "account": company.remote.id} for n in ("ada", "bob", "eve")]
        made = hub.write("contacts", [Write("create", f"h{n}", p) for n, p in enumerate(people, 2)])
        ids = [o.remote.id for o in made]
        changed = hub.write("contacts", [Write("update", "h2", {"title": "CTO", "consent_email": "opted_out"}, ids[0])])
        listed = hub.list("contacts", None).remotes
        hits = hub.changes("contacts", Window(0), None).remotes
        archived = hub.write("contacts", [Write("archive", "h4", {}, ids[2])])
        return {
            "company": company.remote.fields["name"],
            "statuses": [o.status for o in (*made, *changed, *archived)],
            "accounts": {r.fields["account"] == company.remote.id for r in listed},
            "title": [r.fields["title"] for r in listed],
            "consent": [r.fields["consent_email"] for r in listed],
            "hits": [r.id for r in hits] == ids,
            "left": [r.id for r in hub.list("contacts", None).remotes] == ids[:2],
            "found": [r.id for r in hub.find("contacts", ["h3"])] == [ids[1]],
        }
