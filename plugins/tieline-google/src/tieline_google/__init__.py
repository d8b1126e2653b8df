"""Google Workspace as a Tieline system: contacts, a spreadsheet of accounts, opportunities and campaigns, actions."""

from __future__ import annotations

from tieline import ConnectorSpec, hookimpl


@hookimpl
def tieline_connectors() -> list[ConnectorSpec]:
    """The Google connector; its modules are imported only when a configuration names it."""
    from tieline_google.spec import SPEC

    return [SPEC]
