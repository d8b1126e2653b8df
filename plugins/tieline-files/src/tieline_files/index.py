"""Where each id stands in a file: 32 bytes a row, so that 200,000 rows cost little memory. Knows nothing of forms.

Keys are kept as 64-bit hashes: what is found is a candidate, and the caller looks whether it is the row it wants.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator

from tieline_files.rows import Place


class Places:
    """Key → the places where it may stand, in the order of the file. Filled by `add`, usable after `seal`."""

    def __init__(self) -> None:
        self._keys, self._offsets, self._lines = array("q"), array("q"), array("q")

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, key: str, offset: int, line: int) -> None:
        """Note one place."""
        self._keys.append(hash(key))
        self._offsets.append(offset)
        self._lines.append(line)

    def seal(self) -> Places:
        """Sort by key; places of one key stay in order."""
        keys = self._keys
        order = sorted(range(len(keys)), key=keys.__getitem__)
        self._keys = array("q", map(keys.__getitem__, order))
        self._offsets = array("q", map(self._offsets.__getitem__, order))
        self._lines = array("q", map(self._lines.__getitem__, order))
        return self

    def of(self, key: str) -> Iterator[Place]:
        """Candidates for a key."""
        wanted = hash(key)
        at = bisect_left(self._keys, wanted)
        while at < len(self._keys) and self._keys[at] == wanted:
            yield Place(self._offsets[at], self._lines[at])
            at += 1

    def repeated(self) -> Iterator[list[Place]]:
        """Groups of places that may have the same key."""
        start = 0
        for at in range(1, len(self._keys) + 1):
            if at == len(self._keys) or self._keys[at] != self._keys[start]:
                if at - start > 1:
                    yield [Place(self._offsets[i], self._lines[i]) for i in range(start, at)]
                start = at
