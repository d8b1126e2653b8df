"""A connector's client that answers from a script: what it says, in which order, and what it keeps."""

from __future__ import annotations

import pytest

from tieline.errors import Unavailable
from tieline.ports import Request, Response
from tieline.testing import FakeClock, ScriptedClient, json_answer

LISTED = Request("GET", "/api/v9/people", {"page": "2"})
MADE = Request("POST", "/api/v9/people", json={"name": "Zoë"}, write=True)


def test_answers_come_in_their_order_each_once():
    one, two = json_answer(1), Response(404, {}, b"no")
    script = ScriptedClient([one, two])
    assert (script.send(LISTED), script.left, script.send(MADE), script.left) == (one, 1, two, 0)


def test_a_request_too_many_fails_and_says_which():
    script = ScriptedClient([json_answer(1)])
    script.send(MADE)
    with pytest.raises(AssertionError, match=r"one request too many: GET /api/v9/people \{'page': '2'\}"):
        script.send(LISTED)
    assert script.asked == [MADE, LISTED]


def test_an_exception_is_raised_in_its_turn():
    script = ScriptedClient([Unavailable("gone", sent=True), json_answer(1)])
    with pytest.raises(Unavailable, match="gone"):
        script.send(MADE)
    assert script.send(MADE).json() == 1


def test_an_answer_may_depend_on_what_was_asked():
    script = ScriptedClient([lambda request: json_answer(request.method), json_answer("fixed")])
    assert [script.send(LISTED).json(), script.send(LISTED).json()] == ["GET", "fixed"]


def test_one_function_answers_everything_and_is_never_used_up():
    script = ScriptedClient(lambda request: json_answer(request.path))
    assert [script.send(r).json() for r in (LISTED, MADE, LISTED)] == [LISTED.path] * 3
    assert (script.left, len(script.asked)) == (0, 3)


def test_what_was_asked_is_told_without_the_root():
    script = ScriptedClient([json_answer(1)] * 2, root="/api/v9")
    script.send(LISTED)
    assert script.body() is None
    script.send(MADE)
    assert script.calls == ["GET /people", "POST /people"]
    assert (script.body(), script.body(0)) == ({"name": "Zoë"}, None)


def test_the_list_that_a_test_wrote_is_left_as_it_is():
    answers = [json_answer(1)]
    ScriptedClient(answers).send(LISTED)
    assert len(answers) == 1


def test_its_clock_is_the_tests_own_or_one_that_stands_still():
    mine = FakeClock(1_000)
    assert ScriptedClient([], clock=mine).clock is mine
    fresh = ScriptedClient([]).clock
    assert fresh.now() == fresh.now()


def test_a_json_answer_has_the_headers_of_the_wire():
    answer = json_answer({"name": "Zoë"}, 429, retry_after="3", date="today")
    assert (answer.status, answer.headers) == (429, {"retry-after": "3", "date": "today"})
    assert answer.json() == {"name": "Zoë"}
    assert json_answer(None).status == 200


def test_a_clock_tells_each_sleep_besides_their_sum():
    clock = FakeClock()
    for seconds in (1.0, 0, 1.5):
        clock.sleep(seconds)
    assert (clock.sleeps, clock.slept) == ([1.0, 1.5], 2.5)
