"""What the plugin offers: the connector's name, streams, tables and how it is built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieline import Connector, ConnectorSpec, Context
from tieline_zendesk.vices import VICES

if TYPE_CHECKING:
    from tieline.sandbox import Sandbox, SandboxOptions


def _connect(context: Context) -> Connector:
    raise NotImplementedError


def _sandbox(options: SandboxOptions) -> Sandbox:
    from tieline_zendesk.sandbox import ZendeskSandbox

    return ZendeskSandbox(options)


SPEC = ConnectorSpec(
    name="zendesk",
    title="Zendesk",
    streams=("organizations", "users"),
    connect=_connect,
    mapping={},
    kinds={"organizations": "account", "users": "contact"},
    example_url="https://YOURS.zendesk.com",
    sandbox=_sandbox,
    vices=VICES,
)
