"""`tieline check` for one tab: is it there, has it its columns, can its rows be told apart. Decides nothing.

Each finding says what was seen and exactly what to do about it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from tieline import ConfigError, Finding, Mapper, NotAuthorised, Rejected, Transient
from tieline_google.sheets.book import NoTab
from tieline_google.sheets.cells import letters, quoted
from tieline_google.sheets.keys import normal
from tieline_google.sheets.mapping import KEY
from tieline_google.sheets.names import shown_by
from tieline_google.sheets.rows import Header, Merge, Rows

if TYPE_CHECKING:
    from tieline_google.sheets.tab import Tab

SHARE = "share the spreadsheet with the account that Tieline signs in as, as an editor, and check its id"
REMEDIES = (
    (
        "nsufficient",
        "sign in with the spreadsheet's scopes (see the README): leave auth.scopes out, or add them",
    ),
    ("in the bin", "take it out of the bin"),
)
"""Words of an error, and what to do about it."""
FIX = "tieline check --fix"
HEADLESS = "its first row has none of the titles, and there are rows below: nothing of this tab takes part"
BACK = "put the row of titles back: File > Version history"
MEND = "sheets:"
"""Begins what `mend` is told to make."""


def findings(tab: Tab) -> Iterator[Finding]:
    """All findings, in the order a person would mend them."""
    try:
        tab.book.version()  # what a run asks first: the bin, and a scope of its own
        tab.book.forget()
        shape = tab.book.shape(tab.title)
        data = tab.book.grids([f"{quoted(tab.title)}!1:2"])
    except NoTab as error:
        yield Finding("error", tab.title, str(error), FIX, MEND + tab.stream)
        return
    except (ConfigError, NotAuthorised, Rejected) as error:
        said = str(error)
        yield Finding("error", "spreadsheet", said, next((r for word, r in REMEDIES if word in said), SHARE))
        return
    except Transient as error:
        yield Finding("warning", "spreadsheet", str(error), "Try again later.")
        return
    sheets = data.get("sheets") or [{}]
    blocks = sheets[0].get("data") or [{}]
    cells = [(row.get("values") or []) for row in blocks[0].get("rowData") or []]
    header = Header([_value(c) for c in cells[0]] if cells else [])
    if headless(tab.mapper, header) and (any(header.titles) or tab.book.filled(tab.title)):
        yield Finding("error", tab.title, HEADLESS, BACK)
        return
    yield from _key(tab, header, blocks[0].get("columnMetadata") or [])
    rows = Rows(tab.title, tab.mapper, header, shape.merges, tab.homes)
    yield from _columns(tab, rows)
    yield from _names(tab, rows)
    yield from _choices(tab, rows, cells[1] if len(cells) > 1 else [])
    yield from (_merged(tab, merge) for merge in shape.merges)


def headless(mapper: Mapper, header: Header) -> bool:
    """Whether no title is where titles are looked for: somebody deleted that row, or emptied it."""
    known = {normal(t) for t in (KEY, *mapper.columns)}
    return not known & (header.columns.keys() | header.doubled.keys())


def _value(cell: Mapping[str, Any]) -> Any:
    return next(iter(cell.get("effectiveValue", {}).values()), None)


def _key(tab: Tab, header: Header, columns: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    subject = f"{tab.title}.{KEY}"
    if header.key is None and normal(KEY) in header.doubled:
        many = len(header.doubled[normal(KEY)])
        yield Finding("error", subject, f"{many} columns have this title", "delete the one that you made")
    elif header.key is None:
        said = "the column that tells rows apart is missing: nothing of this tab takes part"
        yield Finding("error", subject, said, f"{FIX}, or put the column back", MEND + tab.stream)
    elif header.key < len(columns) and not columns[header.key].get("hiddenByUser"):
        yield Finding("note", subject, "the column is not hidden: people may type into it", FIX, MEND + tab.stream)


def _columns(tab: Tab, rows: Rows) -> Iterator[Finding]:
    for name, titles in rows.lost.items():
        for title in titles:
            subject, said = f"{tab.title}.{title}", f"{rows.fault(title)}: {name} is neither read nor written"
            if normal(title) in rows.header.doubled:
                yield Finding("warning", subject, said, "rename or delete one of them")
                continue
            beside = {s.title for s in shown_by(tab.mapper, tab.homes).values()}
            spare = {normal(t): t for t in rows.header.titles if t and t not in {*rows.titles, *beside, KEY}}
            near = [spare[n] for n in get_close_matches(normal(title), spare, 1)]
            hint = f"Was it renamed to {near[0]!r}? Name it {title!r} again, or map {near[0]!r}." if near else FIX
            yield Finding("warning", subject, said, hint, "" if near else MEND + tab.stream)
    if not rows.lost:
        yield Finding("ok", tab.title, f"all {len(rows.titles)} mapped columns are there")


def _names(tab: Tab, rows: Rows) -> Iterator[Finding]:
    """References of which people see and type nothing but keys."""
    for title, shown in shown_by(tab.mapper, tab.homes).items():
        if title in rows.beside or title not in rows.titles:
            continue
        subject, twice = f"{tab.title}.{shown.title}", normal(shown.title) in rows.header.doubled
        if twice:
            said = f"{rows.fault(shown.title)}: references are read from {title!r} alone"
            yield Finding("warning", subject, said, "rename or delete one of them")
        else:
            said = f"no column shows the names of {shown.home.tab} that {title!r} refers to: people see keys alone"
            yield Finding("note", subject, said, FIX, MEND + tab.stream)


def _choices(tab: Tab, rows: Rows, cells: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """Values of a value map that the drop-down of its column does not offer."""
    for rule in rows.mapper.rules:
        column = rows.titles.get(rule.remote)
        if rule.values is None or column is None or column >= len(cells):
            continue
        condition = cells[column].get("dataValidation", {}).get("condition", {})
        if condition.get("type") != "ONE_OF_LIST":
            continue
        offered = {v.get("userEnteredValue") for v in condition.get("values", ())}
        lacking = sorted(set(rule.values) - offered)
        if lacking:
            said = f"its drop-down does not offer {', '.join(map(repr, lacking))}"
            yield Finding("warning", f"{tab.title}.{rule.remote}", said, "add it in Data > Data validation")


def _merged(tab: Tab, merge: Merge) -> Finding:
    top, bottom, left, right = merge
    area = f"{letters(left)}{top}:{letters(right - 1)}{bottom - 1}"
    said = f"{area} are merged: all but the first of them hold nothing, and are left alone"
    return Finding("warning", f"{tab.title}!{area}", said, "Format > Merge cells > Unmerge")
