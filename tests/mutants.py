"""Bugs put into the engine on purpose: each must be caught by the seeded world, or the world is too kind.

A mutant is a context manager that swaps one piece of the product for a broken one while it is entered. `SETTINGS`
names the setting that provokes it. `python -m tests.mutants` plays the whole table.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest.mock import patch

from tieline.engine import plan, policy, trees, window
from tieline.model import Outcome, Window
from tieline.runner import apply, context, matching, pull, settle
from tieline.runner.targets import Targets
from tieline.store.work import Work
from tieline.testing.simulation import simulate
from tieline.testing.simulation.loop import RATES
from tieline.testing.simulation.world import Setting

Mutant = Callable[[], AbstractContextManager[Any]]

HEAVY = Setting(crash=0.02, faults={**RATES, "lost_after": 0.15, "partial": 0.2})
LOSSY = Setting(crash=0.004, faults={**RATES, "lost_after": 0.25, "lost_before": 0.1})
BUSY = Setting(people=0.3, crash=0.004, faults=RATES)
CRASHY = Setting(people=0.25, crash=0.06, faults={}, runs=8)
RARE = frozenset({"firsthit"})
"""Mutants that take more schedules than the test suite has time for; `python -m tests.mutants` plays them."""


@contextmanager
def nointent() -> Iterator[None]:
    """No intent is written before a call: what was lost is not known to be lost."""

    def intend(self: Work, rows: Any) -> list[int]:
        return [-n for n in range(1, len(rows) + 1)]

    with patch.object(Work, "intend", intend):
        yield


@contextmanager
def blindretry() -> Iterator[None]:
    """An unknown outcome counts as «not applied»: the next round sends it again."""
    real = Work.forget

    def unknown(self: Work, ids: Any, now: int) -> None:
        real(self, list(ids))

    with patch.object(Work, "unknown", unknown):
        yield


@contextmanager
def upsertshadow() -> Iterator[None]:
    """On «exists» our payload is assumed to be there."""
    real = apply.Batch._exists

    def exists(self: apply.Batch, item: apply.Item, outcome: Outcome) -> Any:
        yield from real(self, item, outcome)
        for row in self.store.trees.of_records([item.order.record]).get(item.order.record, []):
            if row.system == self.system.name and row.base is None:
                link = apply.decode(row)
                with self.store.atomic():
                    self.store.trees.save(trees.confirm(link, item.payload, None))

    with patch.object(apply.Batch, "_exists", exists):
        yield


@contextmanager
def noshadow() -> Iterator[None]:
    """The base stays as it was after our own write."""
    real = trees.confirm

    def confirm(link: Any, written: Any, remote: Any, refused: Any = (), *, atomic: bool = True) -> Any:
        after = real(link, written, remote, refused, atomic=atomic)
        return after._replace(base=link.base, times=dict.fromkeys(written, remote.modified if remote else 0))

    with patch.object(apply, "confirm", confirm):
        yield


@contextmanager
def gt() -> Iterator[None]:
    """Changes are asked for behind the cursor's stamp instead of from it."""
    with patch.object(window, "start", lambda cursor: window.Walk(Window(cursor + 1), newest=cursor)):
        yield


@contextmanager
def nooverlap() -> Iterator[None]:
    """The cursor follows the newest stamp, however late the rest may show."""
    with patch.object(window, "cursor_after", lambda saved, newest, now, facts: max(saved, newest)):
        yield


@contextmanager
def cursorfirst() -> Iterator[None]:
    """The cursor is saved in a transaction of its own, before what it accounts for."""
    real = pull.Reader._commit

    def commit(self: pull.Reader, page: Any, cursor: Any, listing: Any) -> None:
        with self.run.store.atomic():
            self.trees.save_cursor(cursor)
        self.run.ports.boundary("cursor")
        real(self, page, cursor, listing)

    with patch.object(pull.Reader, "_commit", commit):
        yield


@contextmanager
def nobarrier() -> Iterator[None]:
    """Systems take part before their first full read is complete."""

    def joined(self: context.Run, kind: Any) -> Any:
        return self.taking(kind), []

    def fail(self: context.Run, system: str, error: BaseException) -> None:
        self.errors.append(error)  # and a system whose reading broke off is written to all the same

    with patch.object(context.Run, "joined", joined), patch.object(context.Run, "fail", fail):
        yield


@contextmanager
def ignore207() -> Iterator[None]:
    """A batch that came back counts as applied, whatever it says of its items."""

    def completed(self: Any, items: Any, outcomes: Any) -> Any:
        yield from ()
        pairs = zip(items, outcomes, strict=True)
        return [o if o.status == "ok" or i.link is None else Outcome("ok") for i, o in pairs]

    with patch.object(apply.Batch, "_completed", completed):
        yield


