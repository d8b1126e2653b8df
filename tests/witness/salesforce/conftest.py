"""What the Salesforce witnesses share: the stand-in on a socket under TLS, and simple-salesforce talking to it."""

from __future__ import annotations

import importlib.util
import ssl
import sys
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


def _beside(name: str) -> Any:
    """A module that lies beside this file: tests are imported without a package around them."""
    full = f"witness_salesforce_{name}"
    if full not in sys.modules:
        spec = importlib.util.spec_from_file_location(full, Path(__file__).with_name(f"{name}.py"))
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[full] = module
        spec.loader.exec_module(module)
    return sys.modules[full]


@pytest.fixture(scope="session")
def replaying() -> Any:
    """The module that replays conversations."""
    return _beside("replaying")


@pytest.fixture(scope="session")
def comparing() -> Any:
    """The module that compares answers."""
    return _beside("comparing")
