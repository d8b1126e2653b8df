"""A stand-in of Zendesk: a stateful account behind the real wire format, with vices that can be switched on."""

from __future__ import annotations

from tieline_zendesk.sandbox.server import ZendeskSandbox
from tieline_zendesk.vices import VICES

__all__ = ["VICES", "ZendeskSandbox"]
