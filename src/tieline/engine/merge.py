"""How one record and its links come to agree. Pure.

`merge` reads where what is seen differs from `base`, lets the policy choose, and says for which system and field the
base advances. At every moment each cell holds either what it held before or its final content; nothing in between is
ever produced.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from tieline.engine import policy as rule
from tieline.engine.compose import rebased
from tieline.engine.match import equivalent
from tieline.engine.policy import Bid, Verdict
from tieline.model import EMPTY, Change, Conflict, Decision, FieldFacts, Fields, Link, Question, Record
from tieline.records import Cell, spec_of
from tieline.rules import Policy, SystemRules

FIRST_RULE = "the first value known"


def digest(value: Cell) -> str:
    """A short, stable hash of a cell: equal cells, equal hashes."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=9).hexdigest()


class Side(NamedTuple):
    """One system's part in a record, ready for the engine: cells in hub space."""

    link: Link
    rules: SystemRules
    fields: Mapping[str, FieldFacts]
    unresolved: frozenset[str] = frozenset()
    """Reference fields whose target the hub does not know yet: not spoken of."""
    blocked: bool = False
    """An intent is open: nothing is written until it is settled."""
    rejected: Mapping[str, str] = {}
    """Field → hash of the value that the system refuses; `*` for a whole payload."""
    defaults: Fields = EMPTY
    """What a create there is given where the record has no value: afterwards it stands for the blank."""

    def is_blank(self, name: str, *held: object) -> bool:
        """Whether one of these is the default there."""
        return name in self.defaults and self.defaults[name] in held


def standing_bid(record: Record, name: str) -> Bid:
    """The record's own value as a bid."""
    system, time = record.stamps.get(name) or record.stamps.get("*") or ("", 0)
    return Bid(str(system), record.fields.get(name), int(time))


@dataclass(slots=True)
class Merged:
    """What a merge came to. `agreed` names, per system, the fields whose base becomes what is seen there.

    `same` holds fields where a first link spells the record's value differently: nothing is owed for them. `held`
    names, per field that waits for a person, the systems whose edit it is: it is neither merged nor overwritten there.
    """

    fields: dict[str, Cell]
    stamps: dict[str, Sequence[Cell]]
    changes: dict[str, Change] = field(default_factory=dict)
    agreed: dict[str, set[str]] = field(default_factory=dict)
    same: dict[str, dict[str, Cell]] = field(default_factory=dict)
    held: dict[str, set[str]] = field(default_factory=dict)
    conflicts: list[Conflict] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)


class Court(NamedTuple):
    """What decisions are made by: policies, people's answers, the skew, the systems' rank."""

    policies: Mapping[str, Policy]
    decisions: Mapping[str, Decision]
    skew_ms: int
    order: Mapping[str, int]


def merge(record: Record, sides: Sequence[Side], court: Court) -> Merged:
    """Bring every edit into the record, by the policies."""
    out = Merged(dict(record.fields), dict(record.stamps))
    alive = [s for s in sides if s.link.gone is None]
    for name in dict.fromkeys(n for s in alive for n in _news(s)):
        policy = court.policies.get(name, rule.DEFAULT)
        if policy.name != "none":
            _merge_field(record, name, policy, alive, court, out)
    return out


def begin(record: Record, sides: Sequence[Side], court: Court) -> Merged:
    """The merge of a record that has no word of its own yet: what the first of its living remotes says becomes that
    word, whatever the policies; then the others meet it. `sides` has a living one."""
    link, unresolved = min(
        ((s.link, s.unresolved) for s in sides if s.link.gone is None), key=lambda p: court.order.get(p[0].system, 99)
    )
    told = {
        n: v
        for n, v in link.seen.items()
        if v is not None and n not in unresolved and court.policies.get(n, rule.DEFAULT).name != "none"
    }
    stamps: dict[str, Sequence[Cell]] = {n: (link.system, link.times.get(n, link.modified)) for n in told}
    stamps["*"] = (link.system, link.modified)
    out = merge(record._replace(fields=told, stamps=stamps), sides, court)
    out.changes = {n: Change(None, v, link.system, FIRST_RULE) for n, v in told.items()} | out.changes
    return out


def _news(side: Side) -> Iterable[str]:
    """The fields whose newest observation is not what was last merged."""
    seen, base = side.link.seen, side.link.base
    return () if seen is base else [n for n, value in seen.items() if n not in base or base[n] != value]


