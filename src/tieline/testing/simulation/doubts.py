"""The invariants on who is whom: nobody is linked by a guess, and nothing is made beside somebody who may be the same.

What the hub knew at a moment is what it had published until then: a journal row or a question about a remote. Moments
are the hub's; what systems note is brought to its clock.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from pydantic_core import from_json

from tieline.engine.match import normal_email
from tieline.records import Kind
from tieline.testing.simulation.evidence import HUB, Evidence, Violation
from tieline.testing.simulation.setting import LATE_MS, SERVER_MS

IDENTITY: dict[Kind, str] = {"account": "domain", "contact": "email"}
"""The field that names one thing: whoever shares it may be the same."""
TELLING = frozenset({"@created", "@deleted", "@merged", *IDENTITY.values()})
"""The lines of a history that say how long somebody has had a key."""
NEVER = 1 << 60


class Bearer(NamedTuple):
    """A remote that has had one key since it was made."""

    system: str
    id: str
    by_hub: bool
    made: int
    until: int
    """When the key was changed, or the remote deleted or merged; NEVER: it was not."""
    known: int
    """Since when the hub knows it."""
    asked_hub_id: str | None


class MatchChecks(Evidence):
    """I4, where people keep the same person twice."""

    @cached_property
    def bearers(self) -> dict[tuple[Kind, str], list[Bearer]]:
        """Per kind and key, whoever was made with it."""
        known = self._first_known()
        found: dict[tuple[Kind, str], list[Bearer]] = defaultdict(list)
        for name, system in self.world.systems.items():
            skew = system.character.skew_ms
            made: dict[tuple[Kind, str], int] = {}
            keys: dict[tuple[Kind, str], str] = {}
            ends: dict[tuple[Kind, str], int] = {}
            for edit in system.history:
                if edit.field not in TELLING:
                    continue
                place = edit.kind, edit.id
                if edit.field == "@created":
                    made[place] = edit.at
                elif edit.field == IDENTITY.get(edit.kind) and edit.before is None and edit.at == made[place]:
                    keys.setdefault(place, normal_email(str(edit.after)))
                elif edit.field in ("@deleted", "@merged", IDENTITY.get(edit.kind)):
                    ends.setdefault(place, edit.at - skew)
            for (kind, remote_id), key in keys.items():
                record = system.get(kind, remote_id)
                if record is not None:
                    place = kind, remote_id
                    found[kind, key].append(
                        Bearer(name, remote_id, record.created_by == HUB, made[place] - skew, ends.get(place, NEVER),
                               known.get((name, *place), NEVER), record.asked_hub_id)
                    )  # fmt: skip
        return found

    def _first_known(self) -> dict[tuple[str, Kind, str], int]:
        query = "SELECT system, kind, remote_id, min(at) FROM journal WHERE remote_id IS NOT NULL GROUP BY 1, 2, 3"
        rows = list(self.store.db.rows(query))
        query = (
            "SELECT system, kind, remote_id, min(opened_at) FROM review WHERE remote_id IS NOT NULL GROUP BY 1, 2, 3"
        )
        found: dict[tuple[str, Kind, str], int] = {}
        for system, kind, remote_id, at in (*rows, *self.store.db.rows(query)):
            place = (system, kind, self.inside(system, remote_id))
            found[place] = min(at, found.get(place, at))
        return found

    def nobody_guessed(self) -> Iterator[Violation]:
        """I4: who shares a key with several, of whom two are in one system, is linked only as a person said."""
        told = self._told()
        firsts = self._firsts()
        for (kind, key), group in self.bearers.items():
            for me in group:
                first = firsts.get((me.system, kind, me.id))
                if first is None or me.by_hub or (me.system, me.id) in told:
                    continue
                at, op, record = first
                if op != "link" or me.until <= at or record in self.into or record in self.into.values():
                    continue
                there = [b.system for b in group if b is not me and b.known <= at < b.until]
                if me.system in there or len(set(there)) < len(there):
                    yield Violation("I4", f"{me.system}:{me.id} was linked by {key}, which {len(there)} others have")

    def _firsts(self) -> dict[tuple[str, Kind, str], tuple[int, str, str]]:
        """Remote → when it was first given a record, how, and which. A stamp that is written is a `link` too, one with
        changes: it says nothing of why, and a merge may have been the reason."""
        query = (
            "SELECT system, kind, remote_id, at, CASE WHEN changes IS NULL THEN op ELSE 'other' END, record "
            "FROM journal WHERE remote_id IS NOT NULL ORDER BY seq DESC"
        )
        return {(s, k, i): (at, op, record) for s, k, i, at, op, record in self.store.db.rows(query)}

    def _told(self) -> set[tuple[str, str]]:
        """Remotes that a person called the same as somebody."""
        told: set[tuple[str, str]] = set()
        for review in self.store.book.reviews("all"):
            if review["topic"] == "match" and review["state"] == "accepted" and review["remote_id"]:
                choices = review["detail"].get("choices", ())
                same = review["choice"] or (choices[0] if len(choices) == 1 else ":")
                system, _, remote_id = same.partition(":")
                pair = ((review["system"], review["remote_id"]), (system, remote_id))
                told |= {(s, self.inside(s, i)) for s, i in pair}
        return told

    def nobody_converted_is_new(self) -> Iterator[Violation]:
        """I4: who was made of a lead that stood for a record stands for that one, and never for one of its own."""
        query = "SELECT min(at) FROM journal WHERE system = ? AND kind = 'contact' AND remote_id = ? AND op "
        for (name, contact), lead in self.world.converted.items():
            (new,) = self.store.db.rows(query + "= 'adopt'", name, contact)[0]
            (known,) = self.store.db.rows(query + "IN ('adopt', 'create')", name, lead)[0]
            if new is not None and known is not None and known < new:
                yield Violation("I4", f"{name}:{contact} counted as somebody new, and it was the lead {lead}")

    def nobody_made_beside(self) -> Iterator[Violation]:
        """I4: no record is made in a system where somebody known has its key, or while a question holds it back."""
        slack = LATE_MS + SERVER_MS if self.world.setting.faults.get("late") else 0
        for (kind, key), group in self.bearers.items():
            for made in group:
                ours = self.family(made.system, kind, made.id) if made.by_hub else set()
                if not ours or ours & (self.doubled | self.into.keys() | set(self.into.values())):
                    continue
                for other in group:
                    known = other.known + slack <= made.made < other.until
                    if other.by_hub or other.system != made.system or not known:
                        continue
                    if not ours & self.family(other.system, kind, other.id):
                        where = f"{made.system}:{made.id} beside {other.id}"
                        yield Violation("I4", f"{where}, who has {key} as well, and nobody was asked")
        yield from self._made_unasked(slack)

    def _made_unasked(self, slack: int) -> Iterator[Violation]:
        made: dict[tuple[str, str], list[int]] = defaultdict(list)
        for name, system in self.world.systems.items():
            for edit in system.history:
                if edit.field == "@created" and edit.who == HUB:
                    record = system.get(edit.kind, edit.id)
                    if record is not None and record.asked_hub_id:
                        made[name, record.asked_hub_id].append(edit.at - system.character.skew_ms)
        query = (
            "SELECT system, remote_id, detail, opened_at, CASE state WHEN 'open' THEN ? ELSE answered_at END "
            "FROM review WHERE topic = 'match' AND state <> 'closed' AND record IS NULL AND remote_id IS NOT NULL"
        )
        for name, remote_id, detail, opened, answered in self.store.db.rows(query, NEVER):
            for asked in from_json(detail).get("records", ()):
                if any(opened + slack < at < answered for at in made[name, asked]):
                    yield Violation("I4", f"{asked} was made in {name} while people were asked of {name}:{remote_id}")


__all__ = ["MatchChecks"]
