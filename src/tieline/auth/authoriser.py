"""Signs a system's requests: fetches, keeps and renews its credential, one renewal at a time in all processes.

It opens no socket (`send` is handed in), never sends a credential to a host the connector did not name, and shows no
secret in any text.
"""

from __future__ import annotations

import base64
import hashlib
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from tieline.auth.endpoint import Answer, Endpoint, InvalidGrant, Lost, again
from tieline.auth.forms import JWT_BEARER, Claims, assertion
from tieline.auth.grants import Grant, MemoryTokens, TokenStore
from tieline.auth.service_account import ask, read_key
from tieline.auth_settings import (
    AnyAuth,
    AuthorizationCodeAuth,
    BasicAuth,
    ClientCredentialsAuth,
    JwtBearerAuth,
    NoAuth,
    RefreshTokenAuth,
    ServiceAccountAuth,
    TokenAuth,
)
from tieline.connector import HttpProfile
from tieline.errors import ConfigError, Locked, NotAuthorised, RateLimited, TielineError, Unavailable
from tieline.ports import Clock, Request, Response
from tieline.secrets import WHERE, Redactor, Secret, SecretSource, Veiled, resolve

PAUSE, PAUSE_MOST = 60_000, 900_000
"""Milliseconds between renewals once two answers were lost: the first pause, doubled each time, and the longest."""
_PRINTABLE: Final = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class _Token:
    """An access token as the header carries it; `until` is a time in ms, None when the system does not say."""

    header: Veiled
    until: float | None = None


