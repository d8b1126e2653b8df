"""What may have become of a create whose answer was lost, where no hub id tells. Pure.

Values alone are left to go by, and a system may store them in its own way. A remote is ours if all that was sent is
there as a usual normal form has it; it is somebody else if it has another e-mail or domain, or nothing in common that
names a thing. In between nobody can tell: then a person is asked, and nothing is made meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from tieline.engine.match import IDENTITY, equivalent
from tieline.engine.merge import title
from tieline.engine.trees import stored_as
from tieline.model import Fields, Question, Record
from tieline.records import Kind, spec_of

Likeness = Literal["ours", "maybe", "other"]
SHOWN = 10
"""Remotes that a question names."""
_NAMING = frozenset({"text", "email", "domain", "phone", "url"})
"""Types of fields that may name a thing; a choice, a number or a reference is shared by many."""


def likeness(kind: Kind, payload: Fields, seen: Fields) -> Likeness:
    """Whether a remote can be what a create with this payload made; both in the system's own id space."""
    common = named = 0
    for name, sent in payload.items():
        held = seen.get(name)
        type_name = spec_of(kind, name).type
        if sent is None or type_name not in _NAMING:
            continue
        same = stored_as(name, kind, sent, held, shortest=1)
        if name in IDENTITY and held is not None and not equivalent(type_name, sent, held):
            return "other"
        named += 1
        common += same
    if common and all(stored_as(name, kind, sent, seen.get(name)) for name, sent in payload.items()):
        return "ours"
    return "maybe" if common or not named else "other"


def lost_key(record: str, system: str, sent_at: int) -> str:
    """The key of the question about a create that was sent at that time (ms): another one is another question."""
    return f"lost:{record}:{system}:{sent_at}"


def lost_question(record: Record, system: str, sent_at: int, candidates: Sequence[str]) -> Question:
    """The review for a create that may be any of these remotes of the system, or none."""
    names = sorted(f"{system}:{i}" for i in candidates)
    shown = ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
    return Question(
        topic="lost",
        key=lost_key(record.id, system, sent_at),
        kind=record.kind,
        record=record.id,
        summary=f"{system} gave no answer when {title(record)} was made there, and keeps no hub id; it may be {shown}",
        detail={"system": system, "choices": names[:SHOWN], "more": max(0, len(names) - SHOWN)},
        accept="it was made: --take SYSTEM:ID says which it is (needed only where there are several)",
        reject="none of them is: it was not made, make it now",
    )
