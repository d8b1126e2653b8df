"""What a refused batch says of its culprits. Pure.

`BatchCreateContactsErrorDetails` and `BatchUpdateContactsErrorDetails` hold `contactErrors`, a map of places or of
resource names to statuses [doc]; others name a place in a path, `resourceNames[0]` [cap]. Either may be missing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tieline_google.wire import NothingThere, Refused

_STALE, _MISSING = frozenset({9, 10}), frozenset({5, 404})
"""google.rpc.Code: FAILED_PRECONDITION and ABORTED; NOT_FOUND, or its HTTP status."""
_STALE_WORDS = frozenset({"FAILED_PRECONDITION", "failedPrecondition", "ABORTED"})
_PLACE = re.compile(r"(?:contacts|resourceNames|resource_names)\[(\d+)\]")
_NAME = re.compile(r"people/[\w-]+")


@dataclass(frozen=True, slots=True)
class Fault:
    """Why one contact was refused."""

    message: str
    number: int
    """google.rpc.Code, or an HTTP status where there is none."""
    details: Sequence[Any] = ()

    @property
    def stale(self) -> bool:
        """The contact is not what it was."""
        return self.number in _STALE

    @property
    def missing(self) -> bool:
        """There is no such contact."""
        return self.number in _MISSING

    @property
    def code(self) -> str:
        """A word for it."""
        return "invalid" if not self.stale else "stale"

    @property
    def violations(self) -> list[tuple[str, str]]:
        """Path and reason of each value that is refused."""
        return [pair for detail in self.details for pair in _violations(detail)]


def faults_of(error: Refused, ids: Sequence[str]) -> dict[int, Fault]:
    """Place in the batch → why, as far as the refusal says it. `ids`: the resource names in the batch."""
    found: dict[int, Fault] = {}
    for detail in error.details:
        if not isinstance(detail, Mapping):
            continue
        told = detail.get("contactErrors")
        for key, status in told.items() if isinstance(told, Mapping) else ():
            place = _place(str(key), ids)
            if place is not None and isinstance(status, Mapping):
                said = str(status.get("message") or error)
                found[place] = Fault(said, _number(status), tuple(_list(status.get("details"))))
        for path, said in _violations(detail):
            place = _place(path, ids)
            if place is not None and place not in found:
                own = {"fieldViolations": [{"field": path, "description": said}]}
                number = 5 if error.status == 404 else 9 if is_stale(error) else 3
                found[place] = Fault(said or str(error), number, (own,))
    return found


def is_stale(error: Refused) -> bool:
    """Whether a contact is not what it was; the words differ by method [spec]."""
    return bool(_STALE_WORDS & set(error.reasons))


def refusal_in(error: Refused | NothingThere) -> Refused:
    """The refusal behind either."""
    if isinstance(error, Refused):
        return error
    cause = error.__cause__
    return cause if isinstance(cause, Refused) else Refused(404, str(error), ("NOT_FOUND",))


def _violations(detail: Any) -> list[tuple[str, str]]:
    if not isinstance(detail, Mapping):
        return []
    rows = _list(detail.get("fieldViolations"))
    return [(str(r.get("field", "")), str(r.get("description", ""))) for r in rows if isinstance(r, Mapping)]


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _place(key: str, ids: Sequence[str]) -> int | None:
    """Where in the batch the contact is that a key or a path means."""
    if key.isascii() and key.isdigit():
        return int(key) if int(key) < len(ids) else None
    named = _NAME.search(key)
    if named is not None:
        return ids.index(named.group()) if named.group() in ids else None
    at = _PLACE.search(key)
    return int(at.group(1)) if at is not None and int(at.group(1)) < len(ids) else None


def _number(status: Mapping[str, Any]) -> int:
    held = status.get("code")
    return held if isinstance(held, int) else 3