def _merge_field(record: Record, name: str, policy: Policy, sides: Sequence[Side], court: Court, out: Merged) -> None:
    standing = standing_bid(record, name)
    type_name = spec_of(record.kind, name).type
    bids: list[Bid] = []
    spoken: list[Side] = []
    for side in sides:
        link = side.link
        if name not in link.seen or name in side.unresolved:
            continue
        seen = link.seen[name]
        based = name in link.base
        if based and seen == link.base[name]:
            continue
        spoken.append(side)
        if not based and seen is not None and seen != standing.value and equivalent(type_name, seen, standing.value):
            out.same.setdefault(link.system, {})[name] = standing.value
            continue
        if based:
            seen = rebased(standing.value, link.base[name], seen)
        if type_name == "refs":
            seen = _with_roles(seen, standing.value)
        if seen == standing.value and name in record.fields:
            continue
        moved = based and not _agreed(side, name, standing.value)
        bids.append(Bid(link.system, seen, link.times.get(name, link.modified), based, moved))
    if not spoken:
        return
    verdict = _judge(record, name, type_name, policy, standing, bids, sides, court, out)
    if verdict is None:  # it waits for a person; whoever did not ask has nothing to wait for
        for side in spoken:
            if side.link.system not in out.held.get(name, ()):
                out.agreed.setdefault(side.link.system, set()).add(name)
        return
    _apply(record, name, standing, verdict, spoken, out)


def _agreed(side: Side, name: str, value: Cell) -> bool:
    base, sent = side.link.base[name], side.link.sent
    if base == value or (name in sent and sent[name] == value):
        return True
    return value is None and side.is_blank(name, base, sent.get(name))


def _with_roles(refs: Cell, known: Cell) -> Cell:
    """A system without roles must not blank those that another one keeps."""
    if not refs or not known:
        return refs
    roles = {r["id"]: r for r in known}
    return [r if r["role"] is not None else roles.get(r["id"], r) for r in refs]


def _judge(
    record: Record,
    name: str,
    type_name: str,
    policy: Policy,
    standing: Bid,
    bids: list[Bid],
    sides: Sequence[Side],
    court: Court,
    out: Merged,
) -> Verdict | None:
    if not bids:
        return Verdict(standing.value, standing.system, standing.time, "equal")
    if type_name == "consent":
        return _judge_consent(record, name, standing, bids, court, out)
    verdict = rule.decide(policy, standing, bids, court.skew_ms, court.order)
    if verdict.held and not _takers(name, sides):
        return rule.moot(standing, verdict.lost, court.order)
    if verdict.held:
        return _ask(record, name, bids, verdict.lost, court, out)
    if policy.name == "only" and policy.on_foreign == "review" and verdict.lost and _takers(name, sides):
        foreign = [b for b in verdict.lost if b.based and b.system != policy.system]
        if foreign:
            return _ask_foreign(record, name, policy, verdict, foreign, court, out)
    return verdict


def _takers(name: str, sides: Sequence[Side]) -> bool:
    """Whether an answer about the field could be written anywhere: nobody is asked what would change nothing."""
    for side in sides:
        facts = side.fields.get(name)
        seen = side.link.seen.get(name)
        blank = seen is None or side.is_blank(name, seen)
        open_ = side.rules.mode == "two-way" or (side.rules.mode == "fill" and blank)
        if open_ and facts is not None and facts.write:
            return True
    return False


def _judge_consent(
    record: Record, name: str, standing: Bid, bids: list[Bid], court: Court, out: Merged
) -> Verdict | None:
    asking = sorted(b.system for b in bids if b.value == "allowed" and b.based)
    key = f"consent:{record.id}:{name}:{','.join(asking)}:{max((b.time for b in bids), default=0)}"
    answer = court.decisions.get(key)
    verdict = rule.consent(standing, bids, approved=answer is not None and answer.answer == "accepted")
    if not verdict.held:
        return verdict
    if answer is not None and answer.answer == "rejected":
        lost = tuple(b for b in bids if b.value == "allowed")
        return verdict._replace(held=False, rule="consent: decided in review", lost=lost)
    kept = (standing.system, standing.value)
    others = [b for b in bids if b.value == "allowed" and not b.based]
    out.conflicts += [Conflict(name, kept, (b.system, b.value), "consent: opt-out wins") for b in others]
    summary = f"{', '.join(asking)} opted {title(record)} back in ({name.removeprefix('consent_')})"
    detail: dict[str, Cell] = {"systems": asking}
    answers = ("allow contact again, everywhere", "stay opted out and write that back")
    _hold(record, name, asking, out, "consent", key, summary, detail, answers)
    return None


