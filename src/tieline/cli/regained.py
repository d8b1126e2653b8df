"""Fields that a system gets while Tieline makes what it lacks: what is blank in them then was cleared by nobody.

It compares the schemas before and after, and takes what was seen there earlier out of the home; it makes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tieline.errors import ConfigError, TielineError

if TYPE_CHECKING:
    from tieline.cli.session import Session
    from tieline.hub import Hub
    from tieline.records import Kind

Readable = dict[tuple[str, str], tuple["Kind", frozenset[str]]]
"""(system, stream) → its kind and the fields that can be read; a stream that cannot be asked is left out."""


@contextmanager
def regaining(session: Session, hub: Hub, systems: Iterable[str]) -> Iterator[None]:
    """While this is open, fields may be made in these systems. One that was there before, and had been taken away or
    renamed, comes back blank: its values elsewhere are filled in again instead of being cleared."""
    names = [n for n in dict.fromkeys(systems) if n in hub.systems] if session.home.store.exists() else []
    before = _readable(hub, names)
    try:
        yield
    finally:
        back = {
            (system, stream): (kind, fields - before[system, stream][1])
            for (system, stream), (kind, fields) in _readable(hub, names).items()
            if (system, stream) in before
        }
        if any(fields for _, fields in back.values()):
            _forget(session, back)


def _forget(session: Session, back: Readable) -> None:
    """Nothing was seen of these fields yet, and the next run reads all of it anew."""
    with session.open_store() as store, store.atomic(fence=False):
        for (system, stream), (kind, fields) in back.items():
            if fields:
                store.trees.unsee(system, kind, fields)
                cursor = store.trees.cursor(system, stream)
                store.trees.save_cursor(cursor._replace(listing="regained", token=None))


def _readable(hub: Hub, names: Iterable[str]) -> Readable:
    found: Readable = {}
    for name in names:
        connector = hub.systems[name].connector
        for facts in connector.facts.streams:
            try:
                fields = connector.schema(facts.name).fields
            except ConfigError:  # what it would be read from is not there
                fields = {}
            except TielineError:
                continue
            found[name, facts.name] = facts.kind, frozenset(n for n, f in fields.items() if f.read)
    return found
