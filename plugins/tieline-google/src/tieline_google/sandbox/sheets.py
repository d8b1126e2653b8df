"""The Sheets API: spreadsheets, their values in ranges, and batches of changes to their tabs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from tieline.sandbox import Answer
from tieline_google.sandbox import vices
from tieline_google.sandbox.call import Call
from tieline_google.sandbox.files import SPREADSHEET
from tieline_google.sandbox.mask import masked
from tieline_google.sandbox.oauth import need
from tieline_google.sandbox.sheets_batch import apply
from tieline_google.sandbox.sheets_grid import Area, Book, Tab, inside, located, shown
from tieline_google.sandbox.sheets_values import entered, extended, formatted, plain, rendered
from tieline_google.sandbox.wire import Row, invalid, not_found, nowhere, refuse

READ = ("spreadsheets", "spreadsheets.readonly", "drive", "drive.readonly", "drive.file")
WRITE = ("spreadsheets", "drive", "drive.file")
_FORMATS = ("FORMATTED_VALUE", "UNFORMATTED_VALUE", "FORMULA")


def answer(call: Call) -> Answer:
    """Whatever is asked below /v4/spreadsheets."""
    path = unquote(call.rest)
    if not path.strip("/"):
        return _create(call)
    id, _, rest = path.strip("/").partition("/")
    id, _, verb = id.partition(":")
    book = _book(call, id)
    if rest in ("", "values") and not verb and call.method == "GET":
        return _get(call, id, book)
    if verb == "batchUpdate" and call.method == "POST":
        return _batch(call, id, book)
    if rest.startswith("values"):
        return _values(call, id, book, rest.removeprefix("values"))
    raise nowhere()


def _book(call: Call, id: str) -> Book:
    need(call, *READ)
    file = call.state.files.rows.get(id)
    if file is None or file["mimeType"] != SPREADSHEET:
        raise not_found()
    if file.get("private"):
        raise refuse(403, "The caller does not have permission", "PERMISSION_DENIED")
    return call.state.sheets.books.setdefault(id, Book(file["name"], id=id))


def made(call: Call, title: str, id: str = "") -> str:
    """A new spreadsheet; its id."""
    file = call.state.files.make(title, SPREADSHEET, call.now, id=id)
    call.state.sheets.books[file["id"]] = Book(title, id=file["id"])
    return str(file["id"])


def _create(call: Call) -> Answer:
    if call.method != "POST":
        raise nowhere()
    need(call, *WRITE)
    body = call.json()
    id = made(call, str(body.get("properties", {}).get("title") or "Untitled spreadsheet"))
    book = call.state.sheets.books[id]
    if body.get("sheets"):
        book.tabs = []
        for sheet in body["sheets"]:
            apply(book, {"addSheet": {"properties": sheet.get("properties", {})}})
    return Answer(200, _spreadsheet(call, id, book))


def _spreadsheet(call: Call, id: str, book: Book, ranges: list[str] | None = None, data: bool = False) -> Row:
    sheets = []
    for index, tab in enumerate(book.tabs):
        areas = [a for t, a, _ in (located(book, r) for r in ranges or ()) if t is tab]
        if ranges and not areas:
            continue
        sheet: Row = {"properties": tab.properties(index)}
        if data:
            sheet["data"] = [_grid(tab, area) for area in areas or [Area(0, 0, tab.last, tab.columns)]]
        if tab.merges:
            sheet["merges"] = list(tab.merges)
        if tab.protected:
            sheet["protectedRanges"] = list(tab.protected)
        sheets.append(sheet)
    properties = {"title": book.title, "locale": "en_US", "autoRecalc": "ON_CHANGE", "timeZone": "Etc/GMT"}
    url = f"https://docs.google.com/spreadsheets/d/{id}/edit"
    return {"spreadsheetId": id, "properties": properties, "sheets": sheets, "spreadsheetUrl": url}


def _get(call: Call, id: str, book: Book) -> Answer:
    fields = call.param("fields")
    data = call.param("includeGridData").lower() == "true" if not fields else "data" in fields
    return Answer(200, masked(_spreadsheet(call, id, book, call.params("ranges"), data), fields))


def _grid(tab: Tab, area: Area) -> Row:
    """Cells with all that is set of them [spec]."""
    data: Row = {"rowData": [_row(tab, row, area) for row in range(area.top, area.bottom)]}
    if area.top:
        data["startRow"] = area.top
    if area.left:
        data["startColumn"] = area.left
    data["columnMetadata"] = [{"pixelSize": 100, **tab.sizes.get(str(c), {})} for c in range(area.left, area.right)]
    data["rowMetadata"] = [{"pixelSize": 21} for _ in range(area.top, area.bottom)]
    return data


def _row(tab: Tab, row: int, area: Area) -> Row:
    cells = []
    for column in range(area.left, area.right):
        held = tab.cell(row, column)
        cell: Row = {}
        if held is not None:
            value = plain(held)
            cell = {"userEnteredValue": extended(held), "effectiveValue": extended(held, effective=True)}
            cell["formattedValue"] = formatted(tab, row, column, value)
        formats = [*inside(tab.formats, tab, row, column)]
        if formats:
            cell["userEnteredFormat"] = {"numberFormat": formats[-1]["numberFormat"]}
        rules = [*inside(tab.validations, tab, row, column)]
        if rules and rules[-1].get("rule"):
            cell["dataValidation"] = rules[-1]["rule"]
        cells.append(cell)
    while cells and not cells[-1]:
        cells.pop()
    return {"values": cells} if cells else {}


def _batch(call: Call, id: str, book: Book) -> Answer:
    """All of the changes, or none of them [doc]."""
    need(call, *WRITE)
    body = call.json()
    vices.reorder(call, book)
    before = [tab.copy() for tab in book.tabs]
    try:
        replies = [apply(book, request) for request in body.get("requests", ())]
    except BaseException:
        book.tabs = before
        raise
    call.state.files.touch(id, call.now)
    return Answer(200, {"spreadsheetId": id, "replies": replies})


# -- values


def _values(call: Call, id: str, book: Book, rest: str) -> Answer:
    if rest in _MANY:
        method, scopes, many = _MANY[rest]
        if call.method != method:
            raise nowhere()
        need(call, *scopes)
        return many(call, id, book)
    text = rest.removeprefix("/")
    verb = next((v for v in ("append", "clear") if text.endswith(f":{v}")), "")
    text = text.removesuffix(f":{verb}")
    if call.method == "GET" and not verb:
        return Answer(200, _read(call, book, text))
    need(call, *WRITE)
    if call.method == "PUT" and not verb:
        vices.reorder(call, book)
        found = _write(call, id, book, {**call.json(), "range": text}, call.param("valueInputOption"))
        call.state.files.touch(id, call.now)
        return Answer(200, found)
    if call.method == "POST" and verb:
        return _append(call, id, book, text) if verb == "append" else _clear(call, id, book, text)
    raise nowhere()


def _option(call: Call) -> str:
    option = call.param("valueRenderOption") or _FORMATS[0]
    if option not in _FORMATS:
        raise invalid(f"Invalid value at 'value_render_option' (type.googleapis.com/...), \"{option}\"")
    return option


def _read(call: Call, book: Book, text: str, option: str = "", dimension: str = "") -> Row:
    tab, area, _ = located(book, text)
    option = option or _option(call)
    dimension = dimension or call.param("majorDimension") or "ROWS"
    lines = [
        [rendered(tab, row, column, option) for column in range(area.left, min(area.right, _width(tab, row)))]
        for row in range(area.top, min(area.bottom, tab.last))
    ]
    for line in lines:
        while line and line[-1] == "":
            line.pop()
    while lines and not lines[-1]:
        lines.pop()
    if dimension == "COLUMNS":
        wide = max((len(line) for line in lines), default=0)
        lines = [[line[n] if n < len(line) else "" for line in lines] for n in range(wide)]
        for line in lines:
            while line and line[-1] == "":
                line.pop()
    found: Row = {"range": shown(tab, area), "majorDimension": dimension}
    return {**found, "values": lines} if lines else found


def _width(tab: Tab, row: int) -> int:
    return len(tab.cells[row])


def _batch_get(call: Call, id: str, book: Book) -> Answer:
    found = [_read(call, book, text) for text in call.params("ranges")]
    return Answer(200, {"spreadsheetId": id, "valueRanges": found})


def _filtered(call: Call, id: str, book: Book) -> Answer:
    body = call.json()
    option = str(body.get("valueRenderOption") or _FORMATS[0])
    dimension = str(body.get("majorDimension") or "ROWS")
    found = []
    for one in body.get("dataFilters", ()):
        if "a1Range" not in one:
            raise invalid("Unsupported data filter")
        found.append({"valueRange": _read(call, book, one["a1Range"], option, dimension), "dataFilters": [one]})
    return Answer(200, {"spreadsheetId": id, "valueRanges": found})


def _write(call: Call, id: str, book: Book, body: Row, option: str) -> Row:
    """Write one range; a single cell stands for as many as there are values [rec]."""
    tab, area, single = located(book, str(body.get("range", "")))
    lines = [list(line) for line in body.get("values") or ()]
    if body.get("majorDimension") == "COLUMNS":
        tall = max((len(line) for line in lines), default=0)
        lines = [[line[n] if n < len(line) else None for line in lines] for n in range(tall)]
    wide = max((len(line) for line in lines), default=0)
    bottom, right = area.top + len(lines), area.left + wide
    if not single and (bottom > area.bottom or right > area.right):
        place = f"row [{bottom}]" if bottom > area.bottom else f"column [{right}]"
        raise invalid(f"Requested writing within range [{shown(tab, area)}], but tried writing to {place}")
    if bottom > tab.rows or right > tab.columns:
        raise invalid(f"Range ({shown(tab, Area(area.top, area.left, bottom, right))}) exceeds grid limits.")
    tab.put(area.top, area.left, [[None if v is None else entered(v, option) for v in line] for line in lines])
    written = Area(area.top, area.left, max(bottom, area.top + 1), max(right, area.left + 1))
    return {
        "spreadsheetId": id,
        "updatedRange": shown(tab, written),
        "updatedRows": len(lines),
        "updatedColumns": wide,
        "updatedCells": sum(len(line) for line in lines),
    }


def _batch_update(call: Call, id: str, book: Book) -> Answer:
    body = call.json()
    vices.reorder(call, book)
    before = [tab.copy() for tab in book.tabs]
    try:
        found = [_write(call, id, book, one, str(body.get("valueInputOption"))) for one in body.get("data", ())]
    except BaseException:
        book.tabs = before
        raise
    call.state.files.touch(id, call.now)
    rows = {(str(r["updatedRange"]).partition("!")[0], n) for r in found for n in _rows(book, r)}
    total = {"totalUpdatedRows": len(rows), "totalUpdatedColumns": max((r["updatedColumns"] for r in found), default=0)}
    sheets = len({name for name, _ in rows})
    cells = sum(r["updatedCells"] for r in found)
    counts = {**total, "totalUpdatedCells": cells, "totalUpdatedSheets": sheets}
    return Answer(200, {"spreadsheetId": id, **counts, "responses": found})


def _rows(book: Book, written: Row) -> range:
    _, area, _ = located(book, written["updatedRange"])
    return range(area.top, area.bottom)


def _append(call: Call, id: str, book: Book, text: str) -> Answer:
    """Below the table in a range, or at its beginning where there is none; the grid grows as it must [rec, spec]."""
    tab, area, _ = located(book, text)
    lines = call.json().get("values") or []
    option, top, left = call.param("valueInputOption"), area.top, area.left
    filled = [r for r in range(area.top, min(area.bottom, tab.last)) if any(c is not None for c in _part(tab, r, area))]
    if filled:
        top = filled[-1] + 1
        while top < tab.last and tab.cells[top]:
            top += 1
    if call.param("insertDataOption") == "INSERT_ROWS" and top < len(tab.cells):
        tab.cells = [*tab.cells[:top], *([] for _ in lines), *tab.cells[top:]]
        tab.rows += len(lines)
    tab.rows = max(tab.rows, top + len(lines))
    tab.put(top, left, [[None if v is None else entered(v, option) for v in line] for line in lines])
    call.state.files.touch(id, call.now)
    wide = max((len(line) for line in lines), default=1)
    done = {"spreadsheetId": id, "updatedRange": shown(tab, Area(top, left, top + len(lines), left + wide))}
    counts = {"updatedRows": len(lines), "updatedColumns": wide, "updatedCells": sum(len(line) for line in lines)}
    body: Row = {"spreadsheetId": id, "updates": {**done, **counts}}
    if filled:
        body["tableRange"] = shown(tab, Area(filled[0], left, top, max(len(tab.cells[r]) for r in filled)))
    return Answer(200, body)


def _part(tab: Tab, row: int, area: Area) -> list[Any]:
    return tab.cells[row][area.left : area.right]


def _clear(call: Call, id: str, book: Book, text: str) -> Answer:
    tab, area, _ = located(book, text)
    blank = [[""] * (area.right - area.left)] * (min(area.bottom, tab.last) - area.top)
    tab.put(area.top, area.left, blank)
    call.state.files.touch(id, call.now)
    return Answer(200, {"spreadsheetId": id, "clearedRange": shown(tab, area)})


def _batch_clear(call: Call, id: str, book: Book) -> Answer:
    found = [_clear(call, id, book, text).body["clearedRange"] for text in call.json().get("ranges", ())]
    return Answer(200, {"spreadsheetId": id, "clearedRanges": found})


_MANY: Mapping[str, tuple[str, tuple[str, ...], Callable[[Call, str, Book], Answer]]] = {
    ":batchGet": ("GET", READ, _batch_get),
    ":batchGetByDataFilter": ("POST", WRITE, _filtered),
    ":batchUpdate": ("POST", WRITE, _batch_update),
    ":batchClear": ("POST", WRITE, _batch_clear),
}
"""How a path ends → the method, the scopes of which one is needed [spec], and what answers."""
