"""Keeps grants in the home, sealed; and re-seals them under another key. It decides the order that survives a crash."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Final

from pydantic_core import from_json, to_json

from tieline.auth import Grant
from tieline.errors import UserError
from tieline.secrets import Secret
from tieline.store.credentials import Credentials, Sealed
from tieline.vault.cipher import Key, Sealer
from tieline.vault.keys import VARIABLE, KeyPlace, Keys

PATIENCE: Final = 180.0
"""Seconds to wait for another process that renews: longer than a token endpoint may take to answer."""
_ROTATION: Final = "-"
"""The lock of the key itself; no system has this name."""
_ABOUT: Final = ("reauth_required", "until", "lost", "again", "obtained", "scope")
"""What is kept in the clear: states and times, so that `auth status` needs no key."""


class Vault:
    """A `TokenStore` on a home's credentials. The key is looked for at first use. Raises KeyMissing, SealBroken."""

    def __init__(self, rows: Callable[[], Credentials], keys: Callable[[str], Keys]) -> None:
        self._open, self._keys = rows, keys
        self._rows: Credentials | None = None
        self._guard = threading.Lock()
        self._sealer: Sealer | None = None

    @property
    def rows(self) -> Credentials:
        """The home's credentials; made at first use."""
        with self._guard:
            if self._rows is None:
                self._rows = self._open()
            return self._rows

    @property
    def keys(self) -> Keys:
        """Where this vault's key is looked for."""
        return self._keys(self.rows.vault)

    def sealer(self, key: str = "") -> Sealer:
        """What closes and opens, looked for anew unless it knows the key of this id. Raises KeyMissing."""
        if self._sealer is None or not self._sealer.knows(key):
            _, keys = self.keys.find()
            self._sealer = Sealer(keys, self.rows.vault)
        return self._sealer

    def load(self, system: str) -> Grant | None:
        """The grant saved last, or None. Raises SealBroken when it is not as it was saved."""
        row = self.rows.get(system)
        if row is None:
            return None
        seal = self.sealer(row.key)

        def opened(value: bytes | None, column: str) -> Secret | None:
            return None if value is None else seal.open(value, system, column, row.key)

        about = {k: v for k, v in from_json(row.about).items() if k in _ABOUT}
        return Grant(opened(row.refresh, "refresh"), row.origin, access_token=opened(row.access, "access"), **about)

    def save(self, system: str, grant: Grant) -> None:
        """Keep it, sealed; on disk when this returns."""
        about = to_json({name: getattr(grant, name) for name in _ABOUT}).decode()
        with self.rows.lock(_ROTATION, PATIENCE):  # the key found here is still the key when the row is there
            seal = self.sealer()

            def sealed(value: Secret | None, column: str) -> bytes | None:
                return None if value is None else seal.seal(value, system, column)

            refresh, access = sealed(grant.refresh_token, "refresh"), sealed(grant.access_token, "access")
            self.rows.put(Sealed(system, grant.origin, seal.current, refresh, access, about))

    def wipe(self, system: str) -> None:
        """Forget the system; no key is needed for that."""
        self.rows.wipe(system)

    def lock(self, system: str) -> AbstractContextManager[object]:
        """One process and thread at a time, per system."""
        return self.rows.lock(system, PATIENCE)

    def about(self) -> dict[str, dict[str, Any]]:
        """System → what is kept in the clear of it; needs no key."""
        return {row.system: {"key": row.key, "origin": row.origin, **from_json(row.about)} for row in self.rows.all()}

    def close(self) -> None:
        """Close the file, if it was opened."""
        if self._rows is not None:
            self._rows.close()
            self._rows = None


def rotate(vault: Vault, boundary: Callable[[str], None] = lambda name: None) -> tuple[KeyPlace, Key, int]:
    """Re-seal everything under a new key and drop the old one: where the key is, which it is, how many were re-sealed.

    The new key is kept beside the old one before the first row changes, and the old one dropped after the last, so
    that after a crash at any row everything opens; the next call finishes what was begun. Of a variable, which only
    its owner can change, the first key is taken for the new one. Raises UserError.
    """
    with vault.rows.lock(_ROTATION, PATIENCE):  # from the first look: a second one would put its key over the first's
        place, keys = _with_new(vault.keys, boundary)
        boundary("both kept")
        sealer = Sealer(keys, vault.rows.vault)
        count = 0
        for row in vault.rows.all():
            if row.key != sealer.current:
                vault.rows.put(_resealed(row, sealer))
                count += 1
            boundary(f"row {row.system}")
        if place.where != "env":
            vault.keys.keep(place, keys[:1])
    boundary("old key dropped")
    return place, keys[0], count


def _with_new(kept: Keys, boundary: Callable[[str], None]) -> tuple[KeyPlace, tuple[Key, ...]]:
    """The keys with a new one in front, which is kept beside the old one; of an interrupted rotation, its own."""
    place, keys = kept.find()
    if len(keys) > 1:
        return place, keys
    if place.where == "env":
        raise UserError(
            f"put a new key in front of the old one in {VARIABLE}, with a blank between them, and call this again; "
            f'for example: {VARIABLE}="$(tieline auth new-key --print) ${VARIABLE}"',
            hint="tieline auth rotate-key",
        )
    keys = (Key.new(), *keys)
    boundary("key drawn")
    kept.keep(place, keys)
    return place, keys


def _resealed(row: Sealed, sealer: Sealer) -> Sealed:
    def again(value: bytes | None, column: str) -> bytes | None:
        if value is None:
            return None
        return sealer.seal(sealer.open(value, row.system, column, row.key), row.system, column)

    refresh, access = again(row.refresh, "refresh"), again(row.access, "access")
    return Sealed(row.system, row.origin, sealer.current, refresh, access, row.about)
