"""A service account: what its key document must hold, the assertion it signs, and what a refusal means to a person.

It reads a document that was handed in and never shows what is in its secret part. It sends through `endpoint` alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic_core import from_json

from tieline.auth.endpoint import Answer, Denied, Endpoint, InvalidGrant
from tieline.auth.forms import JWT_BEARER, Claims, assertion
from tieline.auth_settings import ServiceAccountAuth
from tieline.errors import ConfigError, NotAuthorised, TielineError
from tieline.secrets import WHERE, Redactor, Secret, Veiled

LIFE: Final = 3600
"""Seconds an assertion holds: the longest that is taken for these, and as long as the token it is for."""
KIND: Final = "service_account"
PARTS: Final = ("type", "client_email", "private_key", "private_key_id", "token_uri")
"""What a key document must hold, each as text."""
UNSHARED: Final = frozenset({"unauthorized_client", "access_denied", "invalid_scope"})
"""Refusals that are about what the account may ask for, not about who it is."""


@dataclass(frozen=True, slots=True)
class Key:
    """The key document of a service account, as far as it is used."""

    account: str
    """The account's own address (`client_email`)."""
    private: Secret
    id: str
    token_uri: str


def read_key(document: Secret, what: str, redactor: Redactor) -> Key:
    """The key in a document; the redactor knows it then, line by line, too. Raises ConfigError, with what is missing
    and nothing of what is there; `what` names the document then."""
    found = _parts(document)
    trouble = found if isinstance(found, str) else _trouble(found)
    if not isinstance(found, str) and not trouble:
        private = redactor.add(Secret(found["private_key"]))
        for line in private.reveal().splitlines():
            redactor.add(Secret(line.strip()))
        return Key(found["client_email"], private, found["private_key_id"], found["token_uri"])
    raise ConfigError(f"{what} is not the JSON key of a service account: {trouble}", hint=WHERE)


def _parts(document: Secret) -> dict[str, Veiled] | str:
    """The document's parts that are text, or what is wrong with it as a whole."""
    try:
        said: Any = from_json(document.reveal())
    except ValueError:  # its message quotes what it read
        said = None
    if not isinstance(said, Mapping):
        return "it is no JSON object"
    return {name: Veiled(said[name]) for name in PARTS if isinstance(said.get(name), str) and said[name].strip()}


def _trouble(found: Mapping[str, str]) -> str:
    if found.get("type", KIND) != KIND:
        return f'its type is not "{KIND}"'
    missing = [name for name in PARTS if name not in found]
    return f"it has no {', '.join(missing)}" if missing else ""


def ask(
    settings: ServiceAccountAuth,
    key: Key,
    endpoint: Endpoint,
    *,
    system: str,
    scopes: Sequence[str],
    now: int,
    redactor: Redactor,
) -> Answer | TielineError:
    """Ask for a token with an assertion signed `now` (s): the answer, or the error to raise.

    Raises ConfigError when the key cannot sign, or names a token endpoint that credentials must not go to.
    """
    endpoint.lead(key.token_uri)
    claims = Claims(key.account, key.token_uri, now, settings.subject, LIFE, " ".join(scopes), key.id)
    signed = assertion(key.private, claims, f"the private_key in the key of {system} from {settings.key}")
    answer = endpoint.ask(JWT_BEARER, None, assertion=redactor.add(signed))
    if isinstance(answer, InvalidGrant):
        return _refused(system, settings, key, str(answer))
    if isinstance(answer, Denied) and answer.error in UNSHARED:
        return _unshared(system, settings, key, scopes, answer.why)
    return answer


def _refused(system: str, settings: ServiceAccountAuth, key: Key, why: str) -> NotAuthorised:
    if settings.subject:
        return NotAuthorised(
            f"{system}: the service account {key.account} may not speak for {settings.subject}{why}; look whether "
            f"{settings.subject} still has an account there, whether the key was revoked, and whether this machine's "
            "clock is right, or set auth.subject to somebody else"
        )
    return NotAuthorised(
        f"{system}: the service account {key.account} is refused{why}; look whether it still exists, whether the key "
        "was revoked, and whether this machine's clock is right"
    )


def _unshared(system: str, settings: ServiceAccountAuth, key: Key, scopes: Sequence[str], why: str) -> NotAuthorised:
    wanted = ", ".join(scopes) or "none"
    if settings.subject:
        return NotAuthorised(
            f"{system}: nobody has let the service account {key.account} speak for {settings.subject} with what is "
            f"asked for{why}; an administrator there delegates these scopes to the account, all of them: {wanted}"
        )
    return NotAuthorised(
        f"{system}: the service account {key.account} may not have what is asked for{why}; let it use these scopes: "
        f"{wanted}; or name a person in auth.subject whom it may speak for"
    )