@contextmanager
def blank() -> Iterator[None]:
    """A first link's blank counts as an edit: it clears."""
    real = policy.decide

    def decide(rule: Any, standing: Any, bids: Any, skew_ms: int, order: Any) -> Any:
        cleared = [b for b in bids if not b.based and b.value is None]
        if cleared:
            return policy.Verdict(None, cleared[0].system, cleared[0].time, str(rule), (standing,))
        return real(rule, standing, bids, skew_ms, order)

    with patch.object(policy, "decide", decide):
        yield


@contextmanager
def fullput() -> Iterator[None]:
    """Every update sends the whole record."""

    def differences(merged: Any, side: Any, court: Any) -> Any:
        changed = list(real(merged, side, court))
        if not changed:
            return
        for name, value in merged.fields.items():
            facts = side.fields.get(name)
            if facts is not None and facts.write and name not in side.unresolved:
                yield name, value, plan._ABSENT

    real = plan._differences
    with patch.object(plan, "_differences", differences):
        yield


@contextmanager
def nocas() -> Iterator[None]:
    """What is there is not looked at before it is overwritten."""

    def unmoved(self: Any, items: Any, met: Any) -> Any:
        return list(items)

    with patch.object(apply.Batch, "_unmoved", unmoved):
        yield


@contextmanager
def tombless() -> Iterator[None]:
    """A deletion is forgotten: the record is made again where a person deleted it."""

    def targets(self: Any, record: Any, merged: Any, sides: Any, refusals: Any) -> Any:
        return real(self, record, merged, [s for s in sides if s.link.gone is None], refusals)

    real = Targets._missing
    with patch.object(Targets, "_missing", targets):
        yield


@contextmanager
def consentwide() -> Iterator[None]:
    """Opt-ins travel like any other edit."""

    def consent(standing: Any, bids: Any, approved: bool) -> Any:
        newest = max(bids, key=lambda b: b.time)
        return policy.Verdict(newest.value, newest.system, newest.time, "newest", ())

    with patch.object(policy, "consent", consent):
        yield


@contextmanager
def firsthit() -> Iterator[None]:
    """An ambiguous match takes the first record that shares the key."""

    def proposed(kind: Any, me: Any, keys: Any, groups: Any) -> Any:
        found = real(kind, me, keys, groups)
        records = [m.record for m in found.rivals if m.record is not None]
        return matching.Match(record=records[0], key=found.key) if records else found

    real = matching.propose
    with patch.object(matching, "propose", proposed):
        yield


@contextmanager
def noquiet() -> Iterator[None]:
    """A lost create is looked for at once, before the system can show it."""

    def ripe(self: Any, creates: Any, wait: bool) -> Any:
        return list(creates)

    with patch.object(settle.Settler, "_ripe", ripe):
        yield


MUTANTS: dict[str, tuple[Mutant, Setting | None]] = {
    "nointent": (nointent, LOSSY),
    "blindretry": (blindretry, LOSSY),
    "upsertshadow": (upsertshadow, BUSY),
    "noshadow": (noshadow, None),
    "gt": (gt, None),
    "nooverlap": (nooverlap, BUSY),
    "cursorfirst": (cursorfirst, CRASHY),
    "nobarrier": (nobarrier, HEAVY),
    "ignore207": (ignore207, HEAVY),
    "blank": (blank, None),
    "fullput": (fullput, BUSY),
    "nocas": (nocas, BUSY),
    "tombless": (tombless, None),
    "consentwide": (consentwide, None),
    "firsthit": (firsthit, None),
    "noquiet": (noquiet, LOSSY),
}


def hunt(name: str, budget: int) -> dict[str, Any]:
    """Play schedules with a mutant in place until the oracle objects, at most `budget` of them."""
    mutant, setting = MUTANTS[name]
    with mutant():
        for seed in range(budget):
            found = simulate(seed, setting)
            if found.violations:
                first = found.violations[0]
                return {"name": name, "caught": True, "first_seed": seed, "schedules": seed + 1,
                        "invariant": first.invariant, "what": first.what}  # fmt: skip
    return {"name": name, "caught": False, "first_seed": None, "schedules": budget, "invariant": None, "what": None}


def sober(setting: Setting | None, schedules: int) -> list[int]:
    """Seeds below `schedules` at which the unbroken engine violates something under this setting."""
    return [seed for seed in range(schedules) if simulate(seed, setting).violations]


def main() -> int:
    """Play the table."""
    parser = argparse.ArgumentParser(description="Play every mutant until it is caught.")
    parser.add_argument("--json", action="store_true", help="print one JSON value")
    parser.add_argument("--budget", type=int, default=2000, help="schedules for each mutant")
    parser.add_argument("names", nargs="*", help="only these")
    options = parser.parse_args()
    found = [hunt(name, options.budget) for name in options.names or MUTANTS]
    if options.json:
        print(json.dumps({"mutants": found}))
    else:
        for row in found:
            verdict = "caught" if row["caught"] else "SURVIVED"
            print(f"{row['name']:14} {verdict:9} {row['schedules']:5}  {row['what'] or ''}"[:150])
    return 0 if all(row["caught"] for row in found) else 1


if __name__ == "__main__":
    sys.exit(main())
