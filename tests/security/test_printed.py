"""What is printed, logged and recorded (S15–S19), files and queries (S28, S29), plugins (S30, S31).

S15 and S18 are the canaries of `test_canary` as well, which search the sinks of real processes.
"""

from __future__ import annotations

import ast
import io
import json
import logging
import pickle
import re
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.process.harness import environ
from tests.security.signing import READY, Bench, files, holding
from tests.security.test_oauth import Told, authoriser, kept, login
from tieline.auth import Grant, MemoryTokens
from tieline.cli.console import clean
from tieline.errors import TielineError
from tieline.ports import Request, Response
from tieline.secrets import RedactingFilter, Redactor, Secret, Veiled
from tieline.testing import FakeClock

ROOT = Path(__file__).parents[2]
WORD = "canary7f3a"
NOW = 1_750_000_000_000


# -- S15, S16


def test_s15_a_traceback_with_locals_shows_no_kept_token_and_no_code() -> None:
    """Where a renewal or an exchange ends in a bug below it, whatever its frames hold."""
    sent: list[bool] = []

    def bug(request: Request) -> Response:
        sent.append(WORD in urlencode(request.form or {}))
        raise RuntimeError("a bug")

    told: Any = bug
    store = MemoryTokens()
    renewing = kept(store, told, FakeClock(NOW))
    store.save("crm", Grant(Secret(f"{WORD}.refresh"), renewing.origin()[0]))
    signing = login(told)
    code, secret = Secret(f"{WORD}.code"), Secret(f"{WORD}.secret")
    for act in (lambda: renewing.authorise(Request("GET", "/")), lambda: signing.exchange(code, secret)):
        with pytest.raises(RuntimeError) as caught:
            act()
        frames = caught.value.__traceback__
        assert frames is not None
        error = traceback.TracebackException(type(caught.value), caught.value, frames.tb_next, capture_locals=True)
        text = "".join(error.format())
        assert "form = " in text
        assert sent.pop(), "the canary was never sent: this shows nothing"
        assert WORD not in text


def test_s15_a_refusal_that_says_back_what_it_was_told_is_struck_out() -> None:
    said = {"error": "invalid_grant", "error_description": f"the token {WORD}.refresh is void"}
    store = MemoryTokens()
    made = kept(store, Told(Response(400, {}, json.dumps(said).encode())), FakeClock(NOW))
    store.save("crm", Grant(Secret(f"{WORD}.refresh"), made.origin()[0]))
    with pytest.raises(TielineError) as caught:
        made.authorise(Request("GET", "/"))
    assert "is void" in str(caught.value)
    assert WORD not in str(caught.value) + repr(caught.value)


def test_s16_a_secret_shows_itself_nowhere_but_where_it_is_asked_to() -> None:
    secret = Secret(WORD)
    grant = Grant(secret, "o", access_token=secret)
    made = authoriser(Told(), MemoryTokens(), FakeClock(NOW))
    made.keep(made.endpoint.ask("x", None, refresh_token=secret))  # type: ignore[union-attr, arg-type]
    shown = [repr(secret), str(secret), f"{secret}", f"{secret:>20}", repr(grant), repr(Veiled(WORD)), repr([secret])]
    assert [text for text in shown if WORD in text] == []
    for refuse in (pickle.dumps, json.dumps):
        with pytest.raises(TypeError):
            refuse(secret)  # type: ignore[operator]


def test_s16_the_log_filter_is_a_second_line_that_works_alone() -> None:
    redactor, out = Redactor(), io.StringIO()
    redactor.add(Secret(f"{WORD}/token+1"))
    handler = logging.StreamHandler(out)
    handler.addFilter(RedactingFilter(redactor))
    log = logging.Logger("x")
    log.addHandler(handler)
    log.warning("told %s and %r and %s", f"{WORD}/token+1", {"a": f"{WORD}/token+1"}, f"{WORD}%2Ftoken%2B1")
    assert "told" in out.getvalue()
    assert WORD not in out.getvalue()


# -- S17


