"""What Google's answers look like on the wire: stamps, error bodies. Knows no records and no routes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from tieline.sandbox import Answer, Refusal

Row = dict[str, Any]
"""One resource as the account keeps it; stamps are ms."""


def empty() -> Answer:
    """The 204 of the older APIs; it calls its nothing a page [rec]."""
    return Answer(204, None, {"content-type": "text/html"})


def refuse(code: int, message: str, status: str, details: Sequence[Mapping[str, Any]] = ()) -> Refusal:
    """The error body of the newer APIs (People, Sheets) [cap, rec]."""
    error: dict[str, Any] = {"code": code, "message": message, "status": status}
    if details:
        error["details"] = list(details)
    return Refusal(code, {"error": error})


def refuse_older(code: int, message: str, reason: str, domain: str = "global", **where: str) -> Refusal:
    """The error body of the older APIs (Drive, Calendar) [cap]. `where`: `locationType` and `location` [iss]."""
    errors = [{"domain": domain, "reason": reason, "message": message, **where}]
    return Refusal(code, {"error": {"errors": errors, "code": code, "message": message}})


def refuse_mail(code: int, message: str, reason: str, status: str) -> Refusal:
    """The error body of Gmail: the older one with a status [cap]."""
    errors = [{"message": message, "domain": "global", "reason": reason}]
    return Refusal(code, {"error": {"code": code, "message": message, "errors": errors, "status": status}})


def invalid_older(message: str, parameter: str, reason: str = "invalidParameter") -> Refusal:
    """The 400 of an older API for a parameter that is not right [doc]."""
    return refuse_older(400, message, reason, locationType="parameter", location=parameter)


def not_found() -> Refusal:
    """The 404 of a resource [cap]."""
    return refuse(404, "Requested entity was not found.", "NOT_FOUND")


def nowhere() -> Refusal:
    """The 404 of an address that there is not: a page of HTML [cap]."""
    return Refusal(404, "<!DOCTYPE html>\n<html lang=en><title>Error 404 (Not Found)!!1</title></html>\n")


def invalid(message: str, details: Sequence[Mapping[str, Any]] = ()) -> Refusal:
    """The 400 of a request that is not right."""
    return refuse(400, message, "INVALID_ARGUMENT", details)


def unauthorised() -> Refusal:
    """The 401 [cap: the shape]."""
    return refuse(401, "Request had invalid authentication credentials.", "UNAUTHENTICATED")


def number(text: str, message: str = "Invalid Value") -> int:
    """A parameter that is a whole number; an older API's 400 when it is none [cap]."""
    if not (text.isascii() and text.isdigit()):
        raise refuse_older(400, message, "invalid")
    return int(text)


def iso(ms: int) -> str:
    """A stamp as Google's APIs write it: milliseconds, Z."""
    stamp = datetime.fromtimestamp(ms / 1000, UTC)
    return f"{stamp:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"
