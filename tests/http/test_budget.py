"""The gate: it follows headers, learns from refusals, and would rather end the stream than sleep for hours."""

from __future__ import annotations

import threading

import pytest

from tieline.budget import Budget
from tieline.connector import HttpProfile, Quota
from tieline.errors import RateLimited
from tieline.ports import Request, Response, SystemClock


class Bucket:
    """A server that allows `rate` requests a second (that many at once), each taking `latency` s of the clock."""

    def __init__(self, clock, rate: float, latency: float, headers: dict[str, str]) -> None:
        self.clock, self.rate, self.latency, self.headers = clock, rate, latency, headers
        self.tokens, self.at = rate, clock.monotonic()
        self.lock = threading.Lock()
        self.refused = 0

    def send(self, request: Request) -> Response:
        self.clock.sleep(self.latency)
        with self.lock:
            now = self.clock.monotonic()
            self.tokens, self.at = min(self.rate, self.tokens + (now - self.at) * self.rate), now
            if self.tokens < 1:
                self.refused += 1
                return Response(429, self.headers)
            self.tokens -= 1
        return Response(200, {}, b"{}")

    def close(self) -> None: ...


class Rolling:
    """A server that allows `limit` requests in any `window` seconds and says in each answer what is left."""

    def __init__(self, clock, limit: int, window: float) -> None:
        self.clock, self.limit, self.window = clock, limit, window
        self.times: list[float] = []
        self.refused = 0

    def send(self, request: Request) -> Response:
        self.clock.sleep(0.02)
        now = self.clock.monotonic()
        self.times = [t for t in self.times if t > now - self.window]
        if len(self.times) >= self.limit:
            self.refused += 1
            return Response(429, {"x-remaining": "0"})
        self.times.append(now)
        return Response(200, {"x-remaining": str(self.limit - len(self.times))}, b"{}")

    def close(self) -> None: ...


def window_quota(headers):
    return Quota(int(headers["x-remaining"]), 100, 10.0) if "x-remaining" in headers else None


@pytest.fixture
def budget(clock) -> Budget:
    return Budget(clock, system="crm", random=lambda: 1.0)


def test_without_refusals_and_headers_nobody_waits(budget, clock):
    for _ in range(1000):
        budget.leave(budget.enter())
    assert clock.slept == []
    assert budget.calls == 1000
    assert budget.rate is None


@pytest.mark.parametrize("latency", [0.001, 0.005])
@pytest.mark.parametrize("headers", [{"retry-after": "1"}, {}])
def test_the_sustainable_rate_is_learnt_from_refusals(make_client, clock, headers, latency):
    server = Bucket(clock, 50, latency, headers)
    client = make_client(server)
    began = clock.time
    for _ in range(1000):
        client.send(Request("GET", "/a"))
    assert clock.time - began < 1.15 * 1000 / 50
    assert server.refused < 0.03 * 1000


def test_a_server_that_slows_down_is_followed_and_one_that_recovers_is_used_again(make_client, clock):
    server = Bucket(clock, 50, 0.001, {"retry-after": "1"})
    client = make_client(server)
    for rate in (50, 5, 50):
        server.rate = rate
        began, refused = clock.time, server.refused
        for _ in range(20 * rate):
            client.send(Request("GET", "/a"))
        assert clock.time - began < 1.5 * 20
        assert server.refused - refused < 25


def test_an_interval_named_in_headers_is_kept_without_a_refusal(make_client, clock):
    server = Rolling(clock, 100, 10.0)
    client = make_client(server, profile=HttpProfile(hosts=("api.example.com",), quota=window_quota))
    began = clock.time
    for _ in range(1000):
        client.send(Request("GET", "/a"))
    assert server.refused == 0
    assert clock.time - began < 1.3 * 1000 / 10


def test_an_empty_interval_is_waited_out(budget, clock):
    budget.leave(budget.enter(), Quota(remaining=0, limit=100, resets_in=8.0))
    budget.enter()
    assert clock.slept == [8.0]


