"""Edits of values that have parts: an address, money, a list of references. Pure.

A system may hold only some of the parts. What was edited there is the difference from what was last agreed with it, and
that difference is carried onto the record's value: a part that the system never showed is not lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tieline.records import Cell


def rebased(standing: Cell, base: Cell, seen: Cell) -> Cell:
    """The record's value with the edit from `base` to `seen` applied; `seen` itself where a value has no parts."""
    if isinstance(standing, Mapping) and isinstance(base, Mapping) and isinstance(seen, Mapping):
        if "amount" in seen:  # an amount is worth nothing without its currency: only a system that shows none leaves it
            return seen if seen.get("currency") or base.get("currency") else {**standing, **_edited(base, seen)}
        merged = {**standing, **_edited(base, seen)}
        return {n: v for n, v in merged.items() if v is not None} or None
    if isinstance(standing, list) and isinstance(base, list) and isinstance(seen, list | None):
        return _relisted(standing, base, seen or [])
    return seen


def _edited(base: Mapping[str, Cell], seen: Mapping[str, Cell]) -> dict[str, Cell]:
    return {n: seen.get(n) for n in {**base, **seen} if seen.get(n) != base.get(n)}


def _relisted(standing: list[Cell], base: list[Cell], seen: list[Cell]) -> Cell:
    """Lists count as sets: of references by whom they name, of anything else by value."""
    before, now = {_key(i) for i in base}, {_key(i): i for i in seen}
    kept = [now.get(_key(i), i) for i in standing if _key(i) in now or _key(i) not in before]
    known = {_key(i) for i in kept}
    items = [*kept, *(i for k, i in now.items() if k not in known)]
    return listed(items) if items and isinstance(items[0], Mapping) else sorted(items, key=str) or None


def listed(refs: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]] | None:
    """A list of references in its one form: each target once per role, sorted; None when nobody is named.

    To be had anew whenever an id in it was replaced: two lists that say the same must be equal.
    """
    unique: dict[tuple[str, str], dict[str, Any]] = {}
    for ref in refs:
        key = (ref["id"], ref["role"] or "")
        unique[key] = {**ref, "primary": ref["primary"] or (key in unique and unique[key]["primary"])}
    return [unique[k] for k in sorted(unique)] or None


def _key(item: Cell) -> Cell:
    return item["id"] if isinstance(item, Mapping) else item
