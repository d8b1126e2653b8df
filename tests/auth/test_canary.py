"""A canary in every credential position: it reaches the server, and no text."""

from __future__ import annotations

import base64
import io
import logging
import socket
import threading
import traceback

import pytest

from tieline.auth import Authoriser, Grant, describe
from tieline.connector import HttpProfile
from tieline.errors import TielineError
from tieline.http import Client, HttpTransport
from tieline.ports import Request, Response
from tieline.secrets import RedactingFilter, Redactor

CANARY = "canary-7f3a"
# short words, so that only knowing them strikes them out, not their looking like tokens
TOKEN, CLIENT_SECRET, REFRESH = f"{CANARY}.token", f"{CANARY}.secret", f"{CANARY}.refresh"
BASIC = base64.b64encode(f"ada/token:{TOKEN}".encode()).decode()
"""A name and a password as they travel: no less secret than they are."""
PROFILE = HttpProfile(token_path="/token")


class Vendor:
    """A server on a real socket: one connection for each raw answer of `script`. It keeps what it read."""

    def __init__(self, script: list[bytes]) -> None:
        self.read = b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._run, args=(script,), daemon=True)
        self._thread.start()

    def _run(self, script: list[bytes]) -> None:
        with self._listener:
            for answer in script:
                connection, _ = self._listener.accept()
                with connection, connection.makefile("rb") as file:
                    length = 0
                    for line in iter(file.readline, b"\r\n"):
                        self.read += line
                        if line.lower().startswith(b"content-length:"):
                            length = int(line.split(b":")[1])
                    self.read += file.read(length)
                    connection.sendall(answer)

    def join(self) -> None:
        self._thread.join(10)


def http(status: str, body: str) -> bytes:
    head = f"HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {len(body)}\r\n\r\n"
    return (head + body).encode()


def granted(number: int) -> bytes:
    return http("200 OK", f'{{"access_token": "{CANARY}.access{number}", "refresh_token": "{CANARY}.rotated{number}"}}')


ECHO = f"You sent {TOKEN}"
ECHO_ACCESS = f"You sent {CANARY}.access1 and {CANARY}.access2"
ECHO_CLIENT = f"You sent {CLIENT_SECRET}"
MOVED = f"HTTP/1.1 302 There\r\nlocation: /{TOKEN}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n".encode()
NO_CLIENT = http("401 No", f'{{"error": "invalid_client", "error_description": "{ECHO_CLIENT}"}}')
REVOKED = http("400 No", f'{{"error": "invalid_grant", "error_description": "{ECHO_CLIENT} {REFRESH}"}}')
CUT_OFF = b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"
REFUSED = http("401 No", ECHO_ACCESS)
CASES = {
    "token, refused": ("token", [http("401 No", ECHO)]),
    "token, closed": ("token", [b""]),
    "token, server error": ("token", [http("500 Oops", ECHO)]),
    "token, redirected": ("token", [MOVED]),
    "client credentials, refused": ("client_credentials", [NO_CLIENT]),
    "client credentials, closed": ("client_credentials", [b""]),
    "client credentials, garbage": ("client_credentials", [http("200 OK", ECHO_CLIENT)]),
    "client credentials, then closed": ("client_credentials", [granted(1), b""]),
    "basic, refused": ("basic", [http("401 No", f"You sent {BASIC} of {TOKEN}")]),
    "basic, closed": ("basic", [b""]),
    "basic, server error": ("basic", [http("500 Oops", f"You sent {BASIC}")]),
    "basic, redirected": (
        "basic",
        [http("302 There", "").replace(b"\r\n\r\n", f"\r\nlocation: /{BASIC}\r\n\r\n".encode())],
    ),
    "refresh token, revoked": ("refresh_token", [REVOKED]),
    "refresh token, cut off": ("refresh_token", [CUT_OFF]),
    "refresh token, then refused": ("refresh_token", [granted(1), REFUSED, granted(2), REFUSED]),
}


