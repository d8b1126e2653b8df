"""The walls of the code base, each a rule from a module's text to what it violates.

`test_architecture` holds the code against them, and feeds each a bad text to see it bite. No rule reads a file.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator

LINES, LONGEST, MEDIAN, P90 = 400, 60, 10, 30
INIT_LINES = 20
"""Lines of a plugin's `__init__`, which holds the hook and nothing else."""

MAY_IMPORT = {
    "cells": "",
    "records": "cells",
    "errors": "",
    "ports": "",
    "facts": "records",
    "model": "facts records",
    "rules": "model records",
    "wire": "errors ports",
    "hosts": "errors",
    "egress": "errors hosts",
    "secrets": "errors",
    "home": "errors",
    "mapping": "model records",
    "standin": "ports records",
    "connector": "mapping model ports records standin",
    "events": "model records",
    "hookspecs": "connector events",
    "budget": "connector errors ports",
    "auth_settings": "errors hosts secrets",
    "services": "connector errors hosts",
    "auth": "auth_settings connector errors hosts ports secrets services wire",
    "reach": "errors ports",
    "http": "__version__ budget connector egress errors hosts ports reach secrets services wire",
    "vault": "auth errors home secrets store",
    "signin": "auth config connector errors home hosts http ports secrets services vault store",
    "trust": "errors home",
    "plugins": "connector errors events hookspecs trust",
    "config": "auth_settings connector engine errors hosts mapping model records rules",
    "engine": "errors model records rules",
    "store": "errors model records",
    "runner": "connector engine errors events model ports records rules store",
    "sandbox": "connector demo.company errors ports standin",
    "hub": "config connector egress engine errors home http plugins ports runner secrets signin store vault",
    "demo.words": "",
    "demo.cast": "records",
    "demo.world": "demo.words demo.cast records",
    "demo.spelling": "demo.words demo.world records",
    "demo.company": "demo.spelling demo.world records",
    "demo": "config connector demo.cast demo.company errors home hub mapping model plugins "
    "ports records runner sandbox secrets store standin",
    "cli": "__version__ auth auth_settings config connector demo errors home hub model plugins ports records rules "
    "runner sandbox secrets signin store trust vault standin",
    "testing": "auth connector engine errors http mapping model ports records rules runner sandbox secrets "
    "store standin",
    "__init__": "connector errors events hookspecs mapping model ports records wire",
    "__main__": "cli",
}
"""Room → the rooms it may import. A room that is not here has no business in the core."""

ONLY_IN = {
    "httpx2": "http",
    "httpcore2": "http",
    "authlib": "auth",
    "joserfc": "auth",
    "pluggy": "hookspecs plugins __init__",
    "sqlite3": "store",
    "sqlite_utils": "store",
    "subprocess": "secrets",
    "click": "cli",
    "rich": "cli",
    "trustme": "cli",
    "cryptography": "vault",
    "keyring": "vault",
    "pytest": "testing",
    "hypothesis": "testing",
    "vcr": "testing",
    "croniter": "config cli",
}
"""Package → the rooms that may import it."""

ENGINE_MAY = (
    "__future__ bisect collections dataclasses decimal difflib enum functools hashlib heapq itertools json operator re "
    "string types typing unicodedata"
)
"""The part of the standard library in which nothing is read, written, timed, random or shared between threads."""
ENGINE_CALLS = frozenset({"open", "print", "input", "eval", "exec", "compile", "__import__", "breakpoint"})

PLUGIN_MAY = ("pydantic", "pydantic_core")
"""Beside the standard library, the public API and the plugin itself. `pydantic_core` is pydantic's JSON codec."""
PLUGIN_NOT = ("sqlite3", "subprocess", "socket", "ssl", "asyncio", "ctypes", "http", "urllib.request", "importlib")
"""Of the standard library: what would go round the transport, the store or the registry that the core hands in."""

