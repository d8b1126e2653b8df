"""Which credential a request carries: the only importer of authlib, which it uses to build token requests.

It fetches, keeps and renews access tokens, one renewal at a time. It opens no socket (`send` is handed in), never
sends a credential to a host the connector did not name, and shows no secret in any text.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from tieline.auth_settings import (
    AnyAuth,
    AuthSettings,
    ClientCredentialsAuth,
    NoAuth,
    RefreshTokenAuth,
    TokenAuth,
    describe,
)
from tieline.connector import HttpProfile
from tieline.errors import ConfigError, NotAuthorised, RateLimited, TielineError, Unavailable
from tieline.hosts import split, trusted_origin
from tieline.ports import Clock, Request, Response
from tieline.secrets import WHERE, Redactor, Secret, SecretSource, Veiled, resolve
from tieline.wire import retry_after, strike

EARLY: Final = 60.0
"""Seconds before its end at which a token is renewed, or a quarter of its life where that is less."""
SAID: Final = 200
"""Characters shown of a token endpoint's explanation."""
_PRINTABLE: Final = re.compile(r"[\x21-\x7e]+")


# -- tokens kept between runs


@dataclass(frozen=True, slots=True)
class Grant:
    """What is kept of a grant between runs. `origin` is a fingerprint of the configured refresh token it grew from:
    a person who puts a new one into the configuration starts afresh."""

    refresh_token: Secret
    origin: str
    reauth_required: bool = False
    """The system refused the refresh token: a person has to sign in again."""


class TokenStore(Protocol):
    """Keeps a grant by system. `save` returns when it is safe against a crash."""

    def load(self, system: str) -> Grant | None:
        """The grant saved last, or None."""
        ...

    def save(self, system: str, grant: Grant) -> None:
        """Keep this one in place of any other."""
        ...


class MemoryTokens:
    """Grants that last as long as the process."""

    def __init__(self) -> None:
        self._grants: dict[str, Grant] = {}

    def load(self, system: str) -> Grant | None:
        """The grant, if there is one."""
        return self._grants.get(system)

    def save(self, system: str, grant: Grant) -> None:
        """Keep it."""
        self._grants[system] = grant


# -- signing


@dataclass(frozen=True, slots=True)
class _Token:
    """An access token as the header carries it; `until` is a time in ms, None when the system does not say."""

    header: Veiled
    until: float | None = None


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a token endpoint's answer comes to."""

    token: _Token
    refresh_token: Secret | None


