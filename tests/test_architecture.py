"""The walls: who may import whom, how large a thing may grow, and what may stand in no file.

Each rule is a function from text to violations, so that a bad text can be fed to it: the second half of this file.
"""

from __future__ import annotations

import ast
import re
import statistics
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CORE = ROOT / "src" / "tieline"
PLUGINS = sorted(p for p in (ROOT / "plugins").iterdir() if (p / "pyproject.toml").is_file())

LINES, LONGEST, MEDIAN, P90 = 400, 60, 10, 30
INIT_LINES = 20
"""Lines of a plugin's `__init__`, which holds the hook and nothing else."""

MAY_IMPORT = {
    "records": "",
    "errors": "",
    "ports": "",
    "model": "records",
    "wire": "errors ports",
    "hosts": "errors",
    "secrets": "errors",
    "home": "errors",
    "mapping": "model records",
    "connector": "model ports mapping",
    "events": "model records",
    "hookspecs": "connector events",
    "budget": "connector errors ports",
    "auth_settings": "secrets",
    "auth": "auth_settings connector errors hosts ports secrets wire",
    "http": "__version__ budget connector errors hosts ports secrets wire",
    "plugins": "connector errors events hookspecs",
    "config": "auth_settings connector engine errors hosts mapping model records",
    "engine": "errors model records",
    "store": "errors model records",
    "runner": "connector engine errors events model ports records store",
    "sandbox": "connector errors ports",
    "hub": "auth config connector engine errors home http plugins ports runner secrets store",
    "cli": "__version__ auth_settings config connector errors home hub model plugins ports records runner sandbox "
    "secrets store",
    "testing": "connector engine errors http mapping model ports records runner sandbox store",
    "__init__": "connector errors hookspecs mapping model ports records wire",
    "__main__": "cli",
}
"""Room → the rooms it may import. A room that is not here has no business in the core."""

ONLY_IN = {
    "httpx2": "http",
    "authlib": "auth",
    "pluggy": "hookspecs plugins __init__",
    "sqlite3": "store",
    "sqlite_utils": "store",
    "subprocess": "secrets",
    "click": "cli",
    "rich": "cli",
    "trustme": "cli",
    "pytest": "testing",
    "hypothesis": "testing",
    "croniter": "config cli",
}
"""Package → the rooms that may import it."""

ENGINE_MAY = frozenset(
    "__future__ bisect collections dataclasses decimal difflib enum functools hashlib heapq itertools json operator re "
    "string types typing unicodedata".split()
)
"""The part of the standard library in which nothing is read, written, timed, random or shared between threads."""
ENGINE_CALLS = frozenset({"open", "print", "input", "eval", "exec", "compile", "__import__", "breakpoint"})

PLUGIN_MAY = frozenset({"tieline", "tieline.sandbox", "pydantic", "pydantic_core"})
"""Beside the standard library and the plugin itself. `pydantic_core` is the part of pydantic that speaks JSON."""
PLUGIN_NOT = ("sqlite3", "subprocess", "socket", "ssl", "asyncio", "ctypes", "http", "urllib.request", "importlib")
"""Of the standard library: what would go round the transport, the store or the registry that the core hands in."""

VENDORS = re.compile(r"hub\s?spot|sales\s?force|zendesk|google|\bsoql\b", re.IGNORECASE)
TELLS_A_COMMAND = re.compile(r"(^|\n|Next: )(pip install|tieline) ")
"""Text that shows users a command to type may name distributions and connectors; code may not."""
NAMES_CONNECTORS = ("cli/demo",)
"""Where the demo lives: it names the connectors it plays with and what to install for them."""


# -- the rules


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything imported, also inside functions and for the type checker."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            names = [f"tieline.{a.name}" for a in node.names] if base == "tieline" else [base]
            yield from ((node.lineno, name) for name in names)


def within(name: str, packages: frozenset[str] | tuple[str, ...]) -> bool:
    return any(name == p or name.startswith(p + ".") for p in packages)


