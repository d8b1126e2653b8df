"""The one that waits for a browser to come back: on 127.0.0.1, for one answer, for five minutes at most.

It hands on the address it was asked for and judges nothing in it; what the browser is shown does not depend on it.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from tieline.errors import NotAuthorised, UserError
from tieline.hosts import split

WAIT: Final = 300.0
"""Seconds until nobody is expected any more."""
PATH: Final = "/callback"
MOST: Final = 16 << 10
"""Bytes of a request's head."""
PARTS: Final = 8
"""Pieces in which a head may come."""
IDLE: Final = 5.0
"""Seconds a connection may take to say what it wants: browsers open some that say nothing."""

_PAGE: Final = (
    b"<!doctype html><meta charset=utf-8><title>Tieline</title>"
    b"<p>Tieline has taken the answer. Close this window and look at the terminal."
)
_HEAD: Final = (
    "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {length}\r\n"
    "Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\n"
    "Content-Security-Policy: default-src 'none'\r\nConnection: close\r\n\r\n"
)


class _Asked(NamedTuple):
    method: str
    target: str
    host: str


class Loopback:
    """A listening socket, from the moment it is made until the first answer or `close`."""

    def __init__(self, redirect: str | None = None) -> None:
        host, port, self._path = _place(redirect)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        try:
            self._socket.bind((host, port))
            self._socket.listen(8)
        except OSError as error:
            self._socket.close()
            reason = error.strerror
        else:
            self.port: int = self._socket.getsockname()[1]
            shown = f"[{host}]" if ":" in host else host
            self._host = f"{shown}:{self.port}"
            self.redirect = f"http://{self._host}{self._path}"
            """Where a browser is to be sent back to."""
            return
        raise UserError(f"port {port} of {host} cannot be listened on: {reason}", hint="choose another in redirect_url")

    def wait(self, monotonic: Callable[[], float], seconds: float = WAIT) -> str:
        """The address of the first answer; then nobody is listened to. Raises NotAuthorised when none comes in time.

        Requests for anything but the redirect's path, or for another host name, are refused and are no answer.
        """
        deadline = monotonic() + seconds
        try:
            while (left := deadline - monotonic()) > 0:
                self._socket.settimeout(left)
                try:
                    connection, _ = self._socket.accept()
                except TimeoutError:
                    break
                with connection:
                    asked = _read(connection, min(IDLE, left))
                    if asked is None:
                        continue
                    path = urlsplit(asked.target).path
                    if asked.method == "GET" and asked.host == self._host and path == self._path:
                        self._socket.close()  # before the page is shown: there is no second answer
                        _say(connection, "200 OK", _PAGE)
                        return f"http://{self._host}{asked.target}"
                    _say(connection, "404 Not Found", b"")
        finally:
            self.close()
        raise NotAuthorised(f"no browser came back within {seconds:.0f} s; nothing was changed", hint="--paste")

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()


def _place(redirect: str | None) -> tuple[str, int, str]:
    if redirect is None:
        return "127.0.0.1", 0, PATH
    _, host, _, rest = split(redirect)
    return host, urlsplit(redirect).port or 0, rest or "/"


def _read(connection: socket.socket, seconds: float) -> _Asked | None:
    """The head of a request; None when there is none in time."""
    connection.settimeout(seconds)
    head = b""
    try:
        for _ in range(PARTS):
            part = connection.recv(MOST)
            head += part
            if not part or len(head) > MOST or b"\r\n\r\n" in head:
                break
    except OSError:
        return None
    if b"\r\n\r\n" not in head or len(head) > MOST:
        return None
    first, *lines = head.split(b"\r\n\r\n", 1)[0].decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[1].startswith("/"):
        return None
    hosts = [value.strip() for name, _, value in (line.partition(":") for line in lines) if name.lower() == "host"]
    return _Asked(words[0], words[1], hosts[0] if len(hosts) == 1 else "")


def _say(connection: socket.socket, status: str, body: bytes) -> None:
    try:
        connection.sendall(_HEAD.format(status=status, length=len(body)).encode() + body)
    except OSError:
        return  # the browser went away; its answer is here
