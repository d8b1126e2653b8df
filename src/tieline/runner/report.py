"""Counts what a run did, so that every remote pulled ends as something and the numbers add up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic_core import from_json

from tieline.engine.lost import lost_key
from tieline.events import ConflictFound
from tieline.model import Conflict, Question
from tieline.records import Kind
from tieline.runner.context import Run

if TYPE_CHECKING:
    from tieline.runner import Summary

ENDS = ("applied", "unchanged", "waiting", "rejected", "review", "filtered", "gone")
Orders = dict[str, dict[str, dict[str, int]]]


def merge_orders(total: Orders, more: Mapping[str, Mapping[str, Mapping[str, int]]]) -> None:
    """Add one round's orders to the run's."""
    for system, kinds in more.items():
        for kind, ops in kinds.items():
            into = total.setdefault(system, {}).setdefault(kind, {})
            for op, number in ops.items():
                into[op] = into.get(op, 0) + number


def guarded(run: Run) -> dict[str, dict[str, int]]:
    """System → creates, updates, archives, blanks: what was written so far in this run and what is spooled now."""
    names = {"create": "creates", "update": "updates", "archive": "archives"}
    counts: dict[str, dict[str, int]] = {}
    for system, kinds in run.store.work.counts().items():
        for ops in kinds.values():
            for op, number in ops.items():
                if op in names:
                    into = counts.setdefault(system, {})
                    into[names[op]] = into.get(names[op], 0) + number
    for (system, _, op), number in run.written.items():
        if op in names and names[op] in counts.get(system, {}):
            counts[system][names[op]] += number
    for system, number in run.store.work.blanks().items():
        counts.setdefault(system, {})["blanks"] = number
    return counts


def count_records(run: Run, summary: Summary) -> None:
    """Per system and kind: how many remotes were pulled, and what each ended as."""
    ends: dict[tuple[str, Kind], dict[str, int]] = {}
    for system in run.systems.values():
        for facts in system.streams:
            ends[system.name, facts.kind] = dict.fromkeys(ENDS, 0)
    for system_name, pulled_kind, state, number in run.store.book.pulled_states(run.id) if run.touched else ():
        found = ends.setdefault((system_name, pulled_kind), dict.fromkeys(ENDS, 0))
        found[state if state in ENDS else "unchanged"] += number
    torn = Counter({(name, kind): n for name, kind, n in run.store.torn.counts() if name in run.systems})
    for counter, end in ((run.unchanged, "unchanged"), (torn, "rejected"), (run.lost, "gone")):
        for (system_name, kind), number in counter.items():
            ends.setdefault((system_name, kind), dict.fromkeys(ENDS, 0))[end] += number
    for (system_name, kind), found in ends.items():
        summary.records.setdefault(system_name, {})[kind] = {"pulled": sum(found.values()), **found}


def finish(run: Run, summary: Summary, *, wrote: bool = True) -> None:
    """The end of a run that came through: reviews for what was refused, the outcome, the run's row.

    `wrote`: it was there to write, so that whatever is left needs a word.
    """
    now = run.ports.clock.now()
    with run.store.atomic():
        _ask_about_refusals(run, now)
        if not summary.records:
            count_records(run, summary)
        summary.reviews = max(summary.reviews, run.store.book.open_reviews())
        summary.api_calls = {name: s.calls() for name, s in run.systems.items()}
        # the cause before what follows from it
        said = {name: why.removeprefix(f"{name}: ").removeprefix(f"{name} ") for name, why in run.failed.items()}
        summary.notes[:0] = [f"{name}: {why}" for name, why in said.items()]
        summary.notes += _left(run, summary, wrote)
        summary.notes += [*run.notes, *_unread(run)]
        summary.errors = run.errors
        if run.failed:
            summary.outcome, summary.converged = "failed", False
        elif summary.reviews or summary.outcome == "waiting":
            summary.outcome = "waiting"
        else:
            summary.outcome = "done"
        run.store.work.clear_spool()
        run.store.book.finish(run.id, summary.outcome, summary.as_json(), now)


def unsettled(run: Run) -> Counter[str]:
    """System → writes whose outcome a later run will look for. What only a person can tell stands in review instead."""
    asked = run.store.book.asked("lost")
    open_ = [i for i in run.store.work.intents() if not asked or lost_key(i.record, i.system, i.sent_at) not in asked]
    return Counter(i.system for i in open_)


def _left(run: Run, summary: Summary, wrote: bool) -> list[str]:
    """What a run that came through did not finish, one sentence each: nothing is put off in silence."""
    unknown = {name: n for name, n in unsettled(run).items() if name not in run.failed}
    told = [
        f"{name}: the outcome of {n} {'write' if n == 1 else 'writes'} is not known yet; the next run looks again"
        for name, n in unknown.items()
    ]
    if told or not wrote or summary.converged or summary.notes or run.failed:
        return told
    return ["not everything is written yet; the next run goes on from here"]


def _unread(run: Run) -> list[str]:
    """Fields that somebody filled with what nobody can read: they are neither blank nor written over. And whole
    remotes, in every run until they can be read."""
    torn = [
        f"{name}: {number} {kind} {'records' if number > 1 else 'record'} cannot be read and taken in; tieline status "
        "says why, and tieline sync --full looks again"
        for name, kind, number in run.store.torn.counts()
        if name in run.systems
    ]
    return torn + [
        f"{system}: {number} {'values' if number > 1 else 'value'} of {kind} records cannot be read; they are left "
        "alone, and tieline status says why"
        for (system, kind), number in run.unread.items()
    ]


def tell_conflicts(run: Run, since: int) -> None:
    """Tell the observers which conflicts a committed plan has decided: those in the journal after the row `since`."""
    if not run.hooks.listens("tieline_conflict"):
        return
    for entry in run.store.work.conflicts(since):
        for name, (lost, kept, origin, rule) in from_json(entry.changes or "{}").items():
            conflict = Conflict(name, (origin, kept), (entry.system, lost), rule)
            run.hooks.conflict(ConflictFound(run.id, entry.kind, entry.record or "", conflict))


def abandon(run: Run, summary: Summary) -> None:
    """The end of a run that was cut short: its row says so, if the store still takes it."""
    from tieline.errors import TielineError

    try:
        with run.store.atomic(durable=False):
            summary.writes = sum(run.written.values())
            run.store.book.finish(run.id, "failed", summary.as_json(), run.ports.clock.now())
    except TielineError:
        return


def release_retries(run: Run) -> None:
    """Refused values that a person wants tried again are free for this run's planning."""
    if not run.store.db.any("rejection"):
        return
    with run.store.atomic(durable=False):
        for system, kind, field, code, *_ in run.store.work.refused_groups():
            key = f"rejected:{system}:{kind}:{field}:{code}"
            answer = run.store.book.decision(key)
            if answer is not None and answer.answer == "accepted":
                run.store.work.retry_refused(system, kind, None)
                run.store.book.spend(key)


def _ask_about_refusals(run: Run, now: int) -> None:
    """One review for each kind of refusal, however many records it concerns; closed when none is left."""
    keys = []
    for system, kind, field, code, number, message, record in run.store.work.refused_groups():
        key = f"rejected:{system}:{kind}:{field}:{code}"
        keys.append(key)
        answer = run.store.book.decision(key)
        if answer is not None and number <= int(answer.detail.get("count", 0)):
            continue  # a person said to leave it; what is refused since then is asked about again
        if answer is not None:
            run.store.book.spend(key)
        what = field if field not in ("*", "#link") else "the record"
        question = Question(
            "rejected", key, kind, None,
            f"{system} refuses {what} of {number} {kind} record{'s' if number > 1 else ''}: {message}",
            {"system": system, "field": field, "code": code, "count": number, "example": record},
            "try again in the next run", "leave it until the value or the schema changes",
        )  # fmt: skip
        run.store.book.ask(question, run.id, now)
        run.store.book.refresh(question)
    run.store.book.close_topic("rejected", keys)
