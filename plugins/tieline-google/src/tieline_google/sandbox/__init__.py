"""A stand-in of Google Workspace: a stateful account behind the real wire format, with vices to switch on."""

from __future__ import annotations

from tieline_google.sandbox.server import GoogleSandbox
from tieline_google.vices import VICES

__all__ = ["VICES", "GoogleSandbox"]
