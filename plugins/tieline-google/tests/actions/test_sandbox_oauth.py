"""Who may call the stand-in, and how its token endpoint gives tokens out."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tieline.sandbox import Request, SandboxOptions
from tieline_google.sandbox import GoogleSandbox

JWT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
OPS = "ops@northbay.example"
DRIVE = "https://www.googleapis.com/auth/drive.file"
GMAIL = "https://www.googleapis.com/auth/gmail.compose"
BACK = "http://127.0.0.1:8712/callback"
VERIFIER = "v" * 64
PROFILE = "/gmail/v1/users/me/profile"


def _part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _assertion(ask: Any, head: Any = None, **claims: Any) -> str:
    now = ask.clock.now() // 1000
    usual = {"iss": ask.sandbox.service_account, "scope": DRIVE, "aud": "https://oauth2.googleapis.com/token"}
    told = {**usual, "iat": now, "exp": now + 3600, "sub": OPS, **claims}
    signed = {k: v for k, v in told.items() if v is not None}
    return ".".join((_part(head or {"alg": "RS256", "typ": "JWT"}), _part(signed), _part("signature")))


def _token(ask: Any, assertion: str) -> Any:
    return ask.form("/token", grant_type=JWT, assertion=assertion)


def test_a_service_account_speaks_for_a_user(ask: Any) -> None:
    answer = _token(ask, _assertion(ask))
    assert (answer.status, answer.json().keys()) == (200, {"access_token", "expires_in", "token_type"}), "[rec]"
    ask.token = answer.json()["access_token"]
    assert ask("GET", "/drive/v3/files").status == 200
    assert ask("GET", PROFILE).status == 403, "only what was asked for"


@pytest.mark.parametrize(
    ("claims", "status", "error", "said"),
    [
        ({"sub": "left@northbay.example"}, 400, "invalid_grant", "Invalid email or User ID"),
        ({"iss": "other@x.iam.gserviceaccount.com"}, 400, "invalid_grant", "account not found"),
        ({"aud": "https://www.googleapis.com/drive"}, 400, "invalid_grant", "audience"),
        ({"scope": GMAIL}, 401, "unauthorized_client", "Client is unauthorized"),
        ({"scope": None}, 400, "invalid_scope", "scope"),
        ({"exp": 1}, 400, "invalid_grant", "short-lived"),
        ({"exp": 9_999_999_999}, 400, "invalid_grant", "short-lived"),
        ({"iat": None}, 400, "invalid_grant", "short-lived"),
        ({"iat": True}, 400, "invalid_grant", "short-lived"),
    ],
)
def test_an_assertion_is_refused_for_its_claims(ask: Any, claims: Any, status: int, error: str, said: str) -> None:
    """[iss: google-api-php-client 1207] a user who left; [iss: g-suite-identity-sync 7] a scope not delegated."""
    ask.sandbox.state.delegated = ["drive.file"]
    answer = _token(ask, _assertion(ask, **claims))
    assert (answer.status, answer.json()["error"]) == (status, error)
    assert said in answer.json()["error_description"]


@pytest.mark.parametrize("wrong", ["", "a.b", "a.b.c", "é.é.é", f"{_part([1])}.{_part({})}.{_part('s')}"])
def test_what_is_no_assertion_is_refused(ask: Any, wrong: str) -> None:
    assert (_token(ask, wrong).status, _token(ask, wrong).json()["error"]) == (400, "invalid_grant")


def test_only_rs256_is_taken(ask: Any) -> None:
    assert _token(ask, _assertion(ask, {"alg": "none"})).status == 400
    assert _token(ask, _assertion(ask, {"alg": "HS256"})).status == 400


def test_with_a_key_put_in_an_unsigned_assertion_counts_for_nothing(ask: Any) -> None:
    """That a rightly signed one does, the witness of Google's own library shows."""
    put = ask.sandbox.handle(
        Request("PUT", "/_sandbox/certificate", body=b"-----BEGIN PUBLIC KEY-----\nAA==\n-----END PUBLIC KEY-----")
    )
    assert put.status == 200
    assert _token(ask, _assertion(ask)).status == 400