def core_imports(room: str, text: str) -> Iterator[str]:
    """A core module asks only the rooms and packages its own room may ask."""
    if room not in MAY_IMPORT:
        yield f"room {room!r} is not on the plan; add it to MAY_IMPORT with what it needs"
        return
    for line, name in imports(ast.parse(text)):
        head = name.split(".")[0]
        if name.startswith("."):
            yield f"{line}: relative import"
        elif head == "tieline":
            asked = name.split(".")[1] if "." in name else "__init__"
            if asked != room and asked not in MAY_IMPORT[room].split():
                yield f"{line}: {room} imports {asked}"
        elif head in ONLY_IN and room not in ONLY_IN[head].split():
            yield f"{line}: only {ONLY_IN[head]} imports {head}"
        elif room == "engine" and head not in ENGINE_MAY:
            yield f"{line}: the engine imports {head}"


def engine_calls(text: str) -> Iterator[str]:
    """The engine calls no built-in that reads, writes or runs."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ENGINE_CALLS:
            yield f"{node.lineno}: the engine calls {node.func.id}"


def plugin_imports(package: str, text: str) -> Iterator[str]:
    """A plugin asks the standard library, pydantic, the public API, `tieline.sandbox` and itself."""
    import tieline

    for line, name in imports(ast.parse(text)):
        head = name.split(".")[0]
        if within(name, PLUGIN_NOT):
            yield f"{line}: {name} goes round the core"
        elif head == package or name in PLUGIN_MAY or head in PLUGIN_MAY - {"tieline"}:
            continue
        elif head == "tieline":
            if name.split(".")[1] not in tieline.__all__:
                yield f"{line}: {name} is not public"
        elif head not in sys.stdlib_module_names:
            yield f"{line}: {name} is neither the standard library nor pydantic nor tieline"


def vendor_names(text: str) -> Iterator[str]:
    """The core names a vendor only where it shows a user a command."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if VENDORS.search(node.value) and not TELLS_A_COMMAND.search(node.value):
                yield f"{node.lineno}: text names a vendor: {node.value[:60]!r}"
        else:
            for word in (getattr(node, a, None) for a in ("id", "attr", "name", "arg", "module")):
                if isinstance(word, str) and VENDORS.search(word):
                    yield f"{getattr(node, 'lineno', 0)}: code names a vendor: {word}"
    for number, line in enumerate(text.splitlines(), 1):
        if "#" in line and VENDORS.search(line.rsplit("#", 1)[1]):
            yield f"{number}: a comment names a vendor"


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def budgets(text: str) -> Iterator[str]:
    """A module says what it decides, fits on a few screens, and so does each function."""
    tree = ast.parse(text)
    lines = len(text.splitlines())
    if lines > LINES:
        yield f"{lines} lines; split it by what it decides (at most {LINES})"
    if not ast.get_docstring(tree):
        yield "no docstring"
    for function in functions(tree):
        if length(function) > LONGEST:
            yield f"{function.lineno}: {function.name} has {length(function)} lines (at most {LONGEST})"


def annotated(text: str) -> Iterator[str]:
    """Every parameter and every answer has a type."""
    for function in functions(ast.parse(text)):
        a = function.args
        given = [*a.posonlyargs, *a.args, *a.kwonlyargs, *filter(None, (a.vararg, a.kwarg))]
        bare = [p.arg for p in given if p.annotation is None and p.arg not in ("self", "cls")]
        if bare or function.returns is None:
            yield f"{function.lineno}: {function.name} lacks a type: {', '.join(bare) or 'its answer'}"


QUIET = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign, ast.Pass)


def import_effects(text: str) -> Iterator[str]:
    """Importing a module defines names and does nothing else."""
    for node in ast.parse(text).body:
        doc = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        guarded = isinstance(node, (ast.If, ast.Try)) and all(isinstance(n, QUIET) for n in node.body)
        if not (doc or guarded or isinstance(node, QUIET)):
            yield f"{node.lineno}: runs at import"


