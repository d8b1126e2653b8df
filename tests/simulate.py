"""Plays seeded schedules by hand: `python -m tests.simulate --schedules 3000 --seed 0 --json`.

A failing one is played again with `--seed N --schedules 1 --log`, up to a step with `--until STEP`, with troubles
switched off by `--off crash,lost_after`; `--shrink` finds out which of them it needs.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import json
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tieline.testing.simulation import OPTIONS, Result, shrink, simulate

CHUNK = 20
GC_OBJECTS = 50_000
"""New objects before the interpreter looks for cycles: schedules make many, and no cycles."""


def main() -> int:
    """Play schedules and say what the oracle found; exit 1 if anything."""
    gc.set_threshold(GC_OBJECTS)
    gc.freeze()  # what is loaded by now stays
    options = _parser().parse_args()
    started = time.process_time(), time.monotonic()
    digest = hashlib.blake2b(digest_size=16)
    failing = []
    spent = 0.0
    for result, seconds in _results(options):
        digest.update(result.hash.encode())
        spent += seconds
        if result.violations:
            failing.append(result.seed)
            _tell(result)
            if options.shrink:
                small = shrink(result.seed, options.options)
                print(f"  without {', '.join(small.off) or 'anything'}: {small.violations[:1]}\n  {small.command}",
                      file=sys.stderr)  # fmt: skip
        if options.log:
            print("\n".join(result.log), file=sys.stderr)
    summary = {
        "schedules": options.schedules,
        "violations": len(failing),
        "per_minute_per_core": round(options.schedules / max(spent, 0.001) * 60),
        "seconds": round(time.monotonic() - started[1]),
        "seed": options.seed,
        "options": options.options,
        "hash": digest.hexdigest(),
        "failing": failing,
    }
    print(json.dumps(summary) if options.json else "\n".join(f"{k}: {v}" for k, v in summary.items()))
    return 1 if failing else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Play seeded schedules of the whole engine.")
    parser.add_argument("--schedules", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--options", choices=sorted(OPTIONS), help="an option set; drawn from the seed without it")
    parser.add_argument("--off", type=lambda text: tuple(text.split(",")), default=(), help="troubles switched off")
    parser.add_argument("--until", type=int, help="stop at this step")
    parser.add_argument("--processes", type=int, default=1, help="how many at once")
    parser.add_argument("--json", action="store_true", help="print one JSON value")
    parser.add_argument("--log", action="store_true", help="print each schedule's log")
    parser.add_argument("--shrink", action="store_true", help="find out which troubles a failing schedule needs")
    return parser


def _results(options: argparse.Namespace) -> Iterator[tuple[Result, float]]:
    """Every schedule's result, in the order of the seeds, with the CPU seconds it took."""
    play = partial(_play, options.options, options.off, options.log, options.until)
    seeds = range(options.seed, options.seed + options.schedules)
    if options.processes < 2:
        yield from map(play, seeds)
        return
    with ProcessPoolExecutor(options.processes) as pool:
        yield from pool.map(play, seeds, chunksize=CHUNK)


def _play(options: str | None, off: tuple[str, ...], log: bool, until: int | None, seed: int) -> tuple[Result, float]:
    started = time.process_time()
    result = simulate(seed, options, off=off, log=log, until=until)
    return result, time.process_time() - started


def _tell(result: Result) -> None:
    print(f"seed {result.seed}: {result.violations[0]}\n  {result.command}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
