"""A conversation with the stand-in over a real socket, recorded once and replayed through the core's HTTP client.

With `TIELINE_TEST_MODE=record` in the environment the cassette is written anew. A cassette keeps an allow-list of
headers, the addresses below a fictitious My Domain, and bodies without credentials.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import vcr

from tieline import Context, Request, Window, Write, compile_rules
from tieline.http import Client, HttpTransport
from tieline.sandbox import SandboxOptions, serve
from tieline.testing import FakeClock
from tieline_salesforce.spec import SPEC

CASSETTE = Path(__file__).parent / "cassettes" / "conversation.yaml"
MY_DOMAIN = "https://example.my.salesforce.com"
CLOSED = "http://127.0.0.1:9"
SAFE_HEADERS = frozenset({"accept", "content-type", "date", "sforce-limit-info", "sforce-query-options"})
SECRETS = re.compile(rb"(access_token|refresh_token|client_secret|client_id|assertion|signature)(=|\":\s*\")[^&\"]+")


def _clean(body: bytes | str | None) -> bytes | None:
    if body is None:
        return None
    raw = body.encode() if isinstance(body, str) else body
    return re.sub(rb"http://127\.0\.0\.1:\d+", MY_DOMAIN.encode(), SECRETS.sub(rb"\1\2scrubbed", raw))


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
    """Sign in; make an account, people and a deal; edit, meet a refusal; list, ask for changes; archive."""
    clock, transport = FakeClock(), HttpTransport(timeout=10)
    try:
        credential = Granted(base_url, transport, client_id, client_secret)
        client = Client(base_url, SPEC.http, credential, transport, clock)
        mappers = {s: compile_rules(SPEC.kinds[s], SPEC.mapping[s]) for s in SPEC.streams}
        crm = SPEC.connect(Context("crm", SPEC.settings(currency="USD"), mappers, client, clock, Path()))
        schema = crm.schema("contacts")
        (account,) = crm.write("accounts", [Write("create", "h1", {"name": "Acme", "website": "acme.example"})])
        people = [{"last_name": n, "account": account.remote.id} for n in ("O'Hara", "Łukasz")]
        made = crm.write("contacts", [Write("create", f"h{n}", p) for n, p in enumerate([*people, {}], 2)])
        ids = [o.remote_id for o in made[:2]]
        cells = [{"id": ids[0], "role": "Influencer", "primary": True}]
        deal = {"name": "Deal", "stage": "Prospecting", "close_date": "2026-03-31", "contacts": cells}
        (sold,) = crm.write("opportunities", [Write("create", "h5", {**deal, "owner": "mei@northbay.example"})])
        crm.write("contacts", [Write("update", "h2", {"consent_email": "opted_out"}, ids[0])])
        again = crm.write("contacts", [Write("create", "h3", people[1])])
        crm.write("contacts", [Write("archive", "h3", {}, ids[1])])
        changes = crm.changes("contacts", Window(0), None).remotes
        return {
            "stamps": schema.stamps,
            "domain": account.remote.fields["domain"],
            "made": [(o.status, [p.field for p in o.problems]) for o in made],
            "deal": (sold.status, sold.remote.fields["contacts"] == cells, sold.remote.fields["owner"]),
            "again": [(o.status, o.remote_id == ids[1]) for o in again],
            "left": [r.fields["last_name"] for r in crm.list("contacts", None).remotes],
            "changes": sorted((r.hub_id, r.gone, r.fields.get("consent_email")) for r in changes),
        }
    finally:
        transport.close()


EXPECTED = {
    "stamps": True,
    "domain": "acme.example",
    "made": [("ok", []), ("ok", []), ("rejected", ["last_name"])],
    "deal": ("ok", True, "mei@northbay.example"),
    "again": [("exists", True)],
    "left": ["O'Hara"],
    "changes": [("h2", False, "opted_out"), ("h3", True, None)],
}


def record(path: Path, *, clean: bool = True) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Hold the conversation with a fresh stand-in on a loopback port; what came of it, and the secrets used."""
    sandbox = SPEC.sandbox(SandboxOptions(clock=FakeClock()))
    with serve(sandbox) as server, cassette(path, "all", clean=clean):
        found = converse(server.base_url, sandbox.client_id, sandbox.client_secret)
    return found, (sandbox.client_secret, sandbox.client_id, sandbox.token[:-1])


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
    for path in (fresh, CASSETTE):
        text = path.read_text()
        assert not [secret for secret in secrets if secret in text]
        assert "authorization" not in text.lower()
        assert "bearer ey" not in text.lower()
        assert "127.0.0.1" not in text
        assert text.count("scrubbed") >= 3


def test_the_cassette_is_worth_replaying():
    with cassette(CASSETTE, "none") as tape:
        calls = [q for q, _ in tape.data]
        composites = [json.loads(q.body) for q in calls if q.uri.endswith("/composite")]
    assert len(composites) >= 4
    assert all(c["collateSubrequests"] is False for c in composites)
