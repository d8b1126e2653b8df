"""What a user may set for a Google Workspace account, beyond the keys every system has. Decides nothing else."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tieline import Settings

LARGEST_PAGE = 1000


class GoogleSettings(Settings):
    """The keys of `[systems.NAME]` for `connector = "google"`."""

    spreadsheet: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-]{10,128}$")
    """The id of the spreadsheet that holds accounts, opportunities and campaigns: what stands between `/d/` and `/edit`
    in its address."""
    rows: int = Field(default=5000, ge=2, le=20_000)
    """Rows of a tab asked for in one call; a tab with no more of them is always read whole."""
    contact_group: str | None = Field(default="Tieline", max_length=100)
    """The label in Google Contacts whose contacts take part; empty: all contacts do."""
    calendars: tuple[Annotated[str, Field(pattern=r"^\S{1,256}$")], ...] = Field(default=("primary",), min_length=1)
    """Where events may be made and are looked for: ids of calendars, `primary` for the user's own. The first is meant
    where an action names none."""
    page: int = Field(default=LARGEST_PAGE, ge=1, le=LARGEST_PAGE)
    """Contacts asked for in one page."""
