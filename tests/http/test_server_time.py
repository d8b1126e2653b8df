"""What the server's clock showed, for connectors: by the answer itself, else by this machine."""

from __future__ import annotations

import os
import time

import pytest

from tieline import Response, server_time
from tieline.testing import FakeClock

NOON = 1_700_049_600_000
HERE = 1_234_567


@pytest.fixture
def far_east():
    """A machine whose own time is not UTC."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Asia/Tokyo"
    time.tzset()
    yield
    os.environ.pop("TZ")
    os.environ.update({} if before is None else {"TZ": before})
    time.tzset()


@pytest.mark.parametrize(
    "date", ["Wed, 15 Nov 2023 12:00:00 GMT", "Wed, 15 Nov 2023 12:00:00 -0000", "Wed, 15 Nov 2023 14:00:00 +0200"]
)
def test_the_answer_says_when_it_was_given_wherever_this_machine_stands(far_east, date):
    assert server_time(Response(200, {"date": date}), FakeClock(HERE)) == NOON


@pytest.mark.parametrize(
    "headers", [{}, {"date": ""}, {"date": "yesterday"}, {"date": "Wed, 99 Nov 2023 12:00:00 GMT"}]
)
def test_an_answer_that_does_not_say_it_was_given_now(headers):
    assert server_time(Response(200, headers), FakeClock(HERE)) == HERE
