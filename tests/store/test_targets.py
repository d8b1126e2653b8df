"""What an order's link is looked up as, and how it is found again once the order was carried out."""

from __future__ import annotations

from typing import Any

import pytest

from tieline.model import Order
from tieline.store import Row, Spooled, Store
from tieline.store.forms import decode

USUAL: dict[str, Any] = {
    "seen": '{"title":"a","stage":"b"}', "base": '{"was":{},"none":["stage"]}', "version": "v", "modified": 7,
    "hub_id": "r1",
}  # fmt: skip


def row(remote_id: str, record: str | None, system: str = "crm", **columns: Any) -> Row:
    blank = dict.fromkeys(Row._fields)
    fixed = {"kind": "contact", "stream": "contacts", "own": 0, "risen": 0, "provisional": 0, "dirty": 0}
    named = {"system": system, "remote_id": remote_id, "record": record}
    return Row(**{**blank, **fixed, **USUAL, **named, **columns})  # type: ignore[arg-type]


def spooled(store: Store, *targets: tuple[str, str | None]) -> list[Spooled]:
    """Orders for these (record, remote id)."""
    orders = [Order("update", "crm", "contact", "contacts", record, i, {"title": "c"}, {}) for record, i in targets]
    store.work.spool((o, "", 0) for o in orders)
    return store.work.take("contact", ("update",), "crm", "contacts", 0, 10)


def test_the_link_of_an_order_is_the_one_that_its_row_holds(store: Store) -> None:
    store.trees.insert([row("1", "r1"), row("2", "r2", base="{}", hub_id=None), row("1", "r1", "mail", version="w")])
    first, second = spooled(store, ("r1", "1"), ("r2", "2"))
    found = store.work.targets([first, second])
    rows = store.trees.links("crm", "contact", ["1", "2"])
    assert found[first.seq][1] == decode(rows["1"])
    assert found[second.seq][1] == decode(rows["2"])
    assert found[second.seq][1].base is found[second.seq][1].seen


@pytest.mark.parametrize(
    "odd",
    [{"gone": "user"}, {"times": '{"title":3}'}, {"sent": '{"title":"x"}'}, {"risen": 5}, {"provisional": 1}],
    ids=lambda odd: next(iter(odd)),
)
def test_a_link_with_more_to_it_is_looked_up_on_its_own(store: Store, odd: dict[str, Any]) -> None:
    store.trees.insert([row("1", "r1", **odd), row("2", "r2")])
    orders = spooled(store, ("r1", "1"), ("r2", "2"))
    assert list(store.work.targets(orders)) == [orders[1].seq]


def test_the_link_of_another_record_and_a_create_have_none(store: Store) -> None:
    store.trees.insert([row("1", "r2"), row("2", "r3")])
    assert store.work.targets(spooled(store, ("r1", "1"), ("r2", "2"), ("r3", None))) == {}


def test_what_was_confirmed_is_written_to_the_row_that_was_looked_up(store: Store) -> None:
    store.trees.insert([row("1", "r1"), row("2", "r2")])
    orders = spooled(store, ("r1", "1"), ("r2", "2"))
    number, _ = store.work.targets(orders)[orders[0].seq]
    store.trees.confirm_placed([('{"title":"c"}', "{}", "v2", 9, number, "crm", "contact", "1")])
    found = store.trees.links("crm", "contact", ["1", "2"])
    assert found["1"] == row("1", "r1", seen='{"title":"c"}', base="{}", version="v2", own=9)
    assert found["2"] == row("2", "r2")


def test_a_row_that_was_replaced_since_is_found_by_name_and_no_other_is_touched(store: Store) -> None:
    store.trees.insert([row("1", "r1"), row("2", "r2")])
    orders = spooled(store, ("r1", "1"), ("r2", "2"))
    places = store.work.targets(orders)
    store.trees.drop_link("crm", "contact", "1")
    store.trees.drop_link("crm", "contact", "2")
    store.trees.insert([row("1", "r1", "mail"), row("2", "r2", "mail"), row("2", "r2")])  # they have the numbers now
    store.trees.confirm_placed(
        [("{}", "{}", "v2", 9, places[o.seq][0], "crm", "contact", str(o.remote_id)) for o in orders]
    )
    assert store.trees.links("crm", "contact", ["1", "2"]) == {
        "2": row("2", "r2", seen="{}", base="{}", version="v2", own=9)
    }
    assert store.trees.links("mail", "contact", ["1", "2"]) == {
        "1": row("1", "r1", "mail"),
        "2": row("2", "r2", "mail"),
    }
