"""The transport over real sockets: what is sent, what is not, and what each failure says of it."""

from __future__ import annotations

import gzip
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
import zlib

import pytest
import trustme

from tieline.errors import ConfigError, Unavailable
from tieline.http import HttpTransport
from tieline.ports import Request, Response
from tieline.sandbox import serve


class Echo:
    """A stand-in that answers with what it was sent."""

    token, client_id, client_secret, token_path = "t", "", "", ""

    def __init__(self, answer: Response | None = None) -> None:
        self.answer = answer
        self.seen: list[Request] = []

    def handle(self, request: Request) -> Response:
        self.seen.append(request)
        return self.answer or Response(200, {"content-type": "application/json"}, request.payload() or b"null")

    def dump(self):
        return {}


@pytest.fixture
def transport():
    wire = HttpTransport(timeout=5.0)
    yield wire
    wire.close()


def reads_then(answer: bytes):
    def talk(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(answer)

    return talk


def test_a_request_arrives_as_it_was_meant(transport):
    echo = Echo()
    with serve(echo) as server:
        url = f"{server.base_url}/a%20b?x=1"
        answer = transport.send(Request("PATCH", url, {"y": [2, 3]}, {"x-a": "ü".encode().hex()}, json={"k": "ü"}))
    (seen,) = echo.seen
    assert answer.json() == {"k": "ü"}
    assert answer.headers["content-type"] == "application/json"
    assert (seen.method, seen.path, seen.params) == ("PATCH", "/a%20b", {"x": "1", "y": ["2", "3"]})
    assert seen.headers["x-a"] == "c3bc"
    assert "cookie" not in seen.headers


def test_a_form_arrives_urlencoded(transport):
    echo = Echo()
    with serve(echo) as server:
        transport.send(Request("POST", server.base_url + "/token", form={"grant_type": "x", "s": "a b&c"}))
    assert echo.seen[0].body == b"grant_type=x&s=a+b%26c"
    assert echo.seen[0].headers["content-type"] == "application/x-www-form-urlencoded"


def test_a_stand_in_counts_reads_by_post_apart_from_writes(transport):
    with serve(Echo()) as server:
        for path in ("/c/search", "/c/batch/read", "/statuses/batch/unsubscribe-all/read", "/oauth/token"):
            transport.send(Request("POST", server.base_url + path))
        assert (server.stats.requests, server.stats.writes) == (4, 0), server.stats.as_json()
        transport.send(Request("POST", server.base_url + "/statuses/batch/unsubscribe-all"))
        assert server.stats.writes == 1


def test_one_connection_serves_many_requests(transport, raw_server):
    def talk(connection: socket.socket) -> None:
        while connection.recv(65536):
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")

    server = raw_server(talk)
    assert [transport.send(Request("GET", server.url)).status for _ in range(5)] == [200] * 5
    assert server.accepted == 1


def test_a_refused_connection_was_not_sent(transport):
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}/a?secret=1"
    with pytest.raises(Unavailable, match="no connection") as caught:
        transport.send(Request("POST", url, write=True))
    assert not caught.value.sent
    assert "secret" not in str(caught.value)


def test_a_connection_closed_without_an_answer_may_have_been_sent(transport, raw_server):
    server = raw_server(lambda connection: connection.recv(65536))
    with pytest.raises(Unavailable, match="cut off") as caught:
        transport.send(Request("POST", server.url, json={}, write=True))
    assert caught.value.sent


