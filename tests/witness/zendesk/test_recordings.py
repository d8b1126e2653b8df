"""Real Zendesk traffic, replayed as conversations: the stand-in must answer in the shapes that Zendesk did."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest


@pytest.fixture
def adapter(witness_module: Callable[[str], Any]) -> Any:
    return witness_module("zendesk/adapter")


def test_a_recorded_conversation_goes_the_same_way(conversation: Any, replay_module: Any, adapter: Any) -> None:
    report = replay_module.replay(conversation, adapter.ZendeskAdapter())
    assert not report.mismatches, str(report)
    assert report.compared
    assert report.compared + len(report.skipped) == len(conversation.exchanges)
    assert all("without its body" in reason for _, reason in report.skipped)


def test_a_spoiled_answer_is_noticed_in_every_recording(conversation: Any, replay_module: Any, adapter: Any) -> None:
    """Each answer loses its first key, or its status where it has none: each exchange must then be reported."""

    def spoil(recorded: Any, reply: Any) -> Any:
        if not isinstance(reply.body, Mapping):
            return reply._replace(status=reply.status + 1)
        lost = sorted(reply.body)[0]
        return reply._replace(body={k: v for k, v in reply.body.items() if k != lost})

    report = replay_module.replay(conversation, adapter.ZendeskAdapter(wrong=spoil))
    assert len({m.exchange for m in report.mismatches}) == report.compared


def _row(method: str, path: str, body: Any, status: int, answer: Any, **headers: str) -> dict[str, Any]:
    common = {"x-rate-limit": "1", "x-rate-limit-remaining": "1", "x-zendesk-api-version": "v2", **headers}
    if answer != "":
        common["content-type"] = "application/json; charset=utf-8"
    if status < 204:
        common["etag"] = 'W/"1"'
    url = f"https://other.zendesk.com/api/v2/{path}"
    return {
        "request": {"method": method, "url": url, "headers": {}, "body": body},
        "response": {"status": status, "headers": common, "body": answer},
    }


ONE = {
    "url": "https://other.zendesk.com/api/v2/organizations/51.json",
    "id": 51,
    "name": "One",
    "shared_tickets": False,
    "shared_comments": False,
    "external_id": None,
    "created_at": "2024-01-01T00:00:00Z",
    "updated_at": "2024-01-01T00:00:00Z",
    "domain_names": [],
    "details": None,
    "notes": None,
    "group_id": None,
    "tags": [],
    "organization_fields": {},
}
PAGE = {"next_page": None, "previous_page": None, "count": 1}


@pytest.fixture
def talk(replay_module: Any) -> Any:
    """A conversation of our own, in the shapes of the wire facts: create, change, find, delete, miss."""
    changed = {**ONE, "notes": "n"}
    place = {"location": "https://other.zendesk.com/api/v2/organizations/51.json"}
    rows = [
        _row("POST", "organizations.json", {"organization": {"name": "One"}}, 201, {"organization": ONE}, **place),
        _row("PUT", "organizations/51.json", {"organization": {"notes": "n"}}, 200, {"organization": changed}),
        _row("GET", "organizations/show_many.json?ids=51", "", 200, {"organizations": [changed], **PAGE}),
        _row("DELETE", "organizations/51.json", "", 204, ""),
        _row("GET", "organizations/51.json", "", 404, {"error": "RecordNotFound", "description": "Not found"}),
    ]
    return replay_module.Conversation.of("own", rows)


def test_our_own_conversation_agrees(talk: Any, replay_module: Any, adapter: Any) -> None:
    report = replay_module.replay(talk, adapter.ZendeskAdapter())
    assert (report.compared, report.mismatches) == (5, []), str(report)


def _inside(body: Any, name: str, **changes: Any) -> Any:
    return {**body, name: {**body[name], **changes}}


@pytest.mark.parametrize(
    ("number", "spoil", "where"),
    [
        (0, lambda r: r._replace(status=200), "status"),
        (0, lambda r: r._replace(headers={k: v for k, v in r.headers.items() if k != "location"}), "headers.location"),
        (0, lambda r: r._replace(body=_inside(r.body, "organization", id="x")), "$.organization.id"),
        (0, lambda r: r._replace(body=_inside(r.body, "organization", notes="")), "$.organization.notes"),
        (1, lambda r: r._replace(body=_inside(r.body, "organization", notes="m")), "$.organization.notes"),
        (1, lambda r: r._replace(body=_inside(r.body, "organization", new=1)), "$.organization.new"),
        (2, lambda r: r._replace(body={**r.body, "count": 2}), "$.count"),
        (2, lambda r: r._replace(body={**r.body, "organizations": []}), "$.organizations"),
        (3, lambda r: r._replace(body={}), "$"),
        (4, lambda r: r._replace(body={**r.body, "error": "Other"}), "$.error"),
        (4, lambda r: r._replace(headers={**r.headers, "content-type": "text/html"}), "headers.content-type"),
    ],
)
def test_a_wrong_answer_is_noticed_where_it_is_wrong(
    talk: Any, replay_module: Any, adapter: Any, number: int, spoil: Callable[[Any], Any], where: str
) -> None:
    def wrong(recorded: Any, reply: Any) -> Any:
        return spoil(reply) if recorded is talk.exchanges[number] else reply

    report = replay_module.replay(talk, adapter.ZendeskAdapter(wrong=wrong))
    assert where in {m.where for m in report.mismatches if f"#{number} " in m.exchange}
