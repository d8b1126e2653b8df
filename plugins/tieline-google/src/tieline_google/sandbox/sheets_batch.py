"""The changes that a batch of the Sheets API may hold: each changes the tabs of one spreadsheet. Answers nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tieline_google.sandbox.sheets_grid import COLUMNS, ROWS, Book, Tab, grid_area, located, trimmed
from tieline_google.sandbox.sheets_values import from_extended, plain
from tieline_google.sandbox.wire import Row, invalid

Body = Mapping[str, Any]


def apply(book: Book, request: Body) -> Row:
    """Do one; its reply. Raises the 400 of one that cannot be done."""
    names = [name for name in request if name in CHANGES]
    if len(names) != 1 or len(request) != 1:
        raise invalid(f"Invalid JSON payload received. Unknown name {', '.join(request)!r} at 'requests[0]'")
    return CHANGES[names[0]](book, request[names[0]])


def _add_sheet(book: Book, body: Body) -> Row:
    given = body.get("properties", {})
    title = str(given.get("title") or f"Sheet{len(book.tabs) + 1}")
    if book.tab(title) is not None:
        said = f'A sheet with the name "{title}" already exists. Please enter another name.'
        raise invalid(f"Invalid requests[0].addSheet: {said}")
    grid = given.get("gridProperties", {})
    id = given.get("sheetId")
    tab = Tab(book.new_id() if id is None else int(id), title)
    tab.rows, tab.columns = int(grid.get("rowCount", ROWS)), int(grid.get("columnCount", COLUMNS))
    tab.frozen, tab.hidden = int(grid.get("frozenRowCount", 0)), bool(given.get("hidden"))
    at = int(given.get("index", len(book.tabs)))
    book.tabs.insert(at, tab)
    return {"addSheet": {"properties": tab.properties(book.tabs.index(tab))}}


def _delete_sheet(book: Book, body: Body) -> Row:
    tab = book.by_id(body.get("sheetId"))
    if len(book.tabs) == 1:
        raise invalid("Invalid requests[0].deleteSheet: You can't remove all the sheets in a document.")
    book.tabs.remove(tab)
    return {}


def _sheet_properties(book: Book, body: Body) -> Row:
    given, fields = body.get("properties", {}), str(body.get("fields", ""))
    tab, grid = book.by_id(given.get("sheetId")), given.get("gridProperties", {})
    if "title" in fields:
        tab.title = str(given["title"])
    if "hidden" in fields:
        tab.hidden = bool(given.get("hidden"))
    if "frozenRowCount" in fields:
        tab.frozen = int(grid.get("frozenRowCount", 0))
    if "rowCount" in fields and "rowCount" in grid:
        tab.rows = int(grid["rowCount"])
        tab.cells = tab.cells[: tab.rows]
    if "columnCount" in fields and "columnCount" in grid:
        tab.columns = int(grid["columnCount"])
        tab.cells = [trimmed(row[: tab.columns]) for row in tab.cells]
    return {}


def _append_cells(book: Book, body: Body) -> Row:
    """Behind the last row that holds anything, from the first column on [spec]."""
    tab = book.by_id(body.get("sheetId"))
    _fields(body)
    lines = [[from_extended(c.get("userEnteredValue")) for c in row.get("values", ())] for row in body.get("rows", ())]
    wide = max((len(line) for line in lines), default=0)
    if wide > tab.columns:
        said = f"Attempting to write column: {wide - 1}, beyond the last requested column of: {tab.columns - 1}"
        raise invalid(f"Invalid requests[0].appendCells: {said}")
    top = tab.last
    tab.rows = max(tab.rows, top + len(lines))
    tab.put(top, 0, lines)
    return {}


def _fields(body: Body) -> None:
    if not body.get("fields"):
        raise invalid("Invalid requests[0]: fields must be specified")


def _update_cells(book: Book, body: Body) -> Row:
    _fields(body)
    start = body.get("start") or body.get("range") or {}
    tab = book.by_id(start.get("sheetId"))
    top = int(start.get("rowIndex", start.get("startRowIndex", 0)))
    left = int(start.get("columnIndex", start.get("startColumnIndex", 0)))
    lines = [
        ["" if (v := from_extended(c.get("userEnteredValue"))) is None else v for c in row.get("values", ())]
        for row in body.get("rows", ())
    ]
    tab.put(top, left, lines)
    return {}


def _span(book: Book, body: Body) -> tuple[Tab, str, int, int]:
    given = body.get("range", {})
    tab = book.by_id(given.get("sheetId"))
    many = tab.rows if given.get("dimension") == "ROWS" else tab.columns
    start, end = int(given.get("startIndex", 0)), int(given.get("endIndex", many))
    if not 0 <= start < end:
        raise invalid("Invalid requests[0]: the range is empty")
    return tab, str(given.get("dimension")), start, end


def _delete_dimension(book: Book, body: Body) -> Row:
    tab, dimension, start, end = _span(book, body)
    if dimension == "ROWS":
        if end > tab.rows or end - start >= tab.rows:
            raise invalid("Invalid requests[0].deleteDimension: Cannot delete a row that doesn't exist.")
        tab.cells = tab.cells[:start] + tab.cells[end:]
        tab.rows -= end - start
        tab.merges = [m for m in (_moved(m, start, end) for m in tab.merges) if m is not None]
    else:
        tab.cells = [trimmed(row[:start] + row[end:]) for row in tab.cells]
        tab.columns -= end - start
    return {}


def _moved(merge: Row, start: int, end: int) -> Row | None:
    top, bottom = merge["startRowIndex"], merge["endRowIndex"]
    if start <= top and bottom <= end:
        return None
    gone = end - start
    return {
        **merge,
        "startRowIndex": top - gone if top >= end else top,
        "endRowIndex": bottom - gone * (bottom > start),
    }


def _insert_dimension(book: Book, body: Body) -> Row:
    tab, dimension, start, end = _span(book, body)
    if dimension == "ROWS":
        if start < len(tab.cells):
            tab.cells = tab.cells[:start] + [[] for _ in range(end - start)] + tab.cells[start:]
        tab.rows += end - start
    else:
        blank = [None] * (end - start)
        tab.cells = [row[:start] + blank + row[start:] if start < len(row) else row for row in tab.cells]
        tab.columns += end - start
    return {}


def _append_dimension(book: Book, body: Body) -> Row:
    tab = book.by_id(body.get("sheetId"))
    if body.get("dimension") == "ROWS":
        tab.rows += int(body.get("length", 0))
    else:
        tab.columns += int(body.get("length", 0))
    return {}


def _dimension_properties(book: Book, body: Body) -> Row:
    tab, dimension, start, end = _span(book, body)
    if dimension == "COLUMNS":
        for column in range(start, end):
            tab.sizes[str(column)] = {**tab.sizes.get(str(column), {}), **body.get("properties", {})}
    return {}


def _repeat_cell(book: Book, body: Body) -> Row:
    _fields(body)
    tab, cell = book.by_id(body.get("range", {}).get("sheetId")), body.get("cell", {})
    found = cell.get("userEnteredFormat", {}).get("numberFormat")
    if found is not None:
        tab.formats.append({"range": dict(body["range"]), "numberFormat": found})
    if "userEnteredValue" in cell:
        area, value = grid_area(tab, body["range"]), from_extended(cell["userEnteredValue"])
        width = area.right - area.left
        tab.put(area.top, area.left, [["" if value is None else value] * width] * (area.bottom - area.top))
    return {}


def _validation(book: Book, body: Body) -> Row:
    tab = book.by_id(body.get("range", {}).get("sheetId"))
    condition = (body.get("rule") or {}).get("condition", {})
    if condition.get("type") == "ONE_OF_RANGE":  # one value, a range; as a formula, it begins with = [spec, iss]
        values = [str(v.get("userEnteredValue", "")) for v in condition.get("values", ())]
        if len(values) != 1 or not values[0].startswith("="):
            raise invalid("Invalid requests[0].setDataValidation: Invalid ConditionValue.userEnteredValue")
        located(book, values[0][1:].replace("$", ""))
    tab.validations.append({"range": dict(body["range"]), "rule": body.get("rule")})
    return {}


def _protect(book: Book, body: Body) -> Row:
    given = dict(body.get("protectedRange", {}))
    tab = book.by_id(given.get("range", {}).get("sheetId"))
    given.setdefault("protectedRangeId", 1000 + book.new_id() % 1_000_000)
    tab.protected.append(given)
    return {"addProtectedRange": {"protectedRange": given}}


def _merge(book: Book, body: Body) -> Row:
    """One cell of many; what all but the first held is no more [doc]."""
    tab = book.by_id(body.get("range", {}).get("sheetId"))
    area = grid_area(tab, body["range"])
    first = tab.cell(area.top, area.left)
    tab.put(area.top, area.left, [[""] * (area.right - area.left)] * (area.bottom - area.top))
    if first is not None:
        tab.put(area.top, area.left, [[first]])
    ends = {"startRowIndex": area.top, "endRowIndex": area.bottom}
    tab.merges.append({"sheetId": tab.id, **ends, "startColumnIndex": area.left, "endColumnIndex": area.right})
    return {}


def _unmerge(book: Book, body: Body) -> Row:
    tab = book.by_id(body.get("range", {}).get("sheetId"))
    area = grid_area(tab, body["range"])
    tab.merges = [m for m in tab.merges if not area.top <= m["startRowIndex"] < area.bottom]
    return {}


def _sort(book: Book, body: Body) -> Row:
    """By the given columns, one after the other; blanks come last."""
    tab = book.by_id(body.get("range", {}).get("sheetId"))
    area = grid_area(tab, body["range"])
    lines = [list(row) for row in tab.cells[area.top : area.bottom]]
    for spec in reversed(body.get("sortSpecs", [])):
        at, down = int(spec.get("dimensionIndex", 0)), spec.get("sortOrder") == "DESCENDING"

        def rank(row: list[Any], at: int = at) -> tuple[int, Any]:
            value = plain(row[at]) if at < len(row) else None
            kind = 2 if value is None else 0 if isinstance(value, (int, float)) else 1
            return kind, "" if value is None else value

        lines.sort(key=rank, reverse=down)
    tab.cells = tab.cells[: area.top] + lines + tab.cells[area.bottom :]
    return {}


def _nothing(book: Book, body: Body) -> Row:
    """What changes only how it looks."""
    return {}


CHANGES: Mapping[str, Callable[[Book, Body], Row]] = {
    "addSheet": _add_sheet,
    "deleteSheet": _delete_sheet,
    "updateSheetProperties": _sheet_properties,
    "appendCells": _append_cells,
    "updateCells": _update_cells,
    "deleteDimension": _delete_dimension,
    "insertDimension": _insert_dimension,
    "appendDimension": _append_dimension,
    "updateDimensionProperties": _dimension_properties,
    "repeatCell": _repeat_cell,
    "setDataValidation": _validation,
    "addProtectedRange": _protect,
    "mergeCells": _merge,
    "unmergeCells": _unmerge,
    "sortRange": _sort,
    "setBasicFilter": _nothing,
    "clearBasicFilter": _nothing,
    "autoResizeDimensions": _nothing,
}
