"""What the Zendesk witnesses share: the stand-in on a socket, zenpy talking to it, the vendor's description beside."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest

from tieline.sandbox import SandboxOptions, serve


@pytest.fixture
def openapi(witness_module: Callable[[str], Any]) -> Any:
    """The module that holds calls against a description."""
    pytest.importorskip("openapi_schema_validator", reason="openapi-schema-validator is not installed")
    pytest.importorskip("yaml", reason="pyyaml is not installed")
    return witness_module("zendesk/openapi")


@pytest.fixture
def description(openapi: Any) -> Any:
    """The vendor's description of its API, or None where it is not at hand."""
    folder = Path(os.environ.get("TIELINE_RECORDINGS") or "/nowhere") / "zendesk" / "openapi"
    found = sorted(folder.glob("*support*.yaml"))
    if not found:
        return None
    return openapi.described(found[0])


@pytest.fixture
def watched_module(witness_module: Callable[[str], Any]) -> Any:
    """The stand-in that is watched."""
    return witness_module("zendesk/watched")


@pytest.fixture
def bench(description: Any, watched_module: Any) -> Iterator[Callable[..., Any]]:
    """Starts a stand-in on a port and zenpy beside it; at the end, no call may have differed from the description."""
    zenpy = pytest.importorskip("zenpy", reason="zenpy is not installed")
    import requests
    from requests.adapters import HTTPAdapter

    opened: list[Any] = []
    watched: list[Any] = []

    class Carrier(HTTPAdapter):
        """Carries what is meant for the vendor's host to the stand-in; the SDK itself is as it is."""

        def __init__(self, base_url: str) -> None:
            super().__init__()
            self.base_url = base_url

        def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
            url = urlsplit(request.url)
            inner = request.copy()
            inner.url = f"{self.base_url}{url.path}?{url.query}" if url.query else f"{self.base_url}{url.path}"
            inner.headers["Host"] = url.netloc
            response = super().send(inner, *args, **kwargs)
            response.request, response.url = request, request.url
            return response

    def start(seed: str = "empty", *vices: str, clock: Any = None, basic: bool = False, **login: Any) -> Any:
        sandbox = watched_module.Watched(SandboxOptions(seed=seed, vices=frozenset(vices), clock=clock), description)
        server = serve(sandbox)
        session = requests.Session()
        session.trust_env = False
        session.mount("https://", Carrier(server.base_url))
        who = {"email": "integration@northbay.example", "token": sandbox.api_token}
        client = zenpy.Zenpy(
            subdomain="northbay",
            session=session,
            disable_cache=True,
            **(login or (who if basic else {"oauth_token": sandbox.token})),
        )
        opened.extend((session, server))
        watched.append(sandbox)
        return SimpleNamespace(sandbox=sandbox, server=server, client=client, session=session)

    yield start
    for thing in opened:
        thing.close()
    # what the SDK sends is the SDK's own affair
    answers = [w for one in watched for w in one.wrong if w.half == "answer"]
    wrong = {f"{w.call} {w.where}: {w.what}" for w in answers}
    assert not wrong, "\n".join(sorted(wrong))
