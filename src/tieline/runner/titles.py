"""What people call a record: a relation by the names of those it joins, anything else as `engine.merge.title` says;
and whom a reference names.

Reads; decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tieline.engine.merge import title
from tieline.model import Fields, Question, Record
from tieline.records import ENDS, REFERENCES, Cell, Kind
from tieline.runner.space import ids_of
from tieline.store import Store


class Titles:
    """The names of records of one kind, for a batch that is prepared together."""

    def __init__(self, store: Store, kind: Kind) -> None:
        self._store = store
        self._kind: Kind = kind
        self._ends = ENDS.get(kind, ())
        self._known: dict[str, str] = {}

    def prepare(self, records: Iterable[Fields]) -> None:
        """Look up in few queries whom these relations join; what was known before is forgotten."""
        if self._ends:
            ids = {str(fields[n]) for fields in records for n in self._ends if fields.get(n)}
            self._known = {i: title(record) for i, (record, _, _) in self._store.trees.records(sorted(ids)).items()}

    def of(self, record: str, fields: Fields) -> str:
        """`Ann Lee in Spring fair`; the id where not all of those are known."""
        names = [self._known.get(str(fields.get(n)), "") for n in self._ends]
        return " in ".join(names) if names and all(names) else title(Record(record, self._kind, fields))

    def named(self, record: Record, question: Question) -> Question:
        """The question, with the record's name in place of its id."""
        name = self.of(record.id, record.fields) if self._ends else record.id
        return question._replace(summary=question.summary.replace(record.id, name)) if name != record.id else question


def names_in(store: Store, kind: Kind, values: Iterable[tuple[str, Cell]]) -> dict[str, str]:
    """Hub id → what people call the record, for all whom references among these (field, value) pairs name."""
    fields = REFERENCES[kind]
    ids = {i for name, value in values if name in fields for i in ids_of(value)}
    found = store.trees.records(sorted(ids))
    return {i: Titles(store, record.kind).of(i, record.fields) for i, (record, _, _) in found.items()}


def listing(store: Store, limit: int) -> list[dict[str, Any]]:
    """The first orders of the spool for a person to read, each with the `names` of those whom its references name."""
    orders = store.work.listing(limit)
    for kind in {order["kind"] for order in orders if not REFERENCES[order["kind"]].keys().isdisjoint(order["fields"])}:
        mine = [order for order in orders if order["kind"] == kind]
        sides = [(n, side) for order in mine for n, change in order["fields"].items() for side in change[:2]]
        names = names_in(store, kind, sides)
        for order in mine:
            told = {i for n in REFERENCES[kind] for side in order["fields"].get(n, ())[:2] for i in ids_of(side)}
            order["names"] = {i: names[i] for i in sorted(told) if i in names}
    return orders
