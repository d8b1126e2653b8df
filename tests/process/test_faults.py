"""What goes wrong while a sync is under way: a clear message, nothing lost or doubled, and the next run goes on."""

from __future__ import annotations

import json
import resource
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from tests.process import company
from tests.process.harness import Call, Reply, as_json, finished, html, kill, put_away

Scene = Callable[..., Any]


def mended(scene: Any) -> None:
    """From here on everything works: sync until quiet; the SDKs find both sides equal."""
    for gate in scene.gates.values():
        gate.before, gate.after = (lambda call: None), (lambda call, reply: reply)
    runs = scene.desk.until_quiet()
    assert [r["code"] for r in runs] == [0] * len(runs), [(r["code"], r["notes"]) for r in runs]
    company.Outside(scene.sandboxes).check()


# -- stopped, locked, dead


def test_ctrl_c_in_the_middle_of_writing_ends_with_130_and_the_next_run_goes_on(scene: Scene) -> None:
    here = scene()
    company.fill(here.sandboxes)
    started = threading.Event()
    process: Any = None

    def interrupt(call: Call) -> Reply | None:
        started.wait(10)
        if call.write == 5:
            process.send_signal(signal.SIGINT)
            time.sleep(0.3)
        return None

    for gate in here.gates.values():
        gate.before = interrupt
    process = here.desk.start("sync", "--yes")
    started.set()
    done = finished(process)
    assert done.code == 130, done.err
    assert "Error: interrupted; what was committed stays" in done.err
    assert "Traceback" not in done.err
    assert here.counter.writes < 13, "it went on writing"
    mended(here)


def test_a_second_sync_leaves_at_once_and_says_who_holds_the_home_and_a_dead_holder_is_replaced_at_once(
    scene: Scene,
) -> None:
    here = scene()
    company.fill(here.sandboxes)
    reached, go_on = threading.Event(), threading.Event()

    def hold(call: Call) -> Reply | None:
        if call.write == 2:
            reached.set()
            go_on.wait(30)
        return None

    for gate in here.gates.values():
        gate.before = hold
    first = here.desk.start("sync", "--yes", "--json")
    try:
        assert reached.wait(30)
        calls = here.counter.calls
        second = here.desk.run("sync", "--yes")
        assert first.poll() is None, "it was waited for instead of left alone"
        assert second.code == 1
        assert f"another run holds this home: process {first.pid} on " in second.err
        assert "Next: tieline status" in second.err
        as_told = here.desk.run("sync", "--json")
        assert (as_told.code, as_told.json["outcome"], as_told.json["writes"]) == (1, "locked", 0)
        assert here.counter.calls <= calls + 4, "the second run asked the systems"
        kill(first)
        assert finished(first).code == -9
    finally:
        go_on.set()
        put_away(first)
    mended(here)


# -- the disk


def test_a_full_disk_ends_the_run_before_anything_more_is_written_and_the_next_goes_on(scene: Scene) -> None:
    here = scene()
    company.fill(here.sandboxes)
    assert here.desk.run("plan").code == 0
    database = here.desk.home / "tieline.db"
    size = max(p.stat().st_size for p in here.desk.home.glob("tieline.db*"))
    failed = 0
    for room in (0, 64_000, 160_000, 400_000):
        limit = size + room
        before = here.counter.writes
        process = here.desk.start(
            "sync", "--yes",
            preexec_fn=lambda limit=limit: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        )  # fmt: skip
        done = finished(process)
        if done.code == 0:
            break
        failed += 1
        assert done.code == 1, done.err
        assert "cannot write" in done.err, done.err
        assert "tieline.db" in done.err
        assert "Traceback" not in done.err
        if room == 0:
            assert here.counter.writes == before, "it wrote although its first commit could not be kept"
    assert failed, "the disk was never full: this shows nothing"
    assert database.exists()
    mended(here)


