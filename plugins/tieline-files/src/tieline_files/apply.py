"""The writes of one call, done to a file in one pass and one replacement. Decides per write what becomes of it.

All or nothing towards the disk; one by one towards the hub: a write that cannot be done leaves the others alone.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tieline import Outcome, Problem, Remote, Unavailable, Write
from tieline_files.disk import Disk, Stamp, stamp_of
from tieline_files.rows import Entry, Head, Place
from tieline_files.table import Table, View

REMOVED_SUFFIX = ".removed"
"""Rows that were archived are kept, as they were, in a file beside; it is never read."""


def apply(table: Table, disk: Disk, writes: Sequence[Write]) -> list[Outcome]:
    """One outcome for each write, in their order. Raises Unavailable, `sent` False, when nothing was applied."""
    path = table.path.resolve()  # a symbolic link stays one: its target is replaced
    with disk.lock(path.parent, table.clock), table.view() as view:
        batch = _Batch(table, view, writes)
        if not batch.sort():
            return batch.outcomes()
        with disk.replacing(path) as new:
            new.file.writelines(batch.lines())
            if not batch.changes:
                return batch.outcomes()
            if batch.removed:
                disk.append(path.with_name(path.name + REMOVED_SUFFIX), view.head.raw, b"".join(batch.removed))
            if stamp_of(path) != view.stamp:
                raise Unavailable(f"{path} was changed by somebody else just now: nothing was written", sent=False)
            return batch.outcomes(new.commit())


class _Batch:
    """Writes on their way through one file."""

    def __init__(self, table: Table, view: View, writes: Sequence[Write]) -> None:
        self.table, self.view, self.writes = table, view, writes
        self.head: Head = view.head
        self.changes = 0
        self.removed: list[bytes] = []
        self._outcomes: dict[int, Outcome] = {}
        self._targets: dict[int, list[int]] = {}
        """Offset of a row → the writes that concern it."""
        self._new: list[tuple[int, dict[str, Any]]] = []
        self._written: dict[int, bytes] = {}
        """Write → the row as it was written, of which the hub is told when it is in place."""

    # -- before the pass: what can be done at all

    def sort(self) -> bool:
        """Settle what needs no writing; True when something is left to write."""
        stamped = {"create", "link"} & {w.op for w in self.writes}
        column, columns = self.table.hub_column, self.head.columns
        if stamped and column and columns is not None and column not in columns:
            self.head = self.table.form.with_column(self.head, column)
        taken: dict[str, str] = {}
        for at, write in enumerate(self.writes):
            outcome = self._create(at, write, taken) if write.op == "create" else self._target(at, write)
            if outcome is not None:
                self._outcomes[at] = outcome
        return bool(self._targets or self._new)

    def _target(self, at: int, write: Write) -> Outcome | None:
        if write.op == "act":
            return _rejected("files offer no actions", "unsupported")
        view, id = self.view, write.remote_id or ""
        entry = view.row(id)
        if entry is None or entry.row is None:
            return Outcome("gone", remote_id=id)
        if write.version and write.version != view.version(entry):
            return Outcome("conflict", view.remote(id, entry, entry.row), id)
        if write.op == "link":
            if not self.table.hub_column:
                return _rejected("stamps = false: the hub's id is not written to this file", "hub_id")
            holder = next((other for other, _ in view.holders(write.hub_id) if other != id), None)
            if holder is not None:
                return _rejected(f"the row {holder!r} carries this hub id already", "hub_id")
        self._targets.setdefault(entry.place.offset, []).append(at)
        return None

    def _create(self, at: int, write: Write, taken: dict[str, str]) -> Outcome | None:
        """`taken`: hub ids and row ids of the creates before it → row id."""
        table = self.table
        row, problems = self._row(write)
        id = write.hub_id if table.key is None else str(row.get(table.settings.id) or "")
        if not id:
            return _rejected(f"the column {table.settings.id!r} names the row, so it may not be blank", field=table.key)
        twin = taken.get(f"hub {write.hub_id}") or taken.get(f"row {id}")
        if twin is not None:
            return Outcome("exists", remote_id=twin)
        existing = next(self.view.holders(write.hub_id), None) or (id, self.view.row(id))
        if existing[1] is not None and existing[1].row is not None:
            return Outcome("exists", self.view.remote(existing[0], existing[1], existing[1].row), existing[0])
        row = {column: value for column, value in row.items() if value is not None} | {table.settings.id: id}
        if table.hub_column:
            row[table.hub_column] = write.hub_id
        taken[f"hub {write.hub_id}"] = taken[f"row {id}"] = id
        self._new.append((at, row))
        self._outcomes[at] = Outcome("ok", None, id, tuple(problems))
        return None

    def _row(self, write: Write) -> tuple[dict[str, Any], list[Problem]]:
        """Column → value for the columns this file has, and the fields of the write that find no place in it."""
        table, columns = self.table, self.head.columns
        row, found = table.mapper.write(write.fields)
        problems = list(found)
        if columns is not None:
            row = {column: value for column, value in row.items() if column in columns}
        placed = {table.written[column] for column in row}
        for field, cell in write.fields.items():
            if field not in placed and cell is not None and field not in {p.field for p in problems}:
                problems.append(Problem(field, f"{table.path.name} has no column for it", "no_column"))
        return row, problems

    # -- the pass

    def lines(self) -> Iterable[bytes]:
        """The new file, piece by piece."""
        yield self.head.raw
        form, widened = self.table.form, self.head is not self.view.head
        last = self.head.raw if self.head.columns is not None else b"\n"
        for entry in self.view.entries():
            raw = form.widened(entry, self.head) if widened else entry.raw
            concerned = self._targets.get(entry.place.offset)
            if concerned is not None:
                raw = self._touched(entry, raw, concerned)
            if raw:
                last = raw
                yield raw
        if self._new and not last.endswith(b"\n"):
            yield self.head.eol.encode()
        for at, row in self._new:
            yield self._added(at, row)

    def _touched(self, entry: Entry, raw: bytes, concerned: Sequence[int]) -> bytes:
        """A row after the writes that concern it; b"" when it was archived."""
        gone = False
        for at in concerned:
            write = self.writes[at]
            id = write.remote_id or ""
            if gone:
                self._outcomes[at] = Outcome("gone", remote_id=id)
            elif write.op == "archive":
                gone = True
                self.removed.append(entry.raw if entry.raw.endswith(b"\n") else entry.raw + self.head.eol.encode())
                self.changes += 1
                self._outcomes[at] = Outcome("ok", Remote(id, {}, gone=True), id)
            else:
                raw = self._edited(at, write, raw)
        return b"" if gone else raw

    def _edited(self, at: int, write: Write, raw: bytes) -> bytes:
        row: dict[str, Any] = {self.table.hub_column: write.hub_id}
        problems: list[Problem] = []
        if write.op == "update":
            row, problems = self._row(write)
            if row.pop(self.table.settings.id, write.remote_id) != write.remote_id:
                text = "it names the row, so it is changed in the file alone"
                problems.append(Problem(self.table.key, text, "read_only"))
        new = self._spelled(row, raw, problems)
        if problems and not row:
            self._outcomes[at] = Outcome("rejected", problems=tuple(problems))
            return raw
        self.changes += new != raw
        self._written[at] = new
        self._outcomes[at] = Outcome("ok", None, write.remote_id, tuple(problems))
        return new

    def _added(self, at: int, row: dict[str, Any]) -> bytes:
        problems = list(self._outcomes[at].problems)
        raw = self._spelled(row, None, problems)
        if self.table.settings.id not in row:
            self._outcomes[at] = Outcome("rejected", problems=tuple(problems))
            return b""
        self.changes += 1
        self._written[at] = raw
        self._outcomes[at] = self._outcomes[at]._replace(problems=tuple(problems))
        return raw

    def _spelled(self, row: dict[str, Any], raw: bytes | None, problems: list[Problem]) -> bytes:
        """The row's new bytes (`raw` None: it is new). Fields with a value that this file cannot hold are taken out of
        `row` and added to `problems`."""
        form, head, written = self.table.form, self.head, self.table.written

        def spell(part: Mapping[str, Any]) -> bytes:
            return form.added(head, part) if raw is None else form.edited(raw, head, part) if part else raw

        try:
            return spell(row)
        except ValueError:
            refused: dict[str | None, Problem] = {}
            for column, value in row.items():
                try:
                    spell({column: value})
                except ValueError as error:
                    refused[written.get(column)] = Problem(written.get(column), str(error))
        problems.extend(refused.values())
        for column in [c for c in row if written.get(c) in refused]:
            del row[column]
        return spell(row)

    # -- after it

    def outcomes(self, stamp: Stamp | None = None) -> list[Outcome]:
        """One for each write. `stamp` is the new file's, None when it was not replaced."""
        after = View(self.table, None, stamp or self.view.stamp, self.head)
        for at, raw in self._written.items():
            entry = next(self.table.form.entries(io.BytesIO(raw), self.head, Place(0, 1)))
            id = self._outcomes[at].remote_id or ""
            if entry.row is not None:
                self._outcomes[at] = self._outcomes[at]._replace(remote=after.remote(id, entry, entry.row))
        return [self._outcomes[at] for at in range(len(self.writes))]


def _rejected(message: str, code: str = "invalid", field: str | None = None) -> Outcome:
    return Outcome("rejected", problems=(Problem(field, message, code),))