def test_s17_no_value_of_a_record_is_in_the_log_also_when_it_is_told_to_say_everything(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench(marketing=READY)
    crm, marketing = (bench.vendors[name].sandbox for name in ("crm", "marketing"))
    marketing.load({"contacts": [{"properties": {"email": "ann.canary@example.com", "firstname": "Anncanary"}}]})
    crm.load({"Account": [{"Name": "Canarycorp"}]})
    bench.login("crm")
    done = bench.run("sync", "--yes", "-vv")
    assert done.code in (0, 3), done.err
    assert "3 writes" in done.out, "nothing was synced: this shows nothing"
    log = (bench.home / "tieline.log").read_bytes()
    assert b"GET " in log, "the log says nothing at all: this shows nothing"
    texts = [("log", log), ("stderr", done.err.encode())]
    assert holding(texts, "ann.canary", "Anncanary", "Canarycorp") == []
    found = holding(files(bench.home), "Anncanary")
    assert [name for name in found if name.endswith("tieline.db")], "the search sees no record"


# -- S18


def test_s18_no_file_of_the_project_holds_what_a_stand_in_grants_or_a_key() -> None:
    """Cassettes are held against allow-lists in `test_architecture`; here everything is held against the real words."""
    words = ("person-refresh-0000", "person-access-0000", "person-code-0000")
    own = Path(__file__)
    skip = {".venv", "__pycache__", ".git", ".pytest_cache", ".mypy_cache", ".ruff_cache", "dist"}
    found = [
        str(p) for p in ROOT.rglob("*")
        if p.is_file() and p != own and not skip & set(p.relative_to(ROOT).parts) and p.suffix != ".pyc"
        and any(w.encode() in p.read_bytes() for w in words)
    ]  # fmt: skip
    assert found == []


# -- S19


@pytest.mark.parametrize("text", ["\x1b[31mred", "a\rb", "a\nb", "\u202eabc", "\x00", "\x9b31m", "\x07"])
def test_s19_control_characters_of_a_strangers_text_do_not_reach_the_terminal(text: str) -> None:
    shown = clean(text)
    assert shown.isprintable()
    assert "\\" in shown


def test_s19_what_a_system_says_in_a_refusal_cannot_steer_the_terminal(bench: Bench) -> None:
    def deny(request: Request, go: Callable[[Request], Response]) -> Response:
        answer = go(request)
        if answer.status != 302:
            return answer
        where = re.sub(
            r"code=[^&]+", "error=no&error_description=%1b%5b31mred%0aError: fine%07", answer.headers["location"]
        )
        return Response(302, {"location": where.replace(" ", "+")})

    bench.vendors["crm"].wrap = deny
    done = bench.run("auth", "login", "crm")
    assert done.code == 2
    assert "red" in done.err
    assert all(c.isprintable() or c == "\n" for c in done.err)


# -- S28, S29


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "\0"])
def test_s28_a_cell_that_a_spreadsheet_would_run_is_written_as_text_and_read_back_as_it_was(first: str) -> None:
    import csv

    from tieline_files.csv_form import CsvForm, unguard

    form = CsvForm(",", "utf-8")
    head = form.fresh(["name", "note"])
    for text in (f"{first}IMPORTXML(1)", f"{first}1+1", f'{first}a,"b"'):
        line = form.added(head, {"name": text, "note": "x"}).decode()
        (cells,) = list(csv.reader(io.StringIO(line, newline="")))
        assert cells[0][:1] == "'", "a spreadsheet would run it"
        assert (unguard(cells[0]), cells[1]) == (text, "x")
    assert head.raw.endswith(b"\r\n"), "line ends as RFC 4180 has them"


def test_s29_values_reach_sql_as_parameters_and_identifiers_come_from_the_code() -> None:
    """Every statement of the store that is put together holds names that are constants; no value is put in."""
    bad = []
    for path in (ROOT / "src/tieline/store").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if node.func.attr in ("execute", "executemany", "executescript") and node.args:
                first = node.args[0]
                if isinstance(first, ast.BinOp) and isinstance(first.op, ast.Mod):
                    bad.append(f"{path.name}:{node.lineno}: % formatting")
                if isinstance(first, ast.Call) and getattr(first.func, "attr", "") == "format":
                    bad.append(f"{path.name}:{node.lineno}: str.format")
    assert bad == []


