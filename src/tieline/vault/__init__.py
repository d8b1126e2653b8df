"""Tokens that Tieline obtained, sealed before they reach a disk. It decides how they are sealed and where the key is.

It speaks to no system and knows no flow of OAuth; there is no way to keep a token unsealed.
"""

from __future__ import annotations

from tieline.vault.cipher import KEY_BYTES, Key, SealBroken, Sealer
from tieline.vault.keys import KeyMissing, KeyPlace, Keys, Where, spelled
from tieline.vault.tokens import Vault, rotate

__all__ = [
    "KEY_BYTES",
    "Key",
    "KeyMissing",
    "KeyPlace",
    "Keys",
    "SealBroken",
    "Sealer",
    "Vault",
    "Where",
    "rotate",
    "spelled",
]
