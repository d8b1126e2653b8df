"""The stand-in's sign-in: which tokens are good, and the token and userinfo endpoints."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from tieline.sandbox import Issued, Issuer, Request, Response, claims, public_key
from tieline_salesforce.sandbox_errors import ApiError, answer
from tieline_salesforce.sandbox_jwt import problem
from tieline_salesforce.sandbox_org import Org

AUTHORIZE_PATH = "/services/oauth2/authorize"
REVOKE_PATH = "/services/oauth2/revoke"
CERTIFICATE_PATH = "/_sandbox/certificate"
"""`PUT`: an administrator puts the application's certificate (or public key) in PEM into the org."""
TOKEN_PATH = "/services/oauth2/token"  # noqa: S105 - a path
USERINFO_PATH = "/services/oauth2/userinfo"
CLIENT_ID = "3MVG9tieline.sandbox.consumer"
CLIENT_SECRET = "sandbox-consumer-secret"  # noqa: S105 - the stand-in's own, of no use elsewhere
REFRESH_TOKEN = "5Aep861sandbox-refresh"  # noqa: S105 - the stand-in's own, of no use elsewhere
FIRST_TOKEN = "00DKh0sandbox!access-0"  # noqa: S105 - the stand-in's own, of no use elsewhere
SHORT_LIFE = 20
"""Calls a token is good for under the vice token-expiry."""
ISSUED = "00DKh0sandbox!person-"
"""How tokens of a person's sign-in begin."""
AUDIENCES = frozenset({"https://login.salesforce.com", "https://test.salesforce.com"})
_CODE = "authorization_code"
_JWT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_NO_HOST = "https://sandbox.my.salesforce.com"


class Tokens:
    """The access tokens that were given out, and how many calls each has left; and who signed in by browser."""

    def __init__(self, short: bool, rotates: bool = False) -> None:
        self._short = short
        self.issuer = Issuer(CLIENT_ID, ISSUED, rotates=rotates)
        self.certificate = ""
        self.left: dict[str, int] = {}
        self.issued = 0
        self.left[FIRST_TOKEN] = SHORT_LIFE

    def issue(self) -> str:
        """A new token."""
        self.issued += 1
        token = f"{FIRST_TOKEN[:-1]}{self.issued}"
        self.left[token] = SHORT_LIFE
        return token

    def know(self, token: str) -> None:
        """A token that the issuer made."""
        self.left[token] = SHORT_LIFE

    def check(self, headers: Mapping[str, str]) -> None:
        """Use up one call. Raises ApiError INVALID_SESSION_ID when the token is unknown or spent."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        good = scheme.lower() in ("bearer", "oauth") and token in self.left
        good = good and not self.issuer.ended(token)
        if good and self._short:
            self.left[token] -= 1
            good = self.left[token] >= 0
        if not good:
            raise ApiError(401, "INVALID_SESSION_ID", "Session expired or invalid")

    def dump(self) -> dict[str, Any]:
        """The state as plain JSON."""
        kept = {"left": dict(self.left), "issued": self.issued}
        return {**kept, "sign_ins": self.issuer.dump(), "certificate": self.certificate}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `dump` gave."""
        self.left, self.issued = dict(state["left"]), int(state["issued"])
        self.certificate = str(state.get("certificate", ""))
        if "sign_ins" in state:
            self.issuer.restore(state["sign_ins"])


def sign_in_answer(org: Org, tokens: Tokens, request: Request, now: int) -> Response | None:
    """Answer what belongs to signing in and needs no token; None for everything else."""
    if request.path == TOKEN_PATH:
        return _token(org, tokens, request, now)
    if request.path == AUTHORIZE_PATH and request.method == "GET":
        return tokens.issuer.authorize(request.params)
    if request.path == REVOKE_PATH and request.method == "POST":
        known = tokens.issuer.revoke(_form(request).get("token", ""))
        return answer(200, {}) if known else _refused("unsupported_token_type", "this token type is not supported")
    if request.path == CERTIFICATE_PATH and request.method == "PUT":
        tokens.certificate = request.payload().decode("ascii", "replace")
        return answer(200, {})
    return None


def _form(request: Request) -> dict[str, str]:
    form = dict(parse_qsl(request.payload().decode("utf-8", "replace"), keep_blank_values=True))
    return form | {k: str(v) for k, v in request.params.items()}


def _token(org: Org, tokens: Tokens, request: Request, now: int) -> Response:
    """The token endpoint: code, client credentials, refresh, JWT bearer. No `expires_in`, as the vendor [recorded]."""
    if request.method != "POST":
        return _refused("invalid_request", "must use HTTP POST")
    form = _with_basic(_form(request), request.headers)
    base = instance_url(request)
    grant = form.get("grant_type", "")
    problem = _problem(form) if grant != _JWT else _jwt_problem(org, tokens, form.get("assertion", ""), base, now)
    if problem is not None:
        return problem
    issued = _issued(tokens, grant, form)
    if issued is None:
        return _refused(
            "invalid_grant", "expired access/refresh token" if grant != _CODE else "invalid authorization code"
        )
    body = {
        "access_token": issued.access_token,
        "signature": base64.b64encode(f"signed {tokens.issued}".encode()).decode(),
        "scope": issued.scope,
        "instance_url": base,
        "id": f"{base}/id/{org.org_id}/{org.user_id}",
        "token_type": "Bearer",
        "issued_at": str(now),
    }
    # a refresh answers with a refresh token only where it is a new one
    if issued.refresh_token != form.get("refresh_token", ""):
        body["refresh_token"] = issued.refresh_token
    return answer(200, body)


def _issued(tokens: Tokens, grant: str, form: Mapping[str, str]) -> Issued | None:
    """The tokens; None when the grant is void. The refresh token that a stand-in starts with stays the same."""
    if grant == _CODE:
        issued = tokens.issuer.redeem(form)
    elif grant == "refresh_token" and form.get("refresh_token") != REFRESH_TOKEN:
        issued = tokens.issuer.refresh(form.get("refresh_token", ""))
    else:
        return Issued(tokens.issue(), form.get("refresh_token", ""), "api refresh_token")
    if issued is not None:
        tokens.know(issued.access_token)
    return issued


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


def _problem(form: Mapping[str, str]) -> Response | None:
    grant = form.get("grant_type", "")
    if grant not in ("client_credentials", "refresh_token", _CODE):
        return _refused("unsupported_grant_type", "grant type not supported")
    if form.get("client_id") != CLIENT_ID:
        return _refused("invalid_client_id", "client identifier invalid")
    secret = form.get("client_secret")
    if secret != CLIENT_SECRET and (grant == "client_credentials" or secret is not None):
        return _refused("invalid_client", "invalid client credentials")
    return None


def _jwt_problem(org: Org, tokens: Tokens, assertion: str, base: str, now: int) -> Response | None:
    """An assertion counts only with the certificate that an administrator put into the org."""
    try:
        told = claims(assertion, public_key(tokens.certificate))
    except (ValueError, IndexError):
        return _refused("invalid_grant", "invalid assertion")
    usernames = frozenset(str(user["Username"]) for user in org.rows.tables["User"].values())
    wrong = problem(told, CLIENT_ID, usernames, AUDIENCES | {base}, now)
    if wrong.startswith("client"):
        return _refused("invalid_client_id", wrong)
    return _refused("invalid_grant", wrong) if wrong else None


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
