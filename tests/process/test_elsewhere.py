"""An answer that leads elsewhere: the credential goes to the configured host alone, whatever a server says."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.process import company
from tests.process.harness import Call, Reply

Scene = Callable[..., Any]


class Thief:
    """Another server on this machine; it keeps whatever it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        thief = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                thief.told.append(f"{self.command} {self.path}\n{self.headers}")
                self.send_response_only(200)
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing is printed."""

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


@pytest.fixture
def thief() -> Iterator[Thief]:
    here = Thief()
    yield here
    here.close()


@pytest.mark.parametrize("status", [302, 307])
@pytest.mark.parametrize("system", ["crm", "marketing"])
def test_a_redirect_to_another_host_is_told_and_nothing_goes_there(
    scene: Scene, thief: Thief, system: str, status: int
) -> None:
    here = scene()
    here.gates[system].before = lambda call: Reply(status, {"location": f"{thief.url}{call.path}"})
    run = here.desk.sync()
    assert (run["code"], run["outcome"], run["writes"]) == (1, "failed", 0), run
    assert any(n.startswith(f"{system}: ") and "redirected" in n and thief.url in n for n in run["notes"]), run["notes"]
    assert thief.told == []


def test_a_link_to_a_next_page_on_another_host_is_told_and_nothing_goes_there(scene: Scene, thief: Thief) -> None:
    here = scene()
    company.fill_crm(here.sandboxes)
    led: list[str] = []

    def lead(call: Call, reply: Reply) -> Reply:
        page = json.loads(reply.body) if "/query" in call.path and reply.status == 200 else None
        if not isinstance(page, dict) or "User" not in call.path:
            return reply
        led.append(call.path)
        page |= {"done": False, "nextRecordsUrl": f"{thief.url}/services/data/v62.0/query/01g-2000"}
        return Reply(200, reply.headers, json.dumps(page).encode())

    here.gates["crm"].after = lead
    here.desk.config.write_text(here.desk.config.read_text().replace('[sync.contact]\nowner = "none"', ""))
    check = here.desk.run("check", "--json")
    assert led, "no query for the users was asked: this shows nothing"
    assert check.code == 2, check.out
    said = [f for f in check.json["findings"] if f["system"] == "crm" and f["level"] == "error"]
    assert any(thief.url in f["message"] for f in said), said
    assert thief.told == []


def test_a_link_beside_a_cursor_is_never_followed(scene: Scene, thief: Thief) -> None:
    """HubSpot names a link next to the cursor of each page: the cursor alone is used."""
    here = scene()
    for start in (0, 100):
        rows = [{"email": f"p{n}@firm1.example"} for n in range(start, start + 100)]
        company.marketing_create(here.sandboxes, "contacts", "email", rows)
    led: list[str] = []

    def lead(call: Call, reply: Reply) -> Reply:
        page = json.loads(reply.body) if reply.body and reply.status == 200 else None
        if not isinstance(page, dict) or "next" not in page.get("paging", {}):
            return reply
        led.append(call.path)
        page["paging"]["next"]["link"] = f"{thief.url}/next"
        return Reply(200, reply.headers, json.dumps(page).encode())

    here.gates["marketing"].after = lead
    run = here.desk.sync("--without", "crm")
    assert run["code"] == 0, run
    assert led, "nothing was paged: this shows nothing"
    assert thief.told == []
