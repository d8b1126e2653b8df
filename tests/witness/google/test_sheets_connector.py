"""What Tieline sends to the Sheets API and to Drive, and is answered, held against Google's descriptions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tieline import Window, Write

pytest.importorskip("googleapiclient", reason="google-api-python-client is not installed")

HUB = "018bcfe5-6800-7000-8000-0000000000{:02}"
STREAM = "opportunities"
CALLED = {
    "drive.files.get",
    "drive.files.list",
    "sheets.spreadsheets.batchUpdate",
    "sheets.spreadsheets.create",
    "sheets.spreadsheets.get",
    "sheets.spreadsheets.values.batchGet",
    "sheets.spreadsheets.values.batchUpdate",
}


@pytest.fixture
def start(discovery: Any, witness_module: Callable[[str], Any]) -> Callable[..., Any]:
    """The connector on a watched stand-in."""
    return lambda *a, **k: witness_module("google/sheets_bench").subject(discovery, *a, **k)


def deal(n: int, **more: Any) -> dict[str, Any]:
    money = {"amount": f"{n}.5", "currency": "EUR"}
    return {
        "name": f"Deal {n}",
        "stage": "Open",
        "amount": money,
        "close_date": "2026-05-12",
        "probability": "40",
        **more,
    }


@pytest.mark.parametrize(("rows", "more"), [(5000, set()), (20, {"sheets.spreadsheets.values.batchGetByDataFilter"})])
def test_every_call_of_the_connector_is_as_google_describes_it(start: Any, rows: int, more: set[str]) -> None:
    subject = start(rows)
    connector, watched = subject.connector, subject.sandbox
    made = connector.write(STREAM, [Write("create", HUB.format(n), deal(n)) for n in range(99)])
    assert {o.status for o in made} == {"ok"}
    (home,) = connector.write("accounts", [Write("create", HUB.format(99), {"name": "Acme"})])
    ids = [o.remote_id for o in made][::2]
    changes = [Write("update", i, {"stage": "Won", "account": home.remote_id, "amount": None}, i) for i in ids]
    assert {o.status for o in connector.write(STREAM, changes)} == {"ok"}
    assert [r.fields["stage"] for r in connector.read(STREAM, ids, None)] == ["Won"] * len(ids)
    page, pages = connector.list(STREAM, None), 1
    while page.token is not None:
        page, pages = connector.list(STREAM, page.token), pages + 1
    assert connector.changes(STREAM, Window(0, feed=page.feed), None).feed is None
    assert {o.status for o in connector.write(STREAM, [Write("archive", i, {}, i) for i in ids[:3]])} == {"ok"}
    assert connector.changes(STREAM, Window(0, feed=page.feed), None).feed is not None
    assert connector.write(STREAM, [Write("link", HUB.format(98), {}, ids[4])])[0].status == "ok"
    assert {r.id for r in connector.find(STREAM, [HUB.format(98)])} == {ids[4], HUB.format(98)}
    assert connector.schema(STREAM).fields["stage"].write
    assert {f.level for f in connector.parts[STREAM].findings()} == {"ok"}
    assert watched.wrong == []
    assert watched.called == CALLED | more


def test_the_calls_of_a_large_sync_are_few(start: Any) -> None:
    subject = start()
    connector, asked = subject.connector, subject.transport.requests
    connector.list(STREAM, None)
    for step in range(6):
        before = len(asked)
        ids = [f"018bcfe5-6800-7000-8000-{step:04}{n:08}" for n in range(1000)]
        outcomes = connector.write(STREAM, [Write("create", i, deal(n % 100)) for n, i in enumerate(ids)])
        assert {o.status for o in outcomes} == {"ok"}
        assert len(asked) - before <= 4, "a look, the rows, a look"
    connector.list(STREAM, None)
    before = len(asked)
    page = connector.list(STREAM, None)
    while page.token is not None:
        page = connector.list(STREAM, page.token)
    assert len(asked) - before <= 2 + 3, "the version before and after, and 5,000 rows a page"


@pytest.mark.parametrize("vice", ["quota", "old-403"])
def test_under_a_quota_nothing_is_lost_and_nothing_is_done_twice(start: Any, vice: str) -> None:
    subject = start(vices=(vice,))
    for n in range(30):
        (outcome,) = subject.connector.write(STREAM, [Write("create", HUB.format(n), deal(n))])
        assert outcome.status == "ok"
    assert len(subject.connector.list(STREAM, None).remotes) == 30


def test_a_create_whose_answer_was_lost_is_found_by_its_key(start: Any) -> None:
    subject = start(vices=("lost-answer",))
    unknown = []
    for n in range(20):
        (outcome,) = subject.connector.write(STREAM, [Write("create", HUB.format(n), deal(n))])
        unknown += [n] if outcome.status == "unknown" else []
    assert unknown
    assert {r.id for r in subject.connector.find(STREAM, [HUB.format(n) for n in unknown])} == {
        HUB.format(n) for n in unknown
    }
    again = subject.connector.write(STREAM, [Write("create", HUB.format(n), deal(n)) for n in unknown])
    assert {o.status for o in again} == {"exists"}
    assert len(subject.connector.list(STREAM, None).remotes) == 20
