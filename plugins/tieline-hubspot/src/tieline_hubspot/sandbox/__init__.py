"""A stand-in of HubSpot: a stateful account behind the real wire format, with vices that can be switched on."""

from __future__ import annotations

from tieline_hubspot.sandbox.server import HubSpotSandbox
from tieline_hubspot.vices import VICES

__all__ = ["VICES", "HubSpotSandbox"]
