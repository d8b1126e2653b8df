"""Fields that a system gets while Tieline makes what it lacks: what is blank in them then was cleared by nobody.

It compares the schemas before and after, and takes what was seen there earlier out of the home; it makes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tieline.errors import ConfigError

if TYPE_CHECKING:
    from tieline.cli.session import Session
    from tieline.connector import Connector
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
        after = _readable(hub, names)
        back = {
            place: (kind, (after[place][1] if place in after else _mapped(hub, place)) - fields)
            for place, (kind, fields) in before.items()
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


def _mapped(hub: Hub, place: tuple[str, str]) -> frozenset[str]:
    """All fields that a stream may have got, where it does not say any more which they are."""
    system, stream = place
    mapper = hub.config.systems[system].mappers.get(stream)
    return frozenset(mapper.parts) if mapper is not None else frozenset()


def _readable(hub: Hub, names: Iterable[str]) -> Readable:
    found: Readable = {}
    for name in names:
        connector = hub.systems[name].connector
        for facts in connector.facts.streams:
            fields = _fields(connector, facts.name)
            if fields is not None:
                found[name, facts.name] = facts.kind, fields
    return found


def _fields(connector: Connector, stream: str) -> frozenset[str] | None:
    """The fields that can be read; None where it cannot be asked now, or raises what no connector may raise."""
    try:
        return frozenset(n for n, f in connector.schema(stream).fields.items() if f.read)
    except ConfigError:  # what it would be read from is not there
        return frozenset()
    except Exception:  # whoever asks for more is told
        return None
