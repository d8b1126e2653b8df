"""Puts names in the place of the hub ids that references hold, for people; what is printed as JSON keeps the ids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tieline.records import Kind
    from tieline.store import Store


def names_in(store: Store, kind: Kind, values: Iterable[tuple[str, Any]]) -> dict[str, str]:
    """Hub id → what people call the record, for all whom references among these (field, value) pairs name."""
    from tieline.records import REFERENCES
    from tieline.runner.space import ids_of
    from tieline.runner.titles import Titles

    fields = REFERENCES[kind]
    ids = {i for name, value in values if name in fields for i in ids_of(value)}
    found = store.trees.records(sorted(ids))
    return {i: Titles(store, record.kind).of(i, record.fields) for i, (record, _, _) in found.items()}


def named(value: Any, names: Mapping[str, str]) -> Any:
    """The value with names for the ids that are known; several, with what they are there, as one text."""
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, list) and value and all(isinstance(r, Mapping) and r.get("id") in names for r in value):
        return ", ".join(names[r["id"]] + (f" ({r['role']})" if r.get("role") else "") for r in value)
    return value
