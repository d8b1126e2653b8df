"""Really recorded conversations are held again with the stand-in, which must answer as Salesforce did."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tieline.sandbox import Response

KNOWN_SHARE = 0.8
"""So much of a recorded describe's or whole record's fields the stand-in must know."""


@cache
def _known(adapter: Any, replay_module: Any) -> Any:
    """Custom fields as the whole set defines them."""
    root = Path(os.environ.get("TIELINE_RECORDINGS") or "/nowhere") / "salesforce" / "recorded"
    return adapter.definitions(replay_module.conversations(root)) if root.is_dir() else {}


@pytest.fixture
def hold(adapter: Any, replay_module: Any) -> Callable[..., Any]:
    """Holds a conversation with a fresh stand-in; `spoil` changes what it answers."""
    known = _known(adapter, replay_module)

    def run(conversation: Any, spoil: Any = None) -> Any:
        return replay_module.replay(adapter.prepared(conversation), adapter.SalesforceAdapter(known, spoil))

    return run


def replayable(report: Any) -> Any:
    if not report.compared:
        pytest.skip("; ".join(reason for _, reason in report.skipped) or "the conversation is empty")
    return report


def test_a_recorded_conversation_goes_the_same_way(hold: Any, conversation: Any) -> None:
    report = replayable(hold(conversation))
    assert not report.mismatches, str(report)


def test_most_of_what_a_recording_shows_is_modelled(hold: Any, adapter: Any, conversation: Any) -> None:
    """The rules let an org have fields of its own; they must not become a hole."""
    replayable(hold(conversation))
    stand_in = adapter.SalesforceAdapter({})
    for exchange in adapter.prepared(conversation).exchanges:
        content = exchange.answer if isinstance(exchange.answer, dict) else {}
        shown = {f["name"] for f in content["fields"]} if "childRelationships" in content else set()
        name = content.get("name", "")
        if "attributes" in content:
            shown, name = set(content) - {"attributes"}, content["attributes"]["type"]
        shown = {f for f in shown if not f.endswith("__c")}
        if shown and stand_in.unserved(exchange) is None:
            known = set(stand_in.rules._fields_of(name))
            assert len(shown & known) >= KNOWN_SHARE * len(shown), sorted(shown - known)


Change = Callable[[Response], Response]


def changed(alter: Callable[[Any], Any]) -> Change:
    """A change of an answer's JSON."""

    def change(response: Response) -> Response:
        if not response.body:
            return response
        return Response(response.status, response.headers, json.dumps(alter(response.json())).encode())

    return change


def without(*names: str) -> Callable[[Any], Any]:
    def alter(body: Any) -> Any:
        if isinstance(body, dict):
            return {k: alter(v) for k, v in body.items() if k not in names}
        return [alter(v) for v in body] if isinstance(body, list) else body

    return alter


def as_text(body: Any) -> Any:
    if isinstance(body, dict):
        return {k: as_text(v) for k, v in body.items()}
    if isinstance(body, list):
        return [as_text(v) for v in body]
    return str(body) if isinstance(body, (int, float)) else body


def other_status(response: Response) -> Response:
    return Response(202 if response.status < 300 else 500, response.headers, response.body)


SPOILS: dict[str, Change] = {
    "a key is missing": changed(without("errors", "totalSize", "errorCode", "nillable", "createable", "Name", "ETag")),
    "numbers and booleans became text": changed(as_text),
    "the status is another": other_status,
}


@pytest.mark.parametrize("how", SPOILS)
def test_a_wrong_answer_is_noticed_in_every_conversation(hold: Any, conversation: Any, how: str) -> None:
    report = replayable(hold(conversation))
    said = json.dumps([e.answer for e in conversation.exchanges])
    if how.startswith("numbers") and '"httpStatusCode": 304' in said:
        pytest.skip("nothing in it but words and empty bodies")
    assert not report.mismatches
    assert hold(conversation, SPOILS[how]).mismatches


# -- a conversation of our own, so that the replay is tried without any recordings

BASE = "https://org.my.salesforce.com/services/data/v59.0"
HERE, MADE = "001x00000000001AAA", "003x00000000001AAA"
STAMP = "2024-05-01T10:00:00.000+0000"


