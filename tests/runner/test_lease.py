"""One writer per home: a second run leaves at once, a dead one is replaced, a replaced one stops."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tieline.errors import Locked
from tieline.runner import Options
from tieline.runner.context import LEASE_MS
from tieline.store import LeaseLost, Store


@pytest.fixture
def shared(pair: Any, tmp_path: Path) -> Any:
    """A home in a file, that a second process can open."""
    pair.store.close()
    pair.store = Store(tmp_path / "store.db")
    pair.other = Store(tmp_path / "store.db")
    yield pair
    pair.other.close()


def run(office: Any, store: Store) -> Any:
    return office.runner(store).sync(Options(confirm=lambda preview: True))


def test_a_second_run_leaves_at_once_and_says_who_holds_the_home(shared: Any) -> None:
    seen: list[str] = []

    def meanwhile(name: str) -> None:
        if name == "baseline" and not seen:
            with pytest.raises(Locked, match=str(os.getpid())) as error:
                run(shared, shared.other)
            seen.append(str(error.value))

    shared.boundary = meanwhile
    assert run(shared, shared.store).outcome == "done"
    assert seen


def test_a_holder_that_died_is_replaced_at_once(shared: Any) -> None:
    dead = json.dumps({"host": socket.gethostname(), "pid": 2**22 + 1, "started": "1"})
    shared.store.db.acquire(dead, shared.clock.now(), shared.clock.now() + 10**9)
    assert run(shared, shared.other).outcome == "done"


def test_a_process_number_used_again_is_not_the_holder(shared: Any) -> None:
    reused = json.dumps({"host": socket.gethostname(), "pid": os.getpid(), "started": "1"})
    shared.store.db.acquire(reused, shared.clock.now(), shared.clock.now() + 10**9)
    if Path("/proc/self/stat").exists():
        assert run(shared, shared.other).outcome == "done"


@pytest.mark.parametrize("owner", ["not json", json.dumps({"host": "elsewhere", "pid": 1, "started": "1"})])
def test_a_holder_of_whom_nothing_is_known_is_waited_for(shared: Any, owner: str) -> None:
    shared.store.db.acquire(owner, shared.clock.now(), shared.clock.now() + 1000)
    with pytest.raises(Locked):
        run(shared, shared.other)
    shared.clock.advance(2000)
    assert run(shared, shared.other).outcome == "done"


def test_a_run_that_was_replaced_writes_nothing_more(shared: Any) -> None:
    shared.create("crm", "contact", email="ada@firm.example")
    stolen: list[str] = []

    def steal(name: str) -> None:
        if name == "planned" and not stolen:
            stolen.append(name)
            shared.other.db.acquire("thief", shared.clock.now(), shared.clock.now() + 1000, dead=True)

    shared.boundary = steal
    with pytest.raises(LeaseLost):
        run(shared, shared.store)
    assert [shared.hub_writes(s) for s in shared.systems] == [0, 0]
    assert shared.other.db.holder() == ("thief", shared.clock.now() + 1000)


def test_a_lease_outlasts_a_run_that_takes_its_time(shared: Any) -> None:
    for n in range(5):
        shared.systems["crm"].person_create("contact", {"email": f"p{n}@firm.example"})
    left: list[int] = []

    def slowly(name: str) -> None:
        shared.clock.advance(50_000)
        holder = shared.other.db.holder()
        if name.startswith("call:"):
            left.append(holder[1] - shared.clock.now())

    shared.boundary = slowly
    assert run(shared, shared.store).outcome == "done"
    assert min(left) > 0


def test_a_run_gives_the_home_back_however_it_ends(shared: Any) -> None:
    shared.boundary = lambda name: (_ for _ in ()).throw(RuntimeError("no"))
    with pytest.raises(RuntimeError):
        run(shared, shared.store)
    shared.boundary = lambda name: None
    assert run(shared, shared.other).outcome == "done"
    assert [r["outcome"] for r in shared.store.book.runs()] == ["done", "failed"]


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="there are no users here")
def test_a_holder_that_runs_for_another_user_is_not_dead() -> None:
    code = """
import json, os, socket, sys
from tieline.runner.lease import _dead
owner = json.dumps({"host": socket.gethostname(), "pid": int(sys.argv[1]), "started": ""})
if os.geteuid() == 0:
    os.setuid(65534)
else:
    owner = owner.replace(f'"pid": {sys.argv[1]}', '"pid": 1')
sys.exit(3 if _dead(owner) else 0)
"""
    done = subprocess.run([sys.executable, "-c", code, str(os.getpid())], check=False, timeout=60)
    assert done.returncode == 0


@pytest.mark.parametrize("asleep", ["call:mail", "intended"])
def test_a_run_that_slept_past_its_lease_calls_nobody_when_it_wakes(shared: Any, asleep: str) -> None:
    shared.create("crm", "contact", email="ada@firm.example")
    run(shared, shared.store)
    shared.edit("crm", "contact", shared.only("crm", "contact").id, title="Boss")
    slept: list[str] = []

    def sleep(name: str) -> None:
        if name == asleep and not slept:
            slept.append(name)
            shared.clock.advance(2 * LEASE_MS)
            shared.other.db.acquire("thief", shared.clock.now(), shared.clock.now() + LEASE_MS)

    shared.boundary = sleep
    calls = shared.inner["mail"].calls.copy()
    with pytest.raises(LeaseLost):
        run(shared, shared.store)
    assert slept
    name = "write" if asleep == "intended" else "changes"
    assert shared.inner["mail"].calls[name] == calls[name]


def test_a_holder_of_whom_nobody_knows_when_it_began_is_not_dead() -> None:
    from tieline.runner.lease import _dead

    me = {"host": socket.gethostname(), "pid": os.getpid(), "started": ""}
    assert not _dead(json.dumps(me))
    assert _dead(json.dumps({**me, "started": "1"})) is Path(f"/proc/{os.getpid()}/stat").exists()
