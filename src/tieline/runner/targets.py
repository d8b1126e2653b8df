"""Where a record should be made: the systems that should hold it and never did, and what keeps it out of some.

It looks up what the engine judges by; the orders are `engine.plan`'s.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from tieline.engine.groups import Context, agrees
from tieline.engine.match import IDENTITY, keys_of, pair_of
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
        self.keys = run.rules.match.get(kind, ())
        streams = [(name, facts) for name, system in joined.items() for facts in system.streams_of(kind)]
        self.astray = {name for name, f in streams if f.provisional and run.store.trees.strayed(name, f.name)}
        """Where a remote without an id of its own was lost sight of: it may be the very one that would be made."""
        self.contested: set[tuple[str, str]] = set()
        """(record, system): an open match question names the record; a create there could make a twin."""
        self.crowds: dict[str, list[tuple[Context, Sequence[str]]]] = {}
        """The same of questions about too many to name: match key → context, and the systems it is about."""
        for detail in run.store.book.open_matches(kind) if run.store.db.any("review") else ():
            self.contested.update((record, detail["system"]) for record in detail.get("records", ()))
            if "waiting" in detail:
                crowd = (tuple(detail["context"].items()), detail["waiting"])
                if crowd not in self.crowds.setdefault(detail["key"], []):
                    self.crowds[detail["key"]].append(crowd)
        self.apart: dict[str, list[Context]] = {}
        """Match key → the contexts in which a person said that all who share it are things of their own."""
        for detail in run.store.book.apart(kind) if run.store.db.any("review") else ():
            self.apart.setdefault(detail["key"], []).append(tuple(detail["context"].items()))

    def of(
        self,
        record: Record,
        merged: Merged,
        sides: Sequence[Side],
        linked: Collection[str],
        refusals: Refusals,
        court: Court,
    ) -> tuple[list[Target], list[Question]]:
        """The systems to make a record in, those that must wait named as held, and the questions that holds them.

        `linked`: systems that have it, also in a stream that takes no part any more."""
        return self._twins(record, merged, self._missing(record, merged, sides, linked, refusals), court)

    def _missing(
        self,
        record: Record,
        merged: Merged,
        sides: Sequence[Side],
        linked: Collection[str],
        refusals: Refusals,
    ) -> list[Target]:
        """The systems that should hold the record and never did."""
        if not any(s.link.gone is None and not s.link.provisional for s in sides):
            return []
        targets = []
        contested = self._crowded(merged, sides) if self.crowds else frozenset()
        for name, system in self.joined.items():
            rules = self.run.rules_of(name, self.kind)
            facts = system.home_of(self.kind)
            if name in linked or rules.mode == "read" or not rules.create or name in self.run.without or facts is None:
                continue
            wanted = system.filters.get(self.kind)
            if wanted is not None and not wanted(merged.fields):
                continue
            held = ""
            if (record.id, name) in self.contested or name in contested:
                held = f"a question about a possible twin in {name} is open"
            elif name in self.astray:
                held = f"somebody touched what has no id yet in {name}: that is read again first"
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

    def _crowded(self, merged: Merged, sides: Sequence[Side]) -> frozenset[str]:
        """The systems where an open question is about a crowd that the record is one of."""
        found: set[str] = set()
        for fields in (merged.fields, *(s.link.seen for s in sides)):
            for key in keys_of(self.kind, fields, self.keys):
                found.update(n for context, names in self.crowds.get(key, ()) if agrees(context, fields) for n in names)
        return frozenset(found)

    def _twins(
        self, record: Record, merged: Merged, targets: list[Target], court: Court
    ) -> tuple[list[Target], list[Question]]:
        """Holds creates in systems where somebody alive already has the record's e-mail or domain, or joins the same
        two, and asks."""
        keys = [
            k
            for k in (*keys_of(self.kind, merged.fields, self.keys), *pair_of(self.kind, merged.fields))
            if k.partition(":")[0] in IDENTITY and not any(agrees(c, merged.fields) for c in self.apart.get(k, ()))
        ]
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
