"""What the plugin offers: the connector's name, streams, tables and how it is built."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from tieline import Connector, ConnectorSpec, Context, Finding, Task
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


CHOICES = (
    "account.industry",
    "account.type",
    "opportunity.stage",
    "opportunity.pipeline",
    "campaign.type",
    "campaign.status",
)
"""Fields whose cells may offer a list to choose from."""


def _new_sheet(connector: Connector, options: Mapping[str, str]) -> Iterable[Finding]:
    from tieline_google.sheets.make import new_sheet

    return new_sheet(connector, {name.replace("-", ".", 1): value for name, value in options.items()})


NEW_SHEET = Task(
    "new-sheet",
    "Make the spreadsheet, or what the configured one lacks. It has tabs for accounts, opportunities and campaigns.",
    _new_sheet,
    {
        "title": "Its name.  [default: Tieline]",
        **{name.replace(".", "-"): f"What to choose from in {name}, separated by commas." for name in CHOICES},
    },
)
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
    tasks=(NEW_SHEET,),
)
