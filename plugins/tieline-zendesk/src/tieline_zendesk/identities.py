"""E-mail addresses of a user: how another one becomes the primary one. Decides nothing else.

A PUT of `email` only adds a second address [rec]; an address of another user is refused with 422 [cap].
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tieline import Problem, RateLimited, Unavailable
from tieline_zendesk.wire import NothingThere, Refused, Wire, listed

_EMAIL = "email"


def make_primary(wire: Wire, user: str, address: str) -> Problem | None:
    """Make an address the user's primary one, adding it where it is new; why it cannot be. No mail is sent for it."""
    path = f"/users/{int(user)}/identities"
    body = {"identity": {"type": _EMAIL, "value": address, "skip_verify_email": True}}
    try:
        identity = wire.write("POST", path, body).data.get("identity")
    except Refused as error:
        if error.status == 404:
            return Problem("email", f"email: {error}", "gone")
        try:
            identity = _own(wire, path, address)
        except NothingThere:
            return Problem("email", f"email: {error}", "gone")
        if identity is None:
            return Problem("email", f"email: {error}", error.code or "invalid")
    if not isinstance(identity, Mapping) or "id" not in identity:
        return Problem("email", "email: Zendesk did not say which address it added", "unclear")
    if identity.get("primary"):
        return None
    try:
        wire.write("PUT", f"{path}/{int(identity['id'])}/make_primary", {})
    except RateLimited as error:  # the address is there already: this is no call of which nothing was done
        raise Unavailable(str(error), sent=True) from error
    except Refused as error:
        return Problem("email", f"email: it was added, and not made the primary one: {error}", error.code or "invalid")
    return None


def _own(wire: Wire, path: str, address: str) -> Mapping[str, Any] | None:
    """The identity that the user has under this address already."""
    found = listed(wire.get(path), "identities")
    for identity in found:
        named = isinstance(identity, Mapping) and identity.get("type") == _EMAIL
        if named and str(identity.get("value") or "").lower() == address.lower():
            return identity  # type: ignore[no-any-return]
    return None
