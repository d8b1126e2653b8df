"""Which Salesforce fields are which canonical fields: a table for each stream, both ways. Pure; knows no HTTP.

Names, types and what may be written are those of the standard objects' describes [rec].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from tieline import Cell, Rule

HUB_FIELD = "Tieline_Id__c"
"""The unique external id that holds the hub's id."""
ROLES = "OpportunityContactRoles"
"""Not a column but a child relationship of Opportunity; read by a subquery, written as records of their own."""
OWNER = "OwnerId"
"""Read as the owner's e-mail address, and written by looking that address up among the org's users."""
CURRENCY = "CurrencyIsoCode"
"""On every record of a multi-currency org, and on none of any other."""

SOBJECTS: Mapping[str, str] = {
    "accounts": "Account",
    "contacts": "Contact",
    "leads": "Lead",
    "opportunities": "Opportunity",
    "campaigns": "Campaign",
    "members": "CampaignMember",
}
KINDS: Mapping[str, str] = {
    "accounts": "account",
    "contacts": "contact",
    "leads": "contact",
    "opportunities": "opportunity",
    "campaigns": "campaign",
    "members": "campaign_member",
}
OPTIONAL = frozenset({"leads", "members"})
"""Read only where the configuration says so: thousands of people nobody has talked to are not what most want synced,
nor whom a campaign was sent to."""
BECOMES: Mapping[str, str] = {"leads": "contacts"}
"""The stream where a converted record lives on."""
CONVERTED = "ConvertedContactId"
"""Who a lead has become; with IsConverted, on leads alone [rec]."""
MEMBER = "CampaignMember"
PERSON, LEAD_PERSON, CAMPAIGN = "ContactId", "LeadId", "CampaignId"
"""Whom a campaign member joins: a campaign with a contact, or with a lead as long as that is one."""
MERGEABLE = frozenset({"Account", "Contact", "Lead"})
"""The objects whose records carry MasterRecordId once a person has merged them into another."""


def number(text: str) -> int | float:
    """A canonical decimal as a JSON number. Raises ValueError for more digits than such a number holds."""
    if "." not in text:
        return int(text)
    value = float(text)
    if Decimal(repr(value)) != Decimal(text):
        raise ValueError(f"{text} has more digits than Salesforce keeps")
    return value


def opted_out(consent: str) -> bool:
    """A consent as the flag Salesforce keeps: true means «do not»."""
    return consent == "opted_out"


def host_in(website: str) -> str | None:
    """The part of a website that may be a domain; None where there is none (`n/a`, `see notes`)."""
    text = website.strip()
    host = text.split("://", 1)[-1].split("/", 1)[0].split("?", 1)[0].split("#", 1)[0].split(":", 1)[0].rstrip(".")
    return host if "." in host and not any(c.isspace() or c == "@" for c in host) else None


def contacts_of(children: Mapping[str, Any]) -> list[Mapping[str, Cell]]:
    """The contacts of an opportunity, from the rows of its contact roles."""
    return [
        {"id": row["ContactId"], "role": row.get("Role"), "primary": bool(row.get("IsPrimary"))}
        for row in children["records"]
        if row.get("ContactId") and not row.get("IsDeleted")
    ]


def _address(prefix: str) -> tuple[Rule, ...]:
    parts = (
        ("Street", "street"),
        ("City", "city"),
        ("State", "state"),
        ("PostalCode", "postal_code"),
        ("Country", "country"),
    )
    return tuple(Rule(f"{prefix}{column}", f"address.{part}") for column, part in parts)


_CONSENT = (
    Rule("HasOptedOutOfEmail", "consent_email", dump=opted_out, clear=False),
    Rule("DoNotCall", "consent_phone", dump=opted_out, clear=False),
    Rule("HasOptedOutOfFax", "consent_fax", dump=opted_out, clear=False),
)
_PERSON = (
    Rule("Email", "email"),
    Rule("FirstName", "first_name"),
    Rule("LastName", "last_name"),
    Rule("Title", "title"),
    Rule("Phone", "phone"),
    Rule("MobilePhone", "mobile"),
)

TABLES: Mapping[str, Sequence[Rule]] = {
    "accounts": (
        Rule("Name", "name"),
        Rule("Website", "website"),
        Rule("Website", "domain", load=host_in, write=False),
        Rule("Phone", "phone"),
        Rule("Industry", "industry"),
        Rule("NumberOfEmployees", "employees"),
        Rule("AnnualRevenue", "annual_revenue", dump=number),
        *_address("Billing"),
        Rule("Description", "description"),
        Rule("ParentId", "parent"),
        Rule(OWNER, "owner", clear=False),
        Rule("Type", "type"),
    ),
    "contacts": (
        *_PERSON,
        Rule("AccountId", "account"),
        Rule(OWNER, "owner", clear=False),
        Rule("LeadSource", "lead_source"),
        *_CONSENT,
        *_address("Mailing"),
    ),
    "leads": (
        *_PERSON,
        Rule(OWNER, "owner", clear=False),
        Rule("LeadSource", "lead_source"),
        Rule("Status", "lead_status", clear=False),
        *_CONSENT,
        *_address(""),
    ),
    "opportunities": (
        Rule("Name", "name"),
        Rule("AccountId", "account"),
        Rule(ROLES, "contacts", load=contacts_of),
        Rule("StageName", "stage"),
        Rule("Amount", "amount.amount", dump=number),
        Rule(CURRENCY, "amount.currency"),
        Rule("CloseDate", "close_date"),
        Rule("Probability", "probability", dump=number),
        Rule("IsClosed", "is_closed", write=False),
        Rule("IsWon", "is_won", write=False),
        Rule("CampaignId", "campaign"),
        Rule(OWNER, "owner", clear=False),
    ),
    "campaigns": (
        Rule("Name", "name"),
        Rule("Type", "type"),
        Rule("Status", "status"),
        Rule("StartDate", "start"),
        Rule("EndDate", "end"),
        Rule("BudgetedCost", "budget", dump=number),
        Rule("ActualCost", "actual_cost", dump=number),
        Rule(CURRENCY, "currency", clear=False),
        Rule("ParentId", "parent"),
    ),
    "members": (
        Rule(PERSON, "contact", clear=False),
        Rule(CAMPAIGN, "campaign", clear=False),
        Rule("Status", "status", clear=False),
        Rule("HasResponded", "responded", write=False),
        Rule("FirstRespondedDate", "first_responded", write=False),
    ),
}
