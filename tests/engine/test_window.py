"""Reading what changed: inclusive, complete under any result cap, and with an end."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tieline.engine.window import Walk, baseline_cursor, cursor_after, follow, start, step
from tieline.errors import ContractViolation
from tieline.model import Page, Remote, StreamFacts, Window

FACTS = StreamFacts("contacts", "contact")


def at(stamp: int, name: str) -> Remote:
    return Remote(name, {}, modified=stamp)


def read(rows: list[tuple[int, str]], since: int, *, page: int, cap: int) -> tuple[set[str], Walk]:
    """A whole walk over an honest index with pages and a result cap."""
    walk: Walk | None = start(since)
    met: set[str] = set()
    last = start(since)
    while walk is not None:
        window = walk.window
        hits = sorted(
            r
            for r in rows
            if (r[0] >= window.since if window.at_id is None else r[0] == window.since and r[1] > window.at_id)
        )
        done = int(walk.token or 0)
        here = hits[done : min(done + page, cap)]
        more = len(hits) > done + len(here)
        capped = more and done + len(here) >= cap
        token = str(done + len(here)) if more and not capped else None
        met.update(i for _, i in here)
        last, walk = walk, step(walk, Page([at(s, i) for s, i in here], token, capped), FACTS)
    return met, last


def test_a_pull_asks_for_everything_at_or_after_the_cursor() -> None:
    assert start(50).window == Window(50)


def test_a_last_page_ends_the_walk() -> None:
    assert step(start(0), Page([at(1, "a")]), FACTS) is None
    assert step(start(0), Page([]), FACTS) is None


def test_a_token_goes_on() -> None:
    walk = step(start(0), Page([at(1, "a")], token="t"), FACTS)
    assert walk is not None
    assert (walk.window, walk.token) == (Window(0), "t")


def test_a_cap_narrows_the_window_to_the_last_stamp_met() -> None:
    walk = step(start(0), Page([at(5, "a"), at(5, "b")], capped=True), FACTS)
    assert walk is not None
    assert walk.window == Window(5)


def test_one_stamp_that_fills_the_cap_is_read_by_id_and_then_left_behind() -> None:
    walk = step(start(5), Page([at(5, "a"), at(5, "b")], capped=True), FACTS)
    assert walk is not None
    assert walk.window == Window(5, "")
    walk = step(walk, Page([at(5, "a")], capped=True), FACTS)
    assert walk is not None
    assert walk.window == Window(5, "a")
    walk = step(walk, Page([at(5, "b")]), FACTS)
    assert walk is not None
    assert walk.window == Window(6)


def test_an_answer_that_repeats_itself_is_the_connectors_fault() -> None:
    walk = step(start(0), Page([at(1, "a")], token="t"), FACTS)
    assert walk is not None
    with pytest.raises(ContractViolation):
        step(walk, Page([at(1, "a")], token="t"), FACTS)


def test_a_cap_without_a_way_forward_is_the_connectors_fault() -> None:
    with pytest.raises(ContractViolation):
        step(Walk(Window(5, "a")), Page([], capped=True), FACTS)
    with pytest.raises(ContractViolation):
        step(Walk(Window(5, "a")), Page([at(5, "a")], capped=True), FACTS)


LAGGING = StreamFacts("contacts", "contact", hints=True, overlap_ms=100)


def test_what_the_index_may_lag_behind_does_not_say_where_to_go_on() -> None:
    """A hit found at its old place in the order shows its new stamp: what stands between the two was not read yet."""
    walk = step(start(0), Page([at(5, "a"), at(950, "b"), at(7, "c")], capped=True, now=1000), LAGGING)
    assert walk is not None
    assert walk.window == Window(7)


def test_a_cap_behind_which_nothing_is_settled_goes_on_by_what_is_shown_and_is_not_sure() -> None:
    walk = step(start(0), Page([at(950, "a"), at(960, "b")], capped=True, now=1000), LAGGING)
    assert walk is not None
    assert (walk.window, walk.sure) == (Window(950), False)
    onward = step(walk, Page([at(970, "c"), at(980, "d")], token="t", now=1000), LAGGING)
    assert onward is not None
    assert not onward.sure


rows = st.lists(
    st.tuples(st.integers(0, 6), st.sampled_from([f"{n:02}" for n in range(40)])), max_size=40, unique_by=lambda r: r[1]
)


@settings(max_examples=100)
@given(rows, st.integers(0, 6), st.integers(1, 4), st.integers(1, 7))
def test_every_change_is_met_whatever_the_page_the_cap_and_the_ties(
    changed: list[tuple[int, str]], since: int, page: int, cap: int
) -> None:
    met, _ = read(changed, since, page=page, cap=cap)
    assert met == {i for s, i in changed if s >= since}


def test_the_cursor_is_never_newer_than_the_server_minus_the_overlap() -> None:
    facts = StreamFacts("contacts", "contact", overlap_ms=100)
    assert cursor_after(0, newest=5000, server_now=1000, facts=facts) == 900
    assert cursor_after(0, newest=500, server_now=1000, facts=facts) == 500


def test_the_cursor_never_goes_back() -> None:
    assert cursor_after(800, newest=500, server_now=1000, facts=FACTS) == 800
    assert cursor_after(800, newest=900, server_now=100, facts=FACTS) == 800


def test_the_cursor_stands_on_a_step_of_the_systems_own_stamps() -> None:
    facts = StreamFacts("contacts", "contact", granularity_ms=1000, overlap_ms=1)
    assert cursor_after(0, newest=9999, server_now=5500, facts=facts) == 5000
    assert baseline_cursor(5500, facts) == 5000


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**4), st.integers(1, 2000))
def test_a_cursor_is_monotone_and_behind_the_server(
    saved: int, newest: int, now: int, overlap: int, step_ms: int
) -> None:
    facts = StreamFacts("contacts", "contact", overlap_ms=overlap, granularity_ms=step_ms)
    cursor = cursor_after(saved, newest, now, facts)
    assert cursor >= saved
    assert cursor == saved or cursor <= now - overlap


def test_behind_a_cap_reading_goes_on_from_what_the_index_has_caught_up_with() -> None:
    moved = [at(5, "a"), at(900, "b"), at(950, "c")]  # b and c are found where they were before they changed
    walk = step(start(0), Page(moved, capped=True, now=200), LAGGING)
    assert walk is not None
    assert walk.window == Window(5)


def test_what_one_window_showed_says_nothing_of_where_the_next_goes_on() -> None:
    walk = step(start(0), Page([at(5, "a"), at(950, "b")], capped=True, now=1000), LAGGING)
    assert walk is not None
    onward = step(walk, Page([at(960, "c"), at(970, "d")], capped=True, now=1000), LAGGING)
    assert onward is not None
    assert (onward.window, onward.sure) == (Window(960), False)


def test_where_no_index_lags_the_last_stamp_says_where_to_go_on_however_fresh() -> None:
    facts = StreamFacts("contacts", "contact", overlap_ms=100)
    walk = step(start(0), Page([at(950, "a"), at(960, "b")], capped=True, now=1000), facts)
    assert walk is not None
    assert walk.window == Window(960)


def test_a_feed_is_followed_by_the_tokens_of_its_pages_and_ends_with_the_last() -> None:
    walk = follow("seven")
    assert (walk.window, walk.token) == (Window(0, feed="seven"), None)
    onward = step(walk, Page([at(5, "a")], "page 2"), FACTS)
    assert onward is not None
    assert (onward.window, onward.token) == (walk.window, "page 2")
    assert step(onward, Page([at(3, "b")], feed="eight"), FACTS) is None


def test_a_feed_can_neither_be_cut_off_nor_repeat_a_page() -> None:
    with pytest.raises(ContractViolation, match="cannot be cut off"):
        step(follow("seven"), Page([at(5, "a")], capped=True), FACTS)
    onward = step(follow("seven"), Page([], "again"), FACTS)
    assert onward is not None
    with pytest.raises(ContractViolation, match="again and again"):
        step(onward, Page([], "again"), FACTS)


def test_a_token_that_comes_again_late_in_a_long_walk_is_an_endless_one() -> None:
    walk = start(0)
    for n in range(80):
        walk = step(walk, Page([], f"t{n}"), FACTS)
        assert walk is not None
    with pytest.raises(ContractViolation, match="again and again"):
        step(walk, Page([], "t78"), FACTS)
