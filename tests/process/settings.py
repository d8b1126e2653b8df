"""What is written into the configuration of two systems."""

from __future__ import annotations

CONFIG = """\
[systems.crm]
connector = "salesforce"
base_url = "{crm}"
auth = {crm_auth}
currency = "USD"
{crm_more}

[systems.marketing]
connector = "hubspot"
base_url = "{marketing}"
auth = {marketing_auth}
{marketing_more}

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
"""Two systems, every kind, and no field that the two vendors' own rules would change behind our back."""


def token_auth(variable: str) -> str:
    """A token from the environment, as a configuration says it."""
    return f'{{ type = "token", token = {{ env = "{variable}" }} }}'
