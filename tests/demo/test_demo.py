"""`tieline demo` from outside: what it says and prints as JSON, what it leaves, and that the sides really agree."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.request import urlopen

import pytest
from click.testing import Result

from tieline.cli.console import width_of
from tieline.demo.clock import HOUR_MS, PastClock
from tieline.demo.day import (
    BRIGHTWATER,
    DEAL,
    HALDEN,
    INES,
    MAREK,
    NILS,
    OSKAR,
    PRIYA,
    TYPED_DEAL,
    TYPED_STAGE,
    YARA,
)
from tieline.demo.home import INSTALL, chosen
from tieline.demo.play import Told, playing
from tieline.engine.match import equivalent
from tieline.plugins import Registry
from tieline.records import REFERENCES, spec_of

Tieline = Callable[..., Result]
SYNC_KEYS = {
    "run", "outcome", "converged", "writes", "reviews", "api_calls", "records", "orders", "stages", "notes",
}  # fmt: skip
WAIT = 60.0
APART = ("budget", "actual_cost", "lead_status")
"""What marketing's system adds up by itself and nobody can write there; and what each side has words of its own for,
so that the default policy is `none`."""


# -- what it prints


def test_the_json_is_one_value_of_the_pinned_shape(played: Result) -> None:
    assert played.exit_code == 0, played.stderr
    told = json.loads(played.stdout)
    assert set(told) == {"converged", "writes_in_last_run", "home", "before", "after", "runs"}
    assert told["converged"] is True
    assert told["writes_in_last_run"] == 0
    assert [set(run) for run in told["runs"]] == [SYNC_KEYS] * 3
    assert [run["writes"] > 0 for run in told["runs"]] == [True, True, False]
    assert all(run["converged"] and run["outcome"] == "waiting" for run in told["runs"])
    assert all(run["api_calls"]["crm"] < 60 for run in told["runs"]), "each run counts its own calls"


def test_the_company_is_large_and_grows_together(played: Result) -> None:
    told = json.loads(played.stdout)
    for kind, least in {"account": 150, "contact": 500, "opportunity": 200, "campaign": 12}.items():
        before = [told["before"][system][kind] for system in ("crm", "marketing")]
        after = [told["after"][system][kind] for system in ("crm", "marketing")]
        assert min(before) >= least
        assert all(b < a for b, a in zip(before, after, strict=True))
        assert abs(after[0] - after[1]) <= 2, "only what is in review is on one side alone"


def test_the_first_sync_refuses_nothing_and_lets_nothing_wait(played: Result) -> None:
    first = json.loads(played.stdout)["runs"][0]
    ends = [counts for kinds in first["records"].values() for counts in kinds.values()]
    assert sum(c["rejected"] + c["waiting"] for c in ends) == 0
    assert sum(c["review"] for c in ends) == first["reviews"]
    assert 5 <= first["reviews"] <= 12


def test_the_story_has_the_whole_day_and_fits_a_terminal(performance: Result) -> None:
    assert performance.exit_code == 0, performance.stderr
    story = performance.stdout
    for said in (
        "Mei moves a deal",
        '"Qualification" → "Needs Analysis" (office, two-way)',
        "Tom converts the lead Nils Ahlgren",
        "Yara Nasser asks support for no more e-mail",
        "merges the two entries of Jonas Weber",
        '"Cheif Engineer" → "Chief Engineer" (marketing, two-way)',
        '"Proposal/Price Quote" → "Negotiation/Review" (crm, two-way)',
        '"allowed" → "opted_out" (support, two-way)',
        '"Lenses" → "Technology" (crm, only:crm)',
        'phone "555 0199" of marketing gave way to "555 0142" of crm (prefer:crm)',
        'phone = "555 0142"',
        "Oskar Lind: title was edited in",
        "Platinum was not one of the allowed",
        "has answered 3 reviews",
        "0 writes, converged",
        "crm 0, marketing 0, support 0, office 0.",
        "tieline sandbox --home . &",
        "tieline review accept",
    ):
        assert " ".join(said.split()) in " ".join(story.split()), said
    lines = story.split("\n")
    assert [line for line in lines if width_of(line) > 80] == []
    assert len(lines) <= 125


# -- what it came to, seen past the hub


@pytest.mark.parametrize(
    ("other", "least", "waits"),
    [
        ("marketing", 1000, {(BRIGHTWATER, "x_tier"), (OSKAR, "title")}),
        ("support", 800, {(BRIGHTWATER, "x_tier"), (OSKAR, "title")}),
        ("office", 1000, {(OSKAR, "title")}),
    ],
)
def test_both_sides_agree_on_every_field_but_those_that_wait(
    everything: Any, other: str, least: int, waits: set[Any]
) -> None:
    crm, there = _by_record(everything, "crm"), _by_record(everything, other)
    both = crm.keys() & there.keys()
    assert len(both) > least
    different = set()
    for record in both:
        kind, one, two = record[0], crm[record], there[record]
        for name in one.keys() & two.keys():
            if name not in APART and not _same(kind, name, one[name], two[name]):
                different.add((one.get("name") or one.get("email"), name))
    assert different == waits


def test_what_people_did_reached_the_other_side(everything: Any) -> None:
    def held(system: str, kind: str, key: str) -> dict[str, Any]:
        rows = [r.fields for r in everything[system][kind]]
        (found,) = [
            f for f in rows if str(f.get("email" if kind == "contact" else "name")).casefold() == key.casefold()
        ]
        return dict(found)

    assert held("marketing", "opportunity", DEAL)["stage"] == "Negotiation/Review"
    assert held("crm", "contact", INES)["title"] == "Chief Engineer"
    assert held("crm", "opportunity", TYPED_DEAL)["stage"] == TYPED_STAGE, "as it was typed into the sheet"
    assert held("marketing", "opportunity", TYPED_DEAL)["stage"] == TYPED_STAGE
    assert held("crm", "contact", NILS)["account"] is not None, "a lead has none: he is a contact now, and only one"
    assert held("marketing", "contact", NILS)["last_name"] == "Ahlgren"
    for system in ("crm", "marketing", "support", "office"):
        marek = held(system, "contact", MAREK)
        assert (marek["title"], marek["mobile"], marek["phone"]) == ("Head of Procurement", "555 0171", "555 0173")
        assert held(system, "contact", PRIYA)["phone"] == "555 0142"
        assert system == "office" or held(system, "contact", YARA)["consent_email"] == "opted_out"
    assert held("support", "contact", INES)["title"] == "Chief Engineer"
    assert held("support", "account", HALDEN)["industry"] == "Technology", "an edit of what sales decides is put back"
    assert held("crm", "contact", OSKAR)["title"] == "Fleet Director", "what waits is left as each side has it"
    assert held("marketing", "contact", OSKAR)["title"] == "VP Logistics"


def _by_record(everything: Any, system: str) -> dict[tuple[str, str], dict[str, Any]]:
    """(kind, hub id; the name for campaigns, which carry none everywhere) → fields, references as such ids."""
    names = {
        (kind, r.id): str(r.fields["name"]).casefold() if kind == "campaign" else r.hub_id
        for kind, remotes in everything[system].items()
        for r in remotes
    }
    found = {}
    for kind, remotes in everything[system].items():
        for remote in remotes:
            if names[kind, remote.id]:
                fields = {n: _named(kind, n, v, names) for n, v in remote.fields.items()}
                found[kind, names[kind, remote.id]] = fields
    return found


def _named(kind: Any, name: str, value: Any, names: dict[Any, Any]) -> Any:
    target = REFERENCES[kind].get(name)
    if target is None or value is None:
        return value
    return sorted(names[target, r["id"]] for r in value) if isinstance(value, list) else names[target, value]


def _same(kind: Any, name: str, one: Any, other: Any) -> bool:
    return one == other or (name not in REFERENCES[kind] and equivalent(spec_of(kind, name).type, one, other))


# -- the home it leaves


@pytest.fixture
def copy(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the home, to work in."""
    shutil.copytree(home, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    return tmp_path / "copy"


def test_the_home_is_closed_to_others_and_holds_no_token_in_its_configuration(home: Path) -> None:
    for path in [home, *home.rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path
    token = (home / "secrets" / "crm").read_text()
    assert token
    assert token not in (home / "tieline.toml").read_text()


def test_the_saved_stand_ins_serve_on_and_a_sync_on_them_writes_nothing(
    copy: Path, tieline: Tieline, served: Any
) -> None:
    with served(copy) as servers:
        ran = tieline("sync", "--json")
        assert ran.exit_code == 3, ran.stderr
        assert json.loads(ran.stdout)["writes"] == 0
        for server in servers.values():
            with urlopen(f"{server.base_url}/_sandbox/stats") as answer:
                stats = json.load(answer)
            assert stats["requests"] > 0
            assert stats["writes"] == 0


def test_the_commands_it_names_work_in_the_home_without_an_option(copy: Path, tieline: Tieline) -> None:
    status = json.loads(tieline("status", "--json").stdout)
    assert len(status["runs"]) == 4
    assert [(r["system"], r["field"]) for r in status["refused"]] == [("marketing", "x_tier"), ("support", "x_tier")]
    told = json.loads(tieline("explain", "contact", PRIYA, "phone", "--json").stdout)["fields"]["phone"]
    assert (told["value"], told["policy"], told["origin"]) == ("555 0142", "prefer:crm", "crm")
    history = json.loads(tieline("history", "contact", MAREK, "--json").stdout)["entries"]
    assert {"title", "mobile"} <= {name for entry in history for name in entry["changes"]}
    reviews = json.loads(tieline("review", "list", "--json").stdout)
    assert {r["topic"] for r in reviews} == {"match", "conflict", "rejected"}
    assert tieline("check", "--offline").exit_code == 0


def test_an_answered_review_is_written_by_the_next_sync_and_then_nothing_is_left(
    copy: Path, tieline: Tieline, served: Any
) -> None:
    reviews = json.loads(tieline("review", "list", "--topic", "conflict", "--json").stdout)
    assert tieline("review", "accept", str(reviews[0]["id"])).exit_code == 0
    with served(copy):
        once, again = (json.loads(tieline("sync", "--json").stdout) for _ in range(2))
    assert (once["writes"], again["writes"]) == (3, 0)
    title = json.loads(tieline("explain", "contact", OSKAR, "title", "--json").stdout)["fields"]["title"]
    assert title["value"] in ("VP Logistics", "Fleet Director")
    assert {there["value"] for there in title["systems"].values()} == {title["value"]}


# -- when it cannot be played


def test_without_the_plugins_it_says_what_to_install_and_makes_nothing(
    tieline: Tieline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = tieline("demo", registry=Registry())
    assert ended.exit_code == 2
    assert INSTALL in ended.stderr
    assert "tieline-hubspot" in ended.stderr
    assert list(tmp_path.iterdir()) == []
    assert json.loads(tieline("demo", "--json", registry=Registry()).stdout)["error"]["exit_code"] == 2


def test_a_folder_that_is_taken_is_left_alone(tieline: Tieline, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    ended = tieline("demo", "--dir", str(tmp_path))
    assert ended.exit_code == 2
    assert "is there already" in ended.stderr
    assert (tmp_path / "mine").read_text() == "mine"


def test_a_play_that_is_stopped_saves_the_stand_ins(tmp_path: Path, stopped: threading.Event) -> None:
    registry = Registry.discover()
    with (
        pytest.raises(KeyboardInterrupt),
        playing(registry, chosen(registry), tmp_path / "home", stopped) as play,
    ):
        play.sync()
    assert {p.name for p in (tmp_path / "home" / "sandboxes").iterdir()} == {
        "salesforce.json", "hubspot.json", "zendesk.json", "google.json",
    }  # fmt: skip


def test_ctrl_c_ends_it_with_130_and_says_what_is_left(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tieline", "demo"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ},
    )  # fmt: skip
    assert process.stdout is not None
    assert "Northbay" in process.stdout.readline()
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=WAIT)
    assert process.returncode == 130, err
    assert "interrupted; what was done so far is left in tieline-demo" in err
    assert "Traceback" not in err
    assert (tmp_path / "tieline-demo" / "sandboxes").is_dir()


def test_it_has_converged_only_when_every_run_did_and_nobody_counted_a_write_in_the_last() -> None:
    def told(*runs: tuple[bool, int], counted: int = 0) -> Told:
        made: list[Any] = [SimpleNamespace(converged=done, writes=writes) for done, writes in runs]
        return Told("home", runs=made, counted={"crm": counted})

    assert told((True, 9), (True, 2), (True, 0)).converged
    assert not told((True, 9), (True, 2), (True, 1)).converged
    assert not told((True, 9), (False, 2), (True, 0)).converged
    assert not told((True, 9), (True, 0)).converged
    assert not told((True, 9), (True, 2), (True, 0), counted=1).converged


def test_the_clock_is_behind_and_never_ahead() -> None:
    real: Any = SimpleNamespace(now=lambda: 100 * HOUR_MS)
    clock = PastClock(9 * HOUR_MS, real)
    assert clock.now() == 91 * HOUR_MS
    clock.pass_by(4 * HOUR_MS)
    assert clock.now() == 95 * HOUR_MS
    clock.pass_by(40 * HOUR_MS)
    assert clock.now() == 100 * HOUR_MS


def test_nobody_in_the_demo_waits_before_the_machines_now_is_reached() -> None:
    waited: list[float] = []
    real: Any = SimpleNamespace(now=lambda: 100 * HOUR_MS, monotonic=lambda: 7.0, sleep=waited.append)
    clock = PastClock(2_500, real)
    clock.sleep(1.0)
    clock.sleep(0.5)
    assert (clock.now(), clock.monotonic(), waited) == (100 * HOUR_MS - 1_000, 8.5, [])
    clock.sleep(1.25)
    assert (clock.now(), clock.monotonic(), waited) == (100 * HOUR_MS, 9.5, [0.25])
    clock.sleep(3)
    assert (clock.now(), clock.monotonic(), waited) == (100 * HOUR_MS, 9.5, [0.25, 3])
