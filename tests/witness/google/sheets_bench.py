"""The stand-in on a socket with every call held against the description of the Sheets API, and Google's client, gspread
and the connector beside it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from tieline.sandbox import SandboxOptions, serve
from tieline.testing import FakeClock, HttpSubject
from tieline_google.sandbox import GoogleSandbox
from tieline_google.sandbox.sheets import made
from tieline_google.spec import SPEC

DOCUMENTS = ("sheets.v4", "drive.v3")


class Bench:
    """A running stand-in."""

    def __init__(self, discovery: Any, *vices: str) -> None:
        self.sandbox: Any = GoogleSandbox(SandboxOptions(vices=frozenset(vices), clock=FakeClock()))
        self.watched = discovery.Watched(self.sandbox, discovery.described(*DOCUMENTS))
        self.server: Any = serve(self.watched)
        self._open: list[Any] = [self.server]

    def spreadsheet(self, title: str = "Pipeline") -> str:
        """A new spreadsheet with one tab; its id."""

        class Call:
            state, now = self.sandbox.state, 0

        return made(Call, title)  # type: ignore[arg-type]

    def client(self, token: str = "") -> Any:
        """Google's own client of the Sheets API."""
        from google.oauth2.credentials import Credentials
        from googleapiclient.discovery import build

        api = build(
            "sheets",
            "v4",
            credentials=Credentials(token=token or self.sandbox.token),  # type: ignore[no-untyped-call]
            client_options={"api_endpoint": self.server.base_url},
            cache_discovery=False,
            num_retries=0,
        )
        self._open.insert(0, api)
        return api.spreadsheets()

    def gspread(self) -> Any:
        """gspread, whose calls are carried to the stand-in."""
        import gspread
        import requests
        from requests.adapters import HTTPAdapter

        base_url = self.server.base_url

        class Carrier(HTTPAdapter):
            """Carries what is meant for Google's hosts to the stand-in; the library itself is as it is."""

            def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
                url = urlsplit(request.url)
                inner = request.copy()
                inner.url = f"{base_url}{url.path}?{url.query}" if url.query else f"{base_url}{url.path}"
                response = super().send(inner, *args, **kwargs)
                response.request, response.url = request, request.url
                return response

        session = requests.Session()
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {self.sandbox.token}"
        session.mount("https://", Carrier())
        self._open.insert(0, session)
        return gspread.Client(auth=None, session=session)  # type: ignore[arg-type]

    def opened(self, thing: Any) -> None:
        """Close this, too."""
        self._open.insert(0, thing)

    def close(self) -> None:
        """Stop; no answer may have differed from the description."""
        for thing in self._open:
            thing.close()
        wrong = {f"{w.call} {w.where}: {w.what}" for w in self.watched.wrong if w.half == "answer"}
        assert not wrong, "\n".join(sorted(wrong))


def subject(discovery: Any, rows: int = 5000, vices: tuple[str, ...] = ()) -> HttpSubject:
    """The connector on a watched stand-in, with a spreadsheet that `new_sheet` made."""
    from tieline_google.sheets.make import new_sheet

    make = SPEC.sandbox
    assert make is not None
    documents = discovery.described(*DOCUMENTS)
    spec = replace(SPEC, sandbox=lambda options: discovery.Watched(make(options), documents))
    fresh = HttpSubject(spec, {})
    told = [*new_sheet(fresh.connector, {"title": "Pipeline", "opportunity.stage": "Open, Won"})]
    state = fresh.sandbox.dump()
    id = told[-1].remedy.split('"')[1]
    found = HttpSubject(spec, {"spreadsheet": id, "rows": rows}, vices)
    found.sandbox.inner.state.restore(state)
    found.sandbox.wrong += fresh.sandbox.wrong
    found.sandbox.called |= fresh.sandbox.called
    return found
