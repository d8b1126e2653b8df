"""Plays seeded schedules by hand: `python -m tests.simulate --schedules 3000 --seed 0 --json`."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time

from tieline.testing.simulation import simulate


def main() -> int:
    """Play schedules and say what the oracle found; exit 1 if anything."""
    parser = argparse.ArgumentParser(description="Play seeded schedules of the whole engine.")
    parser.add_argument("--schedules", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--json", action="store_true", help="print one JSON value")
    parser.add_argument("--log", action="store_true", help="print each schedule's log")
    options = parser.parse_args()
    digest = hashlib.blake2b(digest_size=16)
    started = time.process_time()
    failing = []
    for seed in range(options.seed, options.seed + options.schedules):
        result = simulate(seed, log=options.log)
        digest.update(repr((seed, result.passes, result.writes, result.crashes, result.violations)).encode())
        if result.violations:
            failing.append(seed)
            print(f"seed {seed}: {result.violations[0]}\n  {result.command}", file=sys.stderr)
        if options.log:
            print("\n".join(result.log), file=sys.stderr)
    spent = time.process_time() - started
    summary = {
        "schedules": options.schedules,
        "violations": len(failing),
        "per_minute_per_core": round(options.schedules / spent * 60),
        "seed": options.seed,
        "hash": digest.hexdigest(),
        "failing": failing,
    }
    print(json.dumps(summary) if options.json else "\n".join(f"{k}: {v}" for k, v in summary.items()))
    return 1 if failing else 0


if __name__ == "__main__":
    sys.exit(main())
