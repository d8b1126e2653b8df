"""Who may call: OAuth tokens of people and of service accounts, and the token endpoint that gives them out."""

from __future__ import annotations

from tieline_google.sandbox.call import Call
from tieline_google.sandbox.state import CLIENT_ID, ISSUED, OWNER
from tieline_google.sandbox.wire import Answer, Refusal, refuse, unauthorised

TOKEN = "ya29.tieline-sandbox"  # noqa: S105 - a stand-in's throw-away token
CLIENT_SECRET = "sandbox-secret"  # noqa: S105 - as above
REFRESH = "1//tieline-sandbox"
AUTHORIZE_PATH = "/o/oauth2/v2/auth"
TOKEN_PATH = "/token"  # noqa: S105 - a path
LIFETIME_S = 3599
USES = 20
"""How many calls a token is good for under the vice `token-expiry`."""
ALL = frozenset({"contacts", "spreadsheets", "drive", "drive.file", "calendar", "calendar.events", "gmail.compose"})
"""What the stand-in's first token may do."""
_ROOT = "https://www.googleapis.com/auth/"


def tokens(call: Call) -> Answer:
    """`POST /token`: a code or a refresh token. A refresh answers without a new refresh token [doc]."""
    form, state = call.form(), call.state
    if form.get("client_id") != CLIENT_ID or form.get("client_secret") != CLIENT_SECRET:
        raise _refused(401, "invalid_client", "The OAuth client was not found.")
    grant = form.get("grant_type", "")
    if grant == "authorization_code":
        issued = state.issuer.redeem(form)
    elif grant == "refresh_token" and form.get("refresh_token") == REFRESH:
        return _given(call, f"ya29.access-{state.count('tokens'):06d}", OWNER, " ".join(_ROOT + s for s in sorted(ALL)))
    elif grant == "refresh_token":
        issued = state.issuer.refresh(form.get("refresh_token", ""))
    else:
        raise _refused(400, "unsupported_grant_type", f"Invalid grant_type: {grant}")
    if issued is None:
        raise _refused(400, "invalid_grant", "Token has been expired or revoked.")
    return _given(call, issued.access_token, OWNER, issued.scope, issued.refresh_token)


def _given(call: Call, access: str, who: str, scope: str, refresh: str = "") -> Answer:
    call.state.tokens[access] = {"used": 0, "scope": scope, "who": who}
    body = {"access_token": access, "expires_in": LIFETIME_S, "scope": scope, "token_type": "Bearer"}
    if refresh:
        body["refresh_token"] = refresh
    return Answer(200, body)


def _refused(status: int, error: str, text: str) -> Refusal:
    return Refusal(status, {"error": error, "error_description": text})


def authorise(call: Call) -> None:
    """Note on the call for whom it speaks and what it may. Raises the 401."""
    scheme, _, token = call.header("authorization").partition(" ")
    row = call.state.tokens.get(token)
    if scheme.lower() != "bearer" or (row is None and token != TOKEN):
        raise unauthorised()
    if token.startswith(ISSUED) and call.state.issuer.scope(token) is None:
        raise unauthorised()
    if row is None:
        call.who, call.scopes = OWNER, ALL
        if "token-expiry" not in call.vices:
            return
        row = call.state.tokens.setdefault(token, {"used": 0, "scope": " ".join(_ROOT + s for s in ALL), "who": OWNER})
    row["used"] += 1
    if "token-expiry" in call.vices and row["used"] > USES:
        raise unauthorised()
    call.who, call.scopes = row["who"], frozenset(s.removeprefix(_ROOT) for s in row["scope"].split())


def need(call: Call, *scopes: str) -> None:
    """Raises the 403 of credentials that have none of these scopes [doc: the shape]."""
    if not call.scopes & set(scopes):
        details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}]
        raise refuse(403, "Request had insufficient authentication scopes.", "PERMISSION_DENIED", details)
