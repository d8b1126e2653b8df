"""Service accounts: what the key must be, what is signed with it, where it is sent, and what a refusal says."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tieline.auth import Key, ServiceAccountAuth, describe, read_key
from tieline.connector import HttpProfile
from tieline.errors import ConfigError, NotAuthorised, Unavailable
from tieline.ports import Response
from tieline.secrets import Redactor, Secret

EMAIL = "sync@project.accounts.example"
TOKEN_URI = "https://login.example.com/token"
ENV = {"env": "KEY"}


@pytest.fixture(scope="module")
def private() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def document(private) -> dict[str, str]:
    """A key document as vendors hand it out."""
    forms = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return {
        "type": "service_account",
        "project_id": "project",
        "private_key_id": "k-1",
        "private_key": private.private_bytes(*forms).decode(),
        "client_email": EMAIL,
        "client_id": "42",
        "token_uri": TOKEN_URI,
    }


@pytest.fixture
def settings(secret_file, document):
    """Settings with the document in a file; words replace parts of the document, None takes one out."""

    def make(auth=(), **words):
        told = {k: v for k, v in {**document, **words}.items() if v is not None}
        return {"type": "service_account", "key": secret_file("key.json", json.dumps(told, indent=2)), **dict(auth)}

    return make


@pytest.fixture
def signed(private):
    """Header and claims of an assertion, once its signature is seen to be the key's."""

    def read(assertion: str) -> tuple[dict, dict]:
        head, body, signature = assertion.split(".")
        private.public_key().verify(unpadded(signature), f"{head}.{body}".encode(), padding.PKCS1v15(), hashes.SHA256())
        return json.loads(unpadded(head)), json.loads(unpadded(body))

    return read


def unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def refusal(error: str, why: str = "", status: int = 400) -> Response:
    return Response(status, {}, json.dumps({"error": error, "error_description": why}).encode())


# -- settings


def test_it_is_read_and_described(parse):
    alone = parse({"type": "service_account", "key": ENV})
    assert isinstance(alone, ServiceAccountAuth)
    assert describe(alone) == "service account, key from environment variable KEY"
    person = parse({"type": "service_account", "key": {"file": "k.json"}, "subject": "ann@firm.example", "scopes": []})
    assert describe(person) == "service account for ann@firm.example, key from file k.json"
    assert person.scopes == ()


# -- what is asked


def test_a_signed_assertion_is_exchanged_for_a_token(make_authoriser, endpoint, settings, signed, sign, clock):
    asked = endpoint()
    authoriser = make_authoriser(settings(), asked, scopes=("contacts", "sheets.readonly"))
    assert sign(authoriser).headers["authorization"] == "Bearer access-1"
    (request,) = asked.asked
    assert (request.method, request.path) == ("POST", TOKEN_URI)
    form = asked.form()
    assert form.keys() == {"grant_type", "assertion"}, "who asks is said in the assertion alone"
    assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    head, claims = signed(form["assertion"])
    assert head == {"alg": "RS256", "kid": "k-1", **({"typ": "JWT"} if "typ" in head else {})}
    now = clock.now() // 1000
    assert claims.pop("jti")
    assert claims == {
        "iss": EMAIL,
        "aud": TOKEN_URI,
        "iat": now,
        "exp": now + 3600,
        "scope": "contacts sheets.readonly",
    }


def test_a_subject_is_spoken_for_only_where_one_is_configured(make_authoriser, endpoint, settings, signed, sign):
    asked = endpoint()
    sign(make_authoriser(settings({"subject": "ann@firm.example"}), asked))
    claims = signed(asked.form()["assertion"])[1]
    assert claims["sub"] == "ann@firm.example"
    assert "scope" not in claims


def test_a_token_that_has_run_out_is_asked_for_with_a_new_assertion(
    make_authoriser, endpoint, settings, signed, sign, clock
):
    asked = endpoint({"access_token": "access-{n}", "expires_in": 3599})
    authoriser = make_authoriser(settings(), asked)
    sign(authoriser)
    clock.time += 3500
    assert sign(authoriser).headers["authorization"] == "Bearer access-1"
    clock.time += 60
    used = sign(authoriser)
    assert used.headers["authorization"] == "Bearer access-2"
    first, second = (signed(asked.form(n)["assertion"])[1] for n in (0, 1))
    assert second["iat"] - first["iat"] == 3560
    assert first["jti"] != second["jti"]
    assert authoriser.refresh(used), "one that is refused before its time is replaced, too"
    assert sign(authoriser).headers["authorization"] == "Bearer access-3"


def test_a_key_that_was_replaced_meanwhile_is_read_again(make_authoriser, endpoint, settings, signed, sign):
    asked = endpoint()
    authoriser = make_authoriser(settings(), asked)
    used = sign(authoriser)
    settings(private_key_id="k-2")
    authoriser.refresh(used)
    assert [signed(asked.form(n)["assertion"])[0]["kid"] for n in (0, 1)] == ["k-1", "k-2"]


def test_a_lost_answer_is_no_refusal(make_authoriser, endpoint, settings, sign):
    authoriser = make_authoriser(settings(), endpoint(Response(503), {"access_token": "a"}))
    with pytest.raises(Unavailable):
        sign(authoriser)
    assert sign(authoriser).headers["authorization"] == "Bearer a"


# -- where it is asked


@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example/token",
        "http://login.example.com/token",
        "https://login.example.com:8443/token",
        "https://login.example.com@evil.example/token",
        "http://127.0.0.1:9/token",
        "http://localhost/token",
        "login.example.com",
    ],
)
def test_a_key_that_names_another_host_is_sent_nowhere(make_authoriser, endpoint, settings, sign, uri):
    asked = endpoint()
    with pytest.raises(ConfigError, match=r"token_uri in the key of crm|address"):
        sign(make_authoriser(settings(token_uri=uri), asked))
    assert asked.asked == []


