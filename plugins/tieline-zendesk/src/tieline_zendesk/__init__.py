"""Zendesk as a Tieline system: organizations and end users, both ways, and tickets as actions."""

from __future__ import annotations

from tieline import ConnectorSpec, hookimpl


@hookimpl
def tieline_connectors() -> list[ConnectorSpec]:
    """The Zendesk connector; its modules are imported only when a configuration names it."""
    from tieline_zendesk.spec import SPEC

    return [SPEC]