def _ask(
    record: Record, name: str, bids: list[Bid], contenders: Sequence[Bid], court: Court, out: Merged
) -> Verdict | None:
    ranked = sorted(contenders, key=lambda b: (-b.time, court.order.get(b.system, 99)))
    values = digest([[b.system, b.value] for b in sorted(contenders, key=lambda b: b.system)])
    key = f"conflict:{record.id}:{name}:{values}"
    answer = court.decisions.get(key)
    if answer is not None:
        shown = answer.detail.get("values") or [[ranked[0].system, ranked[0].value, 0]]
        first = next((b for b in ranked if [b.system, b.value] == list(shown[0][:2])), ranked[0])
        second = next((b for b in ranked if b.value != first.value), first)
        wanted = next((b for b in contenders if b.system == answer.choice), None)
        winner = wanted or (first if answer.answer == "accepted" else second)
        lost = tuple(b for b in contenders if b.value != winner.value)
        return Verdict(winner.value, winner.system, winner.time, "decided in review", lost)
    places = dict.fromkeys(b.system or "the hub" for b in ranked)
    summary = f"{title(record)}: {name} was edited in {' and '.join(places)} at nearly the same time"
    detail: dict[str, Cell] = {"values": [[b.system, b.value, b.time] for b in ranked]}
    keep = f"keep {_said(ranked[0].value)} from {ranked[0].system or 'the hub'} (or --take SYSTEM)"
    waiting = [b.system for b in bids]
    _hold(record, name, waiting, out, "conflict", key, summary, detail, (keep, "keep the other value"))
    return None


def _ask_foreign(
    record: Record, name: str, policy: Policy, verdict: Verdict, foreign: list[Bid], court: Court, out: Merged
) -> Verdict | None:
    bid = foreign[0]
    key = f"foreign:{record.id}:{name}:{bid.system}:{digest(bid.value)}"
    answer = court.decisions.get(key)
    if answer is not None:
        if answer.answer == "accepted":
            return Verdict(bid.value, bid.system, bid.time, "decided in review", (standing_bid(record, name),))
        return verdict
    summary = f"{title(record)}: {name} belongs to {policy.system}, but was edited in {bid.system}"
    detail: dict[str, Cell] = {"values": [[bid.system, bid.value, bid.time], ["", verdict.value, verdict.time]]}
    answers = (f"take {_said(bid.value)} from {bid.system} this once", f"put back {_said(verdict.value)}")
    _hold(record, name, [b.system for b in foreign], out, "foreign", key, summary, detail, answers)
    return None


def _said(value: Cell) -> str:
    """A value inside a sentence."""
    return "the blank" if value is None else json.dumps(value, ensure_ascii=False)


def _hold(
    record: Record,
    name: str,
    systems: Iterable[str],
    out: Merged,
    topic: Literal["consent", "conflict", "foreign"],
    key: str,
    summary: str,
    detail: Mapping[str, Cell],
    answers: tuple[str, str],
) -> None:
    """The field waits for a person; the edits of these systems are neither merged nor overwritten meanwhile."""
    out.held[name] = set(systems)
    told = {"field": name, **detail}
    out.questions.append(Question(topic, key, record.kind, record.id, summary, told, *answers))


def _apply(record: Record, name: str, standing: Bid, verdict: Verdict, spoken: Sequence[Side], out: Merged) -> None:
    for side in spoken:
        out.agreed.setdefault(side.link.system, set()).add(name)
    if verdict.lost:
        kept = (verdict.origin, verdict.value)
        out.conflicts += [
            Conflict(name, kept, (b.system, b.value), verdict.rule) for b in verdict.lost if b.value is not None
        ]
    if name not in record.fields or verdict.value != standing.value:
        out.fields[name] = verdict.value
        out.stamps[name] = (verdict.origin, verdict.time)
        if verdict.value is not None or standing.value is not None:
            out.changes[name] = Change(standing.value, verdict.value, verdict.origin, verdict.rule)
    elif verdict.time > standing.time and verdict.origin != standing.system:
        out.stamps[name] = (verdict.origin, verdict.time)


def title(record: Record) -> str:
    """What people call the record: a name, else an address, else its id."""
    fields = record.fields
    person = " ".join(str(fields[n]) for n in ("first_name", "last_name") if fields.get(n))
    return str(fields.get("name") or person or fields.get("email") or record.id)
