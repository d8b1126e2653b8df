"""What the actions share: keys in the forms that Google holds, values that an action may say, refusals. Sends nothing.

Whatever is wrong with what an action says is found before anything leaves.
"""

from __future__ import annotations

import re
import unicodedata
from base64 import b32hexencode
from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from typing import Any, TypeVar

from tieline import Action, Cell, ConfigError, Problem, Receipt
from tieline_google.wire import NotAllowed, NothingThere, Refused

T = TypeVar("T")
DIGEST = 20
"""Bytes of a key's digest: 32 characters."""
_SPLIT = re.compile(r"[\s,;]+")
_ADDRESS = re.compile(
    r"(?=.{3,254}$)[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+"
    r"[A-Za-z][A-Za-z0-9-]{0,61}[A-Za-z0-9]"
)
_LINES = frozenset({"Cc", "Zl", "Zp", "Cs"})
"""Unicode categories that break a line, or are no character of a text."""
_EVERYWHERE = frozenset(
    {"ACCESS_TOKEN_SCOPE_INSUFFICIENT", "insufficientPermissions", "SERVICE_DISABLED", "accessNotConfigured"}
)
"""Reasons of a 403 that is about the sign-in or the project, not about what was asked for [doc]."""


def digest(key: str) -> str:
    """A key in the letters and digits that an id of an event may have (base32hex, lower case) [spec]."""
    return b32hexencode(blake2b(key.encode(), digest_size=DIGEST).digest()).decode().lower()


def line(value: Cell) -> str:
    """A text of one line, trimmed. Raises ValueError for a line break or a control character in it."""
    text = said(value).strip()
    if any(unicodedata.category(c) in _LINES for c in text):
        raise ValueError("it must be one line without control characters")
    return text


def said(value: Cell) -> str:
    """A value as text; blank for None."""
    if isinstance(value, dict | list):
        raise ValueError("it must be a text")
    return "" if value is None else str(value)


def addresses(value: Cell) -> list[str]:
    """E-mail addresses, separated by commas, semicolons or blanks, or in a list; each once. Raises ValueError."""
    parts = [str(v) for v in value] if isinstance(value, list) else _SPLIT.split(said(value))
    found: dict[str, str] = {}
    for part in (p.strip() for p in parts):
        if part and not _ADDRESS.fullmatch(part):
            raise ValueError(f"{part[:80]!r} is no e-mail address")
        if part:
            found.setdefault(part.casefold(), part)
    return list(found.values())


def flag(value: Cell) -> bool:
    """`true` or `false`; blank is false. Raises ValueError."""
    text = said(value).strip().lower()
    if text not in ("", "true", "false"):
        raise ValueError("it must be true or false")
    return text == "true"


def taken(
    action: Action, readers: Mapping[str, Callable[[Cell], Any]], needed: str
) -> tuple[dict[str, Any], list[Problem]]:
    """What an action says, read field by field, blanks left out; and what cannot be said, or is `needed` and not."""
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, value in action.fields.items():
        reader = readers.get(name)
        if reader is None:
            what = f"{name}: the action {action.name} has {', '.join(readers)}"
            problems.append(Problem(name, what, "unknown"))
            continue
        try:
            read = reader(value)
        except (ValueError, TypeError) as error:
            problems.append(Problem(name, f"{name}: {error}"))
            continue
        if read not in ("", None, []):
            values[name] = read
    if needed not in values and needed not in {p.field for p in problems}:
        problems.append(Problem(needed, f"{needed}: the action {action.name} needs it", "required"))
    return values, problems


def rejected(problems: Iterable[Problem]) -> Receipt:
    """Nothing was done, and why."""
    return Receipt("rejected", problems=tuple(problems))


def problem_of(error: Refused, fields: Mapping[str, str] | None = None) -> Problem:
    """A refusal in the words of the action: `fields` gives, for a reason, the field that it is about."""
    field = next((f for r in error.reasons if (f := (fields or {}).get(r))), None)
    return Problem(field, str(error), error.code or "invalid")


def asked(call: Callable[[], T]) -> T:
    """The call, whose refusal comes as Refused where it is about what was asked for, not about who asks."""
    try:
        return call()
    except NotAllowed as error:
        if error.refused is None or _EVERYWHERE & set(error.refused.reasons):
            raise
        raise error.refused from None
    except NothingThere as error:
        if error.refused is None or not error.refused.reasons:
            raise
        raise error.refused from None


def sought(call: Callable[[], T]) -> T | None:
    """What is looked for by its id, None where it is not there. Raises what a connector may raise."""
    try:
        return asked(call)
    except Refused as error:
        if error.status in (404, 410):
            return None
        raise ConfigError(f"Google refuses to say what is there ({error})") from None
