"""Who may call: OAuth tokens, the API token of old, and the token endpoint that gives them out."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error
from typing import Any

from tieline.sandbox import Answer, Refusal
from tieline_zendesk.sandbox.call import Call
from tieline_zendesk.sandbox.state import CLIENT_ID, State
from tieline_zendesk.sandbox.wire import Row, forbidden, unauthorised

TOKEN = "zd-tieline-sandbox"  # noqa: S105 - a stand-in's throw-away token
READER = "zd-read-only"
API_TOKEN = "zd-api-token"  # noqa: S105 - as above
CLIENT_SECRET = "sandbox-secret"  # noqa: S105 - as above
REFRESH = "zd-refresh-tieline"
AUTHORIZE_PATH = "/oauth/authorizations/new"
TOKEN_PATH = "/oauth/tokens"  # noqa: S105 - a path
LIFETIME_S = 1800
REFRESH_LIFETIME_S = 2_592_000
LEAST_S, MOST_S = 300, 172_800
"""What `expires_in` may be [doc]."""
USES = 20
"""How many calls a token is good for under the vice `token-expiry`."""
_EVERYTHING = "read write"


def tokens(call: Call) -> Answer:
    """`POST /oauth/tokens`: a code, a refresh token or the client's own credentials. A refresh voids both the access
    and the refresh token that were there before [doc]."""
    form, state = call.form(), call.state
    if form.get("client_id") != CLIENT_ID or form.get("client_secret") != CLIENT_SECRET:
        raise _refused(401, "invalid_client", "Client authentication failed")
    grant, scope = form.get("grant_type", ""), form.get("scope") or _EVERYTHING
    if grant == "authorization_code":
        issued = state.issuer.redeem(form)
        if issued is None:
            raise _refused(400, "invalid_grant", "The provided authorization grant is invalid or expired")
        return _given(state, issued.access_token, issued.refresh_token, issued.scope or _EVERYTHING, form)
    if grant == "refresh_token":
        return _refreshed(state, form)
    if grant == "client_credentials":
        return _given(state, f"zd-access-{state.count('tokens'):06d}", "", scope, form)
    raise _refused(400, "unsupported_grant_type", "The authorization grant type is not supported")


def _refreshed(state: State, form: dict[str, str]) -> Answer:
    """The refresh token that a stand-in starts with is good once, as any other."""
    old = form.get("refresh_token", "")
    if old == REFRESH and state.count("first_refresh") == 1:
        fresh, access, scope = f"zd-refresh-{state.count('refreshes'):06d}", "", _EVERYTHING
    elif old in state.refreshes:
        fresh, access, scope = f"zd-refresh-{state.count('refreshes'):06d}", "", state.refreshes.pop(old)
    else:
        issued = state.issuer.refresh(old)
        if issued is None:
            raise _refused(400, "invalid_grant", "The provided authorization grant is invalid or expired")
        return _replaced(state, old, issued.access_token, issued.refresh_token, issued.scope or _EVERYTHING, form)
    state.refreshes[fresh] = scope
    return _replaced(state, old, access or f"zd-access-{state.count('tokens'):06d}", fresh, scope, form)


def _replaced(state: State, old: str, access: str, fresh: str, scope: str, form: dict[str, str]) -> Answer:
    state.tokens = {token: row for token, row in state.tokens.items() if row["refresh"] != old}
    return _given(state, access, fresh, scope, form)


def _given(state: State, access: str, fresh: str, scope: str, form: dict[str, str]) -> Answer:
    asked = form.get("expires_in", "")
    seconds = max(LEAST_S, min(MOST_S, int(asked))) if asked.isdigit() else LIFETIME_S
    state.tokens[access] = {"used": 0, "scope": scope, "refresh": fresh}
    body: dict[str, Any] = {"access_token": access, "token_type": "bearer", "scope": scope, "expires_in": seconds}
    if fresh:
        body.update(refresh_token=fresh, refresh_token_expires_in=REFRESH_LIFETIME_S)
    return Answer(200, body)


def _refused(status: int, error: str, text: str) -> Refusal:
    return Refusal(status, {"error": error, "error_description": text})


def authorise(call: Call, route: str, expiring: bool) -> int:
    """The id of the user whom the credentials stand for. Raises the 401, or the 403 where the scope does not do."""
    scheme, _, rest = call.header("authorization").partition(" ")
    if scheme.lower() == "basic":
        return _basic(call.state, rest)
    row = call.state.tokens.get(rest)
    known = row is not None or rest in (TOKEN, READER)
    if scheme.lower() != "bearer" or not known or call.state.issuer.ended(rest):
        raise unauthorised()
    _use(call.state, rest, row, expiring)
    scope = "read" if rest == READER else _EVERYTHING if row is None else str(row["scope"])
    if not _covers(scope.split(), route, call.request.method):
        raise forbidden()
    return call.state.admin


def _basic(state: State, text: str) -> int:
    """`ADDRESS/token:API_TOKEN`: one of the account's own people [doc]."""
    try:
        user, _, secret = b64decode(text, validate=True).decode().partition(":")
    except (Error, ValueError):
        raise unauthorised() from None
    email, _, kind = user.rpartition("/")
    key = state.emails.get(email.casefold())
    if kind != "token" or secret != API_TOKEN or key is None or state.users.rows[key]["role"] == "end-user":
        raise unauthorised()
    return key


def _use(state: State, token: str, row: Row | None, expiring: bool) -> None:
    if not expiring:
        return
    if row is None:
        row = state.tokens.setdefault(token, {"used": 0, "scope": _EVERYTHING, "refresh": ""})
    row["used"] += 1
    if row["used"] > USES:
        raise unauthorised()


def _covers(scopes: list[str], route: str, method: str) -> bool:
    """`read` and `write` are for everything, `users:read` for one resource; `write` alone does not read [doc]. Which
    resource a path of another name belongs to is [memory]; after a job anybody may ask who could start one."""
    right = "read" if method == "GET" else "write"
    first, _, rest = route.partition("/")
    resource = rest.partition("/")[0] if first == "incremental" else _BELONGS.get(first, first)
    return right in scopes or f"{resource}:{right}" in scopes or (first == "job_statuses" and bool(scopes))


_BELONGS = {
    "user_fields": "users",
    "deleted_users": "users",
    "organization_fields": "organizations",
    "organization_memberships": "organizations",
    "organization_merges": "organizations",
}
