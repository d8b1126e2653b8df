"""A large tab is read in pages: few calls, and no more memory than a page takes."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

from tieline import Write

STREAM = "opportunities"
ID = "018bcfe5-6800-7000-8000-{:012}"
PAGE = 500


def filled(sheets: Any, count: int, rows: int = PAGE) -> Any:
    """A tab of so many rows, each with a key."""
    subject = sheets(rows=rows)
    tab = subject.tab(STREAM)
    for n in range(count):
        tab.cells.append([ID.format(n), f"Deal {n}", "Open", 100.25, "EUR", 46000, 40, f"Call {n}"])
    tab.rows = count + 1
    subject.touched()
    return subject


def listing(subject: Any) -> tuple[int, int]:
    """How many rows are listed, and the most memory (bytes) that it took."""
    tracemalloc.start()
    try:
        page = subject.connector.list(STREAM, None)
        count = len(page.remotes)
        while page.token is not None:
            page = subject.connector.list(STREAM, page.token)
            count += len(page.remotes)
        return count, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_the_memory_of_a_listing_does_not_grow_with_the_tab(sheets):
    (few, small), (many, large) = (listing(filled(sheets, n)) for n in (1000, 8000))
    assert (few, many) == (1000, 8000)
    assert large < 2 * small


def test_a_listing_costs_a_call_for_each_page(sheets):
    subject = filled(sheets, 8 * PAGE)
    listing(subject)
    assert len(subject.transport.requests) == 8 + 3, "the version before, the tabs, and the version at the end"


def test_a_batch_of_writes_costs_a_look_before_and_one_after(sheets):
    subject = filled(sheets, 3000)
    ids = [ID.format(n) for n in range(0, 3000, 3)]
    subject.connector.read(STREAM, ids, None)
    before = len(subject.transport.requests)
    outcomes = subject.connector.write(STREAM, [Write("update", id, {"stage": "Won"}, id) for id in ids])
    assert {o.status for o in outcomes} == {"ok"}
    assert len(subject.transport.requests) - before == 3
    held = [row[2] for row in subject.tab(STREAM).cells[1:]]
    assert [n for n, stage in enumerate(held) if stage == "Won"] == list(range(0, 3000, 3))


@pytest.mark.parametrize(("after_ms", "looks"), [(400, 1), (600, 2)])
@pytest.mark.parametrize("rows", [5000, PAGE], ids=["small", "large"])
def test_the_look_that_judges_a_row_is_the_one_before_its_write_if_it_is_of_a_moment_ago(sheets, rows, after_ms, looks):
    subject = filled(sheets, 600, rows)
    subject.connector.list(STREAM, None)
    before = len(subject.transport.requests)
    ids = [ID.format(n) for n in (3, 500)]
    met = subject.connector.read(STREAM, ids, frozenset({"stage"}))
    subject.clock.advance(after_ms)
    writes = [Write("update", r.id, {"stage": "Won"}, r.id, r.version) for r in met]
    assert {o.status for o in subject.connector.write(STREAM, writes)} == {"ok"}
    asked = [r.path.rpartition("/")[2].partition("?")[0] for r in subject.transport.requests[before:]]
    asked = [a for a in asked if a in ("values:batchGet", "values:batchUpdate")]
    again = 1 if rows == PAGE else 0  # where they are is learnt from the first look at the keys
    assert asked == ["values:batchGet"] * (looks + again) + ["values:batchUpdate", "values:batchGet"]


def test_a_listing_that_people_disturb_begins_again_and_leaves_nobody_out(sheets):
    subject = filled(sheets, 4 * PAGE)
    tab = subject.tab(STREAM)
    page = subject.connector.list(STREAM, None)
    feed = subject.connector.changes(STREAM, _whole(), None).feed
    found = {r.id for r in page.remotes}
    tab.cells = [tab.cells[0], *reversed(tab.cells[1:])]
    subject.touched()
    while page.token is not None:
        page = subject.connector.list(STREAM, page.token)
        found |= {r.id for r in page.remotes}
    assert found == {ID.format(n) for n in range(4 * PAGE)}
    assert page.feed == feed, "what happened during the listing is told by the next look"


def test_a_listing_that_is_disturbed_for_ever_ends(sheets):
    subject = filled(sheets, 2 * PAGE)
    page, pages = subject.connector.list(STREAM, None), 1
    while page.token is not None:
        subject.touched()
        page, pages = subject.connector.list(STREAM, page.token), pages + 1
    assert pages == 2 * 4


def _whole() -> Any:
    from tieline import Window

    return Window(0, feed="")
