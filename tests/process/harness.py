"""Real processes for tests: `tieline sandbox` serving, `tieline` commands against it, and a gate between the two.

A gate is a loopback proxy that counts calls, kills, or spoils an answer at a chosen one. What is true is asked from the
outside, through the vendors' own SDKs, straight from the stand-in and past the gate.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus, urlsplit

from tests.process.settings import CONFIG, VENDORS, token_auth

WAIT = 60.0
"""Seconds until a process that should have answered is given up."""
_READS = ("/search", "/batch/read", "/token", "/unsubscribe-all/read", ":batchGet", "ByDataFilter")


def command(*arguments: str) -> list[str]:
    """The command line of a `tieline` command in this environment."""
    return [sys.executable, "-m", "tieline", *arguments]


# -- stand-ins


class Sandboxes:
    """A `tieline sandbox` process, over TLS so that every SDK speaks to it as it is."""

    def __init__(
        self,
        folder: Path,
        *vices: str,
        seed: str = "empty",
        vendors: Mapping[str, str] = VENDORS,
        program: Callable[..., list[str]] = command,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        ready = folder / "ready.json"
        options = ("--seed", seed, "--tls", "ca", "--ready-file", str(ready), *(f"--vice={vice}" for vice in vices))
        line = program("sandbox", *vendors.values(), *options)
        self._log = (folder / "sandbox.log").open("wb")
        self.process = subprocess.Popen(line, cwd=folder, stdout=self._log, stderr=self._log, env=environ())
        deadline = time.monotonic() + WAIT
        while not ready.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise AssertionError((folder / "sandbox.log").read_text())
            time.sleep(0.02)
        self.ready = json.loads(ready.read_text())
        self.ca = folder / "ca" / "ca.pem"
        self.context = ssl.create_default_context(cafile=str(self.ca))
        self.url = {system: str(self.ready[vendor]["base_url"]) for system, vendor in vendors.items()}
        self.token = {system: str(self.ready[vendor]["auth"]["token"]) for system, vendor in vendors.items()}

    def ask(self, system: str, path: str, body: Any = None, method: str | None = None) -> Any:
        """One call to a stand-in, without an SDK."""
        request = urllib.request.Request(
            self.url[system] + path,
            None if body is None else json.dumps(body).encode(),
            {
                "authorization": f"Bearer {self.token[system]}",
                "content-type": "application/json",
                "accept": "application/json",
            },
            method=method,
        )
        with urllib.request.urlopen(request, timeout=WAIT, context=self.context) as answer:
            content = answer.read()
        return json.loads(content) if content else None

    def stats(self, system: str) -> Any:
        """What the stand-in was asked so far: requests, writes, by_route."""
        return self.ask(system, "/_sandbox/stats")

    def writes(self) -> int:
        """Calls that may have changed something, in all systems."""
        return sum(int(self.stats(system)["writes"]) for system in self.url)

    def stop(self) -> None:
        """End the process that was started here."""
        with suppress(ProcessLookupError):
            self.process.terminate()
        try:
            self.process.wait(WAIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._log.close()


# -- the gate


@dataclass
class Call:
    """One call on its way through a gate."""

    number: int
    """From 1, over all gates that share a counter."""
    write: int
    """Its number among the calls that may change something; 0 when it may not."""
    system: str
    method: str
    path: str
    body: bytes = b""
    authorization: str = ""


@dataclass
class Reply:
    """An answer on its way back; status 0 closes the connection instead."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


LOST = Reply(0)
Before = Callable[[Call], Reply | None]
After = Callable[[Call, Reply], Reply]


def html(status: int = 200) -> Reply:
    """What a proxy or a maintenance page answers where JSON was asked for."""
    page = b"<!DOCTYPE html><html><title>Sorry</title><body>Please sign in to the network</body></html>"
    return Reply(status, {"content-type": "text/html"}, page)


def as_json(value: Any, status: int = 200) -> Reply:
    """An answer of this JSON."""
    return Reply(status, {"content-type": "application/json"}, json.dumps(value).encode())


