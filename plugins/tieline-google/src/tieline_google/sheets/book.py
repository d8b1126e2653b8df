"""Calls to one spreadsheet: its version, its tabs, ranges of values, batches of changes. Knows no canonical field."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from tieline import ConfigError
from tieline_google.sheets.cells import quoted, start_row
from tieline_google.sheets.mapping import TABS
from tieline_google.sheets.rows import Header, Merge, Row
from tieline_google.sheets.shared import Shared
from tieline_google.wire import DRIVE, SHEETS, Answer, Refused, Wire

FEW = 40
"""Ranges that are asked for in an address; more go into a body."""
_VALUES = {"valueRenderOption": "UNFORMATTED_VALUE", "dateTimeRenderOption": "SERIAL_NUMBER"}
_SHAPE = "sheets(properties(sheetId,title,gridProperties(rowCount,columnCount)),merges)"


class NoTab(ConfigError):
    """The spreadsheet has no tab of this title."""


class PastTheEnd(Refused):
    """A range begins outside the tab's grid, which has shrunk."""


class Stamp(NamedTuple):
    """The version of the file: `token` is equal only while nothing changes; `modified` and `now` are ms."""

    token: str
    modified: int
    now: int


class Shape(NamedTuple):
    """A tab as it was when it was looked at: id, size of its grid, merged cells."""

    id: int
    rows: int
    columns: int
    merges: tuple[Merge, ...]


class Block(NamedTuple):
    """The values of a range: rows from `start` on (1: the first)."""

    start: int
    rows: Sequence[Row]


