"""What a key cell says, and how titles and names are compared. Pure; knows no HTTP."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from tieline_google.sheets.cells import text

_HUB_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_HUB_LENGTH = 36
MARK = "~"
"""Begins a provisional id."""


class Key(NamedTuple):
    """What a key cell says: the remote id, and the hub's, if there is one."""

    id: str
    hub_id: str | None


def key_of(value: Any) -> Key | None:
    """What a key cell says; None for a blank one, and for one that begins as only provisional ids do: that is no key,
    whoever typed it."""
    written = (value if type(value) is str else text(value)).strip() if value is not None else ""
    if not written:
        return None
    if len(written) == _HUB_LENGTH and _HUB_ID.fullmatch(written):
        return Key(written, written if written.islower() else written.lower())
    first, _, last = written.rpartition(" ")
    if first and _HUB_ID.fullmatch(last):
        return Key(last if first.startswith(MARK) else first.strip(), last.lower())
    return None if written.startswith(MARK) else Key(written, None)


def provisional(id: str) -> tuple[str, int] | None:
    """The digest in a provisional id, and which of the rows with it is meant; None for any other id."""
    if not id.startswith(MARK):
        return None
    digest, _, nth = id.partition(".")
    return digest, int(nth) if nth.isdigit() else 0


def normal(title: Any) -> str:
    """A title or a name as they are compared: without regard to case and blanks."""
    return " ".join(text(title).split()).casefold() if title is not None else ""
