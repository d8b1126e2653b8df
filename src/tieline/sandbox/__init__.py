"""Stand-ins of vendors, served in process or on a loopback port. What plugins may use stands in `__all__`."""

from __future__ import annotations

from tieline.connector import Sandbox, SandboxOptions
from tieline.ports import Request, Response
from tieline.sandbox.serve import InProcess, Server, serve

__all__ = ["InProcess", "Request", "Response", "Sandbox", "SandboxOptions", "Server", "serve"]
