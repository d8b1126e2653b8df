"""How the trees are written as rows: a link's columns, JSON text, bases stored only where they differ. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from pydantic_core import from_json, to_json

from tieline.model import EMPTY, Agreed, Fields, Link, Problem, agreed, lacks
from tieline.records import Kind

CHUNK = 500
"""Rows or ids of one statement."""
T = TypeVar("T")


class Row(NamedTuple):
    """A link's row as it is stored; `decode` makes a `Link` of it."""

    system: str
    kind: Kind
    remote_id: str
    stream: str
    record: str | None
    seen: str
    base: str | None
    times: str | None
    sent: str | None
    problems: str | None
    version: str
    modified: int
    own: int
    gone: str | None
    hub_id: str | None
    dirty: int
    pulled: str | None
    state: str | None
    listed: str | None
    risen: int = 0
    provisional: int = 0


class Cursor(NamedTuple):
    """Where a stream's reading stands. `listing` marks a complete listing in progress, `token` its next page; `feed` is
    the token from which changes go on, where the stream's facts say so."""

    system: str
    stream: str
    baseline: bool = False
    token: str | None = None
    started: int = 0
    since: int = 0
    joined: bool = False
    full_at: int = 0
    swept_at: int = 0
    listing: str | None = None
    feed: str | None = None


def dumps(value: Any) -> str:
    """Compact JSON text."""
    return to_json(value).decode()


def loads(text: str) -> Any:
    """JSON text as values. Names repeat from row to row and are kept; values seldom do, and looking for them costs."""
    return from_json(text, cache_strings="keys")


def decode(row: Row) -> Link:
    """The link of a row."""
    return link_of(
        row.system, row.kind, row.stream, row.remote_id, row.record, row.seen, row.base, row.version, row.modified,
        row.times, row.sent, row.gone, row.hub_id, row.risen, row.provisional,
    )  # fmt: skip


def link_of(
    system: str, kind: Kind, stream: str, remote_id: str, record: str | None, seen: str, base: str | None, version: str,
    modified: int, times: str | None, sent: str | None, gone: str | None, hub_id: str | None,
    risen: int, provisional: int,
) -> Link:  # fmt: skip
    """The link of these columns."""
    cells, based = trees_of(seen, base)
    return Link(
        system,
        kind,
        stream,
        remote_id,
        record,
        cells,
        based,
        version,
        modified,
        from_json(times) if times else EMPTY,
        from_json(sent) if sent else EMPTY,
        gone,
        hub_id is not None,
        risen,
        provisional == 1,
    )


def trees_of(seen: str, base: str | None) -> tuple[dict[str, Any], Fields]:
    """What is seen and what was agreed, of these columns. Both are one dict where nothing differs."""
    cells: dict[str, Any] = loads(seen)
    return cells, _base(base, cells)


def _base(text: str | None, seen: dict[str, Any]) -> Fields:
    if text is None:
        return {}
    if text == "{}":
        return seen
    was, none = _stored_base(text) if len(text) < _SHORT else _parsed_base(text)
    base = {**seen, **was} if was else agreed(seen, seen, none)
    for name in none:
        base.pop(name, None)
    return base if was or len(base) + len(none) == len(seen) else dict(base)


def _parsed_base(text: str) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    stored = from_json(text)
    return stored.get("was", EMPTY), tuple(stored.get("none", ()))


_SHORT = 200
_stored_base = lru_cache(64)(_parsed_base)
"""Bases that say the same of many links: they lack the fields that nobody shares. Whoever reads copies."""


def encode_base(seen: Fields, base: Fields) -> str | None:
    """Base as it is stored: only where it differs from `seen`."""
    if base is seen:
        return "{}"
    if not base:
        return None if seen else "{}"
    if known := lacks(seen, base):
        return lacking(known)
    if base.items() <= seen.items():
        return "{}" if len(base) == len(seen) else lacking(tuple([n for n in seen if n not in base]))
    was = {n: v for n, v in base.items() if n not in seen or seen[n] != v}
    return dumps({"was": was, "none": [n for n in seen if n not in base]})


@lru_cache(64)
def lacking(names: tuple[str, ...]) -> str:
    """A base that agrees with what is seen but for fields it lacks: mostly the few that nobody shares."""
    return dumps({"was": {}, "none": names})


def encoded(seen: Fields, base: Fields) -> tuple[str, str]:
    """`seen`, and a base that lacks of it what `base` is known to lack of what was seen before: the usual one."""
    return dumps(seen), lacking(base.lacks) if type(base) is Agreed and base.lacks else "{}"


def encode(link: Link) -> tuple[str, str | None, str | None, str | None]:
    """The trees of a link as they are stored: seen, base, times, sent."""
    return (
        dumps(link.seen),
        encode_base(link.seen, link.base),
        dumps(link.times) if link.times else None,
        dumps(link.sent) if link.sent else None,
    )


def problems_of(row: Row) -> tuple[Problem, ...]:
    """The fields of a remote that could not be read."""
    return tuple(Problem(*p) for p in from_json(row.problems)) if row.problems else ()


def parts(ids: Sequence[T], size: int = CHUNK) -> Iterable[Sequence[T]]:
    """These ids in pieces that one statement takes, or one call of `size`."""
    if len(ids) <= size:
        return (ids,) if ids else ()
    return [ids[start : start + size] for start in range(0, len(ids), size)]
