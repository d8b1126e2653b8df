"""Faults strike as often as told, the same for the same seed, and do to the system what they say."""

from __future__ import annotations

import pytest

from tieline.errors import RateLimited, Unavailable
from tieline.model import Window, Write
from tieline.testing import FAULTS, Character, FakeClock, Faults, FaultyConnector, MemoryConnector, MemorySystem


def make(rates=None, seed=0, late_ms=0, **knobs):
    clock = FakeClock()
    system = MemorySystem(Character(**knobs), clock)
    faults = Faults(seed, rates, late_ms)
    return system, FaultyConnector(MemoryConnector(system), faults, clock), faults, clock


def creates(count):
    return [Write("create", f"h{i}", {"last_name": str(i)}) for i in range(count)]


def test_without_rates_nothing_ever_goes_wrong():
    _, connector, faults, _ = make()
    assert [o.status for o in connector.write("contacts", creates(50))] == ["ok"] * 50
    assert len(connector.list("contacts", None).remotes) == 50
    assert not faults.struck


def test_an_unknown_fault_is_refused_by_name():
    with pytest.raises(ValueError, match="no such fault: typo"):
        Faults(0, {"typo": 1.0})
    with pytest.raises(ValueError, match="no such fault: typo"):
        Faults().force("typo")


def test_the_same_seed_strikes_the_same_calls():
    def story(seed):
        _, connector, faults, _ = make({"throttle": 0.3, "lost_after": 0.3}, seed)
        told = []
        for write in creates(40):
            try:
                told.append(connector.write("contacts", [write])[0].status)
            except (RateLimited, Unavailable) as error:
                told.append(type(error).__name__)
        return told, faults.struck

    assert story(1) == story(1)
    assert story(1) != story(2)
    assert set(story(1)[0]) == {"ok", "RateLimited", "Unavailable"}


def test_switched_off_faults_do_not_strike_but_forced_ones_do():
    _, connector, faults, _ = make({"throttle": 1.0})
    faults.on = False
    connector.list("contacts", None)
    faults.force("refused")
    with pytest.raises(Unavailable) as caught:
        connector.list("contacts", None)
    assert caught.value.sent is False
    connector.list("contacts", None)
    assert faults.struck == {"refused": 1}


def test_an_answer_lost_before_leaves_nothing_and_one_lost_after_leaves_all():
    system, connector, faults, _ = make()
    for name, left in (("lost_before", 0), ("lost_after", 3)):
        with faults.during(name), pytest.raises(Unavailable) as caught:
            connector.write("contacts", creates(3))
        assert caught.value.sent is True
        assert len(system.alive("contact")) == left


def test_a_throttled_call_applies_nothing_and_says_when_to_come_back():
    system, connector, faults, _ = make()
    faults.force("throttle")
    with pytest.raises(RateLimited) as caught:
        connector.write("contacts", creates(1))
    assert caught.value.retry_after == 1.0
    assert system.alive("contact") == []


def test_in_a_partial_batch_throttled_items_are_not_there_and_ok_ones_are():
    system, connector, _, _ = make({"partial": 0.5}, seed=3)
    outcomes = connector.write("contacts", creates(90))
    there = {r.hub_id for r in system.alive("contact")}
    by_status = {s: [f"h{i}" for i, o in enumerate(outcomes) if o.status == s] for s in ("ok", "throttled", "unknown")}
    assert all(by_status.values())
    assert set(by_status["ok"]) <= there
    assert not there & set(by_status["throttled"])
    assert 0 < len(there & set(by_status["unknown"])) < len(by_status["unknown"])


def test_a_late_write_arrives_when_its_time_has_come():
    system, connector, faults, clock = make(late_ms=5000)
    faults.force("late")
    with pytest.raises(Unavailable):
        connector.write("contacts", creates(2))
    assert system.alive("contact") == []
    clock.advance(5000)
    connector.list("contacts", None)
    assert len(system.alive("contact")) == 2


def test_an_empty_list_is_empty_and_ends():
    _, connector, faults, _ = make(page=2)
    connector.write("contacts", creates(5))
    faults.force("empty_list")
    page = connector.list("contacts", None)
    assert (list(page.remotes), page.token) == ([], None)


def test_repeated_and_reordered_pages_hold_the_same_records():
    _, connector, _, _ = make({"repeat": 1.0, "reorder": 0.7}, page=3)
    connector.write("contacts", creates(9))
    for ask in (
        lambda t: connector.list("contacts", t),
        lambda t: connector.changes("contacts", Window(0), t),
    ):
        found, token = [], None
        while True:
            page = ask(token)
            found += [r.id for r in page.remotes]
            token = page.token
            if token is None:
                break
        assert len(found) == 11
        assert len(set(found)) == 9


def test_repeated_changes_stay_in_order():
    _, connector, _, clock = make({"repeat": 1.0}, page=2)
    for write in creates(6):
        connector.write("contacts", [write])
        clock.advance(10)
    first = connector.changes("contacts", Window(0), None)
    second = connector.changes("contacts", Window(0), first.token)
    stamps = [r.modified for r in [*first.remotes, *second.remotes]]
    assert stamps == sorted(stamps)
    assert len(second.remotes) == 3


def test_a_stale_read_shows_what_was_read_before_only_where_reads_are_weak():
    for strong, title in ((True, "new"), (False, "old")):
        system, connector, faults, _ = make(strong_read=strong)
        id = system.person_create("contact", {"title": "old"})
        connector.read("contacts", [id], None)
        system.person_edit("contact", id, {"title": "new"})
        faults.force("stale_read")
        assert connector.read("contacts", [id], None)[0].fields["title"] == title


def test_every_fault_is_described():
    assert all(len(text) > 10 for text in FAULTS.values())
