"""Connectors that each break the other half of a promise: of a check that asks for several things, the one that the
connector of `broken` with the same id keeps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from typing import ClassVar

from tieline.errors import RateLimited
from tieline.model import FieldFacts, Outcome, Page, Problem, Remote, Schema, Window, Write
from tieline.testing.broken_reads import Wrapper
from tieline.testing.broken_world import FalseSchema


class Half(Wrapper):
    """`says` is what the check must say of it: failing for another reason shows nothing."""

    says: ClassVar[str] = ""


# ruff: noqa: D102 -- the class says what is wrong, its method does it


class HasNoVersion(Half):
    """Gives no version."""

    breaks, says = "R11", "there is no version"

    def read(self, stream: str, ids: Sequence[str], fields: frozenset[str] | None) -> Sequence[Remote]:
        return [r._replace(version="") for r in super().read(stream, ids, fields)]


class CountsItsReads(Half):
    """Takes the moment of the reading for a version."""

    breaks, says = "R11", "the version moved although nothing changed"

    def read(self, stream: str, ids: Sequence[str], fields: frozenset[str] | None) -> Sequence[Remote]:
        reads = self.memory.setdefault("count", count())
        return [r._replace(version=str(next(reads))) for r in super().read(stream, ids, fields)]


class ReadsEmptyTexts(Half):
    """Hands on the empty text that stands for a blank on the wire."""

    breaks, says = "R12", "blank fields are not null"

    def read(self, stream: str, ids: Sequence[str], fields: frozenset[str] | None) -> Sequence[Remote]:
        found = super().read(stream, ids, fields)
        return [r._replace(fields={f: "" if v is None else v for f, v in r.fields.items()}) for r in found]


class ReadsNoneOfThem(Half):
    """Names the fields that it wants in a way that the system does not know."""

    breaks, says = "R12", "alone answers \\{\\}"

    def read(self, stream: str, ids: Sequence[str], fields: frozenset[str] | None) -> Sequence[Remote]:
        return super().read(stream, ids, None if fields is None else frozenset())


class BlanksWhatItDidNotRead(Half):
    """Takes a field that it did not ask for for a blank one."""

    breaks, says = "R12", "alone speaks of .* as well"

    def read(self, stream: str, ids: Sequence[str], fields: frozenset[str] | None) -> Sequence[Remote]:
        blank = dict.fromkeys(self.schema(stream).fields)
        return [r._replace(fields={**blank, **r.fields}) for r in super().read(stream, ids, fields)]


class ListsNoHubId(Half):
    """Leaves the hub id out where it lists."""

    breaks, says = "R13", "differ in version, stamp or hub id"

    def list(self, stream: str, token: str | None) -> Page:
        page = super().list(stream, token)
        return page._replace(remotes=[r._replace(version=f"{r.version}'") for r in page.remotes])


class TellsAnOldTime(Half):
    """Says when the page was kept, not when it was asked for."""

    breaks, says = "R18", "is ahead of the server's 1$"

    def changes(self, stream: str, window: Window, token: str | None) -> Page:
        return super().changes(stream, window, token)._replace(now=1)


class AppliesAndThrottles(Half):
    """Is stopped by a limit that it had passed already."""

    breaks, says = "L1", "a throttled create was applied"

    def write(self, stream: str, writes: Sequence[Write]) -> Sequence[Outcome]:
        try:
            return super().write(stream, writes)
        except RateLimited:
            inner = getattr(self.inner, "inner", self.inner)  # behind the limit
            inner.write(stream, writes)
            raise


class HasNoFingerprint(Half):
    """Tells nothing by which one schema is known from another."""

    breaks, says = "S1", "there is no fingerprint"

    def schema(self, stream: str) -> Schema:
        return replace(super().schema(stream), fingerprint="")


class WritesLess(Half):
    """Leaves a text out of its updates, and answers as if it had been written."""

    breaks, says = "S2", "writing (name|last_name) was answered"

    def change(self, stream: str, write: Write) -> Write:
        kept = {f: v for f, v in write.fields.items() if f not in ("name", "last_name")}
        return write._replace(fields=kept) if write.op == "update" else write


class TakesWhatItRefuses(FalseSchema, Half):
    """Calls every field read only, says so of each write, and writes it."""

    breaks, says = "S2", "is read only and changed to"

    def falsified(self, facts: FieldFacts) -> FieldFacts:
        return replace(facts, write=False)

    def write(self, stream: str, writes: Sequence[Write]) -> Sequence[Outcome]:
        super().write(stream, writes)
        return [Outcome("rejected", problems=tuple(Problem(f, "read only") for f in w.fields)) for w in writes]


class RequiresEverything(FalseSchema, Half):
    """Calls a field required that is not missed."""

    breaks, says = "S3", "a create without .* was answered"

    def falsified(self, facts: FieldFacts) -> FieldFacts:
        return replace(facts, required=facts.create)


class MakesWhatItRefuses(Half):
    """Makes a record of what is left and refuses it then."""

    breaks, says = "S3", "a refused create made a record"

    def write(self, stream: str, writes: Sequence[Write]) -> Sequence[Outcome]:
        needed = {f for f, facts in self.schema(stream).fields.items() if facts.required}
        found = []
        for write in writes:
            gaps = sorted(needed - write.fields.keys()) if write.op == "create" else []
            filled = write._replace(fields={**write.fields, **dict.fromkeys(gaps, "unknown")})
            (outcome,) = super().write(stream, [filled])
            refused = Outcome("rejected", problems=tuple(Problem(f, f"{f} is missing") for f in gaps))
            found.append(refused if gaps else outcome)
        return found


class ForgivesOptions(Half):
    """Leaves out a value that is none of the options, and answers as if all were well."""

    breaks, says = "S4", "= 'no such option' was answered"

    def change(self, stream: str, write: Write) -> Write:
        known = self.schema(stream).fields
        bad = {f for f, v in write.fields.items() if (choices := known[f].choices) and v not in choices}
        return write._replace(fields={f: v for f, v in write.fields.items() if f not in bad})


class SweepsTheLiving(Half):
    """Sweeps everything, and calls it gone."""

    breaks, says = "D2", "the sweep lists a living record"

    def sweep(self, stream: str, token: str | None) -> Page:
        page = super().sweep(stream, token)
        alive = [] if page.token else self._alive(stream)
        return page._replace(remotes=[*page.remotes, *alive])

    def _alive(self, stream: str) -> list[Remote]:
        page, found = self.inner.list(stream, None), []
        while True:
            found += [r._replace(gone=True) for r in page.remotes]
            if page.token is None:
                return found
            page = self.inner.list(stream, page.token)


class RefusesEveryVersion(Half):
    """Sends a condition that nothing meets."""

    breaks, says = "D3", "an update of the newest version was answered"

    def change(self, stream: str, write: Write) -> Write:
        return write._replace(version=write.version and f"{write.version}'")
