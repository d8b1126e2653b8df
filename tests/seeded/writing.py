"""Bugs in what is sent, and in what is made of the answer. Each is a context manager that breaks one piece."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from tieline.engine import plan, trees
from tieline.errors import TielineError
from tieline.model import Outcome
from tieline.runner import apply, confirming, context, matching, settle
from tieline.store.db import Db
from tieline.store.forms import decode
from tieline.store.work import Work


class Fatal(TielineError):
    """Ends a run."""

    fatal = True


@contextmanager
def nointent() -> Iterator[None]:
    """No intent is written before a call: what was lost is not known to be lost."""

    def intend(self: Work, run: str, orders: Any, now: int) -> list[int]:
        return [-n for n in range(1, len(orders) + 1)]

    with patch.object(Work, "intend", intend):
        yield


@contextmanager
def nointentupd() -> Iterator[None]:
    """Intents are written for creates only."""
    real = Work.intend

    def intend(self: Work, run: str, orders: Any, now: int) -> list[int]:
        creates = [pair for pair in orders if pair[0].op == "create"]
        ids = iter(real(self, run, creates, now) if creates else ())
        return [next(ids) if order.op == "create" else -n for n, (order, _) in enumerate(orders, 1)]

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
def freshpayload() -> Iterator[None]:
    """What became of a write is judged by what would be sent now, not by what was sent."""
    real = Work.intents

    def intents(self: Work) -> Any:
        found = real(self)
        records = self.db.rows("SELECT id, fields FROM record")
        current = {i: json.loads(text) for i, text in records}
        return [
            i._replace(payload={n: current.get(i.record, {}).get(n, v) for n, v in i.payload.items()}) for i in found
        ]

    with patch.object(Work, "intents", intents):
        yield


@contextmanager
def noext() -> Iterator[None]:
    """Nobody looks for the hub id on a record: a lost create is never found, a stamp never recognised."""
    real = settle.Settler._adopt

    def adopt(self: settle.Settler, intent: Any, candidates: Any) -> None:
        real(self, intent, [])

    stranger = patch.object(matching.Matching, "_by_stamp", lambda self, row, stamped: (None, ()))
    with patch.object(settle.Settler, "_adopt", adopt), stranger:
        yield


@contextmanager
def noquiet() -> Iterator[None]:
    """A lost create is looked for at once, before the system can show it."""
    with patch.object(settle, "_ripe", lambda run, intents, wait, quiet: list(intents)):
        yield


@contextmanager
def blindlate() -> Iterator[None]:
    """A lost update that is not there yet counts as never sent."""
    with patch.object(settle.Settler, "_arrived", lambda self, intent, row, remote: True):
        yield


@contextmanager
def deadnoreconcile() -> Iterator[None]:
    """A lost create that a person deleted since counts as never made."""
    real = settle.Settler._adopt

    def adopt(self: settle.Settler, intent: Any, candidates: Any) -> None:
        real(self, intent, [r for r in candidates if not r.gone])

    with patch.object(settle.Settler, "_adopt", adopt):
        yield


@contextmanager
def ownedit() -> Iterator[None]:
    """What a write of unknown outcome left behind is taken for a person's edit."""
    with patch.object(settle, "settled", lambda link, payload, remote: trees.observe(link, remote)):
        yield


@contextmanager
def unblocked() -> Iterator[None]:
    """A record is written again while the outcome of an earlier write to it is unknown."""
    with patch.object(Work, "blocked", lambda self: set()):
        yield


@contextmanager
def upsertshadow() -> Iterator[None]:
    """On «exists» our payload is assumed to be there."""
    real = apply.Batch._exists

    def exists(self: apply.Batch, item: apply.Item, outcome: Outcome) -> Any:
        yield from real(self, item, outcome)
        for row in self.store.trees.of_records([item.order.record]).get(item.order.record, []):
            if row.system == self.system.name and row.base is None:
                link = decode(row)
                with self.store.atomic():
                    self.store.trees.save(trees.confirm(link, item.payload, None))

    with patch.object(apply.Batch, "_exists", exists):
        yield


