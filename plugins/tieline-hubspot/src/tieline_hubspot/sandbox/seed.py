"""A believable small marketing account for `--seed demo`, the same for the same moment: rows for `load`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from tieline_hubspot.sandbox.account import owners
from tieline_hubspot.sandbox.schema import LIFECYCLE
from tieline_hubspot.sandbox.wire import DAY_MS, iso

COMPANIES, CONTACTS, DEALS, CAMPAIGNS = 150, 520, 200, 12
_SEED = 20_260_908


def _words(text: str, by: str = " ") -> list[str]:
    return text.split(by)


_FIRST = _words(
    "Ada Amir Anna Beatriz Carlos Chen Clara Daniel Elif Emma Farid Greta Hana Hugo Ines Ivan Jana Julia Kofi "
    "Lars Léa Lukas Mara Marek Mei Nadia Nils Olga Omar Paula Pedro Rosa Sara Sofia Tariq Theo Uma Vera Wei Yusuf"
)
_LAST = _words(
    "Abbott Adeyemi Becker Berg Bianchi Brandt Castillo Costa Dubois Eriksen Fischer Fontaine Garcia Haddad "
    "Hansen Horvat Ivanova Jensen Kaya Keller Kowalski Larsen Lopez Meyer Moreau Müller Nguyen Novak O'Brien "
    "Osei Park Petrov Rossi Santos Schmidt Silva Tanaka Vogel Weber Zhang"
)
_STEM = _words(
    "Alder Amber Anchor Aspen Birch Brook Cedar Cobalt Copper Delta Ember Falcon Granite Harbor Heron Indigo "
    "Juniper Kestrel Larch Lumen Maple Meridian Nimbus North Onyx Orchard Pine Quarry Raven River Sable Slate "
    "Summit Tidal Umber Vector Willow Zephyr"
)
_TRADE = _words("Analytics Foods Freight Health Labs Logistics Machines Media Partners Robotics Software Textiles")
_INDUSTRY = _words(
    "COMPUTER_SOFTWARE FOOD_PRODUCTION LOGISTICS_AND_SUPPLY_CHAIN HOSPITAL_HEALTH_CARE MACHINERY "
    "MEDIA_PRODUCTION FINANCIAL_SERVICES TEXTILES"
)
_TITLES = _words(
    "Head of Operations|CFO|Marketing Manager|VP Sales|Procurement Lead|IT Director|Founder|Office Manager|"
    "Customer Success Lead|Engineer",
    "|",
)
_PLACES = (
    ("Berlin", "", "10115", "Germany", "+49 30"),
    ("Lyon", "", "69002", "France", "+33 4"),
    ("Austin", "TX", "78701", "United States", "+1 512"),
    ("Leeds", "", "LS1 4AP", "United Kingdom", "+44 113"),
    ("Porto", "", "4050-253", "Portugal", "+351 22"),
)
_STAGES = _words(
    "appointmentscheduled qualifiedtobuy presentationscheduled decisionmakerboughtin contractsent closedwon closedlost"
)
_CAMPAIGNS = _words("Webinar|Trade fair|Newsletter|Paid search|Partner day|Product launch", "|")
_STATUS = ("NEW", "OPEN", "IN_PROGRESS", "CONNECTED", "UNQUALIFIED", "BAD_TIMING")
_PLAIN = str.maketrans({"é": "e", "ü": "ue", "'": "", " ": ""})


def demo(now: int) -> dict[str, list[Any]]:
    """Companies, contacts, deals, campaigns and their associations, all older than `now` (ms)."""
    rng = Random(_SEED)
    staff = [o["id"] for o in owners() if not o["archived"]]
    companies = [_company(rng, i, now, staff) for i in range(COMPANIES)]
    contacts, edges = _contacts(rng, companies, now, staff)
    deals = [_deal(rng, i, now, staff, companies, edges) for i in range(DEALS)]
    return {
        "companies": companies,
        "contacts": contacts,
        "deals": deals,
        "campaigns": [_campaign(rng, i, now) for i in range(CAMPAIGNS)],
        "associations": edges,
    }


def _row(rng: Random, key: int, now: int, values: Mapping[str, str]) -> dict[str, Any]:
    created = now - rng.randrange(60 * DAY_MS, 900 * DAY_MS)
    updated = rng.randrange(created, now - DAY_MS)
    kept = {n: v for n, v in values.items() if v}
    return {"id": str(key), "properties": kept, "createdAt": iso(created), "updatedAt": iso(updated)}


def _phone(rng: Random, prefix: str) -> str:
    """A number as people type them."""
    digits = f"{rng.randrange(10**6, 10**7)}"
    plain = prefix.replace(" ", "") + digits
    forms = (
        plain,
        f"{prefix} {digits[:3]} {digits[3:]}",
        f"({prefix[-3:].strip()}) {digits[:3]}-{digits[3:]}",
        f"{prefix}/{digits}",
        f"00{plain[1:]}",
        f"{prefix} {digits} ext. {rng.randrange(10, 99)}",
    )
    return rng.choice(forms)


def _company(rng: Random, i: int, now: int, staff: Sequence[str]) -> dict[str, Any]:
    stem, trade = _STEM[i % len(_STEM)], _TRADE[(i * 7 + i // len(_STEM)) % len(_TRADE)]
    host = f"{stem}{trade}{i // len(_STEM) or ''}.example".lower()
    city, state, code, country, prefix = rng.choice(_PLACES)
    values = {
        "name": f"{stem} {trade}" + rng.choice(("", " GmbH", " Ltd", ", Inc.", "")),
        "domain": host if rng.random() > 0.06 else "",
        "website": f"https://www.{host}" if rng.random() > 0.3 else "",
        "phone": _phone(rng, prefix) if rng.random() > 0.2 else "",
        "industry": rng.choice(_INDUSTRY),
        "numberofemployees": str(rng.choice((8, 25, 60, 140, 420, 1800))),
        "annualrevenue": str(rng.randrange(2, 900) * 100_000) if rng.random() > 0.3 else "",
        "address": f"{rng.randrange(1, 240)} {rng.choice(_LAST)} Street",
        "city": city,
        "state": state,
        "zip": code,
        "country": country,
        "type": rng.choice(("PROSPECT", "PROSPECT", "PARTNER", "VENDOR", "")),
        "lifecyclestage": rng.choice([v for v, _ in LIFECYCLE[:6]]),
        "hubspot_owner_id": rng.choice(staff) if rng.random() > 0.15 else "",
        "description": f"Known since {2015 + i % 11}." if rng.random() > 0.5 else "",
    }
    return _row(rng, 23_828_100_001 + i * 7, now, values)


def _contacts(
    rng: Random, companies: Sequence[Mapping[str, Any]], now: int, staff: Sequence[str]
) -> tuple[list[dict[str, Any]], list[list[Any]]]:
    rows: list[dict[str, Any]] = []
    edges: list[list[Any]] = []
    for i in range(CONTACTS):
        company = rng.choice(companies) if rng.random() > 0.08 else None
        first, last = rng.choice(_FIRST), rng.choice(_LAST)
        host = company["properties"].get("domain") if company else None
        mail = f"{first}.{last}{i}@{host or 'mail.example'}".translate(_PLAIN).lower()
        if rng.random() < 0.05:  # taken over from an old tool that kept the case
            mail = mail.title()
        key = 73_183_500_001 + i * 11
        prefix = rng.choice(_PLACES)[4]
        optout = rng.random() < 0.06
        values = {
            "email": mail if rng.random() > 0.03 else "",
            "firstname": first if rng.random() > 0.04 else "",
            "lastname": last,
            "jobtitle": rng.choice(_TITLES) if rng.random() > 0.2 else "",
            "phone": _phone(rng, prefix) if rng.random() > 0.25 else "",
            "mobilephone": _phone(rng, prefix) if rng.random() > 0.6 else "",
            "company": company["properties"]["name"] if company and rng.random() > 0.3 else "",
            "city": rng.choice(_PLACES)[0] if rng.random() > 0.5 else "",
            "lifecyclestage": rng.choice([v for v, _ in LIFECYCLE[:6]]),
            "hs_lead_status": rng.choice(_STATUS) if rng.random() > 0.4 else "",
            "hubspot_owner_id": rng.choice(staff) if rng.random() > 0.3 else "",
            "hs_analytics_source": rng.choice(("ORGANIC_SEARCH", "EMAIL_MARKETING", "OFFLINE", "REFERRALS")),
        }
        if optout and values["email"]:
            values["hs_email_optout"] = "true"
        rows.append(_row(rng, key, now, values))
        if company:
            edges.append(["contacts", str(key), "companies", company["id"], 1])
    return rows, edges


def _deal(
    rng: Random, i: int, now: int, staff: Sequence[str], companies: Sequence[Mapping[str, Any]], edges: list[list[Any]]
) -> dict[str, Any]:
    company = rng.choice(companies)
    key = str(28_640_100_001 + i * 13)
    stage = rng.choice(_STAGES)
    closes = now + rng.randrange(-200, 120) * DAY_MS
    values = {
        "dealname": f"{company['properties']['name']} - {rng.choice(('Starter', 'Team', 'Enterprise', 'Renewal'))}",
        "amount": f"{rng.randrange(20, 900) * 100}" if rng.random() > 0.08 else "",
        "deal_currency_code": rng.choice(("EUR", "EUR", "USD", "GBP")),
        "closedate": iso(closes - closes % DAY_MS + rng.choice((0, 9 * 3_600_000, 15 * 3_600_000 + 31_415))),
        "dealstage": stage,
        "pipeline": "default",
        "dealtype": rng.choice(("newbusiness", "existingbusiness")),
        "hubspot_owner_id": rng.choice(staff),
        "closed_lost_reason": rng.choice(("Price", "No budget", "Went quiet")) if stage == "closedlost" else "",
    }
    staffed = [edge[1] for edge in edges if edge[0] == "contacts" and edge[3] == company["id"]]
    edges.append(["deals", key, "companies", company["id"], 5])
    edges.extend(["deals", key, "contacts", person, 3] for person in rng.sample(staffed, min(len(staffed), 2)))
    return _row(rng, int(key), now, values)


def _campaign(rng: Random, i: int, now: int) -> dict[str, Any]:
    start = now - rng.randrange(-30, 300) * DAY_MS
    values = {
        "hs_name": f"{_CAMPAIGNS[i % len(_CAMPAIGNS)]} {iso(start)[:7]}",
        "hs_start_date": iso(start)[:10],
        "hs_end_date": iso(start + rng.randrange(5, 60) * DAY_MS)[:10] if rng.random() > 0.2 else "",
        "hs_campaign_status": rng.choice(("planned", "in_progress", "active", "completed")),
        "hs_currency_code": "EUR",
        "hs_notes": "Planned with sales." if rng.random() > 0.5 else "",
    }
    guid = f"{rng.getrandbits(32):08x}-{rng.getrandbits(16):04x}-4{rng.getrandbits(12):03x}-8{rng.getrandbits(12):03x}-"
    row = _row(rng, 1, now, values)
    return {**row, "id": guid + f"{rng.getrandbits(48):012x}"}
