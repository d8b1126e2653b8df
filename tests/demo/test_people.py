"""What people do on the stand-ins, in canonical terms; the same for every stand-in that a demo can be played on."""

from __future__ import annotations

import json
from contextlib import nullcontext
from typing import Any

import pytest

from tieline.demo.day import BRIGHTWATER, DAY, DEAL, INES, JONAS
from tieline.demo.home import SYSTEMS, chosen
from tieline.plugins import Registry
from tieline.standin import Act, SandboxOptions


@pytest.fixture(scope="module")
def seeded() -> dict[str, Any]:
    """System → (how its stand-in is made, its state when it is new)."""
    makers = {system: spec.sandbox for system, spec in chosen(Registry.discover()).items()}
    return {name: (make, make(SandboxOptions(seed="demo")).dump()) for name, make in makers.items() if make}


@pytest.fixture(params=list(SYSTEMS))
def sandbox(request: pytest.FixtureRequest, seeded: dict[str, Any]) -> Any:
    make, state = seeded[request.param]
    return make(SandboxOptions(state=json.loads(json.dumps(state))))


def text(sandbox: Any) -> str:
    return str(sandbox.dump())


@pytest.mark.parametrize(
    ("kind", "key", "field"),
    [
        ("contact", INES.upper(), "title"),
        ("opportunity", DEAL, "name"),
        ("account", BRIGHTWATER.lower(), "description"),
    ],
)
def test_an_edit_changes_the_record_that_people_call_by_this_key(sandbox: Any, kind: Any, key: str, field: str) -> None:
    assert "Chief Surveyor" not in text(sandbox)
    if not sandbox.counts().get(kind):  # support keeps no deals, and the office's sheet has none yet
        with pytest.raises(ValueError, match=kind):
            sandbox.person(Act("edit", kind, key, {field: "Chief Surveyor"}))
        return
    sandbox.person(Act("edit", kind, key, {field: "Chief Surveyor"}))
    assert "Chief Surveyor" in text(sandbox)


def test_a_deleted_record_is_not_alive_any_more(sandbox: Any) -> None:
    before = sandbox.counts()
    sandbox.person(Act("delete", "contact", INES))
    assert sandbox.counts() == {**before, "contact": before["contact"] - 1}
    with pytest.raises(ValueError, match="there is no contact"):
        sandbox.person(Act("edit", "contact", INES, {"title": "x"}))


def test_of_one_record_there_is_nothing_to_merge(sandbox: Any) -> None:
    before = sandbox.counts()
    sandbox.person(Act("merge", "contact", INES))
    assert sandbox.counts() == before


def test_only_the_crm_has_jonas_twice(seeded: dict[str, Any]) -> None:
    lost = {}
    for system in ("crm", "marketing"):  # support does not know him
        make, state = seeded[system]
        one = make(SandboxOptions(state=json.loads(json.dumps(state))))
        before = one.counts()["contact"]
        one.person(Act("merge", "contact", JONAS))
        lost[system] = before - one.counts()["contact"]
    assert lost == {"crm": 1, "marketing": 0}


def test_an_opt_out_is_seen_once_and_a_value_that_is_refused_changes_nothing(sandbox: Any) -> None:
    before = text(sandbox)
    name, value = ("x_tier", "Platinum") if "opportunity" not in sandbox.counts() else ("employees", "many")
    with pytest.raises(ValueError, match=r".+"):
        sandbox.person(Act("edit", "account", BRIGHTWATER, {name: value}))
    assert text(sandbox).count(value) == before.count(value)
    takes = "spreadsheet" not in sandbox.demo_config("office")  # an address book holds no consent
    with nullcontext() if takes else pytest.raises(ValueError, match="consent"):
        sandbox.person(Act("opt_out", "contact", INES))
    assert (text(sandbox) != before) is takes


def test_nobody_can_do_anything_to_somebody_who_is_not_there(sandbox: Any) -> None:
    for verb in ("edit", "opt_out", "delete", "merge"):
        with pytest.raises(ValueError, match="there is no contact"):
            sandbox.person(Act(verb, "contact", "nobody@nowhere.example"))  # type: ignore[arg-type]


def test_the_day_lets_people_edit_every_side_and_ends_in_order() -> None:
    assert {deed.system for deed in DAY} == set(SYSTEMS)
    assert {deed.act.verb for deed in DAY} == {"edit", "opt_out", "merge", "convert"}
    minutes = [deed.minute for deed in DAY]
    assert minutes == sorted(minutes)
    assert minutes[0] > 0
