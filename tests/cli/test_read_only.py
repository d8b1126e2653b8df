"""A home that cannot be written can be looked at: real processes, without root's right to write everywhere."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tieline.store import Store

BOUND = """\
import ctypes, os, sys
OVERRIDE, READ_SEARCH, DROP = 1, 2, 24  # capabilities, and PR_CAPBSET_DROP
libc = ctypes.CDLL(None)
if os.geteuid() == 0 and any(libc.prctl(DROP, cap, 0, 0, 0) for cap in (OVERRIDE, READ_SEARCH)):
    sys.exit(77)
os.execv(sys.executable, [sys.executable, "-m", "tieline", *sys.argv[1:]])
"""
LOOKS = (
    ("status",),
    ("history", "contact", "ann@x.test"),
    ("explain", "contact", "ann@x.test"),
    ("review", "list"),
)

Look = Callable[..., subprocess.CompletedProcess[str]]


def run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-c", BOUND, *arguments, "--home", str(home)], capture_output=True, text=True, timeout=60,
        check=False, cwd=home.parent, env={k: v for k, v in os.environ.items() if not k.startswith("TIELINE_")},
    )  # fmt: skip
    if done.returncode == 77:
        pytest.skip("root's rights cannot be given up here")
    return done


@pytest.fixture
def home(tieline: Any, configured: Path, world: Any) -> Iterator[Path]:
    """A home with a synced record and its usual files; writable again when the test ends."""
    world["crm"].person_create("contact", {"email": "ann@x.test", "last_name": "Ann"})
    assert tieline("sync", "--yes").exit_code == 0
    found = configured.parent / ".tieline"
    (configured.parent / "a").mkdir()  # a process of its own has no systems in memory
    (configured.parent / "a" / "c.csv").write_text("id,email,last_name\n")
    configured.write_text('[systems.crm]\nconnector = "files"\nfolder = "a"\nfiles = { contacts = "c.csv" }\n')
    run(found, "check", "--offline")  # the plugin is known from now on
    assert (found / "tieline.log").exists()
    yield found
    close(found, 0o700, 0o600)


def close(home: Path, folder: int = 0o500, files: int = 0o400) -> None:
    home.chmod(folder)
    for path in home.iterdir():
        path.chmod(files)


@pytest.mark.parametrize(("folder", "files"), [(0o500, 0o600), (0o700, 0o400), (0o500, 0o400)])
def test_it_can_be_looked_at(home: Path, folder: int, files: int) -> None:
    told = [json.loads(run(home, *words, "--json").stdout) for words in LOOKS]
    close(home, folder, files)
    before = {path.name: path.read_bytes() for path in home.glob("tieline.db")}
    for words, was in zip(LOOKS, told, strict=True):
        done = run(home, *words, "--json")
        assert done.returncode == 0, done.stderr + done.stdout
        assert json.loads(done.stdout) == was
        assert ("Nothing is logged" in done.stderr) == (files == 0o400)
    assert {path.name: path.read_bytes() for path in home.glob("tieline.db")} == before


@pytest.mark.parametrize("words", [("sync", "--yes"), ("plan",), ("rebuild", "--force"), ("review", "accept", "1")])
def test_what_must_write_names_the_file_and_what_to_do(home: Path, words: tuple[str, ...]) -> None:
    with_question(home)
    close(home)
    done = run(home, *words)
    assert done.returncode in (1, 2), done.stdout
    assert str(home / "tieline.db") in done.stderr
    assert "Next: make" in done.stderr
    assert "writable for you, or choose another" in done.stderr
    assert "Traceback" not in done.stderr


def with_question(home: Path) -> None:
    """One open question, so that there is something to answer."""
    from tieline.model import Question

    store = Store(home / "tieline.db")
    with store.atomic():
        store.book.ask(Question("match", "k", "contact", None, "who is it?", {}, "yes", "no"), "r", 1)
    store.close()


def test_a_log_of_writes_that_only_a_writer_can_read_is_said_so_instead_of_left_out(home: Path) -> None:
    """What a killed run left beside the database belongs to it: without it, what is shown would be old."""
    live, copy = Store(home / "tieline.db"), home.parent / "copy"
    with live.atomic():
        live.db.set_meta("something", "new")
    copy.mkdir(0o700)
    for name in ("tieline.db", "tieline.db-wal"):
        shutil.copy(home / name, copy / name)
    live.close()
    close(copy)
    done = run(copy, "status")
    close(copy, 0o700, 0o600)
    assert done.returncode == 2, done.stdout
    assert f"{copy / 'tieline.db'} cannot be" in done.stderr
    assert "Next: make it and its folder writable" in done.stderr
