"""Checks a JWT bearer assertion: its RS256 signature with a certificate's or a public key's own numbers, its claims.

Written with the standard library alone, since a plugin has nothing else: an RSA signature is checked with one power.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

_PEM = re.compile(r"-----BEGIN (CERTIFICATE|PUBLIC KEY)-----(.+?)-----END \1-----", re.DOTALL)
_RSA = bytes.fromhex("2a864886f70d010101")
"""The object identifier of RSA keys, 1.2.840.113549.1.1.1."""
_SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")
"""What stands before a SHA-256 digest in a signature (RFC 8017, section 9.2)."""
LATEST_MS = 5 * 60_000
"""How far in the future an assertion may end. The vendor says three minutes; clocks differ [memory]."""


class PublicKey(NamedTuple):
    """An RSA key's modulus and exponent."""

    n: int
    e: int


def public_key(pem: str) -> PublicKey:
    """The RSA key of a certificate or a public key in PEM. Raises ValueError."""
    found = _PEM.search(pem)
    if found is None:
        raise ValueError("no certificate and no public key in it")
    der = base64.b64decode("".join(found[2].split()), validate=True)
    for info in _sequences(der):
        parts = _parts(info)
        if len(parts) == 2 and parts[0][0] == 0x30 and parts[1][0] == 0x03 and _RSA in parts[0][1]:
            numbers = _parts(_parts(parts[1][1][1:])[0][1])
            return PublicKey(*(int.from_bytes(value, "big") for _, value in numbers[:2]))
    raise ValueError("no RSA key in it")


def _sequences(der: bytes) -> list[bytes]:
    """The contents of every sequence in it, outermost first."""
    found = []
    for tag, value in _parts(der):
        if tag in (0x30, 0xA0):
            found += [value, *_sequences(value)]
    return found


def _parts(der: bytes) -> list[tuple[int, bytes]]:
    """(tag, content) of the values that stand in a row. Raises ValueError."""
    found, at = [], 0
    while at < len(der):
        if at + 2 > len(der):
            raise ValueError("cut off")
        tag, size, at = der[at], der[at + 1], at + 2
        if size & 0x80:
            count = size & 0x7F
            size, at = int.from_bytes(der[at : at + count], "big"), at + count
        if at + size > len(der):
            raise ValueError("cut off")
        found.append((tag, der[at : at + size]))
        at += size
    return found


def claims(assertion: str, key: PublicKey) -> Mapping[str, Any]:
    """What an assertion says, once its signature is right. Raises ValueError."""
    head, body, signature = assertion.split(".")
    said = json.loads(_decoded(head))
    if not isinstance(said, dict) or said.get("alg") != "RS256":
        raise ValueError("only RS256 is taken")
    if not _signed(f"{head}.{body}".encode(), _decoded(signature), key):
        raise ValueError("the signature is wrong")
    told = json.loads(_decoded(body))
    if not isinstance(told, dict):
        raise ValueError("no claims in it")
    return told


def _signed(message: bytes, signature: bytes, key: PublicKey) -> bool:
    size = (key.n.bit_length() + 7) // 8
    if len(signature) != size:
        return False
    opened = pow(int.from_bytes(signature, "big"), key.e, key.n).to_bytes(size, "big")
    tail = _SHA256 + hashlib.sha256(message).digest()
    return hmac.compare_digest(opened, b"\x00\x01" + b"\xff" * (size - len(tail) - 3) + b"\x00" + tail)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error


def problem(
    told: Mapping[str, Any], client_id: str, usernames: frozenset[str], audiences: frozenset[str], now: int
) -> str:
    """Why the claims are not taken at `now` (ms); empty when they are. Times may be numbers alone."""
    end = told.get("exp")
    if told.get("iss") != client_id:
        return "client identifier invalid"
    if str(told.get("aud", "")).rstrip("/") not in audiences:
        return "audience is invalid"
    if not isinstance(end, (int, float)) or isinstance(end, bool) or not now < end * 1000 <= now + LATEST_MS:
        return "assertion expired, or valid for too long"
    if told.get("sub") not in usernames:
        return "user hasn't approved this consumer"
    return ""
