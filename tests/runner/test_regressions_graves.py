"""Taken out of the bin in one system, deleted in another, and which came first? Cases that once went wrong."""

from __future__ import annotations

from typing import Any

import pytest

A_MINUTE = 60_000
SWEPT = {"tombstones": False, "sweep": True}
"""Deletions are told with their time, but seldom."""
LISTED = {"tombstones": False, "full_listing": True}
"""Deletions show by absence from a complete listing: nothing tells when."""


def risen(office: Any, gap: int | None, **mail: Any) -> None:
    """A contact that somebody deleted in the crm and took out of the bin again, which the hub has seen.

    In mail somebody deleted it `gap` ms after that, or before (None: not at all), and the hub has not seen it yet.
    """
    office.add("crm")
    office.add("mail", **mail)
    for system in ("crm", "mail"):
        office.rule(system, "contact", delete="archive")
    office.ada = office.create("crm", "contact", email="ada@firm.example", last_name="Lovelace")
    office.sync()
    office.sync()
    office.systems["crm"].person_delete("contact", office.ada)
    with office.faults["mail"].during("throttle"):
        office.sync()  # it is known, and not carried out in mail
    if gap is not None and gap < 0:
        bury(office, "mail")
    office.clock.advance(A_MINUTE if gap is None or gap > 0 else -gap)
    office.systems["crm"].person_undelete("contact", office.ada)
    if gap is not None and gap > 0:
        office.clock.advance(gap)
        bury(office, "mail")
    office.sync()


def bury(office: Any, system: str) -> None:
    office.systems[system].person_delete("contact", office.only(system, "contact").id)


def living(office: Any) -> list[int]:
    return [len(system.alive("contact")) for system in office.systems.values()]


@pytest.mark.parametrize("mail", [SWEPT, LISTED], ids=["swept", "listed"])
@pytest.mark.parametrize("answer", ["accepted", "rejected"])
def test_a_deletion_from_before_the_undelete_that_is_seen_late_does_not_bury_but_asks(
    office: Any, mail: Any, answer: str
) -> None:
    risen(office, -A_MINUTE, **mail)
    for _ in range(3):
        office.sync(full=True)
    assert living(office) == [1, 0]
    (asked,) = office.reviews()
    assert asked["topic"] == "delete"
    assert "before it was taken out of the bin or merged" in asked["summary"]
    office.answer(answer)
    for _ in range(3):
        office.sync(full=True)
    assert (living(office), office.reviews()) == ([int(answer == "rejected"), 0], [])


@pytest.mark.parametrize("gap", [1, 1000, A_MINUTE])
def test_a_deletion_that_is_surely_newer_than_the_undelete_ends_the_record(office: Any, gap: int) -> None:
    risen(office, gap, **SWEPT)
    office.sync(full=True)
    sure = gap > office.runner().rules.skew_ms
    assert (living(office), len(office.reviews())) == (([0, 0], 0) if sure else ([1, 0], 1))


@pytest.mark.parametrize("sign", ["listed", "edited", "written"])
def test_who_was_seen_alive_since_the_undelete_was_deleted_after_it(office: Any, sign: str) -> None:
    def forget(moment: str) -> None:
        """As if nothing of mail had been read since the undelete was."""
        if moment == "intended":
            office.store.db.sql.execute("UPDATE link SET risen = 1 WHERE system = 'mail'")

    risen(office, None, **LISTED)
    forget("intended")
    if sign == "listed":
        office.sync(full=True)
    elif sign == "edited":
        office.edit("mail", "contact", office.only("mail", "contact").id, title="Boss")
        office.sync()
    else:
        office.boundary = forget
        office.edit("crm", "contact", office.ada, title="Boss")
        office.sync()
        office.boundary = lambda moment: None
    bury(office, "mail")
    office.sync(full=True)
    assert (living(office), office.reviews()) == ([0, 0], [])


@pytest.mark.parametrize("files", [SWEPT, LISTED], ids=["swept", "listed"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_who_was_deleted_before_it_was_merged_elsewhere_does_not_take_the_other_along(
    office: Any, files: Any, when: str
) -> None:
    """One was also in files, Two was not: what stood for One there stands for Two from the moment of the merge."""
    for name, character in (("crm", {"redirects": True}), ("mail", {}), ("files", files)):
        office.add(name, **character)
        office.rule(name, "contact", delete="archive")
    office.rule("files", "contact", delete="archive", create=False)
    one = office.create("crm", "contact", email="one@firm.example", last_name="One")
    office.create("files", "contact", email="one@firm.example", last_name="One")
    two = office.create("crm", "contact", email="two@firm.example", last_name="Two")
    for _ in range(2):
        office.sync()
    if when == "before":
        bury(office, "files")
    office.clock.advance(A_MINUTE)
    office.systems["crm"].person_merge("contact", two, one)
    with office.faults["files"].during("throttle"):
        office.sync()
    office.answer("accepted", topic="merge")  # One stood apart in mail
    if when == "after":
        office.sync()  # files shows it alive
        office.clock.advance(A_MINUTE)
        bury(office, "files")
    for _ in range(3):
        office.sync(full=True)
    ended = when == "after"
    assert living(office) == ([0, 0, 0] if ended else [1, 1, 0])
    assert [r["topic"] for r in office.reviews()] == ([] if ended else ["delete"])


def test_who_was_deleted_here_waits_for_the_answer_although_it_was_taken_out_of_the_bin_there(
    office: Any,
) -> None:
    for name in ("crm", "mail", "shop"):
        office.add(name)
    ada = office.create("crm", "contact", email="ada@firm.example")
    office.sync()
    office.systems["crm"].person_delete("contact", ada)
    office.sync()
    shop = office.systems["shop"]
    binned = office.only("shop", "contact").id
    shop.person_delete("contact", binned)
    office.sync()
    office.clock.advance(A_MINUTE)
    shop.person_undelete("contact", binned)
    for _ in range(3):
        office.sync()
    assert living(office) == [0, 1, 1]
    assert f"crm:{ada}" in {f"{r['system']}:{r['remote_id']}" for r in office.reviews()}
