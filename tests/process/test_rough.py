"""A first sync that is killed again and again, and loses answers, ends where an undisturbed one does.

The company is the demo's, with its own dirt, and the configuration says what a real one says: defaults, value maps,
templates, constants, policies, a filter. What both ends are compared by is what a person sees: each side's records, and
the questions that wait.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.process.company import API
from tests.process.harness import LOST, VENDORS, Call, Desk, Gate, Reply, Sandboxes
from tests.process.harness import Counter as Calls
from tests.process.killing import Killer, Moment
from tests.process.settings import config_of
from tests.process.together import Together

SEEDS = range(int(os.environ.get("TIELINE_ROUGH", "1")))
"""`TIELINE_ROUGH=20 pytest tests/process/test_rough.py` is the long tier, by hand."""
DEATHS = 3
LOSSES = 0.05
ROUGH_RUNS = 2
MAPS = """
[systems.crm.map.account]
Type = {{ field = "type", default = "Prospect" }}
AnnualRevenue = {{ field = "annual_revenue", scale = 1000 }}
"{{Name}} ({{Website}})" = "x_label"
[systems.marketing.map.account]
about_us = "x_label"
[systems.crm.map.opportunity]
CloseDate = {{ field = "close_date", default = "2030-01-31" }}
[systems.crm.contact]
filter = 'not email is null'
[systems.crm.map.contact]
LastName = {{ field = "last_name", default = "Unknown" }}
Department = {{ field = "x_origin", const = "crm" }}
[systems.marketing.map.contact]
company = "x_origin"
"""
POLICIES = """title = "prefer:crm-unless-blank"
phone = "fill"
"""
SHOWN = {
    "contacts": ("email", "firstname", "lastname", "jobtitle", "phone", "company"),
    "companies": ("name", "domain", "industry", "type", "annualrevenue", "about_us"),
    "deals": ("dealname", "amount", "dealstage", "closedate"),
    "Account": ("Name", "Website", "Industry", "Type", "AnnualRevenue"),
    "Contact": ("Email", "FirstName", "LastName", "Title", "Phone"),
    "Opportunity": ("Name", "Amount", "StageName", "CloseDate"),
}


def configuration() -> str:
    """The tests' own, with more of what a mapping can say."""
    plain = config_of(VENDORS, crm='currency = "USD"\n')
    head, contact, tail = plain.partition("[sync.contact]\n")
    return head.replace("[systems.marketing.map.opportunity]", f"{MAPS}[systems.marketing.map.opportunity]") + (
        contact + POLICIES + tail
    )


class Life:
    """A home from its first sync until nothing is left to do; `seed` None: nothing disturbs it."""

    def __init__(self, folder: Path, seed: int | None) -> None:
        chance = random.Random(seed)
        sandboxes = Sandboxes(folder / "sandbox", seed="demo")
        calls = Calls()
        gates = {name: Gate(sandboxes, name, calls) for name in VENDORS}
        try:
            desk = Desk(folder / "desk", {n: g.url for n, g in gates.items()}, sandboxes.token, configuration())
            self.deaths = 0
            for _ in range(DEATHS if seed is not None else 0):
                when = Moment(
                    calls.writes + chance.randint(1, 12), chance.choice(("before", "after", "answered")), 0.02
                )
                killer = Killer(gates, when)
                killer.run(desk, "sync", "--yes", "--json")
                self.deaths += killer.killed
            self.lost = 0
            for gate in gates.values() if seed is not None else ():
                gate.after = self._losing(chance)
            for _ in range(ROUGH_RUNS if seed is not None else 0):
                desk.sync()
            for gate in gates.values():
                gate.after = lambda call, reply: reply
            self.last = desk.until_quiet()[-1]
            self.reviews = Counter(r["summary"] for r in desk.run("review", "list", "--json").json)
            self.shown = {name: _shown(sandboxes, name) for name in SHOWN}
        finally:
            for gate in gates.values():
                gate.close()
            sandboxes.stop()

    def _losing(self, chance: random.Random) -> Callable[[Call, Reply], Reply]:
        def after(call: Call, reply: Reply) -> Reply:
            lost = bool(call.write) and chance.random() < LOSSES
            self.lost += lost
            return LOST if lost else reply

        return after


def _shown(sandboxes: Sandboxes, name: str) -> Counter[tuple[str, ...]]:
    """The records of one kind in one system, by what they hold."""
    rows: list[Any] = []
    if name.islower():
        after = ""
        while after is not None:
            path = f"/crm/v3/objects/{name}?limit=100&properties={','.join(SHOWN[name])}{after}"
            page = sandboxes.ask("marketing", path)
            rows += [r["properties"] for r in page["results"]]
            onward = page.get("paging", {}).get("next")
            after = None if onward is None else f"&after={onward['after']}"
    else:
        page = sandboxes.ask("crm", f"{API}/query?q=" + quote(f"SELECT {', '.join(SHOWN[name])} FROM {name}"))
        rows += page["records"]
        while not page["done"]:
            page = sandboxes.ask("crm", page["nextRecordsUrl"])
            rows += page["records"]
    return Counter(tuple(str(row.get(field)) for field in SHOWN[name]) for row in rows)


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Together[int | None, Life]]:
    """The calm life and the rough ones."""
    folder = tmp_path_factory.mktemp("rough")
    with ThreadPoolExecutor(2) as pool:
        yield Together(pool, lambda seed: Life(folder / str(seed), seed), (None, *SEEDS))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_rough_life_ends_where_a_calm_one_does(seed: int, lives: Together[int | None, Life]) -> None:
    calm, rough = lives[None], lives[seed]
    assert rough.reviews == calm.reviews
    assert rough.shown == calm.shown
    assert (rough.last["code"], rough.last["converged"]) == (calm.last["code"], calm.last["converged"])
    assert rough.deaths == DEATHS, "this shows less than it should"
    assert rough.lost, "this shows less than it should"
