"""Lays `[systems.NAME.map.KIND]` over a connector's default table and compiles the result, one `Mapper` a stream.

It decides which default a line replaces: the ones with its column, and the ones with its field.
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, ConfigDict

from tieline.config.problems import Path, Problems, nearest, shown
from tieline.mapping import Mapper, Rule, compile_rules
from tieline.records import CUSTOM_PREFIX, FIELDS, TYPES, FieldSpec, Kind, field_spec, spec_of


class MapLine(BaseModel):
    """The long form of one line: `REMOTE = {field = "…", …}`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)

    field: str
    """Canonical, with a dotted part for addresses and money; `x_…` for a field of your own."""
    values: dict[str, str | int | bool] | None = None
    """Remote value → canonical value, for picklists and owners."""
    default: Any = None
    """Given in a create when the record has no value."""
    const: Any = None
    """Read as this whatever the system holds; never written. REMOTE is then only a label."""
    scale: str | int | float | None = None
    """For a column that counts in thousands or millions: its number times this is the value."""
    type: str | None = None
    """The type of an `x_…` field; text when not given."""
    read: bool | None = None
    write: bool | None = None
    create: bool | None = None
    clear: bool | None = None


def overlay(
    path: Path, kind: Kind, defaults: Sequence[Rule], lines: Mapping[str, Any], problems: Problems
) -> list[Rule]:
    """The default table with these lines laid over it; a line that is wrong is a problem and left out."""
    dropped: set[str] = set()
    own: list[Rule] = []
    for remote, value in lines.items():
        where = (*path, remote)
        if value is False:
            if not any(rule.remote == remote for rule in defaults):
                known = nearest(remote, [r.remote for r in defaults])
                problems.add(where, f"there is no default line to switch off{known}")
            dropped.add(remote)
            continue
        line = MapLine(field=value) if isinstance(value, str) else problems.model(where, MapLine, value)
        if line is None:
            continue
        inherited = [r for r in defaults if r.remote == remote and r.field == line.field]
        rule = _rule(where, kind, remote, line, inherited[0] if inherited else None, problems)
        if rule is not None:
            own.append(rule)
    _no_doubles(path, own, problems)
    kept = [r for r in defaults if r.remote not in dropped and not any(_replaces(o, r) for o in own)]
    return kept + own


def compiled(path: Path, kind: Kind, rules: Iterable[Rule], problems: Problems) -> Mapper | None:
    """The mapper of a table; None, and a problem, when it cannot be."""
    try:
        return compile_rules(kind, rules)
    except ValueError as error:
        problems.add(path, str(error))
        return None


def _replaces(own: Rule, other: Rule) -> bool:
    if own.remote == other.remote and own.remote:
        return True
    mine, _, part = own.field.partition(".")
    theirs, _, other_part = other.field.partition(".")
    return mine == theirs and (part == other_part or not part or not other_part)


def _rule(where: Path, kind: Kind, remote: str, line: MapLine, base: Rule | None, problems: Problems) -> Rule | None:
    spec = _spec(where, kind, line, problems)
    if spec is None or not _template_ok(where, remote, problems):
        return None
    part = line.field.partition(".")[2]
    if part and part not in spec.parts:
        known = nearest(part, spec.parts) if spec.parts else "; it has no parts"
        problems.add(where, f"{spec.name} has no part {part!r}{known}")
        return None
    given: dict[str, Any] = {
        name: value
        for name in ("default", "const", "type", "read", "write", "create", "clear")
        if (value := getattr(line, name)) is not None
    }
    for name in ("default", "const"):
        if name in given and not part:
            _fits(where, spec, given[name], f"{name}: ", problems)
    if line.values is not None:
        given["values"] = _values(where, spec, part, line.values, problems)
    if line.scale is not None:
        given["scale"] = str(line.scale)
    if line.const is not None:
        given["write"] = False
    return replace(base or Rule(remote, line.field), **given)


def _spec(where: Path, kind: Kind, line: MapLine, problems: Problems) -> FieldSpec | None:
    name = line.field.partition(".")[0]
    custom = name.startswith(CUSTOM_PREFIX)
    if line.type is not None and not custom:
        problems.add(where, f"`type` is for fields of your own ({CUSTOM_PREFIX}…); {name!r} has its type already")
        return None
    if line.type is not None and line.type not in TYPES:
        problems.add(where, f"there is no type {line.type!r}{nearest(line.type, TYPES)}")
        return None
    try:
        return field_spec(name, line.type) if line.type else spec_of(kind, name)
    except KeyError:
        near = nearest(name, FIELDS[kind]).removesuffix("?")
        problems.add(where, f"{kind} has no field {name!r}{near}; a field of your own starts with {CUSTOM_PREFIX}")
        return None


def _template_ok(where: Path, remote: str, problems: Problems) -> bool:
    if "{" not in remote and "}" not in remote:
        return True
    try:
        names = [name for _, name, _, _ in string.Formatter().parse(remote) if name is not None]
    except ValueError as error:
        problems.add(where, f"is not a template of columns: {error}")
        return False
    if not names or any(not n or not n.replace("_", "").isalnum() for n in names):
        problems.add(where, 'a template names columns in braces, as in "{product} ({code})"')
        return False
    return True


def _fits(where: Path, spec: FieldSpec, value: object, what: str, problems: Problems) -> object:
    try:
        return spec.normal(value)
    except (ValueError, TypeError) as error:
        problems.add(where, f"{what}{shown(value)} does not fit {spec.name} ({spec.type}): {error}")
        return None


def _values(
    where: Path, spec: FieldSpec, part: str, values: Mapping[str, str | int | bool], problems: Problems
) -> dict[str, str]:
    found: dict[str, str] = {}
    for remote, canonical in values.items():
        normal = canonical if part else _fits(where, spec, canonical, "values: ", problems)
        found[remote] = str(canonical if normal is None else normal)
    back: dict[str, str] = {}
    for remote, canonical_text in found.items():
        first = back.setdefault(canonical_text, remote)
        if first != remote:
            problems.note(where, f"{first!r} and {remote!r} both mean {canonical_text!r}; {first!r} is written")
    return found


def _no_doubles(path: Path, own: Sequence[Rule], problems: Problems) -> None:
    """Each field (or part) is read from one column and written to one."""
    for side in ("read", "write"):
        taken: dict[str, str] = {}
        for rule in own:
            if not getattr(rule, side) or (side == "write" and "{" in rule.remote):
                continue
            rivals = [
                f for f in taken if f == rule.field or f.startswith(rule.field + ".") or rule.field.startswith(f + ".")
            ]
            if rivals and side == "read":
                problems.add((*path, rule.remote), f"{rule.field!r} is already read from {taken[rivals[0]]!r}")
            elif rivals:
                problems.add((*path, rule.remote), f"{rule.field!r} is already written to {taken[rivals[0]]!r}")
            taken.setdefault(rule.field, rule.remote)
