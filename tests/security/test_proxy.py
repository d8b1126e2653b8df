"""What still holds when the environment sends calls through a proxy, which looks names up itself (S22, S23)."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SEND = """\
import sys
from tieline.errors import TielineError
from tieline.http import HttpTransport
from tieline.ports import Request
try:
    HttpTransport().send(Request("GET", sys.argv[1], headers={"authorization": "Bearer s3cret-token"}))
except TielineError as error:
    print(type(error).__name__, error)
"""
CONFIG = """\
[systems.crm]
connector = "salesforce"
base_url = "https://acme.my.salesforce.com"
auth = { type = "token", token = { env = "CRM_TOKEN" } }
"""


class Proxy:
    """Notes what it is asked for, and connects nobody."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.place = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                self.heard.append(connection.recv(65536).decode("latin-1"))
                connection.sendall(b"HTTP/1.1 502 Nobody\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)

    def run(self, *line: str, **more: Any) -> subprocess.CompletedProcess[str]:
        """A Python process whose environment names this proxy, with a user and a password."""
        mine = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy") and "TIELINE" not in k}
        env = mine | {"HTTPS_PROXY": f"http://ann:canary@{self.place}", "CRM_TOKEN": "s3cret-token"}
        return subprocess.run(
            [sys.executable, *line], env=env, capture_output=True, text=True, timeout=60, check=False, **more
        )


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    made = Proxy()
    yield made
    made.close()


def test_s22_the_proxy_learns_the_hosts_name_and_never_the_credential(proxy: Proxy) -> None:
    said = proxy.run("-c", SEND, "https://api.example.com/x").stdout
    assert said.startswith("Unreachable"), said
    [asked] = proxy.heard
    assert asked.startswith("CONNECT api.example.com:443 ")
    assert "s3cret" not in asked
    assert "canary" not in said


@pytest.mark.parametrize(
    "host", ["169.254.169.254", "10.0.0.1", "[::ffff:10.0.0.1]", "[fe80::1]", "[64:ff9b::a00:1]", "0.0.0.0"]
)
def test_s22_a_proxy_is_not_asked_for_an_address_that_would_be_refused_without_it(proxy: Proxy, host: str) -> None:
    said = proxy.run("-c", SEND, f"https://{host}/latest").stdout
    assert said.startswith("ConfigError"), said
    assert "nothing is sent there" in said
    assert proxy.heard == []


def test_s23_check_says_that_calls_go_through_a_proxy(proxy: Proxy, tmp_path: Path) -> None:
    (tmp_path / "tieline.toml").write_text(CONFIG)
    done = proxy.run("-m", "tieline", "check", "--json", cwd=tmp_path)
    assert done.returncode == 2, "nobody is behind the proxy"
    notes = [f for f in json.loads(done.stdout)["findings"] if f["subject"] == "proxy"]
    assert [(n["system"], n["level"]) for n in notes] == [("crm", "note")]
    assert proxy.place in notes[0]["message"]
    assert "canary" not in done.stdout + done.stderr


def test_s23_without_a_proxy_check_says_nothing_of_one(tmp_path: Path) -> None:
    (tmp_path / "tieline.toml").write_text(CONFIG.replace("https://acme.my.salesforce.com", "http://127.0.0.1:9"))
    proxy = Proxy()
    try:
        done = proxy.run("-m", "tieline", "check", "--json", cwd=tmp_path)
    finally:
        proxy.close()
    assert proxy.heard == []
    assert [f["subject"] for f in json.loads(done.stdout)["findings"]] == ["reachable"]