def test_a_damaged_database_is_refused_and_nothing_is_written(scene: Scene) -> None:
    here = scene()
    company.fill(here.sandboxes)
    assert here.desk.sync()["code"] == 0
    database = here.desk.home / "tieline.db"
    for left in here.desk.home.glob("tieline.db-*"):
        left.unlink()
    content = bytearray(database.read_bytes())
    page = int.from_bytes(content[16:18], "big")
    for start in range(page, len(content), page):  # every page but the first: the header still says what it is
        content[start : start + 200] = b"\xa5" * 200
    database.write_bytes(content)
    before = here.counter.calls
    done = here.desk.run("sync", "--yes")
    assert done.code == 2, done.out
    assert "is damaged" in done.err, done.err
    assert str(database) in done.err
    assert "Next: put a backup of it back, or tieline rebuild" in done.err
    assert "Traceback" not in done.err
    assert here.counter.calls == before, "it asked the systems with a memory it cannot trust"


def test_a_rebuild_finds_every_record_by_its_hub_id_and_writes_nothing_before_somebody_agrees(scene: Scene) -> None:
    here = scene()
    company.fill(here.sandboxes)
    assert here.desk.sync()["code"] == 0
    here.desk.until_quiet()
    refused = here.desk.run("rebuild")
    assert refused.code == 2
    assert "nothing is wrong with" in refused.err
    database = here.desk.home / "tieline.db"
    for left in here.desk.home.glob("tieline.db-*"):
        left.unlink()
    database.write_bytes(b"\xa5" * 8192)
    writes = here.counter.writes
    done = here.desk.run("rebuild", "--json")
    assert done.code == 0, done.err
    assert done.json["kept"].startswith(str(database))
    assert done.json["orders"] == {}, "what carries a hub id was not found again"
    assert here.counter.writes == writes
    assert here.desk.run("sync", "--yes").code == 0
    assert here.counter.writes == writes
    company.Outside(here.sandboxes).check()


def stop_between_transactions(process: subprocess.Popen[str], database: Path) -> None:
    """Stop a run while it holds no lock of its store, as a machine that is suspended may; then its lease runs out."""
    for _ in range(200):
        process.send_signal(signal.SIGSTOP)
        with closing(sqlite3.connect(database, timeout=0.1)) as store, suppress(sqlite3.OperationalError):
            store.execute("UPDATE lease SET until = 0, owner = '{}'")
            store.commit()
            return
        process.send_signal(signal.SIGCONT)
        time.sleep(0.02)
    raise AssertionError("it holds the lock all the time")


def test_a_run_that_was_stopped_and_replaced_writes_nothing_more_when_it_wakes(scene: Scene) -> None:
    here = scene()
    company.fill(here.sandboxes)
    reached, go_on = threading.Event(), threading.Event()

    def hold(call: Call) -> Reply | None:
        if call.write == 3 and not go_on.is_set():
            reached.set()
            go_on.wait(30)
        return None

    for gate in here.gates.values():
        gate.before = hold
    zombie = here.desk.start("sync", "--yes", "--json")
    try:
        assert reached.wait(30)
        stop_between_transactions(zombie, here.desk.home / "tieline.db")
        go_on.set()  # the call on the wire arrives; nobody is awake to read its answer
        here.desk.until_quiet()
        writes = here.counter.writes
        zombie.send_signal(signal.SIGCONT)
        woken = finished(zombie)
        assert woken.code == 1, woken.err
        assert "another run took over" in woken.err + woken.out
        assert here.counter.writes == writes, "it went on writing after it was replaced"
    finally:
        go_on.set()
        put_away(zombie)
    mended(here)


def test_what_is_no_database_at_all_is_refused(scene: Scene) -> None:
    here = scene()
    here.desk.home.mkdir(mode=0o700)
    database = here.desk.home / "tieline.db"
    database.write_bytes(b"hello " * 1000)
    database.chmod(0o600)
    done = here.desk.run("sync", "--yes")
    assert done.code == 2, done.out
    assert "is damaged" in done.err
    assert here.counter.calls == 0


# -- answers that make no sense


