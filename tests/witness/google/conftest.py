"""What the Google witnesses share: the discovery documents, and google-api-python-client talking to the stand-in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from tieline.sandbox import SandboxOptions, serve

APIS = ("people.v1", "sheets.v4", "drive.v3", "calendar.v3", "gmail.v1")


@pytest.fixture
def discovery(witness_module: Callable[[str], Any]) -> Any:
    """The module that holds calls against the discovery documents."""
    pytest.importorskip("googleapiclient", reason="google-api-python-client is not installed")
    return witness_module("google/discovery")


@pytest.fixture
def account(discovery: Any) -> Iterator[Callable[..., Any]]:
    """`account(*vices)`: a stand-in on a port of its own, whose every call is held against the documents, and
    `service(name, version)`, Google's own client of it. At the end no answer may have differed."""
    from google.oauth2.credentials import Credentials
    from googleapiclient.discovery import build

    from tieline_google.sandbox import GoogleSandbox

    opened: list[Any] = []
    watched: list[Any] = []

    def start(*vices: str, clock: Any = None, seed: str = "empty") -> Any:
        inner = GoogleSandbox(SandboxOptions(seed=seed, vices=frozenset(vices), clock=clock))
        sandbox = discovery.Watched(inner, discovery.described(*APIS))
        server = serve(sandbox)

        def service(name: str, version: str) -> Any:
            place = {"drive": "/drive/v3/", "calendar": "/calendar/v3/"}.get(name, "")
            made = build(
                name,
                version,
                credentials=Credentials(token=sandbox.token),
                client_options={"api_endpoint": server.base_url + place},
                cache_discovery=False,
                num_retries=0,
            )
            opened.append(made)
            return made

        opened.append(server)
        watched.append(sandbox)
        return SimpleNamespace(sandbox=sandbox, server=server, service=service)

    yield start
    for thing in reversed(opened):
        thing.close()
    wrong = {f"{w.call} {w.where}: {w.what}" for one in watched for w in one.wrong if w.half == "answer"}
    assert not wrong, "\n".join(sorted(wrong))
