"""A remote system in memory, seen from outside: what it holds, how people use it, and a history of every write.

`memory_connector` speaks to it as a connector would; what one system is like (coarse stamps, a lagging index, lossy
fields) is its `Character`. Nothing here knows the engine. Cells and the dicts they stand in are never changed in
place, so that states may be shared.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterable
from typing import Any, NamedTuple

from tieline.errors import Invalid, NotFound
from tieline.model import Fields, Problem, Remote
from tieline.ports import Clock
from tieline.records import Cell, Kind, spec_of
from tieline.testing.character import LEADS, STREAMS, Character, KindRules
from tieline.testing.clock import FakeClock
from tieline.testing.keyless import Keyless


class Edit(NamedTuple):
    """One line of the history. `who` is `hub` or a person; `field` may also be @created, @deleted, @merged, @hub_id."""

    at: int
    who: str
    kind: Kind
    id: str
    field: str
    before: Cell
    after: Cell


class Record:
    """One record: `remote` is its newest state; `old` are earlier ones, each with the time from which it held."""

    __slots__ = ("asked_hub_id", "at", "created_by", "keyless", "kind", "old", "remote", "stream")

    def __init__(
        self, kind: Kind, remote: Remote, at: int, created_by: str, asked_hub_id: str | None, stream: str
    ) -> None:
        self.kind = kind
        self.stream = stream
        self.remote = remote
        self.at = at
        self.old: list[tuple[int, Remote]] = []
        self.created_by = created_by
        self.asked_hub_id = asked_hub_id
        """The hub id its create named, also where the system has no field to keep it in."""
        self.keyless = False
        """It has no id that anybody could see yet."""

    def __repr__(self) -> str:
        return f"Record({self.remote!r}, by {self.created_by})"

    @property
    def id(self) -> str:
        """Its remote id, also after a merge."""
        return self.remote.id

    @property
    def fields(self) -> Fields:
        """Every field the system offers, null where blank."""
        return self.remote.fields

    @property
    def stamp(self) -> int:
        """The system's own modification stamp: coarse, and late where commits are."""
        return self.remote.modified

    @property
    def version(self) -> str:
        """A number that grows with each state in the system."""
        return self.remote.version

    @property
    def hub_id(self) -> str | None:
        """The hub id stamped on it."""
        return self.remote.hub_id

    @property
    def deleted(self) -> bool:
        """Deleted, archived or merged away."""
        return self.remote.gone

    @property
    def merged_into(self) -> str | None:
        """The record it was merged into."""
        return self.remote.merged_into


class Deed(NamedTuple):
    """A side effect that was done."""

    id: str
    name: str
    key: str
    fields: Fields
    at: int


