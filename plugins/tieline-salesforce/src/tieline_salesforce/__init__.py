"""Salesforce as a Tieline system: accounts, contacts, opportunities with their contact roles, and campaigns."""

from __future__ import annotations

from tieline import ConnectorSpec, hookimpl


@hookimpl
def tieline_connectors() -> list[ConnectorSpec]:
    """The Salesforce connector; its modules are imported only when a configuration names it."""
    from tieline_salesforce.spec import SPEC

    return [SPEC]
