"""Measures Tieline against its targets, and beside other tools where they are installed.

    TIELINE_BENCH=FOLDER python -m benchmarks.run [--records N] [--rounds N] [--peers] [--only TASK]

FOLDER holds `standin.py` (and `limit.py`, `peers/`): a server that answers like several vendors at once. Ratios of one
round are the result; absolute times belong to the machine. It decides nothing about what is measured; see `tasks`.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

from benchmarks import tasks
from benchmarks.measure import Cost, speed, stand_in
from benchmarks.peers import Peers
from benchmarks.tasks import Homes, Result

TASKS = ("startup", "first", "idle", "apply", "latency", "limited", "memory")
LATENCY_MS = 50
RATE = 50
MEMORY_GROWTH = 10
"""The memory task reads so many times more records; its peak may be 1.2 times that of the small run."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tasks and print the table; 1 when a target is missed."""
    options = _options(arguments)
    bench = os.environ.get("TIELINE_BENCH", "")
    if not (Path(bench) / "standin.py").exists():
        print("TIELINE_BENCH must name the folder of standin.py", file=sys.stderr)
        return 2
    venvs = os.environ.get("TIELINE_BENCH_VENVS", "")
    rounds: list[list[Result]] = []
    with tempfile.TemporaryDirectory(prefix="tieline-bench-") as scratch:
        for number in range(options.rounds):
            results, peers = _round(options, Path(bench), Path(venvs) if venvs else None, Path(scratch))
            rounds.append(results)
            title = f"round {number + 1} of {options.rounds}, {options.records} records"
            _print(f"{title}; this machine now counts to a million in {speed() * 1e3:.0f} ms", results, peers)
    if options.rounds > 1:
        _print("median of all rounds", _medians(rounds), {})
    return int(any(r.met is False for r in _medians(rounds)))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure Tieline against its targets.")
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--peers", action="store_true", help="run other tools too, from TIELINE_BENCH_VENVS")
    parser.add_argument("--only", action="append", choices=TASKS, help="this task alone; may be repeated")
    return parser.parse_args(arguments)


Rivals = Mapping[str, Mapping[str, Cost]]


def _round(options: argparse.Namespace, bench: Path, venvs: Path | None, scratch: Path) -> tuple[list[Result], Rivals]:
    wanted: Sequence[str] = options.only or TASKS
    python = str(venvs / "base" / "bin" / "python") if venvs and (venvs / "base" / "bin" / "python").exists() else None
    found: list[Result] = tasks.startup() if "startup" in wanted else []
    rivals: dict[str, Mapping[str, Cost]] = {}
    fixed = 0.0
    if "first" in wanted or "memory" in wanted:
        with stand_in(bench, 1, python or sys.executable) as small:
            fixed = tasks.fixed_cost(Homes(scratch, small))
    with stand_in(bench, options.records, python or sys.executable) as server:
        homes = Homes(scratch, server)
        if "first" in wanted:
            found += tasks.first(homes, options.records, fixed)
        if "idle" in wanted:
            found += tasks.idle(homes, options.records)
        if options.peers and venvs is not None:  # before any edit: some of them know the server's newest stamp
            rivals = _rivals(Peers(bench, venvs, scratch / "peers", server, options.records), wanted)
        if "apply" in wanted:
            found += tasks.carry(homes, options.records)
        if "latency" in wanted:
            found += _latency(homes, options, bench, venvs, scratch)
        if "limited" in wanted:
            found += tasks.limited(homes, options.records, RATE)
    found = [_beside(r, rivals) for r in found]
    if "memory" in wanted:
        found += _memory(options, bench, scratch, python or sys.executable, fixed)
    return found, rivals


def _beside(result: Result, rivals: Rivals) -> Result:
    """The result with what the peers of this round say of its target: half a Singer tap's idle run."""
    singer = rivals.get("idle", {}).get("singer-sdk")
    if singer is None or result.task != "idle" or result.unit != "s":
        return result
    return replace(result, limit=singer.cpu / 2, note=f"half of singer-sdk's {singer.cpu:.2f}; {result.note}")


def _rivals(peers: Peers, wanted: Iterable[str]) -> dict[str, Mapping[str, Cost]]:
    names = {"first": "first", "idle": "idle", "apply": "write"}
    found: dict[str, Mapping[str, Cost]] = {names[w]: peers.of(names[w]) for w in wanted if w in names}
    if peers.missing:
        print(f"not installed, left out: {', '.join(sorted(peers.missing))}", file=sys.stderr)
    return found


def _latency(homes: Homes, options: argparse.Namespace, bench: Path, venvs: Path | None, scratch: Path) -> list[Result]:
    """The apply stage where every answer takes a while; the best peer's write sets the limit."""
    walls: list[float] = []
    if options.peers and venvs is not None:
        homes.server.configure(latency_ms=LATENCY_MS)
        try:
            costs = Peers(bench, venvs, scratch / "peers", homes.server, options.records).of("write")
        finally:
            homes.server.configure(latency_ms=0)
        walls = [cost.wall for name, cost in costs.items() if name != "floor"]
    return tasks.carry(homes, options.records, LATENCY_MS, min(walls, default=None))


def _memory(options: argparse.Namespace, bench: Path, scratch: Path, python: str, fixed: float) -> list[Result]:
    """First read and idle run of many more records than before: the peak must not follow."""
    peaks = []
    for factor in (1, MEMORY_GROWTH):
        with stand_in(bench, options.records * factor, python) as server:
            homes = Homes(scratch, server)
            cost = tasks.first(homes, options.records * factor, fixed)[1].cost
            peaks.append(cost)
    large = peaks[1]
    growth = large.rss / peaks[0].rss
    many = f"{options.records * MEMORY_GROWTH} records"
    return [
        Result("memory", f"peak, {many}", large.rss, "MB", 120.0, large, tasks.stages(large)),
        Result("memory", f"against {options.records}", growth, "x", 1.2, large),
    ]


def _medians(rounds: Sequence[Sequence[Result]]) -> list[Result]:
    found = []
    for same in zip(*rounds, strict=True):
        middle = median(r.value for r in same)
        found.append(min(same, key=lambda r, m=middle: abs(r.value - m)))  # type: ignore[misc]
    return found


def _print(title: str, results: Sequence[Result], rivals: Rivals) -> None:
    print(f"\n## {title}\n\n| task | what | value | target | | |\n|---|---|---|---|---|---|")
    for r in results:
        verdict = {True: "met", False: "MISSED", None: ""}[r.met]
        target = "" if r.limit is None else f"<= {r.limit:.4g}"
        print(f"| {r.task} | {r.name} | {r.value:.4g} {r.unit} | {target} | {verdict} | {r.note} |")
    for task, costs in rivals.items():
        print(f"\n| {task}, other tools | CPU s | wall s | MB | requests |\n|---|---|---|---|---|")
        for name, cost in costs.items():
            print(f"| {name} | {cost.cpu:.2f} | {cost.wall:.2f} | {cost.rss:.0f} | {cost.requests} |")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
