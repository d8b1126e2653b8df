"""Which remotes may be the same real thing. Pure.

Keys propose, they never decide alone: a remote is linked by key only when, among everything alive that shares the
key, no system has two and the records number at most one. Everything else is *ambiguous* and goes to review. A
stamped hub id is no key but a fact. Keys are used once, at linking; afterwards ids rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from tieline.engine.groups import CROWD, SAMPLE, Groups, Member, Near, context_of
from tieline.model import Fields, Question
from tieline.records import ENDS, Cell, Kind

DEFAULT_KEYS: Mapping[Kind, tuple[str, ...]] = {
    "account": ("domain", "name"),
    "contact": ("email",),
    "opportunity": ("name",),
    "campaign": ("name",),
    "campaign_member": (),
}
PAIR = "pair"
"""The key of a relation: whom it joins, by their hub ids."""
IDENTITY: frozenset[str] = frozenset({"domain", "email", PAIR})
"""Keys that name one thing: two in one system are a duplicate there. Other keys may repeat inside a system."""

_SPACE = re.compile(r"\s+")
_NOT_DIGIT = re.compile(r"[^0-9]")


def normal_text(value: str) -> str:
    """Case folded, white space collapsed."""
    return _SPACE.sub(" ", value).strip().casefold()


def normal_email(value: str) -> str:
    """Lower case, trimmed; no provider's private rules about dots and plus signs."""
    return value.strip().lower()


def normal_phone(value: str) -> str:
    """Digits only; a leading 00 is read as +."""
    return _NOT_DIGIT.sub("", value).removeprefix("00")


def normal_url(value: str) -> str:
    """Without scheme, `www.` and trailing slash, lower-case host."""
    return value.strip().lower().split("://", 1)[-1].removeprefix("www.").rstrip("/")


_EQUIVALENT = {
    "text": normal_text,
    "choice": normal_text,
    "email": normal_email,
    "owner": normal_email,
    "phone": normal_phone,
    "url": normal_url,
    "domain": normal_url,
}


def equivalent(type_name: str, a: Cell, b: Cell) -> bool:
    """Whether two cells say the same in different spelling. Two blanks are equal; a blank equals nothing else."""
    if a == b:
        return True
    if type_name == "refs":
        return same_refs(a, b)
    normal = _EQUIVALENT.get(type_name)
    if normal is None or not isinstance(a, str) or not isinstance(b, str):
        return False
    left = normal(a)
    return bool(left) and left == normal(b)


def same_refs(a: Cell, b: Cell) -> bool:
    """The same targets, with roles that agree wherever both sides know one."""
    if not a or not b:
        return not a and not b
    left, right = ({r["id"]: r["role"] for r in refs} for refs in (a, b))
    return left.keys() == right.keys() and all(
        role is None or right[i] is None or role == right[i] for i, role in left.items()
    )


def keys_of(kind: Kind, fields: Fields, names: Sequence[str] = ()) -> list[str]:
    """The match keys of a remote's fields, strongest first, as `name:value`; blank ones give none."""
    keys = []
    for name in names or DEFAULT_KEYS[kind]:
        value = fields.get(name)
        if isinstance(value, str):
            normal = normal_email(value) if name in IDENTITY else normal_text(value)
            if normal:
                keys.append(f"{name}:{normal}")
    return keys


def pair_of(kind: Kind, fields: Fields) -> list[str]:
    """The one match key of a relation; its fields in hub space. None as long as somebody it joins is not known, nor for
    any other kind."""
    ends = [fields.get(name) for name in ENDS.get(kind, ())]
    return [f"{PAIR}:{' '.join(map(str, ends))}"] if ends and all(ends) else []


class Match(NamedTuple):
    """The verdict on one remote: link to `record`, start a new one (both None), or ask."""

    record: str | None = None
    rivals: tuple[Member, ...] = ()
    """Not empty: ambiguous."""
    key: str = ""
    crowd: Near | None = None
    """Ambiguous, and too many to name: `rivals` is empty."""


def propose(kind: Kind, me: Member, keys: Sequence[str], groups: Groups) -> Match:
    """Judge an unlinked remote by its keys."""
    for key in keys:
        near = groups.near(key, me.fields)
        identity = key.partition(":")[0] in IDENTITY
        if near.crowded and (identity or len(near.systems) > 1):
            return Match(key=key, crowd=near)
        others = groups.others(me, near)
        elsewhere = [m for m in others if m.system != me.system]
        if not others or not (elsewhere or identity):
            continue
        records = {m.record for m in others if m.record is not None}
        crowded = len(others) > len(elsewhere) or len({m.system for m in elsewhere}) < len(elsewhere)
        if crowded or len(records) > 1:
            return Match(rivals=others, key=key)
        if records:
            return Match(record=records.pop(), key=key)
    return Match()


def question(kind: Kind, me: Member, match: Match) -> Question:
    """The review for an ambiguous remote. Of a crowd it names some; `--take` may say any other as well."""
    names = sorted(m.name for m in match.rivals)
    what = match.key.partition(":")[2]
    summary = f"{kind} {me.name} shares {what!r} with {_few(names)}"
    if any(m.system == me.system for m in match.rivals):
        summary += f"; {me.system} may hold a duplicate"
    named = choices(me, match)
    detail: dict[str, Cell] = {"system": me.system, "remote_id": me.remote_id, "key": match.key}
    if len(names) <= CROWD:
        records = sorted({m.record for m in match.rivals if m.record is not None})
        detail |= {"rivals": names, "records": records, "choices": named}
    else:
        context = dict(context_of(kind, match.key, me.fields))
        detail |= {"rivals": names[:SAMPLE], "choices": named[:SAMPLE], "more": len(names) - SAMPLE}
        detail |= {"context": context, "waiting": [me.system]}
    return Question(
        topic="match",
        key=f"match:{kind}:{me.name}:{match.key}:{','.join(names) if len(names) <= CROWD else 'crowd'}",
        kind=kind,
        record=None,
        summary=summary,
        detail=detail,
        accept="it is the same as --take SYSTEM:ID (needed only where there are several)",
        reject="it is somebody else: give it a record of its own",
    )


def choices(me: Member, match: Match) -> list[str]:
    """Who a person may say it is the same as: somebody in another system. Two in one system are merged there."""
    return sorted(m.name for m in match.rivals if m.system != me.system)


def _few(names: Iterable[str], most: int = 4) -> str:
    listed = list(names)
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more
