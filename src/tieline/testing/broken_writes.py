"""Connectors that each break one promise of writing, of echoes, blanks or references."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from tieline.model import Op, Outcome, Remote, Write
from tieline.records import REFERENCES, spec_of
from tieline.testing.broken_reads import Wrapper
from tieline.testing.character import trimmed

# ruff: noqa: D102 -- the class says what is wrong, its method does it


class SendsLess(Wrapper):
    """Forgets a field of each create."""

    breaks = "W1"

    def change(self, stream: str, write: Write) -> Write:
        return write._replace(fields=dict([*write.fields.items()][:-1])) if write.op == "create" else write


class PutsTheWhole(Wrapper):
    """Writes back all it read last, with the change in it."""

    breaks = "W2"

    def read(self, stream: str, ids: Sequence[str], fields: frozenset[str] | None) -> Sequence[Remote]:
        remotes = super().read(stream, ids, fields)
        self.memory.update({r.id: {f: v for f, v in r.fields.items() if v is not None} for r in remotes})
        return remotes

    def change(self, stream: str, write: Write) -> Write:
        return write._replace(fields={**self.memory.get(write.remote_id, {}), **write.fields})


class ArchivesNothing(Wrapper):
    """Says so without doing it."""

    breaks = "W3"

    def write(self, stream: str, writes: Sequence[Write]) -> Sequence[Outcome]:
        if writes[0].op == "archive":
            return [Outcome("ok", remote_id=w.remote_id) for w in writes]
        return super().write(stream, writes)


class AnswersBackwards(Wrapper):
    """Gives outcomes in whatever order they came."""

    breaks = "W4"

    def write(self, stream: str, writes: Sequence[Write]) -> Sequence[Outcome]:
        return [*super().write(stream, writes)][::-1]


class TakesTheBatchForDone(Wrapper):
    """Does not look at the items of an answer."""

    breaks = "W5"

    def write(self, stream: str, writes: Sequence[Write]) -> Sequence[Outcome]:
        return [o._replace(status="ok", problems=()) for o in super().write(stream, writes)]


class DropsHalf(Wrapper):
    """Sends what fits and calls all of it done."""

    breaks = "W6"

    def write(self, stream: str, writes: Sequence[Write]) -> Sequence[Outcome]:
        sent = [*super().write(stream, writes[: max(1, self.facts.stream(stream).batch // 2)])]
        return sent + [Outcome("ok", remote_id="1")] * (len(writes) - len(sent))


class CutsTheHubId(Wrapper):
    """Has a field for the hub id that is too short."""

    breaks = "W7"

    def change(self, stream: str, write: Write) -> Write:
        return write._replace(hub_id=write.hub_id[:-1])


class FindsEverybody(Wrapper):
    """Asks who has a hub id, not who has these."""

    breaks = "W8"

    def find(self, stream: str, hub_ids: Sequence[str]) -> Sequence[Remote]:
        return [r for r in self.inner.list(stream, None).remotes if r.hub_id]


class Upserts(Wrapper):
    """Overwrites what already exists."""

    breaks = "W9"

    def write(self, stream: str, writes: Sequence[Write]) -> Sequence[Outcome]:
        found = [*super().write(stream, writes)]
        for at, (write, outcome) in enumerate(zip(writes, found, strict=True)):
            if outcome.status == "exists":
                again = write._replace(op="update", remote_id=outcome.remote_id)
                found[at] = self.inner.write(stream, [again])[0]
        return found


class LinksNothing(Wrapper):
    """Does not know the operation, and does not say so."""

    breaks = "W10"

    def write(self, stream: str, writes: Sequence[Write]) -> Sequence[Outcome]:
        if writes[0].op == "link":
            return [Outcome("ok", remote_id=w.remote_id) for w in writes]
        return super().write(stream, writes)


class BringsBack(Wrapper):
    """Creates what it cannot update."""

    breaks = "W11"

    def write(self, stream: str, writes: Sequence[Write]) -> Sequence[Outcome]:
        found = [*super().write(stream, writes)]
        for at, (write, outcome) in enumerate(zip(writes, found, strict=True)):
            if outcome.status == "gone" and write.op == "update":
                fields = {"name": "again", "last_name": "again", **write.fields}
                known = self.schema(stream).fields
                again = Write("create", write.hub_id, {f: v for f, v in fields.items() if f in known})
                found[at] = self.inner.write(stream, [again])[0]
        return found


class SortsTheBatch(Wrapper):
    """Does creates first, and answers them first."""

    breaks = "W12"

    def write(self, stream: str, writes: Sequence[Write]) -> Sequence[Outcome]:
        order: dict[Op, int] = {"create": 0, "update": 1}
        return super().write(stream, sorted(writes, key=lambda w: order.get(w.op, 2)))


class AnswersWhatItSent(Wrapper):
    """Takes what was sent for what is there."""

    breaks = "E1"
    needs: ClassVar[Mapping[str, Any]] = {
        "normal": dict.fromkeys(("name", "description", "last_name", "title", "pipeline", "type"), trimmed)
    }

    def write(self, stream: str, writes: Sequence[Write]) -> Sequence[Outcome]:
        return [
            o._replace(remote=o.remote._replace(fields={**o.remote.fields, **w.fields})) if o.remote else o
            for w, o in zip(writes, super().write(stream, writes), strict=True)
        ]


class AddsAFullStop(Wrapper):
    """Changes texts a little each time it writes them."""

    breaks = "E2"

    def change(self, stream: str, write: Write) -> Write:
        kind = self.facts.stream(stream).kind
        texts = {f: f"{v}." for f, v in write.fields.items() if v is not None and spec_of(kind, f).type == "text"}
        return write._replace(fields={**write.fields, **texts})


class EscapesAgain(Wrapper):
    """Escapes on the way out and not back on the way in."""

    breaks = "E3"

    def change(self, stream: str, write: Write) -> Write:
        return write._replace(fields={f: html.escape(v) if isinstance(v, str) else v for f, v in write.fields.items()})


class SkipsNulls(Wrapper):
    """Sends only what has a value."""

    breaks = "B1"

    def change(self, stream: str, write: Write) -> Write:
        return write._replace(fields={f: v for f, v in write.fields.items() if v is not None})


class WritesUnknown(Wrapper):
    """Makes up a value for a blank."""

    breaks = "B2"

    def change(self, stream: str, write: Write) -> Write:
        return write._replace(fields={f: "Unknown" if v is None else v for f, v in write.fields.items()})


class ForgetsReferences(Wrapper):
    """Does not write references."""

    breaks = "F1"

    def change(self, stream: str, write: Write) -> Write:
        references = REFERENCES[self.facts.stream(stream).kind]
        return write._replace(fields={f: v for f, v in write.fields.items() if f not in references})


class OnlyAddsReferences(Wrapper):
    """Adds to a list of references and never takes from it."""

    breaks = "F2"

    def change(self, stream: str, write: Write) -> Write:
        rows = write.fields.get("contacts")
        if not rows or write.remote_id is None:
            return write
        (remote,) = self.inner.read(stream, [write.remote_id], None)
        merged = {row["id"]: row for row in [*(remote.fields["contacts"] or []), *rows]}
        return write._replace(fields={**write.fields, "contacts": [merged[i] for i in sorted(merged)]})


class DropsBadReferences(Wrapper):
    """Writes the rest when a reference is refused, and does not tell."""

    breaks = "F3"

    def write(self, stream: str, writes: Sequence[Write]) -> Sequence[Outcome]:
        found = [*super().write(stream, writes)]
        for at, (write, outcome) in enumerate(zip(writes, found, strict=True)):
            bad = {p.field for p in outcome.problems if p.code == "bad_reference"}
            if bad:
                rest = write._replace(fields={f: v for f, v in write.fields.items() if f not in bad})
                found[at] = self.inner.write(stream, [rest])[0]
        return found
