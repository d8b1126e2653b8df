"""What the plugin offers: the connector's name, streams, tables and how it is built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieline import Connector, ConnectorSpec, Context
from tieline_zendesk.mapping import HUB_FIELD, KINDS, TABLES
from tieline_zendesk.oauth import PROFILE
from tieline_zendesk.settings import ZendeskSettings
from tieline_zendesk.vices import VICES

if TYPE_CHECKING:
    from tieline.sandbox import Sandbox, SandboxOptions


def _connect(context: Context) -> Connector:
    from tieline_zendesk.connector import ZendeskConnector

    return ZendeskConnector(context)


def _sandbox(options: SandboxOptions) -> Sandbox:
    from tieline_zendesk.sandbox import ZendeskSandbox

    return ZendeskSandbox(options)


SPEC = ConnectorSpec(
    name="zendesk",
    title="Zendesk",
    streams=tuple(TABLES),
    connect=_connect,
    mapping=TABLES,
    kinds=KINDS,
    settings=ZendeskSettings,
    http=PROFILE,
    address="https://{subdomain}.zendesk.com",
    example_url="https://YOURS.zendesk.com",
    sandbox=_sandbox,
    vices=VICES,
    hub_field=HUB_FIELD,
)
