"""Recorded conversations, as far as they are with Drive and the token endpoint, replayed against the stand-in."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from tieline.sandbox import Request, SandboxOptions
from tieline.testing import FakeClock
from tieline_google.sandbox import GoogleSandbox

OTHER = "another part of Google's"


@pytest.fixture
def adapter(replay_module: Any) -> Any:
    class Rules(replay_module.Rules):  # type: ignore[misc, name-defined]
        """Nothing may differ; an answer without a body has a type all the same."""

        def headers(self, exchange: Any) -> Iterable[str]:
            return ("content-type", "date")

    class Adapter:
        """A fresh stand-in for each conversation."""

        rules = Rules()

        def unserved(self, exchange: Any) -> str | None:
            return None if exchange.path.startswith(("/drive/", "/oauth2/")) else OTHER

        def begin(self, conversation: Any) -> None:
            self.clock = FakeClock()
            self.sandbox = GoogleSandbox(SandboxOptions(clock=self.clock))

        def replies(self, exchange: Any, recorded: Any) -> Sequence[Any]:
            form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": self._assertion()}
            token = exchange.path.startswith("/oauth2/")
            request = Request(
                exchange.method,
                exchange.path,
                exchange.params,
                {"authorization": f"Bearer {self.sandbox.token}"},
                json=None if token else exchange.body,
                form=form if token else None,
            )
            answer = self.sandbox.handle(request)
            body = answer.json() if answer.body else None
            return [replay_module.Reply(answer.status, answer.headers, body)]

        def _assertion(self) -> str:
            """The recorded one is blacked out."""
            now = self.clock.now() // 1000
            claims = {"iss": self.sandbox.service_account, "scope": "x", "aud": "https://oauth2.googleapis.com/token"}
            parts = ({"alg": "RS256"}, {**claims, "iat": now, "exp": now + 3600}, {"signed": True})
            texts = (base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=").decode() for p in parts)
            return ".".join(texts)

    return Adapter()


def test_the_stand_in_answers_as_was_recorded(conversation: Any, adapter: Any, replay_module: Any) -> None:
    report = replay_module.replay(conversation, adapter)
    assert not report.mismatches, str(report)
    assert report.compared
