"""What the joint tests share: a hub signs in to a stand-in in memory."""

from __future__ import annotations

from tieline.ports import Request


class Bearer:
    """A token that is always good."""

    def __init__(self, token: str) -> None:
        self._token = token

    def authorise(self, request: Request) -> None:
        request.headers = {**request.headers, "authorization": f"Bearer {self._token}"}

    def refresh(self, request: Request) -> bool:
        return False
