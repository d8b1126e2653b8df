"""What the plugin offers, and what a first read and an idle run cost against the benchmark's stand-in."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tieline import Request, Response, Window, Write
from tieline_hubspot import sandbox
from tieline_hubspot.connector import facts_of
from tieline_hubspot.settings import HubSpotSettings
from tieline_hubspot.spec import SPEC

BENCH = os.environ.get("TIELINE_BENCH", "")
RECORDS = 250


def test_the_vices_are_named_in_one_place():
    assert SPEC.vices is sandbox.VICES


def test_a_campaign_has_no_members_here():
    assert set(SPEC.kinds.values()) == {"account", "contact", "opportunity", "campaign"}


def test_credentials_go_to_hubspot_only():
    assert set(SPEC.http.hosts) == {"api.hubapi.com", ".hubapi.com"}


def test_deletions_are_told_by_a_sweep_or_by_a_full_listing():
    facts = facts_of(SPEC.streams, HubSpotSettings())
    for stream in facts.streams:
        assert stream.sweep != stream.full_listing


def test_an_overlap_of_the_users_is_in_the_facts():
    assert facts_of(("deals",), HubSpotSettings(overlap=300)).stream("deals").overlap_ms == 300_000


class Plain:
    """A client without retries, which counts."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.asked: list[str] = []

    def send(self, request: Request) -> Response:
        self.asked.append(f"{request.method} {request.path}")
        query = f"?{urlencode(request.params)}" if request.params else ""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        with contextlib.closing(line):
            line.request(request.method, request.path + query, request.payload() or None, {"authorization": "Bearer x"})
            answer = line.getresponse()
            return Response(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())


@pytest.fixture(scope="module")
def standin() -> Iterator[int]:
    script = Path(BENCH) / "standin.py"
    if not BENCH or not script.exists():
        pytest.skip("TIELINE_BENCH does not name the folder of the benchmark's stand-in")
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, str(script), "--port", str(port), "--records", str(RECORDS)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=BENCH)
    try:
        for _ in range(100):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
                break
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def everything(hub: Any, stream: str) -> list[Any]:
    found, token = [], None
    while True:
        page = hub.list(stream, token)
        found += page.remotes
        token = page.token
        if token is None:
            return found


def test_a_first_read_costs_a_request_a_page_and_one_for_the_schema(hubspot, standin):
    client = Plain(standin)
    hub = hubspot(http=client)
    hub.schema("contacts")
    remotes = everything(hub, "contacts")
    assert len(remotes) == RECORDS
    assert len(client.asked) == 1 + -(-RECORDS // 100)
    assert remotes[6].fields["email"] == "user7@example.com"
    assert not any(r.problems for r in remotes)


def test_an_idle_run_costs_one_request_a_stream(hubspot, standin):
    client = Plain(standin)
    hub = hubspot(http=client)
    for stream in hub.streams:
        page = hub.changes(stream, Window(1_900_000_000_000), None)
        assert (list(page.remotes), page.token) == ([], None)
    assert len(client.asked) == len(hub.streams)


def test_a_batch_of_updates_costs_one_read_and_one_write(hubspot, standin):
    client = Plain(standin)
    hub = hubspot(http=client)
    ids = [str(n) for n in range(1, 101)]
    assert len(hub.read("contacts", ids, frozenset({"title"}))) == 100
    outcomes = hub.write("contacts", [Write("update", f"h{i}", {"title": f"T{i}"}, i) for i in ids])
    assert {o.status for o in outcomes} == {"ok"}
    assert [o.remote.fields for o in outcomes] == [{"title": f"T{i}"} for i in ids]
    assert len(client.asked) == 2


def test_every_change_is_found_once_or_more_and_in_order(hubspot, standin):
    client = Plain(standin)
    hub = hubspot(http=client)
    found, token = [], None
    while True:
        page = hub.changes("contacts", Window(0), token)
        found += page.remotes
        token = page.token
        if token is None:
            break
    assert {r.id for r in found} == {str(n) for n in range(1, RECORDS + 1)}
    assert [r.modified for r in found] == sorted(r.modified for r in found)
    assert json.dumps(found[0].fields) == "{}"
