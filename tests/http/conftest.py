"""A clock that only moves when somebody sleeps, a transport that answers from a script, a server of raw sockets."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from tieline.connector import HttpProfile
from tieline.http import Client
from tieline.ports import Request, Response
from tieline.secrets import Veiled

BASE = "https://api.example.com"


class FakeClock:
    def __init__(self) -> None:
        self.time = 1_000.0
        self.slept: list[float] = []

    def now(self) -> int:
        return int(self.time * 1000)

    def monotonic(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds


class Script:
    """Answers each request with the next entry; the last entry is repeated. An exception is raised."""

    def __init__(self, *answers: Response | Exception | Callable[[Request], Response]) -> None:
        self.answers = list(answers)
        self.sent: list[Request] = []

    def send(self, request: Request) -> Response:
        self.sent.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer(request) if callable(answer) else answer

    def close(self) -> None: ...


class Tokens:
    """A credential whose tokens are counted: token-1, token-2 …; `supply` of them."""

    def __init__(self, supply: int = 1) -> None:
        self.number, self.supply, self.refreshes = 1, supply, 0

    def authorise(self, request: Request) -> None:
        request.headers = {**request.headers, "authorization": Veiled(f"Bearer token-{self.number}")}

    def refresh(self, request: Request) -> bool:
        self.refreshes += 1
        self.number = min(self.number + 1, self.supply)
        return self.number > 1 and self.refreshes < self.supply


class RawServer:
    """Hands each accepted connection to `talk` on a thread of its own."""

    def __init__(self, talk: Callable[[socket.socket], None]) -> None:
        self.accepted = 0
        self._talk = talk
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):  # the client went away: that is what some tests are about
            self._talk(connection)

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def script() -> type[Script]:
    return Script


@pytest.fixture
def tokens() -> type[Tokens]:
    return Tokens


@pytest.fixture
def make_client(clock: FakeClock) -> Callable[..., Client]:
    """Client on a script; jitter at its full height unless `random` says otherwise."""

    def make(transport: Script, *, base_url: str = BASE, credential: Tokens | None = None, **more: object) -> Client:
        profile = more.pop("profile", None) or HttpProfile(hosts=("api.example.com",))
        more.setdefault("random", lambda: 1.0)
        return Client(base_url, profile, credential or Tokens(), transport, clock, system="crm", **more)

    return make


@pytest.fixture
def raw_server() -> Iterator[Callable[[Callable[[socket.socket], None]], RawServer]]:
    servers: list[RawServer] = []

    def start(talk: Callable[[socket.socket], None]) -> RawServer:
        servers.append(RawServer(talk))
        return servers[-1]

    yield start
    for server in servers:
        server.close()
