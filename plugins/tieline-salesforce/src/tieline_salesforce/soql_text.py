"""The text of queries: quoting, literals, selections. Pure; it decides how a query is spelled, not what is asked.

Sources: SOQL's escape sequences and reserved characters [doc]; literals of moments as recorded [rec].
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import quote

QUERY_ROOM = 14_000
"""Characters of an encoded query: a URL takes about 16,000 [memory], and the rest of it needs some."""

_COMMA = len("%2C")
_AROUND = len("%27%27%2C")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)*")
_ESCAPES = {
    "\\": "\\\\",
    "'": "\\'",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\f": "\\f",
}
_RESERVED = re.compile(r"[\\'\x00-\x1f\x7f\u2028\u2029]")


def _escape(found: re.Match[str]) -> str:
    char = found[0]
    return _ESCAPES.get(char) or f"\\u{ord(char):04x}"


def string(value: str) -> str:
    """A string literal that holds exactly `value`."""
    return "'" + _RESERVED.sub(_escape, value) + "'"


def moment(ms: int) -> str:
    """A literal for milliseconds since 1970 UTC, cut to the second: stamps are kept in seconds."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ms // 1000))


def is_name(text: str) -> bool:
    """Whether this can be the name of a field, or a path to one by way of a parent (`Owner.Email`)."""
    return _NAME.fullmatch(text) is not None


def select(columns: Sequence[str], sobject: str, where: str = "", order: str = "", limit: int | None = None) -> str:
    """A SELECT statement. Columns and sobject are names that were checked; `where` holds literals made here."""
    text = f"SELECT {','.join(columns)} FROM {sobject}"  # noqa: S608 - names checked by is_name, values by string
    if where:
        text += f" WHERE {where}"
    if order:
        text += f" ORDER BY {order}"
    if limit is not None:
        text += f" LIMIT {limit}"
    return text


def after(stamp: str, record_id: str) -> str:
    """The rows behind this one in the order (SystemModstamp, Id). `stamp` is a literal of `moment`."""
    return f"(SystemModstamp > {stamp} OR (SystemModstamp = {stamp} AND Id > {string(record_id)}))"


def within(column: str, values: Iterable[str], room: int) -> Iterator[str]:
    """`column IN (…)` for these values, as often as needed to keep each within `room` encoded characters."""
    literals: list[str] = []
    length = 0
    for value in values:
        literal = string(value)
        size = len(value) + _AROUND if value.isascii() and value.isalnum() else len(quote(literal, safe="")) + _COMMA
        if literals and length + size > room:
            yield f"{column} IN ({','.join(literals)})"
            literals, length = [], 0
        literals.append(literal)
        length += size
    if literals:
        yield f"{column} IN ({','.join(literals)})"


def room_after(statement: str) -> int:
    """How many encoded characters a condition may have in this statement."""
    return max(QUERY_ROOM - len(quote(statement, safe="")), 64)
