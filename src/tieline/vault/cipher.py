"""The envelope: AES-256-GCM with a random nonce, bound to the row it belongs to. Pure but for the nonce.

A sealed value is one byte of version, 12 bytes of nonce, then ciphertext and tag. The vault's name, the system, the
column and the key's id are authenticated with it, so a value moved to any other place does not open.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from typing import Final, NoReturn

from tieline.errors import UserError
from tieline.secrets import Secret

KEY_BYTES: Final = 32
NONCE: Final = 12
"""Bytes, drawn anew for each value (NIST SP 800-38D)."""
VERSION: Final = b"\x01"
_ID_OF: Final = b"tieline key id\x00"


class SealBroken(UserError):
    """A kept credential does not open: it was changed, moved to another place, or sealed with another key."""


class Key:
    """32 bytes that open and close; its text forms show its id alone."""

    __slots__ = ("__bytes", "id")

    def __init__(self, value: bytes) -> None:
        if len(value) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes")
        self.__bytes = value
        self.id = hashlib.sha256(_ID_OF + value).hexdigest()[:12]
        """Tells keys apart and tells nothing of the key."""

    @classmethod
    def new(cls) -> Key:
        """A random one."""
        return cls(os.urandom(KEY_BYTES))

    def reveal(self) -> bytes:
        """The bytes themselves."""
        return self.__bytes

    def __repr__(self) -> str:
        return f"Key({self.id})"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a key is not pickled")


class Sealer:
    """Closes with the first of the keys, opens with whichever a value was closed with."""

    def __init__(self, keys: Sequence[Key], vault: str) -> None:
        self._keys = {key.id: key for key in keys}
        self._vault = vault
        self.current = keys[0].id
        """The id of the key that closes."""

    def knows(self, key: str) -> bool:
        """Whether it opens what was closed with the key of this id."""
        return key in self._keys

    def seal(self, secret: Secret, system: str, column: str) -> bytes:
        """The sealed value, fit for this place alone."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = os.urandom(NONCE)
        place = _place(self._vault, system, column, self.current)
        cipher = AESGCM(self._keys[self.current].reveal())
        return VERSION + nonce + cipher.encrypt(nonce, secret.reveal().encode(), place)

    def open(self, value: bytes, system: str, column: str, key: str) -> Secret:
        """The secret sealed with the key of this id. Raises SealBroken, which quotes nothing."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        if key not in self._keys:
            known = ", ".join(self._keys)
            trouble = f"was sealed with the key {key}; the key here is {known}"
        elif value[:1] != VERSION or len(value) <= 1 + NONCE:
            trouble = "is not in a form this Tieline knows"
        else:
            nonce, rest = value[1 : 1 + NONCE], value[1 + NONCE :]
            try:
                plain = AESGCM(self._keys[key].reveal()).decrypt(nonce, rest, _place(self._vault, system, column, key))
                return Secret(plain.decode())
            except (InvalidTag, ValueError):
                trouble = "was changed, or moved here from another place"
        raise SealBroken(
            f"the kept credential of {system} ({column} token) {trouble}", hint=f"tieline auth login {system}"
        )


def _place(vault: str, system: str, column: str, key: str) -> bytes:
    """What a value is bound to; lengths in front, so that no two places read alike."""
    parts = [part.encode() for part in ("tieline credential 1", vault, system, column, key)]
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)