class Gate:
    """Carries calls of one system to its stand-in. `before` may answer instead, `after` may spoil the answer."""

    def __init__(self, sandboxes: Sandboxes, system: str, counter: Counter | None = None) -> None:
        self.system = system
        self.counter = counter or Counter()
        self.before: Before = lambda call: None
        self.after: After = lambda call, reply: reply
        self.words: dict[str, str] = {}
        """What the client says → what the stand-in is told instead, in headers and bodies; and back in answers."""
        self._target = urlsplit(sandboxes.url[system])
        self._context = sandboxes.context
        self._http = _Listener(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def connect(self) -> HTTPConnection:
        """A connection to the stand-in."""
        host, port = str(self._target.hostname), self._target.port
        return HTTPSConnection(host, port, timeout=WAIT, context=self._context)

    def close(self) -> None:
        """Stop listening."""
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


class Counter:
    """Numbers calls; several gates may share one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.calls = 0
        self.writes = 0

    def next(self, writes: bool) -> tuple[int, int]:
        """The number of this call among all, and among the writes (0 when it is none)."""
        with self._lock:
            self.calls += 1
            self.writes += writes
            return self.calls, self.writes if writes else 0


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is what these tests are about."""


def _handler(gate: Gate) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1
        timeout = WAIT
        _up: HTTPConnection | None = None

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            path = self.path.partition("?")[0]
            meant = self.headers.get("x-http-method-override") or self.command
            writes = meant != "GET" and not path.endswith(_READS)
            said = self.headers.get("authorization") or ""
            call = Call(*gate.counter.next(writes), gate.system, self.command, self.path, body, said)
            reply = gate.before(call)
            if reply is None:
                reply = gate.after(call, self._forwarded(body))
            if reply.status == 0:
                self.close_connection = True
                return
            self.send_response_only(reply.status)
            for name, value in reply.headers.items():
                if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                    self.send_header(name, value)
            if reply.status not in (204, 304):
                self.send_header("content-length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        def _forwarded(self, body: bytes) -> Reply:
            headers = {k.lower(): v for k, v in self.headers.items() if k.lower() not in ("host", "connection")}
            form = headers.get("content-type", "").endswith("urlencoded")
            for word, real in gate.words.items():
                headers = {k: v.replace(word, real) for k, v in headers.items()}
                body = body.replace(word.encode(), (quote_plus(real) if form else real).encode())
            if "content-length" in headers:
                headers["content-length"] = str(len(body))
            if self._up is None:
                self._up = gate.connect()
            try:
                self._up.request(self.command, self.path, body or None, headers)
                answer = self._up.getresponse()
                content = answer.read()
                for word, real in gate.words.items():
                    content = content.replace(real.encode(), word.encode())
                return Reply(answer.status, dict(answer.getheaders()), content)
            except (OSError, HTTPException):  # the stand-in closed the connection: the answer is lost
                self._up.close()
                self._up = None
                return LOST

        def finish(self) -> None:
            if self._up is not None:
                self._up.close()
            with suppress(OSError):
                super().finish()

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing is printed."""

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

    return Handler


# -- the command line


def environ(**more: str) -> dict[str, str]:
    """The environment of this process without what would lead Tieline elsewhere."""
    return {k: v for k, v in os.environ.items() if not k.startswith("TIELINE_")} | more


@dataclass
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its one JSON value."""
        return json.loads(self.out)


class Desk:
    """A folder with a configuration and a home, and commands run in it."""

    def __init__(
        self,
        folder: Path,
        urls: Mapping[str, str],
        tokens: Mapping[str, str],
        config: str = CONFIG,
        program: Callable[..., list[str]] = command,
        **more: str,
    ) -> None:
        self.folder, self.program = folder, program
        folder.mkdir(parents=True, exist_ok=True)
        self.home = folder / ".tieline"
        key = base64.urlsafe_b64encode(bytes(32)).decode()  # for what a refresh grants
        self.env = {f"{name.upper()}_TOKEN": token for name, token in tokens.items()} | {"TIELINE_KEY": key}
        auth = {f"{name}_auth": token_auth(f"{name.upper()}_TOKEN") for name in tokens}
        parts = {f"{name}_more": "" for name in tokens} | {"more": ""} | auth | more
        self.config = folder / "tieline.toml"
        self.config.write_text(config.format(**urls, **parts), encoding="utf-8")

    def start(self, *arguments: str, **more: Any) -> subprocess.Popen[str]:
        """A command under way."""
        env = environ(**self.env) | more.pop("env", {})
        return subprocess.Popen(
            self.program(*arguments), cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, env=env, **more,
        )  # fmt: skip

    def run(self, *arguments: str, **more: Any) -> Done:
        """A command, to its end."""
        return finished(self.start(*arguments, **more))

    def sync(self, *arguments: str) -> Any:
        """`sync --yes --json`: its JSON, with the exit code as `code` and stderr as `err`."""
        done = self.run("sync", "--yes", "--json", *arguments)
        assert done.out, done.err
        assert "writes" in done.json, f"no summary: {done.out}\n{done.err}\n{self._log()}"
        return {**done.json, "code": done.code, "err": done.err}

    def _log(self) -> str:
        """The end of the log, for what a summary does not say."""
        log = self.home / "tieline.log"
        return log.read_text("utf-8")[-4000:] if log.exists() else "no log"

    def until_quiet(self, most: int = 8, sent: Callable[[], int] = lambda: 0) -> list[Any]:
        """Sync until a run writes nothing and has not failed; all runs. Fails when that takes more than `most`.

        `sent` counts the write requests so far, from outside; each run has its own number of them as `sent`.
        """
        runs: list[Any] = []
        while len(runs) < most:
            before = sent()
            runs.append(self.sync())
            runs[-1]["sent"] = sent() - before
            assert runs[-1]["code"] in (0, 1, 3), runs[-1]
            if runs[-1]["writes"] == 0 and runs[-1]["code"] in (0, 3):
                return runs
        raise AssertionError(f"not quiet after {most} runs: {[(r['code'], r['writes'], r['notes']) for r in runs]}")


def finished(process: subprocess.Popen[str], timeout: float = 4 * WAIT) -> Done:
    """Wait for a command that was started here."""
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"still running after {timeout:g} s\n{out}\n{err}") from None
    return Done(process.returncode, out, err)


def kill(process: subprocess.Popen[str]) -> None:
    """`kill -9`, of a process that was started here."""
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGKILL)


def put_away(process: subprocess.Popen[str]) -> None:
    """Leave nothing of a command behind, however its test ended."""
    kill(process)
    with process:
        pass
