"""Who is associated with whom: edges kept in both directions, the primary company, labels of the account's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tieline_hubspot.sandbox.account import CUSTOM, DEFINED, RELATIONS, Relation, default_relation

Spec = tuple[str, int]
"""(category, type id)."""
_PRIMARY = frozenset(r.type_id for r in RELATIONS if r.primary)
_PRIMARY_OF: Mapping[str, int] = {"contacts": 1, "deals": 5}
"""Object type → the association type of which a record has at most one: its primary company."""


class Edges:
    """All associations. Adding or removing one end does the same at the other."""

    def __init__(self) -> None:
        self._out: dict[tuple[str, str], dict[int, dict[int, set[Spec]]]] = {}
        self.labels: list[Relation] = []
        """Association types the account defined itself; the same id in both directions."""

    def relation(self, source: str, target: str, spec: Spec) -> Relation | None:
        """The association type of this id between these two object types."""
        category, type_id = spec
        known: Iterable[Relation] = self.labels if category == CUSTOM else RELATIONS
        for relation in known:
            if (relation.source, relation.target, relation.type_id) == (source, target, type_id):
                return relation
        return None

    def relations(self, source: str, target: str) -> list[tuple[str, Relation]]:
        """(category, type) of all association types between two object types."""
        rows = [(DEFINED, r) for r in RELATIONS] + [(CUSTOM, r) for r in self.labels]
        return [(c, r) for c, r in rows if (r.source, r.target) == (source, target)]

    def define(self, source: str, target: str, label: str) -> list[Relation]:
        """Make a label of the account's own, with its inverse."""
        type_id = 1 + max((r.type_id for r in self.labels), default=0)
        made = [Relation(source, target, type_id, type_id, label)]
        if source != target:
            made.append(Relation(target, source, type_id, type_id, label))
        self.labels.extend(made)
        return made

    def of(self, source: str, key: int, target: str) -> Mapping[int, set[Spec]]:
        """Associated ids with the types of each."""
        return self._out.get((source, target), {}).get(key, {})

    def add(self, source: str, key: int, target: str, other: int, specs: Sequence[Spec]) -> None:
        """Associate; the unlabelled type always comes with it, and a first company becomes the primary [memory]."""
        if source == "companies" and target in _PRIMARY_OF:
            self.add(target, other, source, key, [self._flip(target, source, s) for s in specs])
            return
        wanted = set(specs)
        plain = default_relation(source, target)
        if plain is not None:
            wanted.add((DEFINED, plain))
        if target == "companies" and source in _PRIMARY_OF:
            primary = _PRIMARY_OF[source]
            if not self.of(source, key, target) or (DEFINED, primary) in wanted:
                self._drop_primary(source, key, target, primary)
                wanted.add((DEFINED, primary))
        self._put(source, key, target, other, wanted)

    def _flip(self, source: str, target: str, spec: Spec) -> Spec:
        """A spec as the other end sees it; `source` and `target` are that end's."""
        category, type_id = spec
        if category == CUSTOM:
            return spec
        for relation in RELATIONS:
            if (relation.source, relation.target, relation.inverse) == (source, target, type_id):
                return category, relation.type_id
        return spec

    def _drop_primary(self, source: str, key: int, target: str, primary: int) -> None:
        for other, specs in list(self.of(source, key, target).items()):
            if (DEFINED, primary) in specs:
                self.remove(source, key, target, other, [(DEFINED, primary)])

    def _put(self, source: str, key: int, target: str, other: int, specs: set[Spec]) -> None:
        self._out.setdefault((source, target), {}).setdefault(key, {}).setdefault(other, set()).update(specs)
        back = {self._flip(target, source, s) for s in specs}
        self._out.setdefault((target, source), {}).setdefault(other, {}).setdefault(key, set()).update(back)

    def remove(self, source: str, key: int, target: str, other: int, specs: Sequence[Spec] | None = None) -> None:
        """Take away these types of an association, or all of it."""
        gone = None if specs is None else set(specs)
        back = None if gone is None else {self._flip(target, source, s) for s in gone}
        self._cut(source, key, target, other, gone)
        self._cut(target, other, source, key, back)

    def _cut(self, source: str, key: int, target: str, other: int, specs: set[Spec] | None) -> None:
        mine = self._out.get((source, target), {}).get(key, {})
        if other not in mine:
            return
        if specs is not None:
            mine[other] -= specs
        if specs is None or not mine[other]:
            del mine[other]

    def move(self, source: str, loser: int, winner: int) -> None:
        """Give all associations of one record to another: a merge."""
        for (a, b), rows in list(self._out.items()):
            if a != source:
                continue
            for other, specs in list(rows.get(loser, {}).items()):
                held = set(specs)
                self.remove(a, loser, b, other)
                if (b, other) != (source, winner):
                    self.add(a, winner, b, other, sorted(s for s in held if s[1] not in _PRIMARY))

    def primary(self, source: str, key: int) -> int | None:
        """The primary company of a contact or deal."""
        for other, specs in self.of(source, key, "companies").items():
            if (DEFINED, _PRIMARY_OF[source]) in specs:
                return other
        return None

    def parent(self, key: int) -> int | None:
        """The parent of a company."""
        for other, specs in self.of("companies", key, "companies").items():
            if (DEFINED, 14) in specs:
                return other
        return None

    def dump(self) -> dict[str, Any]:
        """Each edge once per direction, in order."""
        edges = [
            [source, key, target, other, sorted(list(s) for s in specs)]
            for (source, target), rows in sorted(self._out.items())
            for key, others in sorted(rows.items())
            for other, specs in others.items()
        ]
        return {"edges": edges, "labels": [[r.source, r.target, r.type_id, r.label] for r in self.labels]}

    def restore(self, body: Mapping[str, Any]) -> None:
        """Take in what `dump` gave, in place of what is here."""
        self._out = {}
        for source, key, target, other, specs in body["edges"]:
            rows = self._out.setdefault((source, target), {}).setdefault(key, {})
            rows[other] = {(s[0], s[1]) for s in specs}
        self.labels = [Relation(a, b, i, i, label) for a, b, i, label in body["labels"]]
