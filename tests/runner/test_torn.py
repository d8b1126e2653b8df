"""What cannot be read at all stays in sight until it can be: no run goes on as if it were not there."""

from __future__ import annotations

from typing import Any

import pytest

from tieline.model import Bad, Page, Window

HOUR = 3_600_000


class Torn:
    """A connector some of whose remotes cannot be read; their ids are told, or only their place."""

    def __init__(self, inner: Any, told: bool = True) -> None:
        self.inner, self.told = inner, told
        self.torn: set[str] = set()

    def _page(self, page: Page) -> Page:
        bad = [Bad(f"row {r.id}", "odd", r.id if self.told else None) for r in page.remotes if r.id in self.torn]
        return page._replace(remotes=[r for r in page.remotes if r.id not in self.torn], bad=bad)

    def list(self, stream: str, token: str | None) -> Page:
        return self._page(self.inner.list(stream, token))

    def changes(self, stream: str, window: Window, token: str | None) -> Page:
        return self._page(self.inner.changes(stream, window, token))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


@pytest.fixture(params=["by token", "by time"])
def book(request: Any, office: Any) -> Any:
    """Two contacts; from now on one of them, whom somebody edits, cannot be read in `book`."""
    office.add("crm")
    office.add("book", **({"feed": True, "feed_ms": 999 * HOUR} if request.param == "by token" else {}))
    office.connectors["book"] = Torn(office.connectors["book"])
    office.create("book", "contact", email="bob@firm.example")
    office.ada = office.create("book", "contact", email="ada@firm.example", title="Boss")
    office.sync()
    office.sync()
    office.connectors["book"].torn = {office.ada}
    office.edit("book", "contact", office.ada, title="Chief")
    return office


def test_who_cannot_be_read_is_told_in_every_run_until_it_can_be(book: Any) -> None:
    for _ in range(3):
        summary = book.sync(pause_ms=5 * HOUR)
        assert summary.records["book"]["contact"]["rejected"] == 1
        assert any("book: 1 contact record cannot be read" in note for note in summary.notes)
        assert book.store.book.unreadable() == [("book", "contact", "*", 1, f"row {book.ada}: odd")]
    book.connectors["book"].torn = set()
    book.edit("book", "contact", book.ada, title="Boss of all")
    summary = book.sync()
    assert (summary.records["book"]["contact"]["rejected"], summary.notes) == (0, [])
    assert book.store.book.unreadable() == []
    assert "Boss of all" in book.values("crm", "contact", "title")


def test_who_can_be_read_by_a_complete_listing_again_is_not_told_any_more(book: Any) -> None:
    book.sync()
    book.connectors["book"].torn = set()
    assert book.sync(full=True).records["book"]["contact"]["rejected"] == 0
    assert "Chief" in book.values("crm", "contact", "title")


def test_who_is_deleted_is_not_told_any_more(book: Any) -> None:
    book.sync()
    book.connectors["book"].torn = set()
    book.clock.advance(HOUR)
    book.systems["book"].person_delete("contact", book.ada)
    book.sync()
    assert book.store.book.unreadable() == []


def test_a_place_that_a_complete_listing_finds_in_order_is_not_told_any_more(office: Any) -> None:
    office.add("crm")
    office.add("book", tombstones=False, full_listing=True)
    office.connectors["book"] = Torn(office.connectors["book"], told=False)
    ada = office.create("book", "contact", email="ada@firm.example")
    office.connectors["book"].torn = {ada}
    assert office.sync().records["book"]["contact"]["rejected"] == 1
    assert office.store.book.unreadable() == [("book", "contact", "*", 1, f"row {ada}: odd")]
    office.connectors["book"].torn = set()
    office.sync(full=True)
    assert office.store.book.unreadable() == []


def test_two_that_show_no_id_are_told_as_two(office: Any) -> None:
    office.add("crm")
    office.add("book")
    office.connectors["book"] = torn = Torn(office.connectors["book"], told=False)
    torn.torn = {office.create("book", "contact", email=f"{name}@firm.example") for name in ("ada", "bob")}
    summary = office.sync()
    assert any("book: 2 contact records cannot be read" in note for note in summary.notes)
    assert summary.records["book"]["contact"]["rejected"] == 2


def test_who_cannot_be_read_is_not_absent_from_a_listing_that_names_it(office: Any) -> None:
    office.add("crm")
    office.add("book", tombstones=False, full_listing=True, strong_read=False)
    office.rule("book", "contact", delete="archive")
    office.connectors["book"] = torn = Torn(office.connectors["book"])
    ada = office.create("book", "contact", email="ada@firm.example")
    office.sync()
    office.sync()
    torn.torn = {ada}
    office.sync(full=True)
    office.sync()
    assert office.reviews() == []
    assert len(office.systems["crm"].alive("contact")) == 1
