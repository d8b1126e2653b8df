"""How this account writes what the demo's company says: its option values, its own properties, the configuration.

Lines as in `[systems.NAME.map.KIND]`, over the default tables. A table; it does nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tieline import KINDS, Mapper, Rule, compile_rules
from tieline_hubspot.mapping import KINDS as KIND_OF
from tieline_hubspot.mapping import TABLES
from tieline_hubspot.sandbox.schema import Property
from tieline_hubspot.sandbox.wire import PORTAL

ZONE = "Europe/Berlin"
TIERS = ("Bronze", "Silver", "Gold")
_LINES: Mapping[str, Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "account": {
        "industry": (
            "industry",
            {
                "BANKING": "Banking",
                "COMPUTER_SOFTWARE": "Technology",
                "CONSTRUCTION": "Construction",
                "FOOD_BEVERAGES": "Food & Beverage",
                "HOSPITAL_HEALTH_CARE": "Healthcare",
                "INSURANCE": "Insurance",
                "LOGISTICS_AND_SUPPLY_CHAIN": "Shipping",
                "MACHINERY": "Machinery",
                "MEDIA_PRODUCTION": "Media",
                "OIL_ENERGY": "Energy",
                "RETAIL": "Retail",
                "TELECOMMUNICATIONS": "Telecommunications",
                "TEXTILES": "Apparel",
            },
        ),
        "type": (
            "type",
            {
                "PROSPECT": "Prospect",
                "PARTNER": "Technology Partner",
                "RESELLER": "Channel Partner / Reseller",
                "OTHER": "Other",
            },
        ),
        "tier": ("x_tier", {}),
    },
    "opportunity": {
        "dealstage": (
            "stage",
            {
                "appointmentscheduled": "Qualification",
                "qualifiedtobuy": "Needs Analysis",
                "presentationscheduled": "Value Proposition",
                "decisionmakerboughtin": "Proposal/Price Quote",
                "contractsent": "Negotiation/Review",
                "closedwon": "Closed Won",
                "closedlost": "Closed Lost",
            },
        ),
        "hs_deal_stage_probability": ("", {}),
    },
    "campaign": {
        "hs_campaign_status": (
            "status",
            {"planned": "Planned", "in_progress": "In Progress", "completed": "Completed", "paused": "Aborted"},
        ),
    },
}
"""Kind → column → field and value map; without a field the default line is switched off."""


def tier() -> Property:
    """The property that this account has made for its companies."""
    options = tuple((t, t) for t in TIERS)
    return Property("tier", "enumeration", "select", "companyinformation", label="Tier", options=options, own=False)


def mapper(stream: str) -> Mapper:
    """The default table of a stream with the company's lines laid over it."""
    kind: Any = KIND_OF[stream]
    lines = _LINES.get(kind, {})
    own = [Rule(column, field, values=values or None) for column, (field, values) in lines.items() if field]
    return compile_rules(kind, [*(r for r in TABLES[stream] if r.remote not in lines), *own])


def config(system: str) -> str:
    """The configuration that joins this account to the company; see `tieline.sandbox.Peopled`."""
    parts = [f'timezone = "{ZONE}"   # of the portal {PORTAL}']
    for kind in KINDS:
        lines = _LINES.get(kind, {})
        head = f"systems.{system}.map.{kind}"
        plain = [f'{c} = "{f}"' if f else f"{c} = false" for c, (f, values) in lines.items() if not values]
        if plain:
            parts += ["", f"[{head}]", *plain]
        for column, (field, values) in lines.items():
            if values:
                parts += ["", f"[{head}.{column}]", f'field = "{field}"']
                parts += [f'values.{there} = "{here}"' for there, here in values.items()]
    return "\n".join(parts) + "\n"
