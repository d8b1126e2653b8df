"""Reads `[sync]`: policies per kind and field, match keys, skew. Defaults are here, so that an empty table works."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict

from tieline.config.problems import Path, Problems, nearest, shown
from tieline.config.units import duration_ms, period_ms
from tieline.records import ENDS, FIELDS, KINDS, Kind
from tieline.rules import Policy

T = TypeVar("T")
SYNC_KEYS = ("skew", "full", "match")
DEFAULT_SKEW_MS = 2000
WEEK_MS = 7 * 86_400_000
NEVER_YET = ("lifecycle_stage", "lead_status")
"""Owned by processes on both sides; equal values would mean nothing before stages are understood."""
_PLAIN = ("two-way", "fill", "none")
_WITH_SYSTEM = ("prefer", "only")
_BLANK = "-unless-blank"
_KEY_TYPES = frozenset({"text", "email", "domain", "phone", "url", "choice"})


class PolicyLine(BaseModel):
    """The long form of one line: `FIELD = {policy = "only:crm", on_foreign = "review"}`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)

    policy: str
    on_foreign: Literal["revert", "review"] | None = None
    """With `only:SYSTEM`: whether an edit elsewhere is reverted or queued for a person."""


def default_policies(kind: Kind, custom: Collection[str]) -> dict[str, Policy]:
    """Every field of the kind, `two-way` except those that are not synced yet."""
    names = [*FIELDS[kind], *sorted(custom)]
    return {name: Policy("none") if name in NEVER_YET else Policy("two-way") for name in names}


def read_policies(
    path: Path,
    kind: Kind,
    lines: Mapping[str, Any],
    mapped: Mapping[str, Collection[str]],
    problems: Problems,
) -> dict[str, Policy]:
    """The policies of a kind. `mapped`: each configured system → the fields it maps for this kind."""
    custom = {name for names in mapped.values() for name in names if name not in FIELDS[kind]}
    found = default_policies(kind, custom)
    for name, value in lines.items():
        where = (*path, name)
        if name not in found:
            problems.add(where, f"{kind} has no field {name!r}{nearest(name, found)}")
            continue
        line = PolicyLine(policy=value) if isinstance(value, str) else problems.model(where, PolicyLine, value)
        policy = None if line is None else parse_policy(where, line, mapped, problems)
        if policy is not None and _sensible(where, kind, name, policy, mapped, problems):
            found[name] = policy
    return found


def parse_policy(where: Path, line: PolicyLine, systems: Collection[str], problems: Problems) -> Policy | None:
    """One policy; None, and a problem, when it is none."""
    name, colon, system = line.policy.partition(":")
    foreign = line.on_foreign or "revert"
    if line.on_foreign is not None and name != "only":
        problems.add(where, "`on_foreign` goes with only:SYSTEM alone")
        return None
    if name in _PLAIN and not colon:
        return Policy(name)  # type: ignore[arg-type]
    if name not in _WITH_SYSTEM or not system:
        forms = [*_PLAIN, *(f"{n}:SYSTEM" for n in _WITH_SYSTEM), f"prefer:SYSTEM{_BLANK}"]
        hint = f"; write {name}:SYSTEM" if name in _WITH_SYSTEM else nearest(line.policy, forms)
        problems.add(where, f"there is no policy {shown(line.policy)}{hint}")
        return None
    unless = name == "prefer" and system.endswith(_BLANK)
    system = system.removesuffix(_BLANK) if unless else system
    if system not in systems:
        problems.add(where, f"there is no system {system!r}{nearest(system, systems)}")
        return None
    return Policy("prefer-unless-blank" if unless else name, system, foreign)  # type: ignore[arg-type]


def _sensible(
    where: Path, kind: Kind, name: str, policy: Policy, mapped: Mapping[str, Collection[str]], problems: Problems
) -> bool:
    spec = FIELDS[kind].get(name)
    if spec is not None and spec.type == "consent" and policy.name not in ("two-way", "none"):
        problems.add(where, "consent follows its own rule, the most restrictive answer wins; only none is allowed here")
        return False
    if policy.system is not None and name not in mapped[policy.system]:
        problems.note(where, f"{policy.system} does not map {kind}.{name}, so {policy} never has a value to keep")
    elif not any(name in fields for fields in mapped.values()):
        problems.note(where, f"no system maps {kind}.{name}")
    return True


def read_match(path: Path, table: Mapping[str, Any], problems: Problems) -> dict[Kind, tuple[str, ...]]:
    """`[sync.match] KIND = ["field", …]`, strongest first."""
    found: dict[Kind, tuple[str, ...]] = {}
    for kind, keys in table.items():
        where = (*path, kind)
        if kind not in KINDS:
            problems.unknown(where, KINDS)
            continue
        if kind in ENDS:
            problems.add(where, f"{kind} has no keys to choose: it is known by its {' and '.join(ENDS[kind])}")
            continue
        if not isinstance(keys, list) or not keys or not all(isinstance(k, str) for k in keys):
            problems.add(where, f'must be a list of fields such as ["email"], not {shown(keys)}')
            continue
        able = [n for n, spec in FIELDS[kind].items() if spec.type in _KEY_TYPES]
        wrong = [k for k in keys if k not in able and not k.startswith("x_")]
        for key in wrong:
            problems.add(where, f"{key!r} cannot match {kind}s{nearest(key, able)}")
        found[kind] = tuple(k for k in keys if k not in wrong)
    return found


def read_skew(path: Path, value: object, problems: Problems) -> int:
    """`skew` in ms."""
    return _read(path, value, duration_ms, DEFAULT_SKEW_MS, problems)


def read_full(path: Path, value: object, problems: Problems) -> int | None:
    """`full` as a period in ms."""
    default: int | None = WEEK_MS
    return _read(path, value, period_ms, default, problems)


def _read(path: Path, value: object, reader: Callable[[object], T], default: T, problems: Problems) -> T:
    if value is None:
        return default
    try:
        return reader(value)
    except ValueError as error:
        problems.add(path, str(error))
        return default