class Book:
    """One spreadsheet. Safe to share between threads; writers take `lock`, as rows are addressed by where they are."""

    def __init__(self, wire: Wire, id: str) -> None:
        self.wire, self.id = wire, id
        self.lock = threading.RLock()
        self.headers: dict[str, Header] = {}
        """Title of a tab → its first row as it was last met."""
        self.writes = 0
        """How often something was sent that may have changed it."""
        self.stamp = Shared(wire.clock, self.version).get
        """The file's version, no later than now: a request to Drive. It may be a moment old; what happened since is
        told by the next."""
        self.top = Shared(wire.clock, self.first_rows).get
        """Title of a tab → its first row, of all tabs."""
        self._looking = threading.Lock()
        self._shapes: tuple[str, Mapping[str, Shape]] = ("", {})

    def version(self) -> Stamp:
        """The version now: one request, to Drive."""
        params = {"fields": "version,modifiedTime,trashed", "supportsAllDrives": "true"}
        answer = self.wire.get(f"{DRIVE}/files/{self.id}", params)
        if answer.data.get("trashed"):
            raise ConfigError("the spreadsheet is in the bin of Google Drive: take it out", hint="tieline check")
        modified = round(datetime.fromisoformat(str(answer.data["modifiedTime"])).timestamp() * 1000)
        return Stamp(f"{answer.data['version']}@{modified}", modified, answer.now)

    # -- tabs

    def shape(self, title: str, token: str = "") -> Shape:
        """A tab's shape at a version of the file, or as it was last seen. Raises NoTab."""
        with self._looking:  # streams that begin together ask once
            known, shapes = self._shapes
            if not known or (token and known != token):
                shapes = self.shapes()
                self._shapes = (token or "?", shapes)
        found = shapes.get(title.casefold())
        if found is None:
            raise self.no_tab(title)
        return found

    def no_tab(self, title: str) -> NoTab:
        """The error that says so."""
        return NoTab(f"the spreadsheet has no tab {title!r}", hint="tieline check --fix")

    def forget(self) -> None:
        """Look again at the tabs before they are relied on."""
        self._shapes = ("", {})

    def shapes(self) -> Mapping[str, Shape]:
        """Title, in lower case → the tab."""
        data = self.wire.get(f"{SHEETS}/{self.id}", {"fields": _SHAPE}).data
        found = {}
        for sheet in data.get("sheets", ()):
            properties = sheet["properties"]
            grid = properties.get("gridProperties", {})
            merges = tuple(_merge(m) for m in sheet.get("merges", ()))
            size = int(grid.get("rowCount", 0)), int(grid.get("columnCount", 0))
            found[str(properties["title"]).casefold()] = Shape(int(properties.get("sheetId", 0)), *size, merges)
        return found

    def grids(self, ranges: Sequence[str]) -> Mapping[str, Any]:
        """Tabs with all that is set of these cells."""
        fields = (
            "sheets(properties,merges,protectedRanges(range,warningOnly),"
            "data(startRow,columnMetadata.hiddenByUser,rowData.values(effectiveValue,formattedValue,dataValidation)))"
        )
        return self.wire.get(f"{SHEETS}/{self.id}", {"ranges": list(ranges), "fields": fields}).data

    # -- values

    def first_rows(self) -> Mapping[str, Row]:
        """Title of a tab → its first row, of those that are there."""
        shapes = self._shapes[1] or self.shapes()
        there = [t for t in TABS.values() if t.casefold() in shapes]
        blocks, _ = self.ask("", (), [(t, "1:1") for t in there])
        return {t: block.rows[0] if block.rows else () for t, block in zip(there, blocks, strict=True)}

    def ask(self, title: str, ranges: Sequence[str], beside: Sequence[tuple[str, str]] = ()) -> tuple[list[Block], int]:
        """The values of ranges of a tab, such as `2:50` or "" for all of it, and behind them those `beside`, of other
        tabs, each with its title; in one call. And the server's clock.

        Raises NoTab and PastTheEnd.
        """
        full = [f"{quoted(t)}!{r}" if r else quoted(t) for t, r in (*((title, r) for r in ranges), *beside)]
        try:
            if len(full) <= FEW:
                answer = self.wire.get(f"{SHEETS}/{self.id}/values:batchGet", {"ranges": full, **_VALUES})
                found = list(answer.data.get("valueRanges", ()))
            else:
                body = {"dataFilters": [{"a1Range": r} for r in full], "majorDimension": "ROWS", **_VALUES}
                answer = self.wire.ask(f"{SHEETS}/{self.id}/values:batchGetByDataFilter", body)
                found = [m["valueRange"] for m in answer.data.get("valueRanges", ())]
        except Refused as error:
            raise self._explained(error, title) from None
        return [Block(start_row(str(v.get("range", ""))), v.get("values", ())) for v in found], answer.now

    def filled(self, title: str) -> bool:
        """Whether anything stands below a tab's first row, as far as its beginning tells."""
        try:
            (block,), _ = self.ask(title, ["2:100"])
        except PastTheEnd:
            return False
        return any(cell not in ("", None) for row in block.rows for cell in row)

    def _explained(self, error: Refused, title: str) -> Exception:
        said = str(error)
        if "Unable to parse range" in said:
            return self.no_tab(title)
        if "exceeds grid limits" in said:
            return PastTheEnd(error.status, said, error.reasons, error.details)
        return error

    def put(self, title: str, cells: Sequence[tuple[str, Sequence[Any]]]) -> Answer:
        """Write rows of cells, each at where it begins, as they are: no text becomes a number or a formula."""
        data = [{"range": f"{quoted(title)}!{place}", "values": [list(values)]} for place, values in cells]
        body = {"valueInputOption": "RAW", "data": data}
        return self.wire.write("POST", f"{SHEETS}/{self.id}/values:batchUpdate", body)

    def change(self, requests: Sequence[Mapping[str, Any]]) -> Answer:
        """All of these changes, or none."""
        return self.wire.write("POST", f"{SHEETS}/{self.id}:batchUpdate", {"requests": list(requests)})


def _merge(grid: Mapping[str, Any]) -> Merge:
    return (
        int(grid.get("startRowIndex", 0)) + 1,
        int(grid.get("endRowIndex", 10_000_000)) + 1,
        int(grid.get("startColumnIndex", 0)),
        int(grid.get("endColumnIndex", 20_000)),
    )