@pytest.fixture
def settings(secret_file):
    secret = {"client_id": "me", "client_secret": secret_file("cs", CLIENT_SECRET)}
    return {
        "token": {"type": "token", "token": secret_file("t", TOKEN)},
        "basic": {"type": "basic", "username": "ada/token", "password": secret_file("pw", TOKEN)},
        "client_credentials": {"type": "client_credentials", **secret},
        "refresh_token": {"type": "refresh_token", **secret, "refresh_token": secret_file("rt", REFRESH)},
    }


@pytest.fixture
def log():
    """What our rooms log, unfiltered."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    logger = logging.getLogger("tieline")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield out
    logger.removeHandler(handler)
    logger.setLevel(before)


@pytest.mark.parametrize("case", CASES)
def test_a_secret_reaches_the_server_and_no_text(case, settings, parse, clock, tmp_path, log):
    kind, script = CASES[case]
    vendor, redactor, wire = Vendor(script), Redactor(), HttpTransport(timeout=2.0)
    auth = parse(settings[kind])
    places = {"base_url": vendor.url, "profile": PROFILE, "send": wire.send, "root": tmp_path}
    authoriser = Authoriser(auth, system="crm", clock=clock, redactor=redactor, **places)
    client = Client(vendor.url, PROFILE, authoriser, wire, clock, system="crm", redactor=redactor)
    with pytest.raises(TielineError) as caught:
        client.send(Request("POST", "/a", json={"x": 1}, write=True))
    logging.getLogger("tieline.http").debug("raised", exc_info=caught.value)
    vendor.join()
    wire.close()
    # without this test's own frame, which holds the script
    frames = caught.value.__traceback__.tb_next
    told = "".join(traceback.TracebackException(type(caught.value), caught.value, frames, capture_locals=True).format())
    assert "self = " in told
    texts = [
        told,
        repr(caught.value),
        str(caught.value),
        repr(vars(client)),
        repr(vars(authoriser)),
        describe(auth),
        repr(auth),
    ]
    texts.append(log.getvalue())
    assert caught.value.__context__ is None, "what a library raised must not hang on it: its frames hold headers"
    sent = BASIC if kind == "basic" else CANARY
    assert sent in vendor.read.decode(), "the canary was never sent: this shows nothing"
    assert [text for text in texts if CANARY in text or BASIC in text] == []


def test_a_bug_below_the_token_request_shows_no_secret_either(settings, parse, clock, tmp_path):
    def send(request: Request) -> Response:
        assert (request.form or {})["client_secret"] == CLIENT_SECRET
        raise RuntimeError("a bug")

    auth = parse(settings["refresh_token"])
    places = {"base_url": "http://127.0.0.1:1", "profile": PROFILE, "send": send, "root": tmp_path}
    authoriser = Authoriser(auth, system="crm", clock=clock, **places)
    with pytest.raises(RuntimeError) as caught:
        authoriser.authorise(Request("GET", "/a"))
    told = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert "form = " in told
    assert CANARY not in told


def test_a_traceback_with_locals_is_where_a_leak_would_show(clock):
    """The check above can fail: a plain credential in a header is seen by it."""

    class Plain:
        def authorise(self, request: Request) -> None:
            request.headers = {**request.headers, "authorization": f"Bearer {TOKEN}"}

        def refresh(self, request: Request) -> bool:
            return False

    class Wire:
        def send(self, request: Request) -> Response:
            raise RuntimeError("a bug")

        def close(self) -> None: ...

    client = Client("http://127.0.0.1:1", PROFILE, Plain(), Wire(), clock)
    with pytest.raises(RuntimeError) as caught:
        client.send(Request("GET", "/a"))
    told = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert CANARY in told


def test_a_kept_grant_shows_nothing(settings, parse, clock, tmp_path):
    from tieline.secrets import Secret

    grant = Grant(Secret(REFRESH), "origin")
    assert CANARY not in repr(grant)


def test_the_filter_is_the_second_line_of_defence():
    redactor, out = Redactor(), io.StringIO()
    from tieline.secrets import Secret

    redactor.add(Secret(TOKEN))
    handler = logging.StreamHandler(out)
    handler.addFilter(RedactingFilter(redactor))
    logger = logging.Logger("careless")
    logger.addHandler(handler)
    logger.error("headers: %r", {"authorization": f"Bearer {TOKEN}"})
    assert "headers" in out.getvalue()
    assert CANARY not in out.getvalue()
