"""From a record of Zendesk's to a remote, and from a write to what is sent. Pure; knows no HTTP.

A record is read into a flat row: its own names, `user_fields.KEY` and `organization_fields.KEY` for the account's
fields, and the two parts of a person's name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zlib import crc32

from pydantic import TypeAdapter

from tieline import Bad, Cell, Mapper, Problem, Remote, Rule, Write
from tieline_zendesk.mapping import CUSTOM, DOMAINS, END_USER, FIRST, HUB_FIELD, LAST, MAILBOX, number, split_name
from tieline_zendesk.wire import Fault

_HUB_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE)
FOREIGN = ".foreign"
"""Ends the version of a record whose `external_id` is somebody else's."""
JOIN = ";"
"""Between the tags of a record, or the choices of a multi-select field, in one text."""
_encoded = TypeAdapter(Any).dump_json
_NUMBERS = frozenset({"decimal", "percent"})


def stamp_ms(stamp: str) -> int:
    """`2024-02-15T16:23:04Z` as milliseconds since 1970 UTC. Raises ValueError when it is no moment."""
    return round(datetime.fromisoformat(stamp).timestamp() * 1000)


def is_hub_id(text: Any) -> bool:
    """Whether a text can be an id of the hub's (UUIDv7); any other `external_id` is somebody else's."""
    return isinstance(text, str) and _HUB_ID.fullmatch(text) is not None


def is_staff(item: Mapping[str, Any]) -> bool:
    """Whether a user is an agent or an admin, and so no contact."""
    return item.get("role") not in (None, END_USER)


def is_gone(item: Mapping[str, Any]) -> bool:
    """Whether the record is deleted: users keep `active: false` [rec], an export of organizations has `deleted_at`."""
    return item.get("active") is False or bool(item.get("deleted_at"))


