"""The limits that stand between a plan and its first write. Pure.

Crossing one asks a person instead of writing; the answer holds for plans that are no larger than the one that asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tieline.model import Question

CONFIRMED = ("creates", "updates")
"""What a person agrees to by the yes to the first plan of a home: blanks and archives are asked about all the same."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A number, or a share of what is linked in the system, never below `floor`. Neither given: no limit."""

    count: int | None = None
    share: float | None = None
    floor: int = 0

    def allows(self, number: int, linked: int) -> bool:
        """Whether so many are within the limit."""
        if self.count is None and self.share is None:
            return True
        most = self.count if self.count is not None else int((self.share or 0.0) * linked)
        return number <= max(most, self.floor)

    def __str__(self) -> str:
        if self.count is not None:
            return str(self.count)
        return "none" if self.share is None else f"{self.share:.0%} (at least {self.floor})"


@dataclass(frozen=True, slots=True)
class Limits:
    """Per run and system: creates, updates, archives, blanked fields."""

    creates: Limit = field(default_factory=Limit)
    updates: Limit = field(default_factory=lambda: Limit(share=0.5, floor=100))
    archives: Limit = field(default_factory=lambda: Limit(share=0.05, floor=20))
    blanks: Limit = field(default_factory=lambda: Limit(share=0.05, floor=20))

    def of(self, what: str) -> Limit:
        """The limit on creates, updates, archives or blanks."""
        found: Limit = getattr(self, what)
        return found


def crossed(
    limits: Limits, counts: Mapping[str, Mapping[str, int]], linked: Mapping[str, int], confirmed: bool
) -> list[Question]:
    """The questions a plan raises. `counts`: system → what → number. `confirmed`: a person has just seen and accepted
    this first plan, so that its creates and updates need no second question."""
    questions = []
    for system, numbers in counts.items():
        for what, number in numbers.items():
            if confirmed and what in CONFIRMED:
                continue
            limit = limits.of(what)
            if number and not limit.allows(number, linked.get(system, 0)):
                questions.append(
                    Question(
                        topic="guard",
                        key=f"guard:{system}:{what}",
                        kind=None,
                        record=None,
                        summary=f"this run would make {number} {what} in {system}; the limit is {limit}",
                        detail={"system": system, "what": what, "count": number},
                        accept=f"let one run make up to {number} {what} in {system}",
                        reject="write nothing; change the limit, the mapping or the data first",
                    )
                )
    return questions