def sorted_names(text: str) -> Iterator[str]:
    """`__all__` is sorted as ruff sorts it (constants, classes, the rest) and names nothing twice."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__all__":
            names = [str(name) for name in ast.literal_eval(node.value)]
            rank = {n: 0 if n.isupper() else 1 if n[:1].isupper() else 2 for n in names}
            if names != sorted(set(names), key=lambda n: (rank[n], n)):
                yield f"{node.lineno}: __all__ is not sorted"


# spelled in pieces, so that this file passes its own search
REGISTRY = re.compile("|".join(["py" + r"pi\.", "python" + "hosted", r"--(extra-)?index" + "-url", "find" + "-links"]))
MACHINE = re.compile(
    r"(?<![\w./-])/(" + "|".join(["wo" + "rk", "ro" + "ot", "tm" + "p", "home/[a-z]", "Us" + "ers"]) + ")/"
)
SECRETS = re.compile(
    "|".join(
        [
            "pat-" + r"(na|eu)\d?-[0-9a-f]{8}",
            "gh" + r"[pousr]_\w{30}",
            "AK" + r"IA[0-9A-Z]{16}",
            "xox" + r"[abpr]-\d",
            "AI" + r"za[\w-]{35}",
            "ey" + r"J[\w-]{16,}\.ey" + r"J[\w-]{16,}",
            "BEGIN " + r"([A-Z]+ )?PRIVATE KEY",
            r"\b00D[A-Za-z0-9]{12,15}" + r"![\w.]{20}",
        ]
    )
)


def strays(text: str) -> Iterator[str]:
    """No file holds a path of somebody's machine, a registry's address or a credential."""
    for number, line in enumerate(text.splitlines(), 1):
        for what, pattern in (("a machine's path", MACHINE), ("a registry", REGISTRY), ("a secret", SECRETS)):
            if found := pattern.search(line):
                yield f"{number}: {what}: {found[0]}"


CREDENTIAL = re.compile(r"(?i)\b(authorization|cookie|set-cookie|x-api-key)\b\s*['\"]?:")
GIVEN = re.compile(
    r"(?i)(access_token|refresh_token|client_secret|signature|assertion|code)['\"]?\s*[=:]\s*['\"]?(\w+)"
)


def cassette(text: str) -> Iterator[str]:
    """A cassette carries no credential header, and `scrubbed` wherever a body had one."""
    for number, line in enumerate(text.splitlines(), 1):
        if CREDENTIAL.search(line):
            yield f"{number}: a credential header"
        for name, value in GIVEN.findall(line):
            if not "scrubbed".startswith(value) and not value.isdigit():
                yield f"{number}: {name} is not scrubbed"


# -- the code


def room_of(path: Path) -> str:
    return path.relative_to(CORE).parts[0].removesuffix(".py")


def told(paths: list[Path], rule, *more) -> list[str]:
    """What a rule objects to, with the file's name."""
    found = []
    for path in paths:
        arguments = [m(path) for m in more]
        found += [f"{path.relative_to(ROOT)}:{v}" for v in rule(*arguments, path.read_text("utf-8"))]
    return found


CORE_FILES = sorted(CORE.rglob("*.py"))
PLUGIN_FILES = sorted(f for p in PLUGINS for f in (p / "src").rglob("*.py"))
ENGINE_FILES = sorted((CORE / "engine").rglob("*.py"))
TEXT = (".py", ".md", ".toml", ".yaml", ".yml", ".json", ".jsonl", ".csv", ".txt", ".typed", "")


def tree() -> Iterator[Path]:
    """Every text file of the project; what tools leave behind is not looked at."""
    for path in sorted(ROOT.rglob("*")):
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
    assert told(CORE_FILES, core_imports, room_of) == []


def test_the_rooms_have_an_order():
    """No two rooms ask each other, however indirectly."""
    asks = {room: set(rooms.split()) for room, rooms in MAY_IMPORT.items()}
    while free := [room for room, rooms in asks.items() if not rooms & asks.keys()]:
        for room in free:
            del asks[room]
    assert asks == {}


def test_one_module_each_imports_the_http_library_and_authlib():
    for package, room in (("httpx2", "http.py"), ("authlib", "auth.py")):
        users = [p.name for p in CORE_FILES if any(within(n, (package,)) for _, n in imports(ast.parse(p.read_text())))]
        assert users == [room]


def test_the_engine_is_pure():
    assert told(ENGINE_FILES, engine_calls) == []


def test_plugins_ask_only_the_public_api():
    assert told(PLUGIN_FILES, plugin_imports, lambda p: p.relative_to(ROOT / "plugins").parts[2]) == []


def test_a_plugins_front_door_is_short():
    long = [p for p in PLUGIN_FILES if p.parent.parent.name == "src" and p.name == "__init__.py"]
    assert [p for p in long if len(p.read_text().splitlines()) > INIT_LINES] == []