GARBAGE = (
    ("marketing", "/crm/objects/", html()),
    ("marketing", "/crm/objects/", as_json({"results": "none of your business"})),
    ("marketing", "/crm/objects/", as_json([1, 2, 3])),
    ("marketing", "/crm/properties/", as_json({"results": [{"no": "name"}]})),
    ("crm", "/query", html()),
    ("crm", "/query", as_json({"records": "none"})),
    ("crm", "/query", as_json([])),
    ("crm", "/query", as_json({"totalSize": 1, "done": True, "records": [{"attributes": {}}]})),
    ("crm", "/describe", as_json({"fields": None})),
)


def test_an_answer_of_garbage_ends_that_system_with_a_reason_and_nothing_is_written_anywhere(scene: Scene) -> None:
    here = scene()
    company.fill(here.sandboxes)
    for system, path, answer in GARBAGE:
        told = f"{system} {path} {answer.body.decode()[:40]}"
        here.gates[system].before = lambda call, path=path, answer=answer: answer if path in call.path else None
        run = here.desk.sync()
        here.gates[system].before = lambda call: None
        assert (run["code"], run["outcome"], run["converged"]) == (1, "failed", False), (told, run)
        assert any(note.startswith(f"{system}: ") for note in run["notes"]), (told, run["notes"])
        assert "Traceback" not in run["err"], told
        assert here.counter.writes == 0, f"{told}: nobody is written to before all have been read"
        shutil.rmtree(here.desk.home)
    mended(here)


def test_a_page_that_repeats_for_ever_is_noticed(scene: Scene) -> None:
    here = scene("repeat-page", seed="demo")
    run = here.desk.sync()
    assert run["code"] == 1
    assert here.counter.calls < 100
    written = {kind for kinds in run["orders"].values() for kind in kinds}
    assert written <= {"campaign"}, "only campaigns fit on one page: nothing else has been read to its end"
    assert any("again" in n or "just given" in n for n in run["notes"]), run["notes"]
    assert "status" in here.desk.run("sync", "--yes").out


# -- values that are not taken


def test_an_unknown_picklist_value_waits_in_review_and_the_other_fields_go_on(scene: Scene) -> None:
    here = scene()
    rows = [
        {"Name": "Basket Works", "Website": "basket.example", "Industry": "Underwater Basketry", "Phone": "555-0100"}
    ]
    company.crm_create(here.sandboxes, "Account", rows)
    run = here.desk.sync()
    assert (run["code"], run["outcome"], run["converged"], run["reviews"]) == (3, "waiting", True, 1), run
    hub = company.marketing_sdk(here.sandboxes).crm.companies
    (made,) = hub.get_all(properties=["name", "domain", "phone", "industry"])
    assert made.properties["name"] == "Basket Works"
    assert (made.properties["domain"], made.properties["phone"]) == ("basket.example", "555-0100")
    assert made.properties["industry"] is None
    (review,) = here.desk.run("review", "list", "--json").json
    assert review["topic"] == "rejected"
    assert "Underwater Basketry" in review["summary"]
    assert "industry" in review["summary"]
    again = here.desk.sync()
    assert (again["code"], again["writes"]) == (3, 0)
    for gate in here.gates.values():
        assert gate.counter.writes < 12, "it was tried again and again"


def test_a_required_field_that_nobody_has_is_told_and_other_records_go_on(scene: Scene) -> None:
    here = scene()
    rows = [{"email": "nameless@firm1.example"}, {"email": "ann@firm1.example", "firstname": "Ann", "lastname": "Lee"}]
    company.marketing_create(here.sandboxes, "contacts", "email", rows)
    run = here.desk.sync()
    assert run["code"] == 3, run
    assert run["records"]["marketing"]["contact"]["rejected"] == 1, run["records"]
    outside = company.Outside(here.sandboxes)
    assert [r["Email"] for r in outside.crm["contact"]] == ["ann@firm1.example"]
    reviews = here.desk.run("review", "list", "--json").json
    assert any("requires last_name" in r["summary"] for r in reviews), reviews
    assert here.desk.sync()["writes"] == 0


