"""One system by itself: its records are made and need no plan, until somebody else takes part."""

from __future__ import annotations

from typing import Any

import pytest

from tieline.model import Schema
from tieline.rules import Policy
from tieline.testing import MemoryConnector


@pytest.mark.parametrize("how", ["it is only read", "it has no field for the hub's id"])
def test_records_of_a_system_that_is_owed_nothing_want_no_plan(office: Any, how: str) -> None:
    office.add("crm", unique_hub_id=how == "it is only read", stamps=how == "it is only read")
    if how == "it is only read":
        office.rule("crm", "contact", mode="read")
    office.create("crm", "contact", email="ada@x.example", first_name="Ada")
    summary = office.sync()
    assert office.store.trees.dirty("contact", "") == []
    assert summary.converged
    assert summary.records["crm"]["contact"]["applied"] == 1


def test_a_second_system_is_given_what_the_first_had_alone(office: Any) -> None:
    office.add("crm")
    office.rule("crm", "contact", mode="read")
    office.create("crm", "contact", email="ada@x.example", first_name="Ada")
    office.sync()
    office.add("mail")
    assert office.sync().converged
    assert office.values("mail", "contact", "email") == ["ada@x.example"]


def test_a_record_whose_parent_is_missing_is_planned_again_all_the_same(office: Any) -> None:
    office.add("crm")
    office.rule("crm", "contact", mode="read")
    office.create("crm", "contact", email="ada@x.example", account="nobody")
    office.sync()
    assert len(office.store.trees.dirty("contact", "")) == 1


def test_a_field_that_nobody_shares_calls_for_no_second_plan_after_a_write(office: Any) -> None:
    office.add("crm")
    office.add("mail")
    office.policy("contact", "title", Policy("none"))
    key = office.create("crm", "contact", email="ada@x.example", title="Countess")
    office.sync()
    office.edit("crm", "contact", key, first_name="Ada")
    planned: list[int] = []
    runner = office.runner()
    once = runner.store.trees.planned
    runner.store.trees.planned = lambda rows: once([planned.append(1) or r for r in rows])
    assert runner.sync().writes == 1
    assert len(planned) == 1


class Recalling(MemoryConnector):
    """Keeps what it is told of its schema, and when."""

    told: tuple[tuple[str, bool, int], ...] = ()

    def recall(self, stream: str, schema: Schema) -> None:
        self.told += ((stream, schema.stamps, self.calls["list"] + self.calls["changes"]),)


def test_a_connector_is_told_the_schema_that_is_remembered_before_anything_is_read(office: Any) -> None:
    system = office.add("crm", kinds=("contact",), stamps=False)
    told = []
    for full in (False, False, True):
        office.inner["crm"] = office.connectors["crm"] = Recalling(system)
        office.sync(full=full)
        told.append(office.connectors["crm"].told)
    (stream,) = (s.name for s in office.connectors["crm"].facts.streams)
    assert told == [(), ((stream, False, 0),), ()], "only where it was not asked anew"


def test_what_one_system_read_while_the_other_was_left_out_is_made_there_later(office: Any) -> None:
    office.add("crm")
    office.add("mail")
    office.rule("crm", "contact", mode="read")
    office.sync()
    office.create("crm", "contact", email="ada@x.example")
    office.sync(without=frozenset({"mail"}))
    assert office.systems["mail"].alive("contact") == []
    office.sync()
    assert office.values("mail", "contact", "email") == ["ada@x.example"]


def test_who_came_and_went_between_two_looks_is_counted_as_gone(office: Any) -> None:
    office.add("crm")
    office.add("mail")
    office.sync()
    office.systems["crm"].person_delete("contact", office.create("crm", "contact", email="ada@x.example"))
    found = office.sync().records["crm"]["contact"]
    assert (found["pulled"], found["gone"], found["unchanged"]) == (1, 1, 0)
