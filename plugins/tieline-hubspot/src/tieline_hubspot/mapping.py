"""The default mapping tables and the shape of HubSpot's associations. A table, both ways; it does nothing.

Three kinds of columns stand in the tables: a HubSpot property by its name; `association:…`, filled from the
associations API; and `hs_email_optout…`, which is read as a property and written through communication preferences.
A user's `[systems.NAME.map.KIND]` may name any of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from tieline import Rule

HUB_FIELD = "tieline_id"
"""The unique custom property that holds the hub's id."""
MERGED = "hs_merged_object_ids"
"""On the winner of a merge: the ids that were merged into it, joined by `;` [issue fivetran/dbt_hubspot 168]."""
OPT_OUT = "hs_email_optout"
ASSOCIATION = "association:"

KINDS: Mapping[str, str] = {
    "companies": "account",
    "contacts": "contact",
    "deals": "opportunity",
    "campaigns": "campaign",
}

STAMPS: Mapping[str, str] = {
    "companies": "hs_lastmodifieddate",
    "contacts": "lastmodifieddate",
    "deals": "hs_lastmodifieddate",
}
"""The property that a search for changes filters and sorts by; contacts have a name of their own for it."""

MOMENTS = frozenset({"closedate"})
"""Standard properties that HubSpot keeps as moments although they mean days."""
DAYS = frozenset({"hs_start_date", "hs_end_date"})
"""Standard properties that HubSpot keeps as days."""
FRACTIONS = frozenset({"hs_deal_stage_probability"})
"""Properties that hold 0 to 1 where the canonical field holds percent."""
NOT_CLEARED = frozenset({"dealstage", "pipeline", "hs_name"})
"""Properties that HubSpot does not let go blank."""


class Relation(NamedTuple):
    """One kind of association as a column. `type_id` is what counts; labels change [changelog of 2024-02]."""

    column: str
    to: str
    type_id: int
    inline: str
    """The association's name where a listing answers associations inline."""
    many: bool = False
    archive_first: bool = False
    """The old one must go before the new one can come."""


RELATIONS: Mapping[str, tuple[Relation, ...]] = {
    "contacts": (Relation("association:company", "companies", 1, "contact_to_company"),),
    "deals": (
        Relation("association:company", "companies", 5, "deal_to_company"),
        Relation("association:contacts", "contacts", 3, "deal_to_contact", many=True),
    ),
    "companies": (Relation("association:parent", "companies", 14, "child_to_parent_company", archive_first=True),),
    "campaigns": (),
}

_ADDRESS = (
    Rule("address", "address.street"),
    Rule("city", "address.city"),
    Rule("state", "address.state"),
    Rule("zip", "address.postal_code"),
    Rule("country", "address.country"),
)

TABLES: Mapping[str, tuple[Rule, ...]] = {
    "companies": (
        Rule("name", "name"),
        Rule("domain", "domain"),
        Rule("website", "website"),
        Rule("phone", "phone"),
        Rule("industry", "industry"),
        Rule("numberofemployees", "employees"),
        Rule("annualrevenue", "annual_revenue"),
        *_ADDRESS,
        Rule("description", "description"),
        Rule("hubspot_owner_id", "owner"),
        Rule("type", "type"),
        Rule("lifecyclestage", "lifecycle_stage"),
        Rule("association:parent", "parent"),
    ),
    "contacts": (
        Rule("email", "email"),
        Rule("hs_additional_emails", "other_emails", write=False),
        Rule("firstname", "first_name"),
        Rule("lastname", "last_name"),
        Rule("jobtitle", "title"),
        Rule("phone", "phone"),
        Rule("mobilephone", "mobile"),
        Rule("hubspot_owner_id", "owner"),
        Rule("lifecyclestage", "lifecycle_stage"),
        Rule("hs_lead_status", "lead_status"),
        *_ADDRESS,
        Rule(OPT_OUT, "consent_email", clear=False),
        Rule("association:company", "account"),
    ),
    "deals": (
        Rule("dealname", "name"),
        Rule("dealstage", "stage", clear=False),
        Rule("pipeline", "pipeline", clear=False),
        Rule("amount", "amount.amount"),
        Rule("deal_currency_code", "amount.currency"),
        Rule("closedate", "close_date"),
        Rule("hs_deal_stage_probability", "probability", write=False),
        Rule("hs_is_closed", "is_closed", write=False),
        Rule("hs_is_closed_won", "is_won", write=False),
        Rule("closed_lost_reason", "lost_reason"),
        Rule("hubspot_owner_id", "owner"),
        Rule("association:company", "account"),
        Rule("association:contacts", "contacts"),
    ),
    "campaigns": (
        Rule("hs_name", "name", clear=False),
        Rule("hs_start_date", "start"),
        Rule("hs_end_date", "end"),
        Rule("hs_campaign_status", "status"),
        Rule("hs_budget_items_sum_amount", "budget", write=False),
        Rule("hs_spend_items_sum_amount", "actual_cost", write=False),
        Rule("hs_currency_code", "currency"),
    ),
}
