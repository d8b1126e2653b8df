"""Which row of another tab a cell means: people see and type its name, a hidden column beside it keeps its key.

The hidden cell also keeps the name that was shown, as `KEY | NAME`. So a name that nobody has touched goes on meaning
the same row, whatever that row is called by now, and however many others are called so. Pure; knows no HTTP.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import zip_longest
from typing import Any, NamedTuple

from tieline import Mapper, Rule
from tieline_google.sheets.cells import ERRORS, text
from tieline_google.sheets.keys import key_of, normal
from tieline_google.sheets.mapping import KEY, REFERENCE, TABS

SPLIT = " | "
"""Between the key and the name in a hidden cell."""
TOLD = 5
"""Keys that are named where several rows have one name."""


class Home(NamedTuple):
    """Where the rows are that a field refers to: the title of the tab, and of its column of names (empty: none)."""

    tab: str
    name: str = ""


class Shown(NamedTuple):
    """A column that shows names beside one that holds keys: its title, its field, and whose names they are."""

    title: str
    field: str
    home: Home


def homes_of(mapper: Mapper, mappers: Mapping[str, Mapper]) -> dict[str, Home]:
    """Reference field → where its rows are, for those of a configured tab."""
    kinds = {mappers[s].kind: s for s in TABS if s in mappers}
    found = {}
    for name, spec in mapper.specs.items():
        if spec.type == "ref" and spec.refers_to in kinds:
            stream = kinds[spec.refers_to]
            found[name] = Home(TABS[stream], _named_by(mappers[stream]))
    return found


def _named_by(mapper: Mapper) -> str:
    parts = mapper.parts.get("name", ())
    return parts[0].rule.remote if len(parts) == 1 and _plain(parts[0].rule) else ""


def _plain(rule: Rule) -> bool:
    odd = rule.load or rule.dump or rule.values is not None or rule.scale or rule.const is not None
    return not odd and rule.read and bool(rule.remote) and "{" not in rule.remote


def references(mapper: Mapper, homes: Mapping[str, Home]) -> dict[str, str]:
    """Title of each column that holds keys as they are → its field."""
    parts = {name: mapper.parts[name] for name in homes}
    return {p[0].rule.remote: name for name, p in parts.items() if len(p) == 1 and _plain(p[0].rule)}


def shown_by(mapper: Mapper, homes: Mapping[str, Home]) -> dict[str, Shown]:
    """Title of a column of keys, `Account ID` → the one beside it that shows names, `Account`."""
    taken = {normal(t) for t in mapper.columns}
    found = {}
    for title, name in references(mapper, homes).items():
        bare = title.removesuffix(REFERENCE).strip()
        if bare and bare != title and homes[name].name and normal(bare) not in taken:
            found[title] = Shown(bare, name, homes[name])
    return found


def titles(mapper: Mapper, homes: Mapping[str, Home]) -> list[str]:
    """The columns of a tab: the key first, names beside the keys of what is referred to."""
    shown = shown_by(mapper, homes)
    return [KEY, *(t for c in mapper.columns for t in ([shown[c].title, c] if c in shown else [c]))]


class Names:
    """What the rows of a tab are called."""

    def __init__(self, keys: Sequence[Any], names: Sequence[Any]) -> None:
        self.of: dict[str, str] = {}
        """Key → the name of its row; of two rows with one key, the upper one's."""
        self._keyless: list[str] = []
        for key_cell, cell in zip_longest(keys, names):
            key, name = key_of(key_cell), "" if cell is None else text(cell).strip()
            if key is not None and key.id not in self.of:
                self.of[key.id] = name
            elif name:
                self._keyless.append(name)

    @cached_property
    def called(self) -> Mapping[str, Sequence[str]]:
        """Name, as names are compared → the keys of all rows that have it."""
        found: dict[str, list[str]] = {}
        for key, name in self.of.items():
            if name:
                found.setdefault(normal(name), []).append(key)
        return found

    @cached_property
    def keyless(self) -> frozenset[str]:
        """Names of rows that have no key yet."""
        return frozenset(map(normal, self._keyless))


def parted(value: Any) -> tuple[str | None, str]:
    """What a hidden cell keeps: the key, and the name that was shown when it was written."""
    key, _, name = text(value).partition(SPLIT) if value is not None else ("", "", "")
    return key.strip() or None, name.strip()


def untouched(told: Any, held: Any) -> str | None:
    """The key where a cell shows the very name that is kept beside it, as nearly all do; None: see `meant`."""
    if type(told) is not str or type(held) is not str or told in ERRORS:
        return None
    key, _, name = held.partition(SPLIT)
    return key.strip() or None if name == told else None


def kept(key: str, name: str) -> str:
    """A hidden cell."""
    return f"{key}{SPLIT}{name}" if name else key


def meant(told: str, held: Any, names: Names, tab: str) -> str | None:
    """The key of the row that a cell means, which shows `told` where `held` is hidden beside it; None: of none.

    Raises ValueError saying what a person can do where nobody can tell.
    """
    key, was = parted(held)
    name = normal(told)
    if not name:
        return None if was else key  # what was shown was cleared; or nothing was shown yet
    if key is not None and name == normal(was):
        return key
    if told.strip() in names.of:
        return told.strip()
    found = names.called.get(name, ())
    if len(found) == 1:
        return found[0]
    if key in found and not was:  # nothing was shown when the key was put there
        return key
    if found:
        keys = ", ".join(found[:TOLD]) + (", …" if len(found) > TOLD else "")
        raise ValueError(f"{len(found)} rows of {tab} are called {told!r}: type the key of the one you mean ({keys})")
    if name in names.keyless:
        raise ValueError(f"the row of {tab} that is called {told!r} has no key yet: the next sync gives it one")
    raise ValueError(f"no row of {tab} is called {told!r}")
