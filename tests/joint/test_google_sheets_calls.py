"""What a sync of a spreadsheet costs, held against the least that its promises allow.

The least: one request tells whether the file was changed, for all tabs. Where it was, one says which tabs there are,
and one a tab holds its rows, and the names of what they refer to. A new row takes a look for one that is there already,
the write, and the look that it stands where it should. A row that is written is looked at just before, with the file's
version as the time of any edit that shows; then come the write, and the look after. A batch is one call of each.
"""

from __future__ import annotations

from typing import Any

from tests.joint.google_sheets import EUR, Joint
from tieline.connector import Connector, Context
from tieline.ports import Request, Response
from tieline_google.spec import SPEC

CALL_MS = 400
"""How long a call takes."""
LEAST = {"create": 3, "read": 1, "update": 2, "link": 2}
"""Requests for one batch, but for the file's version. The look before an update or a link is the strong read."""
SHARE = 1.05


class Noted:
    """A connector of which is noted what it is asked."""

    def __init__(self, connector: Connector) -> None:
        self.connector, self.facts = connector, connector.facts
        self.asked: list[tuple[str, str]] = []

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.connector, name)

        def noted(*given: Any) -> Any:
            self.asked.append((given[0] if given else "", given[1][0].op if name == "write" else name))
            return found(*given)

        return noted

    @property
    def least(self) -> int:
        """The least that this can be had for, but for the file's version."""
        whats = [what for _, what in self.asked]
        assert set(whats) <= {"changes", "close", "list", "schema", *LEAST}, "all of it has its price"
        read = whats.count("list") + any(w in ("list", "schema") for w in whats) + ("schema" in whats)
        pairs = zip(self.asked, self.asked[1:], strict=False)
        in_a_row = sum(one == two and one[1] == "create" for one, two in pairs)  # the look after is the one before
        return read + sum(LEAST.get(what, 0) for what in whats) - in_a_row


def slowly(joint: Joint) -> None:
    """From now on calls take their time."""
    send = joint.transport.inner.send

    def slow(request: Request) -> Response:
        joint.clock.advance(CALL_MS)
        return send(request)

    joint.transport.inner.send = slow  # type: ignore[method-assign]


def synced(joint: Joint) -> list[str]:
    """One run, which costs no more than it must: what was asked for."""
    noted: list[Noted] = []

    def connect(context: Context) -> Any:
        noted.append(Noted(SPEC.connect(context)))
        return noted[-1]

    joint.connect = connect
    done, asked = joint.sync()
    assert done.api_calls["sheet"] == asked.total(), "what is counted is what was sent"
    whats = [what for _, what in noted[-1].asked]
    assert asked["version"] <= 1 + whats.count("read"), asked
    assert asked.total() - asked["version"] <= noted[-1].least * SHARE, (asked, noted[-1].asked)
    return whats


def test_a_first_sync_and_one_with_edits_cost_the_least_that_is_promised() -> None:
    joint = Joint()
    for n in range(1200):
        account = joint.crm.person_create("account", {"name": f"Acme {n}", "domain": f"a{n}.example"})
        deal = {"name": f"Deal {n}", "stage": "Open", "amount": EUR, "account": account, "close_date": "2026-05-12"}
        joint.crm.person_create("opportunity", deal)
    for n in range(3):
        joint.type("accounts", 0, Name=f"Acme {n}", Domain=f"a{n}.example", Employees=12)
        joint.type("opportunities", 0, Name=f"Typed {n}", Stage="Open", Amount=7, Currency="EUR")
    slowly(joint)
    calls = synced(joint)
    assert calls.count("create") >= 4
    assert calls.count("link") == 2
    joint.settled()
    joint.clock.advance(5_000)
    ids = joint.deals_by_name()
    for n in range(1100):
        joint.crm.person_edit("opportunity", ids[f"Deal {n}"], {"stage": "Won"})
    joint.crm.person_create("account", {"name": "New", "domain": "new.example"})
    joint.type("opportunities", joint.row("opportunities", "Deal 1150"), Stage="Lost")
    calls = synced(joint)
    assert calls.count("update") >= 2
    assert "create" in calls
    joint.settled()
    assert set(synced(joint)) <= {"changes", "close"}
