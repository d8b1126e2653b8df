"""A conversation with the stand-in over a real socket, recorded once and replayed; what is recorded holds no secret.

`TIELINE_TEST_MODE=record` writes the cassette anew.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import vcr
import yaml

from tieline import Context, Request, Window, Write, compile_rules
from tieline.http import Client, HttpTransport
from tieline.sandbox import SandboxOptions, serve
from tieline.testing import FakeClock
from tieline_hubspot.settings import HubSpotSettings
from tieline_hubspot.spec import SPEC

CASSETTE = Path(__file__).parent / "cassettes" / "conversation.yaml"
NOBODY = "http://127.0.0.1:9"
KEPT = {"accept", "content-type", "date"}
"""The headers that a cassette may hold; whatever else comes, credentials among it, is left out."""


def scrub_request(request: Any) -> Any:
    request.headers = {k: v for k, v in request.headers.items() if k.lower() in KEPT}
    request.uri = f"https://api.hubapi.com/{_tail(request.uri)}"
    return request


def _tail(uri: str) -> str:
    return uri.partition("://")[2].partition("/")[2]


def scrub_response(response: Any) -> Any:
    response["headers"] = {k: v for k, v in response["headers"].items() if k.lower() in KEPT}
    return response


@contextmanager
def tape(path: Path, mode: str, *, scrub: bool = True) -> Iterator[Any]:
    recorder = vcr.VCR(record_mode=mode, match_on=("method", "path", "query", "body"))
    if scrub:
        recorder.before_record_request = scrub_request
        recorder.before_record_response = scrub_response
    with recorder.use_cassette(str(path)) as cassette:
        yield cassette


class Bearer:
    def __init__(self, token: str) -> None:
        self.token = token

    def authorise(self, request: Request) -> None:
        request.headers = {**request.headers, "authorization": f"Bearer {self.token}"}

    def refresh(self, request: Request) -> bool:
        return False


def converse(base_url: str, token: str) -> dict[str, Any]:
    """A first sync in small: make, relate, change, opt out, list, ask for changes, archive."""
    clock = FakeClock()
    transport = HttpTransport(timeout=5)
    client = Client(base_url, SPEC.http, Bearer(token), transport, clock)
    mappers = {s: compile_rules(SPEC.kinds[s], SPEC.mapping[s]) for s in SPEC.streams}
    hub = SPEC.connect(Context("marketing", HubSpotSettings(), mappers, client, clock, Path()))
    try:
        (company,) = hub.write("companies", [Write("create", "h1", {"name": "Acme", "domain": "acme.example"})])
        people = [{"email": f"{n}@acme.example", "account": company.remote.id} for n in ("ada", "bob", "eve")]
        made = hub.write("contacts", [Write("create", f"h{n}", p) for n, p in enumerate(people, 2)])
        ids = [o.remote.id for o in made]
        changed = hub.write("contacts", [Write("update", "h2", {"title": "CTO", "consent_email": "opted_out"}, ids[0])])
        listed = hub.list("contacts", None).remotes
        hits = hub.changes("contacts", Window(0), None).remotes
        archived = hub.write("contacts", [Write("archive", "h4", {}, ids[2])])
        return {
            "company": company.remote.fields["name"],
            "statuses": [o.status for o in (*made, *changed, *archived)],
            "accounts": {r.fields["account"] == company.remote.id for r in listed},
            "title": [r.fields["title"] for r in listed],
            "consent": [r.fields["consent_email"] for r in listed],
            "hits": [r.id for r in hits] == ids,
            "left": [r.id for r in hub.list("contacts", None).remotes] == ids[:2],
            "found": [r.id for r in hub.find("contacts", ["h3"])] == [ids[1]],
        }
    finally:
        transport.close()


EXPECTED = {
    "company": "Acme",
    "statuses": ["ok"] * 5,
    "accounts": {True},
    "title": ["CTO", None, None],
    "consent": ["opted_out", "allowed", "allowed"],
    "hits": True,
    "left": True,
    "found": True,
}


def record(path: Path, *, scrub: bool = True) -> tuple[dict[str, Any], str]:
    """Record the conversation with a fresh stand-in on a loopback port; what came of it, and the token used."""
    sandbox = SPEC.sandbox(SandboxOptions(clock=FakeClock()))
    with serve(sandbox) as server, tape(path, "all", scrub=scrub):
        return converse(server.base_url, sandbox.token), sandbox.token


def lines(path: Path) -> list[tuple[str, str, int]]:
    said = yaml.safe_load(path.read_text())["interactions"]
    return [(i["request"]["method"], _tail(i["request"]["uri"]), i["response"]["status"]["code"]) for i in said]


@pytest.fixture(scope="module", autouse=True)
def _recorded() -> None:
    if os.environ.get("TIELINE_TEST_MODE") == "record":
        CASSETTE.unlink(missing_ok=True)
        record(CASSETTE)


def test_the_recorded_conversation_is_replayed_without_a_server():
    with tape(CASSETTE, "none") as cassette:
        assert converse(NOBODY, "another-token") == EXPECTED
        assert cassette.all_played


def test_the_stand_in_still_answers_as_recorded(tmp_path):
    found, _ = record(tmp_path / "again.yaml")
    assert found == EXPECTED
    assert lines(tmp_path / "again.yaml") == lines(CASSETTE)


def test_the_scrubber_fires(tmp_path):
    """The token is on the wire (an unscrubbed recording has it), and in no scrubbed one."""
    _, token = record(tmp_path / "raw.yaml", scrub=False)
    record(tmp_path / "clean.yaml")
    assert token in (tmp_path / "raw.yaml").read_text()
    for path in (tmp_path / "clean.yaml", CASSETTE):
        text = path.read_text()
        assert token not in text
        assert "authorization" not in text.lower()
        assert "bearer" not in text.lower()
        assert "127.0.0.1" not in text
