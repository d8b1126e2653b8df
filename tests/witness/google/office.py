"""The stand-in on a socket, every call held against the discovery documents, and Google's own clients beside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tieline.sandbox import SandboxOptions, serve
from tieline_google.sandbox import GoogleSandbox

APIS = {"drive": "v3", "calendar": "v3", "gmail": "v1"}
PATHS = {"drive": "/drive/v3/", "calendar": "/calendar/v3/", "gmail": "/"}
"""Where each API begins below a root, as its document says."""


DOCUMENTED = {
    ("drive.files.update", "appProperties.tieline_open"),  # null clears a property, the document says in words alone
    ("drive.permissions.create", "emailAddress"),  # output only, and needed for a user, as it says two lines further
}
"""Differences between a document's words and its types."""


class Office:
    """A running stand-in, and `client("drive")`: google-api-python-client that knows its address."""

    def __init__(self, discovery: Any, vices: tuple[str, ...] = (), clock: Any = None) -> None:
        documents = discovery.described(*(f"{name}.{version}" for name, version in APIS.items()))
        options = SandboxOptions(vices=frozenset(vices), clock=clock)
        self.sandbox: Any = GoogleSandbox(options)
        self.watched = discovery.Watched(self.sandbox, documents)
        self.server: Any = serve(self.watched)
        self._open: list[Any] = []

    def client(self, name: str, credentials: Any = None) -> Any:
        """The client of one API, signed in as `credentials`, else with the stand-in's own token."""
        import httplib2
        from google.oauth2.credentials import Credentials
        from google_auth_httplib2 import AuthorizedHttp
        from googleapiclient.discovery import build

        token = credentials or Credentials(token=self.sandbox.token)  # type: ignore[no-untyped-call]
        carrier = httplib2.Http(proxy_info=None, timeout=20)
        self._open.append(carrier)
        return build(
            name,
            APIS[name],
            http=AuthorizedHttp(token, http=carrier),
            client_options={"api_endpoint": self.server.base_url + PATHS[name]},
            static_discovery=True,
        )

    def close(self) -> None:
        """Stop the server; nothing may have differed from the documents."""
        for carrier in self._open:
            carrier.close()
        self.server.close()


def differences(watched: Any) -> list[Any]:
    """Where calls differ from the documents."""
    return [w for w in watched.wrong if (w.call, w.where) not in DOCUMENTED]


def offices(discovery: Any) -> Iterator[Any]:
    """`office("quota")` starts one; at the end no answer may have differed from the documents."""
    running: list[Office] = []

    def start(*vices: str, clock: Any = None) -> Office:
        running.append(Office(discovery, vices, clock))
        return running[-1]

    yield start
    for one in running:
        one.close()
    wrong = {f"{w.call} {w.half} {w.where}: {w.what}" for one in running for w in differences(one.watched)}
    assert not wrong, "\n".join(sorted(wrong))
