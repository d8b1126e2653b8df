"""Makes a spreadsheet, or what one lacks: tabs, columns, a hidden key column, drop-downs, formats, warnings.

Nothing that is there is taken away or renamed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from tieline import ConfigError, Finding, Mapper, Rejected
from tieline_google.sheets.book import Book, NoTab
from tieline_google.sheets.cells import DAY, FLAG, FORMATS
from tieline_google.sheets.check import BACK, HEADLESS, headless
from tieline_google.sheets.mapping import KEY, REFERENCE, TABS
from tieline_google.sheets.rows import Header, Rows, normal
from tieline_google.wire import SHEETS

if TYPE_CHECKING:
    from tieline import Connector
    from tieline_google.connector import GoogleConnector

Request = Mapping[str, Any]
GRID_ROWS, GRID_COLUMNS = 1000, 26
"""The size of a new tab, as Google makes it."""
WARNING = "Tieline tells rows apart by this column: change it only if you know why."
HEADER_WARNING = "Tieline finds columns by these titles."


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
    if google.settings.spreadsheet is not None:
        book = Book(google.wire, google.settings.spreadsheet)
        for stream, mapper in mappers.items():
            yield complete(book, stream, mapper, choices)
        return
    id = _create(google, options.get("title", "Tieline"), mappers, choices)
    yield Finding("ok", "spreadsheet", f"made: https://docs.google.com/spreadsheets/d/{id}/edit")
    said = "the configuration does not name it yet: write this line into its system's table, then tieline check"
    yield Finding("note", "spreadsheet", said, f'spreadsheet = "{id}"')


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _create(
    google: GoogleConnector, title: str, mappers: Mapping[str, Mapper], choices: Mapping[str, Sequence[str]]
) -> str:
    sheets = []
    for stream, mapper in mappers.items():
        wide = max(GRID_COLUMNS, len(titles(mapper)))
        grid = {"rowCount": GRID_ROWS, "columnCount": wide, "frozenRowCount": 1}
        sheets.append({"properties": {"title": TABS[stream], "gridProperties": grid}})
    made = google.wire.write("POST", SHEETS, {"properties": {"title": title}, "sheets": sheets}).data
    id = str(made["spreadsheetId"])
    ids = {s["properties"]["title"]: int(s["properties"].get("sheetId", 0)) for s in made["sheets"]}
    changes: list[Request] = []
    for stream, mapper in mappers.items():
        changes += dressed(ids[TABS[stream]], TABS[stream], mapper, [], choices)
    Book(google.wire, id).change(changes)
    return id


def complete(book: Book, stream: str, mapper: Mapper, choices: Mapping[str, Sequence[str]]) -> Finding:
    """Make what a tab lacks. Raises what a connector may raise."""
    title, before = TABS[stream], []
    try:
        book.forget()
        shape = book.shape(title)
    except NoTab:
        grid = {"rowCount": GRID_ROWS, "columnCount": max(GRID_COLUMNS, len(titles(mapper))), "frozenRowCount": 1}
        book.change([{"addSheet": {"properties": {"title": title, "gridProperties": grid}}}])
        book.forget()
        shape = book.shape(title)
    (block,), _ = book.ask(title, ["1:1"])
    before = list(block.rows[0]) if block.rows else []
    header = Header(before)
    if headless(mapper, header) and (any(before) or book.filled(title)):
        return Finding("error", title, HEADLESS, BACK)
    if header.doubled.keys() & {normal(t) for t in titles(mapper)}:
        twice = ", ".join(repr(before[c[0]]) for n, c in header.doubled.items() if n in map(normal, titles(mapper)))
        return Finding("error", title, f"columns that stand there twice: {twice}", "rename or delete one of each")
    missing = [t for t in titles(mapper) if header.column(t) is None]
    wide = len(before) + len(missing)
    grow = {"appendDimension": {"sheetId": shape.id, "dimension": "COLUMNS", "length": wide - shape.columns}}
    changes = [grow] if wide > shape.columns else []
    try:
        book.change([*changes, *dressed(shape.id, title, mapper, before, choices)])
    except Rejected as error:
        return Finding("error", title, f"Google does not make it: {error}", "make the columns by hand")
    book.forget()
    return Finding("ok", title, f"made: {', '.join(missing)}" if missing else "nothing was missing")


def titles(mapper: Mapper) -> list[str]:
    """The columns of a tab, the key first."""
    return [KEY, *mapper.columns]


def dressed(
    id: int, title: str, mapper: Mapper, before: Sequence[Any], choices: Mapping[str, Sequence[str]]
) -> Iterator[Request]:
    """The changes that give a tab its missing columns, behind those `before`, and each mapped column what it needs."""
    header = Header(before)
    missing = [t for t in titles(mapper) if header.column(t) is None]
    if missing:
        bold = {"textFormat": {"bold": True}}
        cells = [{"userEnteredValue": {"stringValue": t}, "userEnteredFormat": bold} for t in missing]
        start = {"sheetId": id, "rowIndex": 0, "columnIndex": len(before)}
        fields = "userEnteredValue,userEnteredFormat.textFormat"
        yield {"updateCells": {"start": start, "rows": [{"values": cells}], "fields": fields}}
    frozen = {"sheetId": id, "gridProperties": {"frozenRowCount": 1}}
    yield {"updateSheetProperties": {"properties": frozen, "fields": "gridProperties.frozenRowCount"}}
    after = Rows(title, mapper, Header([*before, *missing]))
    for name in missing:
        column = after.header.column(name)
        if column is not None:
            yield from _column(id, after, name, column, choices)
    if not before:
        yield _warned({"sheetId": id, "startRowIndex": 0, "endRowIndex": 1}, HEADER_WARNING)
    if KEY not in missing and after.header.key is not None:
        yield _hidden(id, after.header.key)


def _column(id: int, rows: Rows, title: str, column: int, choices: Mapping[str, Sequence[str]]) -> Iterator[Request]:
    below = {"sheetId": id, "startRowIndex": 1, "startColumnIndex": column, "endColumnIndex": column + 1}
    form = rows.form(title)
    if form in FORMATS:
        cell = {"userEnteredFormat": {"numberFormat": dict(FORMATS[form])}}
        yield {"repeatCell": {"range": below, "cell": cell, "fields": "userEnteredFormat.numberFormat"}}
    condition = None if title == KEY else _condition(rows, title, form, choices)
    if condition is not None:
        rule = {"condition": condition, "strict": True, "showCustomUi": True}
        yield {"setDataValidation": {"range": below, "rule": rule}}
    if title == KEY or (title.endswith(REFERENCE) and rows.refers(title)):
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
