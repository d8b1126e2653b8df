"""Connectors that each break one promise: of merges, of failing well, of their own schema and facts, of secrets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Any, ClassVar

from tieline.errors import RateLimited, Unavailable
from tieline.model import FieldFacts, Finding, Outcome, Page, Remote, Schema, Window, Write
from tieline.testing.broken_reads import Wrapper
from tieline.testing.contract_memory import CANARY

# ruff: noqa: D102 -- the class says what is wrong, its method does it


class BuriesTheMerged(Wrapper):
    """Takes a merge for a deletion where it reads."""

    breaks = "M1"

    def read(self, stream: str, ids: Sequence[str], fields: frozenset[str] | None) -> Sequence[Remote]:
        return [r._replace(merged_into=None) for r in super().read(stream, ids, fields)]


class HidesMerges(Wrapper):
    """Takes a merge for a deletion in its feeds."""

    breaks = "M2"

    def changes(self, stream: str, window: Window, token: str | None) -> Page:
        page = super().changes(stream, window, token)
        return page._replace(remotes=[r._replace(merged_into=None) for r in page.remotes])

    def sweep(self, stream: str, token: str | None) -> Page:
        page = super().sweep(stream, token)
        return page._replace(remotes=[r._replace(merged_into=None) for r in page.remotes])


class BuriesTheConverted(Wrapper):
    """Takes a conversion for a merge within the stream."""

    breaks = "M3"

    def read(self, stream: str, ids: Sequence[str], fields: frozenset[str] | None) -> Sequence[Remote]:
        return [r._replace(moved_to="") for r in super().read(stream, ids, fields)]


class CallsItDone(Wrapper):
    """Calls a throttled write done."""

    breaks = "L1"

    def write(self, stream: str, writes: Sequence[Write]) -> Sequence[Outcome]:
        try:
            return super().write(stream, writes)
        except RateLimited:
            return [Outcome("ok", remote_id="1") for _ in writes]


class CallsItEmpty(Wrapper):
    """Calls a throttled listing empty."""

    breaks = "L2"

    def list(self, stream: str, token: str | None) -> Page:
        try:
            return super().list(stream, token)
        except RateLimited:
            return Page([])


class RetriesBlindly(Wrapper):
    """Posts again what was not answered."""

    breaks = "U1"
    needs: ClassVar[Mapping[str, Any]] = {"unique_hub_id": False}

    def write(self, stream: str, writes: Sequence[Write]) -> Sequence[Outcome]:
        try:
            return super().write(stream, writes)
        except Unavailable:
            return super().write(stream, writes)


class StampsInASecondCall(Wrapper):
    """Creates first and puts the hub id on later."""

    breaks = "U2"

    def write(self, stream: str, writes: Sequence[Write]) -> Sequence[Outcome]:
        if writes[0].op != "create":
            return super().write(stream, writes)
        bare = [w._replace(hub_id=f"none yet {i}") for i, w in enumerate(writes)]
        found = super().write(stream, bare)
        links = [Write("link", w.hub_id, {}, o.remote_id) for w, o in zip(writes, found, strict=True) if o.remote_id]
        linked = {o.remote_id: o for o in self.inner.write(stream, links)}
        return [linked.get(o.remote_id, o) for o in found]


class SwallowsErrors(Wrapper):
    """Takes no answer for «not there»."""

    breaks = "U3"

    def read(self, stream: str, ids: Sequence[str], fields: frozenset[str] | None) -> Sequence[Remote]:
        try:
            return super().read(stream, ids, fields)
        except Unavailable:
            return []


class NeverTheSameSchema(Wrapper):
    """Has a fingerprint that moves by itself."""

    breaks = "S1"

    def schema(self, stream: str) -> Schema:
        return replace(super().schema(stream), fingerprint=str(next(self.memory.setdefault("count", count()))))


class FalseSchema(Wrapper):
    """Says something else of each field than is true."""

    def falsified(self, facts: FieldFacts) -> FieldFacts:
        """What the schema says of a field instead."""
        raise NotImplementedError

    def schema(self, stream: str) -> Schema:
        true = super().schema(stream)
        return replace(true, fields={f: self.falsified(facts) for f, facts in true.fields.items()})


class ClaimsAll(Wrapper):
    """Leaves out what is read only, and answers as if it had been written."""

    breaks = "S2"

    def write(self, stream: str, writes: Sequence[Write]) -> Sequence[Outcome]:
        known = self.inner.schema(stream).fields
        kept = [w._replace(fields={f: v for f, v in w.fields.items() if known[f].write}) for w in writes]
        return [
            o._replace(remote=o.remote._replace(fields={**o.remote.fields, **w.fields})) if o.remote else o
            for w, o in zip(writes, super().write(stream, kept), strict=True)
        ]


class RequiresNothing(FalseSchema):
    """Does not know which fields are required."""

    breaks = "S3"

    def falsified(self, facts: FieldFacts) -> FieldFacts:
        return replace(facts, required=False)


class InventsAChoice(FalseSchema):
    """Lists an option that there is not."""

    breaks = "S4"

    def falsified(self, facts: FieldFacts) -> FieldFacts:
        return replace(facts, choices=(*facts.choices, "another")) if facts.choices else facts


class ChecksByWriting(Wrapper):
    """Finds out whether it may write by writing."""

    breaks = "P1"

    def check(self) -> Iterable[Finding]:
        stream = self.facts.streams[-1].name
        self.inner.write(stream, [Write("create", "probe", {"name": "probe"})])
        return super().check()


class DropsTombstones(Wrapper):
    """Shows the living only, and declares tombstones."""

    breaks = "D1"

    def changes(self, stream: str, window: Window, token: str | None) -> Page:
        page = super().changes(stream, window, token)
        return page._replace(remotes=[r for r in page.remotes if not r.gone])


class SweepsOnePage(Wrapper):
    """Does not page through the deleted."""

    breaks = "D2"

    def sweep(self, stream: str, token: str | None) -> Page:
        return super().sweep(stream, token)._replace(token=None)


class IgnoresVersions(Wrapper):
    """Declares conditional writes and sends no condition."""

    breaks = "D3"

    def change(self, stream: str, write: Write) -> Write:
        return write._replace(version="")


class ListsTheDeleted(Wrapper):
    """Lists what is in the bin, too."""

    breaks = "D4"

    def list(self, stream: str, token: str | None) -> Page:
        page = super().list(stream, token)
        bin = [] if token else [r._replace(gone=False) for r in self.inner.sweep(stream, None).remotes]
        return page._replace(remotes=[*page.remotes, *bin])


class ReadsFromACache(Wrapper):
    """Reads each record once."""

    breaks = "D5"

    def read(self, stream: str, ids: Sequence[str], fields: frozenset[str] | None) -> Sequence[Remote]:
        for remote in super().read(stream, ids, fields):
            self.memory.setdefault(remote.id, remote)
        return [self.memory[i] for i in ids if i in self.memory]


class BelievesItsIndex(Wrapper):
    """Shows what an index holds and does not declare it a hint."""

    breaks = "D6"
    needs: ClassVar[Mapping[str, Any]] = {"hints": True, "stale_hits": True, "index_lag_ms": 5000}

    def lie(self, stream: str) -> dict[str, Any]:
        return {"hints": False}


class IsTooOptimistic(Wrapper):
    """Declares no overlap although its feed lags."""

    breaks = "D7"
    needs: ClassVar[Mapping[str, Any]] = {"index_lag_ms": 5000}

    def lie(self, stream: str) -> dict[str, Any]:
        return {"overlap_ms": 0, "quiet_ms": 0}


class TellsItsSecret(Wrapper):
    """Puts the whole request into its errors, token and all."""

    breaks = "K1"

    def list(self, stream: str, token: str | None) -> Page:
        try:
            return super().list(stream, token)
        except Unavailable as error:
            raise Unavailable(f"GET /{stream} with Bearer {CANARY}: {error}") from error