def test_calls_under_way_count_against_what_is_left(budget, clock):
    for _ in range(5):
        ticket = budget.enter()
    budget.leave(ticket, Quota(remaining=4, limit=100, resets_in=8.0))
    budget.enter()
    budget.enter()
    assert sum(clock.slept) >= 8.0


def test_an_interval_that_is_far_from_empty_slows_nobody(budget, clock):
    for _ in range(50):
        budget.leave(budget.enter(), Quota(remaining=60, limit=100, resets_in=10.0))
    assert clock.slept == []


def test_the_reserve_of_the_daily_budget_is_left_to_others(budget, clock):
    budget.leave(budget.enter(), Quota(daily_remaining=751, daily_limit=15000))
    budget.leave(budget.enter(), Quota(daily_remaining=750, daily_limit=15000))
    with pytest.raises(RateLimited, match="daily budget of crm is nearly used: 750 of 15000"):
        budget.enter()
    assert clock.slept == []
    assert budget.calls == 2


def test_a_used_up_day_is_looked_at_again_by_one_call(budget, clock):
    budget.leave(budget.enter(), Quota(daily_remaining=0))
    clock.time += 601
    ticket = budget.enter()
    with pytest.raises(RateLimited):
        budget.enter()
    budget.leave(ticket, Quota(daily_remaining=9000, daily_limit=15000))
    budget.enter()


def test_a_wait_longer_than_two_minutes_is_refused_not_slept(budget, clock):
    budget.refused(budget.enter(), 121.0)
    with pytest.raises(RateLimited) as caught:
        budget.enter()
    assert caught.value.retry_after == 121.0
    assert clock.slept == []


def test_pauses_that_the_server_does_not_name_grow(budget, clock):
    for _ in range(4):
        budget.refused(budget.enter(), None)
    budget.enter()
    assert clock.slept == [1.0, 2.0, 4.0, 8.0]


def test_refusals_of_calls_under_way_together_slow_down_once(budget, clock):
    for _ in range(100):
        budget.leave(budget.enter())
    tickets = [budget.enter() for _ in range(8)]
    for ticket in tickets:
        budget.refused(ticket, 1.0)
    assert budget.rate == pytest.approx(95.0)


def test_after_a_pause_what_was_missed_is_made_up_for_and_then_calls_are_spaced(budget, clock):
    for _ in range(100):
        budget.leave(budget.enter())
    budget.refused(budget.enter(), 1.0)
    rate = budget.rate
    for _ in range(94):
        budget.enter()
    assert clock.slept == [1.0]
    for _ in range(190):
        budget.enter()
    assert sum(clock.slept) == pytest.approx(1 + 190 / rate, abs=5 / rate)


def test_a_server_whose_refusals_are_dear_is_probed_less(make_client, clock):
    server = Bucket(clock, 50, 0.001, {"retry-after": "10"})
    client = make_client(server)
    for _ in range(1000):
        client.send(Request("GET", "/a"))
    assert server.refused <= 5


def test_a_refusal_holds_those_who_wait_already(clock):
    """One sleeps out a short pause while a longer one is announced."""

    class Busy(type(clock)):
        def sleep(self, seconds):
            if not self.slept:
                budget.refused(late, 0.4)
            super().sleep(seconds)

    busy = Busy()
    budget = Budget(busy)
    budget.refused(budget.enter(), 0.1)
    late, began = budget._epoch, busy.time
    budget.enter()
    assert busy.slept[0] == pytest.approx(0.1)
    assert busy.time - began == pytest.approx(0.4)


def test_threads_share_one_gate_and_learn_one_rate(make_client):
    real = SystemClock()
    server = Bucket(real, 200, 0.004, {"retry-after": "0.2"})
    client = make_client(server, budget=Budget(real))
    requests, threads = 504, 8

    def work(count: int) -> None:
        for _ in range(count):
            client.send(Request("GET", "/a"))

    workers = [threading.Thread(target=work, args=(requests // threads,)) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert client.calls == requests + server.refused
    assert server.refused < 60
