"""Where credentials may go and what may come back (S20–S24), and who listens (S27)."""

from __future__ import annotations

import gzip
import json
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from tieline import Subdomain
from tieline.connector import HttpProfile
from tieline.egress import checked, proxy_of
from tieline.errors import ConfigError, Unavailable
from tieline.hosts import why_not
from tieline.http import Client, HttpTransport
from tieline.ports import Request, SystemClock
from tieline.wire import decode

SUFFIX = HttpProfile(hosts=(".salesforce.example", "api.example.com"))


class Nothing:
    """Neither a credential nor a network."""

    def authorise(self, request: Request) -> None: ...
    def refresh(self, request: Request) -> bool:
        return False

    def send(self, request: Request) -> Any:
        raise AssertionError(f"asked {request.path}")

    def close(self) -> None: ...


def client(base_url: str, profile: HttpProfile = SUFFIX) -> Client:
    return Client(base_url, profile, Nothing(), Nothing(), SystemClock(), system="crm")


# -- S20

ATTACKS = [
    "a/", "a@b", "a.b#", "a%2f", "a%2F.evil.example/", "x@evil.example/", "evil.example/?", "evil.example\\", "a\0",
    "a\n",
    "a\r\nhost: x", "a b", "", "-a", "a-", "a..b", "ä", "xn--", "a:80", "a:b@c", "[::1]", "a" * 64, "A", "a_b", ".",
]  # fmt: skip


@pytest.mark.parametrize("label", ATTACKS)
def test_s20_a_subdomain_is_one_dns_label(label: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Subdomain).validate_python(label)


@pytest.mark.parametrize("label", ["a", "acme", "acme-2", "0", "a" * 63])
def test_s20_a_label_is_taken(label: str) -> None:
    assert TypeAdapter(Subdomain).validate_python(label) == label


ELSEWHERE = [
    "https://evil.example/.salesforce.example",
    "https://evil.example?.salesforce.example",
    "https://evil.example#.salesforce.example",
    "https://evil.example\\.salesforce.example",
    "https://acme.salesforce.example@evil.example",
    "https://evil.example%2f.salesforce.example",
    "https://evil.example%00.salesforce.example",
    "https://salesforce.example",
    "https://evilsalesforce.example",
    "https://acme.salesforce.example.evil.example",
    "https://acme.salesforce.example:8443",
    "http://acme.salesforce.example",
    "https://a;b.salesforce.example",
    "https://a_b.salesforce.example",
    "https://-a.salesforce.example",
    "https://acme.salesforce.example\n.evil.example",
    "https://аcme.salesforce.example",
    "https://203.0.113.9",
    "https://2130706433",
    "https://0x7f.1",
    "https://[::ffff:10.0.0.1]",
    "ftp://acme.salesforce.example",
    "//acme.salesforce.example",
    "https:///x",
]


@pytest.mark.parametrize("url", ELSEWHERE)
def test_s20_s21_an_address_that_leads_elsewhere_is_refused_when_it_is_used(url: str) -> None:
    with pytest.raises(ConfigError):
        client(url)


@pytest.mark.parametrize("url", ELSEWHERE)
def test_s20_s21_an_address_that_leads_elsewhere_is_refused_when_it_is_saved(make_bench: Any, url: str) -> None:
    from tieline.config import load
    from tieline.plugins import Registry

    bench = make_bench()
    url = url.replace(".example", ".com").replace("evil.com", "evil.example")
    text = bench.config.read_text().replace(f'"{bench.vendors["crm"].url}"', json.dumps(url), 1)
    bench.config.write_text(text)
    with pytest.raises(ConfigError, match="base_url"):
        load(bench.config, Registry.discover())


def test_s20_a_token_url_is_held_to_the_same_hosts_when_it_is_saved(make_bench: Any) -> None:
    from tieline.config import load
    from tieline.plugins import Registry

    for url in ("https://evil.example/token", "http://127.0.0.1:1/token"):
        auth = f'{{ type = "authorization_code", client_id = "x", token_url = "{url}" }}'
        bench = make_bench(crm=auth)
        text = bench.config.read_text().replace(f'"{bench.vendors["crm"].url}"', '"https://a.my.salesforce.com"', 1)
        bench.config.write_text(text)
        with pytest.raises(ConfigError, match="token_url"):
            load(bench.config, Registry.discover())


# -- S21


