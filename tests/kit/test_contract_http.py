"""The transport on a bad day does what each fault says, to a server that counts."""

from __future__ import annotations

import pytest

from tieline.errors import Unavailable
from tieline.ports import Request, Response
from tieline.testing import FaultyTransport


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