def _not_usual(*about: Any) -> None:
    """No write ends in the usual way: each is confirmed field by field."""


@contextmanager
def noshadow() -> Iterator[None]:
    """The base stays as it was after our own write."""
    real = trees.confirm

    def confirm(link: Any, written: Any, remote: Any, refused: Any = (), *, atomic: bool = True) -> Any:
        after = real(link, written, remote, refused, atomic=atomic)
        return after._replace(base=link.base, times=dict.fromkeys(written, remote.modified if remote else 0))

    with patch.object(confirming, "confirm", confirm), patch.object(confirming, "as_sent", _not_usual):
        yield


@contextmanager
def echonorm() -> Iterator[None]:
    """What was sent counts as what is there, whatever the system made of it."""
    real = trees.confirm

    def confirm(link: Any, written: Any, remote: Any, refused: Any = (), *, atomic: bool = True) -> Any:
        told = remote._replace(fields={**remote.fields, **written}) if remote is not None else None
        after = real(link, written, told, refused, atomic=atomic)
        return after._replace(version="")

    with patch.object(confirming, "confirm", confirm), patch.object(confirming, "as_sent", _not_usual):
        yield


@contextmanager
def ignore207() -> Iterator[None]:
    """A batch that came back counts as applied, whatever it says of its items."""

    def completed(self: Any, items: Any, outcomes: Any) -> Generator[Any, Any, Any]:
        yield from ()
        pairs = zip(items, outcomes, strict=True)
        return [o if o.status == "ok" or i.link is None else Outcome("ok") for i, o in pairs]

    with patch.object(apply.Batch, "_completed", completed):
        yield


@contextmanager
def nocas() -> Iterator[None]:
    """What is there is not looked at before it is overwritten."""
    with patch.object(apply.Batch, "_unmoved", lambda self, items, met: list(items)):
        yield


@contextmanager
def fullput() -> Iterator[None]:
    """Every update sends the whole record."""
    real = plan._differences

    def differences(merged: Any, side: Any, court: Any) -> Any:
        if not list(real(merged, side, court)):
            return
        for name, value in merged.fields.items():
            facts = side.fields.get(name)
            if facts is not None and facts.write and name not in side.unresolved:
                yield name, value, plan._ABSENT

    with patch.object(plan, "_differences", differences):
        yield


@contextmanager
def poisonabort() -> Iterator[None]:
    """A refused value ends the run."""

    def refused(self: apply.Batch, item: Any, problems: Any) -> None:
        raise Fatal("a value was refused")

    with patch.object(apply.Batch, "refused", refused):
        yield


@contextmanager
def recquar() -> Iterator[None]:
    """A refused field keeps the whole record from being written."""
    real = plan._update

    def update(record: Any, merged: Any, side: Any, court: Any, refs: Any, out: Any) -> None:
        if not side.rejected:
            real(record, merged, side, court, refs, out)

    with patch.object(plan, "_update", update):
        yield


@contextmanager
def quarover() -> Iterator[None]:
    """A refused field makes the hub forget the record's other refused fields."""
    real = Work.refuse

    def refuse(self: Work, rows: Any) -> None:
        for row in rows:
            self._sql.execute("DELETE FROM rejection WHERE record = ? AND system = ?", (row.record, row.system))
            real(self, [row])

    with patch.object(Work, "refuse", refuse):
        yield


@contextmanager
def nolease() -> Iterator[None]:
    """Nobody asks who holds the home: two schedulers run at once."""
    real = Db.acquire

    def acquire(self: Db, owner: str, now: int, until: int, dead: bool = False) -> int:
        return real(self, owner, now, until, True)

    with patch.object(Db, "acquire", acquire), wrongepoch():
        yield


@contextmanager
def wrongepoch() -> Iterator[None]:
    """A run that was replaced while it slept goes on as if it were still the one."""
    checks = patch.object(Db, "_check_epoch", lambda self: None)
    renewals = patch.object(Db, "renew", lambda self, until: None)
    with checks, renewals, patch.object(context.Run, "in_time", lambda self, ask: ask()):
        yield
