"""A conversation with the stand-in over a real socket, recorded once and replayed through the core's HTTP client.

With `TIELINE_TEST_MODE=record` in the environment the cassette is written anew. A cassette keeps an allow-list of
headers, the addresses below a fictitious subdomain, and bodies without credentials.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import vcr

from tieline import Action, Context, Request, Window, Write, compile_rules
from tieline.http import Client, HttpTransport
from tieline.sandbox import SandboxOptions, serve
from tieline.testing import FakeClock
from tieline_zendesk.spec import SPEC

CASSETTE = Path(__file__).parent / "cassettes" / "conversation.yaml"
MY_DOMAIN = "https://example.zendesk.com"
CLOSED = "http://127.0.0.1:9"
SAFE_HEADERS = frozenset({"accept", "content-type", "date", "idempotency-key", "x-idempotency-lookup", "x-rate-limit"})
# what an agent's mails end with, no credential: but nothing of that name stays in a cassette as it is
SIGNATURE = re.compile(rb'"signature":null')
SECRETS = re.compile(rb"(access_token|refresh_token|client_secret|client_id|assertion|signature)(=|\":\s*\")[^&\"]+")


def hub(n: int) -> str:
    """A hub id."""
    return f"018bcfe5-6800-7000-8000-00000000000{n}"


def _clean(body: bytes | str | None) -> bytes | None:
    if body is None:
        return None
    raw = body.encode() if isinstance(body, str) else body
    raw = SIGNATURE.sub(b'"signature":"scrubbed"', SECRETS.sub(rb"\1\2scrubbed", raw))
    return re.sub(rb"http://127\.0\.0\.1:\d+", MY_DOMAIN.encode(), raw)


def _allowed(headers: Any) -> dict[str, Any]:
    return {name: value for name, value in dict(headers).items() if name.lower() in SAFE_HEADERS}


def clean_request(request: Any) -> Any:
    request.uri = re.sub(r"^https?://[^/]+", MY_DOMAIN, request.uri)
    request.headers = _allowed(request.headers)
    request.body = _clean(request.body)
    return request


def clean_response(response: Any) -> Any:
    body = {**response["body"], "string": _clean(response["body"]["string"])}
    return {**response, "headers": _allowed(response["headers"]), "body": body}


@contextmanager
def cassette(path: Path, mode: str, *, clean: bool = True) -> Iterator[Any]:
    hooks = {"before_record_request": clean_request, "before_record_response": clean_response} if clean else {}
    recorder = vcr.VCR(record_mode=mode, match_on=("method", "path", "query", "body"), **hooks)
    with recorder.use_cassette(str(path)) as tape:
        yield tape


class Granted:
    """A credential got from the token endpoint with the client's id and secret."""

    def __init__(self, base_url: str, transport: HttpTransport, client_id: str, client_secret: str) -> None:
        form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
        path = base_url + (SPEC.http.token_path if SPEC.http else "")
        self.granted = transport.send(Request("POST", path, form=form)).json()

    def authorise(self, request: Request) -> None:
        request.headers = {**request.headers, "authorization": f"Bearer {self.granted['access_token']}"}

    def refresh(self, request: Request) -> bool:
        return False


def converse(base_url: str, client_id: str = "someone", client_secret: str = "other") -> dict[str, Any]:
    """Sign in; make an organization and people, one of them wrong; edit, re-address, archive, list; open a ticket."""
    clock, transport = FakeClock(), HttpTransport(timeout=10)
    try:
        credential = Granted(base_url, transport, client_id, client_secret)
        client = Client(base_url, SPEC.http, credential, transport, clock)
        mappers = {s: compile_rules(SPEC.kinds[s], SPEC.mapping[s]) for s in SPEC.streams}
        desk = SPEC.connect(Context("support", SPEC.settings(), mappers, client, clock, Path()))
        (home,) = desk.write("organizations", [Write("create", hub(1), {"name": "Acme", "domain": "acme.example"})])
        names = {"first_name": "Zoë", "last_name": "O'Hara", "account": home.remote.id}
        people = [{**names, "email": "zoe@acme.example"}, {"last_name": "Łukasz"}, {"last_name": "X", "email": "no"}]
        made = desk.write("users", [Write("create", hub(n), p) for n, p in enumerate(people, 2)])
        ids = [o.remote_id for o in made[:2]]
        (moved,) = desk.write("users", [Write("update", hub(2), {"email": "z@acme.example", "phone": "1"}, ids[0])])
        again = desk.write("users", [Write("create", hub(9), {"email": "z@acme.example", "last_name": "Twin"})])
        desk.write("users", [Write("archive", hub(3), {}, ids[1])])
        key = "welcome-1"
        ticket = desk.act(Action("ticket", key, {"subject": "Hello", "comment": "Welcome", "requester": ids[0]}))
        return {
            "home": (home.status, home.remote.fields["domain"]),
            "made": [(o.status, [p.field for p in o.problems]) for o in made],
            "moved": (moved.status, moved.remote.fields["email"], moved.remote.fields["phone"]),
            "again": [(o.status, o.remote_id == ids[0]) for o in again],
            "left": [r.fields["last_name"] for r in desk.list("users", None).remotes],
            "gone": [(r.hub_id, r.gone) for r in desk.read("users", ids, None)],
            "news": len(desk.changes("users", Window(0), None).remotes),
            "ticket": (ticket.status, ticket.state, desk.acted("ticket", [key])[key].id == ticket.id),
        }
    finally:
        transport.close()


