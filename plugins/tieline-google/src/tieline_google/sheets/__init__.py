"""A spreadsheet as account, opportunity and campaign objects: one tab a stream, one row a record."""

from __future__ import annotations

from collections.abc import Mapping

from tieline import Mapper
from tieline_google.parts import Part
from tieline_google.settings import GoogleSettings
from tieline_google.wire import Wire


def tabs(wire: Wire, settings: GoogleSettings, mappers: Mapping[str, Mapper]) -> dict[str, Part]:
    """A part for each configured stream that is a tab of the spreadsheet."""
    from tieline_google.sheets.book import Book
    from tieline_google.sheets.mapping import TABS
    from tieline_google.sheets.names import homes_of
    from tieline_google.sheets.tab import Tab

    book = Book(wire, str(settings.spreadsheet))
    found: dict[str, Part] = {}
    for stream in TABS:
        if stream in mappers:
            mapper = mappers[stream]
            found[stream] = Tab(book, stream, mapper, settings.rows, homes_of(mapper, mappers))
    return found
