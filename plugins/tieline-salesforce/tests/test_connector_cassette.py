"""A conversation with the stand-in over a real socket, recorded once and replayed; see `ConversationTests`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tieline import Connector, Window, Write
from tieline.testing import Cassette, ConversationTests
from tieline_salesforce.spec import SPEC

CASSETTE = Cassette(
    Path(__file__).parent / "cassettes" / "conversation.yaml",
    "https://example.my.salesforce.com",
    keep=("sforce-limit-info", "sforce-query-options"),
)

EXPECTED = {
    "stamps": True,
    "domain": "acme.example",
    "made": [("ok", []), ("ok", []), ("rejected", ["last_name"])],
    "deal": ("ok", True, "mei@northbay.example"),
    "again": [("exists", True)],
    "left": ["O'Hara"],
    "changes": [("h2", False, "opted_out"), ("h3", True, None)],
}


class TestConversation(ConversationTests):
    """Sign in; make an account, people and a deal; edit, meet a refusal; list, ask for changes; archive."""

    spec = SPEC
    cassette = CASSETTE
    settings = SPEC.settings(currency="USD")
    expected = EXPECTED

    def converse(self, connector: Connector) -> dict[str, Any]:
        crm = connector
        schema = crm.schema("contacts")
        (account,) = crm.write("accounts", [Write("create", "h1", {"name": "Acme", "website": "acme.example"})])
        people = [{"last_name": n, "account": account.remote.id} for n in ("O'Hara", "Łukasz")]
        made = crm.write("contacts", [Write("create", f"h{n}", p) for n, p in enumerate([*people, {}], 2)])
        ids = [o.remote_id for o in made[:2]]
        cells = [{"id": ids[0], "role": "Influencer", "primary": True}]
        deal = {"name": "Deal", "stage": "Prospecting", "close_date": "2026-03-31", "contacts": cells}
        (sold,) = crm.write("opportunities", [Write("create", "h5", {**deal, "owner": "mei@northbay.example"})])
        crm.write("contacts", [Write("update", "h2", {"consent_email": "opted_out"}, ids[0])])
        again = crm.write("contacts", [Write("create", "h3", people[1])])
        crm.write("contacts", [Write("archive", "h3", {}, ids[1])])
        changes = crm.changes("contacts", Window(0), None).remotes
        return {
            "stamps": schema.stamps,
            "domain": account.remote.fields["domain"],
            "made": [(o.status, [p.field for p in o.problems]) for o in made],
            "deal": (sold.status, sold.remote.fields["contacts"] == cells, sold.remote.fields["owner"]),
            "again": [(o.status, o.remote_id == ids[1]) for o in again],
            "left": [r.fields["last_name"] for r in crm.list("contacts", None).remotes],
            "changes": sorted((r.hub_id, r.gone, r.fields.get("consent_email")) for r in changes),
        }


def test_the_cassette_is_worth_replaying():
    composites = [json.loads(e.body) for e in CASSETTE.exchanges() if e.url.endswith("/composite")]
    assert len(composites) >= 4
    assert all(c["collateSubrequests"] is False for c in composites)
