"""Stand-ins of vendors, served in process or on a loopback port. What plugins may use stands in `__all__`."""

from __future__ import annotations

from tieline.demo.company import STAFF, Entry, demo_company
from tieline.ports import Request, Response
from tieline.sandbox.assertion import PublicKey, claims, public_key
from tieline.sandbox.issuer import Issued, Issuer
from tieline.sandbox.parts import Answer, Asked, Rate, Refusal, astray
from tieline.sandbox.serve import InProcess, Server, serve
from tieline.standin import Act, Peopled, Sandbox, SandboxOptions

__all__ = [
    "STAFF",
    "Act",
    "Answer",
    "Asked",
    "Entry",
    "InProcess",
    "Issued",
    "Issuer",
    "Peopled",
    "PublicKey",
    "Rate",
    "Refusal",
    "Request",
    "Response",
    "Sandbox",
    "SandboxOptions",
    "Server",
    "astray",
    "claims",
    "demo_company",
    "public_key",
    "serve",
]
