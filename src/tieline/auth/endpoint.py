"""A system's OAuth endpoints: which addresses they are, one question at a time, and what an answer comes to.

It opens no socket (`send` is handed in), sends a credential to no host that the connector does not name, and shows no
secret in any text. It keeps nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tieline.auth.forms import token_form
from tieline.auth_settings import (
    AuthorizationCodeAuth,
    ClientCredentialsAuth,
    JwtBearerAuth,
    RefreshTokenAuth,
    ServiceAccountAuth,
)
from tieline.connector import HttpProfile
from tieline.errors import ConfigError, NotAuthorised, RateLimited, TielineError, Unavailable
from tieline.hosts import is_loopback, split, trusted_origin
from tieline.ports import Clock, Request, Response
from tieline.secrets import Redactor, Secret
from tieline.services import Services
from tieline.wire import retry_after, strike

Client = AuthorizationCodeAuth | ClientCredentialsAuth | JwtBearerAuth | RefreshTokenAuth | ServiceAccountAuth
"""The settings of a sign-in that asks a token endpoint."""
EARLY: Final = 60.0
"""Seconds before its end at which a token is renewed, or a quarter of its life where that is less."""
SAID: Final = 200
"""Characters shown of a token endpoint's explanation."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a token endpoint gave."""

    access_token: Secret
    refresh_token: Secret | None
    until: float | None
    """When to renew, in ms; None when the answer does not say: the token is used until it is refused."""
    scope: str
    instance_url: str | None
    """The origin the answer named for the account's API."""


class InvalidGrant(NotAuthorised):
    """The endpoint said `invalid_grant`; the text is its explanation."""


class Denied(NotAuthorised):
    """The endpoint said no to the client; `error` is its word for that (RFC 6749, section 5.2), `why` all it said."""

    error = why = ""


class Lost(Unavailable):
    """The question may have arrived, and no answer came."""


