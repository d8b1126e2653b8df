"""A HubSpot stand-in behind a real socket, and the vendor's own SDK pointed at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tieline.sandbox import SandboxOptions, Server, serve
from tieline.testing import FakeClock
from tieline_hubspot.sandbox import HubSpotSandbox


class Bench:
    """A running stand-in: its sandbox, its server, its clock and an SDK client that knows its address."""

    def __init__(self, hubspot: Any, seed: str, vices: frozenset[str], token: str | None) -> None:
        self.clock = FakeClock()
        self.sandbox = HubSpotSandbox(SandboxOptions(seed=seed, vices=vices, clock=self.clock))
        self.server: Server = serve(self.sandbox)
        url = self.server.base_url
        self.client: Any = hubspot.HubSpot(
            access_token=token or self.sandbox.token, host=url, base_url=url, retry=False
        )

    def close(self) -> None:
        """Stop the server."""
        self.server.close()


@pytest.fixture
def bench() -> Iterator[Callable[..., Bench]]:
    """Makes benches: `bench(seed=…, vices=…, token=…)`; all are stopped at the end."""
    hubspot = pytest.importorskip("hubspot", reason="hubspot-api-client is not installed")
    running: list[Bench] = []

    def make(*vices: str, seed: str = "empty", token: str | None = None) -> Bench:
        made = Bench(hubspot, seed, frozenset(vices), token)
        running.append(made)
        return made

    yield make
    for one in running:
        one.close()
