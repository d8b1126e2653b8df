"""`tieline sandbox` as its users drive it: a ready file, loopback ports, a clean stop."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

Tieline = Callable[..., Result]
WAIT = 30.0

PROGRAM = """\
import sys
sys.path.insert(0, {tests!r})
from conftest import Memory, World
from tieline.cli.app import app
from tieline.cli.session import Session
from tieline.plugins import Registry
app.main(sys.argv[1:], obj=Session(registry=Registry(extra=[Memory(World())])))
"""


class Served:
    """A `tieline` process that serves, and its ready file."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.ready_file = folder / "ready.json"
        program = PROGRAM.format(tests=str(Path(__file__).parent))
        self.process = subprocess.Popen(
            [sys.executable, "-c", program, "sandbox", *arguments, "--ready-file", str(self.ready_file)],
            cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ},
        )  # fmt: skip
        deadline = time.monotonic() + WAIT
        while not self.ready_file.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                raise AssertionError(self.process.communicate())
            time.sleep(0.02)
        self.ready = json.loads(self.ready_file.read_text())

    def get(self, vendor: str, path: str, context: ssl.SSLContext | None = None) -> Any:
        with urllib.request.urlopen(self.ready[vendor]["base_url"] + path, timeout=WAIT, context=context) as answer:
            return json.load(answer)

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str, str]:
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=WAIT)
        return self.process.returncode, out, err


@pytest.fixture
def serve(here: Path) -> Iterator[Callable[..., Served]]:
    running: list[Served] = []

    def start(*arguments: str) -> Served:
        running.append(Served(here, *arguments))
        return running[-1]

    yield start
    for served in running:
        if served.process.poll() is None:
            served.stop(signal.SIGKILL)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_a_signal_and_ends_with_0(serve: Callable[..., Served], number: int) -> None:
    served = serve("stub", "--seed", "demo", "--vice", "search-lag", "--json")
    base_url = served.ready["stub"]["base_url"]
    assert served.ready == {
        "stub": {
            "base_url": base_url,
            "auth": {"type": "token", "token": "stub-token"},
            "client_id": "id",
            "client_secret": "secret",
            "token_url": f"{base_url}/token",
        }
    }
    assert base_url.startswith("http://127.0.0.1:")
    assert served.get("stub", "/things/1") == {"seed": "demo", "vices": ["search-lag"], "count": 1}
    assert served.get("stub", "/_sandbox/stats")["requests"] == 1
    code, out, err = served.stop(number)
    assert code == 0, err
    assert json.loads(out) == served.ready
    assert not served.ready_file.exists()


def test_the_ready_file_is_its_owners_alone(serve: Callable[..., Served]) -> None:
    served = serve("stub")
    assert served.ready_file.stat().st_mode & 0o777 == 0o600
    served.stop()


def test_tls_is_served_with_a_ca_that_clients_can_trust(serve: Callable[..., Served], here: Path) -> None:
    served = serve("stub", "--tls", "ca")
    assert served.ready["stub"]["base_url"].startswith("https://127.0.0.1:")
    context = ssl.create_default_context(cafile=str(here / "ca/ca.pem"))
    assert served.get("stub", "/x", context)["count"] == 1
    assert served.stop()[0] == 0


def test_a_demos_state_is_served_again_on_its_port_and_saved_on_stop(serve: Callable[..., Served], here: Path) -> None:
    first = serve("stub")
    base_url = first.ready["stub"]["base_url"]
    first.stop()
    home = here / "demo"
    (home / "sandboxes").mkdir(parents=True, mode=0o700)
    home.chmod(0o700)
    (home / "tieline.toml").write_text(
        f'[systems.a]\nconnector = "stub"\nbase_url = "{base_url}"\nauth = {{ type = "none" }}\n'
    )
    (home / "sandboxes/stub.json").write_text('{"count": 41}')
    served = serve("--home", str(home))
    assert served.ready["stub"]["base_url"] == base_url
    assert served.get("stub", "/x")["count"] == 42
    assert served.stop()[0] == 0
    assert json.loads((home / "sandboxes/stub.json").read_text()) == {"count": 42}


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["stub", "--vice", "search-lagg"], "There is no vice 'search-lagg'; did you mean 'search-lag'?"),
        (["stub", "--vice", "zzz"], "There is no vice 'zzz'; there are: rate-limit, search-lag"),
        (["memory"], "the connector 'memory' has no stand-in"),
        (["stubb"], "no installed plugin offers the connector 'stubb'; did you mean 'stub'?"),
        ([], "Name at least one VENDOR, or a demo's home with --home."),
        (["--home", "nowhere"], "there is no home at"),
        (["stub", "--port", "99999"], "99999 is not in the range"),
    ],
)
def test_what_cannot_be_served_is_told(tieline: Tieline, arguments: list[str], text: str) -> None:
    found = tieline("sandbox", *arguments)
    assert found.exit_code == 2
    assert text in found.stderr


def test_a_port_that_is_taken_is_told(tieline: Tieline, serve: Callable[..., Served]) -> None:
    served = serve("stub")
    port = served.ready["stub"]["base_url"].rpartition(":")[2]
    found = tieline("sandbox", "stub", "--port", port)
    assert found.exit_code == 2
    assert f"port {port} for stub cannot be used" in found.stderr
    served.stop()


def test_a_damaged_state_is_told(tieline: Tieline, here: Path) -> None:
    home = here / "demo"
    (home / "sandboxes").mkdir(parents=True, mode=0o700)
    home.chmod(0o700)
    (home / "sandboxes/stub.json").write_text("{")
    (home / "tieline.toml").write_text('[systems.a]\nconnector = "memory"\n')
    found = tieline("sandbox", "--home", str(home))
    assert found.exit_code == 2
    assert "stub.json is damaged" in found.stderr
