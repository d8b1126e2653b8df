"""What is measured: homes, commands, and how an outcome is held against its target.

Each task runs the `tieline` command as a user would, on a home of its own. It starts no server and prints nothing.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure import Cost, StandIn, measure

PAGE = 100
"""Records of one page of the HubSpot-like list."""
BATCH = 100
"""Records of one batch write."""
KINDS = 4
"""Streams of the HubSpot-like system: one schema call each, and one empty page each but for contacts."""

_HUBSPOT = """
[systems.marketing]
connector = "hubspot"
base_url = "{base}"
auth = {{ type = "token", token = {{ env = "BENCH_TOKEN" }} }}
"""
_SALESFORCE = """
[systems.crm]
connector = "salesforce"
base_url = "{base}"
auth = {{ type = "token", token = {{ env = "BENCH_TOKEN" }} }}
"""
_READ_ONLY = """
[systems.marketing.contact]
mode = "read"
"""
_NO_LIMITS = """
[limits]
creates = false
updates = false
"""


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the table. `limit` None: no target, only shown; `value` must not be above it."""

    task: str
    name: str
    value: float
    unit: str
    limit: float | None
    cost: Cost
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None where there is none."""
        return None if self.limit is None else self.value <= self.limit


class Homes:
    """Makes homes below a folder and runs the command on them."""

    def __init__(self, folder: Path, server: StandIn) -> None:
        self.folder = folder
        self.server = server

    def make(self, name: str, *parts: str) -> Path:
        """A fresh home of a configuration."""
        home = self.folder / name
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        (home / "tieline.toml").write_text("".join(p.format(base=self.server.base) for p in parts))
        return home

    def run(self, home: Path, *arguments: str) -> Cost:
        """Run `tieline` on a home. Raises RuntimeError when it does not end well."""
        cost = measure([*tieline(), "--config", str(home / "tieline.toml"), *arguments, "--json"], self.server)
        if cost.code not in (0, 3):
            raise RuntimeError(f"tieline {' '.join(arguments)} ended with {cost.code}: {cost.out[-600:]}")
        return cost


def tieline() -> list[str]:
    """The command of this very environment."""
    return [str(Path(sys.executable).parent / "tieline")]


def startup() -> list[Result]:
    """`--help` and `--version` against a bare interpreter; the least of seven runs each, as they are short."""
    bare = _least([sys.executable, "-c", "pass"])
    found = []
    for option in ("--version", "--help"):
        cost = _least([*tieline(), option])
        note = f"{cost.cpu * 1e3:.0f} ms, python {bare.cpu * 1e3:.0f} ms"
        found.append(Result("startup", option, cost.cpu / bare.cpu, "x python", 4.0, cost, note))
    return found


def _least(command: Sequence[str]) -> Cost:
    return min((measure(command) for _ in range(7)), key=lambda c: c.cpu)


def first(homes: Homes, records: int, fixed: float) -> list[Result]:
    """First read into a new home. `fixed` is what the same command costs where there is next to nothing to read."""
    found = []
    for name, parts, limit in (
        ("read-only system", (_HUBSPOT, _READ_ONLY), 60.0),
        ("two-way, plans a link order each", (_HUBSPOT,), None),
    ):
        cost = homes.run(homes.make("first", *parts), "plan")
        note = f"{(cost.cpu - fixed) / records * 1e6:.1f} without start-up; {stages(cost)}"
        found.append(Result("first", f"{name}: CPU a record", cost.cpu / records * 1e6, "us", limit, cost, note))
    cost = found[0].cost
    least = -(-records // PAGE) + 1 + 2 * KINDS + KINDS - 1
    found.append(Result("first", "requests", cost.requests, "", least, cost, _routes(cost)))
    found.append(Result("first", "peak memory", cost.rss, "MB", 120.0, cost))
    return found


def idle(homes: Homes, records: int) -> list[Result]:
    """A run where nothing is left to do. The peers' limit is filled in by whoever has run them."""
    home = homes.make("idle", _HUBSPOT, _NO_LIMITS)
    homes.run(home, "sync", "--yes")
    homes.run(home, "sync")
    cost = min((homes.run(home, "sync") for _ in range(3)), key=lambda c: c.cpu)
    return [
        Result("idle", f"CPU, {records} records", cost.cpu, "s", 0.5, cost, stages(cost)),
        Result("idle", "requests", cost.requests, "", KINDS, cost, _routes(cost)),
        Result("idle", "peak memory", cost.rss, "MB", 120.0, cost),
    ]


def carry(homes: Homes, records: int, latency_ms: int = 0, peer_wall: float | None = None) -> list[Result]:
    """Edits in the Salesforce-like system carried to the HubSpot-like one: only the apply stage is judged."""
    home = homes.make("carry", _SALESFORCE, _HUBSPOT, _NO_LIMITS)
    homes.run(home, "sync", "--yes")
    homes.server.configure(change=records, change_in="salesforce", latency_ms=latency_ms)
    try:
        cost = homes.run(home, "sync", "--full")  # the stand-in's stamps are old: no delta would name these edits
    finally:
        homes.server.configure(latency_ms=0)
    told = cost.json()
    stage, orders = told["stages"]["apply"], told["orders"].get("marketing", {}).get("contact", {})
    if orders.get("update") != records:
        raise RuntimeError(f"{records} edits gave these orders: {told['orders']}, {told['notes']}")
    calls = sum(n for route, n in cost.routes.items() if "batch" in route)
    batches = -(-records // BATCH)
    suffix = f", {latency_ms} ms latency" if latency_ms else ""
    if latency_ms:
        limit = None if peer_wall is None else peer_wall / 3
        return [Result("apply", f"wall{suffix}", stage["wall_s"], "s", limit, cost, stages(cost))]
    return [
        Result("apply", "CPU a record", stage["cpu_s"] / records * 1e6, "us", 80.0, cost, stages(cost)),
        Result("apply", "requests a batch", calls / batches, "", 2.0, cost, _routes(cost)),
    ]


def limited(homes: Homes, records: int, rate: int) -> list[Result]:
    """First sync, writes included, against a server that answers 429 beyond `rate` requests a second."""
    home = homes.make("limited", _HUBSPOT, _NO_LIMITS)
    homes.server.configure(rate=rate)
    try:
        cost = homes.run(home, "sync", "--yes")
    finally:
        homes.server.configure(rate=0)
    needed = (cost.requests - cost.throttled) / rate
    note = f"{cost.requests} requests, {cost.throttled} refused"
    return [Result("limited", f"wall over requests / {rate}", cost.wall / needed, "x", 1.3, cost, note)]


def fixed_cost(homes: Homes) -> float:
    """CPU seconds of a first `plan` where there is next to nothing to read."""
    return min(homes.run(homes.make("fixed", _HUBSPOT, _READ_ONLY), "plan").cpu for _ in range(3))


def stages(cost: Cost) -> str:
    """CPU seconds of each stage, as the command itself tells them."""
    told: dict[str, Any] = cost.json()["stages"]
    return " ".join(f"{name} {stage['cpu_s']:.2f}" for name, stage in told.items()) + f" of {cost.cpu:.2f} s"


def _routes(cost: Cost) -> str:
    return " ".join(f"{route}:{n}" for route, n in sorted(cost.routes.items()))
