"""The few whose names are told: the companies, people and deals that have a part in the demo's day. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from tieline.records import Cell


class Part(NamedTuple):
    """One of the cast. Both sides know it and spell it the same; `home` is the number of its account."""

    home: int
    fields: Mapping[str, Cell]
    twice: frozenset[str] = frozenset()
    """The sides that have entered it two times."""


HALDEN, BRIGHTWATER, TORVIK = range(3)
_CRM = frozenset({"crm"})

ACCOUNTS: tuple[Part, ...] = (
    Part(HALDEN, {"name": "Halden Optics GmbH", "industry": "Technology", "x_tier": "Gold"}),
    Part(BRIGHTWATER, {"name": "Brightwater Foods Ltd", "industry": "Food & Beverage", "x_tier": "Silver"}),
    Part(TORVIK, {"name": "Torvik Shipping AG", "industry": "Shipping", "x_tier": "Bronze"}),
)
CONTACTS: tuple[Part, ...] = (
    Part(HALDEN, {"first_name": "Ines", "last_name": "Falk", "title": "Cheif Engineer"}),
    Part(HALDEN, {"first_name": "Marek", "last_name": "Dvorak", "title": "Buyer"}),
    Part(BRIGHTWATER, {"first_name": "Priya", "last_name": "Raman", "title": "Buyer", "phone": "555 0100"}),
    Part(TORVIK, {"first_name": "Oskar", "last_name": "Lind", "title": "Fleet Manager"}),
    Part(BRIGHTWATER, {"first_name": "Yara", "last_name": "Nasser", "title": "Plant Manager"}),
    Part(TORVIK, {"first_name": "Jonas", "last_name": "Weber", "title": "IT Manager"}, _CRM),
    Part(HALDEN, {"first_name": "Paula", "last_name": "Sandoval", "title": "Office Manager"}, _CRM),
)
DEALS: tuple[Part, ...] = (
    Part(
        HALDEN,
        {
            "name": "Halden Optics - Sensors",
            "stage": "Proposal/Price Quote",
            "amount": {"amount": "84000", "currency": "EUR"},
            "lost_reason": None,
        },
    ),
    Part(
        TORVIK,
        {
            "name": "Torvik Shipping - Gauges",
            "stage": "Qualification",
            "amount": {"amount": "21500", "currency": "EUR"},
            "lost_reason": None,
        },
    ),
)
