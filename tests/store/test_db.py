"""The file: its rights, its transactions, its lease, and what happens when the disk lets it down."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tieline.errors import Locked, UserError
from tieline.store import Cursor, LeaseLost, Store, StoreBroken, StoreFull
from tieline.store import schema as tables
from tieline.store.db import StoreReadOnly

Open = Callable[[], Store]
NOW, LATER = 1_000, 2_000


def test_a_schema_is_made_once_and_found_again(path: Path, reopen: Open) -> None:
    first = reopen()
    with first.atomic():
        first.db.set_meta("word", "kept")
    first.close()
    second = reopen()
    assert second.db.meta("word") == "kept"
    assert second.db.sql.execute("PRAGMA user_version").fetchone()[0] == tables.VERSION
    applied = second.db.rows("SELECT count(*) FROM _sqlite_migrations")
    assert applied == [(tables.VERSION,)]


def test_a_home_of_the_first_version_is_brought_up_to_date(path: Path, reopen: Open) -> None:
    old = reopen()
    for table, column in (("link", "risen"), ("link", "provisional"), ("cursor", "feed")):
        old.db.sql.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
    old.db.sql.execute("DROP TABLE torn")
    old.db.sql.execute("DROP INDEX alias_remote")
    old.db.sql.execute("DELETE FROM _sqlite_migrations WHERE name IN ('second', 'third', 'fourth', 'fifth')")
    old.db.sql.execute("PRAGMA user_version = 1")
    old.close()
    new = reopen()
    assert new.db.rows("SELECT count(risen) FROM link") == [(0,)]
    assert new.torn.counts() == []


def test_a_home_of_the_second_version_keeps_where_it_stood(path: Path, reopen: Open) -> None:
    old = reopen()
    with old.atomic():
        old.trees.save_cursor(Cursor("crm", "contacts", True, since=7))
    for table, column in (("link", "provisional"), ("cursor", "feed")):
        old.db.sql.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
    old.db.sql.execute("DROP TABLE torn")
    old.db.sql.execute("DROP INDEX alias_remote")
    old.db.sql.execute("DELETE FROM _sqlite_migrations WHERE name IN ('third', 'fourth', 'fifth')")
    old.db.sql.execute("PRAGMA user_version = 2")
    old.close()
    assert reopen().trees.cursor("crm", "contacts") == Cursor("crm", "contacts", True, since=7, feed=None)


def test_a_home_of_a_newer_version_is_left_alone(path: Path, reopen: Open) -> None:
    store = reopen()
    store.db.sql.execute(f"PRAGMA user_version = {tables.VERSION + 1}")
    store.close()
    with pytest.raises(UserError, match="newer"):
        reopen()


@pytest.mark.skipif(os.name != "posix", reason="rights as POSIX has them")
def test_the_file_and_its_companions_are_the_owners_alone(path: Path, reopen: Open) -> None:
    before = os.umask(0)
    try:
        store = reopen()
        with store.atomic():
            store.db.set_meta("word", "x")
        for name in (path, *path.parent.glob("store.db-*")):
            assert stat.S_IMODE(name.stat().st_mode) == 0o600, name
    finally:
        os.umask(before)


def test_a_step_that_fails_leaves_nothing(store: Store) -> None:
    def fail() -> None:
        with store.atomic():
            store.db.set_meta("word", "half")
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        fail()
    assert store.db.meta("word") is None


def test_an_interrupt_in_a_step_leaves_nothing(store: Store) -> None:
    def interrupted() -> None:
        with store.atomic():
            store.db.set_meta("word", "half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert store.db.meta("word") is None
    with store.atomic():  # and the next step works
        store.db.set_meta("word", "whole")
    assert store.db.meta("word") == "whole"


def test_a_full_disk_undoes_the_step_and_the_store_goes_on(store: Store) -> None:
    with store.atomic():
        store.db.set_meta("word", "before")
    pages = store.db.sql.execute("PRAGMA page_count").fetchone()[0]
    store.db.sql.execute(f"PRAGMA max_page_count = {pages}")

    def fill() -> None:
        with store.atomic():
            store.db.set_meta("word", "after")
            store.db.set_meta("much", "x" * 1_000_000)

    with pytest.raises(StoreFull) as caught:
        fill()
    assert "make room" in caught.value.hint
    assert store.db.meta("word") == "before"
    assert store.db.meta("much") is None
    store.db.sql.execute("PRAGMA max_page_count = 1000000")
    fill()
    assert store.db.meta("word") == "after"


def test_a_file_that_is_no_database_is_said_to_be_damaged(path: Path, reopen: Open) -> None:
    path.write_bytes(b"this is not a database at all" * 1000)
    with pytest.raises(StoreBroken):
        reopen()


def test_a_damaged_page_is_found_by_the_check(path: Path, reopen: Open) -> None:
    store = reopen()
    with store.atomic():
        for n in range(2000):
            store.db.set_meta(f"key {n}", "value " * 10)
    store.close()
    data = bytearray(path.read_bytes())
    for at in range(8192 * 6, len(data), 8192):
        data[at : at + 4000] = b"\xff" * 4000
    path.write_bytes(data)
    again = reopen()
    with pytest.raises(StoreBroken):
        again.db.check()


def test_a_sound_file_passes_the_check(store: Store) -> None:
    store.db.check()


def test_two_processes_take_turns(store: Store, reopen: Open) -> None:
    other = reopen()
    other.db.sql.execute("PRAGMA busy_timeout = 10")
    with store.atomic(), pytest.raises(Locked), other.atomic():
        pass
    with other.atomic():
        other.db.set_meta("word", "x")
    assert store.db.meta("word") == "x"


# -- the lease


def test_a_lease_is_held_by_one(store: Store, reopen: Open) -> None:
    store.db.acquire("one", NOW, LATER)
    with pytest.raises(Locked, match="one"):
        reopen().db.acquire("two", NOW, LATER)


def test_each_holder_has_a_newer_epoch(store: Store) -> None:
    epochs = []
    for _ in range(3):
        epochs.append(store.db.acquire("one", NOW, LATER))
        store.db.release()
    assert epochs == sorted(set(epochs))


def test_a_lease_that_ran_out_is_free(store: Store, reopen: Open) -> None:
    store.db.acquire("one", NOW, LATER)
    assert reopen().db.acquire("two", LATER, LATER + 1) == 2


def test_a_dead_holder_is_replaced_at_once(store: Store, reopen: Open) -> None:
    store.db.acquire("one", NOW, LATER)
    assert reopen().db.acquire("two", NOW, LATER, dead=True) == 2


def test_a_replaced_holder_cannot_commit(store: Store, reopen: Open) -> None:
    store.db.acquire("one", NOW, LATER)
    other = reopen()
    other.db.acquire("two", NOW, LATER, dead=True)

    def commit() -> None:
        with store.atomic():
            store.db.set_meta("word", "from the dead")

    with pytest.raises(LeaseLost):
        commit()
    assert other.db.meta("word") is None


def test_a_replaced_holder_can_neither_renew_nor_give_back(store: Store, reopen: Open) -> None:
    store.db.acquire("one", NOW, LATER)
    other = reopen()
    other.db.acquire("two", NOW, LATER, dead=True)
    with pytest.raises(LeaseLost):
        store.db.renew(LATER * 2)
    store.db.release()
    assert other.db.holder() == ("two", LATER)


def test_giving_back_lets_the_next_one_in(store: Store, reopen: Open) -> None:
    store.db.acquire("one", NOW, LATER)
    store.db.release()
    assert reopen().db.acquire("two", NOW, LATER) == 2


def test_a_database_that_may_not_be_written_is_a_persons_to_mend(reopen: Open) -> None:
    store = reopen()
    store.db.sql.execute("PRAGMA query_only = 1")  # SQLite says the same of a read-only file or folder
    with pytest.raises(UserError, match="cannot be written") as caught, store.atomic():
        store.db.set_meta("a", "b")
    assert caught.value.fatal
    assert "writable" in caught.value.hint


def test_a_path_that_cannot_be_opened_is_told_as_one_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(StoreReadOnly, match="cannot be written"):
        Store(tmp_path)
