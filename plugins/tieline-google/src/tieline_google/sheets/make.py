"""Makes a spreadsheet, or what one lacks: tabs, columns, a hidden key column, drop-downs, formats, warnings.

Nothing that is there is taken away or renamed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from tieline import ConfigError, Finding, Mapper, Rejected, Write
from tieline_google.sheets.beside import FIRST
from tieline_google.sheets.book import Book, NoTab
from tieline_google.sheets.cells import DAY, FLAG, FORMATS, TEXT, at, letters, quoted
from tieline_google.sheets.check import BACK, HEADLESS, headless
from tieline_google.sheets.keys import normal
from tieline_google.sheets.mapping import KEY, TABS
from tieline_google.sheets.names import Home, homes_of, parted, references, shown_by, titles
from tieline_google.sheets.rows import Header, Rows
from tieline_google.wire import DRIVE, SHEETS, NotAllowed

if TYPE_CHECKING:
    from tieline import Connector
    from tieline_google.connector import GoogleConnector
    from tieline_google.sheets.tab import Tab

Request = Mapping[str, Any]
GRID_ROWS, GRID_COLUMNS = 1000, 26
"""The size of a new tab, as Google makes it."""
_ADDRESS = "https://docs.google.com/spreadsheets/d/{}/edit"
_FREE = "nothing is offered to pick from in columns such as Stage or Industry: people may type anything there"
_LISTS = 'once it is configured: tieline google new-sheet --opportunity-stage "Prospecting, Negotiation, Closed Won"'
WARNING = "Tieline tells rows apart by this column: change it only if you know why."
HEADER_WARNING = "Tieline finds columns by these titles."


class Sheet(NamedTuple):
    """A tab that is to be dressed: its id and title, its columns and what they refer to, what may be chosen in them,
    and the first rows of all tabs."""

    id: int
    title: str
    mapper: Mapper
    homes: Mapping[str, Home]
    choices: Mapping[str, Sequence[str]]
    first: Mapping[str, Header]


def new_sheet(connector: Connector, options: Mapping[str, str]) -> Iterable[Finding]:
    """Make the spreadsheet with a tab for each configured stream, or complete the one that is configured.

    `title` names it; `opportunity.stage` and the like give the choices of a drop-down, separated by commas. The last
    finding says what to write into the configuration.
    """
    google = cast("GoogleConnector", connector)
    mappers = {s: google.mappers[s] for s in TABS if s in google.mappers}
    choices = {name: _listed(text) for name, text in options.items() if "." in name}
    unknown = sorted(set(choices) - {f"{m.kind}.{n}" for m in mappers.values() for n in m.specs})
    if unknown or not mappers:
        said = f"no mapped field {unknown[0]!r}" if unknown else "no stream of the spreadsheet is configured"
        raise ConfigError(said, hint="tieline check")
    for name in choices:
        if _valued(mappers.values(), name):
            raise ConfigError(f"{name} has a value map: what may be chosen is what it names", hint="tieline check")
    if google.settings.spreadsheet is not None:
        for stream in sorted(mappers):  # who is referred to comes first
            yield completed(cast("Tab", google.parts[stream]), choices)
        return
    title = options.get("title", "Tieline")
    if there := _of_title(google, title):
        said = f"there is one called {title!r} already, and none was made: {_ADDRESS.format(there)}"
        yield Finding("note", "spreadsheet", said, f'spreadsheet = "{there}"  # or another --title')
        return
    id = _create(google, title, mappers, choices)
    yield Finding("ok", "spreadsheet", f"made: {_ADDRESS.format(id)}")
    if not choices:
        yield Finding("note", "spreadsheet", _FREE, _LISTS)
    said = "the configuration does not name it yet: write this line into its system's table, then tieline check"
    yield Finding("note", "spreadsheet", said, f'spreadsheet = "{id}"')


def _of_title(google: GoogleConnector, title: str) -> str:
    """The id of a spreadsheet that is called so and is not in the bin, as far as the search knows; empty: none."""
    quoted = title.replace("\\", "\\\\").replace("'", "\\'")
    asked = f"name = '{quoted}' and mimeType = 'application/vnd.google-apps.spreadsheet' and trashed = false"
    try:
        found = google.wire.get(f"{DRIVE}/files", {"q": asked, "pageSize": "1", "fields": "files(id)"}).data
    except NotAllowed:  # whoever signs in may make one and not look for one
        return ""
    return str(found["files"][0]["id"]) if found.get("files") else ""


def _valued(mappers: Iterable[Mapper], name: str) -> bool:
    """Whether the values of this field, named with its kind, are mapped one by one."""
    kind, _, field = name.partition(".")
    return any(r.values and r.field == field for m in mappers if m.kind == kind for r in m.rules)


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _create(
    google: GoogleConnector, title: str, mappers: Mapping[str, Mapper], choices: Mapping[str, Sequence[str]]
) -> str:
    homes = {stream: homes_of(mapper, mappers) for stream, mapper in mappers.items()}
    first = {TABS[s]: Header(titles(m, homes[s])) for s, m in mappers.items()}
    sheets = [{"properties": {"title": t, "gridProperties": _grid(h.titles)}} for t, h in first.items()]
    made = google.wire.write("POST", SHEETS, {"properties": {"title": title}, "sheets": sheets}).data
    id = str(made["spreadsheetId"])
    ids = {s["properties"]["title"]: int(s["properties"].get("sheetId", 0)) for s in made["sheets"]}
    changes: list[Request] = []
    for stream, mapper in mappers.items():
        sheet = Sheet(ids[TABS[stream]], TABS[stream], mapper, homes[stream], choices, first)
        changes += dressed(sheet, [])
    Book(google.wire, id).change(changes)
    return id


def _grid(titles: Sequence[str]) -> Mapping[str, int]:
    return {"rowCount": GRID_ROWS, "columnCount": max(GRID_COLUMNS, len(titles)), "frozenRowCount": 1}


def completed(tab: Tab, choices: Mapping[str, Sequence[str]]) -> Finding:
    """Make what a tab lacks; where that is a column that shows names, show them. Raises what a connector may raise."""
    book, title, before = tab.book, tab.title, []
    wanted = titles(tab.mapper, tab.homes)
    try:
        book.forget()
        shape = book.shape(title)
    except NoTab:
        book.change([{"addSheet": {"properties": {"title": title, "gridProperties": _grid(wanted)}}}])
        book.forget()
        shape = book.shape(title)
    first = {t: Header(row) for t, row in book.first_rows().items()}
    before = list(first[title].titles)
    if headless(tab.mapper, first[title]) and (any(before) or book.filled(title)):
        return Finding("error", title, HEADLESS, BACK)
    if twice := [c[0] for n, c in first[title].doubled.items() if n in map(normal, wanted)]:
        said = f"columns that stand there twice: {', '.join(repr(before[c]) for c in twice)}"
        return Finding("error", title, said, "rename or delete one of each")
    missing = [t for t in wanted if first[title].column(t) is None]
    wide = len(before) + len(missing)
    grow = {"appendDimension": {"sheetId": shape.id, "dimension": "COLUMNS", "length": wide - shape.columns}}
    changes = [grow] if wide > shape.columns else []
    sheet = Sheet(shape.id, title, tab.mapper, tab.homes, choices, first)
    linked = _linked(tab, first[title])
    try:
        book.change([*changes, *dressed(sheet, before)])
    except Rejected as error:
        return Finding("error", title, f"Google does not make it: {error}", "make the columns by hand")
    book.forget()
    _write(tab, linked)
    told = [f"made: {', '.join(missing)}"] if missing else []
    there = [t for t, _ in _offered(sheet, first[title])]
    told += [f"a list to pick from: {', '.join(there)}"] if there else []
    return Finding("ok", title, "; ".join(told) or "nothing was missing")


def _linked(tab: Tab, header: Header) -> list[Write]:
    """The references that a tab will show in columns that it lacks, as writes. Beside such a column no name may stand:
    next to a blank cell it would say that somebody cleared it."""
    lacking = {t: s for t, s in shown_by(tab.mapper, tab.homes).items() if header.column(s.title) is None}
    where = [c for t in lacking if (c := header.column(t)) is not None]
    if not where or header.key is None:
        return []
    fields, writes, token, more = {s.field for s in lacking.values()}, [], None, True
    while more:
        page = tab.list(token)
        for remote in page.remotes:
            told = {n: remote.fields[n] for n in fields if remote.fields.get(n) is not None}
            if told and not remote.provisional:
                writes.append(Write("update", remote.hub_id or "", told, remote.id))
        token, more = page.token, page.token is not None
    if writes:
        blocks, _ = tab.book.ask(tab.title, [f"{letters(c)}{FIRST}:{letters(c)}" for c in where])
        if any(parted(at(line, 0))[1] for block in blocks for line in block.rows):
            _write(tab, writes)
    return writes


def _write(tab: Tab, writes: Sequence[Write]) -> None:
    for start in range(0, len(writes), tab.facts.batch):
        tab.write(writes[start : start + tab.facts.batch])


def dressed(sheet: Sheet, before: Sequence[Any]) -> Iterator[Request]:
    """The changes that give a tab its missing columns, behind those `before`, and each mapped column what it needs."""
    id, header = sheet.id, Header(before)
    missing = [t for t in titles(sheet.mapper, sheet.homes) if header.column(t) is None]
    if missing:
        bold = {"textFormat": {"bold": True}}
        cells = [{"userEnteredValue": {"stringValue": t}, "userEnteredFormat": bold} for t in missing]
        start = {"sheetId": id, "rowIndex": 0, "columnIndex": len(before)}
        fields = "userEnteredValue,userEnteredFormat.textFormat"
        yield {"updateCells": {"start": start, "rows": [{"values": cells}], "fields": fields}}
    frozen = {"sheetId": id, "gridProperties": {"frozenRowCount": 1}}
    yield {"updateSheetProperties": {"properties": frozen, "fields": "gridProperties.frozenRowCount"}}
    after = Rows(sheet.title, sheet.mapper, Header([*before, *missing]), homes=sheet.homes)
    names = {s.title: s.home for s in shown_by(sheet.mapper, sheet.homes).values()}
    for name in missing:
        column = after.header.column(name)
        if column is not None and name in names:
            there = {**sheet.first, sheet.title: after.header}
            yield from _names(id, column, names[name], there.get(names[name].tab))
        elif column is not None:
            yield from _column(sheet, after, name, column)
    for name, column in _offered(sheet, header):
        yield from _rule(_below(id, column), _condition(after, name, after.form(name), sheet.choices))
    if not before:
        yield _warned({"sheetId": id, "startRowIndex": 0, "endRowIndex": 1}, HEADER_WARNING)
    if KEY not in missing and after.header.key is not None:
        yield _hidden(id, after.header.key)


def _offered(sheet: Sheet, header: Header) -> Iterator[tuple[str, int]]:
    """The columns that are there, with their places, for which choices were typed."""
    for rule in sheet.mapper.rules:
        column = header.column(rule.remote)
        if column is not None and f"{sheet.mapper.kind}.{rule.field}" in sheet.choices:
            yield rule.remote, column


def _rule(below: Mapping[str, int], condition: Request | None) -> Iterator[Request]:
    """What may be typed there; nothing where anything may."""
    if condition is not None:
        rule = {"condition": condition, "strict": True, "showCustomUi": True}
        yield {"setDataValidation": {"range": below, "rule": rule}}


def _below(id: int, column: int) -> dict[str, int]:
    return {"sheetId": id, "startRowIndex": 1, "startColumnIndex": column, "endColumnIndex": column + 1}


def _names(id: int, column: int, home: Home, there: Header | None) -> Iterator[Request]:
    """Texts, picked from the names that there are; anything else may be typed, too: a key, or a name to come."""
    below, names = _below(id, column), there.column(home.name) if there is not None else None
    cell = {"userEnteredFormat": {"numberFormat": dict(FORMATS[TEXT])}}
    yield {"repeatCell": {"range": below, "cell": cell, "fields": "userEnteredFormat.numberFormat"}}
    if names is not None:
        area = f"={quoted(home.tab)}!${letters(names)}$2:${letters(names)}"
        condition = {"type": "ONE_OF_RANGE", "values": [{"userEnteredValue": area}]}
        rule = {"condition": condition, "strict": False, "showCustomUi": True}
        yield {"setDataValidation": {"range": below, "rule": rule}}


def _column(sheet: Sheet, rows: Rows, title: str, column: int) -> Iterator[Request]:
    id, below, form = sheet.id, _below(sheet.id, column), rows.form(title)
    if form in FORMATS:
        cell = {"userEnteredFormat": {"numberFormat": dict(FORMATS[form])}}
        yield {"repeatCell": {"range": below, "cell": cell, "fields": "userEnteredFormat.numberFormat"}}
    yield from _rule(below, None if title == KEY else _condition(rows, title, form, sheet.choices))
    if title == KEY or title in references(sheet.mapper, sheet.homes):
        yield _hidden(id, column)
        yield _warned(below, WARNING)


def _condition(rows: Rows, title: str, form: str, choices: Mapping[str, Sequence[str]]) -> Request | None:
    """What may be typed into a column: one of its choices, a date, a mark."""
    name = rows.field(title)
    given = choices.get(f"{rows.mapper.kind}.{name}")
    mapped = [r.values for r in rows.mapper.rules if r.remote == title and r.values]
    listed = list(mapped[0]) if mapped else list(given or ())
    if listed:
        return {"type": "ONE_OF_LIST", "values": [{"userEnteredValue": value} for value in listed]}
    if rows.mapper.specs[name].type == "percent":
        return {"type": "NUMBER_BETWEEN", "values": [{"userEnteredValue": "0"}, {"userEnteredValue": "100"}]}
    return {"type": "DATE_IS_VALID"} if form == DAY else {"type": "BOOLEAN"} if form == FLAG else None


def _hidden(id: int, column: int) -> Request:
    span = {"sheetId": id, "dimension": "COLUMNS", "startIndex": column, "endIndex": column + 1}
    return {
        "updateDimensionProperties": {"range": span, "properties": {"hiddenByUser": True}, "fields": "hiddenByUser"}
    }


def _warned(range_: Mapping[str, Any], why: str) -> Request:
    """Whoever types there is asked whether it is meant."""
    return {"addProtectedRange": {"protectedRange": {"range": dict(range_), "description": why, "warningOnly": True}}}
