"""One org on a clock that stands still, and a short way to ask it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tieline.sandbox import Request, Response, SandboxOptions
from tieline.testing import FakeClock
from tieline_salesforce.sandbox import SalesforceSandbox

DATA = "/services/data/v60.0"
WHOLE_SECOND = 1_750_000_000_000


class Org:
    """A stand-in, its clock, and calls below the API as the integration user."""

    def __init__(self, seed: str, vices: frozenset[str], state: Mapping[str, Any] | None, clock: FakeClock) -> None:
        self.clock = clock
        self.sandbox = SalesforceSandbox(SandboxOptions(seed=seed, vices=vices, clock=clock, state=state))
        self.token = self.sandbox.token

    def call(self, method: str, path: str, body: Any = None, headers: Any = None, **params: Any) -> Response:
        """One call; `path` lies below the API unless it starts with /services."""
        path = path if path.startswith("/services") else DATA + path
        said = {"authorization": f"Bearer {self.token}"} | (headers or {})
        return self.sandbox.handle(Request(method, path, params, said, json=body))

    def query(self, text: str, path: str = "/query") -> list[dict[str, Any]]:
        """The records of a query's first page."""
        response = self.call("GET", path, q=text)
        assert response.status == 200, response.body
        records: list[dict[str, Any]] = response.json()["records"]
        return records

    def make(self, name: str, **values: Any) -> str:
        """Create one record; its id."""
        response = self.call("POST", f"/sobjects/{name}", values)
        assert response.status == 201, response.body
        return str(response.json()["id"])

    def row(self, name: str, record_id: str) -> dict[str, Any]:
        """One record, whole."""
        response = self.call("GET", f"/sobjects/{name}/{record_id}")
        assert response.status == 200, response.body
        return dict(response.json())

    def refused(self, method: str, path: str, body: Any = None, **params: Any) -> dict[str, Any]:
        """The error of a call that must fail."""
        response = self.call(method, path, body, **params)
        assert response.status >= 400, response.body
        error = dict(response.json()[0])
        return error | {"status": response.status}


@pytest.fixture
def make_org() -> Callable[..., Org]:
    """Makes orgs: `make_org("vice", …, seed=…, state=…)`."""

    def make(*vices: str, seed: str = "empty", state: Any = None, clock: FakeClock | None = None) -> Org:
        return Org(seed, frozenset(vices), state, clock or FakeClock(WHOLE_SECOND))

    return make


@pytest.fixture
def org(make_org: Callable[..., Org]) -> Org:
    """An empty org without vices."""
    return make_org()
