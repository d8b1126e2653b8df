"""`tieline check` for one tab."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tieline import Finding

if TYPE_CHECKING:
    from tieline_google.sheets.tab import Tab


def findings(tab: Tab) -> Iterator[Finding]:
    """What is found."""
    yield from ()
