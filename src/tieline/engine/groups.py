"""Everything alive that shares a match key, as one remote sees it; and the one question about a crowd of equals. Pure.

Context narrows: whoever contradicts a remote's context does not stand near it. Where too many stand near to be asked
about one by one, a person is asked about all of them at once: whether each is a thing of its own, or whether some are
the same, which is then asked about each. Nothing here links anything.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from tieline.model import EMPTY, Fields, Question
from tieline.records import Cell, Kind

CROWD = 10
"""More rivals than this are asked about as one."""
MOST_SINGLE = CROWD + 1
SAMPLE = 10
"""How many of each system such a question names."""

_CONTEXT: Mapping[Kind, tuple[str, ...]] = {"account": ("domain",), "opportunity": ("account",)}
"""Fields that, where both sides have them, must agree for a weaker key to count."""

Context = tuple[tuple[str, Cell], ...]


class Member(NamedTuple):
    """Something alive that shares a key: a remote, with the record it is linked to, if any."""

    system: str
    remote_id: str
    record: str | None
    fields: Fields
    """In hub space."""

    @property
    def name(self) -> str:
        """How a person names it."""
        return f"{self.system}:{self.remote_id}"


class Near(NamedTuple):
    """Who shares a key with a remote and does not contradict its context, itself among them."""

    key: str
    context: Context
    members: Sequence[Member]
    systems: Mapping[str, int]
    """How many of each system; counted for many alone."""

    @property
    def crowded(self) -> bool:
        """Too many to be asked about one by one, and surely not one of each system."""
        return len(self.members) > MOST_SINGLE and max(self.systems.values()) > 1


class Groups:
    """Per key, everything alive that has it. `assigned` tells what has been given a record since it was looked up."""

    def __init__(
        self,
        kind: Kind,
        members: Mapping[str, Sequence[Member]],
        assigned: Mapping[tuple[str, str], str] | None = None,
    ) -> None:
        self.kind: Kind = kind
        self.members = members
        self.assigned = {} if assigned is None else assigned
        self._near: dict[tuple[str, str], Near] = {}

    def near(self, key: str, fields: Fields) -> Near:
        """Who stands near a remote with these fields (hub space)."""
        members = self.members.get(key, ())
        context = context_of(self.kind, key, fields)
        if len(members) <= MOST_SINGLE:
            return Near(key, context, [m for m in members if agrees(context, m.fields)] if context else members, EMPTY)
        place = (key, repr(context))
        found = self._near.get(place)
        if found is None:
            members = [m for m in members if agrees(context, m.fields)]
            found = self._near[place] = Near(key, context, members, Counter(m.system for m in members))
        return found

    def others(self, me: Member, near: Near) -> tuple[Member, ...]:
        """All but the one itself, with the records they have by now."""
        assigned = self.assigned
        return tuple(
            m._replace(record=assigned[place]) if (place := m[:2]) in assigned else m
            for m in near.members
            if m[:2] != me[:2]
        )


def context_of(kind: Kind, key: str, fields: Fields) -> Context:
    """What must not be contradicted for this key (`name:value`) to count; blanks contradict nothing."""
    if kind not in _CONTEXT:
        return ()
    name = key.partition(":")[0]
    return tuple((n, fields[n]) for n in _CONTEXT[kind] if n != name and fields.get(n) is not None)


def agrees(context: Context, fields: Fields) -> bool:
    """Whether nothing in these fields contradicts the context."""
    return all(fields.get(name) in (None, value) for name, value in context)


def fingerprint(names: Iterable[str]) -> str:
    """A short, stable hash of who is meant, whatever their order."""
    return hashlib.blake2b("\n".join(sorted(names)).encode(), digest_size=9).hexdigest()


def crowd_question(kind: Kind, near: Near, waiting: Iterable[str]) -> Question:
    """The review for all that share a key and a context; `waiting`: the systems where some of them have no record.

    Its key stays the same whoever comes or goes; `members` in its detail tells whom an answer was about.
    """
    what = near.key.partition(":")[2]
    sample = [m.name for s in near.systems for m in _first([m for m in near.members if m.system == s])]
    where = ", ".join(f"{number} in {system}" for system, number in sorted(near.systems.items()))
    return Question(
        topic="match",
        key=f"crowd:{kind}:{near.key}:{fingerprint(repr(c) for c in near.context)}",
        kind=kind,
        record=None,
        summary=f"{len(near.members)} {kind} records share {what!r} ({where}), and nothing tells them apart",
        detail={
            "key": near.key,
            "context": dict(near.context),
            "count": len(near.members),
            "sample": sample,
            "waiting": sorted(waiting),
            "members": fingerprint(m.name for m in near.members),
        },
        accept="some of them are the same: ask about each one",
        reject="each is a thing of its own: give every one a record",
    )


def _first(members: Sequence[Member]) -> list[Member]:
    return sorted(members, key=lambda m: m.remote_id)[:SAMPLE]
