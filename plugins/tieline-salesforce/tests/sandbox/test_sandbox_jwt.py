"""Signed assertions, made by a library that knows nothing of the stand-in: which ones sign in, and which do not."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from tieline.sandbox import Request

jwt = pytest.importorskip("jwt", reason="PyJWT is not installed")
rsa = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.rsa", reason="cryptography is not installed")

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
USER = "integration@northbay.example"


@pytest.fixture(scope="module")
def keys() -> list[Any]:
    return [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2)]


def pem(key: Any) -> bytes:
    from cryptography.hazmat.primitives import serialization as form

    return bytes(key.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo))


def certificate(key: Any) -> bytes:
    """A certificate of one's own, as an administrator would upload it."""
    import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization

    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tieline")])
    begin = datetime.datetime(2025, 1, 1, tzinfo=datetime.UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, begin, begin + datetime.timedelta(365))
    return bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))


def claims(org: Any, **more: Any) -> dict[str, Any]:
    now = org.clock.now() // 1000
    said = {"iss": org.sandbox.client_id, "sub": USER, "aud": "https://login.salesforce.com", "exp": now + 180}
    return {name: value for name, value in (said | more).items() if value is not None}


def upload(org: Any, content: bytes) -> None:
    assert org.sandbox.handle(Request("PUT", "/_sandbox/certificate", body=content)).status == 200


def sign_in(org: Any, assertion: str) -> Any:
    body = urlencode({"grant_type": GRANT, "assertion": assertion}).encode()
    return org.sandbox.handle(Request("POST", org.sandbox.token_path, body=body))


@pytest.mark.parametrize("form", [pem, certificate], ids=["public key", "certificate"])
def test_an_assertion_that_another_library_signed_signs_in(org: Any, keys: Any, form: Any) -> None:
    upload(org, form(keys[0]))
    answer = sign_in(org, jwt.encode(claims(org), keys[0], "RS256"))
    assert answer.status == 200, answer.body
    assert "refresh_token" not in answer.json()
    org.token = answer.json()["access_token"]
    assert org.call("GET", "/services/oauth2/userinfo").json()["preferred_username"] == USER


def test_without_a_certificate_no_assertion_counts(org: Any, keys: Any) -> None:
    answer = sign_in(org, jwt.encode(claims(org), keys[0], "RS256"))
    assert (answer.status, answer.json()["error"]) == (400, "invalid_grant")


def test_a_signature_of_another_key_or_kind_is_refused(org: Any, keys: Any) -> None:
    upload(org, pem(keys[0]))
    good = jwt.encode(claims(org), keys[0], "RS256")
    head, body, signature = good.split(".")
    other = jwt.encode(claims(org, sub="other@northbay.example"), keys[0], "RS256").split(".")[1]
    bad = [
        jwt.encode(claims(org), keys[1], "RS256"),
        jwt.encode(claims(org), keys[0], "RS512"),
        jwt.encode(claims(org), "x" * 64, "HS256"),
        jwt.encode(claims(org), None, "none"),
        f"{head}.{other}.{signature}",
        f"{head}.{body}.{signature[:-4]}AAAA",
        f"{head}.{body}.",
        f"{head}.{body}",
        "a.b.c",
    ]
    for assertion in bad:
        assert sign_in(org, assertion).json()["error"] == "invalid_grant", assertion
    assert sign_in(org, good).status == 200


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"iss": "another"}, "invalid_client_id"),
        ({"sub": "nobody@northbay.example"}, "invalid_grant"),
        ({"aud": "https://evil.example"}, "invalid_grant"),
        ({"aud": None}, "invalid_grant"),
        ({"exp": None}, "invalid_grant"),
        ({"exp": 1_000}, "invalid_grant"),
        ({"exp": 2_000_000_000}, "invalid_grant"),
    ],
)
def test_a_claim_that_is_wrong_is_refused(org: Any, keys: Any, more: dict[str, Any], error: str) -> None:
    upload(org, pem(keys[0]))
    answer = sign_in(org, jwt.encode(claims(org, **more), keys[0], "RS256"))
    assert (answer.status, answer.json()["error"]) == (400, error)


def test_the_certificate_is_part_of_the_state(make_org: Any, org: Any, keys: Any) -> None:
    upload(org, pem(keys[0]))
    again = make_org(state=org.sandbox.dump())
    assert sign_in(again, jwt.encode(claims(again), keys[0], "RS256")).status == 200
