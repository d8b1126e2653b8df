"""Bugs put into the engine on purpose: each must be caught by the seeded world, or the world is too kind.

A mutant is a context manager that swaps one piece of the product for a broken one while it is entered; `MUTANTS` names
the option set that provokes it. `python -m tests.mutants` plays the whole table.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager
from typing import Any

from tests.seeded import acting, deciding, reading, signing, speaking, writing
from tests.simulate import GC_OBJECTS
from tieline.testing.simulation import simulate

Mutant = Callable[[], AbstractContextManager[Any]]

BUDGET = 2000
"""Schedules within which a mutant must be caught."""

MUTANTS: dict[str, tuple[Mutant, str]] = {
    "nointent": (writing.nointent, "lossy"),
    "blindretry": (writing.blindretry, "lossy"),
    "noext": (writing.noext, "lossy"),
    "noquiet": (writing.noquiet, "lossy"),
    "upsertshadow": (writing.upsertshadow, "busy"),
    "freshpayload": (writing.freshpayload, "lossy"),
    "nointentupd": (writing.nointentupd, "lossy"),
    "noshadow": (writing.noshadow, "plain"),
    "gt": (reading.gt, "late"),
    "nooverlap": (reading.nooverlap, "busy"),
    "pagebound": (reading.pagebound, "busy"),
    "cursorfirst": (reading.cursorfirst, "crashy"),
    "localclock": (reading.localclock, "busy"),
    "nobarrier": (reading.nobarrier, "plain"),
    "nocas": (writing.nocas, "busy"),
    "fullput": (writing.fullput, "busy"),
    "ignore207": (writing.ignore207, "heavy"),
    "poisonabort": (writing.poisonabort, "picky"),
    "recquar": (writing.recquar, "picky"),
    "quarover": (writing.quarover, "picky"),
    "nonorm": (deciding.nonorm, "plain"),
    "echonorm": (writing.echonorm, "plain"),
    "blank": (deciding.blank, "plain"),
    "tombless": (deciding.tombless, "plain"),
    "deadnoreconcile": (writing.deadnoreconcile, "graves"),
    "nolease": (writing.nolease, "together"),
    "trustlist": (reading.trustlist, "busy"),
    # our own
    "firsthit": (deciding.firsthit, "doubles"),
    "twinblind": (deciding.twinblind, "doubles"),
    "defaultspeaks": (deciding.defaultspeaks, "filling"),
    "consentwide": (deciding.consentwide, "plain"),
    "lostlog": (deciding.lostlog, "plain"),
    "moneymix": (deciding.moneymix, "deals"),
    "nocurrency": (reading.nocurrency, "deals"),
    "dateshift": (reading.dateshift, "deals"),
    "refblank": (reading.refblank, "crashy"),
    "wakeless": (reading.wakeless, "risen"),
    "mergeasdelete": (reading.mergeasdelete, "merging"),
    "conversionascreate": (reading.conversionascreate, "converting"),
    "leftbehind": (reading.leftbehind, "converting"),
    "sidebyside": (reading.sidebyside, "converting"),
    "aliasless": (reading.aliasless, "merging"),
    "undelete": (reading.undelete, "risen"),
    "feedfirst": (reading.feedfirst, "feeds"),
    "namelater": (deciding.namelater, "keyless"),
    "identitytwin": (speaking.identitytwin, "plain"),
    "roworder": (speaking.roworder, "offices"),
    "etagignored": (speaking.etagignored, "busy"),
    "wholebatch": (speaking.wholebatch, "picky"),
    "emptylist": (reading.emptylist, "guarded"),
    "sweepless": (reading.sweepless, "plain"),
    "massdelete": (deciding.massdelete, "guarded"),
    "answertwice": (deciding.answertwice, "guarded"),
    "neveragain": (deciding.neveragain, "picky"),
    "ownedit": (writing.ownedit, "lossy"),
    "unblocked": (writing.unblocked, "lossy"),
    "blindlate": (writing.blindlate, "late"),
    "twicecounted": (reading.twicecounted, "twins"),
    "wrongepoch": (writing.wrongepoch, "together"),
    "effectblind": (acting.effectblind, "acting"),
    "effectagain": (acting.effectagain, "acting"),
    "effectpast": (acting.effectpast, "acting"),
    "effectdropped": (acting.effectdropped, "acting"),
    # refresh rotation
    "usedbeforestored": (signing.usedbeforestored, "rotating"),
    "keptold": (signing.keptold, "rotating"),
}
"""Name → what it breaks, and the option set that provokes it."""


def hunt(name: str, budget: int = BUDGET) -> dict[str, Any]:
    """Play schedules with a mutant in place until the oracle objects, at most `budget` of them."""
    mutant, options = MUTANTS[name]
    found = {"name": name, "options": options, "caught": False, "first_seed": None, "schedules": budget,
             "invariant": None, "what": None}  # fmt: skip
    with mutant():
        for seed in range(budget):
            violations = simulate(seed, options).violations
            if violations:
                first = violations[0]
                return {**found, "caught": True, "first_seed": seed, "schedules": seed + 1,
                        "invariant": first.invariant, "what": first.what}  # fmt: skip
    return found


def sober(options: str, schedules: int) -> list[int]:
    """Seeds below `schedules` at which the unbroken engine violates something under these options."""
    return [seed for seed in range(schedules) if simulate(seed, options).violations]


def table(names: Sequence[str], budget: int, processes: int) -> list[dict[str, Any]]:
    """Hunt them all, several at once."""
    if processes < 2:
        return [hunt(name, budget) for name in names]
    with ProcessPoolExecutor(processes) as pool:
        return list(pool.map(hunt, names, [budget] * len(names)))


def main() -> int:
    """Play the table; exit 1 if a mutant survives."""
    parser = argparse.ArgumentParser(description="Play every mutant until it is caught.")
    parser.add_argument("--json", action="store_true", help="print one JSON value")
    parser.add_argument("--budget", type=int, default=BUDGET, help="schedules for each mutant")
    parser.add_argument("--processes", type=int, default=2, help="how many at once")
    parser.add_argument("names", nargs="*", help="only these")
    options = parser.parse_args()
    gc.set_threshold(GC_OBJECTS)
    started = time.monotonic()
    found = table(options.names or list(MUTANTS), options.budget, options.processes)
    if options.json:
        print(json.dumps({"mutants": found, "seconds": round(time.monotonic() - started)}))
    else:
        for row in found:
            verdict = "caught" if row["caught"] else "SURVIVED"
            print(f"{row['name']:16}{row['options']:10}{verdict:9}{row['schedules']:5}  {row['what'] or ''}"[:150])
        print(f"{time.monotonic() - started:.0f} s")
    return 0 if all(row["caught"] for row in found) else 1


if __name__ == "__main__":
    sys.exit(main())