class Authoriser:
    """The credential of one system; `http.Client` asks it to sign each request. Threads may share it.

    `send` carries a token request with an absolute URL, as `Transport.send` does. Secrets are resolved at first use.
    Raises ConfigError at once when the token endpoint is not a host that credentials may go to.
    """

    def __init__(
        self,
        settings: AnyAuth,
        *,
        system: str,
        base_url: str,
        profile: HttpProfile,
        send: Callable[[Request], Response],
        clock: Clock,
        root: Path,
        store: TokenStore | None = None,
        redactor: Redactor | None = None,
    ) -> None:
        self._settings, self._system, self._send, self._clock, self._root = settings, system, send, clock, root
        self._profile, self._store, self._redactor = profile, store or MemoryTokens(), redactor or Redactor()
        self._token_url = self._endpoint(base_url)
        self._lock = threading.Lock()
        self._token: _Token | None = None
        self._turn = 0
        """Counts renewals, good or bad: whoever waited for one takes its result."""
        self._failure: TielineError | None = None
        self._dead: NotAuthorised | None = None
        self.instance_url: str | None = None
        """The origin a token answer named for the account's API, if credentials may go there."""

    def authorise(self, request: Request) -> None:
        """Put the credential into `request.headers`, fetching or renewing a token first where needed.

        Raises NotAuthorised (also ConfigError for a secret that is not there), RateLimited, or Unavailable with
        `sent` False: the request itself has not left.
        """
        token = self._token
        if token is None or (token.until is not None and self._clock.now() >= token.until):
            if isinstance(self._settings, NoAuth):
                return
            token = self._renew(token)
        request.headers = {**request.headers, "authorization": token.header}

    def refresh(self, request: Request) -> bool:
        """`request` was refused: get a newer credential than it carries. False when there is none to get.

        One renewal at a time; threads that waited for it take its result, a failure as well.
        """
        if isinstance(self._settings, NoAuth):
            return False
        stale = self._token
        if stale is not None and request.headers.get("authorization") != stale.header:
            return True  # somebody renewed it meanwhile
        return self._renew(stale).header != (stale.header if stale else None)

    def _renew(self, stale: _Token | None) -> _Token:
        turn = self._turn
        with self._lock:
            if self._dead is not None:
                raise NotAuthorised(str(self._dead))
            if self._token is not None and self._token is not stale:
                return self._token
            if self._turn != turn and self._failure is not None:
                raise _again(self._failure)
            try:
                result = self._fetch()
            except TielineError as error:  # a secret that is not there
                result = error
            self._turn += 1  # after it, so that whoever began to wait meanwhile sees that it was a wait for this one
            self._failure = None if isinstance(result, _Token) else result
            if isinstance(result, _Token):
                self._token = result
                return result
            if isinstance(result, NotAuthorised):
                self._dead = result  # asking again could not help, and would look like an attack
        raise result

    def _fetch(self) -> _Token | TielineError:
        """A new token, or the error to raise. The lock is held."""
        settings = self._settings
        if isinstance(settings, TokenAuth):
            # a command or file may hold a newer one by now
            return self._bearer(self._secret(settings.token), str(settings.token))
        if isinstance(settings, RefreshTokenAuth):
            return self._exchange_refresh_token(settings)
        assert isinstance(settings, ClientCredentialsAuth)  # noqa: S101 for the type checker: NoAuth never gets here
        answer = self._ask("client_credentials", self._secret(settings.client_secret), scope=settings.scope)
        if isinstance(answer, _InvalidGrant):
            return NotAuthorised(f"{self._system}: the token endpoint refuses the client{answer}")
        return answer if isinstance(answer, TielineError) else answer.token

    def _exchange_refresh_token(self, settings: RefreshTokenAuth) -> _Token | TielineError:
        configured = self._secret(settings.refresh_token)
        origin = hashlib.sha256(configured.reveal().encode()).hexdigest()[:16]
        grant = self._store.load(self._system)
        if grant is None or grant.origin != origin:
            grant = Grant(configured, origin)
        if grant.reauth_required:
            return self._reauthorise("was refused before")
        self._redactor.add(grant.refresh_token)
        client_secret = self._secret(settings.client_secret) if settings.client_secret else None
        answer = self._ask("refresh_token", client_secret, refresh_token=grant.refresh_token)
        if isinstance(answer, _InvalidGrant):
            self._store.save(self._system, Grant(grant.refresh_token, origin, reauth_required=True))
            return self._reauthorise(f"is refused{answer}")
        if isinstance(answer, TielineError):
            return answer
        if answer.refresh_token is not None and answer.refresh_token != grant.refresh_token:
            # saved before the new access token is used: from here on the old one may be void
            self._store.save(self._system, Grant(answer.refresh_token, origin))
        return answer.token

    def _reauthorise(self, why: str) -> NotAuthorised:
        return NotAuthorised(
            f"reauth_required: the refresh token of {self._system} {why}; sign in again and put the new one into "
            "the configuration"
        )

    def _secret(self, source: SecretSource) -> Secret:
        return self._redactor.add(resolve(source, self._root))

    def _bearer(self, secret: Secret, where: str, until: float | None = None) -> _Token | TielineError:
        if not _PRINTABLE.fullmatch(secret.reveal()):
            return ConfigError(
                f"the token of {self._system} from {where} holds blanks, line ends or other odd characters", hint=WHERE
            )
        return _Token(Veiled(f"Bearer {secret.reveal()}"), until)

    # -- the token endpoint

    def _endpoint(self, base_url: str) -> str:
        settings = self._settings
        if isinstance(settings, (TokenAuth, NoAuth)):
            return ""
        what = f"token_url of {self._system}"
        if settings.token_url is None:
            if not self._profile.token_path:
                raise ConfigError(f"{what}: this connector does not know one; set auth.token_url")
            trusted_origin(base_url, self._profile.hosts, f"base_url of {self._system}")
            return base_url.rstrip("/") + self._profile.token_path
        own_host = split(base_url)[1]
        return trusted_origin(settings.token_url, (*self._profile.hosts, own_host), what) + split(settings.token_url)[3]

    def _ask(
        self,
        grant_type: str,
        client_secret: Secret | None,
        *,
        refresh_token: Secret | None = None,
        scope: str | None = None,
    ) -> _Answer | TielineError:
        assert isinstance(self._settings, (ClientCredentialsAuth, RefreshTokenAuth))  # noqa: S101 for the type checker
        form = _token_form(grant_type, self._settings.client_id, client_secret, refresh_token, scope)
        try:
            return self._understand(
                self._send(
                    Request("POST", self._token_url, headers={"accept": "application/json"}, form=form, write=True)
                )
            )
        except Unavailable as error:
            trouble, kind = str(error), type(error)
        return kind(f"{self._system}: no token: {trouble}", sent=False)

    def _understand(self, response: Response) -> _Answer | TielineError:
        what = f"{self._system}: the token endpoint"
        if response.status == 429:
            return RateLimited(f"{what} asks for a pause", retry_after=retry_after(response.headers, self._clock))
        try:
            said = response.json()
        except ValueError:
            said = None
        if 200 <= response.status < 300:
            if not isinstance(said, dict) or not isinstance(said.get("access_token"), str) or not said["access_token"]:
                return Unavailable(f"{what} answered {response.status} without an access token", sent=False)
            return self._accept(said)
        if not 400 <= response.status < 500:
            return Unavailable(f"{what} answered {response.status}", sent=False)
        code = said.get("error") if isinstance(said, dict) else None
        why = self._explain(said)
        if code == "invalid_grant":
            return _InvalidGrant(why)
        return NotAuthorised(f"{what} refuses the client ({response.status}){why}")

    def _explain(self, said: Any) -> str:
        """The endpoint's own words, as far as they may be shown."""
        if not isinstance(said, dict):
            return ""
        words = (said.get(key) for key in ("error", "error_description", "message"))
        text = ": ".join(w for w in words if isinstance(w, str) and w)
        return f" ({strike(self._redactor.redact(' '.join(text.split())))[:SAID]})" if text else ""

    def _accept(self, said: Mapping[str, Any]) -> _Answer | TielineError:
        kind = said.get("token_type") or "bearer"
        if not isinstance(kind, str) or kind.lower() != "bearer":
            return NotAuthorised(f"{self._system}: the token endpoint gives tokens that are not bearer tokens")
        access = self._redactor.add(Secret(said["access_token"]))
        renewed = said.get("refresh_token")
        refresh = self._redactor.add(Secret(renewed)) if isinstance(renewed, str) and renewed else None
        self._note_instance(said.get("instance_url"))
        token = self._bearer(access, "the token endpoint", self._end(said.get("expires_in")))
        return _Answer(token, refresh) if isinstance(token, _Token) else token

    def _end(self, expires_in: Any) -> float | None:
        """When to renew, in ms; None when the answer does not say: the token is used until it is refused."""
        try:
            life = float(expires_in)
        except (TypeError, ValueError):
            return None
        return self._clock.now() + 1000 * (life - min(EARLY, life / 4)) if 0 < life < float("inf") else None

    def _note_instance(self, url: Any) -> None:
        if isinstance(url, str):
            try:
                self.instance_url = trusted_origin(url, self._profile.hosts, "instance_url")
            except ConfigError:
                self.instance_url = None


