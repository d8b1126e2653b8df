"""Reads the JWT with which somebody signs in without a browser (RFC 7523): its form, what it says, its RS256 signature.

Written with the standard library alone: an RSA signature is checked with one power. What a claim must be is the
stand-in's own.
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


class PublicKey(NamedTuple):
    """An RSA key's modulus and exponent."""

    n: int
    e: int


def public_key(pem: str) -> PublicKey:
    """The RSA key of a certificate or a public key in PEM. Raises ValueError."""
    found = _PEM.search(pem)
    if found is None:
        raise ValueError("no certificate and no public key in it")
    key = _key_in(base64.b64decode("".join(found[2].split()), validate=True))
    if key is None:
        raise ValueError("no RSA key in it")
    return key


def _key_in(der: bytes) -> PublicKey | None:
    """The first SubjectPublicKeyInfo (RFC 5280, section 4.1) in it, however deep."""
    for tag, value in _values(der):
        if tag not in (0x30, 0xA0):
            continue
        inner = _values(value)
        if len(inner) == 2 and inner[1][0] == 0x03 and _RSA in inner[0][1]:
            numbers = _values(_values(inner[1][1][1:])[0][1])
            return PublicKey(*(int.from_bytes(number, "big") for _, number in numbers[:2]))
        deeper = _key_in(value)
        if deeper is not None:
            return deeper
    return None


def _values(der: bytes) -> list[tuple[int, bytes]]:
    """(tag, content) of what stands in a row. Raises ValueError."""
    found, rest = [], der
    while rest:
        if len(rest) < 2:
            raise ValueError("cut off")
        tag, size, rest = rest[0], rest[1], rest[2:]
        if size & 0x80:
            count = size & 0x7F
            size, rest = int.from_bytes(rest[:count], "big"), rest[count:]
        if size > len(rest):
            raise ValueError("cut off")
        found.append((tag, rest[:size]))
        rest = rest[size:]
    return found


def claims(assertion: str, key: PublicKey | None) -> Mapping[str, Any]:
    """What an assertion says. Raises ValueError where it is none, or is not signed by `key`."""
    parts = assertion.split(".")
    if len(parts) != 3:
        raise ValueError("three parts are needed")
    head, said, signature = (_decoded(part) for part in parts)
    if _object(head).get("alg") != "RS256" or not signature:
        raise ValueError("only RS256 is taken")
    if key is not None and not _signed(".".join(parts[:2]).encode(), signature, key):
        raise ValueError("the signature is wrong")
    return _object(said)


def _object(data: bytes) -> dict[str, Any]:
    value = json.loads(data)
    if not isinstance(value, dict):
        raise ValueError("no object")
    return value


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
