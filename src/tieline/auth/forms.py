"""The words of OAuth, spelled by authlib: the one module that imports it. It sends nothing and keeps nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import parse_qsl

from tieline.errors import ConfigError
from tieline.secrets import Secret, Veiled

JWT_BEARER: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ASSERTION_LIFE: Final = 180
"""Seconds an assertion holds; vendors take no longer ones."""


def token_form(
    grant_type: str, client_id: str, client_secret: Secret | None, words: Mapping[str, Secret | str | None]
) -> dict[str, str]:
    """The fields of a token request (RFC 6749, sections 4.1.3, 4.4 and 6), the client's credentials in the body.

    `words` are the grant's own fields; those that are None are left out.
    """
    from authlib.oauth2.auth import ClientAuth  # type: ignore[import-untyped]
    from authlib.oauth2.rfc6749.parameters import prepare_token_request  # type: ignore[import-untyped]

    more = {name: Veiled(_text(value)) for name, value in words.items() if value is not None}
    method = "none" if client_secret is None else "client_secret_post"
    client = ClientAuth(client_id, client_secret.reveal() if client_secret is not None else None, method)
    _, _, body = client.prepare("POST", "", {}, Veiled(prepare_token_request(grant_type, **more)))
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


def assertion(key: Secret, client_id: str, subject: str, audience: str, now: int, what: str) -> Secret:
    """A JWT signed with RS256 (RFC 7523): `client_id` speaks for `subject` from `now` (s) on. Raises ConfigError when
    the key, which is a private RSA key in PEM, cannot sign; `what` names it then."""
    from authlib.oauth2.rfc7523.assertion import sign_jwt_bearer_assertion  # type: ignore[import-untyped]
    from joserfc.jwk import RSAKey

    try:
        signer = RSAKey.import_key(Veiled(key.reveal()))
        end = now + ASSERTION_LIFE
        return Secret(sign_jwt_bearer_assertion(signer, client_id, audience, subject, now, end, alg="RS256"))
    except Exception as error:  # the library raises what its own libraries raise, the key in their frames
        problem = type(error).__name__
    raise ConfigError(f"{what} is not a private RSA key in PEM, without a password ({problem})")
