"""What the plugin offers: the connector's name, streams, tables and how it is built."""

from __future__ import annotations

from tieline import Connector, ConnectorSpec, Context
from tieline.sandbox import Sandbox, SandboxOptions
from tieline_hubspot.mapping import HUB_FIELD, KINDS, TABLES
from tieline_hubspot.settings import HubSpotSettings
from tieline_hubspot.wire import HOST, PROFILE


def _connect(context: Context) -> Connector:
    from tieline_hubspot.connector import HubSpotConnector

    return HubSpotConnector(context)


def _sandbox(options: SandboxOptions) -> Sandbox:
    from tieline_hubspot.sandbox import HubSpotSandbox

    return HubSpotSandbox(options)


def _vices() -> tuple[str, ...]:
    try:
        from tieline_hubspot.sandbox import VICES
    except ImportError:
        return ()
    return tuple(VICES)


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
    vices=_vices(),
    hub_field=HUB_FIELD,
)
