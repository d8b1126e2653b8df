"""A mapping is a table, used both ways: remote names and forms ↔ canonical fields. Pure.

A plugin ships a default table of `Rule`s for each stream; the configuration's `[systems.NAME.map.KIND]` lays its own
rules over it. `compile_rules` turns the result into a `Mapper`, whose `read` and `write` cost about a microsecond a
field. A value that does not fit its field's type becomes a `Problem` of that field alone.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal
from typing import Any

from tieline.model import Problem
from tieline.records import Cell, FieldSpec, Kind, field_spec, plain_text, spec_of


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a mapping table.

    `remote` is the vendor's name, or a template of columns such as `"{product} ({code})"` (read only), or "" for a
    constant. `field` is canonical, with a dotted part for address and money (`amount.currency`). `values` maps remote
    values to canonical ones (None: taken as is; a value not in it is a problem of the field). `load` and `dump`
    change the form before and after the field's own normal form. `write` False: read only. `read` False: write only.
    `scale` is for a column that counts in thousands or millions: its number times `scale` is the canonical one.
    """

    remote: str
    field: str
    type: str | None = None
    values: Mapping[str, str] | None = None
    scale: str | None = None
    """A positive number as decimal text, such as "1000000"; a power of ten keeps every digit both ways."""
    default: Cell = None
    """Given in a create when the record has no value."""
    const: Cell = None
    """Read as this, whatever the system holds; never written."""
    load: Callable[[Any], Any] | None = None
    dump: Callable[[Any], Any] | None = None
    write: bool = True
    read: bool = True
    create: bool = True
    clear: bool = True

    @property
    def columns(self) -> tuple[str, ...]:
        """The vendor's fields this rule reads."""
        if "{" in self.remote:
            return tuple(name for _, name, _, _ in string.Formatter().parse(self.remote) if name)
        return (self.remote,) if self.remote and self.const is None else ()


@dataclass(frozen=True, slots=True)
class _Part:
    """A compiled rule: how to take it from a row, and how to put it back."""

    rule: Rule
    name: str
    part: str | None
    back: Mapping[str, str] | None

    def take(self, row: Mapping[str, Any]) -> Any:
        rule = self.rule
        if rule.const is not None:
            return rule.const
        if "{" in rule.remote:
            values = {c: row.get(c) for c in rule.columns}
            if any(v is None or v == "" for v in values.values()):
                return None
            return rule.remote.format_map(values)
        value = row.get(rule.remote)
        if rule.load is not None and value is not None:
            value = rule.load(value)
        if rule.scale is not None and value is not None and value != "":
            return _scaled(value, rule.scale, _WIDE.multiply)
        if rule.values is not None and value is not None and value != "":
            try:
                return rule.values[str(value)]
            except KeyError:
                raise ValueError(f"{value!r} is not in the value map of {rule.remote!r}") from None
        return value

    def put(self, value: Cell) -> Any:
        rule = self.rule
        if value is not None:
            if self.back is not None:
                try:
                    value = self.back[str(value)]
                except KeyError:
                    raise ValueError(f"{value!r} has no counterpart in the value map of {rule.remote!r}") from None
            if rule.scale is not None:
                value = _scaled(value, rule.scale, _WIDE.divide)
            if rule.dump is not None:
                value = rule.dump(value)
        return value


_WIDE = Context(prec=100)


def _scaled(value: Any, scale: str, step: Callable[[Decimal, Decimal], Decimal]) -> str:
    """`value` times or over `scale`, as plain digits. Raises ValueError when it is no number."""
    try:
        return format(step(Decimal(str(value).strip()), Decimal(scale)), "f")
    except ArithmeticError:
        raise ValueError(f"{value!r} is not a number") from None


def _usable_scale(scale: str) -> bool:
    try:
        number = Decimal(scale)
    except ArithmeticError:
        return False
    return number.is_finite() and number > 0


SHAPES = 64
"""Sets of columns kept, for rows that have the same ones."""
_Fast = tuple[str, str, Callable[[Any], Cell] | None]
_Joined = tuple[str, tuple[tuple[str, str], ...], Callable[[Any], Cell]]
_Shape = tuple[tuple[_Fast, ...], tuple[_Joined, ...]]


