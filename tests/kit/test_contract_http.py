"""The transport on a bad day does what each fault says, to a server that counts."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tieline.errors import Unavailable
from tieline.ports import Request, Response
from tieline.sandbox import InProcess
from tieline.testing import FakeClock, FaultyTransport, standin_client


class Counting:
    def __init__(self):
        self.seen = []
        self.closed = False

    def send(self, request):
        self.seen.append(request)
        return Response(200, {}, b"{}")

    def close(self):
        self.closed = True


READ, WRITE = Request("GET", "http://127.0.0.1/x"), Request("POST", "http://127.0.0.1/x", write=True)


def test_without_a_fault_every_request_passes():
    server = Counting()
    transport = FaultyTransport(server)
    assert transport.send(READ).status == 200
    transport.close()
    assert (len(server.seen), server.closed) == (1, True)


def test_a_throttled_request_never_arrives_and_is_told_when_to_come_back():
    server = Counting()
    transport = FaultyTransport(server)
    with transport.during("throttle"):
        answer = transport.send(WRITE)
    assert (answer.status, answer.headers["retry-after"], server.seen) == (429, "1", [])
    assert transport.send(WRITE).status == 200


@pytest.mark.parametrize(
    ("fault", "sent", "arrived"), [("refused", False, 0), ("lost_before", True, 0), ("lost_after", True, 1)]
)
def test_a_write_without_an_answer_arrived_or_not(fault, sent, arrived):
    server = Counting()
    transport = FaultyTransport(server)
    with transport.during(fault), pytest.raises(Unavailable) as caught:
        transport.send(WRITE)
    assert (caught.value.sent, len(server.seen)) == (sent, arrived)


def test_only_writes_lose_their_answer_afterwards():
    transport = FaultyTransport(Counting())
    with transport.during("lost_after"):
        assert transport.send(READ).status == 200


def test_extra_headers_go_with_every_request():
    server = Counting()
    transport = FaultyTransport(server)
    transport.headers = {"x-page": "3"}
    transport.send(Request("GET", "http://127.0.0.1/x", headers={"accept": "json"}))
    assert server.seen[0].headers == {"accept": "json", "x-page": "3"}


class Desk:
    """The least that a stand-in is."""

    token, token_path = "t-1", ""

    def __init__(self):
        self.asked = []

    def handle(self, request):
        self.asked.append(request)
        return Response(503 if len(self.asked) == 1 else 200, {}, b"{}")


SPEC = SimpleNamespace(http=None)


def test_the_client_on_a_stand_in_signs_in_and_tries_again_as_in_a_sync():
    desk, clock = Desk(), FakeClock()
    assert standin_client(SPEC, desk, clock).send(Request("GET", "/x")).status == 200
    assert [(r.path, r.headers["authorization"]) for r in desk.asked] == [("/x", "Bearer t-1")] * 2
    again = FakeClock()
    standin_client(SPEC, Desk(), again).send(Request("GET", "/x"))
    assert again.sleeps == clock.sleeps != [], "the same waits in every run"


def test_what_stands_between_the_client_and_the_stand_in_is_the_tests_own():
    desk, clock = Desk(), FakeClock()
    transport = FaultyTransport(InProcess(desk))
    client = standin_client(SPEC, desk, clock, transport)
    with transport.during("refused"), pytest.raises(Unavailable):
        client.send(Request("POST", "/x", write=True))
    assert desk.asked == []
    client.send(Request("GET", "/x"))
    assert len(transport.requests) > len(desk.asked) == 2