class Rows:
    """Reads and writes the records of one stream."""

    def __init__(self, stream: str, mapper: Mapper, hub_field: str | None) -> None:
        self.stream = stream
        self.mapper = mapper
        self.custom = CUSTOM[stream]
        self.hub_field = hub_field
        self._names = FIRST in mapper.columns or LAST in mapper.columns
        prefix = self.custom + "."
        plain = [c for c in mapper.columns if c not in (FIRST, LAST)]
        self._own = tuple(c for c in plain if not c.startswith(prefix))
        self._fields = tuple((c, c.removeprefix(prefix)) for c in plain if c.startswith(prefix))
        mapped = [r for r in mapper.rules if r.values is not None]
        self._coded = frozenset(c for r in mapped for c in r.columns)

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of the account's fields that are mapped."""
        return tuple(key for _, key in self._fields)

    # -- reading

    def remotes(self, items: Sequence[Any]) -> tuple[list[Remote], list[Bad]]:
        """The records in a list, and those that are not readable at all. Agents and admins are left out."""
        found: list[Remote] = []
        bad: list[Bad] = []
        for item in items:
            try:
                if not is_staff(item):
                    found.append(self.remote(item))
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                id = item.get("id") if isinstance(item, Mapping) else None
                known = str(id) if isinstance(id, int) else None
                bad.append(Bad(f"{self.stream} {known or '?'}", f"unreadable: {type(error).__name__} {error}", known))
        return found, bad

    def remote(self, item: Mapping[str, Any], fields: frozenset[str] | None = None) -> Remote:
        """The record. Raises what a malformed one raises: KeyError, TypeError, ValueError."""
        id, stamp = str(int(item["id"])), item["updated_at"]
        held = (item.get(self.custom) or {}).get(self.hub_field) if self.hub_field else item.get(HUB_FIELD)
        hub_id = str(held).lower() if is_hub_id(held) else None
        if is_gone(item):
            return Remote(id, {}, f"{stamp}.gone", stamp_ms(stamp), hub_id, gone=True)
        cells, problems = self.mapper.read(self.row(item))
        if fields is not None:
            cells = {k: v for k, v in cells.items() if k in fields}
            problems = tuple(p for p in problems if p.field in fields)
        # the stamp counts seconds: two states can share one, so what is in the state is part of its version
        version = f"{stamp}.{crc32(_encoded(cells)):08x}"
        if self.hub_field is None and held and hub_id is None:
            version += FOREIGN
        return Remote(id, cells, version, stamp_ms(stamp), hub_id, problems=problems)

    def row(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """The mapped columns of a record; one that the account does not have is blank."""
        row = {c: self._value(c, item.get(c)) for c in self._own}
        if self._fields:
            held = item.get(self.custom) or {}
            row.update((c, self._value(c, held.get(key))) for c, key in self._fields)
        if self._names:
            row[FIRST], row[LAST] = split_name(item.get("name"), item.get(MAILBOX))
        return row

    def _value(self, column: str, value: Any) -> Any:
        if isinstance(value, list) and column != DOMAINS:
            return JOIN.join(str(v) for v in value)
        if isinstance(value, bool) and column in self._coded:  # a value map is written with texts
            return "true" if value else "false"
        return value

    # -- writing

    def drafted(self, write: Write) -> tuple[dict[str, Any], list[Problem]]:
        """The flat row of a write, and the fields that cannot be written."""
        flat: dict[str, Any] = {}
        problems: list[Problem] = []
        for name, cell in write.fields.items():
            if not self.mapper.writable(name):
                problems.append(Problem(name, f"{name}: cannot be written to Zendesk", "read_only"))
                continue
            if cell is None and write.op != "create" and self._never_blank(name):
                problems.append(Problem(name, f"{name}: Zendesk cannot hold a blank here", "not_nillable"))
                continue
            row, refused = self.mapper.write({name: cell})
            problems += refused
            if not refused:
                try:
                    flat.update(self._formed(name, row))
                except ValueError as error:
                    problems.append(Problem(name, f"{name}: {error}"))
        return flat, problems

    def _never_blank(self, name: str) -> bool:
        """Whether a field is the primary address, or a box that is ticked or not: no blank turns into «allowed»."""
        return self.mapper.field_of(MAILBOX) == name or self.mapper.specs[name].type in ("consent", "boolean")

    def _formed(self, name: str, row: Mapping[str, Any]) -> dict[str, Any]:
        """A field's columns in the forms that Zendesk takes."""
        type_name = self.mapper.specs[name].type
        formed: dict[str, Any] = {}
        for column, value in row.items():
            rule = self._rule(column, name)
            if value is not None and rule is not None and rule.dump is None:
                value = self._form(column, value, type_name, coded=rule.values is not None)
            formed[column] = value
        return formed

    def _form(self, column: str, value: Cell, type_name: str, *, coded: bool) -> Any:
        if column == "tags":
            return [t for t in (p.strip() for p in str(value).split(JOIN)) if t]
        if coded:
            return {"true": True, "false": False}.get(str(value), value)
        if type_name == "consent":
            return value == "opted_out"
        return number(str(value)) if type_name in _NUMBERS else value

    def _rule(self, column: str, name: str) -> Rule | None:
        return next((r for r in self.mapper.rules if r.remote == column and r.field.partition(".")[0] == name), None)

    def payload(self, flat: Mapping[str, Any]) -> dict[str, Any]:
        """A flat row as the object that is sent."""
        prefix = self.custom + "."
        sent = {c: v for c, v in flat.items() if not c.startswith(prefix)}
        own = {c.removeprefix(prefix): v for c, v in flat.items() if c.startswith(prefix)}
        return {**sent, self.custom: own} if own else sent

    def stamp(self, payload: dict[str, Any], hub_id: str) -> None:
        """Put the hub's id where this account keeps it."""
        if self.hub_field is None:
            payload[HUB_FIELD] = hub_id
        else:
            payload.setdefault(self.custom, {})[self.hub_field] = hub_id

    # -- refusals

    def problems(self, faults: Sequence[Fault]) -> tuple[Problem, ...]:
        """Errors as problems of canonical fields; one that names none is the record's."""
        return tuple(Problem(self.field_of(f.column), f.message or f.code, f.code or "invalid") for f in faults)

    def field_of(self, column: str) -> str | None:
        """The canonical field behind a name in an error: a record's own, or one of the account's by its key."""
        names = [column, column.removeprefix("organization."), f"{self.custom}.{column}"]
        if column == "name":
            names = [LAST, FIRST, "name"]
        return next((field for n in names if (field := self.mapper.field_of(n)) is not None), None)
