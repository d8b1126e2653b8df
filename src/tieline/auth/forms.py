"""The words of OAuth, spelled by authlib: the one module that imports it. It sends nothing and keeps nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from tieline.errors import ConfigError
from tieline.secrets import Secret, Veiled

JWT_BEARER: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ASSERTION_LIFE: Final = 180
"""Seconds an assertion holds; vendors take no longer ones."""


def token_form(
    grant_type: str, client_id: str | None, client_secret: Secret | None, words: Mapping[str, Secret | str | None]
) -> dict[str, str]:
    """The fields of a token request (RFC 6749, sections 4.1.3, 4.4 and 6), the client's credentials in the body; none
    where the grant itself says who asks (`client_id` None).

    `words` are the grant's own fields; those that are None are left out.
    """
    from authlib.oauth2.auth import ClientAuth  # type: ignore[import-untyped]
    from authlib.oauth2.rfc6749.parameters import prepare_token_request  # type: ignore[import-untyped]

    more = {name: Veiled(_text(value)) for name, value in words.items() if value is not None}
    body = Veiled(prepare_token_request(grant_type, **more))
    if client_id is not None:
        method = "none" if client_secret is None else "client_secret_post"
        client = ClientAuth(client_id, client_secret.reveal() if client_secret is not None else None, method)
        body = Veiled(client.prepare("POST", "", {}, body)[2])
    return {name: Veiled(value) for name, value in parse_qsl(body)}


def _text(value: Secret | str) -> str:
    return value.reveal() if isinstance(value, Secret) else value


def authorize_url(
    endpoint: str, client_id: str, redirect: str, scopes: Sequence[str], state: str, verifier: Secret
) -> str:
    """Where a person's browser is sent (RFC 6749, section 4.1.1), with the S256 challenge of RFC 7636."""
    from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
    from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]

    url: str = prepare_grant_uri(
        endpoint,
        client_id,
        "code",
        redirect_uri=redirect,
        scope=" ".join(scopes),
        state=state,
        code_challenge=create_s256_code_challenge(verifier.reveal()),
        code_challenge_method="S256",
    )
    return url


@dataclass(frozen=True, slots=True)
class Claims:
    """What an assertion says."""

    issuer: str
    audience: str
    now: int
    """When it is made, in s."""
    subject: str | None = None
    """For whom; None: for the issuer itself."""
    life: int = ASSERTION_LIFE
    """Seconds it holds."""
    scope: str = ""
    key_id: str = ""
    """Which of the issuer's keys signs."""


def assertion(key: Secret, claims: Claims, what: str) -> Secret:
    """A JWT signed with RS256 (RFC 7523). Raises ConfigError when the key, which is a private RSA key in PEM, cannot
    sign; `what` names it then."""
    from authlib.oauth2.rfc7523.assertion import sign_jwt_bearer_assertion  # type: ignore[import-untyped]
    from joserfc.jwk import RSAKey

    end = claims.now + claims.life
    header = {"kid": claims.key_id} if claims.key_id else {}
    more = {"scope": claims.scope} if claims.scope else {}
    words = (claims.issuer, claims.audience, claims.subject, claims.now, end, more, header)
    try:
        signer = RSAKey.import_key(Veiled(key.reveal()))
        return Secret(sign_jwt_bearer_assertion(signer, *words, alg="RS256"))
    except Exception as error:  # the library raises what its own libraries raise, the key in their frames
        problem = type(error).__name__
    raise ConfigError(f"{what} is not a private RSA key in PEM, without a password ({problem})")
