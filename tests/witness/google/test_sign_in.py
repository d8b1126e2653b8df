"""Google's own sign-in library signs in to the stand-in over a socket, as a service account and as a person."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

ROOT = "https://www.googleapis.com/auth/"
OPS = "ops@northbay.example"


@pytest.fixture
def office(witness_module: Callable[[str], Any], discovery: Any) -> Iterator[Any]:
    yield from witness_module("google/office").offices(discovery)


@pytest.fixture(scope="module")
def key() -> Any:
    """A service account's key, made for this test."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def send() -> Iterator[Any]:
    """What google-auth asks the token endpoint with."""
    import requests
    from google.auth.transport.requests import Request

    with requests.Session() as session:
        session.trust_env = False
        yield Request(session)  # type: ignore[no-untyped-call]


def _account(here: Any, key: Any, send: Any, signed_by: Any = None) -> Any:
    """Credentials of the stand-in's service account; the administrator has put its key in."""
    from cryptography.hazmat.primitives import serialization as s
    from google.oauth2 import service_account

    own = signed_by or key
    private = own.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()).decode()
    public = key.public_key().public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo)
    put = send(here.server.base_url + "/_sandbox/certificate", method="PUT", body=public)
    assert put.status == 200
    info = {"type": "service_account", "client_email": here.sandbox.service_account, "private_key": private}
    info |= {"token_uri": f"{here.server.base_url}/token", "private_key_id": "1"}
    return service_account.Credentials.from_service_account_info(info, scopes=[f"{ROOT}drive.file"])  # type: ignore[no-untyped-call]


def test_a_service_account_speaks_for_a_user_of_the_domain(office: Any, key: Any, send: Any) -> None:
    here = office()
    who = _account(here, key, send).with_subject(OPS)
    who.refresh(send)
    drive = here.client("drive", who)
    made = drive.files().create(body={"name": "N"}, fields="permissions").execute()
    assert made["permissions"][0]["emailAddress"] == OPS


def test_a_service_account_may_speak_for_itself(office: Any, key: Any, send: Any) -> None:
    here = office()
    who = _account(here, key, send)
    who.refresh(send)
    assert here.sandbox.state.tokens[who.token]["who"] == here.sandbox.service_account


def test_a_user_who_left_ends_the_sign_in(office: Any, key: Any, send: Any) -> None:
    from google.auth.exceptions import RefreshError

    here = office()
    here.sandbox.state.users[OPS] = "gone"
    with pytest.raises(RefreshError, match="invalid_grant: Invalid email or User ID"):
        _account(here, key, send).with_subject(OPS).refresh(send)


def test_a_scope_that_was_not_delegated_is_refused(office: Any, key: Any, send: Any) -> None:
    from google.auth.exceptions import RefreshError

    here = office()
    here.sandbox.state.delegated = ["drive.file"]
    who = _account(here, key, send).with_subject(OPS)
    who.refresh(send)
    with pytest.raises(RefreshError, match="unauthorized_client"):
        who.with_scopes([f"{ROOT}gmail.compose"]).refresh(send)


def test_another_key_signs_nobody_in(office: Any, key: Any, send: Any) -> None:
    from cryptography.hazmat.primitives.asymmetric import rsa
    from google.auth.exceptions import RefreshError

    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    with pytest.raises(RefreshError, match="Invalid JWT Signature"):
        _account(office(), key, send, signed_by=other).with_subject(OPS).refresh(send)


def test_a_certificate_holds_the_key_as_well(office: Any, key: Any, send: Any) -> None:
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization

    here = office()
    who = _account(here, key, send).with_subject(OPS)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tieline")])
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, datetime.now(UTC), datetime.now(UTC) + timedelta(1))
    pem = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    send(here.server.base_url + "/_sandbox/certificate", method="PUT", body=pem)
    who.refresh(send)
    assert who.valid


def test_a_persons_refresh_token_gives_access_tokens(office: Any, send: Any) -> None:
    from google.oauth2.credentials import Credentials

    here = office()
    who = Credentials(
        None,
        refresh_token=here.sandbox.refresh_token,
        token_uri=f"{here.server.base_url}/token",
        client_id=here.sandbox.client_id,
        client_secret=here.sandbox.client_secret,
    )  # type: ignore[no-untyped-call]
    who.refresh(send)
    assert here.client("gmail", who).users().getProfile(userId="me").execute()["emailAddress"] == OPS
