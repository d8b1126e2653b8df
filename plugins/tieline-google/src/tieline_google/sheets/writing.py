"""Writes to a tab, which end with the right rows holding what was sent, and no other row anything else than before.

Rows are addressed by where they are, and people may sort them between two calls: so each write looks first, writes only
its cells, looks again; what hit another row is put back there, and written to the right one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from tieline import Cell, Outcome, Problem, TielineError, Write
from tieline_google.sheets.beside import FIRST
from tieline_google.sheets.cells import at, same
from tieline_google.sheets.keys import Key, key_of, provisional
from tieline_google.sheets.removing import archive
from tieline_google.sheets.sending import ROUNDS, Cells, Draft, Sender, blank
from tieline_google.sheets.view import Found, View
from tieline_google.wire import Refused


class Writer(Sender):
    """One call of `write`. The caller holds the spreadsheet's lock."""

    def write(self, writes: Sequence[Write]) -> list[Outcome]:
        """An outcome for each, in their order."""
        ops: Mapping[str, Callable[[Sequence[Write]], None]] = {
            "create": self._create,
            "update": self._update,
            "link": self._link,
            "archive": partial(archive, self),
        }
        try:
            ops[writes[0].op](writes)
        except Refused as error:
            if not self.sent:
                return self._split(writes, error)
        except TielineError:
            if not self.sent:
                raise
        return [self.outcomes.get(n) or Outcome("unknown", remote_id=w.remote_id) for n, w in enumerate(writes)]

    def _split(self, writes: Sequence[Write], error: Refused) -> list[Outcome]:
        """A call was refused as a whole: half of it at a time, down to the culprit."""
        if len(writes) == 1:
            refused = Outcome(
                "rejected", remote_id=writes[0].remote_id, problems=(Problem(None, str(error), "refused"),)
            )
            return [self.outcomes.get(0) or refused]
        middle = len(writes) // 2
        return [*Writer(self.tab).write(writes[:middle]), *Writer(self.tab).write(writes[middle:])]

    # -- drafts

    def _drafts(self, writes: Sequence[Write], view: View) -> list[Draft]:
        """The writes as cells; those of which nothing is left are answered at once."""
        found, rows = [], view.rows
        for nth, write in enumerate(writes):
            strange = self._strangers(write.fields, view)
            wanted = {n: v for n, v in write.fields.items() if all(p.field != n for p in strange)}
            cells, problems = rows.drafted(wanted, view.names, making=write.op == "create")
            problems += strange
            if (problems and not cells) or (write.op == "create" and not any(v != "" for v in cells.values())):
                said = problems or [Problem(None, "nothing of it has a column here", "empty")]
                self.outcomes[nth] = Outcome("rejected", remote_id=write.remote_id, problems=tuple(said))
            else:
                found.append(Draft(nth, write, cells, tuple(problems)))
        return found

    def _strangers(self, fields: Mapping[str, Cell], view: View) -> list[Problem]:
        """References to rows that there are not."""
        wrong = []
        for name, home in self.tab.homes.items():
            id = fields.get(name)
            if id is not None and name not in view.rows.lost and str(id) not in view.names[home.tab].of:
                said = f"{name}: the tab {home.tab} has no row with the key {id}"
                wrong.append(Problem(name, said, "unknown_reference"))
        return wrong

    def _referred(self, writes: Sequence[Write]) -> list[str]:
        """The fields of these writes that refer to other rows."""
        return [n for n in self.tab.homes if any(w.fields.get(n) is not None for w in writes)]

    # -- create

    def _create(self, writes: Sequence[Write]) -> None:
        """Behind the last row, all in one call that is atomic; the key is the hub id, by which they are found again."""
        referred = self._referred(writes)
        tabs = {self.tab.homes[n].tab for n in referred}
        view = self.lens.just(lambda view: view.names.keys() >= tabs)
        view = view or self.lens.look((w.hub_id for w in writes), whole=False, referred=referred)
        drafts = self._drafts(writes, view)
        for draft in list(drafts):
            ids = view.hub(draft.write.hub_id) or [i for i in [draft.write.hub_id] if i in view.at]
            if ids:
                self.outcomes[draft.nth] = Outcome("exists", remote_id=ids[0])
                drafts.remove(draft)
        if not drafts:
            return
        key = view.rows.header.key or 0
        lines = [{**d.cells, key: d.write.hub_id} for d in drafts]
        self.append(lines, view)
        ids = [d.write.hub_id for d in drafts]
        top = max(FIRST + len(view.raw), self.lens.bottom + 1)
        after = self.lens.look(ids, near=range(top, top + len(ids)), whole=False, referred=referred)
        self.lens.bottom = max([self.lens.bottom, *(after.at[i] for i in ids if i in after.at)])
        found = after.find(ids)
        for draft in drafts:
            if draft.write.hub_id in found:
                self.ok(draft, after, draft.write.hub_id, found[draft.write.hub_id])

    # -- update

    def _update(self, writes: Sequence[Write]) -> None:
        fields, referred = {n for w in writes for n in w.fields}, self._referred(writes)
        for _ in range(ROUNDS):
            self.outcomes.clear()
            before = self._before(fields, referred)
            if before is None:
                continue
            drafts = {d.write.remote_id or "": self._fresh(d, before) for d in self._drafts(writes, before)}
            if self._fill(drafts, before):
                return

    def _fresh(self, draft: Draft, before: View) -> Draft:
        """With it go the cells of the row's references that lag behind."""
        met = before.find([draft.write.remote_id or ""]).get(draft.write.remote_id or "")
        if met is None or not before.whole:
            return draft
        return draft._replace(cells={**before.rows.refreshed(met.row, before.names), **draft.cells})

    def _before(self, fields: Iterable[str], referred: Sequence[str] = (), ids: Sequence[str] = ()) -> View | None:
        """The tab as it is before a write: enough of it to put back whatever may be hit by mistake. None: the columns
        that were read are not those of these fields, as they are somewhere else by now."""
        rows = self.lens.rows
        columns = rows.columns_of(fields) if rows is not None else []
        tabs = {self.tab.homes[n].tab for n in referred}

        def enough(view: View) -> bool:
            held = view.whole or (bool(columns) and view.columns.keys() >= set(columns) and self._named(view))
            return held and view.names.keys() >= tabs and len(view.find(ids)) == len(ids)

        before = self.lens.just(enough) or self.lens.look(ids, columns, referred=referred)
        if before.whole:
            return before
        if set(before.rows.columns_of(fields)) - before.columns.keys():
            return None
        if self._named(before):
            return before
        return self.lens.look(ids, columns, before.unnamed, referred=referred)

    def _named(self, view: View) -> bool:
        """Whether its rows without a key were read, unless there are very many."""
        keyless = view.unnamed
        return len(keyless) > self.tab.limit or view.known.keys() >= set(keyless)

    def _fill(self, drafts: Mapping[str, Draft], before: View) -> bool:
        """Write cells to rows by their keys, and see that they stand there. False: the columns were moved meanwhile,
        and what was hit has been put back."""
        columns, titles = sorted({c for d in drafts.values() for c in d.cells}), before.rows.header.titles
        referred = self._referred([d.write for d in drafts.values()])
        wanted: dict[str, Cells] = {}
        for id, draft in drafts.items():
            if id not in before.at or (before.whole and not before.find([id])):
                self.outcomes[draft.nth] = Outcome("gone", remote_id=id)
            else:
                wanted[id] = draft.cells
        odd: dict[int, Cells] = {}
        view = before
        for _ in range(ROUNDS):
            if not wanted and not odd:
                break
            aimed = {view.at[id]: row for id, row in wanted.items() if id in view.at}
            self.put({**odd, **aimed})
            view = self.lens.look([*drafts, *wanted], columns=columns, near={**odd, **aimed}, referred=referred)
            if view.rows.header.titles != titles:
                return not self._put_back(before, view, {**odd, **aimed})
            hit = self._hit(drafts, before, view, {**odd, **aimed}, wanted)
            self._told(drafts, view, aimed, wanted)
            odd = hit.pop("", {})
            for id, back in hit.items():
                wanted[id] = {**back, **wanted.get(id, {})}
        return True

    def _put_back(self, before: View, view: View, written: Mapping[int, Cells]) -> bool:
        """The columns were moved in the very moment of a write: what stood in those that were hit is put back. False
        where it is not known, as only a part of the tab was read: the outcome is not known, either."""
        old, new = before.rows.header, view.rows.header
        if not before.whole or not view.whole or new.doubled:
            return False
        back: dict[int, Cells] = {}
        for number, row in written.items():
            key = view.key(number)
            place = before.at.get(key.id) if key is not None else None
            for column, value in row.items():
                title = new.titles[column] if column < len(new.titles) else ""
                was = old.column(title)
                should = before.value(place, was) if place is not None and was is not None else None
                if place is not None and same(view.value(number, column), value) and not same(should, value):
                    back.setdefault(number, {})[column] = blank(should)
        self.put(back)
        return True

    def _told(
        self, drafts: Mapping[str, Draft], view: View, aimed: Mapping[int, Cells], wanted: dict[str, Cells]
    ) -> None:
        """Take out of `wanted` what was written to the right row, and tell of it as it is now."""
        for id, row in list(wanted.items()):
            number = view.at.get(id)
            if number is not None and aimed.get(number) is not row:
                continue
            del wanted[id]
            if id not in drafts:
                continue
            if number is None:
                self.outcomes[drafts[id].nth] = Outcome("gone", remote_id=id)
            elif number in view.known:
                old = drafts[id].write.remote_id or id
                aliases = (old,) if old != id else ()
                self.ok(drafts[id], view, id, Found(number, view.known[number], view.key(number)), aliases)

    def _hit(
        self,
        drafts: Mapping[str, Draft],
        before: View,
        view: View,
        written: Mapping[int, Cells],
        wanted: Mapping[str, Cells],
    ) -> dict[str, Any]:
        """What was written into other rows than meant: id → the cells as they should be; those of rows without a key
        under "", by their numbers."""
        back: dict[str, Any] = {}
        for number, row in written.items():
            key = view.key(number)
            if key is not None and wanted.get(key.id) is row:
                continue
            place = before.at.get(key.id) if key is not None else self._twin(before, view, number, row)
            if place is None:
                continue
            ours = drafts[key.id].cells if key is not None and key.id in drafts else {}
            cells = {}
            for column, value in row.items():
                should = blank(ours.get(column, before.value(place, column)))
                if same(view.value(number, column), value) and not same(should, value):
                    cells[column] = should
            if cells and key is not None:
                back[key.id] = cells
            elif cells:
                back.setdefault("", {})[number] = cells
        return back

    def _twin(self, before: View, view: View, number: int, row: Cells) -> int | None:
        """Where a row without a key was before, as what was not written of it tells."""
        now = view.known.get(number, ())
        for place in before.keyless():
            held = before.known[place]
            width = max(len(now), len(held))
            if all(c in row or same(at(now, c), at(held, c)) for c in range(width)):
                return place
        return None

    # -- link

    def _link(self, writes: Sequence[Write]) -> None:
        """A row with a key keeps it and gets the hub id behind it; one without gets the hub id as its key."""
        named = [Draft(n, w, {}, ()) for n, w in enumerate(writes) if provisional(w.remote_id or "") is None]
        unnamed = [Draft(n, w, {}, ()) for n, w in enumerate(writes) if provisional(w.remote_id or "") is not None]
        if unnamed:
            self._name(unnamed)
            self._referring(unnamed)
        if named:
            self._stamp(named)

    def _stamp(self, drafts: Sequence[Draft]) -> None:
        for _ in range(ROUNDS):
            before = self._before(())
            if before is None:
                continue
            key = before.rows.header.key or 0
            written = [d._replace(cells={key: _both(d.write.remote_id or "", d.write.hub_id)}) for d in drafts]
            if self._fill({d.write.remote_id or "": d for d in written}, before):
                return

    def _name(self, drafts: Sequence[Draft]) -> None:
        """Give rows their keys; one that holds something else by now keeps what it had."""
        left = {d.write.remote_id or "": d for d in drafts}
        for _ in range(ROUNDS):
            before = self.lens.just(lambda view: len(view.find(left)) == len(left)) or self.lens.look(left)
            found = before.find(left)
            for id in left.keys() - found.keys():
                self.outcomes[left.pop(id).nth] = Outcome("gone", remote_id=id)
            if not left:
                return
            key = before.rows.header.key or 0
            aimed = {found[id].number: id for id in left}
            self.put({n: {key: left[id].write.hub_id} for n, id in aimed.items()})
            hubs = {left[id].write.hub_id: id for id in left}
            after = self.lens.look(hubs, near=aimed)
            wrong: dict[int, Cells] = {}
            for hub_id, met in after.find(hubs).items():
                id = hubs[hub_id]
                if after.rows.digest(met.row) == (provisional(id) or ("",))[0]:
                    self.ok(left.pop(id), after, hub_id, met, aliases=(id,))
                else:
                    wrong[met.number] = {key: self._old_key(before, after, met)}
            for hub_id, id in hubs.items():  # it hit a row in which nothing stands
                number = after.at.get(hub_id)
                if id in left and number is not None and number not in wrong:
                    wrong[number] = {key: ""}
            if wrong:
                self.put(wrong)
            elif not left:
                return

    def _referring(self, drafts: Sequence[Draft]) -> None:
        """Rows that have got their keys keep those of the rows whose names were typed there."""
        named = {d.write.hub_id: d for d in drafts if d.nth in self.outcomes and self.outcomes[d.nth].status == "ok"}
        fields = [s.field for _, s in self.lens.rows.beside.values()] if self.lens.rows is not None and named else []
        before = self._before(fields, ids=list(named)) if fields else None
        if before is None:
            return
        lagging = {}
        for id, met in before.find(named).items():
            if cells := before.rows.refreshed(met.row, before.names):
                lagging[id] = named[id]._replace(cells=cells)
        if lagging:
            self._fill(lagging, before)

    def _old_key(self, before: View, after: View, met: Found) -> Any:
        """What stood in the key cell of a row that was hit by mistake."""
        key = after.rows.header.key or 0
        gone = [id for id in before.at if id not in after.at]
        for number, row in before.known.items():
            width = max(len(row), len(met.row))
            if all(c == key or same(before.value(number, c), after.value(met.number, c)) for c in range(width)):
                return blank(before.value(number, key))
        return before.raw[before.at[gone[0]] - FIRST] if len(gone) == 1 else ""


def _both(id: str, hub_id: str) -> str:
    """A key cell that says both: the row's id, and the hub's."""
    known = key_of(id)
    return id if known == Key(id, hub_id) else f"{id} {hub_id}"
