"""Who may import whom, how large a thing may grow, and what may stand in no file. The rules are in `walls`.

The second half feeds each rule a bad text: a wall that stops nobody is no wall.
"""

from __future__ import annotations

import ast
import re
import statistics
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.walls import (
    INIT_LINES,
    LINES,
    LONGEST,
    MAY_IMPORT,
    MEDIAN,
    NAMES_CONNECTORS,
    P90,
    annotated,
    budgets,
    cassette,
    core_imports,
    engine_calls,
    functions,
    import_effects,
    imports,
    length,
    plugin_imports,
    sorted_names,
    strays,
    vendor_names,
    within,
)

ROOT = Path(__file__).parent.parent
CORE = ROOT / "src" / "tieline"
PLUGINS = sorted(p for p in (ROOT / "plugins").iterdir() if (p / "pyproject.toml").is_file())

# -- the code


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(CORE.parent).with_suffix("").parts).removesuffix(".__init__")


def hold(paths, rule, *more) -> None:
    """Fail with everything that the rule objects to, by file."""
    found = []
    for path in paths:
        arguments = [m(path) for m in more]
        found += [f"{path.relative_to(ROOT)}:{v}" for v in rule(*arguments, path.read_text("utf-8"))]
    if found:
        pytest.fail("\n".join([f"{len(found)} against the rule: {rule.__doc__}", *found]), pytrace=False)


CORE_FILES = sorted(CORE.rglob("*.py"))
PLUGIN_FILES = sorted(f for p in PLUGINS for f in (p / "src").rglob("*.py"))
ENGINE_FILES = sorted((CORE / "engine").rglob("*.py"))
TEXT = (".py", ".md", ".toml", ".yaml", ".yml", ".json", ".jsonl", ".csv", ".txt", ".typed", "")


def tree() -> Iterator[Path]:
    """Every text file of the project; what tools leave behind is not looked at."""
    environments = [p.parent for p in ROOT.glob("*/pyvenv.cfg")]
    for path in sorted(ROOT.rglob("*")):
        if any(e in path.parents for e in environments):
            continue
        parts = path.relative_to(ROOT).parts
        hidden = any(p.startswith(".") and p not in (".ci", ".gitignore") for p in parts)
        left = any(p in ("__pycache__", "uv.lock", "tieline-demo", "dist", "out") for p in parts)
        if not hidden and not left and path.is_file() and path.suffix in TEXT:
            yield path


def test_there_is_code_to_look_at():
    assert len(CORE_FILES) > 50
    assert len(PLUGIN_FILES) > 20
    assert len(ENGINE_FILES) > 4


def test_each_room_asks_only_the_rooms_below_it():
    hold(CORE_FILES, core_imports, module_of)


def test_the_rooms_have_an_order():
    """No two rooms ask each other, however indirectly."""
    asks = {room: set(rooms.split()) for room, rooms in MAY_IMPORT.items()}
    while free := [room for room, rooms in asks.items() if not rooms & asks.keys()]:
        for room in free:
            del asks[room]
    assert asks == {}


def test_one_module_each_imports_the_http_library_and_authlib():
    for package, room in (("httpx2", "http.py"), ("authlib", "forms.py")):
        users = [p.name for p in CORE_FILES if any(within(n, (package,)) for _, n in imports(ast.parse(p.read_text())))]
        assert users == [room]


def test_the_engine_is_pure():
    hold(ENGINE_FILES, engine_calls)


def test_plugins_ask_only_the_public_api():
    hold(PLUGIN_FILES, plugin_imports, lambda p: p.relative_to(ROOT / "plugins").parts[2])


def test_a_plugins_front_door_is_short():
    long = [p for p in PLUGIN_FILES if p.parent.parent.name == "src" and p.name == "__init__.py"]
    assert [p for p in long if len(p.read_text().splitlines()) > INIT_LINES] == []


def test_the_core_names_no_vendor():
    files = [p for p in CORE_FILES if not p.relative_to(CORE).as_posix().startswith(NAMES_CONNECTORS)]
    hold(files, vendor_names)


def test_the_core_depends_on_no_plugin():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *(d for extra in project["optional-dependencies"].values() for d in extra)]
    assert [d for d in asked if d.startswith("tieline")] == []


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda p: p.name)
def test_a_plugin_depends_on_the_core_and_pydantic_alone(plugin):
    project = tomllib.loads((plugin / "pyproject.toml").read_text())["project"]
    assert {re.split(r"[^\w-]", d)[0] for d in project["dependencies"]} <= {"tieline", "pydantic"}


def test_modules_and_functions_keep_to_their_budgets():
    hold([*CORE_FILES, *PLUGIN_FILES], budgets)


