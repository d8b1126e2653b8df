"""What a user may set for a Salesforce org, beyond the keys every system has. Decides nothing else."""

from __future__ import annotations

import re
from typing import Any

from pydantic import Field, field_validator

from tieline import Settings

DEFAULT_VERSION = "v62.0"
OLDEST = 49
"""The first version in which every call used here behaves as it does now (`collateSubrequests`, upsert answers)."""
SEVERAL = "multi"
LARGEST_PAGE, SMALLEST_PAGE = 2000, 200


class SalesforceSettings(Settings):
    """The keys of `[systems.NAME]` for `connector = "salesforce"`."""

    api_version: str = DEFAULT_VERSION
    """The REST API's version; `tieline check` says which ones the org has."""
    overlap: int = Field(default=300, ge=0, le=86_400)
    """Seconds that each delta reads again: a long transaction commits late, with a stamp from before."""
    page: int = Field(default=LARGEST_PAGE, ge=SMALLEST_PAGE, le=LARGEST_PAGE)
    """Rows asked for in one page of a query; the server may give fewer. Small pages suit records of many columns."""
    bulk_from: int = Field(default=2000, ge=0)
    """A complete read of more rows than this takes them from a query job of the Bulk API 2.0; 0: never. Objects whose
    query has a subquery (opportunities with their contact roles) are always read page by page."""
    currency: str | None = None
    """`"USD"`: the org keeps all amounts in this currency. `"multi"`: records carry their own. Unset: the org is asked,
    one request more in a run that reads amounts, and a single-currency org does not say which one it keeps."""

    @field_validator("api_version", mode="before")
    @classmethod
    def _version(cls, value: Any) -> str:
        found = re.fullmatch(r"v?(\d{2,3})(?:\.0)?", str(value).strip())
        if found is None:
            raise ValueError(f"{value!r} is not a version such as '{DEFAULT_VERSION}'")
        if int(found[1]) < OLDEST:
            raise ValueError(f"{value!r} is too old: v{OLDEST}.0 is the first that works")
        return f"v{int(found[1])}.0"

    @field_validator("currency")
    @classmethod
    def _currency(cls, value: str | None) -> str | None:
        if value is None or value == SEVERAL:
            return value
        if re.fullmatch(r"[A-Z]{3}", value) is None:
            raise ValueError(f"{value!r} is neither an ISO 4217 code such as 'USD' nor '{SEVERAL}'")
        return value
