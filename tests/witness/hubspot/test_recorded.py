"""Real HubSpot traffic, replayed as conversations: the stand-in must answer in the shapes that HubSpot did."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest


@pytest.fixture
def adapter(witness_module: Callable[[str], Any]) -> Any:
    return witness_module("hubspot/adapter")


def test_a_recorded_conversation_goes_the_same_way(conversation: Any, replay_module: Any, adapter: Any) -> None:
    report = replay_module.replay(conversation, adapter.HubSpotAdapter())
    assert not report.mismatches, str(report)
    if not report.compared:
        reasons = sorted({reason for _, reason in report.skipped})
        pytest.skip("; ".join(reasons) or "an empty recording")
    assert report.compared + len(report.skipped) == len(conversation.exchanges)


def test_a_spoiled_answer_is_noticed_in_every_recording(conversation: Any, replay_module: Any, adapter: Any) -> None:
    """Each answer loses its first key, or its status where it has none: each exchange must then be reported."""

    def spoil(recorded: Any, reply: Any) -> Any:
        if not isinstance(reply.body, Mapping):
            return reply._replace(status=reply.status + 1)
        lost = sorted(set(reply.body) & set(recorded.answer))[0]
        return reply._replace(body={k: v for k, v in reply.body.items() if k != lost})

    report = replay_module.replay(conversation, adapter.HubSpotAdapter(wrong=spoil))
    if not report.compared:
        pytest.skip("nothing of this recording is replayed")
    named = {m.exchange for m in report.mismatches}
    limited = sum(e.status == 429 for e in conversation.exchanges)
    assert len(named) >= report.compared - limited


COMPANY = {
    "id": "51",
    "properties": {
        "createdate": "2024-10-20T19:50:47.612Z",
        "domain": "one.example",
        "hs_lastmodifieddate": "2024-10-20T19:50:47.612Z",
        "hs_object_id": "51",
        "name": "One",
    },
    "createdAt": "2024-10-20T19:50:47.612Z",
    "updatedAt": "2024-10-20T19:50:47.612Z",
    "archived": False,
}
JSON = {"content-type": "application/json;charset=utf-8", "date": "Sun, 20 Oct 2024 19:50:47 GMT"}
HTML = {"content-type": "text/html;charset=iso-8859-1", "x-hubspot-notfound": "true", "date": JSON["date"]}
BUDGET = {"daily": "1", "daily-remaining": "1", "interval-milliseconds": "1", "max": "1", "remaining": "1"}
LIMITS = {f"x-hubspot-ratelimit-{k}": v for k, v in (BUDGET | {"secondly": "1", "secondly-remaining": "1"}).items()}
SEARCH = {"x-hubspot-ratelimit-daily": "1", "x-hubspot-ratelimit-daily-remaining": "1"}
URL = "https://api.hubapi.com/crm/v3/objects/companies"


def _row(method: str, url: str, body: Any, status: int, headers: Mapping[str, str], answer: Any) -> dict[str, Any]:
    return {
        "request": {"method": method, "url": url, "headers": {"Accept": "*/*"}, "body": body},
        "response": {"status": status, "headers": {**headers, "x-hubspot-correlation-id": "c"}, "body": answer},
    }


@pytest.fixture
def talk(replay_module: Any) -> Any:
    """A conversation of our own, in the shapes of the wire facts: create, read, search, archive, miss."""
    created = {**COMPANY, "properties": {**COMPANY["properties"], "website": "one.example"}}  # type: ignore[dict-item]
    wanted = {"properties": {"name": "One", "domain": "one.example"}}
    place = {"location": f"{URL}/51"}
    rule = {"filterGroups": [{"filters": [{"propertyName": "name", "operator": "EQ", "value": "Nobody"}]}]}
    rows = [
        _row("POST", URL, wanted, 201, {**JSON, **LIMITS, **place}, created),
        _row("GET", f"{URL}/51?hapikey=secret", None, 200, {**JSON, **LIMITS}, COMPANY),
        _row("POST", f"{URL}/search", rule, 200, {**JSON, **SEARCH}, {"total": 0, "results": []}),
        _row("DELETE", f"{URL}/51", None, 204, LIMITS, ""),
        _row("GET", f"{URL}/51", None, 404, {**HTML, **LIMITS}, "<html></html>"),
    ]
    return replay_module.Conversation.of("own", rows)


def test_our_own_conversation_agrees_and_hides_the_key_in_its_url(talk: Any, replay_module: Any, adapter: Any) -> None:
    report = replay_module.replay(talk, adapter.HubSpotAdapter())
    assert (report.compared, report.mismatches) == (5, [])
    assert "secret" not in repr(talk)


def _deeper(body: Any, **changes: Any) -> Any:
    return {**body, "properties": {**body["properties"], **changes}}


@pytest.mark.parametrize(
    ("number", "spoil", "where"),
    [
        (0, lambda r: r._replace(status=200), "$status"),
        (0, lambda r: r._replace(headers={k: v for k, v in r.headers.items() if k != "location"}), "headers.location"),
        (0, lambda r: r._replace(body=_deeper(r.body, name="Two")), "$.properties.name"),
        (1, lambda r: r._replace(body={**r.body, "id": "99"}), "$.id"),
        (1, lambda r: r._replace(body={**r.body, "id": 51}), "$.id"),
        (1, lambda r: r._replace(body={**r.body, "archived": True}), "$.archived"),
        (1, lambda r: r._replace(body={**r.body, "surprise": 1}), "$.surprise"),
        (1, lambda r: r._replace(body=_deeper(r.body, website="one.example")), "$.properties.website"),
        (1, lambda r: r._replace(body=_deeper(r.body, createdate=0)), "$.properties.createdate"),
        (2, lambda r: r._replace(body={"total": 1, "results": []}), "$.total"),
        (2, lambda r: r._replace(body={"total": 0, "results": [COMPANY]}), "$.results"),
        (2, lambda r: r._replace(headers={**r.headers, **LIMITS}), "headers.x-hubspot-ratelimit-max"),
        (3, lambda r: r._replace(body={}), "$"),
        (4, lambda r: r._replace(headers={**r.headers, "content-type": "application/json"}), "headers.content-type"),
        (4, lambda r: r._replace(body={"status": "error"}), "$"),
    ],
)
def test_a_wrong_answer_is_noticed_where_it_is_wrong(
    talk: Any, replay_module: Any, adapter: Any, number: int, spoil: Callable[[Any], Any], where: str
) -> None:
    def wrong(recorded: Any, reply: Any) -> Any:
        return spoil(reply) if recorded is talk.exchanges[number] else reply

    report = replay_module.replay(talk, adapter.HubSpotAdapter(wrong=wrong))
    found = {m.where for m in report.mismatches if f"#{number} " in m.exchange}
    assert where.replace("$status", "status") in found


def test_the_account_around_the_records_comes_from_the_recording(replay_module: Any, adapter: Any) -> None:
    """Owners, pipelines, campaigns and associations that a conversation reads were there before it."""
    base = "https://api.hubapi.com"
    stamps = {"createdAt": "2024-01-01T00:00:00Z", "updatedAt": "2024-01-01T00:00:00Z"}
    owner = {"id": "7", "email": "o@one.example", "type": "PERSON", "firstName": "O", "lastName": "P", "userId": 7}
    owner |= {"userIdIncludingInactive": 7, "archived": False, **stamps}
    stage = {"id": "s", "label": "S", "displayOrder": 0, "metadata": {"isClosed": "false"}, "archived": False, **stamps}
    pipeline = {"id": "p", "label": "P", "displayOrder": 0, "archived": False, "stages": [stage], **stamps}
    campaign = {"id": "36137b99-47a6-40fe-986d-839a5e3deebb", "properties": {"hs_name": "N"}, **stamps}
    types = [{"category": "HUBSPOT_DEFINED", "typeId": t, "label": w} for t, w in ((1, "Primary"), (279, None))]
    listed = {"total": 1, "results": [{**campaign, "businessUnits": [{"id": 0}]}]}
    rows = [
        _row("GET", f"{base}/crm/v3/owners/7", None, 200, {**JSON, **LIMITS}, owner),
        _row("GET", f"{base}/crm/v3/pipelines/deals", None, 200, {**JSON, **LIMITS}, {"results": [pipeline]}),
        _row("GET", f"{base}/marketing/v3/campaigns?properties=hs_name", None, 200, {**JSON, **LIMITS}, listed),
        _row(
            "GET",
            f"{base}/crm/v4/objects/contacts/9/associations/companies",
            None,
            200,
            {**JSON, **LIMITS},
            {"results": [{"toObjectId": 8, "associationTypes": types}]},
        ),
    ]
    talk = replay_module.Conversation.of("own", rows)
    report = replay_module.replay(talk, adapter.HubSpotAdapter())
    assert (report.compared, report.mismatches) == (4, []), str(report)


def test_what_is_not_served_is_named_with_its_reason(replay_module: Any, adapter: Any) -> None:
    rows = [
        _row("GET", "https://api.hubapi.com/crm/v3/schemas", None, 200, JSON, {"results": []}),
        _row("GET", "https://api.hubapi.com/contacts/v1/lists", None, 200, JSON, {"lists": []}),
        _row("GET", "https://api.hubapi.com/crm/v3/objects/tickets", None, 200, JSON, {"results": []}),
    ]
    talk = replay_module.Conversation.of("own", rows)
    report = replay_module.replay(talk, adapter.HubSpotAdapter())
    assert report.compared == 0
    assert [bool(reason) for _, reason in report.skipped] == [True, True, True]