def _said(method: str, path: str, status: int, answer: Any, body: Any = None, headers: Any = None) -> dict[str, Any]:
    request = {"method": method, "url": BASE + path, "headers": {}, "body": body}
    return {"request": request, "response": {"status": status, "headers": headers or {}, "body": answer}}


def _shown(name: str, record_id: str, **values: Any) -> dict[str, Any]:
    return {"attributes": {"type": name, "url": f"/services/data/v59.0/sobjects/{name}/{record_id}"}, **values}


OWN = [
    _said(
        "GET",
        "/query?q=SELECT+Id,Name,SystemModstamp+FROM+Account",
        200,
        {
            "totalSize": 1,
            "done": True,
            "records": [_shown("Account", HERE, Id=HERE, Name="Alder", SystemModstamp=STAMP)],
        },
        headers={"sforce-limit-info": "api-usage=3/15000"},
    ),
    _said(
        "POST",
        "/composite/sobjects",
        200,
        [
            {"id": MADE, "success": True, "errors": []},
            {
                "success": False,
                "errors": [
                    {"statusCode": "REQUIRED_FIELD_MISSING", "message": "missing: [LastName]", "fields": ["LastName"]}
                ],
            },
        ],
        {
            "records": [
                {"attributes": {"type": "Contact"}, "LastName": "Ito", "AccountId": HERE},
                {"attributes": {"type": "Contact"}, "FirstName": "Mei"},
            ]
        },
    ),
    _said(
        "GET",
        "/query?q=SELECT+Name,(SELECT+LastName+FROM+Contacts),(SELECT+Name+FROM+Opportunities)+FROM+Account",
        200,
        {
            "totalSize": 1,
            "done": True,
            "records": [
                _shown(
                    "Account",
                    HERE,
                    Name="Alder",
                    Contacts={"totalSize": 1, "done": True, "records": [_shown("Contact", MADE, LastName="Ito")]},
                    Opportunities=None,
                )
            ],
        },
    ),
    _said("DELETE", f"/sobjects/Contact/{MADE}", 204, None),
    _said("GET", f"/sobjects/Contact/{MADE}", 404, [{"errorCode": "NOT_FOUND", "message": "does not exist"}]),
]


@pytest.fixture
def own(replay_module: Any) -> Any:
    return replay_module.Conversation.of("own", OWN)


def test_a_conversation_of_our_own_goes_the_same_way(hold: Any, own: Any) -> None:
    report = hold(own)
    assert not report.mismatches, str(report)
    assert (report.compared, report.skipped) == (len(OWN), [])


def _replaced(old: str, new: str) -> Change:
    return lambda r: Response(
        r.status, {k: v.replace(old, new) for k, v in r.headers.items()}, r.body.replace(old.encode(), new.encode())
    )


@pytest.mark.parametrize(
    ("what", "change", "where"),
    [
        ("an empty list for no children", _replaced('"Opportunities":null', '"Opportunities":[]'), "Opportunities"),
        ("a time without its zone", _replaced(".000+0000", "Z"), "SystemModstamp"),
        ("statusCode called errorCode", _replaced('"statusCode"', '"errorCode"'), "statusCode"),
        ("another code", _replaced("REQUIRED_FIELD_MISSING", "MISSING_ARGUMENT"), "statusCode"),
        ("a header of another form", _replaced("api-usage=", "usage="), "sforce-limit-info"),
        ("failures told as successes", _replaced('"success":false', '"success":true'), "success"),
        ("an id for a failed record", _replaced('"success":false', '"id":"x","success":false'), "id"),
        ("no records", changed(lambda b: b | {"records": []} if isinstance(b, dict) else b), "records"),
        ("half of the results", changed(lambda b: b[:1] if isinstance(b, list) else b), "missing"),
    ],
)
def test_a_subtly_wrong_answer_is_noticed(hold: Any, own: Any, what: str, change: Change, where: str) -> None:
    report = hold(own, change)
    assert report.mismatches, what
    assert where in str(report)


def test_what_the_stand_in_does_not_offer_is_left_out_with_its_reason(hold: Any, replay_module: Any) -> None:
    case = _said("GET", "/query?q=SELECT+Id+FROM+Case", 200, {"totalSize": 0, "done": True, "records": []})
    report = hold(replay_module.Conversation.of("other", [case]))
    assert report.compared == 0
    assert report.skipped[0][1] == "the stand-in does not offer Case"
