"""HubSpot's records as rows for the mapper and back: zones, owners, stages, opt-outs, merges, associations inline.

The mapper (compiled from the user's table) is the truth about which columns exist. This module adds what a pure table
cannot know: the account's time zone and its own names for owners and stages. It never calls HubSpot itself except
through `Portal`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from tieline import Bad, Cell, Mapper, Problem, Remote
from tieline_hubspot.mapping import (
    ASSOCIATION,
    FRACTIONS,
    HUB_FIELD,
    MERGED,
    NOT_CLEARED,
    OPT_OUT,
    RELATIONS,
    STAMPS,
    Relation,
)
from tieline_hubspot.portal import Portal
from tieline_hubspot.wire import millis

Turn = Callable[[str], Any]
_DAY = 10
"""Characters of `YYYY-MM-DD`."""


class Rows:
    """One stream's rows. Built once; `remotes` is the hot path of every read."""

    def __init__(self, stream: str, mapper: Mapper, zone: str, portal: Portal) -> None:
        self.stream = stream
        self.mapper = mapper
        self.zone = ZoneInfo(zone)
        self.portal = portal
        self.stamp = STAMPS.get(stream, "")
        self.relations = tuple(r for r in RELATIONS[stream] if r.column in mapper.columns or _written(mapper, r.column))
        self.opt_outs = tuple(c for c in mapper.columns if c.startswith(OPT_OUT))
        self.columns = tuple(c for c in mapper.columns if not c.startswith(ASSOCIATION))
        self._turns = tuple(self._turns_of())
        self._narrowed: dict[frozenset[str], tuple[tuple[str, ...], tuple[Relation, ...]]] = {}
        self._writable = frozenset(n for n in mapper.specs if mapper.writable(n))
        self._clearable = frozenset(n for n in mapper.specs if clearable(mapper, n))
        self._ways = {c: self._way(c) for c in dict.fromkeys(r.remote for r in mapper.rules)}
        self._texts = {n: c for n in mapper.parts if (c := self._text(n)) is not None}
        self.answered = {n: tuple(_answered(mapper, n)) for n in mapper.parts}
        """Canonical field → the properties that an answer to its write holds."""

    def _turns_of(self) -> Iterable[tuple[str, str, Turn]]:
        """(column, canonical field, how its value is turned) for the columns that need it."""
        for rule in self.mapper.rules:
            name = rule.field.partition(".")[0]
            turn = self._turn(rule.remote, self.mapper.specs[name].type, rule.values)
            if turn is not None and rule.read:
                yield rule.remote, name, turn

    def _turn(self, column: str, kind: str, values: Mapping[str, str] | None) -> Turn | None:
        turn: Turn | None = None
        if kind == "owner":
            turn = self.portal.owner_email
        elif self.stream == "deals" and column == "dealstage":
            turn = self.portal.stage_label
        elif self.stream == "deals" and column == "pipeline":
            turn = self.portal.pipeline_label
        elif kind == "date":
            return self.day
        elif column in FRACTIONS:
            return _percent
        if turn is None or not values:
            return turn
        known, name = values, turn  # a value map of the user wins; it may speak of ids or of labels
        return lambda value: value if value in known else name(value)

    def day(self, value: str) -> str:
        """A day of a date property, or the day a moment falls on in the account's zone."""
        if len(value) <= _DAY:
            return value
        moment = datetime.fromisoformat(value) if not value.isdigit() else datetime.fromtimestamp(int(value) / 1000)
        return moment.astimezone(self.zone).date().isoformat()

    def midnight(self, day: str) -> str:
        """The moment a day begins in the account's zone, as HubSpot writes moments."""
        start = date.fromisoformat(day)
        moment = datetime(start.year, start.month, start.day, tzinfo=self.zone).astimezone(ZoneInfo("UTC"))
        return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")

    # -- reading

    def narrowed(self, fields: frozenset[str] | None) -> tuple[tuple[str, ...], tuple[Relation, ...]]:
        """The properties and associations to read for these canonical fields; None: all mapped."""
        if fields is None:
            return self.columns, self.relations
        found = self._narrowed.get(fields)
        if found is None:
            wanted = {c for f in fields for p in self.mapper.parts.get(f, ()) for c in p.rule.columns if p.rule.read}
            found = self._narrowed[fields] = (
                tuple(c for c in self.columns if c in wanted),
                tuple(r for r in self.relations if r.column in wanted),
            )
        return found

    def remotes(
        self, items: Iterable[Any], links: Mapping[str, Mapping[str, Cell]] | None = None
    ) -> tuple[list[Remote], list[Bad]]:
        """Answered objects as remotes. `links` is record id → association column → cell, for all columns read."""
        found: list[Remote] = []
        bad: list[Bad] = []
        turns, opt_outs, read = self._turns, self.opt_outs, self.mapper.read
        for item in items:
            try:
                key, row, version = item["id"], item["properties"], item["updatedAt"]
                if links is not None:
                    row.update(links[key])
                for column in opt_outs:
                    if column in row and not row[column]:  # never opted out: HubSpot leaves it blank
                        row[column] = "false"
                troubles: list[Problem] = []
                for column, field, turn in turns:
                    value = row.get(column)
                    if value and (trouble := _turned(row, column, field, turn, value)):
                        troubles.append(trouble)
                fields, problems = read(row)
                merged = row.get(MERGED)
                found.append(
                    Remote(
                        key,
                        fields,
                        version,
                        millis(version),
                        row.get(HUB_FIELD) or None,
                        False,
                        None,
                        tuple(merged.split(";")) if merged else (),
                        (*troubles, *problems) if troubles else problems,
                    )
                )
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                bad.append(_bad(self.stream, item, error))
        return found, bad

    def hints(self, items: Iterable[Any]) -> tuple[list[Remote], list[Bad]]:
        """Search hits as remotes that carry id, version and stamp only."""
        found: list[Remote] = []
        bad: list[Bad] = []
        for item in items:
            try:
                version = item["updatedAt"]
                found.append(Remote(item["id"], {}, version, millis(version)))
            except (KeyError, TypeError, ValueError) as error:
                bad.append(_bad(self.stream, item, error))
        return found, bad

    def gone(self, items: Iterable[Any]) -> tuple[list[Remote], list[Bad]]:
        """Archived objects as remotes that are gone; their stamp is when they were archived."""
        found: list[Remote] = []
        bad: list[Bad] = []
        for item in items:
            try:
                version = item["updatedAt"]
                when = millis(item.get("archivedAt") or version)
                hub = (item.get("properties") or {}).get(HUB_FIELD) or None
                found.append(Remote(item["id"], {}, version, when, hub, gone=True))
            except (KeyError, TypeError, ValueError) as error:
                bad.append(_bad(self.stream, item, error))
        return found, bad

    # -- writing

    def write(self, fields: Mapping[str, Cell], moment: Callable[[str], bool]) -> tuple[dict[str, Any], list[Problem]]:
        """Canonical fields as HubSpot's columns: properties as text (`""` clears), associations as cells.

        `moment` says whether a date column is kept as a moment. A value without a counterpart is a problem of its
        field, and its column is left out. Owners, zones and percents are turned here; labels of stages by the writer.
        """
        sent: dict[str, Any] = {}
        for field, cell in fields.items():
            text = self._texts.get(field)
            if text is None or (cell is None and field not in self._clearable):
                break
            sent[text] = cell if type(cell) is str else "" if cell is None else as_text(cell)
        else:  # the usual case: nothing but texts
            return sent, []
        row, told = self.mapper.write(fields)
        problems = [*told, *self._refused(fields)]
        blocked = {p.field for p in problems} if problems else ()
        sent = {}
        for column, value in row.items():
            name, way = self._ways[column]
            if name in blocked:
                continue
            try:
                if way == "apart":
                    sent[column] = value
                elif value is None:
                    if column != "deal_currency_code":  # an amount without a currency leaves the deal's own
                        sent[column] = ""
                else:
                    sent[column] = as_text(value) if way == "text" else self._put(column, way, value, moment)
            except ValueError as error:
                problems.append(Problem(name, f"{name}: {error}", "no_counterpart"))
        return sent, problems

    def _way(self, column: str) -> tuple[str, str]:
        """The canonical field a column belongs to, and how its value is put."""
        name = self.mapper.field_of(column) or column
        if column.startswith((ASSOCIATION, OPT_OUT)):
            return name, "apart"
        spec = self.mapper.specs.get(name)
        kind = spec.type if spec is not None else ""
        return name, "percent" if column in FRACTIONS else kind if kind in ("owner", "date") else "text"

    def _text(self, name: str) -> str | None:
        """The one column that takes a field's value just as it is; None where there is more to it."""
        first, *more = self.mapper.parts[name]
        rule = first.rule
        odd = more or first.part or rule.values is not None or rule.scale is not None or rule.dump is not None
        if odd or name not in self._writable or self._ways[rule.remote] != (name, "text"):
            return None
        return rule.remote

    def _refused(self, fields: Mapping[str, Cell]) -> Iterable[Problem]:
        """The fields that HubSpot would not write, or not blank, whatever the account."""
        for name, value in fields.items():
            if name not in self._writable:
                yield Problem(name, f"{name}: read only in HubSpot", "read_only")
            elif value is None and name not in self._clearable:
                yield Problem(name, f"{name}: HubSpot does not let it be blank", "not_clearable")

    def _put(self, column: str, way: str, value: Cell, moment: Callable[[str], bool]) -> str:
        if way == "owner":
            return self.portal.owner_id(str(value))
        if way == "percent":
            return format(Decimal(str(value)) / 100, "f")
        return self.midnight(str(value)) if moment(column) else as_text(value)


