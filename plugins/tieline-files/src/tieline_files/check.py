"""What `tieline check` says of a folder and its files: each finding with what to do about it. Reads only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from tieline import Finding, Page, TielineError
from tieline_files.table import Table

SHOWN = 10
"""Bad rows named one by one; the rest are counted."""


def check_folder(folder: Path) -> Iterator[Finding]:
    """Whether the folder is there and can be written."""
    if not folder.is_dir():
        yield Finding("error", "folder", f"{folder} is not a folder", "make it, or correct `folder`")
    elif not os.access(folder, os.W_OK):
        remedy = 'give yourself write permission, or set mode = "read" for each kind'
        yield Finding("note", "folder", f"{folder} can be read, not written", remedy)
    else:
        yield Finding("ok", "folder", f"{folder} can be read and written")


def check_table(table: Table) -> Iterator[Finding]:
    """Whether the file can be used, which columns are missing, and which rows are bad."""
    name = table.path.name
    try:
        with table.view() as view:
            columns = view.head.columns
            fresh = view.file is None
        yield from _rows(table)
    except TielineError as error:
        yield Finding("error", name, str(error), error.hint)
        return
    if fresh:
        yield Finding("note", name, "it is not there yet: the first write begins it")
    elif columns is not None:
        yield from _columns(table, columns)


def _columns(table: Table, columns: tuple[str, ...]) -> Iterator[Finding]:
    name = table.path.name
    fields = {field: [c for c, f in table.written.items() if f == field] for field in table.written.values()}
    for field, wanted in fields.items():
        missing = [c for c in wanted if c not in columns]
        if missing and len(missing) < len(wanted):
            text = f"{field} has no column for {', '.join(map(repr, missing))}: that part of it is blank here"
            yield Finding("note", name, text, "add the column to the header, or map the part to a constant")
    partly = {c for wanted in fields.values() if {*wanted} & {*columns} for c in wanted}
    unknown = sorted({c for c in table.mapper.columns if c not in columns and c not in partly})
    if unknown:
        yield Finding("note", name, f"mapped but not in the header, so not synced: {', '.join(map(repr, unknown))}")
    if table.hub_column and table.hub_column not in columns:
        text = f"the column {table.hub_column!r} will be added by the first write"
        yield Finding("note", name, text, f"files.{table.stream}.stamps = false keeps it out")


def _rows(table: Table) -> Iterator[Finding]:
    rows = bad = 0
    for page in _pages(table):
        rows += len(page.remotes)
        for one in page.bad:
            bad += 1
            if bad <= SHOWN:
                yield Finding("warning", one.where, one.message, "mend the row; it is left out and kept as it is")
    if bad > SHOWN:
        yield Finding("warning", table.path.name, f"{bad - SHOWN:,} more bad rows")
    yield Finding("ok", table.path.name, f"{rows:,} row{'' if rows == 1 else 's'}")


def _pages(table: Table) -> Iterator[Page]:
    token: str | None = None
    while True:
        page = table.page(token)
        yield page
        token = page.token
        if token is None:
            return
