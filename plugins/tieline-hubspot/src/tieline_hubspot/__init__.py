"""HubSpot as a Tieline system: companies, contacts, deals and campaigns, both ways."""

from __future__ import annotations

from tieline import ConnectorSpec, hookimpl


@hookimpl
def tieline_connectors() -> list[ConnectorSpec]:
    """The HubSpot connector; its modules are imported only when a configuration names it."""
    from tieline_hubspot.spec import SPEC

    return [SPEC]
