"""Drive's search language, as far as it is used: comparisons of a file's properties, joined by and, or, not [doc]."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from tieline.sandbox import Refusal
from tieline_google.sandbox.wire import Row, iso, refuse_older

Test = Callable[[Row], bool]
_TOKEN = re.compile(r"""\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|(!=|<=|>=|[=<>(){}]|[A-Za-z]+))""")
_COMPARED = {"name": "name", "mimeType": "mimeType"}
_TIMES = {"modifiedTime": "modified", "createdTime": "created"}


class _Text(str):
    """A value in quotes."""

    __slots__ = ()


def test_of(q: str) -> Test:
    """What a search finds. A 400 for what is no search."""
    tokens = _tokens(q)
    if not tokens:
        return lambda row: True
    test = _either(tokens)
    if tokens:
        raise _wrong()
    return test


def _tokens(q: str) -> list[str]:
    found: list[str] = []
    at = 0
    while q[at:].strip():
        token = _TOKEN.match(q, at)
        if token is None:
            raise _wrong()
        text = token[1] if token[1] is not None else token[2]
        found.append(token[3] if text is None else _Text(re.sub(r"\\(.)", r"\1", text)))
        at = token.end()
    return found


def _either(tokens: list[str]) -> Test:
    tests = [_all(tokens)]
    while _next(tokens, "or"):
        tests.append(_all(tokens))
    return lambda row: any(test(row) for test in tests)


def _all(tokens: list[str]) -> Test:
    tests = [_one(tokens)]
    while _next(tokens, "and"):
        tests.append(_one(tokens))
    return lambda row: all(test(row) for test in tests)


def _one(tokens: list[str]) -> Test:
    if _next(tokens, "not"):
        inner = _one(tokens)
        return lambda row: not inner(row)
    if _next(tokens, "("):
        inner = _either(tokens)
        _must(tokens, ")")
        return inner
    return _term(tokens)


def _term(tokens: list[str]) -> Test:
    left = _take(tokens)
    if isinstance(left, _Text):  # 'ID' in parents
        _must(tokens, "in")
        _must(tokens, "parents")
        return lambda row: left in row["parents"]
    sign = _take(tokens)
    if left == "trashed" and sign in ("=", "!="):
        wanted = (_take(tokens) == "true") == (sign == "=")
        return lambda row: row["trashed"] is wanted
    if left in ("appProperties", "properties") and sign == "has":
        key, value = _pair(tokens)
        return lambda row: (row.get(left) or {}).get(key) == value
    value = _take(tokens)
    if not isinstance(value, _Text):
        raise _wrong()
    return _comparison(left, sign, value)


def _comparison(left: str, sign: str, value: str) -> Test:
    if left in _COMPARED and sign == "contains":
        return lambda row: str(row[_COMPARED[left]]).casefold().startswith(value.casefold())
    if left in _COMPARED and sign in ("=", "!="):
        return lambda row: (row[_COMPARED[left]] == value) == (sign == "=")
    if left in _TIMES and sign in _ORDERS:
        return lambda row: _ORDERS[sign](iso(row[_TIMES[left]])[:19], value[:19])
    raise _wrong()


_ORDERS: dict[str, Callable[[str, str], bool]] = {
    "=": lambda a, b: a == b,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
}


def _pair(tokens: list[str]) -> tuple[str, str]:
    """`{ key='…' and value='…' }`."""
    found: dict[str, Any] = {}
    _must(tokens, "{")
    for name in ("key", "value"):
        _must(tokens, name)
        _must(tokens, "=")
        found[name] = _take(tokens)
        _must(tokens, "and" if name == "key" else "}")
    return str(found["key"]), str(found["value"])


def _take(tokens: list[str]) -> str:
    if not tokens:
        raise _wrong()
    return tokens.pop(0)


def _next(tokens: list[str], word: str) -> bool:
    if tokens and tokens[0] == word and not isinstance(tokens[0], _Text):
        tokens.pop(0)
        return True
    return False


def _must(tokens: list[str], word: str) -> None:
    if not _next(tokens, word):
        raise _wrong()


def _wrong() -> Refusal:
    return refuse_older(400, "Invalid Value", "invalid")
