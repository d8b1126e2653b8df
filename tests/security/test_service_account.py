"""The key of a service account: it signs, and is found nowhere (S12, S13, S15); over real sockets, with a real key."""

from __future__ import annotations

import io
import json
import logging
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import TypeAdapter

from tieline import ConnectorSpec, HttpProfile, Need, OAuth, Rule, hookimpl
from tieline.auth import Authoriser, AuthSettings, describe, read_key
from tieline.config import load
from tieline.errors import TielineError
from tieline.http import Client, HttpTransport
from tieline.plugins import Registry
from tieline.ports import Request, Response
from tieline.sandbox import serve
from tieline.secrets import Redactor, Secret
from tieline.signin import credential
from tieline.testing import FakeClock

EMAIL, TOKEN_URI = "sync@project.accounts.example", "https://login.example.com/token"
PROFILE = HttpProfile(hosts=(".example.com",), token_path="/token")
GRANTED = "granted.canary"
GOOD = Response(200, {"content-type": "application/json"}, b'{"access_token": "' + GRANTED.encode() + b'"}')


@pytest.fixture(scope="module")
def pem() -> str:
    forms = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(*forms).decode()


@pytest.fixture
def auth(tmp_path: Path, pem: str) -> Callable[..., Any]:
    """`auth(token_uri=…)`: settings with a document in a file of `tmp_path`; None takes a part out."""

    def make(**words: Any) -> Any:
        told = {"type": "service_account", "client_email": EMAIL, "token_uri": TOKEN_URI}
        told |= {"private_key": pem, "private_key_id": "k-1", **words}
        path = tmp_path / "key.json"
        path.write_text(json.dumps({k: v for k, v in told.items() if v is not None}))
        path.chmod(0o600)
        settings = {"type": "service_account", "key": {"file": "key.json"}, "subject": "ann@firm.example"}
        return TypeAdapter(AuthSettings).validate_python(settings)

    return make


