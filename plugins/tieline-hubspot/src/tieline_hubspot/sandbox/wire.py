"""What HubSpot's answers look like on the wire: stamps, error bodies, envelopes. Knows no records and no routes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from json import dumps
from typing import Any, NamedTuple

from tieline.sandbox import Answer, Refusal

PORTAL = 44237313
"""The account that the stand-in plays."""
DAY_MS = 86_400_000


class Problem(NamedTuple):
    """One property value that is not taken, with HubSpot's code for the reason."""

    name: str
    message: str
    code: str


@lru_cache(maxsize=1 << 16)
def iso(ms: int) -> str:
    """A stamp as HubSpot writes it: three digits of fraction, or none on a full second [rec, cap]."""
    moment = datetime.fromtimestamp(ms / 1000, UTC)
    fraction = f".{ms % 1000:03d}" if ms % 1000 else ""
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"


def moment(text: str) -> int | None:
    """Milliseconds of an ISO 8601 stamp, a date or a count of milliseconds; None when it is none of them."""
    text = text.strip()
    if text.lstrip("-").isdigit():
        return int(text)
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=UTC)
    return round(parsed.timestamp() * 1000)


def refuse(
    status: int,
    category: str | None,
    message: str,
    *,
    sub: str = "",
    context: Mapping[str, Sequence[str]] | None = None,
    errors: Sequence[Mapping[str, Any]] = (),
    links: Mapping[str, str] | None = None,
) -> Refusal:
    """The error envelope; parts that are empty are left out."""
    body: dict[str, Any] = {"status": "error", "message": message}
    if errors:
        body["errors"] = list(errors)
    if context:
        body["context"] = {k: list(v) for k, v in context.items()}
    if links:
        body["links"] = dict(links)
    if category:
        body["category"] = category
    if sub:
        body["subCategory"] = sub
    return Refusal(status, body)


def validation(message: str, context: Mapping[str, Sequence[str]] | None = None) -> Refusal:
    """A 400 that says the request itself is wrong."""
    return refuse(400, "VALIDATION_ERROR", message, context=context)


def invalid_values(problems: Sequence[Problem]) -> Refusal:
    """The 400 that lists property values not taken, in the message and again in `errors` [cap]."""
    rows = [{"isValid": False, "message": p.message, "error": p.code, "name": p.name} for p in problems]
    errors = [{"message": p.message, "code": p.code, "context": {"propertyName": [p.name]}} for p in problems]
    text = dumps(rows, separators=(",", ":"), ensure_ascii=False)
    return refuse(400, "VALIDATION_ERROR", f"Property values were not valid: {text}", errors=errors)


def not_found(message: str = "resource not found") -> Refusal:
    """The 404 of a record, property, owner or route; whether it is sent as JSON or HTML depends on Accept [rec]."""
    return refuse(404, "OBJECT_NOT_FOUND", message)


def item_error(refusal: Refusal, context: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """An error of one input, as a row of `errors` in a batch answer [cap]."""
    body = refusal.body
    row: dict[str, Any] = {
        "status": "error",
        "category": body.get("category", "VALIDATION_ERROR"),
        "message": body["message"],
    }
    if "subCategory" in body:
        row["subCategory"] = body["subCategory"]
    row["context"] = {**body.get("context", {}), **{k: list(v) for k, v in context.items()}}
    if "errors" in body:
        row["errors"] = body["errors"]
    return row


def batch(now: int, results: list[Any], errors: list[Any], done: int) -> Answer:
    """The batch envelope: `done` where all went well, 207 with `numErrors` and `errors` otherwise [cap, spec]."""
    body: dict[str, Any] = {"completedAt": iso(now), "status": "COMPLETE", "startedAt": iso(now), "results": results}
    if errors:
        body["numErrors"] = len(errors)
        body["errors"] = errors
    return Answer(207 if errors else done, body)


HTML_404 = (
    "<html>\n<head>\n<title>Error 404 Not Found</title>\n</head>\n"
    "<body><h2>HTTP ERROR 404</h2>\n<p>Resource not found</p>\n</body>\n</html>\n"
)
