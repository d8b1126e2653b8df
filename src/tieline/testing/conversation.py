"""The tests of a recorded conversation that a connector's author inherits: it replays, and holds no secret.

What is said in it, and what must come of it, is the author's. The stand-in's answers are recorded, never a vendor's.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, ClassVar

from tieline.connector import Connector, ConnectorSpec, Context, HttpProfile, Settings
from tieline.http import Client, HttpTransport
from tieline.mapping import compile_rules
from tieline.ports import Request
from tieline.sandbox.serve import serve
from tieline.standin import SandboxOptions
from tieline.testing.cassette import Cassette
from tieline.testing.clock import FakeClock
from tieline.testing.contract_http import Bearer

NOBODY = "http://127.0.0.1:9"
"""An address where nobody listens."""
TIMEOUT_S = 10.0


class ConversationTests:
    """A connector talks to its stand-in over a socket; the cassette has it as it once was.

    With `TIELINE_TEST_MODE=record` in the environment the cassette is written anew.
    """

    spec: ClassVar[ConnectorSpec]
    cassette: ClassVar[Cassette]
    expected: ClassVar[Any]
    """What `converse` gives."""
    settings: ClassVar[Settings | None] = None
    """None: the defaults."""
    signs_in: ClassVar[bool] = True
    """Whether it begins at the token endpoint, with the client's id and secret; else the stand-in's token is used."""

    def converse(self, connector: Connector) -> Any:
        """What is said, and what came of it."""
        raise NotImplementedError

    def test_the_recorded_conversation_is_replayed_without_a_server(self) -> None:
        """The connector sends what it sent then, and makes the same of the answers."""
        if os.environ.get("TIELINE_TEST_MODE") == "record":
            self._record(self.cassette)
        with self.cassette.replay():
            found, _ = self._hold(NOBODY, "another-token", "someone", "something")
        _same(found, self.expected)

    def test_the_stand_in_still_answers_as_it_was_recorded(self, tmp_path: Path) -> None:
        """A fresh conversation comes to the same, by the same calls with the same statuses."""
        fresh = self.cassette.at(tmp_path / "fresh.yaml")
        found, _ = self._record(fresh)
        _same(found, self.expected)
        _same(_calls(fresh), _calls(self.cassette))

    def test_a_recording_holds_no_secret(self, tmp_path: Path) -> None:
        """Neither a fresh one nor the cassette; one that is not scrubbed holds them all, so that there is what to
        strike out."""
        raw, fresh = self.cassette.at(tmp_path / "raw.yaml"), self.cassette.at(tmp_path / "fresh.yaml")
        _, secrets = self._record(raw, scrub=False)
        self._record(fresh)
        said = [*secrets, "authorization", "127.0.0.1"]
        _same(_found(raw, said), said)
        for kept in (fresh, self.cassette):
            _same(_found(kept, said), [])

    def _record(self, cassette: Cassette, *, scrub: bool = True) -> tuple[Any, list[str]]:
        if self.spec.sandbox is None:
            raise ValueError(f"{self.spec.name} has no stand-in to talk to")
        sandbox = self.spec.sandbox(SandboxOptions(clock=FakeClock()))
        with serve(sandbox) as server, cassette.record(scrub=scrub):
            return self._hold(server.base_url, sandbox.token, sandbox.client_id, sandbox.client_secret)

    def _hold(self, base_url: str, token: str, client_id: str, client_secret: str) -> tuple[Any, list[str]]:
        """Hold the conversation: what came of it, and the secrets that were sent or given in it."""
        spec, clock, transport = self.spec, FakeClock(), HttpTransport(timeout=TIMEOUT_S)
        http, secrets = spec.http or HttpProfile(), []
        try:
            if self.signs_in:
                form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
                token = transport.send(Request("POST", base_url + http.token_path, form=form)).json()["access_token"]
                secrets = [client_secret]
            client = Client(base_url, http, Bearer(token), transport, clock)
            mappers = {s: compile_rules(spec.kinds[s], spec.mapping[s]) for s in spec.streams}  # type: ignore[arg-type]
            context = Context(spec.name, self.settings or spec.settings(), mappers, client, clock, Path())
            return self.converse(spec.connect(context)), [*secrets, token]
        finally:
            transport.close()


def _same(found: Any, expected: Any) -> None:
    if found != expected:
        raise AssertionError(f"{found!r}\nis not what was expected:\n{expected!r}")


def _found(cassette: Cassette, words: list[str]) -> list[str]:
    """Those of the words that stand in the file, whatever their case."""
    text = cassette.path.read_text().lower()
    return [word for word in words if word.lower() in text]


def _calls(cassette: Cassette) -> list[tuple[str, str, int]]:
    return [(e.method, e.url, e.status) for e in cassette.exchanges()]


__all__ = ["ConversationTests"]
