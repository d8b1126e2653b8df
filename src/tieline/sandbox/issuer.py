"""The OAuth of a stand-in: codes with PKCE, refresh tokens in families, revocation. It speaks no vendor's dialect.

What a vendor's endpoints say around it is the stand-in's own; here is what must be right at any of them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from tieline.ports import Response

LOOPBACK: Final = ("127.0.0.1", "::1")


@dataclass(slots=True)
class _Family:
    """All tokens that grew from one sign-in."""

    scope: str
    current: str
    """The refresh token that is good now."""
    alive: bool = True
    spent: list[str] = field(default_factory=list)
    """Refresh tokens that were replaced: showing one again ends the family."""


@dataclass(frozen=True, slots=True)
class Issued:
    """What a token request is answered with. `refresh_token` is empty when none is given."""

    access_token: str
    refresh_token: str
    scope: str


class Issuer:
    """Who signed in, and with what. Not for several threads at once: the stand-in's own lock is held around it.

    `rotates`: each refresh gives a new refresh token and voids the old one; whoever shows an old one again ends the
    whole family. `issuer` is sent as `iss` where it is not empty.
    """

    def __init__(self, client_id: str, prefix: str, *, rotates: bool = False, issuer: str = "") -> None:
        self._client_id, self._prefix, self._rotates, self.issuer = client_id, prefix, rotates, issuer
        self._count = 0
        self._codes: dict[str, dict[str, str]] = {}
        self._families: list[_Family] = []
        self._access: dict[str, int] = {}
        self.refused = 0
        """Token requests answered with `invalid_grant`."""
        self.renewed = 0
        """Refresh tokens that were taken."""

    # -- endpoints

    def authorize(self, asked: Mapping[str, Any]) -> Response:
        """The page that asks a person, who always agrees: sends the browser back with a code. What is wrong with the
        client or the address is told here; everything else is sent back (RFC 6749, section 4.1.2.1)."""
        said = {name: str(value) for name, value in asked.items() if not isinstance(value, list)}
        redirect = said.get("redirect_uri", "")
        if said.get("client_id") != self._client_id or not _may_redirect(redirect):
            return Response(400, {"content-type": "text/plain"}, b"unknown client or redirect address")
        answer = {"state": said["state"]} if "state" in said else {}
        if self.issuer:
            answer["iss"] = self.issuer
        if said.get("response_type") != "code":
            answer["error"] = "unsupported_response_type"
        elif said.get("code_challenge_method") != "S256" or len(said.get("code_challenge", "")) != 43:
            answer |= {"error": "invalid_request", "error_description": "PKCE with S256 is required"}
        else:
            code = self._new("code")
            self._codes[code] = {"redirect": redirect, "scope": said.get("scope", ""), "c": said["code_challenge"]}
            answer["code"] = code
        return Response(302, {"location": f"{redirect}?{urlencode(answer)}"})

    def redeem(self, form: Mapping[str, str]) -> Issued | None:
        """The tokens for a code; None (`invalid_grant`) when it is unknown, used, or another's."""
        kept = self._codes.pop(form.get("code", ""), None)
        if kept is None or kept["redirect"] != form.get("redirect_uri") or not _proves(form, kept["c"]):
            self.refused += 1
            return None
        self._families.append(_Family(kept["scope"], self._new("refresh")))
        return self._issue(len(self._families) - 1)

    def refresh(self, token: str) -> Issued | None:
        """New tokens for a refresh token; None when it is void. One that was replaced ends its family."""
        for number, family in enumerate(self._families):
            if token in family.spent:
                self._end(number)
            elif family.alive and hmac.compare_digest(family.current.encode(), token.encode()):
                self.renewed += 1
                if self._rotates:
                    family.spent.append(token)
                    family.current = self._new("refresh")
                return self._issue(number)
        self.refused += 1
        return None

    def revoke(self, token: str) -> bool:
        """End the family of a token; whether it is known."""
        for number, family in enumerate(self._families):
            if token in (family.current, *family.spent) or self._access.get(token) == number:
                self._end(number)
                return True
        return False

    def scope(self, access_token: str) -> str | None:
        """The scope of a living access token; None when it is not one of these."""
        number = self._access.get(access_token)
        return None if number is None else self._families[number].scope

    def ended(self, access_token: str) -> bool:
        """Whether a token is of somebody's sign-in that is over; of tokens from elsewhere nothing is known."""
        return access_token.startswith(self._prefix) and access_token not in self._access

    def expire(self) -> None:
        """Every access token is over; refresh tokens stay."""
        self._access.clear()

    # -- inside

    def _issue(self, number: int) -> Issued:
        family = self._families[number]
        access = self._new("access")
        self._access[access] = number
        return Issued(access, family.current, family.scope)

    def _end(self, number: int) -> None:
        self._families[number].alive = False
        self._access = {token: owner for token, owner in self._access.items() if owner != number}

    def _new(self, what: str) -> str:
        self._count += 1
        return f"{self._prefix}{what}-{self._count:06d}"

    def dump(self) -> dict[str, Any]:
        """The state as plain JSON."""
        return {
            "count": self._count,
            "codes": {code: dict(kept) for code, kept in self._codes.items()},
            "families": [asdict(family) for family in self._families],
            "access": dict(self._access),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `dump` gave."""
        self._count = int(state["count"])
        self._codes = {code: dict(kept) for code, kept in state["codes"].items()}
        self._families = [_Family(**family) for family in state["families"]]
        self._access = {token: int(number) for token, number in state["access"].items()}


def _proves(form: Mapping[str, str], challenge: str) -> bool:
    """Whether the verifier is the one the challenge was made of (RFC 7636, section 4.6)."""
    verifier = form.get("code_verifier", "")
    if not 43 <= len(verifier) <= 128:
        return False
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
    return hmac.compare_digest(digest, challenge.encode())


def _may_redirect(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
