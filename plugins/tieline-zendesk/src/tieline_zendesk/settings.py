"""What a user may set for a Zendesk account, beyond the keys every system has. Decides nothing else."""

from __future__ import annotations

import re
from typing import Any

from pydantic import Field, field_validator

from tieline import Settings, Subdomain

LARGEST_PAGE, SMALLEST_PAGE = 1000, 10
NEWEST_LEFT_OUT = 60
"""Seconds: the exports leave out the newest minute [doc]."""


class ZendeskSettings(Settings):
    """The keys of `[systems.NAME]` for `connector = "zendesk"`."""

    subdomain: Subdomain | None = None
    """`acme` for `https://acme.zendesk.com`, instead of `base_url`."""
    hub_field: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")
    """Key of a custom text field, of users and of organizations, that holds the hub's id. Unset: `external_id` holds
    it, which Zendesk keeps unique. For accounts in which another tool uses `external_id`."""
    overlap: int = Field(default=120, ge=2 * NEWEST_LEFT_OUT, le=86_400)
    """Seconds that each delta reads again: the exports leave out what is younger than a minute."""
    page: int = Field(default=LARGEST_PAGE, ge=SMALLEST_PAGE, le=LARGEST_PAGE)
    """Records asked for in one page of an export."""
    job_wait: int = Field(default=300, ge=5, le=3600)
    """Seconds to wait for a bulk job. One that takes longer is left to itself; what became of its records is read
    later."""

    @field_validator("subdomain", mode="before")
    @classmethod
    def _subdomain(cls, value: Any) -> Any:
        if value is not None and (
            not isinstance(value, str) or not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", value)
        ):
            raise ValueError(f"{value!r} is no subdomain: give what stands before .zendesk.com, such as 'acme'")
        return value
