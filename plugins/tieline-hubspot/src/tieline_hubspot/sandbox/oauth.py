"""The token endpoint and who may call: private token, OAuth tokens, a token without scopes."""

from __future__ import annotations

from typing import Any

from tieline_hubspot.sandbox.call import Call
from tieline_hubspot.sandbox.state import State
from tieline_hubspot.sandbox.wire import Answer, Refusal, not_found, refuse

TOKEN = "pat-na1-tieline-sandbox"  # noqa: S105 - a stand-in's throw-away token
NO_SCOPES = "pat-na1-without-scopes"
CLIENT_ID = "tieline-sandbox"
CLIENT_SECRET = "sandbox-secret"  # noqa: S105 - a stand-in's throw-away secret
REFRESH = "na1-refresh-tieline"
TOKEN_PATH = "/oauth/v1/token"  # noqa: S105 - a path
LIFETIME_S = 1800
USES = 20
"""How many calls a token is good for under the vice `token-expiry`."""


def tokens(call: Call) -> Answer:
    """`/oauth/{version}/token`: refresh, authorization code or client credentials; refresh tokens stay the same."""
    if call.rest != ["token"] or call.method != "POST":
        raise not_found()
    form = call.form()
    grant = form.get("grant_type", "")
    if form.get("client_id") != CLIENT_ID or form.get("client_secret") != CLIENT_SECRET:
        raise _refused("BAD_CLIENT_ID", "missing or unknown client id or secret")
    if grant == "refresh_token" and form.get("refresh_token") != REFRESH:
        raise _refused("BAD_REFRESH_TOKEN", "missing or invalid refresh token")
    if grant not in ("refresh_token", "authorization_code", "client_credentials"):
        raise _refused("BAD_GRANT_TYPE", "missing or invalid grant type")
    access = f"na1-access-{call.state.count('tokens'):06d}"
    call.state.tokens[access] = 0
    body: dict[str, Any] = {"token_type": "bearer", "access_token": access, "expires_in": LIFETIME_S}
    if grant != "client_credentials":
        body["refresh_token"] = REFRESH
    return Answer(200, body)


def _refused(code: str, message: str) -> Refusal:
    return Refusal(400, {"status": code, "message": message})


def authorise(state: State, header: str, expiring: bool) -> str:
    """The kind of credential: `private`, `oauth` or `narrow`. Raises the 401 for anything else, and once used up."""
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or (token not in state.tokens and token not in (TOKEN, NO_SCOPES)):
        raise refuse(401, "INVALID_AUTHENTICATION", "Authentication credentials not found or not valid")
    if token == NO_SCOPES:
        return "narrow"
    used = state.tokens.get(token, 0) + 1
    if expiring:
        if used > USES:
            raise refuse(401, "EXPIRED_AUTHENTICATION", "The OAuth token used to make this call has expired")
        state.tokens[token] = used
    return "private" if token == TOKEN else "oauth"


SCOPES_HELP = "https://developers.hubspot.com/scopes"


def without_scopes(family: str, rest: list[str]) -> Refusal:
    """The 403 for a token that may not: properties answer in a shape of their own [rec]."""
    if family == "crm/properties":
        kind = rest[0] if rest else ""
        return refuse(403, None, f"You do not have permissions to view object type {kind} (requires {kind}-read)")
    name = rest[0] if rest else family
    missing = {
        "message": "One or more of the following scopes are required.",
        "context": {
            "requiredScopes": ["crm.objects.custom.read"],
            "requiredGranularScopes": [f"crm.objects.{name}.read", f"crm.objects.{name}.write"],
        },
    }
    text = f"This app has not been granted the scopes that this call requires. See {SCOPES_HELP}."
    return refuse(403, "MISSING_SCOPES", text, errors=[missing], links={"scopes": SCOPES_HELP})
