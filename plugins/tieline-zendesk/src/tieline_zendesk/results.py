"""What a job's results mean for each of its items. Pure.

Shapes differ by job [rec, spec]: creates answer `{"status": "Created", "id"}` without an index, others
`{"index", "id"}` or `{"action", "id", "status", "success"}`, failures `{"index", "error", "details"}`, with an id
where there is one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tieline import Outcome, Problem, Remote
from tieline_zendesk.rows import Rows
from tieline_zendesk.wire import Fault, Job, faults_of


@dataclass(slots=True)
class Fates:
    """What became of the items of a job, by their place in it."""

    refused: dict[int, list[Fault]] = field(default_factory=dict)
    done: set[int] = field(default_factory=set)
    ids: list[str | None] = field(default_factory=list)
    """For each item the id that its result names."""
    made: set[str] = field(default_factory=set)
    """The ids of what was done, also where their place cannot be told."""

    @property
    def named(self) -> bool:
        """Whether the results name anything at all."""
        return bool(self.made or self.refused)


def created(job: Job, size: int, ids: Sequence[str] = ()) -> Fates:
    """The fates of a job's `size` items; `ids` are the items' own, where they had some before.

    A job that failed as a whole says nothing of what was done before it did.
    """
    fates = Fates(ids=[None] * size)
    places = {id: n for n, id in enumerate(ids)}
    complete = len(job.results) == size
    for n, result in enumerate(job.results):
        id = str(result["id"]) if isinstance(result.get("id"), int) else None
        place = _place(result, id, places, n if complete else None, size)
        faults = faults_of(result) if result.get("error") or result.get("errors") else _unsaid(result)
        if faults:
            if place is not None:
                fates.refused[place] = faults
            continue
        if id is not None:
            fates.made.add(id)
        if place is not None:
            fates.ids[place] = id
            fates.done.add(place)
    return fates


def _place(
    result: Mapping[str, Any], id: str | None, places: Mapping[str, int], n: int | None, size: int
) -> int | None:
    index = result.get("index")
    if isinstance(index, int) and 0 <= index < size:
        return index
    if id is not None and id in places:
        return places[id]
    return n if not places else None


def _unsaid(result: Mapping[str, Any]) -> list[Fault]:
    """The fault of an item that failed without an `error`."""
    if result.get("success") is False or result.get("status") == "Failed":
        said = result.get("details") or result.get("status")
        return [Fault("failed", str(said))]
    return []


def told(remote: Remote | None, id: str | None, problems: Sequence[Problem]) -> Outcome:
    """Done, as what is there shows; without an id the answer was none."""
    return Outcome("ok", remote, id, tuple(problems)) if id else Outcome("unknown", None, None, tuple(problems))


def failed(faults: Sequence[Fault], rows: Rows, problems: Sequence[Problem], id: str | None = None) -> Outcome:
    """Refused, for these reasons; a refusal that only asks to come later was not applied."""
    if any(_busy(f) for f in faults):
        return Outcome("throttled", None, id)
    return Outcome("rejected", None, id, (*problems, *rows.problems(faults)))


def _busy(fault: Fault) -> bool:
    said = f"{fault.code} {fault.message}".lower()
    return "rate limit" in said or "toomanyjobs" in said or "databaseconflict" in said
