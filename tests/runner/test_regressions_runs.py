"""Lost calls, stops, counts, leases and damage: cases of whole runs that once went wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tieline.errors import NotAuthorised, PluginFailed, TielineError, Unavailable
from tieline.events import Applied, ConflictFound, PlannedOrder, RunFinished, Verdict
from tieline.model import Outcome, Page, Remote
from tieline.store import Store, StoreBroken


class Hearing:
    """Hooks that do `at_plan` at each planned order and keep how runs ended."""

    def __init__(self, at_plan: Any) -> None:
        self.at_plan = at_plan
        self.ends: list[str] = []

    def listens(self, hook: str) -> bool:
        return True

    def plan(self, event: PlannedOrder) -> Verdict | None:
        self.at_plan()
        return None

    def conflict(self, event: ConflictFound) -> None: ...

    def applied(self, event: Applied) -> None: ...

    def finished(self, event: RunFinished) -> None:
        self.ends.append(event.outcome)


# -- calls that fail


def test_an_update_that_was_lost_before_it_arrived_is_sent_again(pair: Any) -> None:
    """What was there before is no sign of a write that arrived, though the new value begins like it."""
    ada = pair.create("crm", "contact", email="ada@firm.example", first_name="Jo")
    pair.sync()
    pair.edit("crm", "contact", ada, first_name="Joanna")
    mail = pair.connectors["mail"]
    take = mail.write

    def lose(stream: str, writes: Any) -> Any:
        mail.write = take
        raise Unavailable("the line is cut", sent=True)

    mail.write = lose
    for _ in range(4):
        summary = pair.sync()
    assert mail.write == take
    assert (summary.converged, summary.writes) == (True, 0)
    assert [pair.only(system, "contact").fields["first_name"] for system in ("crm", "mail")] == ["Joanna", "Joanna"]


def test_a_create_done_before_the_login_lapsed_is_not_made_twice(office: Any) -> None:
    office.add("crm")
    office.add("mail", hints=True, index_lag_ms=600_000, unique_hub_id=False)
    office.create("crm", "account", name="First")
    office.sync()
    office.create("crm", "contact", last_name="Ada")
    mail = office.connectors["mail"]
    take = mail.write

    def lapse(stream: str, writes: Any) -> Any:
        mail.write = take
        take(stream, writes)
        raise NotAuthorised("the login lapsed in the middle")

    mail.write = lapse
    for _ in range(4):
        office.sync()
    assert mail.write == take
    assert office.values("mail", "contact", "last_name") == ["Ada"]


def test_a_throttled_stream_is_not_asked_over_and_over_in_one_run(pair: Any) -> None:
    pair.create("crm", "contact", email="ada@firm.example")
    pair.sync()
    pair.create("crm", "contact", email="bob@firm.example")
    asked = []

    def throttle(stream: str, writes: Any) -> Any:
        asked.append(stream)
        return [Outcome("throttled") for _ in writes]

    pair.connectors["mail"].write = throttle
    pair.sync()
    assert 1 <= len(asked) <= 2


def test_a_keyboard_interrupt_in_a_write_leaves_one_record(pair: Any) -> None:
    pair.create("crm", "contact", last_name="Ada")

    def at(name: str) -> None:
        if name == "called:mail" and pair.systems["mail"].alive("contact"):
            raise KeyboardInterrupt

    pair.boundary = at
    with pytest.raises(KeyboardInterrupt):
        pair.sync()
    pair.boundary = lambda name: None
    pair.sync()
    assert pair.sync().writes == 0
    assert len(pair.systems["mail"].alive("contact")) == 1


# -- what leaves the configuration


def test_a_lost_write_to_a_system_that_was_removed_holds_nobody_up(office: Any) -> None:
    for name in ("crm", "mail", "old"):
        office.add(name)
    ada = office.create("crm", "contact", email="ada@firm.example")
    office.sync()
    office.edit("crm", "contact", ada, title="Boss")

    def lose(stream: str, writes: Any) -> Any:
        raise Unavailable("the line is cut", sent=True)

    office.connectors["old"].write = lose
    office.sync()
    del office.connectors["old"]
    for _ in range(3):
        summary = office.sync()
    assert summary.converged
    assert office.values("mail", "contact", "title") == ["Boss"]


def test_links_of_a_stream_that_left_the_mapping_stay_and_fail_no_run(pair: Any) -> None:
    pair.create("crm", "contact", email="ada@firm.example")
    pair.sync()
    pair.store.db.sql.execute("UPDATE link SET stream = 'leads' WHERE system = 'crm'")
    pair.store.trees.mark_all()
    assert pair.sync().outcome != "failed"
    assert pair.store.db.rows("SELECT count(*) FROM link WHERE system = 'crm'") == [(1,)]
    assert [len(pair.systems[system].alive("contact")) for system in ("crm", "mail")] == [1, 1]


# -- counts, hooks, leases


def test_a_full_listing_counts_each_remote_once(pair: Any) -> None:
    for n in range(3):
        pair.create("crm", "contact", email=f"p{n}@firm.example")
    pair.sync()
    assert pair.sync(full=True).records["crm"]["contact"]["pulled"] == 3


def test_a_run_that_a_plugin_broke_is_told_as_failed(pair: Any) -> None:
    def broken() -> None:
        raise PluginFailed("the veto broke")

    pair.hooks = Hearing(broken)
    pair.create("crm", "contact", email="ada@firm.example")
    with pytest.raises(PluginFailed):
        pair.sync()
    assert pair.hooks.ends == ["failed"]


def test_a_lease_outlasts_a_plan_that_takes_its_time(pair: Any) -> None:
    left: list[int] = []

    def at(name: str) -> None:
        if name == "planned":
            left.append(pair.store.db.holder()[1] - pair.clock.now())

    pair.hooks = Hearing(lambda: pair.clock.advance(200_000))
    pair.boundary = at
    pair.create("crm", "contact", email="ada@firm.example")
    pair.sync()
    assert min(left) > 0


# -- damage


def spoil(path: Path, size: int) -> None:
    """Overwrite the beginning of each page but the first few."""
    damaged = bytearray(path.read_bytes())
    for start in range(4 * 8192, len(damaged), 8192):
        damaged[start : start + size] = b"\xff" * size
    path.write_bytes(damaged)


def test_a_damaged_journal_is_told_by_whoever_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = Store(path)
    row = "INSERT INTO journal(run, at, record, system, kind, op, outcome) VALUES ('r', 1, 'x', 's', 'k', 'o', 'ok')"
    with store.atomic():
        for _ in range(3000):
            store.db.sql.execute(row)
    store.close()
    spoil(path, 4000)

    def reopen_and_read() -> None:
        again = Store(path)
        try:
            again.work.entries("x")
        finally:
            again.close()

    with pytest.raises(StoreBroken):
        reopen_and_read()


def test_a_damaged_store_ends_in_an_error_that_says_so(office: Any, tmp_path: Path) -> None:
    office.store.close()
    path = tmp_path / "store.db"
    office.store = Store(path)
    office.add("crm")
    office.add("mail")
    for n in range(300):
        office.systems["crm"].person_create("contact", {"email": f"p{n}@firm.example"})
    office.sync()
    office.store.close()
    spoil(path, 2000)

    def reopen_and_sync() -> None:
        office.store = Store(path)
        office.sync()

    with pytest.raises(TielineError):
        reopen_and_sync()


def test_a_long_reading_leaves_the_cursor_where_its_first_page_allows(office: Any) -> None:
    """What is committed late appears behind the pages that were read already, however late the last page is."""
    office.add("crm", late_commit_ms=3000)
    office.add("mail")
    ada = office.create("crm", "contact", email="ada@firm.example")
    office.sync()
    crm = office.connectors["crm"]
    real, began = crm.changes, 0

    def changes(stream: str, window: Any, token: str | None) -> Page:
        nonlocal began
        if stream != "contacts":
            return real(stream, window, token)
        if token is None:
            began = office.clock.now()
            return real(stream, window, None)._replace(token="slow", now=began)
        return Page([], now=office.clock.advance(60_000))

    crm.changes = changes
    office.edit("crm", "contact", ada, title="Boss")
    office.sync(pause_ms=1)
    assert 0 < office.store.trees.cursor("crm", "contacts").since <= began - 3000


def test_behind_a_cap_that_is_all_fresh_reading_goes_on_and_the_cursor_stays(office: Any) -> None:
    """The index may order by older stamps than it shows: what stands between was perhaps not read, so nothing is lost
    only if the next run asks from the same place."""
    office.add("crm", hints=True, index_lag_ms=3000)
    office.add("mail")
    ada = office.create("crm", "contact", email="ada@firm.example")
    ben = office.create("crm", "contact", email="ben@firm.example")
    office.sync()
    crm, asked = office.connectors["crm"], []
    before = office.store.trees.cursor("crm", "contacts").since

    def changes(stream: str, window: Any, token: str | None) -> Page:
        if stream != "contacts":
            return Page([], now=office.clock.now())
        asked.append(window.since)
        hit = ada if len(asked) == 1 else ben
        shown = Remote(hit, {}, modified=office.clock.now() - 1)
        return Page([shown], capped=len(asked) == 1, now=office.clock.now())

    crm.changes = changes
    office.edit("crm", "contact", ben, title="Boss")
    office.sync(pause_ms=1)
    assert len(asked) == 2, "what stands behind the cap was not asked for"
    assert {r.fields.get("title") for r in office.systems["mail"].alive("contact")} == {None, "Boss"}
    assert office.store.trees.cursor("crm", "contacts").since == before


def test_a_system_that_failed_is_asked_for_nothing_more_in_that_run(office: Any) -> None:
    office.add("crm")
    office.add("mail", batch=1, writers=1, strong_read=False)
    for n in range(4):
        office.create("crm", "contact", last_name=f"Person {n}")
    tried: list[str] = []

    def refuse(stream: str, writes: Any) -> Any:
        tried.append(stream)
        raise Unavailable("maintenance", sent=False)

    office.inner["mail"].write = refuse
    assert office.sync().outcome == "failed"
    assert tried == ["contacts"]


def test_more_than_a_batch_is_written_in_one_round(office: Any) -> None:
    office.add("crm")
    office.add("mail", batch=1)
    for n in range(20):
        office.create("crm", "contact", last_name=f"Person {n}")
    assert office.sync().converged
    assert len(office.systems["mail"].alive("contact")) == 20


def test_a_run_that_is_cut_short_says_what_it_had_written(pair: Any) -> None:
    pair.create("crm", "contact", last_name="Ada")

    def stop(name: str) -> None:
        if name == "confirmed":
            pair.boundary = lambda name: None
            raise KeyboardInterrupt

    pair.boundary = stop
    with pytest.raises(KeyboardInterrupt):
        pair.sync()
    [run] = pair.store.book.runs()
    assert (run["outcome"], run["summary"]["writes"]) == ("failed", 1)


def test_a_listing_that_breaks_off_goes_on_behind_what_was_read(office: Any) -> None:
    office.add("crm", kinds=("contact",), page=2)
    office.add("mail", kinds=("contact",))
    for n in range(5):
        office.create("crm", "contact", last_name=f"Person {n}")
    inner = office.inner["crm"]
    real, asked = inner.list, []

    def listed(stream: str, token: str | None) -> Any:
        asked.append(token)
        if len(asked) == 3:
            raise Unavailable("maintenance", sent=False)
        return real(stream, token)

    inner.list = listed
    assert office.sync().outcome == "failed"
    assert office.sync().converged
    assert asked[3] == asked[2] is not None
    assert len(asked) == 4


def test_a_field_for_the_hub_id_that_is_made_later_is_filled_on_every_record(pair: Any) -> None:
    inner = pair.inner["crm"]
    real = inner.schema
    inner.schema = lambda stream: replace(real(stream), stamps=False, fingerprint="without")
    ada = pair.create("crm", "contact", last_name="Ada")
    pair.sync()
    assert pair.systems["crm"].get("contact", ada).hub_id is None
    inner.schema = real
    assert pair.sync(pause_ms=25 * 3_600_000).orders == {"crm": {"contact": {"link": 1}}}
    assert pair.systems["crm"].get("contact", ada).hub_id == pair.record_of("crm", "contact", ada)
