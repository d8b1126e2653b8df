"""A feed and a listing that are behind what a read shows: nothing old is believed, nobody gone is missed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tieline.model import Page, Remote

LAG = 180_000


class Behind:
    """A book whose listings show, for a while, what was there before; a read leaves out who is gone."""

    def __init__(self, inner: Any, clock: Any) -> None:
        self.inner, self.facts, self.clock = inner, inner.facts, clock
        self.shown: dict[str, list[tuple[int, Page]]] = {}

    def list(self, stream: str, token: str | None) -> Page:
        """The newest listing that is old enough."""
        kept = self.shown.setdefault(stream, [])
        kept.append((self.clock.now(), self.inner.list(stream, token)))
        old = [page for at, page in kept if at <= self.clock.now() - LAG]
        return old[-1]._replace(now=self.clock.now()) if old else kept[0][1]

    def read(self, stream: str, ids: Sequence[str], fields: frozenset[str] | None) -> Sequence[Remote]:
        return [r for r in self.inner.read(stream, ids, fields) if not r.gone]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


@pytest.fixture
def behind(office: Any) -> Any:
    """`book` tells of changes by token, as hints; one contact in both."""
    office.add("crm")
    office.add("book", feed=True, hints=True, index_lag_ms=LAG)
    office.connectors["book"] = Behind(office.connectors["book"], office.clock)
    office.book_id = office.create("book", "contact", email="ada@firm.example", title="Boss")
    office.clock.advance(2 * LAG)
    office.sync()
    office.clock.advance(2 * LAG)
    office.sync()
    return office


def test_who_is_told_to_be_gone_and_cannot_be_read_is_gone(behind: Any) -> None:
    behind.systems["book"].person_delete("contact", behind.book_id)
    behind.clock.advance(2 * LAG)
    summary = behind.sync()
    assert [r["topic"] for r in behind.reviews()] == ["delete"]
    assert summary.records["book"]["contact"]["gone"] == 1


def test_who_is_told_to_be_gone_and_can_be_read_is_there(behind: Any) -> None:
    behind.systems["book"].person_delete("contact", behind.book_id)
    told = behind.connectors["book"].read

    def back(stream: str, ids: Sequence[str], fields: frozenset[str] | None) -> Sequence[Remote]:
        return [r._replace(gone=False, version="back") for r in behind.inner["book"].read(stream, ids, fields)]

    behind.connectors["book"].read = back
    behind.clock.advance(2 * LAG)
    behind.sync()
    behind.connectors["book"].read = told
    assert behind.reviews() == []


def test_a_listing_behind_our_own_write_reverts_nothing(behind: Any) -> None:
    (crm,) = behind.systems["crm"].alive("contact")
    behind.sync(full=True)
    behind.edit("crm", "contact", crm.id, title="Chief")
    assert behind.sync().orders == {"book": {"contact": {"update": 1}}}
    again = behind.sync(pause_ms=1000, full=True)
    assert again.writes == 0
    assert behind.only("crm", "contact").fields["title"] == "Chief"
    assert behind.only("book", "contact").fields["title"] == "Chief"


def test_an_edit_by_a_person_shows_in_a_listing_all_the_same(behind: Any) -> None:
    (crm,) = behind.systems["crm"].alive("contact")
    behind.edit("crm", "contact", crm.id, title="Chief")
    behind.sync()
    behind.edit("book", "contact", behind.book_id, title="Head")
    behind.clock.advance(2 * LAG)
    behind.sync(full=True)
    assert behind.only("crm", "contact").fields["title"] == "Head"


def test_a_listing_behind_an_edit_that_is_known_reverts_nothing(behind: Any) -> None:
    behind.edit("book", "contact", behind.book_id, title="Head")
    behind.clock.advance(2 * LAG)
    behind.sync()
    assert behind.only("crm", "contact").fields["title"] == "Head"
    assert behind.sync(pause_ms=1000, full=True).writes == 0
    assert behind.only("crm", "contact").fields["title"] == "Head"
