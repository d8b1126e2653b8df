"""Bugs of sign-in: what a renewal brought, and when it is kept. Each breaks the product's own authoriser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from tieline.auth import Authoriser, Grant, TokenStore
from tieline.ports import Request


class Held:
    """A store that puts off what a renewal brought."""

    def __init__(self, real: TokenStore) -> None:
        self.real, self.put_off = real, list[tuple[str, Grant]]()

    def save(self, system: str, grant: Grant) -> None:
        if grant.lost or grant.reauth_required:
            self.real.save(system, grant)
        else:
            self.put_off.append((system, grant))


@contextmanager
def usedbeforestored() -> Iterator[None]:
    """What a renewal brought is used first and kept later: a crash in between leaves a spent refresh token."""
    real_exchange, real_authorise = Authoriser._exchange, Authoriser.authorise
    late: dict[int, Held] = {}

    def exchange(self: Authoriser, grant: Grant) -> Any:
        store = self._store
        held = late[id(self)] = Held(store)
        self._store = held  # type: ignore[assignment]
        try:
            return real_exchange(self, grant)
        finally:
            self._store = store

    def authorise(self: Authoriser, request: Request) -> None:
        held = late.pop(id(self), None)
        for system, grant in held.put_off if held is not None else ():
            self._store.save(system, grant)
        real_authorise(self, request)

    with patch.object(Authoriser, "_exchange", exchange), patch.object(Authoriser, "authorise", authorise):
        yield


@contextmanager
def keptold() -> Iterator[None]:
    """The refresh token that came with a renewal is dropped: the spent one is shown again."""
    real = Authoriser._exchange

    def exchange(self: Authoriser, grant: Grant) -> Any:
        answer = real(self, grant)
        kept = self._store.load(self._system)
        if kept is not None and kept.refresh_token != grant.refresh_token:
            self._store.save(self._system, replace(kept, refresh_token=grant.refresh_token))
        return answer

    with patch.object(Authoriser, "_exchange", exchange):
        yield
