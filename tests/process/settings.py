"""What is written into the configuration of the systems."""

from __future__ import annotations

from collections.abc import Mapping

_SHARED = """
[systems.marketing.map.opportunity]
dealstage = {{ field = "stage", values = {{ appointmentscheduled = "Prospecting", closedwon = "Closed Won" }} }}

[sync.account]
owner = "none"
[sync.contact]
owner = "none"
[sync.opportunity]
owner = "none"
probability = "none"
is_closed = "none"
is_won = "none"
[sync.campaign]
status = "none"
type = "none"
{more}
"""


def config_of(vendors: Mapping[str, str], **lines: str) -> str:
    """These systems (name → connector), every kind, and no field that a vendor's own rules would change behind our
    back; with `lines` of some of them. A `Desk` fills in what stands in braces."""
    tables = (
        f'[systems.{name}]\nconnector = "{vendor}"\nbase_url = "{{{name}}}"\nauth = {{{name}_auth}}\n'
        f"{lines.get(name, '')}{{{name}_more}}\n"
        for name, vendor in vendors.items()
    )
    return "\n".join(tables) + _SHARED


VENDORS = {"crm": "salesforce", "marketing": "hubspot"}
"""System of most tests' configuration → vendor."""
CONFIG = config_of(VENDORS, crm='currency = "USD"\n')


def token_auth(variable: str) -> str:
    """A token from the environment, as a configuration says it."""
    return f'{{ type = "token", token = {{ env = "{variable}" }} }}'
