"""Partial answers: what the parameter `fields` of the older APIs leaves of a body. Knows no resource."""

from __future__ import annotations

import re
from typing import Any

from tieline.sandbox import Refusal
from tieline_google.sandbox.wire import refuse_older

Mask = dict[str, Any]
"""Name → mask of what is inside; an empty one: all of it."""
_TOKEN = re.compile(r"\s*([A-Za-z*][A-Za-z0-9]*|[(),/.])")

_SIGNS = "(),/."


def masked(body: Any, fields: str) -> Any:
    """The body with what the mask names; all of it for none or `*`. A 400 for a mask that is none."""
    if not fields or fields == "*":
        return body
    tokens = _tokens(fields)
    mask = _group(tokens, fields)
    if tokens:
        raise _wrong(fields)
    return _left(body, mask)


def _left(body: Any, mask: Mask) -> Any:
    if isinstance(body, list):
        return [_left(item, mask) for item in body]
    if not mask or "*" in mask or not isinstance(body, dict):
        return body
    return {name: _left(value, mask[name]) for name, value in body.items() if name in mask}


def _tokens(fields: str) -> list[str]:
    found, at = [], 0
    while at < len(fields):
        token = _TOKEN.match(fields, at)
        if token is None:
            raise _wrong(fields)
        found.append(token[1])
        at = token.end()
    return found


def _group(tokens: list[str], fields: str) -> Mask:
    """Names with commas between them, up to the end or a closing bracket, which stays."""
    mask: Mask = {}
    while True:
        if not tokens or tokens[0] in _SIGNS:
            raise _wrong(fields)
        inner = mask.setdefault(tokens.pop(0), {})
        while tokens[:1] in (["/"], ["."]) and len(tokens) > 1 and tokens[1] not in _SIGNS:
            inner = inner.setdefault(tokens[1], {})
            del tokens[:2]
        if tokens[:1] == ["("]:
            tokens.pop(0)
            inner.update(_group(tokens, fields))
            if tokens[:1] != [")"]:
                raise _wrong(fields)
            tokens.pop(0)
        if tokens[:1] != [","]:
            return mask
        tokens.pop(0)


def _wrong(fields: str) -> Refusal:
    return refuse_older(400, f"Invalid field selection {fields}", "invalidParameter")