def clearable(mapper: Mapper, name: str) -> bool:
    """Whether a field may be written as null, by the table and by what HubSpot lets go blank."""
    rules = [p.rule for p in mapper.parts[name]]
    return all(r.clear for r in rules) and rules[0].remote not in NOT_CLEARED


def _turned(row: dict[str, Any], column: str, field: str, turn: Turn, value: str) -> Problem | None:
    try:
        row[column] = turn(value)
    except (ValueError, OverflowError) as error:
        del row[column]
        return Problem(field, f"{field}: {error}", "no_counterpart")
    return None


def _percent(value: str) -> str:
    try:
        return format(Decimal(value) * 100, "f")
    except InvalidOperation:
        raise ValueError(f"{value!r} is not a number") from None


def as_text(value: Any) -> str:
    """A cell as the text HubSpot takes: booleans in lower case, several values joined by `;`."""
    if type(value) is str:
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ";".join(str(v) for v in value)
    return str(value)


def _bad(stream: str, item: Any, error: Exception) -> Bad:
    id = item.get("id") if isinstance(item, dict) else None
    where = f"{stream} {'?' if id is None else id}" if isinstance(item, dict) else stream
    why = f"is not a HubSpot record: {type(error).__name__} {error}"
    return Bad(where, why, id if isinstance(id, str) else None)


def _answered(mapper: Mapper, name: str) -> Iterable[str]:
    for part in mapper.parts[name]:
        if part.rule.read:
            yield from (c for c in part.rule.columns if not c.startswith((ASSOCIATION, OPT_OUT)))


def _written(mapper: Mapper, column: str) -> bool:
    return any(r.remote == column and r.write for r in mapper.rules)
