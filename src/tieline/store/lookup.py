"""Finds records the way a person names them. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pydantic_core import from_json

from tieline.model import Fields
from tieline.records import Kind
from tieline.store import Store

MOST = 20
_TITLE = ("name", "email")


class Found(NamedTuple):
    """A record that answers to a key."""

    id: str
    kind: Kind
    title: str
    state: str


def find(store: Store, kind: Kind, key: str) -> list[Found]:
    """Records of a kind that answer to a hub id, `SYSTEM:REMOTE_ID`, an e-mail address, a domain or a name.

    The first of these that answers counts. At most MOST; old ids and folded records are followed.
    """
    key = key.strip()
    by_id = _follow(store, [key])
    if not by_id:
        system, colon, remote_id = key.partition(":")
        owner = store.trees.owners(system, kind, [remote_id]).get(remote_id) if colon and remote_id else None
        by_id = _follow(store, [owner]) if owner else []
    if by_id:
        return [found for found in by_id if found.kind == kind]
    rows = store.db.rows(
        "SELECT id FROM record WHERE kind = ? AND state <> 'folded' AND ? IN ("
        "lower(json_extract(fields, '$.email')), lower(json_extract(fields, '$.domain')), "
        "lower(json_extract(fields, '$.name')), lower(trim(coalesce(json_extract(fields, '$.first_name'), '') || ' ' "
        "|| coalesce(json_extract(fields, '$.last_name'), '')))) "
        "ORDER BY state, id LIMIT ?",
        kind, key.lower(), MOST,
    )  # fmt: skip
    return _follow(store, [row[0] for row in rows])


def unlinked(store: Store, kind: Kind, key: str) -> list[str]:
    """`SYSTEM:REMOTE_ID` of remotes that have this match key but no record: a person has to say whose they are."""
    key = key.strip().lower()
    groups = store.trees.sharing(kind, [f"{name}:{key}" for name in ("email", "domain", "name")])
    return sorted({f"{m[0]}:{m[1]}" for members in groups.values() for m in members if m[2] is None})


class Stray(NamedTuple):
    """A remote that is known and linked to no record."""

    name: str
    """`SYSTEM:REMOTE_ID`."""
    state: str
    """How it ended when it was last looked at: filtered, waiting, review, or `gone`."""
    reviews: Sequence[tuple[int, str]]
    """Questions about it that are open or answered but not acted on: number and state."""


def stray(store: Store, kind: Kind, key: str) -> Stray | None:
    """The unlinked remote that `SYSTEM:REMOTE_ID` names, by an old id as well; None when there is no such one."""
    system, _, remote_id = key.strip().partition(":")
    remote_id = store.trees.aliases(system, kind, [remote_id]).get(remote_id, remote_id)
    row = store.trees.links(system, kind, [remote_id]).get(remote_id)
    if row is None or row.record is not None:
        return None
    reviews = store.db.rows(
        "SELECT id, state FROM review WHERE system = ? AND remote_id = ? AND kind = ? AND state <> 'closed' "
        "ORDER BY state <> 'open', id",
        system, remote_id, kind,
    )  # fmt: skip
    return Stray(f"{system}:{remote_id}", "gone" if row.gone else row.state or "waiting", [(n, s) for n, s in reviews])


def weaker(store: Store) -> list[tuple[str, str]]:
    """(system, stream) where the field that holds the hub's id does not exist: creates cannot carry it there."""
    rows = store.db.rows("SELECT system, stream, body FROM schema_cache ORDER BY 1, 2")
    return [(system, stream) for system, stream, body in rows if not from_json(body)["stamps"]]


def last_full(store: Store) -> dict[tuple[str, str], int]:
    """(system, stream) → when its last complete reading ended (ms); 0: its first one is not complete."""
    rows = store.db.rows("SELECT system, stream, baseline, full_at FROM cursor")
    return {(system, stream): full_at if baseline else 0 for system, stream, baseline, full_at in rows}


def _follow(store: Store, ids: list[str]) -> list[Found]:
    found: dict[str, Found] = {}
    for _ in range(MOST):  # a chain of folds is short
        folded = []
        for record, state, into in store.trees.records(ids).values():
            if into is not None:
                folded.append(into)
            else:
                found[record.id] = Found(record.id, record.kind, title_of(record.fields, record.id), state)
        if not folded:
            break
        ids = folded
    return list(found.values())


def title_of(fields: Fields, default: str) -> str:
    """What a person calls a record."""
    name = " ".join(str(fields[n]) for n in ("first_name", "last_name") if fields.get(n))
    return name or next((str(fields[n]) for n in _TITLE if fields.get(n)), default)