class MemorySystem(Keyless):
    """One system: its records by kind, what people do in it, and the history. Threads may use it at once."""

    def __init__(self, character: Character | None = None, clock: Clock | None = None, seed: int = 0) -> None:
        super().__init__()
        self.character = character or Character()
        self.clock: Clock = clock or FakeClock()
        self.lock = threading.RLock()
        self.records: dict[Kind, dict[str, Record]] = {kind: {} for kind in self.character.kinds}
        self.ids: dict[Kind, list[str]] = {kind: [] for kind in self.character.kinds}
        """Every id ever given, in order."""
        self.rules = {kind: KindRules(self.character, kind) for kind in self.character.kinds}
        self.history: list[Edit] = []
        self.deeds: list[Deed] = []
        """The side effects that were done, in their order."""
        self.by_hub_id: dict[tuple[Kind, str], list[str]] = {}
        """Ids of the records that carry, or once carried, a hub id."""
        self._by_email: dict[str, str] = {}
        self._random = random.Random(seed)
        self._count = 0
        self.touches = 0
        self._lag = self.character.index_lag_ms

    # -- looking in from outside

    def now(self) -> int:
        """The server's own clock, in ms."""
        return self.clock.now() + self.character.skew_ms

    def alive(self, kind: Kind) -> list[Record]:
        """What a person would see of a kind, oldest first."""
        with self.lock:
            return [r for r in self.records[kind].values() if not r.remote.gone]

    def get(self, kind: Kind, id: str) -> Record | None:
        """The record of this id, also when it is deleted or merged away; None if there never was one."""
        return self.records[kind].get(id)

    def resolve(self, kind: Kind, id: str) -> str:
        """The id that this one answers to, through any number of merges."""
        record = self.records[kind].get(id)
        while record is not None and record.merged_into is not None:
            id = record.merged_into
            record = self.records[kind].get(id)
        return id

    def indexed(self, record: Record) -> Remote | None:
        """The state that the lagging index knows of; None before it knows the record."""
        cut = self.now() - self._lag
        if record.at <= cut:
            return record.remote
        return next((remote for at, remote in reversed(record.old) if at <= cut), None)

    # -- people

    def person_create(
        self, kind: Kind, fields: Fields, who: str = "person", keyless: bool | None = None, *, stream: str = ""
    ) -> str:
        """Enter a record by hand and say its id; `stream` is the kind's first, or `LEADS`. Raises Invalid for a field
        there is not, or an e-mail in use.

        `keyless`: whether it has no id yet; None: as the character has it. The id that is said is the one inside.
        """
        with self.lock:
            record = self.create(kind, self._typed(kind, None, fields), who, stream=stream)
            chance = self.character.keyless
            record.keyless = bool(chance) and self._random.random() < chance if keyless is None else keyless
            if record.keyless:
                self.keyless[record.id] = record
            return record.id

    def person_edit(self, kind: Kind, id: str, fields: Fields, who: str = "person") -> None:
        """Change some fields by hand. Raises NotFound when the record is not alive, Invalid as `person_create`."""
        with self.lock:
            record = self._live(kind, id)
            self.commit(record, who, self._typed(kind, record, fields))

    def person_delete(self, kind: Kind, id: str, who: str = "person") -> None:
        """Delete a record by hand. Raises NotFound when it is not alive."""
        with self.lock:
            self.delete(self._live(kind, id), who)

    def person_undelete(self, kind: Kind, id: str, who: str = "person") -> None:
        """Take a record out of the bin. Raises NotFound when it is not there, or was merged away."""
        with self.lock:
            record = self.records[kind].get(id)
            if record is None or not record.deleted or record.merged_into is not None:
                raise NotFound(f"{kind} {id} is not in the bin")
            self._check_email(kind, record, record.fields)
            self._log(who, record, "@deleted", True, False)
            self._store(record, who, gone=False)

    def person_merge(self, kind: Kind, winner: str, loser: str, who: str = "person") -> None:
        """Merge two records: the winner's blanks are filled, what referred to the loser now refers to the winner."""
        with self.lock:
            kept, lost = self._live(kind, winner), self._live(kind, loser)
            if kept is lost:
                raise Invalid(f"{kind} {winner} cannot be merged into itself")
            if kept.stream != lost.stream:
                raise Invalid(f"{loser} of {lost.stream} can be converted, not merged into one of {kept.stream}")
            self._log(who, lost, "@merged", None, kept.id)
            self._store(lost, who, gone=True, merged_into=kept.id)
            fill = {f: v for f, v in lost.fields.items() if v is not None and kept.fields[f] is None}
            aliases = kept.remote.aliases
            if self.character.redirects:
                aliases = (*aliases, *lost.remote.aliases, lost.id)
            self.commit(kept, who, fill, aliases=aliases)
            if self.character.repoints:
                self._repoint(kind, lost.id, kept.id, who)

    def person_convert(self, lead: str, contact: str | None = None, who: str = "person") -> str:
        """Make a lead a contact, or part of one that is there, and say the contact's id. What it has blank is filled,
        but for what this system leaves behind. Raises Invalid when it is no lead."""
        with self.lock:
            old = self._live("contact", lead)
            if old.stream != LEADS:
                raise Invalid(f"{lead} is no lead")
            hub_id = old.hub_id if self.character.carries_hub_id else None
            kept = self._live("contact", contact) if contact is not None else None
            self._log(who, old, "@merged", None, contact)
            self._store(old, who, gone=True)
            carried = {f: v for f, v in old.fields.items() if v is not None and f not in self.character.behind}
            if kept is None:
                kept = self.create("contact", carried, who, hub_id)
            else:
                self.commit(kept, who, {f: v for f, v in carried.items() if kept.fields[f] is None})
            old.remote = old.remote._replace(merged_into=kept.id, moved_to=kept.stream)
            return kept.id

    def set_choices(self, kind: Kind, field: str, choices: Iterable[str] | None) -> None:
        """Change a picklist as an administrator would; None takes the restriction away."""
        if choices is None:
            self.rules[kind].choices.pop(field, None)
        else:
            self.rules[kind].choices[field] = tuple(choices)

    # -- writing, used by people and by the connector

    def refusals(self, kind: Kind, fields: Fields, creating: bool) -> list[Problem]:
        """Why this system would not take these cells from the hub, field by field."""
        rules = self.rules[kind]
        problems = [
            Problem(name, text, code)
            for name, cell in fields.items()
            if (found := self._refusal(rules, name, cell, creating))
            for code, text in (found,)
        ]
        if creating:
            problems += [
                Problem(f, f"{f} is required", "required")
                for f in sorted(rules.required)
                if fields.get(f) is None and f not in {p.field for p in problems}
            ]
        return problems

    def _refusal(self, rules: KindRules, name: str, cell: Cell, creating: bool) -> tuple[str, str] | None:
        if name not in rules.blank:
            return "unknown_field", f"there is no field {name}"
        if name in rules.read_only:
            return "read_only", f"{name} is read only"
        if cell is None:
            if not creating and (name in rules.unclearable or name in rules.required):
                return "required", f"{name} cannot be cleared"
            return None
        if name in rules.choices and cell not in rules.choices[name]:
            return "invalid_option", f"{cell!r} is not one of the options of {name}"
        if name in rules.max_length and len(str(cell)) > rules.max_length[name]:
            return "too_long", f"{name} takes {rules.max_length[name]} characters"
        if name in rules.refs:
            ids = [row["id"] for row in cell] if isinstance(cell, list) else [cell]
            there = self.records.get(rules.refs[name], {})
            bad = [i for i in ids if (r := there.get(i)) is None or r.deleted or r.stream == LEADS]
            if bad:
                return "bad_reference", f"{name}: there is no {rules.refs[name]} {bad[0]}"
        return None

    def twin(self, kind: Kind, fields: Fields, besides: Record | None = None) -> Record | None:
        """The living contact that holds the e-mail in these cells already, where e-mails are unique."""
        if kind != "contact" or not self.character.unique_email or not fields.get("email"):
            return None
        email = self.rules[kind].form({"email": fields["email"]})["email"]
        if not email:
            return None
        holder = self.records[kind].get(self._by_email.get(str(email).casefold(), ""))
        if holder is None or holder is besides or holder.deleted:
            return None
        return holder if str(holder.fields.get("email")).casefold() == str(email).casefold() else None

    def create(self, kind: Kind, fields: Fields, who: str, hub_id: str | None = None, stream: str = "") -> Record:
        """Make a record of cells that were found good, in the kind's first stream unless another is named."""
        self._count += 1
        rules = self.rules[kind]
        id = f"{kind[:2]}{self._count:07d}"
        cells = {**rules.blank, **rules.form(fields)}
        kept_hub_id = hub_id if self.character.stamps else None
        now = self.now()
        record = Record(kind, Remote(id, cells, hub_id=kept_hub_id), now, who, hub_id, stream or STREAMS[kind])
        self.history.append(Edit(now, who, kind, id, "@created", None, True))
        self.history += [Edit(now, who, kind, id, name, None, cell) for name, cell in cells.items() if cell is not None]
        self.records[kind][id] = record
        self.ids[kind].append(id)
        timed = self.character.field_times
        self._store(record, who, field_times={f: now for f, v in cells.items() if v is not None} if timed else None)
        record.old.clear()
        return record

    def commit(self, record: Record, who: str, fields: Fields, **marks: Any) -> None:
        """Change fields, or `hub_id` and `aliases`; nothing moves where nothing differs, unless writing `touches`."""
        remote = record.remote
        cells = self.rules[record.kind].form(fields)
        changed = {f: v for f, v in cells.items() if v != remote.fields[f]}
        moved = {m: v for m, v in marks.items() if v != getattr(remote, m)}
        if not changed and not moved and not self.character.touches:
            return
        for name, cell in changed.items():
            self._log(who, record, name, remote.fields[name], cell)
        if "hub_id" in moved:
            self._log(who, record, "@hub_id", remote.hub_id, moved["hub_id"])
        times = remote.field_times
        if times is not None and changed:
            times = {**times, **dict.fromkeys(changed, self.now())}
        self._store(record, who, fields={**remote.fields, **changed}, field_times=times, **moved)

    def delete(self, record: Record, who: str) -> None:
        """Delete a living record."""
        self._log(who, record, "@deleted", False, True)
        self._store(record, who, gone=True)

    def _store(self, record: Record, who: str, **changes: Any) -> None:
        now = self.now()
        step = self.character.granularity_ms
        late = self.character.late_commit_ms if who != "hub" else 0
        stamp = now - self._random.randint(0, late) if late else now
        self.touches += 1
        if self._lag or not self.character.strong_read:
            cut = now - self._lag
            while len(record.old) > 1 and record.old[1][0] <= cut:
                del record.old[0]
            record.old.append((record.at, record.remote))
        stamp = max(stamp - stamp % step, record.remote.modified)
        record.remote = remote = record.remote._replace(version=str(self.touches), modified=stamp, **changes)
        record.at = now
        if remote.hub_id is not None:
            known = self.by_hub_id.setdefault((record.kind, remote.hub_id), [])
            if record.id not in known:
                known.append(record.id)
        email = remote.fields.get("email")
        if email and not remote.gone:
            self._by_email[str(email).casefold()] = record.id

    def _repoint(self, kind: Kind, old: str, new: str, who: str) -> None:
        for other, rules in self.rules.items():
            names = [f for f, target in rules.refs.items() if target == kind]
            for record in self.records[other].values() if names else ():
                moved = {f: _repointed(record.fields[f], old, new) for f in names}
                if not record.deleted:
                    self.commit(record, who, moved)

    def _typed(self, kind: Kind, record: Record | None, fields: Fields) -> dict[str, Cell]:
        cells: dict[str, Cell] = {}
        for name, value in fields.items():
            if name not in self.rules[kind].blank:
                raise Invalid(f"{kind} has no field {name}", code="unknown_field", field=name)
            cells[name] = None if value is None else spec_of(kind, name).normal(value)
        self._check_email(kind, record, cells)
        return cells

    def _check_email(self, kind: Kind, record: Record | None, fields: Fields) -> None:
        if self.twin(kind, fields, record) is not None:
            raise Invalid(f"the e-mail {fields['email']} is in use", code="duplicate", field="email")

    def _live(self, kind: Kind, id: str) -> Record:
        record = self.records[kind].get(id)
        if record is None or record.deleted:
            raise NotFound(f"there is no {kind} {id}")
        return record

    def _log(self, who: str, record: Record, field: str, before: Cell, after: Cell) -> None:
        self.history.append(Edit(self.now(), who, record.kind, record.id, field, before, after))


def _repointed(cell: Cell, old: str, new: str) -> Cell:
    if cell == old:
        return new
    if isinstance(cell, list) and any(row["id"] == old for row in cell):
        rows = {(new if r["id"] == old else r["id"], r["role"]): r["primary"] for r in cell}
        return [
            {"id": i, "role": role, "primary": p}
            for (i, role), p in sorted(rows.items(), key=lambda x: (x[0][0], x[0][1] or ""))
        ]
    return cell
