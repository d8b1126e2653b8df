"""Streams that begin together ask once what all of them want."""

from __future__ import annotations

import threading

import pytest

from tieline.testing import FakeClock
from tieline_google.sheets.shared import FRESH_MS, Shared


def test_each_takes_once_what_another_has_asked_and_nobody_what_is_old():
    clock, asked = FakeClock(), []

    def ask() -> int:
        asked.append(clock.now())
        return len(asked)

    shared = Shared(clock, ask)
    assert [shared.get(who) for who in "abc"] == [1, 1, 1]
    assert shared.get("a") == 2, "the same one asks anew"
    assert [shared.get("a", again=True), shared.get("b")] == [2, 2]
    clock.advance(FRESH_MS + 1)
    assert shared.get("c") == 3
    assert shared.get("c", again=True) == 3


def test_those_who_ask_at_the_same_moment_wait_for_one_answer():
    begun, go, asked = threading.Event(), threading.Event(), []

    def ask() -> str:
        asked.append("")
        begun.set()
        assert go.wait(5)
        return "answer"

    shared, met = Shared(FakeClock(), ask), []
    threads = [threading.Thread(target=lambda who=who: met.append(shared.get(who))) for who in "abcd"]
    for thread in threads:
        thread.start()
    assert begun.wait(5)
    go.set()
    for thread in threads:
        thread.join(5)
    assert (met, len(asked)) == (["answer"] * 4, 1)


def test_an_answer_that_did_not_come_is_asked_for_by_the_next():
    answers = [ValueError("cut off"), "answer"]

    def ask() -> str:
        found = answers.pop(0)
        if isinstance(found, ValueError):
            raise found
        return found

    shared = Shared(FakeClock(), ask)
    with pytest.raises(ValueError, match="cut off"):
        shared.get("a")
    assert shared.get("b") == "answer"
