"""Plugins are found without being imported, loaded one by one, and one that is broken harms nobody else."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from tieline import ConnectorSpec, hookimpl
from tieline.errors import PluginFailed, PluginMissing
from tieline.plugins import Registry

HEAD = "from tieline import ConnectorSpec, hookimpl\n"
GOOD = HEAD + (
    "def spec(name): return ConnectorSpec(name=name, title=name, streams=(), connect=None, mapping={}, kinds={})\n"
    "@hookimpl\ndef tieline_connectors(): return [spec('good')]\n"
)


@pytest.fixture
def entries(tmp_path: Path, request: pytest.FixtureRequest) -> Any:
    """Writes modules and gives entry points to them; the modules are forgotten afterwards."""
    made: list[str] = []
    sys.path.insert(0, str(tmp_path))

    def make(**sources: str) -> list[EntryPoint]:
        points = []
        for name, source in sources.items():
            module = f"{request.node.name.replace('[', '_').replace(']', '_').replace('-', '_')}_{name}"
            (tmp_path / f"{module}.py").write_text(source)
            made.append(module)
            points.append(EntryPoint(name, module, "tieline"))
        return points

    yield make
    sys.path.remove(str(tmp_path))
    for module in made:
        sys.modules.pop(module, None)


def spec(name: str) -> ConnectorSpec:
    return ConnectorSpec(name=name, title=name, streams=(), connect=lambda c: None, mapping={}, kinds={})  # type: ignore


class Two:
    __name__ = "two"

    @hookimpl
    def tieline_connectors(self) -> list[ConnectorSpec]:
        return [spec("one"), spec("other")]


def test_finding_and_loading_one_imports_no_other(entries: Any) -> None:
    registry = Registry(entries(good=GOOD, bomb="raise AssertionError('imported')"))
    assert set(registry.names()) == {"good", "bomb"}
    assert registry.get("good").name == "good"
    assert not any(name.endswith("_bomb") for name in sys.modules)


def test_a_connector_is_found_in_a_plugin_of_another_name() -> None:
    assert Registry(extra=[Two()]).get("other").name == "other"


BROKEN = {
    "import": ("import tieline_nothing_here\n", "ModuleNotFoundError: No module named 'tieline_nothing_here'"),
    "syntax": ("def :\n", "SyntaxError"),
    "exit": ("raise SystemExit(3)\n", "SystemExit: 3"),
    "raises": (
        HEAD + "@hookimpl\ndef tieline_connectors(): raise RuntimeError('no\\nluck')\n",
        "RuntimeError: no luck",
    ),
    "none": (
        HEAD + "@hookimpl\ndef tieline_connectors(): return None\n",
        "must return a list of ConnectorSpec, not NoneType",
    ),
    "garbage": (
        HEAD + "@hookimpl\ndef tieline_connectors(): return [3]\n",
        "must return ConnectorSpec objects, not int",
    ),
    "halves": (
        HEAD + "@hookimpl\ndef tieline_connectors():\n    return [ConnectorSpec('x', 'x', ('s',), None, {}, {})]\n",
        "stream 's' has no kind or no mapping table",
    ),
    "unknown_hook": (HEAD + "@hookimpl\ndef tieline_conectors(): return []\n", "tieline_conectors"),
    "arguments": (HEAD + "@hookimpl\ndef tieline_applied(evnt): return None\n", "evnt"),
    "wrapper": (
        HEAD + "@hookimpl(wrapper=True)\ndef tieline_plan(event):\n    return (yield)\n",
        "tieline_plan may not be a wrapper",
    ),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_plugin_is_named_with_its_reason_and_the_others_work(entries: Any, how: str) -> None:
    source, reason = BROKEN[how]
    registry = Registry(entries(sad=source, good=GOOD))
    found = {info.name: info for info in registry.list()}
    assert reason in found["sad"].error
    assert found["sad"].connectors == ()
    assert found["good"].error == ""
    assert found["good"].connectors == ("good",)
    assert registry.get("good").name == "good"
    with pytest.raises(PluginFailed, match="plugin 'sad'"):
        registry.get("sad")


def test_a_missing_connector_names_the_nearest_or_what_to_install(entries: Any) -> None:
    registry = Registry(entries(good=GOOD))
    with pytest.raises(PluginMissing, match="did you mean 'good'"):
        registry.get("goood")
    with pytest.raises(PluginMissing, match="installed: good") as caught:
        registry.get("zendesk")
    assert caught.value.hint == "pip install tieline-zendesk"


def test_installed_plugins_say_their_distribution_and_version() -> None:
    found = {info.name: info for info in Registry.discover().list()}
    assert found["files"].distribution == "tieline-files"
    assert found["files"].version
    assert "tieline_connectors" in found["files"].hooks
