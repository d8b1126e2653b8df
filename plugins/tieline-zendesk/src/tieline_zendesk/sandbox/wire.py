"""What Zendesk's answers look like on the wire: stamps, error bodies. Knows no records and no routes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from tieline.sandbox import Refusal

Row = dict[str, Any]
"""One record as the account keeps it; stamps are ms."""
DAY_MS = 86_400_000
HOUR_MS = 3_600_000
MINUTE_MS = 60_000
ROOT = "/api/v2/"


@dataclass(frozen=True, slots=True)
class Flaw:
    """Why one value is not taken: as a row of `details` in a 422."""

    name: str
    text: str
    code: str


class Invalid(Exception):
    """A record that is not taken; told as a 422, or as a failed row of a job's results."""

    def __init__(self, flaws: Sequence[Flaw]) -> None:
        super().__init__("; ".join(flaw.text for flaw in flaws))
        self.flaws = list(flaws)

    def details(self) -> str:
        """What a job's results say of it."""
        return " ".join(flaw.text for flaw in self.flaws)

    def refusal(self) -> Refusal:
        """The 422 [rec; the `error` of a row: cap]."""
        details: dict[str, list[dict[str, str]]] = {}
        for flaw in self.flaws:
            details.setdefault(flaw.name, []).append({"description": flaw.text, "error": flaw.code})
        return Refusal(422, {"error": "RecordInvalid", "description": "Record validation errors", "details": details})


def taken(name: str, label: str, value: str) -> Flaw:
    """The value belongs to another record [cap]."""
    return Flaw(name, f"{label}: {value} has already been taken", "DuplicateValue")


@lru_cache(maxsize=1 << 16)
def iso(ms: int) -> str:
    """A stamp as Zendesk writes it: whole seconds [rec]."""
    return f"{datetime.fromtimestamp(ms // 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"


def moment(text: Any) -> int | None:
    """Milliseconds of an ISO 8601 stamp or date; None when it is none."""
    try:
        parsed = datetime.fromisoformat(str(text).strip())
    except ValueError:
        return None
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=UTC)
    return int(parsed.timestamp()) * 1000


def refuse(status: int, error: str, description: str, headers: Mapping[str, str] | None = None, **more: Any) -> Refusal:
    """The common error body: a code and a sentence [rec]."""
    return Refusal(status, {"error": error, "description": description, **more}, headers)


def not_found() -> Refusal:
    """The 404 of a record [rec]."""
    return refuse(404, "RecordNotFound", "Not found")


def nowhere() -> Refusal:
    """The 404 of a path that there is not [cap]."""
    return refuse(404, "InvalidEndpoint", "Not found")


def missing(name: str) -> Refusal:
    """The 400 of a request that lacks a parameter [cap]."""
    return refuse(400, "ParameterMissing", f"Parameter {name} is required")


def bad(title: str, message: str) -> Refusal:
    """The 400 in the older shape: a title and a message [cap: the shape]."""
    return Refusal(400, {"error": {"title": title, "message": message}})


def forbidden() -> Refusal:
    """The 403 [cap]."""
    text = "You do not have access to this page. Please contact the account owner of this help desk for further help."
    return Refusal(403, {"error": {"title": "Forbidden", "message": text}})


def unauthorised() -> Refusal:
    """The 401 [doc]."""
    return Refusal(401, {"error": "Couldn't authenticate you"})