def _signed_in(ask: Any, scope: str) -> Any:
    challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
    asked = {"response_type": "code", "client_id": ask.sandbox.client_id, "redirect_uri": BACK, "scope": scope}
    asked |= {"state": "s", "code_challenge": challenge, "code_challenge_method": "S256", "access_type": "offline"}
    sent = ask.sandbox.handle(Request("GET", "/o/oauth2/v2/auth", asked))
    code = parse_qs(urlsplit(sent.headers["location"]).query)["code"][0]
    client = {"client_id": ask.sandbox.client_id, "client_secret": ask.sandbox.client_secret}
    return ask.form(
        "/token", grant_type="authorization_code", code=code, redirect_uri=BACK, code_verifier=VERIFIER, **client
    ).json()


def test_a_person_signs_in_with_the_scopes_that_were_asked_for(ask: Any) -> None:
    ask.token = _signed_in(ask, GMAIL)["access_token"]
    assert ask("GET", PROFILE).json()["emailAddress"] == OPS
    assert ask("GET", "/drive/v3/files").status == 403


def test_a_refresh_gives_no_new_refresh_token_and_a_revoked_one_nothing(ask: Any) -> None:
    """[doc] the refresh token stays the same; a revoked one is `invalid_grant`."""
    first = _signed_in(ask, GMAIL)
    client = {"client_id": ask.sandbox.client_id, "client_secret": ask.sandbox.client_secret}
    again = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"], **client}
    fresh = ask.form("/token", **again).json()
    assert "access_token" in fresh
    assert ask.form("/revoke", token=first["refresh_token"]).status == 200
    refused = ask.form("/token", **again)
    assert (refused.status, refused.json()["error"]) == (400, "invalid_grant")
    ask.token = fresh["access_token"]
    assert ask("GET", PROFILE).status == 401
    assert ask.form("/revoke", token="unknown").status == 400


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"client_id": "x", "client_secret": "y", "grant_type": "refresh_token"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": "refresh_token", "refresh_token": "none"}, 400, "invalid_grant"),
    ],
)
def test_other_grants_are_refused(ask: Any, form: Any, status: int, error: str) -> None:
    client = {"client_id": ask.sandbox.client_id, "client_secret": ask.sandbox.client_secret}
    answer = ask.form("/token", **{**client, **form})
    assert (answer.status, answer.json()["error"]) == (status, error)


def test_a_token_ends_after_some_calls_under_its_vice(asking: Any) -> None:
    ask = asking("token-expiry")
    statuses = [ask("GET", PROFILE).status for _ in range(22)]
    assert (statuses[0], statuses[-1]) == (200, 401)


def test_nobody_is_answered_without_a_token(ask: Any) -> None:
    ask.token = "wrong"
    answer = ask("GET", PROFILE)
    assert (answer.status, answer.json()["error"]["status"]) == (401, "UNAUTHENTICATED")


def test_what_was_kept_goes_on_elsewhere(ask: Any) -> None:
    ask("POST", "/drive/v3/files", {"name": "N"})
    ask(
        "POST",
        "/calendar/v3/calendars/primary/events",
        {"start": {"date": "2026-12-01"}, "end": {"date": "2026-12-02"}},
    )
    ask("POST", "/gmail/v1/users/me/drafts", {"message": {"raw": "U3ViamVjdDogUw0KDQpC"}})
    ask.sandbox.state.users[OPS] = "gone"
    kept = ask.sandbox.dump()
    json.dumps(kept)
    again = GoogleSandbox(SandboxOptions(state=kept, clock=ask.clock))
    assert again.dump() == kept
    assert len(again.state.calendars.rows[OPS]) == 1
