"""A stand-in whose every call is held against the vendor's description, where there is one."""

from __future__ import annotations

from typing import Any

from tieline.sandbox import Request, Response, SandboxOptions
from tieline_zendesk.sandbox import ZendeskSandbox


class Watched(ZendeskSandbox):
    """Answers as it does, and notes in `wrong` what differs."""

    def __init__(self, options: SandboxOptions, description: Any) -> None:
        super().__init__(options)
        self.description = description
        self.wrong: list[Any] = []
        self.called: set[str] = set()
        """`METHOD /path/{id}` of each call that the description knows; others have `unknown` in it."""

    def handle(self, request: Request) -> Response:
        """Answer, and note."""
        response = super().handle(request)
        if self.description is not None and response.status:
            found = self.description.operation(request.method, request.path)
            self.called.add(f"{request.method} {found[0] if found else 'unknown ' + request.path}")
            sent = request.data() if request.payload() else None
            answer = response.json() if "json" in response.headers.get("content-type", "") else None
            self.wrong += self.description.check(request.method, request.path, sent, response.status, answer)
        return response
