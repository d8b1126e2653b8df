"""The token endpoint and who may call: private token, OAuth tokens, a token without scopes.

Tokens of a person's sign-in may do what its scopes say; the others may do everything.
"""

from __future__ import annotations

from typing import Any

from tieline.sandbox import Answer, Issued, Refusal
from tieline_hubspot.sandbox.call import Call, Route
from tieline_hubspot.sandbox.state import CLIENT_ID, State
from tieline_hubspot.sandbox.wire import not_found, refuse

TOKEN = "pat-na1-tieline-sandbox"  # noqa: S105 - a stand-in's throw-away token
NO_SCOPES = "pat-na1-without-scopes"
CLIENT_SECRET = "sandbox-secret"  # noqa: S105 - a stand-in's throw-away secret
REFRESH = "na1-refresh-tieline"
AUTHORIZE_PATH = "/oauth/authorize"
TOKEN_PATH = "/oauth/v1/token"  # noqa: S105 - a path
LIFETIME_S = 1800
USES = 20
"""How many calls a token is good for under the vice `token-expiry`."""


def tokens(call: Call) -> Answer:
    """`/oauth/{version}/token` and `/oauth/{version}/token/revoke` [spec]."""
    if call.method != "POST" or call.rest not in (["token"], ["token", "revoke"]):
        raise not_found()
    form = call.form()
    if form.get("client_id") != CLIENT_ID or form.get("client_secret") != CLIENT_SECRET:
        raise _refused("BAD_CLIENT_ID", "missing or unknown client id or secret")
    if call.rest[1:]:
        call.state.issuer.revoke(form.get("token", ""))
        return Answer(200, {})
    return _token(call, form)


def _token(call: Call, form: dict[str, str]) -> Answer:
    """Refresh, code or client credentials. The refresh token that a stand-in starts with stays the same."""
    grant = form.get("grant_type", "")
    if grant == "authorization_code":
        issued = call.state.issuer.redeem(form)
        if issued is None:
            raise _refused("BAD_AUTH_CODE", "missing or unknown auth code")
    elif grant == "refresh_token" and form.get("refresh_token") != REFRESH:
        issued = call.state.issuer.refresh(form.get("refresh_token", ""))
        if issued is None:
            raise _refused("BAD_REFRESH_TOKEN", "missing or invalid refresh token")
    elif grant in ("refresh_token", "client_credentials"):
        issued = Issued(f"na1-access-{call.state.count('tokens'):06d}", REFRESH, "")
    else:
        raise _refused("BAD_GRANT_TYPE", "missing or invalid grant type")
    call.state.tokens[issued.access_token] = 0
    body: dict[str, Any] = {"token_type": "bearer", "access_token": issued.access_token, "expires_in": LIFETIME_S}
    if grant != "client_credentials":
        body["refresh_token"] = issued.refresh_token
    return Answer(200, body)


def _refused(code: str, message: str) -> Refusal:
    return Refusal(400, {"status": code, "message": message})


def authorise(state: State, header: str, expiring: bool) -> str:
    """The kind of credential: `private`, `oauth` or `narrow`. Raises the 401 for anything else, and once used up."""
    scheme, _, token = header.partition(" ")
    known = token in (TOKEN, NO_SCOPES) or (token in state.tokens and not state.issuer.ended(token))
    if scheme.lower() != "bearer" or not known:
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


def wanted(route: Route, method: str) -> str:
    """The scope that a call needs; empty for one that any token may make. The vendor lets some calls pass for more
    than one scope; the stand-in asks for the narrowest that its documentation names."""
    name, tail = route.rest[:1] or [""], tuple(route.rest[1:])
    reads = method == "GET" or tail[-1:] == ("search",) or tail[-2:] == ("batch", "read")
    if route.family == "crm/objects" and name[0] in _OBJECTS:
        return f"crm.objects.{name[0]}.{'read' if reads else 'write'}"
    if route.family == "crm/properties" and name[0] in _OBJECTS:
        return f"crm.schemas.{name[0]}.read"
    if route.family == "crm/pipelines":
        return "crm.objects.deals.read"
    if route.family == "crm/owners":
        return "crm.objects.owners.read"
    if route.family == "marketing/campaigns":
        return f"marketing.campaigns.{'read' if reads else 'write'}"
    if route.family == "communication-preferences" and not reads:
        return "communication_preferences.read_write"
    return ""


_OBJECTS = ("companies", "contacts", "deals")


def lacks(state: State, header: str, route: Route, method: str) -> bool:
    """Whether the token is of a sign-in whose scopes do not cover the call."""
    granted = state.issuer.scope(header.partition(" ")[2])
    scope = wanted(route, method)
    return granted is not None and scope != "" and scope not in granted.split()


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
