"""Who may call: OAuth tokens of people and of service accounts, and the token endpoint that gives them out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tieline.sandbox import Answer, Refusal, claims, public_key
from tieline_google.sandbox.assertion import timed_wrong
from tieline_google.sandbox.call import Call
from tieline_google.sandbox.state import CLIENT_ID, ISSUED, OWNER
from tieline_google.sandbox.wire import nowhere, refuse, unauthorised

TOKEN = "ya29.tieline-sandbox"  # noqa: S105 - a stand-in's throw-away token
CLIENT_SECRET = "sandbox-secret"  # noqa: S105 - as above
REFRESH = "1//tieline-sandbox"
AUTHORIZE_PATH = "/o/oauth2/v2/auth"
TOKEN_PATH = "/token"  # noqa: S105 - a path
REVOKE_PATH = "/revoke"
CERTIFICATE_PATH = "/_sandbox/certificate"
"""`PUT`: the service account's certificate or public key in PEM, with which assertions must be signed from then on."""
SERVICE_ACCOUNT = "tieline@northbay-sandbox.iam.gserviceaccount.com"
AUDIENCE = "https://oauth2.googleapis.com/token"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LIFETIME_S = 3599
USES = 20
"""How many calls a token is good for under the vice `token-expiry`."""
ALL = frozenset({"contacts", "spreadsheets", "drive", "drive.file", "calendar", "calendar.events", "gmail.compose"})
_LESS = frozenset({"contacts.readonly", "spreadsheets.readonly", "drive.readonly", "drive.metadata.readonly"})
_LESS_MAIL = frozenset({"gmail.readonly", "calendar.readonly", "calendar.events.readonly"})
"""What the stand-in's first token may do."""
_ROOT = "https://www.googleapis.com/auth/"


def tokens(call: Call) -> Answer:
    """`POST /token`: a code or a refresh token. A refresh answers without a new refresh token [doc]."""
    form, state = call.form(), call.state
    if call.method != "POST":
        raise nowhere()
    if form.get("grant_type") == JWT_BEARER:
        return _signed_in(call, form.get("assertion", ""))
    if form.get("client_id") != CLIENT_ID or form.get("client_secret") != CLIENT_SECRET:
        raise _refused(401, "invalid_client", "The OAuth client was not found.")
    grant = form.get("grant_type", "")
    if grant == "authorization_code":
        issued = state.issuer.redeem(form)
    elif grant == "refresh_token" and form.get("refresh_token") == REFRESH and state.users[OWNER] == "active":
        return _given(call, f"ya29.access-{state.count('tokens'):06d}", OWNER, " ".join(_ROOT + s for s in sorted(ALL)))
    elif grant == "refresh_token":
        issued = state.issuer.refresh(form.get("refresh_token", ""))
    else:
        raise _refused(400, "unsupported_grant_type", f"Invalid grant_type: {grant}")
    if issued is None:
        raise _refused(400, "invalid_grant", "Token has been expired or revoked.")
    return _given(call, issued.access_token, OWNER, issued.scope, issued.refresh_token)


def _signed_in(call: Call, assertion: str) -> Answer:
    """A service account's JWT, for itself or for the user in `sub` [doc; iss: the refusals' words]."""
    state = call.state
    try:
        told = claims(assertion, public_key(state.certificate) if state.certificate else None)
    except (ValueError, IndexError):
        raise _refused(400, "invalid_grant", "Invalid JWT Signature.") from None
    host = call.header("host")
    if told.get("iss") != SERVICE_ACCOUNT:
        raise _refused(400, "invalid_grant", "Invalid grant: account not found")
    if told.get("aud") not in (AUDIENCE, f"http://{host}{TOKEN_PATH}", f"https://{host}{TOKEN_PATH}"):
        raise _refused(400, "invalid_grant", "Invalid JWT: Failed audience check.")
    if timed_wrong(told, call.now):
        said = "Token must be a short-lived token (60 minutes) and in a reasonable timeframe."
        raise _refused(400, "invalid_grant", f"Invalid JWT: {said} Check your iat and exp values in the JWT claim.")
    asked = str(told.get("scope") or "").split()
    if not asked:
        raise _refused(400, "invalid_scope", "Invalid OAuth scope or ID token audience provided.")
    who = str(told.get("sub") or SERVICE_ACCOUNT)
    if who != SERVICE_ACCOUNT:
        _delegated(call, who, {s.removeprefix(_ROOT) for s in asked})
    access = f"ya29.c.service-{state.count('tokens'):06d}"
    state.tokens[access] = {"used": 0, "scope": " ".join(asked), "who": who}
    return Answer(200, {"access_token": access, "expires_in": LIFETIME_S, "token_type": "Bearer"})


def _delegated(call: Call, who: str, asked: set[str]) -> None:
    """Whether the service account may speak for this user: who is there, and only for delegated scopes."""
    if call.state.users.get(who) != "active":
        raise _refused(400, "invalid_grant", "Invalid email or User ID")
    if not asked <= (set(call.state.delegated) or ALL | _LESS | _LESS_MAIL):
        method = "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any"
        raise _refused(401, "unauthorized_client", f"{method} of the scopes requested.")


def _revoke(call: Call) -> Answer:
    """`POST /revoke`: of a token, with all that came of the same sign-in [doc]."""
    if not call.state.issuer.revoke(call.form().get("token", "") or call.param("token")):
        raise _refused(400, "invalid_token", "Token expired or revoked")
    return Answer(200, {})


def _certificate(call: Call) -> Answer:
    call.state.certificate = call.request.payload().decode("ascii", "replace")
    return Answer(200, {})


OPEN: Mapping[str, Callable[[Call], Answer]] = {
    TOKEN_PATH: tokens,
    "/oauth2/v4/token": tokens,  # an older address of it [rec]
    REVOKE_PATH: _revoke,
    CERTIFICATE_PATH: _certificate,
}
"""What is answered to anybody."""


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
    if row is not None and token.startswith(ISSUED) and call.state.issuer.scope(token) is None:
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


_OLDER = ("/drive/", "/calendar/", "/gmail/")


def need(call: Call, *scopes: str) -> None:
    """Raises the 403 of credentials that have none of these scopes [doc: the shape]."""
    if not call.scopes & set(scopes):
        details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}]
        refusal = refuse(403, "Request had insufficient authentication scopes.", "PERMISSION_DENIED", details)
        if call.request.path.startswith(_OLDER) and isinstance(refusal.body, dict):
            error: dict[str, Any] = refusal.body["error"]
            reason = {"message": "Insufficient Permission", "domain": "global", "reason": "insufficientPermissions"}
            error["errors"] = [reason]
        raise refusal