@pytest.mark.parametrize("url", [*ELSEWHERE, "http://127.0.0.1:1", "https://localhost", "https://[::1]", 7, None])
def test_s21_an_instance_url_that_a_token_answer_brings_is_never_believed(url: Any) -> None:
    from tests.security.test_oauth import Told, endpoint

    told = Told({"access_token": "a", "instance_url": url})
    answer = endpoint(told, base_url="https://acme.salesforce.example", profile=_profile()).ask("x", None)
    assert answer.instance_url is None


def _profile() -> HttpProfile:
    return HttpProfile(hosts=SUFFIX.hosts, token_path="/token")


def test_s21_an_instance_url_of_the_vendor_is_noted_and_base_url_stays_where_requests_go() -> None:
    from tests.security.test_oauth import Told, endpoint

    told = Told({"access_token": "a", "instance_url": "https://eu5.salesforce.example"})
    answer = endpoint(told, base_url="https://acme.salesforce.example", profile=_profile()).ask("x", None)
    assert answer.instance_url == "https://eu5.salesforce.example"
    assert told.asked[0].path == "https://acme.salesforce.example/token"


# -- S22

PRIVATE = [
    "127.0.0.1", "127.8.8.8", "::1", "0.0.0.0", "::", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254",
    "169.254.170.2", "100.64.0.1", "100.100.100.200", "168.63.129.16", "192.0.0.192", "192.0.2.1", "198.18.0.1",
    "224.0.0.1", "255.255.255.255", "240.0.0.1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "ff02::1",
    "2001:db8::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:a9fe:a9fe",
    "64:ff9b::10.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::7f00:1", "2002:7f00:1::1", "2002:a9fe:a9fe::1", "::10.0.0.1",
    "2001:0:4136:e378:8000:63bf:f5ff:fffe", "nonsense",
]  # fmt: skip
PUBLIC = ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"]


@pytest.mark.parametrize("address", PRIVATE)
def test_s22_an_address_that_is_not_public_is_not_connected_to(address: str) -> None:
    assert why_not(address, loopback=False)
    for others in ([], ["8.8.8.8"]):
        with pytest.raises(ConfigError, match="nothing is sent there"):
            checked("api.example.com", 443, lambda host, port, o=others: [*o, address])


@pytest.mark.parametrize("address", PUBLIC)
def test_s22_a_public_address_is_connected_to_however_it_is_wrapped(address: str) -> None:
    assert checked("api.example.com", 443, lambda host, port: [address]) == [address]


@pytest.mark.parametrize("address", ["8.8.8.8", "10.0.0.1", "169.254.169.254", "::ffff:8.8.8.8", "2002:7f00:1::1"])
def test_s22_this_machines_name_leads_to_this_machine_alone(address: str) -> None:
    with pytest.raises(ConfigError, match="not this machine"):
        checked("localhost", 80, lambda host, port: [address])
    assert checked("localhost", 80, lambda host, port: ["::1", "127.0.0.1"]) == ["::1", "127.0.0.1"]


def test_s22_the_transport_connects_to_the_address_that_was_checked_and_asks_the_resolver_once(
    server: Callable[..., Any],
) -> None:
    """A name that leads to this machine when it is checked and elsewhere afterwards gains nothing."""
    found, asked = server(), []
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return next(answers)

    wire = HttpTransport(resolve=resolve)
    assert wire.send(Request("GET", f"http://localhost:{found.port}/x")).status == 200
    assert asked == ["localhost"]
    wire.close()
    with pytest.raises(ConfigError, match=r"leads to 10\.0\.0\.1"):
        wire.send(Request("GET", f"http://localhost:{found.port}/x"))
    wire.close()


def test_s22_a_vendors_host_that_leads_inside_is_refused_by_the_transport() -> None:
    if proxy_of("https", "api.example.com"):
        pytest.skip("this environment has a proxy, which resolves names itself")
    wire = HttpTransport(resolve=lambda host, port: ["169.254.169.254"])
    with pytest.raises(ConfigError, match="metadata") as caught:
        wire.send(Request("GET", "https://api.example.com/x", headers={"authorization": "Bearer s3cret"}))
    assert caught.value.__context__ is None
    wire.close()


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/next",
        "https://eu5.salesforce.example/next",
        "http://acme.salesforce.example/next",
        "https://acme.salesforce.example:444/next",
        "https://acme.salesforce.example@evil.example/next",
        "http://169.254.169.254/latest",
    ],
)
def test_s22_a_page_link_to_elsewhere_is_not_followed(link: str) -> None:
    with pytest.raises(ConfigError):
        client("https://acme.salesforce.example").send(Request("GET", link))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_s22_a_redirect_is_not_followed(server: Callable[..., Any], status: int) -> None:
    thief = server()
    found = server(f"HTTP/1.1 {status} x\r\nlocation: http://127.0.0.1:{thief.port}/\r\ncontent-length: 0\r\n\r\n")
    wire = HttpTransport()
    made = Client(f"http://127.0.0.1:{found.port}", SUFFIX, Nothing(), wire, SystemClock())
    with pytest.raises(Unavailable, match="not followed"):
        made.send(Request("GET", "/x"))
    made.close()
    assert (found.heard, thief.heard) == (1, 0)


