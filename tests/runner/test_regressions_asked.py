"""Prompts, answers and listings that cannot be read: cases that once went wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tieline.cli.boundary import DONE
from tieline.cli.rounds import exit_code
from tieline.model import Bad, Outcome, Page
from tieline.runner import Options
from tieline.store import Store

# -- while a person reads the first plan


@pytest.fixture
def filed(pair: Any, tmp_path: Path) -> Any:
    """Two systems and a home on disk, with a create to ask about and a second process beside it."""
    pair.store.close()
    pair.store = Store(tmp_path / "store.db")
    pair.create("crm", "contact", email="ada@firm.example")
    return pair


def beside(path: Path | None) -> Store:
    """Another process that waits for nobody."""
    assert path is not None
    other = Store(path)
    other.db.sql.execute("PRAGMA busy_timeout = 0")
    return other


def test_others_read_and_answer_while_a_person_reads_the_first_plan(filed: Any) -> None:
    other = beside(filed.store.db.path)
    seen = []

    def confirm(preview: Any) -> bool:
        with other.atomic(fence=False):
            other.db.set_meta("answered", "meanwhile")
        seen.append((preview.listing(10, 0), other.book.link_counts()))
        return True

    assert filed.runner().sync(Options(confirm=confirm)).writes == 2
    other.close()
    [(listing, counts)] = seen
    assert [order["op"] for order in listing] == ["create", "link"]
    assert counts, "what was pulled is there; what is planned is not"


def test_an_answer_that_changes_the_plan_while_it_is_read_shows_the_plan_again(filed: Any) -> None:
    filed.systems["crm"].person_delete("contact", filed.only("crm", "contact").id)
    for system in ("crm", "mail"):
        filed.create(system, "account", domain="firm.example")
        filed.create(system, "account", domain="firm.example")
    assert filed.runner().sync(Options()).reviews == 4
    filed.create("crm", "contact", email="bob@firm.example")
    other = beside(filed.store.db.path)
    shown: list[Any] = []

    def confirm(preview: Any) -> bool:
        if not shown:
            with other.atomic(fence=False):
                for review in other.book.reviews():
                    other.book.answer(review["id"], "rejected", None, filed.clock.now())
        shown.append(preview.orders)
        return True

    filed.clock.advance(60_000)
    filed.runner().sync(Options(confirm=confirm))
    other.close()
    assert ["account" in orders["mail"] for orders in shown] == [False, True]
    assert all(r.hub_id for r in filed.systems["mail"].alive("account"))


def test_a_plan_that_was_refused_leaves_nothing_behind(filed: Any) -> None:
    filed.runner().sync(Options(confirm=lambda preview: False))
    assert filed.store.db.rows("SELECT count(*) FROM record") == [(0,)]
    assert filed.store.db.rows("SELECT count(*) FROM orders") == [(0,)]


# -- answers


@pytest.mark.parametrize("answered", [True, False])
def test_what_stays_deleted_in_one_system_is_not_made_again_when_another_takes_it_out_of_the_bin(
    office: Any, answered: bool
) -> None:
    for name in ("crm", "mail", "files"):
        office.add(name)
    ada = office.create("crm", "contact", email="ada@firm.example")
    office.sync()
    deleted = office.only("mail", "contact").id
    office.systems["mail"].person_delete("contact", deleted)
    office.sync()
    if answered:
        office.answer("rejected")
        office.sync()
    office.clock.advance(1000)
    office.systems["crm"].person_delete("contact", ada)
    office.sync()
    office.clock.advance(1000)
    office.systems["crm"].person_undelete("contact", ada)
    office.sync()
    office.sync()
    assert office.systems["mail"].alive("contact") == []
    assert len(office.reviews()) == (0 if answered else 1)
    office.clock.advance(1000)
    office.systems["mail"].person_undelete("contact", deleted)
    office.edit("crm", "contact", ada, title="Boss")
    assert office.sync().converged
    assert office.only("mail", "contact").fields["title"] == "Boss"


def test_a_deletion_that_is_to_be_ignored_stays_where_it_is(pair: Any) -> None:
    pair.rule("mail", "contact", delete="ignore")
    ada = pair.create("crm", "contact", email="ada@firm.example")
    pair.sync()
    pair.systems["mail"].person_delete("contact", pair.only("mail", "contact").id)
    pair.sync()
    pair.clock.advance(1000)
    pair.systems["crm"].person_delete("contact", ada)
    pair.sync()
    pair.clock.advance(1000)
    pair.systems["crm"].person_undelete("contact", ada)
    pair.sync()
    pair.sync()
    assert pair.systems["mail"].alive("contact") == []


# -- the end of a run


def test_a_run_that_does_not_know_what_became_of_a_write_is_done_but_has_not_converged(office: Any) -> None:
    """Nobody has to act: the next run looks again by itself."""
    office.add("crm")
    office.add("mail", stamps=False, unique_hub_id=False)
    office.create("crm", "contact", email="ada@firm.example")
    write = office.connectors["mail"].write
    office.connectors["mail"].write = lambda stream, writes: [Outcome("unknown") for _ in writes]
    summary = office.sync()
    assert (summary.outcome, summary.converged, exit_code(summary)) == ("done", False, DONE)
    assert any("not known yet" in note for note in summary.notes)
    looked = office.plan(offline=True)
    assert (looked.orders, looked.outcome, looked.converged) == ({}, "done", False)
    office.connectors["mail"].write = write
    assert office.sync().converged
    assert office.values("mail", "contact", "email") == ["ada@firm.example"]


# -- listings that cannot be read


class Torn:
    """A connector some of whose rows cannot be read: `torn` are their ids, told or not told."""

    def __init__(self, inner: Any, told: bool) -> None:
        self.inner, self.told = inner, told
        self.torn: set[str] = set()

    @property
    def facts(self) -> Any:
        return self.inner.facts

    def list(self, stream: str, token: str | None) -> Page:
        page: Page = self.inner.list(stream, token)
        bad = [Bad("people.csv:3", "not a row", r.id if self.told else None) for r in page.remotes if r.id in self.torn]
        return page._replace(remotes=[r for r in page.remotes if r.id not in self.torn], bad=bad)

    def read(self, stream: str, ids: Any, fields: Any) -> Any:
        return [r for r in self.inner.read(stream, ids, fields) if r.id not in self.torn]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


@pytest.fixture(params=[True, False], ids=["with an id", "without an id"])
def torn(request: Any, office: Any) -> Any:
    """`mail` shows deletions by complete listings alone; its row of bob cannot be read, and cid is deleted there."""
    office.add("crm")
    office.add("mail", tombstones=False, full_listing=True)
    office.connectors["mail"] = Torn(office.connectors["mail"], request.param)
    office.rule("mail", "contact", delete="archive")
    for name in ("ada", "bob", "cid"):
        office.create("crm", "contact", email=f"{name}@firm.example")
    office.sync()
    ids = {r.fields["email"][:3]: r.id for r in office.systems["mail"].alive("contact")}
    office.connectors["mail"].torn = {ids["bob"]}
    office.systems["mail"].person_delete("contact", ids["cid"])
    return office


def test_what_cannot_be_read_is_not_taken_for_deleted(torn: Any) -> None:
    told = torn.connectors["mail"].told
    summary = torn.sync(full=True)
    left = ["ada@firm.example", "bob@firm.example"]
    assert torn.values("crm", "contact", "email") == (left if told else [*left, "cid@firm.example"])
    assert any("show no id" in note for note in summary.notes) is not told
    torn.connectors["mail"].torn = set()
    torn.sync(full=True)
    assert torn.values("crm", "contact", "email") == left


def test_a_write_to_what_cannot_be_read_waits_and_deletes_nothing(torn: Any) -> None:
    bob = torn.by_name("crm", "contact", "bob@firm.example", "email").id
    torn.edit("crm", "contact", bob, title="Boss")
    summary = torn.sync()
    assert not summary.converged
    assert "bob@firm.example" in torn.values("crm", "contact", "email")
    torn.connectors["mail"].torn = set()
    assert torn.sync(full=True).converged
    assert torn.by_name("mail", "contact", "bob@firm.example", "email").fields["title"] == "Boss"


def test_a_write_to_what_was_deleted_asks_for_the_listing_that_shows_it(office: Any) -> None:
    office.add("crm")
    office.add("mail", tombstones=False, full_listing=True)
    office.rule("mail", "contact", delete="archive")
    ada = office.create("crm", "contact", email="ada@firm.example")
    bob = office.create("crm", "contact", email="bob@firm.example")
    office.sync()
    office.edit("crm", "contact", bob, title="Boss")
    for _ in range(2):
        office.sync()
    newest = office.by_name("mail", "contact", "bob@firm.example", "email").id
    office.systems["mail"].person_delete("contact", newest)
    office.edit("crm", "contact", bob, title="Chief")
    office.sync()
    assert office.sync().converged
    assert [r.id for r in office.systems["crm"].alive("contact")] == [ada]


def test_a_listing_that_was_interrupted_remembers_that_it_was_unsure(torn: Any) -> None:
    cursor = torn.store.trees.cursor("mail", "contacts")
    first = min(r.id for r in torn.systems["mail"].alive("contact"))
    torn.store.trees.save_cursor(cursor._replace(listing="earlier?", token=first, started=1))
    torn.connectors["mail"].torn = set()
    torn.sync()
    assert "cid@firm.example" in torn.values("crm", "contact", "email")
