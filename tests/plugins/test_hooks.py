"""How hooks are called: in order, each on its own; a veto counts, an observer that fails is skipped."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from tieline import hookimpl
from tieline.errors import PluginFailed, PluginMissing
from tieline.events import PlannedOrder, RunFinished, Verdict
from tieline.model import Order
from tieline.plugins import Registry

ENDED = RunFinished("run-1", "done", {})
ORDER = PlannedOrder("run-1", Order("create", "crm", "contact", "Contact", "r1", None, {}, {}))


class Observer:
    def __init__(self, name: str, seen: list[str], fails: bool = False, answer: Any = None) -> None:
        self.__name__ = name
        self.seen, self.fails, self.answer = seen, fails, answer

    @hookimpl
    def tieline_run_finished(self, event: RunFinished) -> None:
        self.seen.append(self.__name__)
        if self.fails:
            raise RuntimeError("no luck")

    @hookimpl
    def tieline_plan(self, event: PlannedOrder) -> Any:
        self.seen.append(self.__name__)
        if self.fails:
            raise RuntimeError("no luck")
        return self.answer


def test_observers_are_called_in_the_order_they_are_named() -> None:
    seen: list[str] = []
    registry = Registry(extra=[Observer("b", seen), Observer("a", seen)])
    registry.hooks(["a", "b"]).finished(ENDED)
    assert seen == ["a", "b"]


def test_an_observer_that_raises_is_named_and_the_others_still_hear(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[str] = []
    hooks = Registry(extra=[Observer("sad", seen, fails=True), Observer("glad", seen)]).hooks(["sad", "glad"])
    with caplog.at_level(logging.WARNING, logger="tieline"):
        hooks.finished(ENDED)
    assert seen == ["sad", "glad"]
    assert "plugin sad failed in tieline_run_finished and was skipped: RuntimeError: no luck" in caplog.text


def test_the_first_veto_counts() -> None:
    seen: list[str] = []
    plugins = [
        Observer("silent", seen),
        Observer("no", seen, answer=Verdict("drop", "not today")),
        Observer("late", seen),
    ]
    hooks = Registry(extra=plugins).hooks(["silent", "no", "late"])
    assert hooks.plan(ORDER) == Verdict("drop", "no: not today")
    assert seen == ["silent", "no"]


def test_silence_lets_an_order_pass() -> None:
    assert Registry(extra=[Observer("a", [])]).hooks(["a"]).plan(ORDER) is None


def test_a_veto_that_raises_or_answers_nonsense_stops_the_run() -> None:
    with pytest.raises(PluginFailed, match="plugin 'sad' failed in tieline_plan: RuntimeError: no luck"):
        Registry(extra=[Observer("sad", [], fails=True)]).hooks(["sad"]).plan(ORDER)
    with pytest.raises(PluginFailed, match="answered tieline_plan with bool, not Verdict"):
        Registry(extra=[Observer("odd", [], answer=True)]).hooks(["odd"]).plan(ORDER)


def test_only_named_plugins_hear_anything() -> None:
    seen: list[str] = []
    registry = Registry(extra=[Observer("named", seen), Observer("other", seen)])
    hooks = registry.hooks(["named"])
    hooks.finished(ENDED)
    assert seen == ["named"]
    assert hooks.listens("tieline_run_finished")
    assert not hooks.listens("tieline_applied")


def test_an_unknown_plugin_is_refused() -> None:
    with pytest.raises(PluginMissing):
        Registry().hooks(["nobody"])


def test_every_call_can_be_traced() -> None:
    lines: list[str] = []
    registry = Registry(extra=[Observer("a", []), Observer("sad", [], fails=True)], trace=lines.append)
    hooks = registry.hooks(["a", "sad"])
    hooks.finished(ENDED)
    assert lines[0].startswith("tieline_run_finished a: RunFinished(run='run-1'")
    assert "RuntimeError('no luck')" in lines[1]


class NoArguments:
    __name__ = "bare"

    def __init__(self) -> None:
        self.calls = 0

    @hookimpl
    def tieline_run_finished(self) -> None:
        self.calls += 1


def test_an_implementation_may_leave_the_event_out() -> None:
    plugin = NoArguments()
    Registry(extra=[plugin]).hooks(["bare"]).finished(ENDED)
    assert plugin.calls == 1
