"""Signing in by browser: one attempt with its `state` and PKCE verifier, and what a browser that comes back may say.

It decides whether a code is taken. It opens no socket and no browser; see `loopback` for the one that listens.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from tieline.auth.endpoint import Answer, Endpoint, InvalidGrant
from tieline.auth.forms import authorize_url
from tieline.auth_settings import AuthorizationCodeAuth
from tieline.connector import HttpProfile
from tieline.errors import ConfigError, NotAuthorised, TielineError
from tieline.hosts import is_loopback, origin, split
from tieline.secrets import Redactor, Secret
from tieline.services import Services
from tieline.wire import strike

STATE_BYTES: Final = 32
"""256 random bits."""
VERIFIER_BYTES: Final = 64
"""86 characters of the 43 to 128 that RFC 7636 asks for."""
SAID: Final = 200
"""Characters shown of the system's reason for a refusal."""


class Refused(NotAuthorised):
    """What came back is not taken, and no token was asked for."""


class Login:
    """One attempt to sign in. `take` answers once."""

    def __init__(
        self,
        settings: AuthorizationCodeAuth,
        endpoint: Endpoint,
        *,
        system: str,
        base_url: str,
        profile: HttpProfile,
        scopes: Sequence[str],
        redirect: str,
        redactor: Redactor,
    ) -> None:
        self._settings, self._endpoint, self._system, self._redactor = settings, endpoint, system, redactor
        self.redirect = redirect
        """Where the browser is sent back to."""
        self.scopes = tuple(scopes)
        self._state = redactor.add(Secret(secrets.token_urlsafe(STATE_BYTES)))
        self._verifier = redactor.add(Secret(secrets.token_urlsafe(VERIFIER_BYTES)))
        self._used = False
        address = authorize_endpoint(profile, base_url, system)
        self._issuers = {origin(*split(address)[:3]), origin(*split(base_url)[:3]), origin(*split(endpoint.url)[:3])}
        self.url = authorize_url(
            address, settings.client_id, redirect, self.scopes, self._state.reveal(), self._verifier
        )
        """What the person's browser is to open. It holds the `state`: it is shown to that person and not logged."""

    def code(self, url: str) -> Secret:
        """The code in the address that the browser came back with. Raises Refused, which quotes no code.

        The address must lead to `redirect` and carry the very `state` of this attempt, once; `iss`, where it is sent,
        must be the system's own (RFC 9207). An attempt takes one answer, good or bad.
        """
        if self._used:
            raise Refused(f"{self._system}: this sign-in was answered already; begin again")
        self._used = True
        where, words = _parsed(url)
        if where != _parsed(self.redirect)[0]:
            raise self._refused(f"the address does not begin with {self.redirect}")
        if not hmac.compare_digest(words.get("state", "").encode(), self._state.reveal().encode()):
            raise self._refused("the answer does not carry the state of this sign-in; nothing was asked for with it")
        issuer = words.get("iss")
        if issuer is not None and issuer.rstrip("/") not in self._issuers:
            raise self._refused("the answer is from another issuer")
        if "error" in words:
            said = ": ".join(words[name] for name in ("error", "error_description") if words.get(name))
            raise self._refused(f"the system says {strike(self._redactor.redact(' '.join(said.split())))[:SAID]}")
        if not words.get("code"):
            raise self._refused("the answer carries no code")
        return self._redactor.add(Secret(words["code"]))

    def exchange(self, code: Secret, client_secret: Secret | None) -> Answer:
        """Ask for the tokens, once. Raises NotAuthorised, RateLimited or Unavailable."""
        answer = self._endpoint.ask(
            "authorization_code", client_secret, code=code, redirect_uri=self.redirect, code_verifier=self._verifier
        )
        if isinstance(answer, InvalidGrant):
            raise NotAuthorised(f"{self._system}: the system does not take the code{answer}", hint=self._again)
        if isinstance(answer, TielineError):
            raise answer
        return answer

    @property
    def _again(self) -> str:
        return f"tieline auth login {self._system}"

    def _refused(self, why: str) -> Refused:
        return Refused(f"{self._system}: not signed in: {why}", hint=self._again)


def authorize_endpoint(profile: HttpProfile, base_url: str, system: str) -> str:
    """Where browsers are sent: the vendor's own page, or that of a stand-in when base_url is on this machine."""
    told = profile.oauth.authorize if profile.oauth is not None else ""
    if not told:
        raise ConfigError(f"{system}: this connector has no sign-in by browser")
    if told.startswith("/"):
        return Services(base_url, profile, system).url(told)
    return base_url.rstrip("/") + urlsplit(told).path if is_loopback(split(base_url)[1]) else told


def _parsed(url: str) -> tuple[tuple[str, str, int | None, str], dict[str, str]]:
    """Where an address leads, and its parameters; one that comes twice counts as not said."""
    try:
        parts = urlsplit(url.strip())
        pairs = parse_qsl(parts.query, keep_blank_values=True, max_num_fields=50)
        where = (parts.scheme.lower(), parts.hostname or "", parts.port, parts.path)
    except ValueError:
        return ("", "", None, ""), {}
    names = [name for name, _ in pairs]
    return where, {name: value for name, value in pairs if names.count(name) == 1}
