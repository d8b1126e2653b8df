"""What the plugin offers: the connector's name, streams, tables and how it is built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieline import Connector, ConnectorSpec, Context
from tieline_hubspot.mapping import HUB_FIELD, KINDS, TABLES
from tieline_hubspot.settings import HubSpotSettings
from tieline_hubspot.vices import VICES
from tieline_hubspot.wire import HOST, PROFILE

if TYPE_CHECKING:
    from tieline.sandbox import Sandbox, SandboxOptions


def _connect(context: Context) -> Connector:
    from tieline_hubspot.connector import HubSpotConnector

    return HubSpotConnector(context)


def _sandbox(options: SandboxOptions) -> Sandbox:
    from tieline_hubspot.sandbox import HubSpotSandbox

    return HubSpotSandbox(options)


SPEC = ConnectorSpec(
    name="hubspot",
    title="HubSpot",
    streams=tuple(TABLES),
    connect=_connect,
    mapping=TABLES,
    kinds=KINDS,
    settings=HubSpotSettings,
    http=PROFILE,
    base_url=f"https://{HOST}",
    sandbox=_sandbox,
    vices=VICES,
    hub_field=HUB_FIELD,
)