VENDORS = re.compile(r"hub\s?spot|sales\s?force|zendesk|google|\bsoql\b", re.IGNORECASE)
TELLS_A_COMMAND = re.compile(r"(^|\n|Next: )(pip install|tieline) ")
"""Text that shows users a command to type may name distributions and connectors; code may not."""
NAMES_CONNECTORS = ("demo/", "cli/demo_command.py")
"""Where the demo lives: it names the connectors it plays with and what to install for them."""


# -- the rules


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything imported, also inside functions and for the type checker.

    From `tieline` and its rooms, each name is given: a name may be a module.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            ours = base.split(".")[0] == "tieline"
            yield from ((node.lineno, name) for name in ([f"{base}.{a.name}" for a in node.names] if ours else [base]))


def within(name: str, packages: frozenset[str] | tuple[str, ...]) -> bool:
    return any(name == p or name.startswith(p + ".") for p in packages)


def room_of(name: str) -> str:
    """The room that a dotted name below `tieline` lies in: the longest that MAY_IMPORT knows, else its first part."""
    parts = name.split(".")[1:] or ["__init__"]
    known = [room for n in range(len(parts), 0, -1) if (room := ".".join(parts[:n])) in MAY_IMPORT]
    return known[0] if known else parts[0]


def core_imports(module: str, text: str) -> Iterator[str]:
    """A core module asks only the rooms and packages its own room may ask."""
    room = room_of(module)
    if room not in MAY_IMPORT:
        yield f"room {room!r} is not on the plan; add it to MAY_IMPORT with what it needs"
        return
    for line, name in imports(ast.parse(text)):
        head = name.split(".")[0]
        if name.startswith("."):
            yield f"{line}: relative import"
        elif head == "tieline":
            asked = room_of(name)
            if asked != room and asked not in MAY_IMPORT[room].split():
                yield f"{line}: {room} imports {asked}"
        elif head in ONLY_IN and room not in ONLY_IN[head].split():
            yield f"{line}: only {ONLY_IN[head]} imports {head}"
        elif room == "engine" and head not in ENGINE_MAY.split():
            yield f"{line}: the engine imports {head}"


def engine_calls(text: str) -> Iterator[str]:
    """The engine calls no built-in that reads, writes or runs."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ENGINE_CALLS:
            yield f"{node.lineno}: the engine calls {node.func.id}"


def plugin_imports(package: str, text: str) -> Iterator[str]:
    """A plugin asks the standard library, pydantic, the public API, `tieline.sandbox` and itself."""
    import tieline
    import tieline.sandbox

    public = {f"tieline.{n}" for n in tieline.__all__} | {f"tieline.sandbox.{n}" for n in tieline.sandbox.__all__}
    for line, name in imports(ast.parse(text)):
        head = name.split(".")[0]
        if within(name, PLUGIN_NOT):
            yield f"{line}: {name} goes round the core"
        elif head == "tieline":
            if name not in public:
                yield f"{line}: {name} is not public"
        elif head not in (package, *PLUGIN_MAY) and head not in sys.stdlib_module_names:
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
    r"(?<![\w./-])/(" + "|".join(["wo" + "rk", "ro" + "ot", "tm" + "p", "home/[a-z]+", "Us" + "ers"]) + ")/"
)
SECRETS = re.compile(
    "|".join(
        [
            "pat-" + r"(na|eu)\d-[0-9a-f]{8}-[0-9a-f]{4}-",
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
    r"""(?i)(access_token|refresh_token|client_secret|signature|assertion|[?&]code)\\?['"]?\s*[=:]\s*\\?['"]?(\w+)"""
)


def cassette(text: str) -> Iterator[str]:
    """A cassette carries no credential header, and `scrubbed` wherever a body had one."""
    for number, line in enumerate(text.splitlines(), 1):
        if CREDENTIAL.search(line):
            yield f"{number}: a credential header"
        for name, value in GIVEN.findall(line):
            if value != "null" and not "scrubbed".startswith(value):  # a long line is folded
                yield f"{number}: {name} is not scrubbed"
