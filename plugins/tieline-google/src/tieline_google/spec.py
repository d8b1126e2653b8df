"""What the plugin offers: the connector's name, streams, tables and how it is built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tieline import Connector, ConnectorSpec, Context
from tieline_google.mapping import KINDS, TABLES
from tieline_google.oauth import PROFILE
from tieline_google.settings import GoogleSettings
from tieline_google.vices import VICES

if TYPE_CHECKING:
    from tieline.sandbox import Sandbox, SandboxOptions


def _connect(context: Context) -> Connector:
    from tieline_google.connector import GoogleConnector

    return GoogleConnector(context)


def _sandbox(options: SandboxOptions) -> Sandbox:
    from tieline_google.sandbox import GoogleSandbox

    return GoogleSandbox(options)


SPEC = ConnectorSpec(
    name="google",
    title="Google Workspace",
    streams=tuple(KINDS),
    connect=_connect,
    mapping=TABLES,
    kinds=KINDS,
    settings=GoogleSettings,
    http=PROFILE,
    base_url="https://www.googleapis.com",
    sandbox=_sandbox,
    vices=VICES,
    hub_field="",
)
