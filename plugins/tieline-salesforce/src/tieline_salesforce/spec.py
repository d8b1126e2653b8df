"""What the plugin offers: the spec of the connector. Reads answers for what HTTP has to know; decides nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tieline import ConnectorSpec, HttpProfile, Need, OAuth, Quota, Response
from tieline_salesforce.mapping import HUB_FIELD, KINDS, OPTIONAL, TABLES
from tieline_salesforce.settings import SalesforceSettings
from tieline_salesforce.vices import VICES
from tieline_salesforce.wire import errors_in

if TYPE_CHECKING:
    from tieline import Connector, Context
    from tieline.sandbox import Sandbox, SandboxOptions

ANSWER_SECONDS = 120.0
"""How long one answer may take. A transaction may run for ten minutes [doc]; a batch of 200 takes seconds."""

_USAGE = re.compile(r"api-usage=(\d+)/(\d+)")
_TOO_MUCH = frozenset({"REQUEST_LIMIT_EXCEEDED", "SERVER_UNAVAILABLE"})


def throttled(response: Response) -> bool:
    """«Too fast» comes as 403, or as 503 with the API's own error in it, and never as 429."""
    return response.status in (403, 503) and any(e.code in _TOO_MUCH for e in errors_in(response))


def quota(headers: Mapping[str, str]) -> Quota | None:
    """The rolling 24-hour budget from `Sforce-Limit-Info`. Servers count apart, so the number may go back and forth."""
    found = _USAGE.search(headers.get("sforce-limit-info", ""))
    if found is None:
        return None
    used, limit = int(found[1]), int(found[2])
    return Quota(daily_remaining=max(0, limit - used), daily_limit=limit)


def scopes(needs: Sequence[Need]) -> tuple[str, ...]:
    """`api` and a refresh token, whatever is wanted: what may be read or written is up to the user's permissions."""
    return ("api", "refresh_token")


def _connect(context: Context) -> Connector:
    from tieline_salesforce.connector import SalesforceConnector

    return SalesforceConnector(context)


def _sandbox(options: SandboxOptions) -> Sandbox:
    from tieline_salesforce.sandbox import SalesforceSandbox

    return SalesforceSandbox(options)


SPEC = ConnectorSpec(
    name="salesforce",
    title="Salesforce",
    streams=tuple(TABLES),
    connect=_connect,
    mapping=TABLES,
    kinds=KINDS,
    settings=SalesforceSettings,
    http=HttpProfile(
        hosts=(".salesforce.com", ".force.com"),
        throttled=throttled,
        quota=quota,
        headers={"accept": "application/json"},
        timeout=ANSWER_SECONDS,
        token_path="/services/oauth2/token",  # noqa: S106 - a path
        oauth=OAuth(
            authorize="/services/oauth2/authorize",
            revoke="/services/oauth2/revoke",
            scopes=scopes,
            audience="https://login.salesforce.com",
        ),
    ),
    example_url="https://YOURS.my.salesforce.com",
    sandbox=_sandbox,
    vices=VICES,
    hub_field=HUB_FIELD,
    optional=OPTIONAL,
)
