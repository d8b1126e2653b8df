"""Really recorded conversations are held again with the stand-in, which must answer as Salesforce did."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tieline.sandbox import Request, Response, SandboxOptions
from tieline_salesforce.sandbox import SalesforceSandbox

ROOT = Path(os.environ.get("TIELINE_RECORDINGS") or "/nonexistent") / "salesforce" / "recorded"
FILES = sorted(ROOT.rglob("*.json")) if ROOT.is_dir() else []
WHY = "TIELINE_RECORDINGS is unset or holds no salesforce/recorded"
RECORDING = pytest.mark.parametrize(
    "path", FILES or [pytest.param(None, marks=pytest.mark.skip(reason=WHY))], ids=lambda p: p.stem if p else "none"
)


@pytest.fixture(scope="module")
def known(replaying: Any) -> Any:
    return replaying.definitions(c for c in map(replaying.read, FILES) if c)


def hold(replaying: Any, comparing: Any, path: Path, known: Any, spoil: Any = None) -> Any:
    conversation = replaying.read(path)
    if conversation is None:
        pytest.skip("the file holds no conversation")
    sandbox = SalesforceSandbox(SandboxOptions())

    def answer(request: Request) -> Response:
        response = sandbox.handle(request)
        return spoil(response) if spoil else response

    replay = replaying.Replay(sandbox, comparing, answer)
    replay.run(conversation, known)
    return replay


@RECORDING
def test_a_recorded_conversation_goes_the_same_way(replaying: Any, comparing: Any, path: Path, known: Any) -> None:
    replay = hold(replaying, comparing, path, known)
    if not replay.replayed:
        pytest.skip("; ".join(replay.skipped) or "the conversation is empty")
    assert replay.verdict.differences == []
    assert replay.verdict.compared > 0


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
@RECORDING
def test_a_wrong_answer_is_noticed_in_every_conversation(
    replaying: Any, comparing: Any, path: Path, known: Any, how: str
) -> None:
    if not hold(replaying, comparing, path, known).replayed:
        pytest.skip("nothing of it can be replayed")
    if how == "numbers and booleans became text" and path.read_text().count('"httpStatusCode": 304'):
        pytest.skip("nothing but words and empty bodies in it")
    assert hold(replaying, comparing, path, known, SPOILS[how]).verdict.differences


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
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own.json"
    path.write_text(json.dumps({"interactions": OWN}))
    return path


def test_a_conversation_of_our_own_goes_the_same_way(replaying: Any, comparing: Any, own: Path) -> None:
    replay = hold(replaying, comparing, own, {})
    assert replay.verdict.differences == []
    assert (replay.replayed, replay.skipped) == (len(OWN), [])
    assert {HERE, MADE} <= set(replay.bound)


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
        ("half of the results", changed(lambda b: b[:1] if isinstance(b, list) else b), "length"),
    ],
)
def test_a_subtly_wrong_answer_is_noticed(
    replaying: Any, comparing: Any, own: Path, what: str, change: Change, where: str
) -> None:
    differences = hold(replaying, comparing, own, {}, change).verdict.differences
    assert differences, what
    assert any(where in d for d in differences)


def test_what_the_stand_in_does_not_offer_is_left_out_with_its_reason(
    replaying: Any, comparing: Any, tmp_path: Path
) -> None:
    path = tmp_path / "other.json"
    case = _said("GET", "/query?q=SELECT+Id+FROM+Case", 200, {"totalSize": 0, "done": True, "records": []})
    path.write_text(json.dumps({"interactions": [case]}))
    replay = hold(replaying, comparing, path, {})
    assert replay.replayed == 0
    assert replay.skipped == ["0: the stand-in does not offer Case"]
