"""What a user may set for a HubSpot account, beyond the keys every system has. Decides nothing else."""

from __future__ import annotations

from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator

from tieline import Settings

LegalBasis = Literal[
    "LEGITIMATE_INTEREST_PQL",
    "LEGITIMATE_INTEREST_CLIENT",
    "PERFORMANCE_OF_CONTRACT",
    "CONSENT_WITH_NOTICE",
    "NON_GDPR",
    "PROCESS_AND_STORE",
    "LEGITIMATE_INTEREST_OTHER",
]


class HubSpotSettings(Settings):
    """The keys of `[systems.NAME]` for `connector = "hubspot"`."""

    api_version: Literal["2026-09", "2026-03", "v3"] = "2026-09"
    """Which release of HubSpot's API to speak; `v3` is the numbered one that ends in 2027."""
    timezone: str = "UTC"
    """The account's time zone (IANA name). HubSpot keeps a deal's close date as a moment: midnight in this zone."""
    overlap: int = Field(default=120, ge=0, le=86_400)
    """Seconds that each delta reads again: the search index lags behind writes, by up to about 30 s on record."""
    subscriptions: tuple[int, ...] = ()
    """Ids of the e-mail subscriptions to set to SUBSCRIBED when a consent becomes `allowed`."""
    legal_basis: LegalBasis = "CONSENT_WITH_NOTICE"
    """The legal basis sent with a change of a subscription."""
    legal_basis_explanation: str = "Recorded in a connected system and synced by Tieline"
    """The text kept in HubSpot beside the legal basis."""

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"{value!r} is not an IANA time zone such as 'Europe/Berlin'") from None
        return value
