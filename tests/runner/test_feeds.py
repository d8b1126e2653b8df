"""Changes that go on from a token: no gap, no loss when it expires, nothing taken for deleted that is still there."""

from __future__ import annotations

from typing import Any

import pytest

from tieline.errors import FeedExpired, Unavailable
from tieline.model import Page, Remote, Window

HOUR = 3_600_000


@pytest.fixture
def fed(office: Any) -> Any:
    """`book` tells of changes by token, `crm` by time; one contact in both."""
    office.add("crm")
    office.add("book", feed=True, feed_ms=24 * HOUR, page=2)
    office.book_id = office.create("book", "contact", email="ada@firm.example", title="Boss")
    office.sync()
    office.sync()
    return office


def token(office: Any) -> Any:
    return office.store.trees.cursor("book", "contacts").feed


def calls(office: Any) -> Any:
    before = office.inner["book"].calls.copy()
    return lambda: {m: n for m, n in (office.inner["book"].calls - before).items() if m in ("list", "changes")}


def test_a_change_is_met_by_the_token_alone(fed: Any) -> None:
    fed.edit("book", "contact", fed.book_id, title="Chief")
    asked, before = calls(fed), token(fed)
    fed.sync()
    assert fed.only("crm", "contact").fields["title"] == "Chief"
    assert asked() == {"changes": 2}  # accounts and contacts
    assert token(fed) != before


def test_a_page_without_news_keeps_the_token(fed: Any) -> None:
    fed.sync()
    before = token(fed)
    assert fed.connectors["book"].changes("contacts", Window(0, feed=before), None).feed is None
    fed.sync()
    assert token(fed) == before


def test_the_token_of_a_listing_leaves_no_gap(office: Any) -> None:
    office.add("crm")
    office.add("book", feed=True, page=1)
    ids = [office.create("book", "contact", email=f"p{n}@firm.example") for n in range(3)]
    seen: list[str] = []

    def edit_behind_the_reader(name: str) -> None:
        seen.append(name)
        if seen.count("called:book") == 4 and name == "called:book":
            office.systems["book"].person_edit("contact", ids[0], {"title": "new"})

    office.boundary = edit_behind_the_reader
    office.sync()
    office.boundary = lambda name: None
    office.sync()
    assert "new" in office.values("crm", "contact", "title")


def test_a_tombstone_comes_in_the_feed(fed: Any) -> None:
    fed.clock.advance(1000)
    fed.systems["book"].person_delete("contact", fed.book_id)
    fed.sync()
    assert [r["topic"] for r in fed.reviews()] == ["delete"]


def test_an_expired_token_reads_everything_anew_once_and_says_so(fed: Any) -> None:
    fed.edit("book", "contact", fed.book_id, title="Chief")
    asked = calls(fed)
    summary = fed.sync(pause_ms=25 * HOUR)
    assert fed.only("crm", "contact").fields["title"] == "Chief"
    assert len([n for n in summary.notes if "expired" in n and n.startswith("book: ")]) == 2
    assert asked() == {"changes": 2, "list": 2}
    assert summary.outcome == "done"
    asked = calls(fed)
    assert not [n for n in fed.sync().notes if "expired" in n]
    assert asked() == {"changes": 2}


def test_who_was_deleted_while_the_token_expired_is_told_by_a_strong_read(fed: Any) -> None:
    fed.create("book", "contact", email="bo@firm.example")
    fed.sync()
    fed.systems["book"].person_delete("contact", fed.book_id)
    fed.sync(pause_ms=25 * HOUR)
    (asked,) = fed.reviews()
    assert (asked["topic"], asked["detail"]["remote_id"]) == ("delete", fed.book_id)


def test_who_a_listing_leaves_out_is_not_taken_for_deleted(fed: Any) -> None:
    fed.clock.advance(25 * HOUR)
    fed.faults["book"].force("empty_list", 2)
    fed.sync()
    assert fed.reviews() == []
    assert len(fed.systems["crm"].alive("contact")) == 1


def test_without_strong_reads_absence_says_nothing_when_a_token_expired(office: Any) -> None:
    office.add("crm")
    office.add("book", feed=True, feed_ms=HOUR, strong_read=False)
    office.create("book", "contact", email="ada@firm.example")
    office.sync()
    office.faults["book"].force("empty_list", 2)
    office.sync(pause_ms=2 * HOUR)
    assert office.reviews() == []


def test_a_full_pass_reads_everything_and_goes_on_from_the_token(fed: Any) -> None:
    fed.systems["book"].person_delete("contact", fed.book_id)
    asked = calls(fed)
    summary = fed.sync(full=True)
    assert asked() == {"changes": 2, "list": 2}
    assert [r["topic"] for r in fed.reviews()] == ["delete"]
    assert summary.records["book"]["contact"]["gone"] == 1
    assert fed.sync(full=True).writes == 0


def test_a_full_pass_counts_each_remote_once(fed: Any) -> None:
    fed.create("book", "contact", email="bo@firm.example")
    fed.edit("book", "contact", fed.book_id, title="Chief")
    counts = fed.sync(full=True).records["book"]["contact"]
    assert counts["pulled"] == 2


def test_a_plan_moves_the_token(fed: Any) -> None:
    fed.edit("book", "contact", fed.book_id, title="Chief")
    before = token(fed)
    assert fed.plan().orders == {"crm": {"contact": {"update": 1}}}
    assert token(fed) != before
    asked = calls(fed)
    assert fed.sync().writes == 1
    assert asked()["changes"] == 2


