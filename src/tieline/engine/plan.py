"""What is owed to each system, from the trees alone. Pure: the same trees, rules and answers give the same orders.

A write is owed where the merged record differs from what was last merged there; a create where a system should hold
the record and never did; an archive where a deletion was decided. What cannot be written yet is named, with the
reason, as waiting or rejected: nothing is skipped in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from tieline.engine.match import same_refs
from tieline.engine.merge import Court, Merged, Side, digest, title
from tieline.engine.policy import DEFAULT
from tieline.model import Change, Conflict, FieldFacts, Fields, Link, Order, Problem, Question, Record
from tieline.records import ENDS, REFERENCES, Cell, Kind, spec_of
from tieline.rules import SystemRules

RefState = Literal["there", "coming", "waiting", "never"]
"""Whether a referenced record can be named in a system: linked; created in this plan; held up; not to be there."""


class Target(NamedTuple):
    """A system that should hold the record and has no link to it."""

    system: str
    stream: str
    fields: Mapping[str, FieldFacts]
    defaults: Fields
    rejected: Mapping[str, str]
    held: str = ""
    """Not empty: why nothing may be created there now."""


@dataclass(slots=True)
class Planned:
    """The orders of one record, and what could not be ordered: per system, the reasons."""

    orders: list[Order] = field(default_factory=list)
    waiting: dict[str, str] = field(default_factory=dict)
    rejected: dict[str, list[Problem]] = field(default_factory=dict)


class Asker(NamedTuple):
    """How the planner learns about references: the state of (system, kind, hub id)."""

    state: Callable[[str, Kind, str], RefState]


_ABSENT = object()


def delete_key(record: str, link: Link) -> str:
    """The key of the question about a remote that a person deleted. Another deletion of it is another question."""
    return f"delete:{record}:{link.system}:{link.remote_id}:{link.modified}"


def doomed(record: Record, sides: Sequence[Side], court: Court) -> tuple[bool, list[Question]]:
    """Whether a deletion somewhere ends this record, by the delete policy or a person's answer.

    A deletion that may be older than what took the record out of the bin elsewhere, or made it one with another, is for
    a person to judge.
    """
    questions: list[Question] = []
    for side in sides:
        link = side.link
        if link.gone != "user" or side.rules.delete == "ignore":
            continue
        if side.rules.delete == "archive" and not link.risen:
            return True, []
        others = sorted(f"{s.link.system}:{s.link.remote_id}" for s in sides if s.link.gone is None)
        if not others:
            continue
        key = delete_key(record.id, link)
        answer = court.decisions.get(key)
        if answer is None:
            before = ", maybe before it was taken out of the bin or merged elsewhere" if link.risen else ""
            there = link.system + before
            questions.append(
                Question(
                    topic="delete",
                    key=key,
                    kind=record.kind,
                    record=record.id,
                    summary=f"{title(record)} was deleted in {there}; it still exists as {', '.join(others)}",
                    detail={"system": link.system, "remote_id": link.remote_id, "others": others},
                    accept="archive it everywhere",
                    reject="keep the others; it is not made again where it was deleted",
                )
            )
        elif answer.answer == "accepted":
            return True, []
    return False, questions


def last_words(record: Record, sides: Sequence[Side]) -> Merged:
    """The merge of a record that ends: the deletion wins, and every edit it overrides goes to the journal.

    What the record says itself is no edit: it may be a write of ours whose answer was lost.
    """
    out = Merged(dict(record.fields), dict(record.stamps))
    for side in sides:
        link = side.link
        for name, value in link.seen.items():
            edited = link.base[name] != value if name in link.base else value is not None
            if link.gone is None and edited and name not in side.unresolved and value != record.fields.get(name):
                out.conflicts.append(Conflict(name, ("", None), (link.system, value), "deletion wins"))
    return out


def archives(record: Record, sides: Sequence[Side], cause: Side | None) -> list[Order]:
    """The orders that end a record in every system where it is alive and may be written. `cause`: where it was deleted,
    if it was; else it was merged."""
    system, why = ("", "merged elsewhere") if cause is None else (cause.link.system, f"delete = {cause.rules.delete}")
    return [
        Order(
            "archive",
            s.link.system,
            record.kind,
            s.link.stream,
            record.id,
            s.link.remote_id,
            {},
            {"*": Change(None, None, system, why)},
        )
        for s in sides
        if s.link.gone is None and s.rules.mode == "two-way" and not s.blocked and "*" not in s.rejected
    ]


def folded(record: Record, into: str, sides: Sequence[Side], court: Court) -> tuple[list[Order], list[Question], bool]:
    """What becomes of the links a merged record leaves behind: orders, questions, and whether they are two after all.

    They must not stand beside the winner's links, and nobody but a person knows what should happen to them.
    """
    orders: list[Order] = []
    questions: list[Question] = []
    apart = False
    for side in sides:
        link = side.link
        if link.gone is not None:
            continue
        name = f"{link.system}:{link.remote_id}"
        key = f"merge:{record.id}:{name}"
        answer = court.decisions.get(key)
        if answer is None:
            summary = f"{title(record)} was merged into another {record.kind} elsewhere; {name} still stands apart"
            detail = {"system": link.system, "remote_id": link.remote_id, "winner": into}
            accept = f"archive {name} (or merge the two in {link.system} by hand)"
            reject = "they are two after all: sync it on its own again"
            questions.append(Question("merge", key, record.kind, record.id, summary, detail, accept, reject))
        elif answer.answer == "accepted":
            orders += archives(record, [side], None)
        else:
            apart = True
    return orders, questions, apart


def held_question(record: Record, order: Order, reason: str) -> Question:
    """The review for an order that a plugin holds."""
    return Question(
        topic="held",
        key=f"held:{record.id}:{order.system}:{order.op}:{digest(dict(order.fields))}",
        kind=record.kind,
        record=record.id,
        summary=f"a plugin holds the {order.op} of {title(record)} in {order.system}: {reason}",
        detail={"system": order.system, "op": order.op, "fields": dict(order.fields)},
        accept="let it pass",
        reject="do not write it",
    )


def twin_question(record: Record, system: str, remote_id: str, key: str) -> Question:
    """The review for a create that would stand beside somebody with the same e-mail or domain."""
    value = key.partition(":")[2]
    return Question(
        topic="match",
        key=f"twin:{record.id}:{system}:{remote_id}:{key}",
        kind=record.kind,
        record=record.id,
        summary=f"{title(record)} is not in {system}, but {system}:{remote_id} already has {value!r}",
        detail={"system": system, "key": key, "rivals": [f"{system}:{remote_id}"], "records": []},
        accept=f"make it in {system} all the same",
        reject=f"keep it out of {system}",
    )


def owed(
    record: Record, merged: Merged, sides: Sequence[Side], targets: Sequence[Target], court: Court, refs: Asker
) -> Planned:
    """The updates, links and creates that bring every system to the merged record."""
    out = Planned()
    for side in sides:
        if side.link.gone is None and side.rules.mode != "read" and not side.blocked:
            _update(record, merged, side, court, refs, out)
    for target in targets:
        _create(record, merged, target, court, refs, out)
    return out


def _update(record: Record, merged: Merged, side: Side, court: Court, refs: Asker, out: Planned) -> None:
    link = side.link
    diff: dict[str, Cell] = {}
    reasons: dict[str, Change] = {}
    for name, value, before in _differences(merged, side, court):
        facts = side.fields[name]
        if value is None and (before is _ABSENT or before is None):
            continue
        if value is None and not facts.clear:
            problem = Problem(name, f"{link.system} cannot clear {name}", "unclearable")
            out.rejected.setdefault(link.system, []).append(problem)
            continue
        opt_out = value == "opted_out" and spec_of(record.kind, name).type == "consent"
        filled = before is not _ABSENT and before is not None and not side.is_blank(name, before)
        if filled and not opt_out and _fills_only(name, side.rules, court):
            continue
        wanted = _reference(record.kind, name, value, link.system, refs, out, update=True)
        if wanted is _ABSENT or wanted == before or (wanted is None and before is _ABSENT):
            continue
        listed = name in REFERENCES[record.kind] and isinstance(wanted, list) and before is not _ABSENT
        if listed and _roleless(before) and same_refs(wanted, before):
            continue
        if name in side.rejected and digest(wanted) == side.rejected[name]:
            out.rejected.setdefault(link.system, []).append(Problem(name, f"{name}: {wanted!r} was refused before"))
            continue
        diff[name] = wanted
        reasons[name] = _reason(None if before is _ABSENT else before, wanted, name, merged, court)
    if diff and "*" in side.rejected and side.rejected["*"] == digest(diff):
        out.rejected.setdefault(link.system, []).append(Problem(None, "this change was refused before"))
    elif diff:
        out.orders.append(
            Order("update", link.system, record.kind, link.stream, record.id, link.remote_id, diff, reasons)
        )


def _differences(merged: Merged, side: Side, court: Court) -> Iterator[tuple[str, Cell, Cell]]:
    """Writable fields whose record value is not what was last agreed with this system: name, value, what is there."""
    link = side.link
    agreed = merged.agreed.get(link.system, ())
    if not agreed and merged.fields.items() <= link.base.items():
        return  # nothing is owed: the usual case
    same = merged.same.get(link.system, {})
    for name, value in merged.fields.items():
        before = link.seen[name] if name in agreed else link.base.get(name, _ABSENT)
        if before is not _ABSENT and before == value:
            continue
        facts = side.fields.get(name)
        if facts is None or not facts.write or name in side.unresolved:
            continue
        if link.system in merged.held.get(name, ()) or court.policies.get(name, DEFAULT).name == "none":
            continue
        stored_as = same.get(name, _ABSENT if name in agreed else link.sent.get(name, _ABSENT))
        if before is not _ABSENT and stored_as is not _ABSENT and stored_as == value:
            continue
        if value is None and side.is_blank(name, before, stored_as):
            continue
        yield name, value, before


def _roleless(refs: Cell) -> bool:
    return all(r["role"] is None and not r["primary"] for r in refs or ())


def _fills_only(name: str, rules: SystemRules, court: Court) -> bool:
    return rules.mode == "fill" or court.policies.get(name, DEFAULT).name == "fill"


def _reference(kind: Kind, name: str, value: Cell, system: str, refs: Asker, out: Planned, *, update: bool) -> Cell:
    """The value as it can be written in `system`; `_ABSENT` when it cannot be named there (yet)."""
    target = REFERENCES[kind].get(name)
    if target is None or value is None:
        return value
    if isinstance(value, list):
        states = {r["id"]: refs.state(system, target, r["id"]) for r in value}
        if "waiting" in states.values():
            out.waiting[system] = f"{name} waits for a {target} that is not there yet"
        return [r for r in value if states[r["id"]] in ("there", "coming")] or None
    state = refs.state(system, target, value)
    if state == "waiting":
        out.waiting[system] = f"{name} waits for its {target}"
    return value if state in ("there", "coming") else _ABSENT


def _reason(before: Cell, after: Cell, name: str, merged: Merged, court: Court) -> Change:
    origin = merged.stamps.get(name) or merged.stamps.get("*") or ("", 0)
    return Change(before, after, str(origin[0]), str(court.policies.get(name, DEFAULT)))


def _create(record: Record, merged: Merged, target: Target, court: Court, refs: Asker, out: Planned) -> None:
    if target.held:
        out.waiting[target.system] = target.held
        return
    before_waiting = target.system in out.waiting
    fields: dict[str, Cell] = {}
    reasons: dict[str, Change] = {}
    for name, value in merged.fields.items():
        facts = target.fields.get(name)
        if value is None or facts is None or not facts.create or court.policies.get(name, DEFAULT).name == "none":
            continue
        wanted = _reference(record.kind, name, value, target.system, refs, out, update=False)
        if wanted is _ABSENT or wanted is None:
            continue
        if name in target.rejected and digest(wanted) == target.rejected[name]:
            continue
        fields[name] = wanted
        reasons[name] = _reason(None, wanted, name, merged, court)
    if target.system in out.waiting and not before_waiting:
        return
    for name, value in target.defaults.items():
        if name not in fields and value is not None:
            fields[name] = value
            reasons[name] = Change(None, value, "", "default")
    if any(name not in fields for name in ENDS.get(record.kind, ())):
        return  # whom it joins will not be there, so nor will it
    missing = [n for n, f in target.fields.items() if f.required and f.create and n not in fields]
    if missing:
        out.rejected[target.system] = [
            Problem(n, f"{target.system} requires {n}, and nobody has it", "required") for n in missing
        ]
    elif "*" in target.rejected and target.rejected["*"] == digest(fields):
        out.rejected[target.system] = [Problem(None, f"{target.system} refused this record before")]
    elif fields:
        out.orders.append(Order("create", target.system, record.kind, target.stream, record.id, None, fields, reasons))


def links(record: Record, sides: Sequence[Side], stamping: frozenset[str]) -> list[Order]:
    """The orders that stamp the hub id on remotes that do not carry it, in systems whose field for it exists; and those
    that give an id to remotes which have none of their own."""
    return [
        Order("link", s.link.system, record.kind, s.link.stream, record.id, s.link.remote_id, {}, {})
        for s in sides
        if s.link.gone is None
        and (s.link.provisional or (not s.link.stamped and s.link.system in stamping))
        and s.rules.mode != "read"
        and not s.blocked
        and "#link" not in s.rejected
    ]
