"""Who may call the stand-in, and how its token endpoint gives tokens out and takes them back."""

from __future__ import annotations

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tieline.sandbox import Request, Response, SandboxOptions
from tieline_zendesk.sandbox import ZendeskSandbox

BACK = "http://127.0.0.1:8712/callback"
VERIFIER = "v" * 64


@pytest.fixture
def sandbox() -> ZendeskSandbox:
    return ZendeskSandbox(SandboxOptions())


def _token(sandbox: ZendeskSandbox, **body: Any) -> Response:
    client = {"client_id": sandbox.client_id, "client_secret": sandbox.client_secret}
    return sandbox.handle(Request("POST", sandbox.token_path, json={**client, **body}))


def _me(sandbox: ZendeskSandbox, authorization: str, method: str = "GET", path: str = "users/me") -> Response:
    body = {"user": {"name": "N"}} if method == "POST" else None
    return sandbox.handle(Request(method, f"/api/v2/{path}", {}, {"authorization": authorization}, json=body))


def _basic(user: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()


def test_client_credentials_get_a_token_and_no_refresh_token(sandbox: ZendeskSandbox) -> None:
    answer = _token(sandbox, grant_type="client_credentials", scope="read").json()
    assert (answer["token_type"], "refresh_token" in answer, answer["scope"]) == ("bearer", False, "read")
    assert _me(sandbox, f"Bearer {answer['access_token']}").status == 200
    assert _me(sandbox, f"Bearer {answer['access_token']}", "POST", "users").status == 403
    form = {"grant_type": "client_credentials", "client_id": sandbox.client_id, "client_secret": "wrong"}
    assert sandbox.handle(Request("POST", sandbox.token_path, form=form)).status == 401


@pytest.mark.parametrize(("asked", "given"), [("", 1800), (60, 300), (3600, 3600), (999_999, 172_800)])
def test_a_lifetime_may_be_asked_for_within_bounds(sandbox: ZendeskSandbox, asked: Any, given: int) -> None:
    """[doc] from 300 to 172,800 seconds."""
    assert _token(sandbox, grant_type="client_credentials", expires_in=asked).json()["expires_in"] == given


def _signed_in(sandbox: ZendeskSandbox, scope: str) -> Any:
    challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
    asked = {"response_type": "code", "client_id": sandbox.client_id, "redirect_uri": BACK, "scope": scope}
    asked |= {"state": "s", "code_challenge": challenge, "code_challenge_method": "S256"}
    sent = sandbox.handle(Request("GET", "/oauth/authorizations/new", asked))
    code = parse_qs(urlsplit(sent.headers["location"]).query)["code"][0]
    grant = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "code_verifier": VERIFIER}
    answer = _token(sandbox, **grant)
    assert _token(sandbox, **grant).json()["error"] == "invalid_grant", "a code is good once"
    return answer.json()


@pytest.mark.parametrize("first", ["signed in", "started with"])
def test_a_refresh_voids_both_tokens_that_were_there(sandbox: ZendeskSandbox, first: str) -> None:
    """[doc] a refresh deletes the previous access and refresh token."""
    if first == "signed in":
        old = _signed_in(sandbox, "read write")
    else:
        old = _token(sandbox, grant_type="refresh_token", refresh_token=sandbox.refresh_token).json()
    assert _me(sandbox, f"Bearer {old['access_token']}").status == 200
    new = _token(sandbox, grant_type="refresh_token", refresh_token=old["refresh_token"]).json()
    assert new["refresh_token"] != old["refresh_token"]
    assert _me(sandbox, f"Bearer {old['access_token']}").status == 401
    assert _me(sandbox, f"Bearer {new['access_token']}").status == 200
    refused = _token(sandbox, grant_type="refresh_token", refresh_token=old["refresh_token"])
    assert (refused.status, refused.json()["error"]) == (400, "invalid_grant")


def test_a_persons_scopes_hold(sandbox: ZendeskSandbox) -> None:
    token = _signed_in(sandbox, "users:read organizations:read organizations:write")["access_token"]
    assert _me(sandbox, f"Bearer {token}").status == 200
    assert _me(sandbox, f"Bearer {token}", "POST", "users").status == 403
    assert _me(sandbox, f"Bearer {token}", "POST", "organizations").status == 400
    assert _me(sandbox, f"Bearer {token}", "GET", "tickets").status == 403
    for path, status in (("incremental/users/cursor", 400), ("user_fields", 200), ("incremental/tickets", 403)):
        assert _me(sandbox, f"Bearer {token}", "GET", path).status == status
    assert _me(sandbox, f"Bearer {token}", "GET", "job_statuses").status == 200


def test_an_api_token_belongs_to_one_of_the_accounts_own_people(sandbox: ZendeskSandbox) -> None:
    good = _me(sandbox, _basic(sandbox.api_user, sandbox.api_token))
    assert good.json()["user"]["email"] == "integration@northbay.example"
    email = sandbox.api_user.removesuffix("/token")
    for wrong in (
        _basic(email, sandbox.api_token),
        _basic("x@y.example/token", sandbox.api_token),
        _basic(sandbox.api_user, "x"),
        "Basic ???",
        "Bearer x",
    ):
        assert _me(sandbox, wrong).status == 401


def test_nobody_is_answered_as_nobody_and_refused_elsewhere(sandbox: ZendeskSandbox) -> None:
    """[obs] `users/me` without credentials is a 200: a status says nothing of credentials there."""
    nobody = sandbox.handle(Request("GET", "/api/v2/users/me.json"))
    assert (nobody.status, nobody.json()["user"]["id"]) == (200, None)
    assert sandbox.handle(Request("GET", "/api/v2/users")).status == 401
    assert "x-rate-limit" not in nobody.headers