# -- plugins


SHORT = '''\
"""A connector that answers fewer outcomes than it was asked for."""
from pathlib import Path
from tieline import ConnectorSpec, Rule, hookimpl
from tieline.records import FIELDS
from tieline.testing import STREAMS, Character, MemoryConnector, MemorySystem

class Short(MemoryConnector):
    def write(self, stream, writes):
        Path("written").open("a").write(f"{self.system.character.name} {len(writes)}\\n")
        return list(super().write(stream, writes))[:-1]

def connect(context):
    system = MemorySystem(Character(name=context.system, kinds=("account",)))
    if context.system == "one":
        for n in range(3):
            system.person_create("account", {"name": f"Firm {n}", "domain": f"firm{n}.example"})
    return Short(system)

@hookimpl
def tieline_connectors():
    table = {STREAMS["account"]: tuple(Rule(n, n) for n in FIELDS["account"])}
    return [ConnectorSpec(name="short", title="Short", streams=tuple(table), kinds={STREAMS["account"]: "account"},
                          connect=connect, mapping=table)]
'''


def install(folder: Path, name: str, source: str) -> dict[str, str]:
    """A distribution with one entry point, found by way of the environment that is returned."""
    folder.mkdir()
    (folder / f"{name}_plugin.py").write_text(source, encoding="utf-8")
    info = folder / f"{name}_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[tieline]\n{name} = {name}_plugin\n")
    return {"PYTHONPATH": str(folder)}


def test_a_connector_that_answers_too_few_outcomes_is_named_and_nothing_is_sent_twice(
    tmp_path: Path, plain_desk: Any
) -> None:
    plain_desk.env |= install(tmp_path / "site", "short", SHORT)
    plain_desk.config.write_text('[systems.one]\nconnector = "short"\n[systems.two]\nconnector = "short"\n')
    done = plain_desk.run("sync", "--yes", "--json")
    assert done.code == 1, done.out + done.err
    assert any("two: answered 2 outcomes to 3 writes" in note for note in done.json["notes"]), done.out
    assert "Traceback" not in done.err
    assert "ContractViolation" in (plain_desk.home / "tieline.log").read_text(), "the traceback belongs in the log"
    status = plain_desk.run("status", "--json")
    assert status.code == 0
    asked = sorted((plain_desk.folder / "written").read_text().splitlines())
    assert asked == ["one 3", "two 3"], "somebody was asked again in the same run"


BROKEN = "raise RuntimeError('the flux compensator is missing')\n"


def test_a_plugin_that_fails_to_import_takes_nobody_down_and_is_named_where_it_is_needed(
    tmp_path: Path, plain_desk: Any
) -> None:
    plain_desk.env |= install(tmp_path / "site", "flux", BROKEN)
    assert plain_desk.run("plugins", "trust", "flux").code == 0
    listed = plain_desk.run("plugins", "list", "--json")
    assert listed.code in (0, 1)
    text = json.dumps(listed.json)
    assert "RuntimeError: the flux compensator is missing" in text
    assert "hubspot" in text
    plain_desk.config.write_text('[systems.one]\nconnector = "flux"\n')
    for line in (("check", "--offline"), ("sync", "--yes")):
        done = plain_desk.run(*line)
        assert done.code in (1, 2), done.out
        assert "flux" in done.err
        assert "the flux compensator is missing" in done.err
        assert "Traceback" not in done.err
        assert "Next: " in done.err


def test_a_lost_create_without_a_hub_field_is_looked_for_and_nobody_is_asked_about_it(scene: Scene) -> None:
    here = scene("lost-answer", "no-hub-field")
    company.fill(here.sandboxes)
    assert here.desk.sync()["code"] == 1
    for _ in range(2):
        run = here.desk.sync()
        assert (run["code"], run["writes"], run["reviews"], run["converged"]) == (0, 0, 0, False), run
        assert any("is not known yet; the next run looks again" in note for note in run["notes"]), run["notes"]
    company.Outside(here.sandboxes, stamped=False).check()
