"""What Tieline itself sends, and is answered, held against the vendor's description: every kind of call."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tieline import Action, Window, Write
from tieline.testing import HttpSubject
from tieline_zendesk.spec import SPEC

HUB = "018bcfe5-6800-7000-8000-00000000000{}"
PEOPLE = [{"email": f"p{n}@one.example", "first_name": "Mei", "last_name": f"Chen {n}"} for n in range(3)]
FIRMS = [{"name": f"Firm {n}", "domain": f"f{n}.example", "description": "d"} for n in range(3)]
CALLED = {
    "GET /api/v2/incremental/organizations",
    "GET /api/v2/incremental/users/cursor",
    "GET /api/v2/organizations/show_many",
    "GET /api/v2/users/show_many",
    "POST /api/v2/organizations",
    "POST /api/v2/organizations/create_many",
    "POST /api/v2/tickets",
    "POST /api/v2/users",
    "POST /api/v2/users/create_many",
    "POST /api/v2/users/{user_id}/identities",
    "PUT /api/v2/organizations/update_many",
    "PUT /api/v2/users/update_many",
    "PUT /api/v2/users/{user_id}",
    "PUT /api/v2/users/{user_id}/identities/{user_identity_id}/make_primary",
}


@pytest.fixture
def subject(description: Any, watched_module: Any) -> HttpSubject:
    if description is None:
        pytest.skip("TIELINE_RECORDINGS names no folder with the vendor's description")
    return HttpSubject(replace(SPEC, sandbox=lambda options: watched_module.Watched(options, description)))


def _writes(op: Any, rows: Any, ids: Any = None) -> list[Write]:
    return [Write(op, HUB.format(n), row, ids[n] if ids else None) for n, row in enumerate(rows)]


def test_every_call_of_the_connector_is_as_the_vendor_describes_it(subject: HttpSubject) -> None:
    connector: Any = subject.connector
    watched: Any = subject.sandbox
    for stream, rows, change in (
        ("organizations", FIRMS, {"description": "other"}),
        ("users", PEOPLE, {"email": "new{}@one.example"}),
    ):
        one = connector.write(stream, _writes("create", rows[:1]))
        more = connector.write(stream, _writes("create", rows)[1:])
        assert [o.status for o in (*one, *more)] == ["ok"] * 3
        ids = [o.remote_id or o.remote.id for o in (*one, *more)]
        changes = [{k: v.format(n) for k, v in change.items()} for n in range(3)]
        assert {o.status for o in connector.write(stream, _writes("update", changes, ids))} == {"ok"}
        named = [{"name": f"Other {n}"} if stream == "organizations" else {"last_name": f"Li {n}"} for n in range(3)]
        assert {o.status for o in connector.write(stream, _writes("update", named, ids))} == {"ok"}
        assert {o.status for o in connector.write(stream, _writes("update", [{**named[0]}], ids))} == {"ok"}
        subject.settle()
        connector.list(stream, None)
        connector.changes(stream, Window(subject.clock.now() - 3_600_000), None)
        assert len(connector.read(stream, ids, None)) == len(connector.find(stream, [HUB.format(0)])) + 2 == 3
        connector.schema(stream)
    list(connector.check())
    key = HUB.format(9)
    assert connector.act(Action("ticket", key, {"subject": "s", "comment": "c", "tags": "a"})).status == "ok"
    assert set(connector.acted("ticket", [key])) == {key}
    for stream in ("users", "organizations"):
        page = connector.list(stream, None)
        assert connector.write(stream, [Write("archive", HUB.format(0), {}, r.id) for r in page.remotes])
    assert watched.wrong == []
    assert watched.called >= CALLED
    assert [call for call in watched.called if "unknown" in call] == []
