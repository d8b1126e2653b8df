"""Tieline: keeps CRM, marketing, support and files equal, both ways.

What stands in `__all__` is the public API; everything a connector plugin needs is here and in `tieline.sandbox`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pluggy as _pluggy

    from tieline.connector import (
        Acting,
        Connector,
        ConnectorSpec,
        Context,
        HttpClient,
        HttpProfile,
        Mending,
        Need,
        OAuth,
        Quota,
        Recalling,
        Settings,
        Subdomain,
        Task,
        Tracing,
    )
    from tieline.errors import (
        ConfigError,
        ContractViolation,
        FeedExpired,
        NotAuthorised,
        RateLimited,
        Rejected,
        TielineError,
        Transient,
        Unavailable,
        UserError,
    )
    from tieline.events import Applied, ConflictFound, PlannedOrder, RunFinished, Verdict
    from tieline.mapping import Mapper, Rule, compile_rules
    from tieline.model import (
        Action,
        ActionFacts,
        Bad,
        Facts,
        FieldFacts,
        Finding,
        Outcome,
        Page,
        Problem,
        Receipt,
        Remote,
        Schema,
        StreamFacts,
        Window,
        Write,
    )
    from tieline.ports import Clock, Request, Response, Transport
    from tieline.records import (
        KINDS,
        Account,
        Address,
        Campaign,
        CampaignMember,
        Cell,
        Contact,
        Kind,
        Money,
        Opportunity,
    )
    from tieline.wire import decode, server_time

    hookimpl: _pluggy.HookimplMarker

__version__ = "0.1.0"

_HOMES = {
    "connector": "Acting Connector ConnectorSpec Context HttpClient HttpProfile Mending Need OAuth Quota Recalling "
    "Settings Subdomain Task Tracing",
    "errors": "ConfigError ContractViolation FeedExpired NotAuthorised RateLimited Rejected TielineError Transient "
    "Unavailable UserError",
    "events": "Applied ConflictFound PlannedOrder RunFinished Verdict",
    "mapping": "Mapper Rule compile_rules",
    "model": "Action ActionFacts Bad Facts FieldFacts Finding Outcome Page Problem Receipt Remote Schema StreamFacts "
    "Window Write",
    "ports": "Clock Request Response Transport",
    "records": "KINDS Account Address Campaign CampaignMember Cell Contact Kind Money Opportunity",
    "hookspecs": "hookimpl",
    "wire": "decode server_time",
}
_HOME = {name: module for module, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    """Import each public name from its room at first use: `tieline --help` must not pay for all of them."""
    if name not in _HOME:
        raise AttributeError(f"module 'tieline' has no attribute {name!r}")
    value = getattr(import_module(f"tieline.{_HOME[name]}"), name)
    globals()[name] = value
    return value


__all__ = [
    "KINDS",
    "Account",
    "Acting",
    "Action",
    "ActionFacts",
    "Address",
    "Applied",
    "Bad",
    "Campaign",
    "CampaignMember",
    "Cell",
    "Clock",
    "ConfigError",
    "ConflictFound",
    "Connector",
    "ConnectorSpec",
    "Contact",
    "Context",
    "ContractViolation",
    "Facts",
    "FeedExpired",
    "FieldFacts",
    "Finding",
    "HttpClient",
    "HttpProfile",
    "Kind",
    "Mapper",
    "Mending",
    "Money",
    "Need",
    "NotAuthorised",
    "OAuth",
    "Opportunity",
    "Outcome",
    "Page",
    "PlannedOrder",
    "Problem",
    "Quota",
    "RateLimited",
    "Recalling",
    "Receipt",
    "Rejected",
    "Remote",
    "Request",
    "Response",
    "Rule",
    "RunFinished",
    "Schema",
    "Settings",
    "StreamFacts",
    "Subdomain",
    "Task",
    "TielineError",
    "Tracing",
    "Transient",
    "Transport",
    "Unavailable",
    "UserError",
    "Verdict",
    "Window",
    "Write",
    "__version__",
    "compile_rules",
    "decode",
    "hookimpl",
    "server_time",
]
