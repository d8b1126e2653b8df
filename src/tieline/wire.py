"""Shapes requests for the wire and reads answers off it: query and body, `Retry-After`, JSON, what a message may show.

Pure: it sends nothing and holds no secret.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import quote, urlencode

from pydantic_core import from_json

from tieline.errors import Unavailable
from tieline.ports import Clock, Request, Response

EXCERPT: Final = 80
"""Characters of a body that a message shows."""
FORM: Final = "application/x-www-form-urlencoded"
# «Bearer x», and long words with a digit in them: error codes stay readable
_TOKENISH: Final = re.compile(r"(?i)\b(bearer|basic)\s+[^\s\"'<>,]+|(?=[\w+=!~-]*\d)[\w+=!~-]{16,}")


def content(request: Request) -> bytes:
    """The body as bytes: a form urlencoded, anything else as `Request.payload` has it."""
    if request.form is not None:
        return urlencode(request.form).encode()
    return request.payload()


def wire_headers(request: Request) -> dict[str, str]:
    """The request's headers with those that every request has."""
    headers = {"accept-encoding": "gzip", **request.headers}
    if request.form is not None:
        headers.setdefault("content-type", FORM)
    return headers


def shown(request: Request) -> str:
    """Method and address without the query, for messages."""
    return f"{request.method} {request.path.partition('?')[0]}"


def with_query(url: str, params: Mapping[str, Any]) -> str:
    """The address with these parameters: lists repeat, True is `true`, None is left out."""
    if not params:
        return url
    pairs: list[tuple[str, str]] = []
    for name, value in params.items():
        for one in value if isinstance(value, (list, tuple)) else (value,):
            if one is not None:
                pairs.append((name, ("true" if one else "false") if isinstance(one, bool) else str(one)))
    return f"{url}{'&' if '?' in url else '?'}{urlencode(pairs, quote_via=quote)}" if pairs else url


def retry_after(headers: Mapping[str, str], clock: Clock) -> float | None:
    """Seconds of a `Retry-After`, given as seconds or as a date (held against the answer's own `Date`); else None."""
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    if re.fullmatch(r"\d{1,9}(\.\d+)?", text):
        return float(text)
    until, now = _moment(text), _moment(headers.get("date", ""))
    if until is None:
        return None
    return max(0.0, until - (clock.now() / 1000 if now is None else now))


def server_time(response: Response, clock: Clock) -> int:
    """The server's clock when it gave this answer (ms), by its `Date`; this machine's where it does not say."""
    moment = _moment(response.headers.get("date", ""))
    return clock.now() if moment is None else int(moment * 1000)


def _moment(text: str) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return (moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment).timestamp()


def excerpt(response: Response) -> str:
    """The beginning of a body for a message, on one line; what looks like a credential is struck out."""
    text = " ".join(response.body[: 4 * EXCERPT].decode("utf-8", "replace").split())
    return strike(text)[:EXCERPT]  # before it is cut, so that no half of a credential stays


def strike(text: str) -> str:
    """A stranger's text without what looks like a credential."""
    return _TOKENISH.sub("***", text)


def cause(error: Exception) -> str:
    """What the operating system or TLS said of a connection; these hold addresses and reasons, never headers."""
    return re.sub(r"^\[Errno -?\d+\] ", "", str(error)) or type(error).__name__


def decode(response: Response, what: str) -> Any:
    """The body of an answer as JSON; None for an empty 204. `what` names the answer in the error's message.

    Raises Unavailable (`sent`) when it is not JSON: a login page, a proxy's error, a truncated body. What a write
    with such an answer did is not known.
    """
    if response.status == 204 and not response.body:
        return None
    try:
        return from_json(response.body, cache_strings="keys")  # values seldom repeat
    except ValueError:
        kind = response.headers.get("content-type", "no content type")
    raise Unavailable(f"{what}: expected JSON, got {kind} ({response.status}): {excerpt(response)!r}", sent=True)
