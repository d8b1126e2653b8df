"""Which fields of a person in Google Contacts are which canonical fields. Pure; knows no HTTP."""

from __future__ import annotations

from collections.abc import Sequence

from tieline import Rule

TABLE: Sequence[Rule] = (Rule("emailAddresses", "email"),)
