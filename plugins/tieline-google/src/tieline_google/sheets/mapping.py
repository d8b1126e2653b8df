"""Which column of which tab is which canonical field. Pure; knows no HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tieline import Rule

TABS: Mapping[str, str] = {"accounts": "Accounts", "opportunities": "Opportunities", "campaigns": "Campaigns"}
"""Stream → the title of its tab."""
TABLES: Mapping[str, Sequence[Rule]] = {
    "accounts": (Rule("Name", "name"),),
    "opportunities": (Rule("Name", "name"),),
    "campaigns": (Rule("Name", "name"),),
}
