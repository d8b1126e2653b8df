"""A stand-in of Zendesk: stateful, with the limits the vendor documents, and with vices on request."""

from __future__ import annotations

from tieline_zendesk.sandbox.server import ZendeskSandbox

__all__ = ["ZendeskSandbox"]
