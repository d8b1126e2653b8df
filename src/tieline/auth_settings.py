"""How a system may be signed in to, as the configuration says it. It resolves no secret and asks nobody.

Whatever is wrong with a setting, no error repeats what was written in a secret's place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from tieline.errors import ConfigError
from tieline.hosts import split
from tieline.secrets import Refused, SecretSource, report, screen


class _Auth(BaseModel):
    """One way to sign in; `secrets` are the keys that take a `SecretSource`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
    secrets: ClassVar[frozenset[str]] = frozenset()

    # before-validators run last to first: screen, then report
    @model_validator(mode="before")
    @classmethod
    def _report(cls, value: Any) -> Any:
        return report(value)

    @model_validator(mode="before")
    @classmethod
    def _screen(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        unknown = sorted(str(k) for k in value if k not in cls.model_fields)
        if unknown:
            known = ", ".join(cls.model_fields)
            return Refused(f"unknown key {unknown[0]!r}; auth of this type takes {known}")
        return {k: screen(v) if k in cls.secrets else v for k, v in value.items()}


class TokenAuth(_Auth):
    """A bearer token made in the system's own settings."""

    secrets = frozenset({"token"})
    type: Literal["token"] = "token"
    token: SecretSource


class BasicAuth(_Auth):
    """A name and a password with every request (RFC 7617), where a system still takes them."""

    secrets = frozenset({"password"})
    type: Literal["basic"] = "basic"
    username: str = Field(min_length=1, pattern=r"^[^:\x00-\x1f\x7f]+$")
    """Without a colon, which would end it."""
    password: SecretSource


class ClientCredentialsAuth(_Auth):
    """OAuth 2 client credentials: the application signs in as itself."""

    secrets = frozenset({"client_secret"})
    type: Literal["client_credentials"] = "client_credentials"
    client_id: str = Field(min_length=1)
    client_secret: SecretSource
    scope: str | None = None
    token_url: str | None = None
    """Default: the connector's own token endpoint below base_url."""


class RefreshTokenAuth(_Auth):
    """OAuth 2 with a refresh token from an earlier sign-in; a public client has no `client_secret`."""

    secrets = frozenset({"client_secret", "refresh_token"})
    type: Literal["refresh_token"] = "refresh_token"
    client_id: str = Field(min_length=1)
    client_secret: SecretSource | None = None
    refresh_token: SecretSource
    token_url: str | None = None
    """Default: the connector's own token endpoint below base_url."""


class AuthorizationCodeAuth(_Auth):
    """OAuth 2 by browser, with PKCE: a person signs in once with `tieline auth login`. A public client has no
    `client_secret`."""

    secrets = frozenset({"client_secret"})
    type: Literal["authorization_code"] = "authorization_code"
    client_id: str = Field(min_length=1)
    client_secret: SecretSource | None = None
    scopes: tuple[str, ...] | None = None
    """Default: the least that the configured kinds and modes need."""
    redirect_url: str | None = None
    """Default: a free port of 127.0.0.1. For vendors that compare the whole address: `http://127.0.0.1:PORT/callback`,
    or an https page of your own, whose address you paste."""
    token_url: str | None = None
    """Default: the connector's own token endpoint below base_url."""

    @property
    def listens(self) -> bool:
        """Whether a browser is sent back to this machine."""
        return self.redirect_url is None or split(self.redirect_url)[1] in LOOPBACK

    @field_validator("redirect_url")
    @classmethod
    def _redirect(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            scheme, host, _, rest = split(value)
        except ConfigError as error:
            raise ValueError(str(error)) from None
        if "?" in rest or "#" in value:
            raise ValueError("a redirect address holds no query and no fragment")
        if scheme == "http" and host not in LOOPBACK:
            raise ValueError("plain http leads back to http://127.0.0.1:PORT/… alone, also not to the name localhost")
        return value


LOOPBACK: Final = ("127.0.0.1", "::1")
"""Where a browser may be sent back to over plain http (RFC 8252, section 7.3): a name could lead elsewhere."""


class JwtBearerAuth(_Auth):
    """OAuth 2 JWT bearer (RFC 7523): an assertion signed with a private RSA key speaks for a user."""

    secrets = frozenset({"private_key"})
    type: Literal["jwt_bearer"] = "jwt_bearer"
    client_id: str = Field(min_length=1)
    username: str = Field(min_length=1)
    private_key: SecretSource
    audience: str | None = None
    """Default: the vendor's usual one."""
    token_url: str | None = None
    """Default: the connector's own token endpoint below base_url."""


class ServiceAccountAuth(_Auth):
    """OAuth 2 JWT bearer (RFC 7523) with the key document of a service account: an application's own account, or, with
    `subject`, a person of the organisation that lets it speak for its people."""

    secrets = frozenset({"key"})
    type: Literal["service_account"] = "service_account"
    key: SecretSource
    """Of the whole JSON document, as the vendor hands it out."""
    subject: str | None = Field(default=None, min_length=1)
    """Whom to speak for. Default: the account itself."""
    scopes: tuple[str, ...] | None = None
    """Default: the least that the configured kinds and modes need."""


class NoAuth(_Auth):
    """No credential at all."""

    type: Literal["none"] = "none"


AnyAuth = (
    TokenAuth
    | ClientCredentialsAuth
    | AuthorizationCodeAuth
    | JwtBearerAuth
    | ServiceAccountAuth
    | RefreshTokenAuth
    | BasicAuth
    | NoAuth
)
_TYPES: Final = tuple(str(shape.model_fields["type"].default) for shape in get_args(AnyAuth))


def _screen_type(value: Any) -> Any:
    if isinstance(value, _Auth):
        return value
    if not isinstance(value, Mapping):
        return Refused('auth is a table, as in auth = {type = "token", token = {env = "CRM_TOKEN"}}')
    if value.get("type") not in _TYPES:
        return Refused(f"auth needs a type: one of {', '.join(_TYPES)}")
    return value


AuthSettings = Annotated[
    AnyAuth,
    Field(discriminator="type"),
    BeforeValidator(report),
    BeforeValidator(_screen_type),  # the last one written runs first
]
"""What `auth = {…}` of a system may be."""


def describe(settings: AnyAuth) -> str:
    """One line for `tieline auth status`: how the system is signed in to and where the secrets come from."""
    match settings:
        case TokenAuth():
            return f"bearer token from {settings.token}"
        case ClientCredentialsAuth():
            return f"client credentials of {settings.client_id}, secret from {settings.client_secret}"
        case RefreshTokenAuth():
            secret = f", secret from {settings.client_secret}" if settings.client_secret else ""
            return f"refresh token from {settings.refresh_token} for client {settings.client_id}{secret}"
        case AuthorizationCodeAuth():
            secret = f", secret from {settings.client_secret}" if settings.client_secret else ""
            return f"sign-in by browser for client {settings.client_id}{secret}"
        case JwtBearerAuth():
            return f"signed assertions of {settings.client_id} for {settings.username}, key from {settings.private_key}"
        case ServiceAccountAuth():
            whom = f" for {settings.subject}" if settings.subject else ""
            return f"service account{whom}, key from {settings.key}"
        case BasicAuth():
            return f"name {settings.username}, password from {settings.password}"
        case _:
            return "no credential"