EXPECTED = {
    "home": ("ok", "acme.example"),
    "made": [("ok", []), ("ok", []), ("rejected", ["email"])],
    "moved": ("ok", "z@acme.example", "1"),
    "again": [("exists", True)],
    "left": ["O'Hara"],
    "gone": [(hub(2), False), (hub(3), True)],
    "news": 0,  # all of it is younger than the minute that exports leave out
    "ticket": ("ok", "new", True),
}


def record(path: Path, *, clean: bool = True) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Hold the conversation with a fresh stand-in on a loopback port; what came of it, and the secrets used."""
    sandbox = SPEC.sandbox(SandboxOptions(clock=FakeClock()))
    with serve(sandbox) as server, cassette(path, "all", clean=clean):
        found = converse(server.base_url, sandbox.client_id, sandbox.client_secret)
    return found, (sandbox.client_secret, f"client_id={sandbox.client_id}")


@pytest.fixture(scope="module", autouse=True)
def _recorded() -> None:
    if os.environ.get("TIELINE_TEST_MODE") == "record":
        CASSETTE.unlink(missing_ok=True)
        record(CASSETTE)


def test_the_recorded_conversation_is_replayed_without_a_server():
    with cassette(CASSETTE, "none") as tape:
        assert converse(CLOSED) == EXPECTED
        assert tape.all_played


def test_the_stand_in_still_answers_as_it_was_recorded(tmp_path):
    fresh = tmp_path / "fresh.yaml"
    assert record(fresh)[0] == EXPECTED
    assert shape(fresh) == shape(CASSETTE)


def shape(path: Path) -> list[tuple[str, str, int]]:
    """Method, address and status of each exchange."""
    with cassette(path, "none") as tape:
        return [(q.method, q.uri, a["status"]["code"]) for q, a in tape.data]


def test_the_scrubber_fires_on_headers_addresses_and_bodies_of_both_sides(tmp_path):
    """What is not scrubbed holds every secret; what is, holds none of them."""
    raw, fresh = tmp_path / "raw.yaml", tmp_path / "fresh.yaml"
    _, secrets = record(raw, clean=False)
    record(fresh)
    said = raw.read_text()
    assert all(secret in said for secret in secrets)
    assert "authorization" in said.lower()
    token = re.search(r"access_token\W+([\w.-]{10,})", said)
    assert token is not None
    assert token[1] != "scrubbed"
    for path in (fresh, CASSETTE):
        text = path.read_text()
        assert not [secret for secret in secrets if secret in text]
        assert "authorization" not in text.lower()
        assert token[1] not in text
        assert "bearer" not in text.lower().replace('"token_type":"bearer"', "")
        assert "127.0.0.1" not in text
        assert text.count("scrubbed") >= 3


def test_the_cassette_is_worth_replaying():
    with cassette(CASSETTE, "none") as tape:
        calls = [f"{q.method} {q.path}" for q, _ in tape.data]
    assert {"POST /oauth/tokens", "POST /api/v2/users/create_many", "GET /api/v2/incremental/users/cursor"} <= {*calls}
    assert sum("/job_statuses/" in call for call in calls) >= 1
    assert sum("/make_primary" in call for call in calls) == 1
