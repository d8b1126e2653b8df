"""Which column of which tab is which canonical field. Pure; knows no HTTP.

A column is known by its title in the first row, wherever it stands. `NAME ID` is a hidden column that holds the key of
the row that is referred to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tieline import Rule

TABS: Mapping[str, str] = {"accounts": "Accounts", "opportunities": "Opportunities", "campaigns": "Campaigns"}
"""Stream → the title of its tab."""
KEY = "Tieline ID"
"""The title of the hidden column that holds each row's key."""
REFERENCE = " ID"
"""Ends the title of a hidden column that holds the key of a row referred to."""
TABLES: Mapping[str, Sequence[Rule]] = {
    "accounts": (
        Rule("Name", "name"),
        Rule("Domain", "domain"),
        Rule("Website", "website"),
        Rule("Phone", "phone"),
        Rule("Industry", "industry"),
        Rule("Type", "type"),
        Rule("Employees", "employees"),
        Rule("Annual revenue", "annual_revenue"),
        Rule("Street", "address.street"),
        Rule("City", "address.city"),
        Rule("State", "address.state"),
        Rule("Postal code", "address.postal_code"),
        Rule("Country", "address.country"),
        Rule("Description", "description"),
        Rule("Owner", "owner"),
        Rule("Parent ID", "parent"),
    ),
    "opportunities": (
        Rule("Name", "name"),
        Rule("Stage", "stage"),
        Rule("Amount", "amount.amount"),
        Rule("Currency", "amount.currency"),
        Rule("Close date", "close_date"),
        Rule("Probability", "probability"),
        Rule("Next step", "x_next_step"),
        Rule("Pipeline", "pipeline"),
        Rule("Lost reason", "lost_reason"),
        Rule("Owner", "owner"),
        Rule("Account ID", "account"),
        Rule("Campaign ID", "campaign"),
    ),
    "campaigns": (
        Rule("Name", "name"),
        Rule("Type", "type"),
        Rule("Status", "status"),
        Rule("Start", "start"),
        Rule("End", "end"),
        Rule("Budget", "budget"),
        Rule("Actual cost", "actual_cost"),
        Rule("Currency", "currency"),
        Rule("Parent ID", "parent"),
    ),
}
