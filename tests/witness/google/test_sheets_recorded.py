"""Recorded conversations with the Sheets API, replayed against the stand-in; what is Drive's or the token's is not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tieline.sandbox import Request, SandboxOptions
from tieline.testing import FakeClock
from tieline_google.sandbox import GoogleSandbox
from tieline_google.sandbox.sheets_grid import Book, Tab, located

ROOT = "/v4/spreadsheets/"
OTHER = "another part of Google's"
LOOKS = ("defaultFormat", "spreadsheetTheme", "locale", "timeZone", "autoRecalc")
"""How a spreadsheet looks, and where its people live."""
IDS = ("spreadsheetId", "sheetId")
MIME = "application/vnd.google-apps.spreadsheet"


@pytest.fixture
def adapter(replay_module: Any) -> Callable[..., Any]:
    class Rules(replay_module.Rules):  # type: ignore[misc, name-defined]
        """Of an answer that is served nothing may differ but the looks."""

        def identifier(self, exchange: Any, where: Any) -> bool:
            return where[-1] in IDS

        def optional(self, exchange: Any, where: Any) -> bool:
            return where[-1] in LOOKS

        def exact(self, exchange: Any, where: Any) -> bool:
            return "properties" not in where and where[-1] not in ("spreadsheetUrl", *IDS)

        def same_type(self, exchange: Any, where: Any, recorded: Any, actual: Any) -> bool:
            return type(recorded) is type(actual)

    class Adapter:
        """The spreadsheets that a conversation's own answers speak of."""

        rules = Rules()

        def __init__(self, wrong: Callable[[Any, Any], Any] | None = None) -> None:
            self.wrong = wrong

        def unserved(self, exchange: Any) -> str | None:
            return None if exchange.path.startswith(ROOT) else OTHER

        def begin(self, conversation: Any) -> None:
            self.sandbox = GoogleSandbox(SandboxOptions(clock=FakeClock()))
            written: set[str] = set()
            for exchange in conversation.exchanges:
                if not exchange.path.startswith(ROOT):
                    continue
                id = exchange.path.removeprefix(ROOT).split("/")[0].split(":")[0]
                self._seed(id, exchange, id in written)
                if exchange.method != "GET":
                    written.add(id)

        def _seed(self, id: str, exchange: Any, written: bool) -> None:
            """What must have been there before anything was written."""
            state = self.sandbox.state
            if id not in state.files.rows:
                state.files.make("Recorded", MIME, 0, id=id, private=exchange.status == 403)
                state.sheets.books[id] = Book("Recorded", id=id)
            book = state.sheets.books[id]
            if written or exchange.method != "GET" or exchange.status != 200:
                return
            if "sheets" in exchange.answer:
                sheets = [s["properties"] for s in exchange.answer["sheets"]]
                book.tabs = [Tab(s["sheetId"], s["title"], *s["gridProperties"].values()) for s in sheets]
            for block in [exchange.answer, *exchange.answer.get("valueRanges", ())]:
                if block.get("values"):
                    tab, area, _ = located(book, block["range"])
                    tab.put(area.top, area.left, block["values"])

        def replies(self, exchange: Any, recorded: Any) -> Sequence[Any]:
            headers = {"authorization": f"Bearer {self.sandbox.token}"}
            request = Request(exchange.method, exchange.path, exchange.params, headers, json=exchange.body)
            answer = self.sandbox.handle(request)
            reply = replay_module.Reply(answer.status, answer.headers, answer.json() if answer.body else None)
            return [self.wrong(recorded, reply) if self.wrong is not None else reply]

    return Adapter


def test_a_recorded_conversation_agrees(conversation: Any, replay_module: Any, adapter: Callable[..., Any]) -> None:
    report = replay_module.replay(conversation, adapter())
    served = sum(e.path.startswith(ROOT) for e in conversation.exchanges)
    assert report.compared == served
    assert report.mismatches == [], str(report)


ID = "1OurOwnConversation"
GRID = {"rowCount": 1000, "columnCount": 26}


def _row(method: str, path: str, body: Any, status: int, answer: Any) -> dict[str, Any]:
    return {
        "request": {"method": method, "url": f"https://sheets.googleapis.com{ROOT}{ID}{path}", "body": body},
        "response": {"status": status, "headers": {"content-type": "application/json"}, "body": answer},
    }


@pytest.fixture
def talk(replay_module: Any) -> Any:
    """A conversation of our own, in the shapes of the wire facts: write, read, append, refuse."""
    written = {"updatedRange": "Sheet1!A1:B1", "updatedRows": 1, "updatedColumns": 2, "updatedCells": 2}
    added = {"updatedRange": "Sheet1!A2:B2", "updatedRows": 1, "updatedColumns": 2, "updatedCells": 2}
    one = {"spreadsheetId": ID, "tableRange": "Sheet1!A1:B1", "updates": {"spreadsheetId": ID, **added}}
    lost = {"code": 400, "message": "Unable to parse range: No!A1", "status": "INVALID_ARGUMENT"}
    read = {"range": "Sheet1!A1:C5", "majorDimension": "ROWS", "values": [["a", "1"]]}
    rows = [
        _row("PUT", "/values/A1?valueInputOption=RAW", {"values": [["a", 1]]}, 200, {"spreadsheetId": ID, **written}),
        _row("GET", "/values/Sheet1!A1:C5", None, 200, read),
        _row("POST", "/values/Sheet1:append?valueInputOption=RAW", {"values": [["b", 2]]}, 200, one),
        _row("GET", "/values/No!A1", None, 400, {"error": lost}),
    ]
    return replay_module.Conversation.of("own", rows)


def test_our_own_conversation_agrees(talk: Any, replay_module: Any, adapter: Callable[..., Any]) -> None:
    report = replay_module.replay(talk, adapter())
    assert (report.compared, report.mismatches) == (4, []), str(report)


@pytest.mark.parametrize(
    ("number", "spoil", "where"),
    [
        (0, lambda r: r._replace(status=201), "status"),
        (0, lambda r: r._replace(body={**r.body, "updatedCells": 3}), "$.updatedCells"),
        (1, lambda r: r._replace(body={**r.body, "values": [["a", 1]]}), "$.values.*.*"),
        (1, lambda r: r._replace(body={**r.body, "values": [["a", "1"], []]}), "$.values"),
        (1, lambda r: r._replace(body={**r.body, "range": "A1:C5"}), "$.range"),
        (2, lambda r: r._replace(body={k: v for k, v in r.body.items() if k != "tableRange"}), "$.tableRange"),
        (3, lambda r: r._replace(body={"error": {**r.body["error"], "status": "OTHER"}}), "$.error.status"),
    ],
)
def test_a_wrong_answer_is_noticed_where_it_is_wrong(
    talk: Any, replay_module: Any, adapter: Callable[..., Any], number: int, spoil: Callable[[Any], Any], where: str
) -> None:
    def wrong(recorded: Any, reply: Any) -> Any:
        return spoil(reply) if recorded is talk.exchanges[number] else reply

    report = replay_module.replay(talk, adapter(wrong=wrong))
    assert where in {m.where for m in report.mismatches if f"#{number} " in m.exchange}