@dataclass(frozen=True, slots=True)
class Mapper:
    """A compiled table of one stream."""

    kind: Kind
    rules: tuple[Rule, ...]
    specs: Mapping[str, FieldSpec]
    """Canonical field → spec, for every field that the table speaks of."""
    columns: tuple[str, ...]
    """Every vendor field that is read, without repeats."""
    defaults: Mapping[str, Cell]
    """Canonical values given in a create where the record has none."""
    parts: Mapping[str, tuple[_Part, ...]] = field(repr=False, default_factory=dict)
    _fast: tuple[_Fast, ...] = field(repr=False, default=())
    """Fields of one column: (column, field, normal form); None: any text is taken as it is."""
    _slow: tuple[str, ...] = field(repr=False, default=())
    _joined: tuple[_Joined, ...] = field(repr=False, default=())
    """Fields of several columns, each taken as it is: (part, column) for each."""
    _owner: Mapping[str, str] = field(repr=False, default_factory=dict)
    """Column → the field it belongs to."""
    _shapes: dict[tuple[str, ...], _Shape] = field(repr=False, compare=False, default_factory=dict)
    """Columns of rows that were read → what such a row speaks of; a listing's rows have mostly the same."""

    def read(self, row: Mapping[str, Any]) -> tuple[dict[str, Cell], tuple[Problem, ...]]:
        """A vendor's row as canonical fields, and the fields that could not be read.

        A column that is not in the row is not spoken of; a blank one is null.
        """
        fields: dict[str, Cell] = {}
        problems: list[Problem] = []
        columns = tuple(row)
        fast, joined = self._shapes.get(columns) or self._shape(columns)
        for remote, name, normal in fast:
            value = row[remote]
            if value is None or value == "":
                fields[name] = None
                continue
            if normal is None and type(value) is str:
                fields[name] = value
                continue
            try:
                fields[name] = (normal or plain_text)(value)
            except ValueError as error:
                problems.append(Problem(name, f"{name}: {error}"))
        for name, pairs, joint in joined:
            values = {}
            for part, column in pairs:  # a comprehension would be a call of its own
                values[part] = row[column]
            try:
                fields[name] = joint(values)
            except (ValueError, TypeError) as error:
                problems.append(Problem(name, f"{name}: {error}"))
        for name in self._slow:
            try:
                self._take(name, row, fields)
            except (ValueError, TypeError) as error:
                problems.append(Problem(name, f"{name}: {error}"))
        return fields, tuple(problems) if problems else ()

    def _shape(self, columns: tuple[str, ...]) -> _Shape:
        held = frozenset(columns)
        joined = [(name, tuple(p for p in pairs if p[1] in held), normal) for name, pairs, normal in self._joined]
        shape = tuple(f for f in self._fast if f[0] in held), tuple(j for j in joined if j[1])
        if len(self._shapes) >= SHAPES:
            self._shapes.clear()
        self._shapes[columns] = shape
        return shape

    def _take(self, name: str, row: Mapping[str, Any], fields: dict[str, Cell]) -> None:
        parts = [p for p in self.parts[name] if p.rule.read]
        spoken = [p for p in parts if all(c in row for c in p.rule.columns)]
        if not spoken or (any(p.rule.columns for p in parts) and not any(p.rule.columns for p in spoken)):
            return  # nothing of it in this row but constants
        normal = self.specs[name].normal
        if spoken[0].part is None:
            value = spoken[0].take(row)
            fields[name] = None if value is None else normal(value)
        else:
            fields[name] = normal({p.part: p.take(row) for p in spoken})

    def write(self, fields: Mapping[str, Cell]) -> tuple[dict[str, Any], tuple[Problem, ...]]:
        """Canonical fields as the vendor's names and values (None clears), and the fields that cannot be written."""
        row: dict[str, Any] = {}
        problems: list[Problem] = []
        for name, cell in fields.items():
            try:
                for part in self.parts.get(name, ()):
                    if part.rule.write and part.rule.const is None and "{" not in part.rule.remote:
                        value = cell if part.part is None else (cell or {}).get(part.part)
                        row[part.rule.remote] = part.put(value)
            except (ValueError, TypeError) as error:
                problems.append(Problem(name, f"{name}: {error}"))
        return row, tuple(problems)

    def field_of(self, column: str) -> str | None:
        """The canonical field that a vendor's field belongs to; None if the table does not speak of it."""
        return self._owner.get(column)

    def writable(self, name: str) -> bool:
        """Whether the table can write the field at all."""
        return any(
            p.rule.write and p.rule.const is None and p.rule.remote and "{" not in p.rule.remote
            for p in self.parts.get(name, ())
        )


def compile_rules(kind: Kind, rules: Iterable[Rule]) -> Mapper:
    """The mapper of a table. Raises ValueError naming the rule for an unknown field, type or part."""
    table = tuple(rules)
    specs: dict[str, FieldSpec] = {}
    parts: dict[str, list[_Part]] = {}
    defaults: dict[str, Cell] = {}
    for rule in table:
        name, _, part = rule.field.partition(".")
        try:
            spec = field_spec(name, rule.type) if rule.type and name.startswith("x_") else spec_of(kind, name)
        except KeyError:
            raise ValueError(f"{rule.remote!r}: {kind} has no field {name!r}") from None
        if part and part not in spec.parts:
            raise ValueError(f"{rule.remote!r}: {name} has no part {part!r}")
        if rule.scale is not None and not _usable_scale(rule.scale):
            raise ValueError(f"{rule.remote!r}: scale {rule.scale!r} is not a positive number")
        if rule.default is not None:
            defaults[name] = spec.normal({part: rule.default} if part else rule.default)
        back = {v: k for k, v in reversed(list(rule.values.items()))} if rule.values is not None else None
        specs[name] = spec
        parts.setdefault(name, []).append(_Part(rule, name, part or None, back))
    fast, slow, joined = [], [], []
    for name, group in parts.items():
        first = group[0].rule
        if len(group) == 1 and group[0].part is None and first.read and _plain(first):
            normal = specs[name].normal
            fast.append((first.remote, name, None if normal is plain_text else normal))
        elif all(p.part and _plain(p.rule) for p in group if p.rule.read) and any(p.rule.read for p in group):
            pairs = tuple((p.part or "", p.rule.remote) for p in group if p.rule.read)
            joined.append((name, pairs, specs[name].normal))
        elif any(p.rule.read for p in group):
            slow.append(name)
    columns = dict.fromkeys(c for rule in table if rule.read for c in rule.columns)
    return Mapper(
        kind,
        table,
        specs,
        tuple(columns),
        defaults,
        {k: tuple(v) for k, v in parts.items()},
        tuple(fast),
        tuple(slow),
        tuple(joined),
        {c: name for name, group in reversed(parts.items()) for p in group for c in p.rule.columns},
    )


def _plain(rule: Rule) -> bool:
    """Whether a column's value is taken as it is."""
    odd = rule.load or rule.values is not None or rule.scale or rule.const is not None or "{" in rule.remote
    return not odd and bool(rule.remote)
