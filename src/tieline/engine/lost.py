"""What may have become of a create whose answer was lost, where no hub id tells. Pure.

Values alone are left to go by, and a system may store them in its own way. A remote is ours if all that was sent is
there as a usual normal form has it; it is somebody else if it has nothing in common that names a thing, or another
e-mail or domain and another name. In between nobody can tell: then a person is asked, and nothing is made meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from tieline.engine.match import IDENTITY
from tieline.engine.merge import title
from tieline.engine.trees import stored_as
from tieline.model import Fields, Question, Record
from tieline.records import ENDS, Kind, spec_of

Likeness = Literal["ours", "maybe", "other"]
SHOWN = 10
"""Remotes that a question names."""
_NAMING = frozenset({"text", "email", "domain", "phone", "url"})
"""Types of fields that may name a thing; a choice, a number or a reference is shared by many."""
_NAMES = frozenset({"name", "last_name"})


def likeness(kind: Kind, payload: Fields, seen: Fields) -> Likeness:
    """Whether a remote can be what a create with this payload made; both in the system's own id space."""
    if kind in ENDS:
        return "ours" if all(payload.get(n) == seen.get(n) for n in ENDS[kind]) else "other"
    naming = [n for n, sent in payload.items() if sent is not None and spec_of(kind, n).type in _NAMING]
    same = {n for n in naming if stored_as(n, kind, payload[n], seen.get(n), shortest=1)}
    if same and all(stored_as(name, kind, sent, seen.get(name)) for name, sent in payload.items()):
        return "ours"
    if any(n in IDENTITY and n not in same and seen.get(n) is not None for n in naming):
        return "maybe" if same & _NAMES else "other"  # somebody may have moved it to another address since
    return "maybe" if same or not naming else "other"


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
