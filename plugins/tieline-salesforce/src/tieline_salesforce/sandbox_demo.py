"""The sales side of the demo's company as this org keeps it; besides, leads and campaign members, which are its own.

It turns canonical entries into rows by the connector's own table, and knows the configuration that joins the org to
the company. What is in the company is decided by `tieline.sandbox.demo_company`.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tieline import KINDS as CANONICAL
from tieline import Kind, Mapper, Rule, compile_rules
from tieline.sandbox import Entry, demo_company
from tieline_salesforce.mapping import CURRENCY, KINDS, OPTIONAL, OWNER, ROLES, SOBJECTS, TABLES
from tieline_salesforce.sandbox_rows import Rows
from tieline_salesforce.sandbox_values import wire_time

SEED = 1971
LEADS = 40
TIER: Mapping[str, Any] = {
    "name": "Tier__c",
    "type": "picklist",
    "label": "Tier",
    "length": 40,
    "picklistValues": [{"value": t, "label": t, "active": True} for t in ("Bronze", "Silver", "Gold", "Platinum")],
}
"""The field an administrator of this org has made for accounts."""
_CONFIG = """\
currency = "EUR"             # the org keeps all amounts in it
leads = true                 # people who are no contacts yet take part, until they are converted and after

[systems.{system}.map.account]
Tier__c = "x_tier"
"""
_COMPANIES = ("Bergmann Optik", "Casa Verde", "Dovetail Labs", "Elm Street Foods", "Fennel & Co", "Gable Roofing")
_FIRST = ("Nina", "Boris", "Celia", "Dario", "Edith", "Fynn", "Gloria", "Hamid", "Irene", "Jorge")
_LAST = ("Ashby", "Bauer", "Conti", "Duarte", "Ekberg", "Farrell", "Grant", "Holm", "Iwata", "Jonsson", "Klein")
_STATUSES = ("Open - Not Contacted", "Working - Contacted", "Closed - Not Converted")
_DAY = 86_400_000
COMPANY: tuple[Kind, ...] = tuple(k for k in CANONICAL if any(KINDS[s] == k for s in KINDS if s not in OPTIONAL))
"""The kinds that the company's records are of."""
Row = dict[str, Any]


def config(system: str) -> str:
    """The configuration that joins this org to the company; see `tieline.sandbox.Peopled`."""
    return _CONFIG.format(system=system)


def mapper(kind: Kind) -> Mapper:
    """The default table of a kind, with the org's own field; without what is no column of its object."""
    stream = next(s for s, k in KINDS.items() if k == kind)
    own = [Rule("Tier__c", "x_tier")] if kind == "account" else []
    return compile_rules(kind, [*(r for r in TABLES[stream] if r.remote not in (CURRENCY, ROLES)), *own])


def sobject(kind: Kind) -> str:
    """The object that holds records of a kind."""
    return next(SOBJECTS[s] for s, k in KINDS.items() if k == kind)


def demo(rows: Rows) -> dict[str, list[Row]]:
    """The company's records, the same for every org of one moment; for `load`. Keys stand for ids."""
    users = {row["Email"]: row["Id"] for row in rows.all("User")}
    company = demo_company("crm", rows.now())
    made: dict[str, list[Row]] = {}
    for kind in COMPANY:
        table = mapper(kind)
        made[sobject(kind)] = [_row(table, entry, users) for entry in company[kind]]
    made["OpportunityContactRole"] = list(_roles(company["opportunity"]))
    dice = random.Random(SEED)
    made["Lead"] = _leads(dice, rows.now(), list(users.values())[1:])
    made["CampaignMember"] = _members(dice, company["campaign"], company["contact"])
    return made


def columns(table: Mapper, fields: Mapping[str, Any], users: Mapping[str, str]) -> Row:
    """Canonical fields as columns. Raises ValueError for a value that has no place here."""
    row, problems = table.write({name: cell for name, cell in fields.items() if name != "contacts"})
    if problems:
        raise ValueError(problems[0].message)
    if OWNER in row:
        row[OWNER] = users[str(row[OWNER])]
    return row


def _row(table: Mapper, entry: Entry, users: Mapping[str, str]) -> Row:
    stamps = {"CreatedDate": wire_time(entry.created), "LastModifiedDate": wire_time(entry.modified)}
    return {"Id": entry.key, **columns(table, entry.fields, users), **stamps}


def _roles(deals: Sequence[Entry]) -> Iterable[Row]:
    for deal in deals:
        for person in deal.fields.get("contacts") or ():
            who = {"OpportunityId": deal.key, "ContactId": person["id"], "Role": person["role"]}
            yield {**who, "IsPrimary": person["primary"], "CreatedDate": wire_time(deal.modified)}


def _leads(dice: random.Random, now: int, owners: Sequence[str]) -> list[Row]:
    """People whom nobody has talked to yet."""
    made = []
    for number in range(LEADS):
        company = dice.choice(_COMPANIES)
        created = now - dice.randrange(2, 200) * _DAY
        made.append(
            {
                "Id": f"lead-{number}",
                "FirstName": dice.choice(_FIRST),
                "LastName": dice.choice(_LAST),
                "Company": company,
                "Email": f"lead{number}@{company.split()[0].lower()}.example",
                "Status": dice.choice(_STATUSES),
                "LeadSource": dice.choice(("Web", "Phone Inquiry", "Partner Referral")),
                "OwnerId": dice.choice(owners),
                "CreatedDate": wire_time(created // 1000 * 1000),
            }
        )
    made[0].update(FirstName="Nils", LastName="Ahlgren", Company="Fennel & Co", Email="nils.ahlgren@fennel.example")
    return made


def _members(dice: random.Random, campaigns: Sequence[Entry], contacts: Sequence[Entry]) -> list[Row]:
    made = []
    for campaign in campaigns:
        for person in dice.sample(list(contacts), dice.randrange(20, 50)):
            status = dice.choice(("Sent", "Sent", "Responded"))
            made.append({"CampaignId": campaign.key, "ContactId": person.key, "Status": status})
    return made