class _InvalidGrant(NotAuthorised):
    """The endpoint said `invalid_grant`; the text is its explanation."""


def _again(error: TielineError) -> TielineError:
    """The same error for another thread: an exception object carries the traceback of one."""
    if isinstance(error, Unavailable):
        return type(error)(str(error), sent=error.sent)
    if isinstance(error, RateLimited):
        return RateLimited(str(error), retry_after=error.retry_after)
    return type(error)(str(error), hint=error.hint)


def _token_form(
    grant_type: str, client_id: str, client_secret: Secret | None, refresh_token: Secret | None, scope: str | None
) -> dict[str, str]:
    """The fields of a token request (RFC 6749, sections 4.4 and 6), the client's credentials in the body."""
    from urllib.parse import parse_qsl

    from authlib.oauth2.auth import ClientAuth  # type: ignore[import-untyped]
    from authlib.oauth2.rfc6749.parameters import prepare_token_request  # type: ignore[import-untyped]

    more = {"scope": scope} if scope else {}
    if refresh_token is not None:
        more["refresh_token"] = refresh_token.reveal()
    client = ClientAuth(
        client_id,
        client_secret.reveal() if client_secret is not None else None,
        "none" if client_secret is None else "client_secret_post",
    )
    _, _, body = client.prepare("POST", "", {}, prepare_token_request(grant_type, **more))
    return {name: Veiled(value) for name, value in parse_qsl(body)}


__all__ = [
    "AnyAuth",
    "AuthSettings",
    "Authoriser",
    "ClientCredentialsAuth",
    "Grant",
    "MemoryTokens",
    "NoAuth",
    "RefreshTokenAuth",
    "TokenAuth",
    "TokenStore",
    "describe",
]