# -- S23


def test_s23_certificates_are_checked_and_nothing_turns_that_off(tmp_path: Any) -> None:
    trustme = pytest.importorskip("trustme", reason="trustme is not installed")
    from tieline.config.systems import NETWORK_KEYS
    from tieline.sandbox import serve

    authority, other = trustme.CA(), trustme.CA()
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "right.pem"))
    other.cert_pem.write_to_path(str(tmp_path / "wrong.pem"))

    class Page:
        def handle(self, request: Request) -> Any:
            from tieline.ports import Response

            return Response(200, {}, b"{}")

    with serve(Page(), tls=context) as found:  # type: ignore[arg-type]
        for ca in (None, tmp_path / "wrong.pem"):
            wire = HttpTransport(ca=ca)
            with pytest.raises(Unavailable, match="CERTIFICATE_VERIFY_FAILED") as caught:
                wire.send(Request("GET", f"{found.base_url}/x"))
            assert not caught.value.sent
            wire.close()
        wire = HttpTransport(ca=tmp_path / "right.pem")
        assert wire.send(Request("GET", f"{found.base_url}/x")).status == 200
        wire.close()
    assert NETWORK_KEYS == ("base_url", "auth", "ca"), "a new key of the network must not turn the check off"


# -- S24


def test_s24_an_answer_is_bounded_in_size_also_when_it_is_packed(server: Callable[..., Any]) -> None:
    bomb = gzip.compress(b"0" * (4 << 20))
    assert len(bomb) < 8 << 10
    head = f"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {len(bomb)}\r\n\r\n"
    found = server(head.encode() + bomb)
    wire = HttpTransport(max_body=1 << 20)
    with pytest.raises(Unavailable, match="larger than 1 MiB"):
        wire.send(Request("GET", f"http://127.0.0.1:{found.port}/x"))
    wire.close()


def test_s24_json_that_nests_without_end_is_no_answer() -> None:
    from tieline.ports import Response

    for body in (b"[" * 100_000, b'{"a":' * 100_000):
        with pytest.raises(Unavailable, match="expected JSON"):
            decode(Response(200, {"content-type": "application/json"}, body), "a page")


# -- S27


def test_s27_what_listens_does_so_on_this_machine_alone_and_takes_bounded_requests() -> None:
    from tests.security.signing import vendors
    from tieline.sandbox import serve as room

    found = vendors()
    for vendor in found.values():
        server = vendor.server
        assert server._http.server_address[0] == "127.0.0.1"
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
            raw.sendall(b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n")
            assert raw.recv(200).startswith(b"HTTP/1.1 413")
        server.close()
    assert room is not None


@pytest.fixture
def server() -> Iterator[Callable[..., Any]]:
    """`server(answer)`: a socket on this machine that says the same to everybody and counts them."""
    started: list[Any] = []

    class Server:
        def __init__(self, answer: str | bytes) -> None:
            self.heard = 0
            self._answer = answer.encode() if isinstance(answer, str) else answer
            self._socket = socket.create_server(("127.0.0.1", 0))
            self.port = self._socket.getsockname()[1]
            self._thread = threading.Thread(target=self._serve, daemon=True)
            self._thread.start()

        def _serve(self) -> None:
            while True:
                try:
                    connection, _ = self._socket.accept()
                except OSError:
                    return
                with connection:
                    self.heard += 1
                    connection.recv(65536)
                    connection.sendall(self._answer)

        def close(self) -> None:
            self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()
            self._thread.join()

    def make(answer: str | bytes = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n") -> Server:
        started.append(Server(answer))
        return started[-1]

    yield make
    for one in started:
        one.close()
