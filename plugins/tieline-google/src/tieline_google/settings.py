"""What a user may set for a Google Workspace account, beyond the keys every system has. Decides nothing else."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field, field_validator

from tieline import Settings

LARGEST_PAGE = 1000
_ID = re.compile(
    r"(?:https://docs\.google\.com/(?:\S*/)?spreadsheets/(?:u/\d+/)?d/)?([A-Za-z0-9_-]{10,128})(?:[/?#]\S*)?"
)


class GoogleSettings(Settings):
    """The keys of `[systems.NAME]` for `connector = "google"`."""

    spreadsheet: str | None = None
    """The id of the spreadsheet that holds accounts, opportunities and campaigns: what stands between `/d/` and `/edit`
    in its address; or the whole address."""
    rows: int = Field(default=5000, ge=2, le=20_000)
    """Rows of a tab asked for in one call; a tab with no more of them is always read whole."""
    contact_group: str | None = Field(default="Tieline", max_length=100)
    """The label in Google Contacts whose contacts take part; empty: all contacts do."""
    calendars: tuple[Annotated[str, Field(pattern=r"^\S{1,256}$")], ...] = Field(default=("primary",), min_length=1)
    """Where events may be made and are looked for: ids of calendars, `primary` for the user's own. The first is meant
    where an action names none."""
    page: int = Field(default=LARGEST_PAGE, ge=1, le=LARGEST_PAGE)
    """Contacts asked for in one page."""

    @field_validator("spreadsheet")
    @classmethod
    def _id(cls, told: str | None) -> str | None:
        """The id, out of an address if it is one."""
        if told is None:
            return None
        found = _ID.fullmatch(told.strip())
        if found is None:
            raise ValueError(
                "it is no id of a spreadsheet: that is what stands between /d/ and /edit in the spreadsheet's address"
            )
        return found[1]