class Vendor:
    """Answers the token endpoint and everything else from two scripts; says back what it was sent where asked to."""

    def __init__(self, token: Response, api: Response) -> None:
        self.token, self.api = token, api
        self.assertions: list[str] = []

    def handle(self, request: Request) -> Response:
        if request.path != "/token":
            return self.api
        self.assertions.append(parse_qs(request.payload().decode())["assertion"][0])
        answer = self.token
        return Response(answer.status, answer.headers, answer.body.replace(b"ECHO", self.assertions[-1].encode()))


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What our rooms log, unfiltered."""
    out = io.StringIO()
    handler, logger = logging.StreamHandler(out), logging.getLogger("tieline")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield out
    logger.removeHandler(handler)
    logger.setLevel(before)


def no(error: str) -> Response:
    return Response(400, {}, json.dumps({"error": error, "error_description": "You sent ECHO"}).encode())


CASES: dict[str, tuple[Response, Response]] = {
    "the grant is refused": (no("invalid_grant"), GOOD),
    "the scope is not delegated": (no("unauthorized_client"), GOOD),
    "the client is refused": (no("invalid_client"), GOOD),
    "the token endpoint fails": (Response(500, {}, b"You sent ECHO"), GOOD),
    "no token comes": (Response(200, {}, b'{"said": "ECHO"}'), GOOD),
    "the token is refused": (GOOD, Response(401, {}, b"You sent " + GRANTED.encode())),
    "the system fails": (GOOD, Response(500, {}, b"You sent " + GRANTED.encode())),
}


@pytest.mark.parametrize("case", CASES)
def test_s15_the_key_the_assertion_and_the_token_are_in_no_text(
    case: str, auth: Callable[..., Any], pem: str, tmp_path: Path, log: io.StringIO
) -> None:
    vendor, redactor, wire, settings = Vendor(*CASES[case]), Redactor(), HttpTransport(timeout=5.0), auth()
    clock = FakeClock()
    with serve(vendor) as server:  # type: ignore[arg-type]  # what a server uses of a stand-in is here
        more: dict[str, Any] = {"base_url": server.base_url, "profile": PROFILE, "redactor": redactor}
        made = Authoriser(settings, system="crm", send=wire.send, clock=clock, root=tmp_path, **more)
        client = Client(server.base_url, PROFILE, made, wire, clock, system="crm", redactor=redactor)
        with pytest.raises(TielineError) as caught:
            client.send(Request("POST", "/a", json={"x": 1}, write=True))
        wire.close()
    logging.getLogger("tieline.http").debug("raised", exc_info=caught.value)
    # without this test's own frame, which holds the key
    assert caught.value.__traceback__ is not None
    frames = caught.value.__traceback__.tb_next
    told = "".join(traceback.TracebackException(type(caught.value), caught.value, frames, capture_locals=True).format())
    assert "self = " in told
    texts = [told, repr(caught.value), repr(vars(client)), repr(vars(made)), describe(settings), repr(settings)]
    assert vendor.assertions, "nothing was signed: this shows nothing"
    secrets = [*(line for line in pem.splitlines() if "---" not in line), *vendor.assertions, GRANTED]
    assert len(secrets) > 20
    assert [s for s in secrets for text in [*texts, log.getvalue()] if s in text] == []
    granted = CASES[case][0] is GOOD
    assert [s for s in secrets if s in redactor.redact(s) and (granted or s != GRANTED)] == [], (
        "each is known, whoever might print it"
    )


@pytest.mark.parametrize(
    "words",
    [{"token_uri": "https://evil.example/t"}, {"client_email": None}, {"type": "other"}, {"private_key": "PEM"}],
)
def test_s15_a_document_that_is_refused_is_in_no_traceback(
    words: dict[str, Any], auth: Callable[..., Any], pem: str, tmp_path: Path
) -> None:
    mangled = {"private_key": pem.replace("PRIVATE", "PUBLIC")} if "private_key" in words else {}
    settings = auth(**{**words, **mangled})

    def send(request: Request) -> Response:
        raise AssertionError("asked")

    more: dict[str, Any] = {"base_url": "https://api.example.com", "profile": PROFILE, "root": tmp_path}
    made = Authoriser(settings, system="crm", send=send, clock=FakeClock(), **more)
    with pytest.raises(TielineError) as caught:
        made.authorise(Request("GET", "/a"))
    assert caught.value.__traceback__ is not None
    frames = caught.value.__traceback__.tb_next
    told = "".join(traceback.TracebackException(type(caught.value), caught.value, frames, capture_locals=True).format())
    assert "self = " in told
    assert [line for line in pem.splitlines()[1:-1] if line in told] == []
    assert caught.value.__context__ is None


def test_s15_the_check_above_would_see_a_key_in_a_traceback(pem: str) -> None:
    def careless(document: str) -> None:
        read_key(Secret("{}"), "it", Redactor())

    with pytest.raises(TielineError) as caught:
        careless(json.dumps({"private_key": pem}))
    told = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert pem.splitlines()[1][:40] in told


# -- the least scopes, and where they are asked for


class Desk:
    """A plugin whose connector names its scopes."""

    __name__ = "desk"

    @hookimpl
    def tieline_connectors(self) -> list[ConnectorSpec]:
        def scopes(needs: list[Need]) -> list[str]:
            return [f"{need.kind}.{'write' if need.write else 'read'}" for need in needs]

        profile = HttpProfile(
            hosts=(".example.com",),
            services={"/token": "https://login.example.com"},
            oauth=OAuth(scopes=scopes),  # type: ignore[arg-type]
            token_path="/token",
        )
        tables = {"people": (Rule("mail", "email"),), "firms": (Rule("name", "name"),)}
        kinds = {"people": "contact", "firms": "account"}
        return [
            ConnectorSpec(
                "desk", "A desk", tuple(tables), lambda context: None, tables, kinds,  # type: ignore[arg-type, return-value]
                http=profile, base_url="https://api.example.com",
            )
        ]  # fmt: skip


class Wire:
    def __init__(self) -> None:
        self.asked: list[Request] = []

    def send(self, request: Request) -> Response:
        self.asked.append(request)
        return GOOD

    def close(self) -> None: ...


@pytest.mark.parametrize(
    ("more", "scopes"),
    [
        ("", "contact.write account.write"),
        ('[systems.desk.contact]\nmode = "read"\n', "contact.read account.write"),
        ("account = false\n", "contact.write"),
    ],
)
@pytest.mark.parametrize("chosen", ["", ', scopes = ["mine", "too"]'])
def test_s13_a_service_account_asks_for_the_least_scopes_unless_they_are_chosen(
    more: str, scopes: str, chosen: str, auth: Callable[..., Any], tmp_path: Path
) -> None:
    import base64

    auth()
    path = tmp_path / "tieline.toml"
    sign = f'auth = {{ type = "service_account", key = {{ file = "key.json" }}{chosen} }}\n'
    path.write_text(f'[systems.desk]\nconnector = "desk"\n{sign}{more}')
    config, wire = load(path, Registry(extra=[Desk()])), Wire()
    made = credential(config, config.systems["desk"], FakeClock(), Redactor(), store=None, transport=wire)
    made.authoriser.authorise(Request("GET", "/"))
    assert wire.asked[0].path == TOKEN_URI
    body = (wire.asked[0].form or {})["assertion"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    assert claims["scope"] == ("mine too" if chosen else scopes)


def test_s12_a_key_leads_no_token_request_to_a_host_that_is_not_the_vendors(
    auth: Callable[..., Any], tmp_path: Path
) -> None:
    wire = Wire()
    for uri in ("https://evil.example/token", "http://login.example.com/token", "http://127.0.0.1/token"):
        more: dict[str, Any] = {"base_url": "https://api.example.com", "profile": PROFILE, "root": tmp_path}
        made = Authoriser(auth(token_uri=uri), system="crm", send=wire.send, clock=FakeClock(), **more)
        with pytest.raises(TielineError, match="token_uri in the key of crm: credentials"):
            made.authorise(Request("GET", "/"))
    assert wire.asked == []
