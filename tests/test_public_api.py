"""What `tieline`, `tieline.sandbox` and `tieline.testing` promise: which names, where from, at what price."""

from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys

import pytest

import tieline
import tieline.sandbox
import tieline.testing

ROOMS = (tieline, tieline.sandbox, tieline.testing)
LAZY = (tieline, tieline.testing)
HEAVY = ("pydantic", "pluggy", "click", "httpx2", "authlib", "sqlite3", "pytest")


@pytest.mark.parametrize("room", ROOMS, ids=lambda r: r.__name__)
def test_every_public_name_is_there_and_says_what_it_is(room):
    for name in room.__all__:
        thing = getattr(room, name)
        if inspect.isclass(thing) or inspect.isfunction(thing):
            assert thing.__doc__, name
            assert not thing.__doc__.startswith(f"{name}("), f"{name} has a generated docstring only"


@pytest.mark.parametrize("room", LAZY, ids=lambda r: r.__name__)
def test_the_type_checker_and_the_interpreter_see_the_same_names(room):
    tree = ast.parse(inspect.getsource(room))
    guarded = next(node for node in tree.body if isinstance(node, ast.If))
    typed = {
        alias.name: node.module
        for node in guarded.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if node.module and node.module.startswith("tieline.")
    }
    found = {name: f"{room.__name__}.{home}" for name, home in room._HOME.items()}
    found.pop("hookimpl", None)  # a marker object: declared with its type instead of imported
    assert typed == found


@pytest.mark.parametrize("room", LAZY, ids=lambda r: r.__name__)
def test_every_name_is_public_or_not_there(room):
    assert {*room._HOME, "__version__"} >= {*room.__all__} >= {*room._HOME}


def test_importing_tieline_imports_nothing_heavy():
    script = f"import sys, tieline; print(*(n for n in {HEAVY!r} if n in sys.modules))"
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert answer.stdout.strip() == ""


def test_a_name_that_is_not_public_is_refused_by_name():
    with pytest.raises(AttributeError, match="no attribute 'Runner'"):
        tieline.Runner  # noqa: B018 the lookup is the test


def test_what_a_hook_is_given_and_may_answer_is_public():
    events = importlib.import_module("tieline.events")
    held = {n for n, c in vars(events).items() if inspect.isclass(c) and c.__module__ == events.__name__}
    assert held <= set(tieline.__all__)


def test_the_version_is_that_of_the_distribution():
    from importlib.metadata import version

    assert tieline.__version__ == version("tieline")