def test_a_connector_without_a_token_endpoint_is_led_by_the_key(make_authoriser, endpoint, settings, sign):
    asked = endpoint()
    profile = HttpProfile(hosts=("api.example.com", "login.example.com"))
    sign(make_authoriser(settings(), asked, profile=profile))
    assert asked.asked[0].path == TOKEN_URI
    with pytest.raises(ConfigError, match="does not know one"):
        make_authoriser(settings(), asked, profile=profile, base_url="http://127.0.0.1:8")


@pytest.mark.parametrize("uri", [TOKEN_URI, "https://evil.example/token", "http://127.0.0.1:9/token"])
def test_at_a_stand_in_the_stand_in_is_asked_whatever_the_key_says(
    make_authoriser, endpoint, settings, signed, sign, uri
):
    asked = endpoint()
    sign(make_authoriser(settings(token_uri=uri), asked, base_url="http://127.0.0.1:8"))
    assert asked.asked[0].path == "http://127.0.0.1:8/oauth/token"
    assert signed(asked.form()["assertion"])[1]["aud"] == uri


# -- the document


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"private_key": None}, "it has no private_key"),
        ({"private_key_id": "", "token_uri": None}, "it has no private_key_id, token_uri"),
        ({"client_email": 7}, "it has no client_email"),
        ({"type": "authorized_user"}, 'its type is not "service_account"'),
        ({"type": "authorized_user", "client_email": None, "private_key": None}, 'its type is not "service_account"'),
        (
            {"type": None, "client_email": None, "private_key": None, "private_key_id": None, "token_uri": None},
            "it has no type, client_email, private_key, private_key_id, token_uri",
        ),
    ],
)
def test_a_document_that_is_no_key_is_refused_by_what_is_missing(
    make_authoriser, endpoint, settings, sign, words, said
):
    asked = endpoint()
    with pytest.raises(ConfigError) as caught:
        sign(make_authoriser(settings(**words), asked))
    assert str(caught.value) == f"the key of crm from file key.json is not the JSON key of a service account: {said}"
    assert asked.asked == []


@pytest.mark.parametrize(
    "text", ["hunter2", '["hunter2"]', '"hunter2"', '{"private_key": "hunter2"', "{'a': 'hunter2'}"]
)
def test_what_is_no_json_object_is_refused_without_showing_it(text):
    with pytest.raises(ConfigError, match="it is no JSON object") as caught:
        read_key(Secret(text), "it", Redactor())
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("pem", ["hunter2", "-----BEGIN PRIVATE " + "KEY-----\nhunter2\n-----END PRIVATE KEY-----\n"])
def test_a_private_key_that_cannot_sign_is_a_configuration_error(make_authoriser, endpoint, settings, sign, pem):
    with pytest.raises(
        ConfigError, match=r"private_key in the key of crm from file key.json is not a private"
    ) as caught:
        sign(make_authoriser(settings(private_key=pem), endpoint()))
    assert "hunter2" not in str(caught.value)


def test_a_key_shows_its_account_and_nothing_else(document):
    redactor = Redactor()
    key = read_key(Secret(json.dumps(document)), "it", redactor)
    assert key == Key(EMAIL, Secret(document["private_key"]), "k-1", TOKEN_URI)
    middle = document["private_key"].splitlines()[5]
    assert middle not in repr(key)
    assert redactor.redact(f"a {middle} b") == "a *** b"
    assert document["private_key"] not in redactor.redact(json.dumps(document))


# -- refusals


@pytest.mark.parametrize(
    ("answer", "subject", "said"),
    [
        (refusal("invalid_grant", "Invalid email or User ID"), "ann@firm.example", "still has an account there"),
        (refusal("invalid_grant", "Invalid JWT Signature."), None, "whether the key was revoked"),
        (refusal("unauthorized_client", "Client is unauthorized", 401), "ann@firm.example", "an administrator there"),
        (refusal("access_denied", "Requested client not authorized.", 403), "ann@firm.example", "contacts, sheets"),
        (refusal("unauthorized_client", "", 401), None, "name a person in auth.subject"),
        (refusal("invalid_scope", "bad scopes"), None, "let it use these scopes: contacts, sheets"),
        (refusal("invalid_client", "no such client", 401), None, "the token endpoint refuses the client (401)"),
    ],
)
def test_a_refusal_says_what_to_do_and_nobody_asks_again(
    make_authoriser, endpoint, settings, sign, answer, subject, said
):
    asked = endpoint(answer)
    auth = {"subject": subject} if subject else {}
    authoriser = make_authoriser(settings(auth), asked, scopes=("contacts", "sheets"))
    for _ in range(3):
        with pytest.raises(NotAuthorised) as caught:
            sign(authoriser)
        told = str(caught.value)
        assert told.startswith("crm: ")
        assert said in told
        assert answer.json()["error"] in told
        assert answer.json()["error_description"] in told
        assert subject is None or subject in told
        assert caught.value.hint == "tieline auth status"
    assert len(asked.asked) == 1


def test_each_line_of_a_key_that_signs_in_place_of_a_password_is_known_to_the_redactor(
    make_authoriser, endpoint, sign, secret_file, private
):
    forms = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    pem = private.private_bytes(*forms).decode()
    redactor = Redactor()
    settings = {
        "type": "jwt_bearer",
        "client_id": "me",
        "username": "ada@firm.example",
        "private_key": secret_file("key.pem", pem),
        "audience": "https://login.example.com",
    }
    sign(make_authoriser(settings, endpoint(), redactor=redactor))
    for line in pem.splitlines():
        assert line.startswith("-----") or line not in redactor.redact(f"the line was {line}, it said")