def test_an_answer_cut_off_in_the_middle_may_have_been_sent(transport, raw_server):
    server = raw_server(reads_then(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"))
    with pytest.raises(Unavailable, match="cut off") as caught:
        transport.send(Request("POST", server.url, json={}, write=True))
    assert caught.value.sent


def test_an_answer_that_is_not_http_may_have_been_sent(transport, raw_server):
    server = raw_server(reads_then(b"220 mail.example.com ESMTP\r\n"))
    with pytest.raises(Unavailable) as caught:
        transport.send(Request("GET", server.url))
    assert caught.value.sent


def test_a_slow_answer_is_given_up_after_the_timeout(raw_server):
    given_up = threading.Event()
    server = raw_server(lambda connection: given_up.wait(60))
    wire = HttpTransport(timeout=0.1)
    with pytest.raises(Unavailable, match=r"no answer within 0\.1 s") as caught:
        wire.send(Request("GET", server.url))
    assert caught.value.sent
    assert caught.value.silent
    given_up.set()  # nothing was answered before
    wire.close()


def test_an_answer_that_drips_is_given_up(raw_server):
    dripped = []

    def drip(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        for _ in range(1000):
            connection.sendall(b"x")
            dripped.append(1)
            time.sleep(0.05)

    server = raw_server(drip)
    wire = HttpTransport(timeout=0.2)
    with pytest.raises(Unavailable, match="longer than"):
        wire.send(Request("GET", server.url))
    assert len(dripped) < 500, "it was read to its end"
    wire.close()


def test_an_answer_larger_than_the_cap_is_refused():
    wire = HttpTransport(max_body=1 << 20)
    with serve(Echo(Response(200, {}, b"x" * (1 << 20)))) as server:
        assert len(wire.send(Request("GET", server.base_url)).body) == 1 << 20
    with (
        serve(Echo(Response(200, {}, b"x" * (3 << 20)))) as server,
        pytest.raises(Unavailable, match="1 MiB") as caught,
    ):
        wire.send(Request("GET", server.base_url))
    wire.close()
    assert caught.value.sent


def test_a_packed_answer_is_unpacked_and_one_that_explodes_is_refused(transport):
    with serve(Echo(Response(200, {"content-encoding": "gzip"}, gzip.compress(b'{"a":1}')))) as server:
        assert transport.send(Request("GET", server.base_url)).json() == {"a": 1}
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(b"\0" * (1 << 20)) for _ in range(100)) + packer.flush()
    assert len(bomb) < 1 << 18
    with (
        serve(Echo(Response(200, {"content-encoding": "gzip"}, bomb))) as server,
        pytest.raises(Unavailable, match="MiB"),
    ):
        transport.send(Request("GET", server.base_url))


def test_a_body_that_lies_about_its_packing_is_an_error(transport):
    with serve(Echo(Response(200, {"content-encoding": "gzip"}, b"not packed"))) as server, pytest.raises(Unavailable):
        transport.send(Request("GET", server.base_url))


def test_a_redirect_is_handed_back_and_no_credential_crosses(transport):
    other = Echo()
    with serve(other) as target:
        moved = Response(302, {"location": target.base_url + "/x"})
        with serve(Echo(moved)) as server:
            answer = transport.send(Request("GET", server.base_url, headers={"authorization": "Bearer t"}))
    assert answer.status == 302
    assert other.seen == []


def test_cookies_are_not_kept(transport):
    echo = Echo(Response(200, {"set-cookie": "session=1; Path=/"}, b"{}"))
    with serve(echo) as server:
        for _ in range(2):
            transport.send(Request("GET", server.base_url))
    assert "cookie" not in echo.seen[1].headers


def test_https_is_trusted_only_with_the_right_authority(tmp_path):
    authority, stranger = trustme.CA(), trustme.CA()
    for name, ca in (("right.pem", authority), ("wrong.pem", stranger)):
        ca.cert_pem.write_to_path(tmp_path / name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with serve(Echo(), tls=context) as server:
        right, wrong, none = (
            HttpTransport(ca=tmp_path / "right.pem"),
            HttpTransport(ca=tmp_path / "wrong.pem"),
            HttpTransport(),
        )
        assert right.send(Request("GET", server.base_url)).status == 200
        for wire in (wrong, none):
            with pytest.raises(Unavailable, match="CERTIFICATE_VERIFY_FAILED") as caught:
                wire.send(Request("POST", server.base_url, write=True))
            assert not caught.value.sent
            wire.close()
        right.close()


def test_a_ca_file_without_certificates_is_a_configuration_error(tmp_path):
    (tmp_path / "ca.pem").write_text("nothing")
    wire = HttpTransport(ca=tmp_path / "ca.pem")
    with pytest.raises(ConfigError, match="does not hold certificates"):
        wire.send(Request("GET", "https://127.0.0.1:9"))


@pytest.mark.parametrize("headers", [{"authorization": "Bearer a\nb-hidden"}, {"authorization": "Bearer ü-hidden"}])
def test_a_header_that_cannot_be_sent_is_not_repeated_in_the_error(transport, headers):
    with serve(Echo()) as server, pytest.raises(Unavailable) as caught:
        transport.send(Request("GET", server.base_url, headers=headers))
    assert not caught.value.sent
    assert "hidden" not in str(caught.value)


def test_the_proxy_of_the_environment_is_not_used_for_this_machine():
    with serve(Echo()) as server:
        code = (
            "from tieline.http import HttpTransport; from tieline.ports import Request; "
            f"print(HttpTransport().send(Request('GET', {server.base_url!r})).status)"
        )
        environ = {**os.environ, "HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}
        done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "200", done.stderr


def test_importing_the_rooms_loads_neither_library():
    code = "import sys, tieline.http, tieline.auth; print({'httpx2', 'authlib', 'ssl'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "set()", done.stderr
