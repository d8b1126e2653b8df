"""What the Salesforce witnesses share: the stand-in on a socket under TLS, and simple-salesforce talking to it."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tieline.sandbox import SandboxOptions, Server, serve
from tieline_salesforce.sandbox import SalesforceSandbox


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A certificate authority for this run alone: the SDK speaks nothing but https."""
    trustme = pytest.importorskip("trustme", reason="trustme is not installed")
    made = trustme.CA()
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    made.cert_pem.write_to_path(str(path))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.issue_cert("127.0.0.1").configure_cert(context)
    return SimpleNamespace(path=Path(path), context=context)


@pytest.fixture
def stand_in(authority: Any) -> Iterator[Callable[..., Any]]:
    """Starts a stand-in; gives it, its server and an SDK session that trusts it."""
    simple = pytest.importorskip("simple_salesforce", reason="simple-salesforce is not installed")
    import requests

    opened: list[Any] = []

    def start(seed: str = "empty", *vices: str, token: str | None = None) -> Any:
        sandbox = SalesforceSandbox(SandboxOptions(seed=seed, vices=frozenset(vices)))
        server: Server = serve(sandbox, tls=authority.context)
        session = requests.Session()
        session.trust_env = False  # a bundle or proxy named by the environment would win over `verify`
        session.verify = str(authority.path)
        opened.extend((session, server))
        sdk = simple.Salesforce(
            instance_url=server.base_url, session_id=token or sandbox.token, session=session, object_pairs_hook=dict
        )
        return SimpleNamespace(sandbox=sandbox, server=server, sdk=sdk, session=session)

    yield start
    for thing in opened:
        thing.close()


@pytest.fixture
def adapter(witness_module: Callable[[str], Any]) -> Any:
    """The module that makes stand-ins ready for conversations."""
    return witness_module("salesforce/adapter")