def test_the_core_names_no_vendor():
    files = [p for p in CORE_FILES if not p.relative_to(CORE).as_posix().startswith(NAMES_CONNECTORS)]
    assert told(files, vendor_names) == []


def test_the_core_depends_on_no_plugin():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *(d for extra in project["optional-dependencies"].values() for d in extra)]
    assert [d for d in asked if d.startswith("tieline")] == []


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda p: p.name)
def test_a_plugin_depends_on_the_core_and_pydantic_alone(plugin):
    project = tomllib.loads((plugin / "pyproject.toml").read_text())["project"]
    assert {re.split(r"[^\w-]", d)[0] for d in project["dependencies"]} <= {"tieline", "pydantic"}


def test_modules_and_functions_keep_to_their_budgets():
    assert told([*CORE_FILES, *PLUGIN_FILES], budgets) == []


def test_functions_are_short_on_the_whole(record_property):
    sizes = sorted(length(f) for p in [*CORE_FILES, *PLUGIN_FILES] for f in functions(ast.parse(p.read_text())))
    median, p90 = statistics.median(sizes), sizes[len(sizes) * 9 // 10]
    record_property("functions", f"{len(sizes)}, median {median}, p90 {p90}, longest {sizes[-1]}")
    assert median <= MEDIAN
    assert p90 <= P90


def test_everything_is_annotated():
    assert told([*CORE_FILES, *PLUGIN_FILES], annotated) == []


def test_importing_has_no_effect():
    assert told([p for p in [*CORE_FILES, *PLUGIN_FILES] if p.name != "__main__.py"], import_effects) == []


def test_public_names_are_sorted():
    assert told([*CORE_FILES, *PLUGIN_FILES], sorted_names) == []


def test_no_file_holds_a_machine_path_a_registry_or_a_secret():
    files = [p for p in tree() if p != Path(__file__)]
    assert len(files) > 200
    assert told(files, strays) == []


def test_cassettes_are_scrubbed():
    files = [p for p in tree() if "cassettes" in p.parts]
    assert files
    assert told(files, cassette) == []


# -- the rules bite


BAD = {
    "a room asks a room above it": (core_imports("model", "from tieline.store import Store"), "model imports store"),
    "also inside a function": (core_imports("store", "def f():\n    from tieline.engine import plan"), "store imports"),
    "also for the type checker": (
        core_imports("records", "if TYPE_CHECKING:\n    import tieline.model"),
        "records imports model",
    ),
    "a room nobody planned": (core_imports("utils", ""), "not on the plan"),
    "a relative import": (core_imports("cli", "from . import app"), "relative"),
    "a second user of the HTTP library": (core_imports("cli", "import httpx2"), "only http imports httpx2"),
    "a second user of authlib": (core_imports("http", "from authlib.oauth2 import Client"), "only auth imports"),
    "SQLite outside the store": (core_imports("runner", "import sqlite3"), "only store imports sqlite3"),
    "a clock in the engine": (core_imports("engine", "import time"), "engine imports time"),
    "logging in the engine": (core_imports("engine", "from logging import getLogger"), "engine imports logging"),
    "randomness in the engine": (core_imports("engine", "import random"), "engine imports random"),
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
    "a vendor's token": (strays("token = pat-" + "na1-0123abcd-4567"), "a secret"),
    "a credential header": (cassette("      Authorization:\n      - Bearer x"), "credential header"),
    "a token in a recorded body": (cassette('{"access_token":"a81fd2"}'), "not scrubbed"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_text_is_caught(name):
    found, said = BAD[name]
    violations = list(found)
    assert any(said in violation for violation in violations), violations


@pytest.mark.parametrize(
    "found",
    [
        core_imports("store", "import sqlite3\nfrom tieline.model import Page\nfrom tieline.store.db import Db"),
        plugin_imports("tieline_x", "import re\nfrom tieline import Rule\nfrom tieline.sandbox import Response"),
        vendor_names("hint = 'pip install tieline-hubspot'\nexample = 'tieline init crm=salesforce'"),
        strays("run it in /path/to/your/folder, or GET /crm/v3/owners/"),
        cassette("body: grant_type=client_credentials&client_secret=scrubbed\ncode: 201"),
        sorted_names("__all__ = ['KINDS', 'Account', '__version__', 'decode']"),
    ],
)
def test_a_good_text_passes(found):
    assert list(found) == []
