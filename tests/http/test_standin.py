"""The whole client against the benchmark's stand-in, which allows so many requests a second and answers 429 beyond."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tieline.connector import HttpProfile
from tieline.http import Client, HttpTransport
from tieline.ports import Request, SystemClock

RATE, REQUESTS, THREADS = 100, 200, 8


@pytest.fixture
def standin():
    home = os.environ.get("TIELINE_BENCH")
    if not home:
        pytest.skip("TIELINE_BENCH is unset: the stand-in is not here")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [
        sys.executable,
        str(Path(home) / "standin.py"),
        "--port",
        str(port),
        "--records",
        "200",
        "--rate",
        str(RATE),
    ]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    assert "ready" in server.stdout.readline()
    yield f"http://127.0.0.1:{port}"
    server.terminate()
    server.wait(10)
    server.stdout.close()


def test_a_limited_server_is_used_at_its_rate_by_eight_threads(standin, tokens):
    clock = SystemClock()
    client = Client(standin, HttpProfile(), tokens(), HttpTransport(), clock, system="crm")
    client.send(Request("GET", "/crm/v3/owners"))  # what the first call imports is not the server's time

    def work() -> None:
        for _ in range(REQUESTS // THREADS):
            assert client.send(Request("GET", "/crm/v3/objects/contacts", {"limit": 1})).status == 200

    workers = [threading.Thread(target=work) for _ in range(THREADS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    refused = client.calls - 1 - REQUESTS
    client.close()
    assert refused > 0, "the server never said no: this shows nothing"
    assert refused < REQUESTS / 10, "the rate was not learnt"