def test_functions_are_short_on_the_whole(record_property):
    sizes = sorted(length(f) for p in [*CORE_FILES, *PLUGIN_FILES] for f in functions(ast.parse(p.read_text())))
    median, p90 = statistics.median(sizes), sizes[len(sizes) * 9 // 10]
    record_property("functions", f"{len(sizes)}, median {median}, p90 {p90}, longest {sizes[-1]}")
    assert median <= MEDIAN
    assert p90 <= P90


def test_everything_is_annotated():
    hold([*CORE_FILES, *PLUGIN_FILES], annotated)


def test_importing_has_no_effect():
    hold([p for p in [*CORE_FILES, *PLUGIN_FILES] if p.name != "__main__.py"], import_effects)


def test_public_names_are_sorted():
    hold([*CORE_FILES, *PLUGIN_FILES], sorted_names)


def test_no_file_holds_a_machine_path_a_registry_or_a_secret():
    files = [p for p in tree() if p != Path(__file__)]
    assert len(files) > 200
    hold(files, strays)


def test_cassettes_are_scrubbed():
    files = [p for p in tree() if "cassettes" in p.parts]
    assert files
    hold(files, cassette)


# -- the rules bite


BAD = {
    "a room asks a room above it": (
        core_imports("tieline.model", "from tieline.store import Store"),
        "model imports store",
    ),
    "also inside a function": (
        core_imports("tieline.store", "def f():\n    from tieline.engine import plan"),
        "store imports",
    ),
    "also for the type checker": (
        core_imports("tieline.records", "if TYPE_CHECKING:\n    import tieline.model"),
        "records imports model",
    ),
    "a room nobody planned": (core_imports("tieline.utils", ""), "not on the plan"),
    "a relative import": (core_imports("tieline.cli", "from . import app"), "relative"),
    "a second user of the HTTP library": (core_imports("tieline.cli", "import httpx2"), "only http imports httpx2"),
    "a second user of authlib": (
        core_imports("tieline.http", "from authlib.oauth2 import Client"),
        "only auth imports",
    ),
    "SQLite outside the store": (core_imports("tieline.runner", "import sqlite3"), "only store imports sqlite3"),
    "a clock in the engine": (core_imports("tieline.engine", "import time"), "engine imports time"),
    "logging in the engine": (
        core_imports("tieline.engine", "from logging import getLogger"),
        "engine imports logging",
    ),
    "randomness in the engine": (core_imports("tieline.engine", "import random"), "engine imports random"),
    "a file in the engine": (engine_calls("def f(p):\n    return open(p).read()"), "calls open"),
    "a plugin's HTTP library": (plugin_imports("tieline_x", "import httpx2"), "neither"),
    "a plugin's own socket": (plugin_imports("tieline_x", "import urllib.request"), "goes round"),
    "a plugin in a room of the core": (plugin_imports("tieline_x", "from tieline.model import Page"), "not public"),
    "a plugin with a private name": (plugin_imports("tieline_x", "from tieline import store"), "not public"),
    "a plugin with another plugin": (plugin_imports("tieline_x", "import tieline_files"), "neither"),
    "a branch on a vendor": (vendor_names("if connector == 'hubspot':\n    pass"), "names a vendor"),
    "a vendor's constant": (vendor_names("SALESFORCE_PAGE = 200"), "code names a vendor"),
    "a vendor in a comment": (vendor_names("x = 1  # as Zendesk does"), "a comment names"),
    "a long module": (budgets('"""Doc."""\n' + "x = 1\n" * LINES), "401 lines"),
    "a long function": (budgets('"""Doc."""\ndef f():\n' + "    x = 1\n" * LONGEST), "f has 61 lines"),
    "a module without a word": (budgets("x = 1"), "no docstring"),
    "a bare parameter": (annotated("def f(a, *, b: int) -> None: ..."), "lacks a type: a"),
    "a bare answer": (annotated("async def f(self): ..."), "lacks a type: its answer"),
    "work at import": (import_effects('"""Doc."""\nregister(1)'), "runs at import"),
    "a loop at import": (import_effects("for x in y:\n    pass"), "runs at import"),
    "unsorted names": (sorted_names("__all__ = ['b', 'a']"), "not sorted"),
    "a name twice": (sorted_names("__all__ = ['a', 'a']"), "not sorted"),
    "a machine's path": (strays("see /ho" + "me/ann/notes"), "a machine's path"),
    "a registry": (strays("uv add --index https://py" + "pi.example/simple"), "a registry"),
    "a private key": (strays("-----BEGIN RSA " + "PRIVATE KEY-----"), "a secret"),
    "a vendor's token": (strays("token = pat-" + "na1-0123abcd-4567-89ab"), "a secret"),
    "a credential header": (cassette("      Authorization:\n      - Bearer x"), "credential header"),
    "a token in a recorded body": (cassette('{"access_token":"a81fd2"}'), "not scrubbed"),
    "a token in a body of quoted signs": (cassette(r'"{\"access_token\":\"a81fd2\"}"'), "not scrubbed"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_text_is_caught(name):
    found, said = BAD[name]
    violations = list(found)
    assert any(said in violation for violation in violations), violations


@pytest.mark.parametrize(
    "found",
    [
        core_imports(
            "tieline.store", "import sqlite3\nfrom tieline.model import Page\nfrom tieline.store.db import Db"
        ),
        plugin_imports("tieline_x", "import re\nfrom tieline import Rule\nfrom tieline.sandbox import Response"),
        vendor_names("hint = 'pip install tieline-hubspot'\nexample = 'tieline init crm=salesforce'"),
        strays("run it in /path/to/your/folder, or GET /crm/v3/owners/"),
        cassette("body: grant_type=client_credentials&client_secret=scrubbed\ncode: 201"),
        sorted_names("__all__ = ['KINDS', 'Account', '__version__', 'decode']"),
    ],
)
def test_a_good_text_passes(found):
    assert list(found) == []
