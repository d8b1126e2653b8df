"""Signing in (S7–S14): what is asked for, what is taken, where it may go, and what is given back."""

from __future__ import annotations

import base64
import hashlib
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from pydantic import TypeAdapter, ValidationError

from tests.security.signing import vendors
from tieline.auth import (
    Authoriser,
    AuthorizationCodeAuth,
    AuthSettings,
    Endpoint,
    Grant,
    Login,
    MemoryTokens,
    Refused,
)
from tieline.auth.loopback import Loopback
from tieline.connector import HttpProfile, Need, OAuth
from tieline.errors import ConfigError, NotAuthorised, RateLimited, Unavailable, UserError
from tieline.http import HttpTransport
from tieline.ports import Request, Response
from tieline.secrets import Redactor, Secret
from tieline.testing import FakeClock

BASE = "https://api.example.com"
PROFILE = HttpProfile(
    hosts=(".example.com",),
    token_path="/token",
    oauth=OAuth(authorize="https://app.example.com/agree", revoke="/revoke", audience="https://login.example.com"),
)
BACK = "http://127.0.0.1:9/callback"
SETTINGS = AuthorizationCodeAuth(client_id="me")
NOW = 1_750_000_000_000


class Told:
    """A token endpoint that gives each answer once, the last one again and again."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers) or [{"access_token": "a-1", "refresh_token": "r-1"}]
        self.asked: list[Request] = []

    def __call__(self, request: Request) -> Response:
        self.asked.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Response) else Response(200, {}, Request("", "", json=answer).payload())


def endpoint(told: Told, **more: Any) -> Endpoint:
    said = {"base_url": BASE, "profile": PROFILE, "clock": FakeClock(NOW), "redactor": Redactor(), **more}
    return Endpoint(said.pop("settings", SETTINGS), system="crm", send=told, **said)


def login(told: Told | None = None, **more: Any) -> Login:
    said: dict[str, Any] = {"base_url": BASE, "profile": PROFILE, "scopes": ("read", "write"), "redirect": BACK, **more}
    return Login(SETTINGS, endpoint(told or Told()), system="crm", redactor=Redactor(), **said)


def asked_for(attempt: Login) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(attempt.url).query).items()}


def back(attempt: Login, **words: str) -> str:
    """The address a browser comes back with."""
    said = {"state": asked_for(attempt)["state"], "code": "c-1", **words}
    return f"{attempt.redirect}?{urlencode({k: v for k, v in said.items() if v != 'none'})}"


# -- S7


def test_s07_every_sign_in_proves_itself_with_s256_and_a_long_verifier() -> None:
    told = Told()
    seen = set()
    for _ in range(20):
        attempt = login(told)
        said = asked_for(attempt)
        assert (said["response_type"], said["code_challenge_method"]) == ("code", "S256")
        attempt.exchange(attempt.code(back(attempt)), None)
        form = told.asked[-1].form or {}
        verifier = form["code_verifier"]
        digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        assert said["code_challenge"] == digest
        assert 43 <= len(verifier) <= 128
        assert verifier not in attempt.url
        assert form["redirect_uri"] == BACK == said["redirect_uri"]
        seen.add(verifier)
    assert len(seen) == 20


@pytest.mark.parametrize("system", ["crm", "marketing"])
@pytest.mark.parametrize(
    "wrong",
    [
        {"code_challenge_method": "plain"},
        {"code_challenge_method": ""},
        {"code_challenge": ""},
        {"response_type": "token"},
    ],
)
def test_s07_the_stand_ins_take_no_sign_in_without_s256(system: str, wrong: dict[str, str]) -> None:
    found = vendors()
    for vendor in found.values():
        vendor.server.close()
    sandbox = found[system].sandbox
    path = {"crm": "/services/oauth2/authorize", "marketing": "/oauth/authorize"}[system]
    right = {"response_type": "code", "client_id": sandbox.client_id, "redirect_uri": BACK, "state": "s"}
    right |= {"code_challenge": "c" * 43, "code_challenge_method": "S256"}
    good = sandbox.handle(Request("GET", path, right))
    assert "code=" in good.headers["location"]
    bad = sandbox.handle(Request("GET", path, right | wrong))
    assert "code=" not in bad.headers["location"].replace("response_type=code", "")
    assert "error=" in bad.headers["location"]
    for redirect in ("http://evil.example/", "http://localhost:9/", "javascript:x", ""):
        answer = sandbox.handle(Request("GET", path, right | {"redirect_uri": redirect}))
        assert (answer.status, "location" in answer.headers) == (400, False)


# -- S8


def asking(port: int, target: str = "/callback?code=x&state=y", host: str = "", method: str = "GET") -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as browser:
        browser.sendall(f"{method} {target} HTTP/1.1\r\nHost: {host or f'127.0.0.1:{port}'}\r\n\r\n".encode())
        return browser.recv(4096)


def waiting(listener: Loopback, seconds: float = 20.0) -> tuple[threading.Thread, list[Any]]:
    found: list[Any] = []

    def wait() -> None:
        try:
            found.append(listener.wait(time.monotonic, seconds))
        except NotAuthorised as error:
            found.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    return thread, found


def test_s08_the_listener_is_on_127_0_0_1_for_one_answer_and_then_closed() -> None:
    listener = Loopback()
    assert listener.redirect == f"http://127.0.0.1:{listener.port}/callback"
    assert listener._socket.getsockname()[0] == "127.0.0.1"
    thread, found = waiting(listener)
    answer = asking(listener.port)
    thread.join()
    assert found == [f"{listener.redirect}?code=x&state=y"]
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"no-store" in answer
    assert b"Referrer-Policy: no-referrer" in answer
    assert b"code" not in answer.partition(b"\r\n\r\n")[2]
    with pytest.raises(OSError):
        asking(listener.port)


def test_s08_what_is_not_the_answer_does_not_end_the_waiting() -> None:
    listener = Loopback()
    thread, found = waiting(listener)
    assert b"404" in asking(listener.port, "/favicon.ico")
    assert b"404" in asking(listener.port, host="evil.example")
    assert b"404" in asking(listener.port, host=f"localhost:{listener.port}")
    assert b"404" in asking(listener.port, method="POST")
    assert b"404" in asking(listener.port, host=f"127.0.0.1:{listener.port}\r\nHost: evil.example")
    with socket.create_connection(("127.0.0.1", listener.port)) as silent:
        silent.close()
    with socket.create_connection(("127.0.0.1", listener.port)) as rubbish:
        rubbish.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        rubbish.recv(10)
    assert found == []
    asking(listener.port)
    thread.join()
    assert len(found) == 1


def test_s08_nobody_is_waited_for_longer_than_said() -> None:
    from tieline.auth.loopback import WAIT

    assert WAIT == 300
    listener = Loopback()
    thread, found = waiting(listener, 0.2)
    thread.join()
    assert isinstance(found[0], NotAuthorised)
    with pytest.raises(OSError):
        asking(listener.port)


@pytest.mark.parametrize(
    "redirect",
    [
        "http://localhost:8080/callback",
        "http://0.0.0.0:8080/callback",
        "http://127.0.0.2:8080/",
        "http://example.com/callback",
        "http://127.0.0.1:80@evil.example/",
        "ftp://127.0.0.1/",
        "https://example.com/?x=1",
        "https://example.com/#x",
    ],
)
def test_s08_no_other_address_over_plain_http_is_configured(redirect: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(AuthSettings).validate_python(
            {"type": "authorization_code", "client_id": "x", "redirect_url": redirect}
        )


def test_s08_a_configured_port_is_the_one_listened_on() -> None:
    free = Loopback()
    free.close()
    url = f"http://127.0.0.1:{free.port}/back"
    assert AuthorizationCodeAuth(client_id="x", redirect_url=url).listens
    listener = Loopback(url)
    assert (listener.port, listener.redirect) == (free.port, url)
    listener.close()
    assert not AuthorizationCodeAuth(client_id="x", redirect_url="https://example.com/back").listens


def test_s08_a_port_that_another_program_listens_on_is_told_before_anybody_is_sent_there() -> None:
    taken = Loopback()
    with pytest.raises(UserError, match=f"port {taken.port} of 127.0.0.1 cannot be listened on") as caught:
        Loopback(taken.redirect)
    assert caught.value.hint == "choose another in redirect_url"
    thread, found = waiting(taken)
    asking(taken.port)
    thread.join()
    assert len(found) == 1, "whoever listened first still does"


# -- S9


def test_s09_the_state_has_256_bits_and_is_another_each_time() -> None:
    states = {asked_for(login())["state"] for _ in range(50)}
    assert len(states) == 50
    assert {len(base64.urlsafe_b64decode(s + "=")) for s in states} == {32}


@pytest.mark.parametrize(
    "words",
    [
        {"state": "none"},
        {"state": ""},
        {"state": "x"},
        {"iss": "https://evil.example"},
        {"iss": "https://evil.example/https://api.example.com"},
        {"code": "none"},
        {"code": ""},
        {"error": "access_denied", "code": "none"},
        {"error": "access_denied", "error_description": "no \x1b[31mway\n"},
    ],
)
def test_s09_an_answer_that_is_not_right_is_refused_and_no_token_asked_for(words: dict[str, str]) -> None:
    told = Told()
    attempt = login(told)
    with pytest.raises(Refused) as caught:
        attempt.code(back(attempt, **words))
    assert told.asked == []
    assert "c-1" not in str(caught.value)
    with pytest.raises(Refused, match="answered already"):
        attempt.code(back(attempt))


def test_s09_a_state_that_comes_twice_or_elsewhere_is_none() -> None:
    attempt = login()
    with pytest.raises(Refused, match="does not carry the state"):
        attempt.code(f"{back(attempt)}&state=x")
    for word in ("state", "code"):
        attempt = login()
        with pytest.raises(Refused):  # whichever of the two is the true one
            attempt.code(back(attempt).replace("?", f"?{word}=x&"))
    for where in ("http://127.0.0.1:10/callback", "http://127.0.0.1:9/other", "https://127.0.0.1:9/callback"):
        attempt = login()
        with pytest.raises(Refused, match="does not begin with"):
            attempt.code(back(attempt).replace(BACK, where))


def test_s09_the_systems_own_issuer_is_taken() -> None:
    for issuer in ("https://app.example.com", "https://api.example.com/"):
        attempt = login()
        assert attempt.code(back(attempt, iss=issuer)).reveal() == "c-1"


# -- S11, without processes


def authoriser(told: Told, store: MemoryTokens, clock: FakeClock) -> Authoriser:
    places: dict[str, Any] = {"system": "crm", "base_url": BASE, "profile": PROFILE, "root": Path()}
    return Authoriser(SETTINGS, send=told, clock=clock, store=store, **places)


def kept(store: MemoryTokens, told: Told, clock: FakeClock, **more: Any) -> Authoriser:
    made = authoriser(told, store, clock)
    store.save("crm", replace(Grant(Secret("r-0"), made.origin()[0]), **more))
    return made


def test_s11_what_was_granted_for_one_address_is_not_used_at_another() -> None:
    settings = AuthorizationCodeAuth(client_id="me", token_url="https://login.example.com/token")
    store = MemoryTokens()
    here, elsewhere = (
        Authoriser(
            settings, send=Told(), clock=FakeClock(NOW), store=store, system="crm", base_url=base, profile=PROFILE,
            root=Path(),
        )
        for base in (BASE, "https://other.example.com")
    )  # fmt: skip
    store.save("crm", Grant(Secret("r-0"), here.origin()[0]))
    assert here.grant() is not None
    assert elsewhere.grant() is None


def test_s11_a_renewal_whose_answer_is_lost_is_asked_for_once_more_and_then_at_growing_intervals() -> None:
    clock, store, told = FakeClock(NOW), MemoryTokens(), Told(Unavailable("gone", sent=True))
    made = kept(store, told, clock)
    times = []
    for _ in range(4000):
        before = len(told.asked)
        with pytest.raises((Unavailable, RateLimited)):
            made.authorise(Request("GET", "/"))
        if len(told.asked) > before:
            times.append(round((clock.now() - NOW) / 1000))
        clock.sleep(1)
    assert times[0:2] == [0, 1]
    gaps = [b - a for a, b in pairwise(times[1:])]
    assert gaps == [60, 120, 240, 480, 900, 900, 900][: len(gaps)]
    assert len(gaps) >= 5
    told.answers = [{"access_token": "a-9", "refresh_token": "r-9"}]
    clock.sleep(900)
    made.authorise(request := Request("GET", "/"))
    assert request.headers["authorization"] == "Bearer a-9"
    grant = store.load("crm")
    assert grant is not None
    assert (grant.lost, grant.again, grant.refresh_token) == (0, 0, Secret("r-9"))


def test_s11_an_answer_that_says_no_without_taking_anything_leaves_the_grant_as_it_was() -> None:
    for answer in (Response(429), Response(400, {}, b'{"error":"invalid_client"}'), Unavailable("no", sent=False)):
        store = MemoryTokens()
        made = kept(store, Told(answer), FakeClock(NOW))
        with pytest.raises((RateLimited, NotAuthorised, Unavailable)):
            made.authorise(Request("GET", "/"))
        grant = store.load("crm")
        assert grant is not None
        assert (grant.lost, grant.reauth_required, grant.refresh_token) == (0, False, Secret("r-0"))


@pytest.mark.parametrize("status", [504, 0])  # 0: the connection was closed
def test_s11_a_gateways_error_or_none_at_all_may_hide_a_token_that_was_replaced(status: int) -> None:
    store = MemoryTokens()
    with pytest.raises(Unavailable):
        kept(store, Told(Response(status)), FakeClock(NOW)).authorise(Request("GET", "/"))
    grant = store.load("crm")
    assert grant is not None
    assert grant.lost == 1


def test_s11_settings_that_changed_are_another_sign_in() -> None:
    store, clock = MemoryTokens(), FakeClock(NOW)
    kept(store, Told(), clock, access_token=Secret("a-0"))
    other = Authoriser(
        SETTINGS, system="crm", base_url="https://other.example.com", profile=PROFILE, send=Told(), clock=clock,
        root=Path(), store=store,
    )  # fmt: skip
    with pytest.raises(NotAuthorised, match="nobody has signed in") as caught:
        other.authorise(Request("GET", "/"))
    assert caught.value.hint == "tieline auth login crm"


# -- S12


@pytest.mark.parametrize(
    "url", ["https://evil.example/t", "http://api.example.com/t", "http://127.0.0.1/t", "https://example.com.evil/t"]
)
def test_s12_the_token_endpoint_is_a_host_of_the_vendor(url: str) -> None:
    with pytest.raises(ConfigError):
        endpoint(Told(), settings=AuthorizationCodeAuth(client_id="x", token_url=url))


def test_s12_a_token_request_is_not_carried_on_by_a_redirect_and_holds_nothing_in_its_address() -> None:
    with socket.socket() as thief:
        thief.bind(("127.0.0.1", 0))
        thief.listen()
        thief.settimeout(0.5)
        found = vendors()
        vendor = found["marketing"]
        away = f"http://127.0.0.1:{thief.getsockname()[1]}/"
        vendor.wrap = lambda request, go: Response(307, {"location": away})
        wire = HttpTransport()
        asking = endpoint(Told(), base_url=vendor.url)
        asking._send = wire.send
        answer = asking.ask("refresh_token", Secret("s3cret-1"), refresh_token=Secret("r3fresh-1"))
        wire.close()
        for one in found.values():
            one.server.close()
        assert isinstance(answer, Unavailable)
        with pytest.raises(TimeoutError):
            thief.accept()
    sent = vendor.asked[0]
    assert b"s3cret-1" in sent.payload()
    assert (sent.path, dict(sent.params)) == ("/token", {})
    assert not any("cret" in str(v) or "fresh" in str(v) for v in sent.headers.values())


def test_s12_an_assertion_is_what_another_library_can_verify() -> None:
    jwt = pytest.importorskip("jwt", reason="PyJWT is not installed")
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric import rsa

    from tieline.auth.forms import ASSERTION_LIFE, Claims, assertion

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    now = int(time.time())
    said = Claims("me", "https://login.example.com", now, "ann@example.com")
    for kind in (form.PrivateFormat.PKCS8, form.PrivateFormat.TraditionalOpenSSL):
        pem = Secret(key.private_bytes(form.Encoding.PEM, kind, form.NoEncryption()).decode())
        made = assertion(pem, said, "the key")
        claims = jwt.decode(made.reveal(), key.public_key(), ["RS256"], audience="https://login.example.com")
        assert (claims["iss"], claims["sub"], claims["exp"]) == ("me", "ann@example.com", now + ASSERTION_LIFE)
    assert ASSERTION_LIFE <= 180
    for bad in ("", "rubbish", pem.reveal()[:200], "-----BEGIN PRIVATE " + "KEY-----\nAAAA\n-----END PRIVATE KEY-----"):
        with pytest.raises(ConfigError, match="not a private RSA key") as caught:
            assertion(Secret(bad), said, "the key")
        assert not bad or bad not in str(caught.value)


# -- S13


def needs(write: bool, *streams: str, fields: Sequence[str] = ("name",)) -> list[Need]:
    kinds: Mapping[str, Any] = {"companies": "account", "contacts": "contact", "deals": "opportunity"}
    return [Need(s, kinds.get(s, "campaign"), frozenset(fields), write) for s in streams]


ALL = ("companies", "contacts", "deals", "campaigns")


def test_s13_the_least_scopes_follow_from_what_is_configured() -> None:
    from tieline_hubspot.oauth import scopes

    reading = scopes(needs(False, *ALL, fields=("name", "owner", "consent_email", "account", "contacts", "parent")))
    assert [s for s in reading if "write" in s] == [], "who only reads asks for nothing that writes"
    assert reading[0] == "oauth"
    assert "crm.objects.owners.read" in reading
    assert scopes(needs(False, "contacts")) == ["oauth", "crm.objects.contacts.read", "crm.schemas.contacts.read"]
    assert set(scopes(needs(True, "contacts"))) - set(scopes(needs(False, "contacts"))) == {
        "crm.objects.contacts.write"
    }
    assert "crm.objects.companies.read" in scopes(needs(False, "contacts", fields=("account",)))
    opting = set(scopes(needs(True, "contacts", fields=("consent_email",))))
    assert {s for s in opting if s.startswith("communication_preferences")} == {
        "communication_preferences.read_write",
        "communication_preferences.statuses.batch.read",
        "communication_preferences.statuses.batch.write",
    }


def test_s13_the_readme_names_what_is_requested_and_nothing_else() -> None:
    import re

    from tieline_hubspot.oauth import scopes

    root = Path(__file__).parents[2] / "plugins"
    everything = set(scopes(needs(True, *ALL, fields=("owner", "consent_email", "account", "contacts", "parent"))))
    table = (root / "tieline-hubspot/README.md").read_text("utf-8")
    rows = [
        line for line in table.splitlines() if line.startswith("|") and re.search(r"`[a-z_]+\.[a-z.]+`|`oauth`", line)
    ]
    named = {word for line in rows for word in re.findall(r"`((?:[a-z_]+\.)[a-z_.]+|oauth)`", line)}
    assert named == everything
    salesforce = (root / "tieline-salesforce/README.md").read_text("utf-8")
    from tieline_salesforce.spec import SPEC

    assert SPEC.http is not None
    assert SPEC.http.oauth is not None
    assert list(SPEC.http.oauth.scopes(())) == ["api", "refresh_token"]
    assert re.search(r"\(`api`\).*\(`refresh_token", salesforce, re.DOTALL)


def test_s13_a_configuration_asks_for_its_own_least_scopes(make_bench: Callable[..., Any]) -> None:
    from tieline.config import load
    from tieline.plugins import Registry
    from tieline.signin import scopes

    off = "account = false\nopportunity = false\ncampaign = false\n"
    bench = make_bench(more=f'{off}[systems.marketing.contact]\nmode = "read"\n')
    config = load(bench.config, Registry.discover())
    found = list(scopes(config, config.systems["marketing"]))
    assert [s for s in found if s.endswith("write")] == []
    assert "crm.objects.contacts.read" in found
    assert not any("deals" in s for s in found)
    bench.config.write_text(bench.config.read_text().replace('mode = "read"', 'mode = "two-way"'))
    config = load(bench.config, Registry.discover())
    more = set(scopes(config, config.systems["marketing"])) - set(found)
    assert more
    assert all("write" in s or s.startswith("communication_preferences") for s in more)


def test_s13_the_least_scopes_are_enough_for_a_whole_sync_and_those_for_reading_are_not() -> None:
    """The stand-in asks for the scope of every call: one that is missing from the table would be refused."""
    from tieline_hubspot.oauth import scopes
    from tieline_hubspot.sandbox.call import route_of
    from tieline_hubspot.sandbox.oauth import wanted

    every = set(scopes(needs(True, *ALL, fields=("owner", "consent_email", "account", "contacts", "parent"))))
    calls = [
        ("GET", "/crm/objects/2026-09/contacts"),
        ("POST", "/crm/objects/2026-09/contacts/search"),
        ("POST", "/crm/objects/2026-09/deals/batch/read"),
        ("POST", "/crm/objects/2026-09/companies/batch/create"),
        ("GET", "/crm/properties/2026-09/contacts"),
        ("GET", "/crm/pipelines/2026-09/deals"),
        ("GET", "/crm/owners/2026-09"),
        ("PATCH", "/marketing/campaigns/2026-09/x"),
        ("POST", "/communication-preferences/2026-09/statuses/batch/write"),
    ]
    found = set()
    for method, path in calls:
        route = route_of(path)
        assert route is not None, path
        found.add(wanted(route, method))
    assert "" not in found
    assert found <= every
    assert "crm.objects.companies.write" in found - set(scopes(needs(False, *ALL, fields=("owner",))))


# -- S14


def test_s14_signing_out_revokes_the_refresh_token_and_wipes_also_when_nobody_answers() -> None:
    for answer, revoked in (({}, True), (Response(400, {}, b"{}"), False), (Unavailable("no", sent=False), False)):
        store, told = MemoryTokens(), Told(answer)
        made = kept(store, told, FakeClock(NOW), access_token=Secret("a-0"))
        there, trouble = made.forget()
        assert (there, trouble is None) == (True, revoked)
        assert store.load("crm") is None
        assert told.asked[0].path == f"{BASE}/revoke"
        assert dict(told.asked[0].form or {}) == {"token": "r-0", "token_type_hint": "refresh_token", "client_id": "me"}
    assert authoriser(Told(), MemoryTokens(), FakeClock(NOW)).forget() == (False, None)


def test_s14_signing_out_revokes_an_access_token_as_such_where_there_is_no_other() -> None:
    told, tokens = Told({}), MemoryTokens()
    made = authoriser(told, tokens, FakeClock(NOW))
    tokens.save("crm", Grant(None, made.origin()[0], access_token=Secret("a-0")))
    assert made.forget() == (True, None)
    assert dict(told.asked[0].form or {}) == {"token": "a-0", "token_type_hint": "access_token", "client_id": "me"}
    assert tokens.load("crm") is None


# -- a client that nobody here wrote


@pytest.mark.parametrize("system", ["crm", "marketing"])
def test_a_client_of_another_make_signs_in_to_the_stand_ins(system: str) -> None:
    """A witness: authlib's own session, with its own idea of PKCE, against the stand-in's endpoints over sockets."""
    pytest.importorskip("requests", reason="requests is not installed")
    from authlib.integrations.requests_client import OAuth2Session, OAuthError

    found = vendors("refresh-rotation")
    vendor = found[system]
    token, authorize, revoke = {
        "crm": ("/services/oauth2/token", "/services/oauth2/authorize", "/services/oauth2/revoke"),
        "marketing": ("/oauth/2026-09/token", "/oauth/authorize", "/oauth/2026-09/token/revoke"),
    }[system]
    sandbox = vendor.sandbox
    post = "client_secret_post"
    how: dict[str, Any] = {"token_endpoint_auth_method": post, "revocation_endpoint_auth_method": post}
    how["code_challenge_method"] = "S256"
    with OAuth2Session(sandbox.client_id, sandbox.client_secret, redirect_uri=BACK, scope="api", **how) as session:
        verifier = "v" * 64
        url, state = session.create_authorization_url(vendor.url + authorize, code_verifier=verifier)
        went = session.request("GET", url, withhold_token=True, allow_redirects=False)
        assert went.status_code == 302
        where = went.headers["location"]
        got = session.fetch_token(vendor.url + token, authorization_response=where, state=state, code_verifier=verifier)
        again = session.refresh_token(vendor.url + token, refresh_token=got["refresh_token"])
        assert again["refresh_token"] != got["refresh_token"]
        for wrong in (where, where.replace("code=", "code=x")):  # a code is good for once
            said: Any = {}
            with suppress(OAuthError):  # one of the vendors words its refusal in a way of its own
                said = session.fetch_token(
                    vendor.url + token, authorization_response=wrong, state=state, code_verifier=verifier
                )
            assert "access_token" not in said
        assert sandbox.issuer.refused == 2
        last = again["refresh_token"]
        assert session.revoke_token(vendor.url + revoke, token=last).status_code == 200
    assert sandbox.issuer.refresh(last) is None
    for one in found.values():
        one.server.close()


def test_reuse_of_a_spent_refresh_token_ends_the_family() -> None:
    from tieline.sandbox import Issuer

    issuer = Issuer("me", "x-", rotates=True)
    verifier = "v" * 50
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    asked = {"client_id": "me", "redirect_uri": BACK, "response_type": "code", "code_challenge": challenge}
    where = issuer.authorize(asked | {"code_challenge_method": "S256"}).headers["location"]
    form = {"code": parse_qs(urlsplit(where).query)["code"][0], "redirect_uri": BACK, "code_verifier": verifier}
    assert issuer.redeem(form | {"code_verifier": "w" * 50}) is None
    where = issuer.authorize(asked | {"code_challenge_method": "S256"}).headers["location"]
    form["code"] = parse_qs(urlsplit(where).query)["code"][0]
    first = issuer.redeem(form)
    assert first is not None
    assert issuer.redeem(form) is None, "a code is good for once"
    second = issuer.refresh(first.refresh_token)
    assert second is not None
    assert issuer.scope(second.access_token) == ""
    copy = Issuer("me", "x-", rotates=True)
    copy.restore(issuer.dump())
    for one in (issuer, copy):
        assert one.refresh(first.refresh_token) is None
        assert one.refresh(second.refresh_token) is None
        assert one.scope(second.access_token) is None
