"""Where a record should be made: the systems that should hold it and never did, and what keeps it out of some.

It looks up what the engine judges by; the orders are `engine.plan`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tieline.engine.match import IDENTITY, keys_of
from tieline.engine.merge import Court, Merged, Side
from tieline.engine.plan import Target, twin_question
from tieline.model import Question, Record
from tieline.records import Kind
from tieline.runner.context import Run, System

Refusals = Mapping[tuple[str, str], Mapping[str, str]]


class Targets:
    """The targets of one kind's records."""

    def __init__(self, run: Run, kind: Kind, joined: Mapping[str, System], blocked: set[tuple[str, str]]) -> None:
        self.run = run
        self.kind: Kind = kind
        self.store = run.store
        self.joined = joined
        self.blocked = blocked
        self.contested = run.store.book.contested() if run.store.db.any("review") else set()
        self.keys = run.rules.match.get(kind, ())

    def of(
        self, record: Record, merged: Merged, sides: Sequence[Side], refusals: Refusals, court: Court
    ) -> tuple[list[Target], list[Question]]:
        """The systems to make a record in, those that must wait named as held, and the questions that holds them."""
        return self._twins(record, merged, self._missing(record, merged, sides, refusals), court)

    def _missing(
        self,
        record: Record,
        merged: Merged,
        sides: Sequence[Side],
        refusals: Mapping[tuple[str, str], Mapping[str, str]],
    ) -> list[Target]:
        """The systems that should hold the record and never did."""
        linked = {s.link.system for s in sides if s.link.gone in (None, "user")}
        if not any(s.link.gone is None for s in sides):
            return []
        targets = []
        for name, system in self.joined.items():
            rules = self.run.rules_of(name, self.kind)
            if name in linked or rules.mode == "read" or not rules.create or name in self.run.without:
                continue
            wanted = system.filters.get(self.kind)
            if wanted is not None and not wanted(merged.fields):
                continue
            facts = system.streams_of(self.kind)[0]
            held = ""
            if (record.id, name) in self.contested:
                held = f"a question about a possible twin in {name} is open"
            elif (record.id, name) in self.blocked:
                held = f"the outcome of an earlier create in {name} is not known yet"
            targets.append(
                Target(
                    name,
                    facts.name,
                    self.run.schema(system, facts.name).fields,
                    system.defaults.get(facts.name, {}),
                    refusals.get((record.id, name), {}),
                    held,
                )
            )
        return targets

    def _twins(
        self, record: Record, merged: Merged, targets: list[Target], court: Court
    ) -> tuple[list[Target], list[Question]]:
        """Holds creates in systems where somebody alive already has the record's e-mail or domain, and asks."""
        keys = [k for k in keys_of(self.kind, merged.fields, self.keys) if k.partition(":")[0] in IDENTITY]
        if not targets or not keys:
            return targets, []
        # who stands there may be our own create, whose outcome is not known yet: no question for a person
        names = {t.system for t in targets if (record.id, t.system) not in self.blocked}
        asked: dict[str, Question] = {}
        for key, members in self.store.trees.sharing(self.kind, keys).items():
            for system, remote_id, other, _ in members:
                if system in names and other != record.id:
                    ask = twin_question(record, system, remote_id, key)
                    answer = court.decisions.get(ask.key)
                    if answer is None or answer.answer == "rejected":
                        asked[system] = ask
        held = [t._replace(held=asked[t.system].summary) if t.system in asked else t for t in targets]
        return held, [q for q in asked.values() if q.key not in court.decisions]
