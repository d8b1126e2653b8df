"""A clock to set, a token endpoint that counts, and an authoriser on both."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from pydantic import TypeAdapter
from pydantic_core import to_json

from tieline.auth import Authoriser, AuthSettings, MemoryTokens
from tieline.connector import HttpProfile
from tieline.ports import Request, Response
from tieline.secrets import Redactor

BASE = "https://api.example.com"
PROFILE = HttpProfile(hosts=("api.example.com", "login.example.com"), token_path="/oauth/token")


class FakeClock:
    def __init__(self) -> None:
        self.time = 1_000.0

    def now(self) -> int:
        return int(self.time * 1000)

    def monotonic(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


class Endpoint:
    """A token endpoint. Each answer is a dict (200), a Response or an exception; the last one is repeated; `{n}` in an
    access or refresh token is the number of the request."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers) or [{"access_token": "access-{n}", "token_type": "bearer", "expires_in": 1800}]
        self.asked: list[Request] = []
        self.at_once = self.most_at_once = 0
        self.entered: threading.Event | None = None
        self.gate: threading.Event | None = None
        self._lock = threading.Lock()

    def send(self, request: Request) -> Response:
        with self._lock:
            self.asked.append(request)
            number = len(self.asked)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if self.entered is not None and self.gate is not None:
            self.entered.set()
            self.gate.wait(10)
        with self._lock:
            self.at_once -= 1
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Response):
            return answer
        filled = {k: v.format(n=number) if k.endswith("_token") else v for k, v in answer.items()}
        return Response(200, {"content-type": "application/json"}, to_json(filled))

    def form(self, index: int = -1) -> dict[str, str]:
        """The fields as they went over the wire."""
        from urllib.parse import parse_qsl

        return dict(parse_qsl(urlencode(self.asked[index].form or {})))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def endpoint() -> type[Endpoint]:
    return Endpoint


@pytest.fixture
def parse() -> Callable[[Any], Any]:
    return TypeAdapter(AuthSettings).validate_python


@pytest.fixture
def secret_file(tmp_path: Path) -> Callable[[str, str], dict[str, str]]:
    """Write a secret to a private file; gives its source as the configuration would name it."""

    def write(name: str, value: str) -> dict[str, str]:
        path = tmp_path / name
        path.write_text(value + "\n")
        path.chmod(0o600)
        return {"file": name}

    return write


@pytest.fixture
def client_credentials(secret_file):
    return {"type": "client_credentials", "client_id": "me", "client_secret": secret_file("cs", "s&cret 1")}


@pytest.fixture
def refresh_token(secret_file):
    return {
        "type": "refresh_token",
        "client_id": "me",
        "client_secret": secret_file("cs", "client-secret"),
        "refresh_token": secret_file("rt", "refresh-0"),
    }


@pytest.fixture
def make_authoriser(clock, parse, tmp_path) -> Callable[..., Authoriser]:
    def make(settings: dict[str, Any], endpoint: Endpoint, **more: Any) -> Authoriser:
        kwargs = {"base_url": BASE, "profile": PROFILE, "store": MemoryTokens(), "redactor": Redactor(), **more}
        return Authoriser(parse(settings), system="crm", send=endpoint.send, clock=clock, root=tmp_path, **kwargs)

    return make


@pytest.fixture
def sign() -> Callable[[Authoriser], Request]:
    """A request with the authoriser's credential on it."""

    def signed(authoriser: Authoriser) -> Request:
        request = Request("GET", BASE + "/x", headers={"accept": "x"})
        authoriser.authorise(request)
        return request

    return signed