class Endpoint:
    """The token and revocation endpoints of one system. Threads may share it.

    `send` carries a request with an absolute URL, as `Transport.send` does. Raises ConfigError at once when the token
    endpoint is not a host that credentials may go to.
    """

    def __init__(
        self,
        settings: Client,
        *,
        system: str,
        base_url: str,
        profile: HttpProfile,
        send: Callable[[Request], Response],
        clock: Clock,
        redactor: Redactor,
    ) -> None:
        self._settings, self._system, self._send, self._clock = settings, system, send, clock
        self._profile, self._redactor, self._base_url = profile, redactor, base_url
        self._services = Services(base_url, profile, system)
        self._local = is_loopback(split(base_url)[1])
        self._client = None if isinstance(settings, ServiceAccountAuth) else settings.client_id
        self._named = None if isinstance(settings, ServiceAccountAuth) else settings.token_url
        self.url = self._token_url()
        """The token endpoint; empty where only the key of a service account knows it: see `lead`."""

    def _token_url(self) -> str:
        what = f"token_url of {self._system}"
        if self._named is not None:
            return self._checked(self._named, what)
        if self._profile.token_path:
            return self._services.url(self._profile.token_path)
        if isinstance(self._settings, ServiceAccountAuth) and not self._local:
            return ""
        raise ConfigError(f"{what}: this connector does not know one; set auth.token_url")

    def _checked(self, url: str, what: str) -> str:
        own_host = split(self._base_url)[1]
        return trusted_origin(url, (*self._profile.hosts, own_host), what, loopback=self._local) + split(url)[3]

    def lead(self, url: str) -> None:
        """Ask here from now on: it is what a service account's key says. At a stand-in the stand-in is asked.

        Raises ConfigError when credentials must not go there.
        """
        if not self._local:
            self.url = self._checked(url, f"token_uri in the key of {self._system}")

    def ask(self, grant_type: str, client_secret: Secret | None, **words: Secret | str | None) -> Answer | TielineError:
        """Ask for a token once: the answer, or the error to raise. `words` are the grant's own fields."""
        form = token_form(grant_type, self._client, client_secret, words)
        response = self._post(self.url, form, "no token")
        return response if isinstance(response, TielineError) else self._understand(response)

    def revoke(self, client_secret: Secret | None, token: Secret, hint: str) -> TielineError | None:
        """Tell the system to forget a token (RFC 7009). The error when it did not say yes. Raises ConfigError when the
        connector knows no address for it."""
        oauth = self._profile.oauth
        if oauth is None or not oauth.revoke:
            raise ConfigError(f"{self._system}: this connector does not know where tokens are revoked")
        form = token_form("", self._client, client_secret, {"token": token, "token_type_hint": hint})
        form.pop("grant_type", None)
        place = self._services.host_of(oauth.revoke) if self._named is None else None
        url = (place or trusted_origin(self.url, (split(self.url)[1],), "revocation endpoint")) + oauth.revoke
        response = self._post(url, form, "not revoked")
        if isinstance(response, TielineError):
            return response
        if 200 <= response.status < 300:
            return None
        why = self._explain(_decoded(response))
        return NotAuthorised(f"{self._system}: the system does not revoke the token ({response.status}){why}")

    def _post(self, url: str, form: Mapping[str, str], trouble: str) -> Response | TielineError:
        request = Request("POST", url, headers={"accept": "application/json"}, form=form, write=True)
        try:
            return self._send(request)
        except Unavailable as error:
            kind, text = (Lost if error.sent else type(error)), f"{self._system}: {trouble}: {error}"
        return kind(text, sent=False)

    def _understand(self, response: Response) -> Answer | TielineError:
        what = f"{self._system}: the token endpoint"
        if response.status == 429:
            return RateLimited(f"{what} asks for a pause", retry_after=retry_after(response.headers, self._clock))
        said = _decoded(response)
        if 200 <= response.status < 300:
            if not isinstance(said, dict) or not isinstance(said.get("access_token"), str) or not said["access_token"]:
                return Lost(f"{what} answered {response.status} without an access token", sent=False)
            return self._accept(said)
        if not 400 <= response.status < 500:
            # after a gateway's error, or none at all (a stand-in in process), what was asked may have been done
            kind = Lost if response.status >= 500 or response.status < 100 else Unavailable
            return kind(f"{what} answered {response.status}", sent=False)
        why = self._explain(said)
        spent = self._profile.oauth is not None and self._profile.oauth.spent(response)
        if spent or _word(said) == "invalid_grant":
            return InvalidGrant(why)
        denied = Denied(f"{what} refuses the client ({response.status}){why}")
        denied.error, denied.why = _word(said), why
        return denied

    def _explain(self, said: Any) -> str:
        """The endpoint's own words, as far as they may be shown."""
        if not isinstance(said, dict):
            return ""
        words = (said.get(key) for key in ("error", "error_description", "message"))
        text = ": ".join(w for w in words if isinstance(w, str) and w)
        return f" ({strike(self._redactor.redact(' '.join(text.split())))[:SAID]})" if text else ""

    def _accept(self, said: Mapping[str, Any]) -> Answer | TielineError:
        kind = said.get("token_type") or "bearer"
        if not isinstance(kind, str) or kind.lower() != "bearer":
            return NotAuthorised(f"{self._system}: the token endpoint gives tokens that are not bearer tokens")
        access = self._redactor.add(Secret(said["access_token"]))
        renewed = said.get("refresh_token")
        refresh = self._redactor.add(Secret(renewed)) if isinstance(renewed, str) and renewed else None
        scope = said.get("scope")
        return Answer(
            access,
            refresh,
            self._end(said.get("expires_in")),
            " ".join(scope.split()) if isinstance(scope, str) else "",
            self._instance(said.get("instance_url")),
        )

    def _end(self, expires_in: Any) -> float | None:
        try:
            life = float(expires_in)
        except (TypeError, ValueError):
            return None
        return self._clock.now() + 1000 * (life - min(EARLY, life / 4)) if 0 < life < float("inf") else None

    def _instance(self, url: Any) -> str | None:
        """What an answer says of the API's address is a stranger's word: kept only if credentials may go there."""
        if not isinstance(url, str):
            return None
        try:
            return trusted_origin(url, self._profile.hosts, "instance_url", loopback=self._local)
        except ConfigError:
            return None


def _word(said: Any) -> str:
    """What kind of refusal it is."""
    word = said.get("error") if isinstance(said, dict) else None
    return word if isinstance(word, str) else ""


def _decoded(response: Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None


def again(error: TielineError) -> TielineError:
    """The same error for another thread: an exception object carries the traceback of one."""
    if isinstance(error, Unavailable):
        return type(error)(str(error), sent=error.sent)
    if isinstance(error, RateLimited):
        return RateLimited(str(error), retry_after=error.retry_after)
    return type(error)(str(error), hint=error.hint)