NASTY = [
    "'",
    "''",
    "\\",
    "\\'",
    "' OR Name != '",
    "’",
    "\u02bc",
    "\uff07",
    "a\nb",
    "a\tb",
    "\\\\'",
    '"',
    "%",
    "_",
    "\\u0027",
]


@pytest.mark.parametrize("name", NASTY)
def test_s29_a_value_in_a_query_stays_a_value(name: str) -> None:
    """The stand-in's own parser of the query language is the judge: one record is found, and no other."""
    from tieline.sandbox import SandboxOptions
    from tieline_salesforce.sandbox import SalesforceSandbox
    from tieline_salesforce.soql_text import string

    org = SalesforceSandbox(SandboxOptions())
    org.load({"Account": [{"Name": name}, {"Name": "other"}]})
    query = f"SELECT Id, Name FROM Account WHERE Name = {string(name)}"
    headers = {"authorization": f"Bearer {org.token}"}
    answer = org.handle(Request("GET", "/services/data/v60.0/query", {"q": query}, headers))
    assert answer.status == 200, answer.body
    assert [r["Name"] for r in answer.json()["records"]] == [name]


# -- S30, S31


PLUGIN = """\
from pathlib import Path
Path({trace!r}).write_text("imported")
"""


def test_s30_a_plugin_that_nobody_named_is_found_and_not_imported(tmp_path: Path) -> None:
    site, trace = tmp_path / "site", tmp_path / "trace"
    info = site / "tieline_evil-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "tieline_evil.py").write_text(PLUGIN.format(trace=str(trace)))
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tieline-evil\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[tieline]\nevil = tieline_evil\n")
    (tmp_path / "tieline.toml").write_text(
        '[systems.a]\nconnector = "files"\npath = "a"\n[systems.a.map.contact]\nemail = "email"\nid = "x_id"\n'
    )
    (tmp_path / "a").mkdir()

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "tieline", *arguments], cwd=tmp_path, env=environ(PYTHONPATH=str(site)),
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    for arguments in (["check", "--offline"], ["auth", "status"], ["status"], ["--help"]):
        run(*arguments)
        assert not trace.exists(), f"{arguments} imported a plugin that nobody named"
    found = run("plugins", "list", "--json")
    assert "tieline-evil" in found.stdout, "it was never found: this shows nothing"
    assert trace.exists(), "listing loads what is installed, as its help says"


def test_s31_code_that_lies_in_the_working_folder_is_not_run(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    for name in ("tieline_hubspot.py", "sitecustomize.py", "tieline.pth", "conftest.py", "keyring.py", "plugins.py"):
        (tmp_path / name).write_text(PLUGIN.format(trace=str(trace)))
    (tmp_path / "tieline.toml").write_text('plugins = ["./plugins.py"]\n[systems.a]\nconnector = "plugins"\n')
    script = Path(sys.executable).parent / "tieline"
    if not script.exists():
        pytest.skip("the command is not installed beside this interpreter")
    for arguments in (["check", "--offline"], ["plugins", "list"], ["auth", "status"], ["auth", "new-key", "--print"]):
        subprocess.run(
            [str(script), *arguments], cwd=tmp_path, env=environ(), capture_output=True, timeout=60, check=False
        )
        assert not trace.exists(), arguments


def test_s31_a_configuration_names_no_code() -> None:
    """What a configuration names is looked up among installed plugins; nothing in it is imported or evaluated."""
    bad = []
    for path in (ROOT / "src/tieline").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            name = getattr(node.func, "id", getattr(node.func, "attr", "")) if isinstance(node, ast.Call) else ""
            if name in ("eval", "exec", "__import__") or (name == "compile" and getattr(node.func, "id", "") == name):  # type: ignore[attr-defined]
                bad.append(f"{path.name}:{node.lineno}")  # type: ignore[attr-defined]
            if name == "import_module" and path.parts[-2:] not in (("cli", "app.py"),) and path.name != "__init__.py":
                bad.append(f"{path.name}:{node.lineno}")  # type: ignore[attr-defined]
    assert bad == []
