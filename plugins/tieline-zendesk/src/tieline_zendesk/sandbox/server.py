"""The stand-in itself: one door for all requests. What the routes do is decided elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tieline.sandbox import Request, Response, SandboxOptions


class ZendeskSandbox:
    """An account of its own."""

    token = "zendesk-sandbox-token"  # noqa: S105
    client_id = "tieline"
    client_secret = "zendesk-sandbox-secret"  # noqa: S105
    token_path = "/oauth/tokens"  # noqa: S105

    def __init__(self, options: SandboxOptions) -> None:
        self._options = options

    def handle(self, request: Request) -> Response:
        """Answer one request."""
        return Response(404, {}, b"")

    def dump(self) -> Mapping[str, Any]:
        """The whole state as plain JSON."""
        return {}
