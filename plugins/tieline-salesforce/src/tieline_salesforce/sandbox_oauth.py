"""The stand-in's sign-in: which tokens are good, and the token and userinfo endpoints."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from tieline.sandbox import Request, Response
from tieline_salesforce.sandbox_errors import ApiError, answer
from tieline_salesforce.sandbox_org import Org

TOKEN_PATH = "/services/oauth2/token"  # noqa: S105 - a path
USERINFO_PATH = "/services/oauth2/userinfo"
CLIENT_ID = "3MVG9tieline.sandbox.consumer"
CLIENT_SECRET = "sandbox-consumer-secret"  # noqa: S105 - the stand-in's own, of no use elsewhere
REFRESH_TOKEN = "5Aep861sandbox-refresh"  # noqa: S105 - the stand-in's own, of no use elsewhere
FIRST_TOKEN = "00DKh0sandbox!access-0"  # noqa: S105 - the stand-in's own, of no use elsewhere
SHORT_LIFE = 20
"""Calls a token is good for under the vice token-expiry."""
_JWT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_NO_HOST = "https://sandbox.my.salesforce.com"


class Tokens:
    """The access tokens that were given out, and how many calls each has left."""

    def __init__(self, short: bool) -> None:
        self._short = short
        self.left: dict[str, int] = {}
        self.issued = 0
        self.left[FIRST_TOKEN] = SHORT_LIFE

    def issue(self) -> str:
        """A new token."""
        self.issued += 1
        token = f"{FIRST_TOKEN[:-1]}{self.issued}"
        self.left[token] = SHORT_LIFE
        return token

    def check(self, headers: Mapping[str, str]) -> None:
        """Use up one call. Raises ApiError INVALID_SESSION_ID when the token is unknown or spent."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        good = scheme.lower() in ("bearer", "oauth") and token in self.left
        if good and self._short:
            self.left[token] -= 1
            good = self.left[token] >= 0
        if not good:
            raise ApiError(401, "INVALID_SESSION_ID", "Session expired or invalid")

    def dump(self) -> dict[str, Any]:
        """The state as plain JSON."""
        return {"left": dict(self.left), "issued": self.issued}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `dump` gave."""
        self.left, self.issued = dict(state["left"]), int(state["issued"])


def token_answer(org: Org, tokens: Tokens, request: Request, now: int) -> Response:
    """Answer the token endpoint: client credentials, refresh, JWT bearer. No `expires_in`, as the vendor [recorded]."""
    form = dict(parse_qsl(request.payload().decode("utf-8", "replace"), keep_blank_values=True))
    form |= {k: str(v) for k, v in request.params.items()}
    if request.method != "POST":
        return _refused("invalid_request", "must use HTTP POST")
    grant = form.get("grant_type", "")
    problem = _problem(grant, _with_basic(form, request.headers))
    if problem is not None:
        return problem
    base = instance_url(request)
    body = {
        "access_token": tokens.issue(),
        "signature": base64.b64encode(f"signed {tokens.issued}".encode()).decode(),
        "scope": "api refresh_token",
        "instance_url": base,
        "id": f"{base}/id/{org.org_id}/{org.user_id}",
        "token_type": "Bearer",
        "issued_at": str(now),
    }
    return answer(200, body)


def instance_url(request: Request) -> str:
    """Where the caller reached the stand-in, as far as its headers say."""
    host = request.headers.get("host")
    scheme = request.headers.get("x-forwarded-proto", "http")
    return f"{scheme}://{host}" if host else _NO_HOST


def _with_basic(form: dict[str, str], headers: Mapping[str, str]) -> dict[str, str]:
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return form
    try:
        name, _, secret = base64.b64decode(value).decode().partition(":")
    except ValueError:
        return form
    return {"client_id": name, "client_secret": secret} | form


def _problem(grant: str, form: Mapping[str, str]) -> Response | None:
    if grant == _JWT:
        return _jwt_problem(form.get("assertion", ""))
    if grant not in ("client_credentials", "refresh_token"):
        return _refused("unsupported_grant_type", "grant type not supported")
    if form.get("client_id") != CLIENT_ID:
        return _refused("invalid_client_id", "client identifier invalid")
    secret = form.get("client_secret")
    if secret != CLIENT_SECRET and (grant == "client_credentials" or secret is not None):
        return _refused("invalid_client", "invalid client credentials")
    if grant == "refresh_token" and form.get("refresh_token") != REFRESH_TOKEN:
        return _refused("invalid_grant", "expired access/refresh token")
    return None


def _jwt_problem(assertion: str) -> Response | None:
    """The signature is not checked: the stand-in holds no certificate."""
    parts = assertion.split(".")
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        wrong = len(parts) != 3 or not isinstance(claims, dict) or not claims.get("sub") or not claims.get("exp")
    except (IndexError, ValueError):
        wrong = True
    if wrong:
        return _refused("invalid_grant", "invalid assertion")
    if claims.get("iss") != CLIENT_ID:
        return _refused("invalid_client_id", "client identifier invalid")
    return None


def _refused(code: str, message: str) -> Response:
    return answer(400, {"error": code, "error_description": message})


def userinfo(org: Org, request: Request) -> Response:
    """`GET /services/oauth2/userinfo`: who the token speaks for."""
    user = org.rows.tables["User"][org.user_id]
    base = instance_url(request)
    body = {
        "sub": f"{base}/id/{org.org_id}/{org.user_id}",
        "user_id": org.user_id,
        "organization_id": org.org_id,
        "preferred_username": user["Username"],
        "name": f"{user.get('FirstName', '')} {user['LastName']}".strip(),
        "email": user["Email"],
        "email_verified": True,
        "active": True,
        "user_type": "STANDARD",
        "zoneinfo": user["TimeZoneSidKey"],
        "locale": user["LocaleSidKey"],
        "urls": {"rest": f"{base}/services/data/v{{version}}/"},
    }
    return answer(200, body)