class Authoriser:
    """The credential of one system; `http.Client` asks it to sign each request. Threads may share it.

    `send` carries a token request with an absolute URL, as `Transport.send` does. Secrets are resolved at first use.
    `scopes` are what a service account asks for. Raises ConfigError at once when the token endpoint is not a host that
    credentials may go to.
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
        scopes: Sequence[str] = (),
    ) -> None:
        self._settings, self._system, self._clock, self._root = settings, system, clock, root
        self._scopes = tuple(scopes)
        self._profile, self._store, self._redactor = profile, store or MemoryTokens(), redactor or Redactor()
        self._base_url = base_url
        self.endpoint: Endpoint | None = None
        """Where tokens are asked for; None for a credential that is not asked for."""
        if not isinstance(settings, (TokenAuth, BasicAuth, NoAuth)):
            self.endpoint = Endpoint(
                settings,
                system=system,
                base_url=base_url,
                profile=profile,
                send=send,
                clock=clock,
                redactor=self._redactor,
            )
        self._lock = threading.Lock()
        self._token: _Token | None = None
        self._turn = 0
        """Counts renewals, good or bad: whoever waited for one takes its result."""
        self._failure: TielineError | None = None
        self._dead: NotAuthorised | None = None
        self.instance_url: str | None = None
        """The origin a token answer named for the account's API, if credentials may go there."""

    # -- signing

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
                raise NotAuthorised(str(self._dead), hint=self._dead.hint)
            if self._token is not None and self._token is not stale:
                return self._token
            if self._turn != turn and self._failure is not None:
                raise again(self._failure)
            try:
                result = self._fetch(stale)
            except TielineError as error:  # a secret that is not there, a key that does not fit
                result = error
            self._turn += 1  # after it, so that whoever began to wait meanwhile sees that it was a wait for this one
            self._failure = None if isinstance(result, _Token) else result
            if isinstance(result, _Token):
                self._token = result
                return result
            if isinstance(result, NotAuthorised):
                self._dead = result  # asking again could not help, and would look like an attack
        raise result

    def _fetch(self, stale: _Token | None) -> _Token | TielineError:
        """A new token, or the error to raise. The lock is held."""
        settings = self._settings
        if isinstance(settings, TokenAuth):
            # a command or file may hold a newer one by now
            return self._bearer(self._secret(settings.token), None, f"from {settings.token}")
        if isinstance(settings, BasicAuth):
            return self._basic(settings)
        if isinstance(settings, (RefreshTokenAuth, AuthorizationCodeAuth)):
            return self._granted(stale)
        assert self.endpoint is not None  # noqa: S101 for the type checker: NoAuth never gets here
        if isinstance(settings, ServiceAccountAuth):
            answer = self._service(settings, self.endpoint)
        elif isinstance(settings, JwtBearerAuth):
            answer = self.endpoint.ask(JWT_BEARER, None, assertion=self._assertion(settings))
        else:
            assert isinstance(settings, ClientCredentialsAuth)  # noqa: S101 as above
            secret = self._secret(settings.client_secret)
            answer = self.endpoint.ask("client_credentials", secret, scope=settings.scope)
        if isinstance(answer, InvalidGrant):
            return NotAuthorised(f"{self._system}: the token endpoint refuses the client{answer}")
        return answer if isinstance(answer, TielineError) else self._accepted(answer)

    def _assertion(self, settings: JwtBearerAuth) -> Secret:
        audience = settings.audience or (self._profile.oauth.audience if self._profile.oauth is not None else "")
        if not audience:
            raise ConfigError(f"{self._system}: this connector does not know an audience; set auth.audience")
        key = self._secret(settings.private_key)
        for line in key.reveal().splitlines():
            self._redactor.add(Secret(line))
        what = f"the private key of {self._system} from {settings.private_key}"
        now = self._clock.now() // 1000
        return self._redactor.add(assertion(key, Claims(settings.client_id, audience, now, settings.username), what))

    def _service(self, settings: ServiceAccountAuth, endpoint: Endpoint) -> Answer | TielineError:
        what = f"the key of {self._system} from {settings.key}"
        key = read_key(self._secret(settings.key), what, self._redactor)
        now, redactor = self._clock.now() // 1000, self._redactor
        return ask(settings, key, endpoint, system=self._system, scopes=self._scopes, now=now, redactor=redactor)

    # -- a grant that is kept

    def _granted(self, stale: _Token | None) -> _Token | TielineError:
        """A token of the kept grant: the one another process has just stored, or a new one."""
        if stale is None and (found := self._ready()) is not None:
            return found
        try:
            with self._store.lock(self._system):
                grant = self.grant()  # only now: whoever held the lock may have renewed it
                if grant is None:
                    return NotAuthorised(
                        f"nobody has signed in to {self._system} with these settings",
                        hint=f"tieline auth login {self._system}",
                    )
                if grant.reauth_required:
                    return self._reauthorise("was refused before")
                self._known(grant)
                token = self._kept(grant)
                if token is not None and (stale is None or token.header != stale.header):
                    return token
                return self._exchange(grant)
        except Locked as error:
            return Unavailable(str(error), sent=False)

    def _ready(self) -> _Token | None:
        """The kept access token, read without the lock: a process that begins need not wait for one that renews."""
        grant = self.grant()
        if grant is None or grant.reauth_required:
            return None
        self._known(grant)
        return self._kept(grant)

    def grant(self) -> Grant | None:
        """The kept grant, if it grew from the settings as they are now. Raises ConfigError, and what the store does."""
        origin, configured = self.origin()
        grant = self._store.load(self._system)
        if grant is not None and grant.origin == origin:
            return grant
        return None if configured is None else Grant(configured, origin)

    def keep(self, answer: Answer) -> None:
        """A person has signed in: keep what was granted in place of anything kept before."""
        with self._store.lock(self._system):
            self._store.save(
                self._system,
                Grant(
                    answer.refresh_token,
                    self.origin()[0],
                    access_token=answer.access_token,
                    until=answer.until,
                    obtained=self._clock.now(),
                    scope=answer.scope,
                ),
            )

    def origin(self) -> tuple[str, Secret | None]:
        """The fingerprint of what a grant grows from, and the refresh token that is configured. Only for settings with
        a grant."""
        settings = self._settings
        if isinstance(settings, RefreshTokenAuth):
            configured = self._secret(settings.refresh_token)
            return _fingerprint(configured.reveal()), configured
        assert isinstance(settings, AuthorizationCodeAuth)  # noqa: S101 for the type checker
        assert self.endpoint is not None  # noqa: S101 as above
        return _fingerprint("\n".join((settings.client_id, self.endpoint.url, self._base_url))), None

    def forget(self) -> tuple[bool, TielineError | None]:
        """Tell the system to revoke what it granted, then wipe it here, whatever the system says: whether anything was
        kept, and why it was not revoked."""
        with self._store.lock(self._system):
            trouble: TielineError | None = None
            grant: Grant | None = None
            try:
                grant = self.grant()
                trouble = self._revoked(grant) if grant is not None else None
            except TielineError as error:  # a key or a secret that is not there
                trouble = error
            self._store.wipe(self._system)
        return grant is not None or trouble is not None, trouble

    def _revoked(self, grant: Grant) -> TielineError | None:
        assert isinstance(self._settings, (RefreshTokenAuth, AuthorizationCodeAuth))  # noqa: S101 for the type checker
        assert self.endpoint is not None  # noqa: S101 as above
        self._known(grant)
        secret = self._secret(self._settings.client_secret) if self._settings.client_secret else None
        token, hint = grant.refresh_token, "refresh_token"
        if token is None:
            token, hint = grant.access_token, "access_token"
        return None if token is None else self.endpoint.revoke(secret, token, hint)

    def _known(self, grant: Grant) -> None:
        for secret in (grant.refresh_token, grant.access_token):
            if secret is not None:
                self._redactor.add(secret)

    def _kept(self, grant: Grant) -> _Token | None:
        """The kept access token, unless its time is over."""
        if grant.access_token is None or (grant.until is not None and self._clock.now() >= grant.until):
            return None
        token = self._bearer(grant.access_token, grant.until, "from the home")
        return token if isinstance(token, _Token) else None

    def _exchange(self, grant: Grant) -> _Token | TielineError:
        """Renew. That a renewal is under way is on disk before it is asked for, and its result before it is used."""
        assert isinstance(self._settings, (RefreshTokenAuth, AuthorizationCodeAuth))  # noqa: S101 for the type checker
        assert self.endpoint is not None  # noqa: S101 as above
        now = self._clock.now()
        if grant.refresh_token is None:
            return self._reauthorise("was never granted")
        if now < grant.again:
            wait = (grant.again - now) / 1000
            what = f"{self._system}: the answers to renewals of its token were lost; it is asked again in {wait:.0f} s"
            return RateLimited(what, retry_after=wait)
        secret = self._secret(self._settings.client_secret) if self._settings.client_secret else None
        # the first lost answer is asked for again at once: most systems give the same refresh token again
        pause = 0 if grant.lost == 0 else min(PAUSE_MOST, PAUSE * 2 ** (grant.lost - 1))
        asking = replace(grant, lost=grant.lost + 1, again=now + pause)
        self._store.save(self._system, asking)
        answer = self.endpoint.ask("refresh_token", secret, refresh_token=grant.refresh_token)
        if isinstance(answer, InvalidGrant):
            self._store.save(self._system, replace(grant, reauth_required=True, access_token=None))
            return self._reauthorise(f"is refused{answer}")
        if isinstance(answer, TielineError):
            if not isinstance(answer, Lost):
                self._store.save(self._system, grant)
            return answer
        renewed = replace(
            grant,
            refresh_token=answer.refresh_token or grant.refresh_token,
            access_token=answer.access_token,
            until=answer.until,
            lost=0,
            again=0,
            scope=answer.scope or grant.scope,
        )
        self._store.save(self._system, renewed)
        return self._accepted(answer)

    def _reauthorise(self, why: str) -> NotAuthorised:
        text = f"reauth_required: the refresh token of {self._system} {why}; sign in again"
        if isinstance(self._settings, RefreshTokenAuth):
            return NotAuthorised(f"{text} and put the new one into the configuration")
        return NotAuthorised(text, hint=f"tieline auth login {self._system}")

    # -- tokens

    def _secret(self, source: SecretSource) -> Secret:
        return self._redactor.add(resolve(source, self._root))

    def _accepted(self, answer: Answer) -> _Token | TielineError:
        self.instance_url = answer.instance_url
        return self._bearer(answer.access_token, answer.until, "from the token endpoint")

    def _bearer(self, secret: Secret, until: float | None, where: str) -> _Token | TielineError:
        if not _PRINTABLE.fullmatch(secret.reveal()):
            return ConfigError(
                f"the token of {self._system} {where} holds blanks, line ends or other odd characters", hint=WHERE
            )
        return _Token(Veiled(f"Bearer {secret.reveal()}"), until)

    def _basic(self, settings: BasicAuth) -> _Token:
        """Name and password as the header carries them, which are no less secret there."""
        password = self._secret(settings.password).reveal()
        both = self._redactor.add(Secret(base64.b64encode(f"{settings.username}:{password}".encode()).decode()))
        return _Token(Veiled(f"Basic {both.reveal()}"))


def _fingerprint(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
