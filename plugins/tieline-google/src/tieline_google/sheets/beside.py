"""What the rows of other tabs are called, asked in the very call that asks for a tab's own rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from tieline_google.sheets.book import Block, Book, NoTab, PastTheEnd
from tieline_google.sheets.cells import at, letters
from tieline_google.sheets.names import Home, Names
from tieline_google.sheets.rows import Header

FIRST = 2
"""The first row below the header."""
TRIES = 5


class Beside:
    """Asks for rows of one tab, and for the names in those that it refers to."""

    def __init__(self, book: Book, tab: str, homes: Mapping[str, Home]) -> None:
        self.book, self.tab = book, tab
        self.homes = {home.tab: home for home in homes.values()}

    def ask(self, ranges: Sequence[str], tabs: Collection[str]) -> tuple[list[Block], int, dict[str, Names]]:
        """The ranges of the tab itself, the server's clock, and the names in these tabs; one that is not there has
        none. Raises NoTab and PastTheEnd."""
        for left in reversed(range(TRIES)):
            beside = {title: self._columns(title) for title in tabs if self._there(title)}
            asked = [(t, r) for t, columns in beside.items() for r in self._ranges(t, columns)]
            try:
                blocks, now = self.book.ask(self.tab, ranges, asked)
            except (NoTab, PastTheEnd):
                self.book.forget()
                if not asked or not left:
                    raise
                continue
            rest = iter(blocks[len(ranges) :])
            names = dict.fromkeys(tabs, Names((), ()))
            moved = False
            for title, columns in beside.items():
                met = [next(rest) for _ in self._ranges(title, columns)]
                self.book.headers[title] = Header(met[0].rows[0] if met[0].rows else ())
                moved |= self._columns(title) != columns
                cells = [[at(line, 0) for line in block.rows] for block in met[1:]]
                names[title] = Names(*cells, *[()] * (2 - len(cells)))
            if not moved:
                break
        return blocks[: len(ranges)], now, names

    def _there(self, title: str) -> bool:
        try:
            return bool(self.book.shape(title))
        except NoTab:
            return False

    def _columns(self, title: str) -> tuple[int, ...]:
        """Where a tab's keys and names are, as far as is known; as in a new sheet where nothing is."""
        header = self.book.headers.get(title)
        if header is None:
            return (0, 1)
        name = header.column(self.homes[title].name)
        return () if header.key is None else (header.key,) if name is None else (header.key, name)

    def _ranges(self, title: str, columns: Sequence[int]) -> list[str]:
        shape = self.book.shape(title)
        if shape.rows < FIRST or any(c >= shape.columns for c in columns):
            return ["1:1"]
        return ["1:1", *(f"{letters(c)}{FIRST}:{letters(c)}" for c in columns)]
