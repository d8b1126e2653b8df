"""Serves a stand-in: in process as a transport, or on a loopback port with threads. Counts every request.

The stand-in itself never sees a socket: it is `handle(Request) -> Response`.
"""

from __future__ import annotations

import ssl
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pydantic_core import to_json

from tieline.errors import Unavailable
from tieline.ports import Request, Response
from tieline.sandbox.parts import LOST
from tieline.standin import Sandbox

MAX_BODY = 64 << 20
_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_READ_SUFFIXES = ("/search", "/read", "/token", "/tokens", "/revoke")
"""How a path ends that is read or signed in by POST."""


class Stats:
    """What a stand-in was asked: requests, writes (calls that may change something), and requests by route."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.requests = 0
        self.writes = 0
        self.by_route: Counter[str] = Counter()

    def count(self, request: Request) -> None:
        """Note one request; digits and long ids in the path are folded so that routes stay few."""
        parts = ["{id}" if _is_id(p) else p for p in request.path.split("/")]
        method = request.headers.get("x-http-method-override", request.method)
        write = method in _WRITES and not request.path.endswith(_READ_SUFFIXES)
        with self._lock:
            self.requests += 1
            self.writes += write
            self.by_route[f"{method} {'/'.join(parts)}"] += 1

    def as_json(self) -> dict[str, Any]:
        """The counters, as `GET /_sandbox/stats` answers them."""
        with self._lock:
            return {"requests": self.requests, "writes": self.writes, "by_route": dict(self.by_route)}


def _is_id(part: str) -> bool:
    digits = sum(c.isdigit() for c in part)
    return len(part) > 1 and (part.isdigit() or digits >= 5 or "@" in part or "%40" in part)


class InProcess:
    """A transport that hands each request straight to a stand-in."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.stats = Stats()

    def send(self, request: Request) -> Response:
        """Answer a request whose path is an absolute URL. Raises Unavailable for an answer that is lost."""
        url = urlsplit(request.path)
        inner = _plain(request, url.path, url.query)
        self.stats.count(inner)
        response = self.sandbox.handle(inner)
        if response.status == LOST:
            raise Unavailable("the connection was closed before an answer came", sent=True)
        return response

    def close(self) -> None:
        """Nothing is open."""


def _plain(request: Request, path: str, query: str) -> Request:
    params: dict[str, Any] = {k: v if len(v) > 1 else v[0] for k, v in parse_qs(query, True).items()}
    params.update(request.params)
    headers = {k.lower(): v for k, v in request.headers.items()}
    body = request.payload()
    if request.form is not None:
        from urllib.parse import urlencode

        body = urlencode(request.form).encode()
        headers.setdefault("content-type", "application/x-www-form-urlencoded")
    return Request(request.method, path, params, headers, body=body)


class Server:
    """A stand-in on a loopback port of its own, until `close`."""

    def __init__(self, sandbox: Sandbox, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self.sandbox = sandbox
        self.stats = Stats()
        self._http = _Listener(("127.0.0.1", port), _handler(sandbox, self.stats))
        if tls is not None:
            self._http.socket = tls.wrap_socket(self._http.socket, server_side=True)
        self.port: int = self._http.server_address[1]
        self.base_url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening and wait for the thread."""
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def serve(sandbox: Sandbox, port: int = 0, tls: ssl.SSLContext | None = None) -> Server:
    """Serve a stand-in on 127.0.0.1; port 0 picks a free one. Raises OSError when the port is taken."""
    return Server(sandbox, port, tls)


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news; everything else is answered as a 500 by the handler."""


def _handler(sandbox: Sandbox, stats: Stats) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        timeout = 60
        wbufsize = -1

        def _answer(self) -> None:
            url = urlsplit(self.path)
            length = int(self.headers.get("content-length") or 0)
            if length > MAX_BODY:
                self._reply(Response(413, {}, b""))
                return
            body = self.rfile.read(length)
            headers = {k.lower(): v for k, v in self.headers.items()}
            params: Mapping[str, Any] = {k: v if len(v) > 1 else v[0] for k, v in parse_qs(url.query, True).items()}
            request = Request(self.command, url.path, params, headers, body=body)
            if url.path == "/_sandbox/stats":
                self._reply(_json(200, stats.as_json()))
                return
            stats.count(request)
            try:
                response = sandbox.handle(request)
            except Exception as error:  # a bug of the stand-in must be seen by whoever drives it
                response = _json(500, {"status": "error", "message": f"{type(error).__name__}: {error}"})
            self._reply(response)

        def _reply(self, response: Response) -> None:
            if response.status == LOST:
                self.close_connection = True
                return
            self.send_response_only(response.status)
            if "date" not in response.headers:  # a stand-in on a clock of its own says what time it is there
                self.send_header("date", self.date_time_string())
            for name, value in response.headers.items():
                if name.lower() != "content-length":
                    self.send_header(name, value)
            if response.status not in (204, 304):
                self.send_header("content-length", str(len(response.body)))
            self.end_headers()
            if self.command != "HEAD" and response.status not in (204, 304):
                self.wfile.write(response.body)

        def log_message(self, format: str, *args: Any) -> None:
            """Requests are counted, not printed."""

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

    return Handler


def _json(status: int, value: Any) -> Response:
    return Response(status, {"content-type": "application/json"}, to_json(value))


Handle = Callable[[Request], Response]
