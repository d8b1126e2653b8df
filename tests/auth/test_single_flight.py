"""One renewal at a time: threads wait for it, take its result, and share its failure."""

from __future__ import annotations

import threading

from tieline.connector import HttpProfile
from tieline.errors import Unavailable
from tieline.http import Client
from tieline.ports import Request, Response


def in_threads(count, work):
    results = []

    def run() -> None:
        try:
            results.append(work())
        except Exception as error:
            results.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads, results


def held(asked):
    asked.entered, asked.gate = threading.Event(), threading.Event()
    return asked


def test_threads_that_need_a_token_wait_for_one_exchange(make_authoriser, endpoint, refresh_token, sign):
    asked = held(endpoint())
    authoriser = make_authoriser(refresh_token, asked)
    threads, results = in_threads(8, lambda: sign(authoriser).headers["authorization"])
    asked.entered.wait(10)
    asked.gate.set()
    for thread in threads:
        thread.join()
    assert results == ["Bearer access-1"] * 8
    assert len(asked.asked) == 1


def test_threads_whose_calls_were_refused_together_renew_once(make_authoriser, endpoint, refresh_token, sign):
    asked = endpoint({"access_token": "access-{n}", "refresh_token": "refresh-{n}"})
    authoriser = make_authoriser(refresh_token, asked)
    used = [sign(authoriser) for _ in range(8)]
    held(asked)
    queue = iter(used)
    threads, results = in_threads(8, lambda: authoriser.refresh(next(queue)))
    asked.entered.wait(10)
    asked.gate.set()
    for thread in threads:
        thread.join()
    assert results == [True] * 8
    assert len(asked.asked) == 2
    assert asked.most_at_once == 1
    # one that comes late with the old token renews nothing
    assert authoriser.refresh(used[0])
    assert len(asked.asked) == 2


def test_threads_that_waited_for_a_failed_renewal_share_its_failure(make_authoriser, endpoint, refresh_token, sign):
    asked = held(endpoint(Response(503), {"access_token": "late"}))
    authoriser = make_authoriser(refresh_token, asked)
    threads, results = in_threads(1, lambda: sign(authoriser))
    asked.entered.wait(10)
    more, waited = in_threads(7, lambda: sign(authoriser))
    threading.Event().wait(0.2)  # time for them to reach the lock
    asked.gate.set()
    for thread in threads + more:
        thread.join()
    assert all(isinstance(r, Unavailable) for r in results + waited)
    assert len({id(r) for r in results + waited}) == 8
    assert len(asked.asked) == 1


def test_the_client_and_the_authoriser_renew_once_for_eight_threads(
    make_authoriser, endpoint, client_credentials, clock
):
    """The vendor expires every token but the second one."""
    asked = endpoint()
    authoriser = make_authoriser(client_credentials, asked)

    class Vendor:
        def send(self, request):
            return Response(200 if request.headers["authorization"] == "Bearer access-2" else 401)

        def close(self): ...

    client = Client("https://api.example.com", HttpProfile(hosts=("api.example.com",)), authoriser, Vendor(), clock)
    threads, results = in_threads(8, lambda: client.send(Request("POST", "/a", write=True)).status)
    for thread in threads:
        thread.join()
    assert results == [200] * 8
    assert len(asked.asked) == 2
