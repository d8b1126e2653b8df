"""Which stream is of which kind, and each one's default table. Pure; knows no HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tieline import Rule
from tieline_google.people import mapping as people
from tieline_google.sheets import mapping as sheets

KINDS: Mapping[str, str] = {
    "accounts": "account",
    "contacts": "contact",
    "opportunities": "opportunity",
    "campaigns": "campaign",
}
"""Stream → kind. `contacts` are those of Google Contacts, the others are tabs of the spreadsheet."""
TABLES: Mapping[str, Sequence[Rule]] = {"contacts": people.TABLE, **sheets.TABLES}
