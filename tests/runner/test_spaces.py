"""Cells on their way between id spaces: whom a reference names there, also after merges."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tieline.runner.context import System
from tieline.runner.space import ToRemote, renamed
from tieline.store import Row, Store
from tieline.testing import Character, MemoryConnector, MemorySystem


@pytest.fixture
def store() -> Iterator[Store]:
    made = Store()
    yield made
    made.close()


def linked(store: Store, record: str, remote_id: str, **columns: object) -> None:
    blank = (None,) * 3
    row = Row("crm", "account", remote_id, "accounts", record, "{}", *blank, None, "", 0, 0, None, None, 0, *blank)
    store.trees.insert([row._replace(**columns)])


def test_who_was_merged_is_named_by_the_remote_of_whom_it_became(store: Store) -> None:
    store.trees.add_records([(i, "account", "{}", "{}", 0) for i in ("old", "new", "unnamed")])
    linked(store, "new", "7")
    linked(store, "unnamed", "~8", provisional=1)
    store.trees.fold("old", "new")
    space = ToRemote(store, "contact", "crm")
    space.prepare([{"account": i} for i in ("old", "new", "unnamed")])
    assert space.fields({"account": "old", "title": "Boss"}) == ({"account": "7", "title": "Boss"}, set())
    assert space.fields({"account": "new"}) == ({"account": "7"}, set())
    assert space.fields({"account": "unnamed"}) == ({}, {"account"})


def test_in_a_list_one_name_may_stand_for_several() -> None:
    person = {"id": "a", "role": None, "primary": False}
    assert renamed([person], {"a": ["x", "y"]}) == [{**person, "id": "x"}, {**person, "id": "y"}]
    assert renamed("a", {"a": ["x", "y"]}) == "x"
    assert renamed("b", {"a": ["x"]}) == "b"


def test_what_is_in_a_stream_can_be_named_where_nothing_else_of_its_kind_is_synced() -> None:
    connector = MemoryConnector(MemorySystem(Character(kinds=("contact",), leads=True)))
    both = System("crm", connector, connector.facts.streams)
    assert (both.names("contact", "contacts"), both.names("contact", "leads")) == (True, False)
    alone = System("crm", connector, tuple(s for s in connector.facts.streams if s.name == "leads"))
    assert alone.names("contact", "leads")
