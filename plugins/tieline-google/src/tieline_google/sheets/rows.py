"""From a row of a tab to a remote, and from a write to cells. Pure; knows no HTTP.

The remote id is the first word of the key cell; where the row is another record's of the hub by now, its hub id stands
behind. A row without a key, or with one that a row further up has, is provisional: its id is a digest of what it holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from hashlib import blake2b
from typing import Any

from tieline import Cell, FieldFacts, Mapper, Problem, Remote
from tieline_google.sheets.cells import ERRORS, FORMS, LONGEST, TEXT, at, dumped, loaded, place, same, text
from tieline_google.sheets.keys import MARK, Key, normal
from tieline_google.sheets.mapping import KEY
from tieline_google.sheets.names import Home, Names, Shown, kept, meant, parted, references, shown_by, untouched

Row = Sequence[Any]
Merge = tuple[int, int, int, int]
"""Top, bottom, left and right of merged cells: rows from 1, columns from 0, ends exclusive."""


_NO_HOMES: Mapping[str, Home] = {}
_NO_NAMES: Mapping[str, Names] = {}
_NOBODY = Names((), ())


class Header:
    """The first row of a tab: which column is where."""

    def __init__(self, titles: Row) -> None:
        self.titles = tuple(text(t).strip() if t is not None else "" for t in titles)
        places: dict[str, list[int]] = {}
        for column, title in enumerate(titles):
            if name := normal(title):
                places.setdefault(name, []).append(column)
        self.columns = {name: found[0] for name, found in places.items() if len(found) == 1}
        self.doubled = {name: found for name, found in places.items() if len(found) > 1}

    @property
    def key(self) -> int | None:
        """The key column; None where there is none, or more than one."""
        return self.columns.get(normal(KEY))

    def column(self, title: str) -> int | None:
        """Where a column is; None where it is missing, or stands there twice."""
        return self.columns.get(normal(title))


class Rows:
    """Reads and writes the rows of one stream under one header."""

    def __init__(
        self,
        tab: str,
        mapper: Mapper,
        header: Header,
        merges: Sequence[Merge] = (),
        homes: Mapping[str, Home] = _NO_HOMES,
    ) -> None:
        self.tab, self.mapper, self.header, self.merges = tab, mapper, header, merges
        self.lost: dict[str, tuple[str, ...]] = {}
        """Canonical field → its columns that are missing or doubled: it is neither read nor written."""
        self.titles: dict[str, int] = {}
        """Title of each column that is read → where it is."""
        self._forms: dict[str, str] = {}
        self._belongs: dict[str, str] = {}
        for name, parts in mapper.parts.items():
            columns = [c for p in parts for c in p.rule.columns]
            self._belongs.update(dict.fromkeys(columns, name))
            for part in parts:
                kind = FORMS.get(mapper.specs[name].type, TEXT) if part.part != "currency" else TEXT
                coded = part.rule.values is not None or "{" in part.rule.remote
                self._forms.update(dict.fromkeys(part.rule.columns, TEXT if coded else kind))
            missing = tuple(c for c in columns if header.column(c) is None)
            if missing:
                self.lost[name] = missing
            else:
                self.titles.update((c, column) for c in columns if (column := header.column(c)) is not None)
        money = {c for parts in mapper.parts.values() for p in parts if p.part == "currency" for c in p.rule.columns}
        self.beside: dict[str, tuple[int, Shown]] = {}
        """Title of a column of keys → where its names are shown, and which those are."""
        for title, shown in shown_by(mapper, homes).items():
            where = header.column(shown.title)
            if title in self.titles and where is not None:
                self.beside[title] = (where, shown)
        self._keyed = {t: name for t, name in references(mapper, homes).items() if t in self.titles}
        told = [*self.titles.items(), *((s.title, c) for c, s in self.beside.values())]
        self._told = [column for _, column in told]
        self._digest = blake2b(repr([title for title, _ in told]).encode(), digest_size=9)
        plain = [(t, c, self._forms[t]) for t, c in self.titles.items() if t not in self.beside]
        self._plain = [(t, c, form, form == TEXT and t not in self._keyed) for t, c, form in plain]
        """Columns whose cells speak for themselves: title, place, form, and whether its texts are taken as they are."""
        self._shown = [c for t, c in self.titles.items() if t not in money and not self.refers(t)]

    def form(self, title: str) -> str:
        """The form of a column's cells."""
        return self._forms.get(title, TEXT)

    def field(self, title: str) -> str:
        """The canonical field that a column belongs to."""
        return self._belongs[title]

    def columns_of(self, fields: Iterable[str]) -> list[int]:
        """Where these fields are written."""
        titles = [c for name in fields for p in self.mapper.parts.get(name, ()) for c in p.rule.columns]
        beside = [self.beside[t][0] for t in titles if t in self.beside]
        return sorted({*beside, *(self.titles[t] for t in titles if t in self.titles)})

    def refers(self, title: str) -> bool:
        """Whether a column holds keys of other rows."""
        return self.mapper.specs[self._belongs[title]].type in _HIDDEN

    # -- reading

    def empty(self, row: Row, key: Key | None) -> bool:
        """Whether a row is no record: nothing stands in any column that people see, but currencies and unticked boxes.

        While a column is missing, a row with a key is a record whatever it shows: what it held may be in there.
        """
        if key is not None and self.lost:
            return False
        width = len(row)
        for column in self._shown:
            if column < width and (value := row[column]) is not None and value is not False and value != "":
                return False
        return True

    def digest(self, row: Row) -> str:
        """What a row holds in the columns that are read, in short."""
        held, width = self._digest.copy(), len(row)
        told = [None if c >= width or (value := row[c]) == "" else value for c in self._told]
        held.update(repr(told).encode())
        return MARK + held.hexdigest()

    def remote(
        self,
        row: Row,
        number: int,
        id: str,
        key: Key | None,
        stamp: int,
        fields: frozenset[str] | None = None,
        names: Mapping[str, Names] = _NO_NAMES,
    ) -> Remote:
        """A row as a remote; without a key it is provisional. `stamp`: when the file was changed last (ms). `names`:
        what the rows of other tabs are called."""
        flat, problems, typed = self._flat(row, number, names)
        cells, refused = self.mapper.read(flat)
        problems += [self._placed(p, number) for p in refused]
        hub_id = key.hub_id if key is not None else None
        unread = "!" + ",".join(sorted({p.field or "" for p in problems})) if problems else ""
        version = self.digest(row) + (f" {hub_id}" if hub_id else "") + "".join(typed) + unread
        if fields is not None:
            cells = {k: v for k, v in cells.items() if k in fields}
            problems = [p for p in problems if p.field in fields]
        return Remote(
            id, cells, version, stamp, hub_id, problems=tuple(problems), provisional=key is None and id.startswith(MARK)
        )

    def _flat(
        self, row: Row, number: int, names: Mapping[str, Names]
    ) -> tuple[dict[str, Any], list[Problem], list[str]]:
        """The mapped columns by title; a field of which one column cannot be taken is left out whole. And what names
        that people typed mean, where the key beside them does not say so yet."""
        flat: dict[str, Any] = {}
        doubtful: list[str] = []
        problems: dict[str, Problem] = {}
        width = len(row)
        for title, column, form, simple in self._plain:
            value = row[column] if column < width else None
            if value is None or value == "":
                if not self.merges:
                    flat[title] = None
                    continue
            elif simple and type(value) is str and value not in ERRORS:
                flat[title] = value  # the usual case
                continue
            try:
                value = self._taken(row, number, column, form)
                flat[title] = parted(value)[0] if title in self._keyed else value
            except ValueError as error:
                name = self._belongs[title]
                said = f"{place(self.tab, number, column)} ({title}): {error}"
                problems.setdefault(name, Problem(name, said))
        for title, (column, shown) in self.beside.items():
            keys = self.titles[title]
            if column < width > keys and (key := untouched(row[column], row[keys])) is not None:
                flat[title] = key  # the usual case
                continue
            doubtful.append(title)
            try:
                told = self._taken(row, number, column, TEXT)
                home = names.get(shown.home.tab, _NOBODY)
                held = self._taken(row, number, self.titles[title], TEXT)
                flat[title] = meant(told or "", held, home, shown.home.tab)
            except ValueError as error:
                said = f"{place(self.tab, number, column)} ({shown.title}): {error}"
                problems.setdefault(shown.field, Problem(shown.field, said))
        for name in problems:
            for part in self.mapper.parts[name]:
                for column_title in part.rule.columns:
                    flat.pop(column_title, None)
        typed = [f">{flat[t]}" for t in doubtful if t in flat and flat[t] != parted(at(row, self.titles[t]))[0]]
        return flat, list(problems.values()), typed

    def _taken(self, row: Row, number: int, column: int, form: str) -> Any:
        value = at(row, column)
        if value is None and self.merges and self._covered(number, column):
            raise ValueError("the cell is part of merged ones, and holds nothing of its own: unmerge them")
        return None if value is None else loaded(value, form)

    def _covered(self, number: int, column: int) -> bool:
        return any(
            top <= number < bottom and left <= column < right and (number, column) != (top, left)
            for top, bottom, left, right in self.merges
        )

    def key_covered(self, number: int) -> bool:
        """Whether the key cell of a row is part of merged ones."""
        return self.header.key is not None and self._covered(number, self.header.key)

    def _placed(self, problem: Problem, number: int) -> Problem:
        """A problem that names the cell."""
        columns = [c for p in self.mapper.parts.get(problem.field or "", ()) for c in p.rule.columns]
        found = [(c, self.titles[c]) for c in columns if c in self.titles]
        if not found:
            return problem
        said = problem.message.removeprefix(f"{problem.field}: ")
        return problem._replace(message=f"{place(self.tab, number, found[0][1])} ({found[0][0]}): {said}")

    # -- writing

    def drafted(
        self, fields: Mapping[str, Cell], names: Mapping[str, Names] = _NO_NAMES, *, making: bool = False
    ) -> tuple[dict[int, Any], list[Problem]]:
        """Column → value for fields to be written (`making`: in a new row), and those that cannot be."""
        cells: dict[int, Any] = {}
        problems: list[Problem] = []
        for name, cell in fields.items():
            if name in self.lost:
                problems.append(Problem(name, f"{name}: {self._why(name)}", "missing_column"))
                continue
            if not self.mapper.writable(name):
                problems.append(Problem(name, f"{name}: the mapping only reads it", "read_only"))
                continue
            if cell is None and not making and not self.fields[name].clear:
                problems.append(Problem(name, f"{name}: the mapping says it is never cleared", "not_clearable"))
                continue
            row, refused = self.mapper.write({name: cell})
            problems += refused
            if refused:
                continue
            try:
                for title, value in row.items():
                    if title in self.beside:
                        cells |= self._named(title, value, names)
                    else:
                        cells[self.titles[title]] = dumped(value, self._forms.get(title, TEXT))
            except ValueError as error:
                problems.append(Problem(name, f"{name}: {error}"))
        return cells, problems

    def _named(self, title: str, key: Any, names: Mapping[str, Names]) -> dict[int, Any]:
        """The two cells of a reference: the key, and the name of the row that has it."""
        column, shown = self.beside[title]
        if key is None:
            return {self.titles[title]: "", column: ""}
        name = names.get(shown.home.tab, _NOBODY).of.get(str(key), "")
        return {self.titles[title]: kept(str(key), name), column: name}

    def refreshed(self, row: Row, names: Mapping[str, Names]) -> dict[int, Any]:
        """The cells of a row's references that lag behind: a name that has changed since, or one that a person typed
        and that has no key beside it yet."""
        cells: dict[int, Any] = {}
        for title, (column, shown) in self.beside.items():
            told, held = at(row, column), at(row, self.titles[title])
            home = names.get(shown.home.tab, _NOBODY)
            try:
                key = meant("" if told is None else loaded(told, TEXT), held, home, shown.home.tab)
            except ValueError:
                continue
            if (key is None or key in home.of) and self.mapper.writable(shown.field):
                wanted = self._named(title, key, names)
                if not all(same(at(row, c), v) for c, v in wanted.items()):
                    cells |= wanted
        return cells

    @property
    def note(self) -> str:
        """What a person should know of columns that are missing or doubled; empty where none is."""
        if not self.lost:
            return ""
        faults = "; ".join(self.fault(title) for titles in self.lost.values() for title in titles)
        return f"{faults}; tieline check says what to do"

    def _why(self, name: str) -> str:
        return "; ".join(self.fault(title) for title in self.lost[name])

    def fault(self, title: str) -> str:
        """What is wrong with a column that cannot be used."""
        twice = self.header.doubled.get(normal(title))
        if twice:
            return f"the tab {self.tab} has {len(twice)} columns {title!r}"
        return f"the tab {self.tab} has no column {title!r}"

    # -- the schema

    @cached_property
    def fields(self) -> Mapping[str, FieldFacts]:
        """What each field can do: one without its column can nothing."""
        return {name: self._facts(name) for name in self.mapper.specs}

    def _facts(self, name: str) -> FieldFacts:
        parts, held = self.mapper.parts[name], name not in self.lost
        write = held and self.mapper.writable(name)
        clear = write and all(p.rule.clear for p in parts)
        create = write and all(p.rule.create for p in parts)
        plain = self.mapper.specs[name].type == "text"
        return FieldFacts(
            held and any(p.rule.read for p in parts), write, create, clear, max_length=LONGEST if plain else None
        )


_HIDDEN = frozenset({"ref", "refs"})
"""Types of fields whose columns people do not see."""
