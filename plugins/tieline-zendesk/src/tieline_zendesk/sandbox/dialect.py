"""How this account writes what the demo's company says: the fields it has made, and the configuration that names them.

A table; it does little else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tieline_zendesk.sandbox.load import load
from tieline_zendesk.sandbox.state import BORN, State

TIERS = ("Bronze", "Silver", "Gold")
OPT_OUT = "email_opt_out"
ACCOUNT: Mapping[str, str] = {"tier": "x_tier", "industry": "industry", "website": "website", "phone": "phone"}
"""Key of a field of organizations → canonical field."""
CONTACT: Mapping[str, str] = {"job_title": "title", "mobile": "mobile"}
"""Key of a field of users → canonical field; besides, `email_opt_out`."""
_CONFIG = """
[systems.{system}.map.account]
"organization_fields.tier" = "x_tier"
"organization_fields.industry" = "industry"
"organization_fields.website" = "website"
"organization_fields.phone" = "phone"

[systems.{system}.map.contact]
"user_fields.job_title" = "title"
"user_fields.mobile" = "mobile"

[systems.{system}.map.contact."user_fields.email_opt_out"]
field = "consent_email"
values.true = "opted_out"
values.false = "allowed"
"""


def config(system: str) -> str:
    """The configuration that joins this account to the company; see `tieline.sandbox.Peopled`."""
    return _CONFIG.format(system=system)


def furnish(state: State, vices: frozenset[str]) -> None:
    """The fields that an administrator of this account has made. Under `restricted-picklist` there is no Gold."""
    tiers = [tier for tier in TIERS if tier != "Gold" or "restricted-picklist" not in vices]
    options = [{"name": tier, "value": tier} for tier in tiers]
    texts = [key for key in ACCOUNT if key != "tier"]
    definitions: dict[str, list[dict[str, Any]]] = {
        "organization_fields": [
            {"key": "tier", "title": "Tier", "type": "dropdown", "custom_field_options": options},
            *({"key": key, "title": key.capitalize(), "type": "text"} for key in texts),
        ],
        "user_fields": [
            *({"key": key, "title": key.replace("_", " ").capitalize(), "type": "text"} for key in CONTACT),
            {"key": OPT_OUT, "title": "No e-mail", "type": "checkbox", "tag": None},
        ],
    }
    load(state, definitions, BORN)