def test_a_token_is_kept_with_the_trees_of_its_page_or_not_at_all(fed: Any) -> None:
    for n in range(5):
        fed.create("book", "contact", email=f"p{n}@firm.example")
    before = token(fed)

    class Torn(Exception):
        pass

    def die(name: str) -> None:
        known = fed.store.db.rows("SELECT count(*) FROM link WHERE system = 'book' AND kind = 'contact'")
        if name == "ingested" and known == [(3,)]:
            raise Torn

    fed.boundary = die
    with pytest.raises(Torn):
        fed.sync()
    assert token(fed) == before
    fed.boundary = lambda name: None
    fed.store.db.release()
    fed.sync(pause_ms=HOUR)
    assert len(fed.systems["crm"].alive("contact")) == 6


def test_a_listing_without_a_token_is_read_again_by_the_next_run(fed: Any) -> None:
    class Forgetful:
        def __init__(self, inner: Any) -> None:
            self.inner, self.facts = inner, inner.facts

        def list(self, stream: str, token: str | None) -> Page:
            return self.inner.list(stream, token)._replace(feed=None)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.inner, name)

    honest = fed.connectors["book"]
    fed.connectors["book"] = Forgetful(honest)
    before = token(fed)
    fed.sync(pause_ms=25 * HOUR)
    assert token(fed) == before, "what it told of is not forgotten"
    fed.connectors["book"] = honest
    asked = calls(fed)
    fed.sync()
    assert asked() == {"changes": 2, "list": 2}
    assert token(fed) not in (None, before)


def test_a_feed_that_is_cut_off_is_a_breach(fed: Any) -> None:
    class Capped:
        def __init__(self, inner: Any) -> None:
            self.inner, self.facts = inner, inner.facts

        def changes(self, stream: str, window: Window, token: str | None) -> Page:
            return Page([Remote("1", {})], capped=True)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.inner, name)

    fed.connectors["book"] = Capped(fed.connectors["book"])
    summary = fed.sync()
    assert summary.outcome == "failed"
    assert "cannot be cut off" in " ".join(summary.notes)


def test_another_error_than_expiry_leaves_the_token_alone(fed: Any) -> None:
    before = token(fed)
    fed.faults["book"].force("refused", 9)
    assert fed.sync().outcome == "failed"
    assert token(fed) == before
    assert not issubclass(FeedExpired, Unavailable)


class Torn(Exception):
    """The process ends here."""


def torn(office: Any, when: Any) -> None:
    """A run that ends where `when` (of the boundary and the book's cursor) says so."""

    def die(name: str) -> None:
        if when(name, office.store.trees.cursor("book", "contacts")):
            raise Torn

    office.boundary = die
    with pytest.raises(Torn):
        office.sync()
    office.boundary = lambda name: None
    office.store.db.release()


def test_who_was_deleted_behind_a_listing_that_was_cut_off_is_told_of(office: Any) -> None:
    office.add("crm")
    office.add("book", feed=True, feed_ms=24 * HOUR, page=5)
    ada = office.create("book", "contact", email="ada@firm.example", title="Boss")
    office.create("book", "contact", email="bo@firm.example")
    office.sync()
    office.sync()
    office.clock.advance(25 * HOUR)
    torn(office, lambda name, cursor: name == "ingested" and cursor.listing)
    office.clock.advance(1000)
    office.systems["book"].person_delete("contact", ada)
    office.sync(pause_ms=HOUR)
    assert [r["topic"] for r in office.reviews()] == ["delete"]


def test_a_token_that_expired_is_asked_about_again_until_everything_was_read_anew(office: Any) -> None:
    """Only the token tells a connector which of its records took part: whoever changes the settings meanwhile must not
    be answered as if nobody had."""
    office.add("crm")
    office.add("book", feed=True, feed_ms=24 * HOUR, page=1)
    for n in range(3):
        office.create("book", "contact", email=f"p{n}@firm.example")
    office.sync()
    office.sync()
    before = token(office)
    office.clock.advance(25 * HOUR)
    torn(office, lambda name, cursor: name == "ingested" and cursor.listing)
    assert token(office) == before
    asked = calls(office)
    assert any("has expired" in note for note in office.sync(pause_ms=HOUR).notes)
    assert asked()["changes"] == 2
    assert token(office) not in (None, before)
    asked = calls(office)
    office.sync()
    assert asked() == {"changes": 2}


@pytest.fixture
def signalled(office: Any) -> Any:
    """`book` tells that something was done and not what; only its listing shows what is there."""
    office.add("crm")
    office.add("book", feed=True, signal=True, tombstones=False, full_listing=True)
    office.book_id = office.create("book", "contact", email="ada@firm.example", title="Boss")
    office.sync()
    office.sync()
    office.sync()
    return office


def test_a_new_token_alone_leads_to_a_listing(signalled: Any) -> None:
    asked = calls(signalled)
    signalled.sync()
    assert asked() == {"changes": 2}  # accounts and contacts: nothing was done
    signalled.edit("book", "contact", signalled.book_id, title="Chief")
    signalled.sync()
    assert signalled.only("crm", "contact").fields["title"] == "Chief"
    signalled.systems["book"].person_delete("contact", signalled.book_id)
    signalled.sync()
    assert [r["topic"] for r in signalled.reviews()] == ["delete"]


def test_what_a_token_signalled_is_read_although_the_run_ended_before(signalled: Any) -> None:
    signalled.edit("book", "contact", signalled.book_id, title="Chief")
    before = token(signalled)
    torn(signalled, lambda name, cursor: name == "ingested" and cursor.feed != before)
    signalled.sync()
    assert signalled.only("crm", "contact").fields["title"] == "Chief"
