"""Connectors that each break one promise of reading, and the wrapper that all broken connectors are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, TypeAlias

from tieline.connector import Connector
from tieline.model import Facts, Finding, Outcome, Page, Remote, Schema, Window, Write

Listed: TypeAlias = list[Remote]


class Wrapper:
    """An honest connector in a wrapper, which breaks nothing yet."""

    breaks: ClassVar[str] = ""
    needs: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, inner: Connector) -> None:
        self.inner = inner
        self.memory: dict[Any, Any] = {}
        """Whatever a broken connector should not have remembered."""
        self.facts: Facts = replace(
            inner.facts, streams=tuple(replace(s, **self.lie(s.name)) for s in inner.facts.streams)
        )

    def lie(self, stream: str) -> dict[str, Any]:
        """What of the stream's facts to declare falsely."""
        return {}

    def schema(self, stream: str) -> Schema:
        """Pass on."""
        return self.inner.schema(stream)

    def list(self, stream: str, token: str | None) -> Page:
        """Pass on."""
        return self.inner.list(stream, token)

    def changes(self, stream: str, window: Window, token: str | None) -> Page:
        """Pass on."""
        return self.inner.changes(stream, window, token)

    def sweep(self, stream: str, token: str | None) -> Page:
        """Pass on."""
        return self.inner.sweep(stream, token)

    def read(self, stream: str, ids: Sequence[str], fields: frozenset[str] | None) -> Sequence[Remote]:
        """Pass on."""
        return self.inner.read(stream, ids, fields)

    def find(self, stream: str, hub_ids: Sequence[str]) -> Sequence[Remote]:
        """Pass on."""
        return self.inner.find(stream, hub_ids)

    def write(self, stream: str, writes: Sequence[Write]) -> Sequence[Outcome]:
        """Pass on, each write as `change` makes it."""
        return self.inner.write(stream, [self.change(stream, write) for write in writes])

    def change(self, stream: str, write: Write) -> Write:
        """The write that is sent instead."""
        return write

    def check(self) -> Iterable[Finding]:
        """Pass on."""
        return self.inner.check()

    def close(self) -> None:
        """Pass on."""
        self.inner.close()


def _without_nulls(remote: Remote) -> Remote:
    return remote._replace(fields={f: v for f, v in remote.fields.items() if v is not None})


AGAIN = "from the start"


# ruff: noqa: D102 -- the class says what is wrong, its method does it


class DropsTheLastOfAPage(Wrapper):
    """Counts from one."""

    breaks = "R1"

    def list(self, stream: str, token: str | None) -> Page:
        page = super().list(stream, token)
        return page._replace(remotes=page.remotes[:-1]) if page.token else page


class NeverEnds(Wrapper):
    """Begins again instead of ending."""

    breaks = "R2"

    def list(self, stream: str, token: str | None) -> Page:
        page = super().list(stream, None if token == AGAIN else token)
        return page._replace(token=AGAIN)


class SkipsEqualStamps(Wrapper):
    """Goes on behind the last stamp instead of behind the last record."""

    breaks = "R3"

    def changes(self, stream: str, window: Window, token: str | None) -> Page:
        page = super().changes(stream, window, token)
        last = self.memory.get(token, -1)
        if page.token:
            self.memory[page.token] = page.remotes[-1].modified
        return page._replace(remotes=[r for r in page.remotes if r.modified > last])


class OrdersById(Wrapper):
    """Sorts each page of changes by id."""

    breaks = "R4"

    def changes(self, stream: str, window: Window, token: str | None) -> Page:
        page = super().changes(stream, window, token)
        return page._replace(remotes=sorted(page.remotes, key=lambda r: r.id))


class AsksForLater(Wrapper):
    """Asks for stamps after the start of the window."""

    breaks = "R5"

    def changes(self, stream: str, window: Window, token: str | None) -> Page:
        return super().changes(stream, window._replace(since=window.since + 1), token)


class AsksForEverything(Wrapper):
    """Ignores the window."""

    breaks = "R6"

    def changes(self, stream: str, window: Window, token: str | None) -> Page:
        return super().changes(stream, Window(0), token)


class ForgetsTokens(Wrapper):
    """Takes a token once."""

    breaks = "R7"

    def list(self, stream: str, token: str | None) -> Page:
        if token is not None and (stream, token) in self.memory:
            return Page([])
        self.memory[stream, token] = True
        return super().list(stream, token)


class KeepsACursor(Wrapper):
    """Never looks back behind what it has shown once."""

    breaks = "R8"

    def changes(self, stream: str, window: Window, token: str | None) -> Page:
        since = max(window.since, self.memory.get(stream, 0))
        page = super().changes(stream, window._replace(since=since), token)
        if page.token is None and page.remotes:
            self.memory[stream] = page.remotes[-1].modified
        return page


class IgnoresTheId(Wrapper):
    """Knows windows of time only."""

    breaks = "R9"

    def changes(self, stream: str, window: Window, token: str | None) -> Page:
        return super().changes(stream, Window(window.since), token)


class HidesTheCap(Wrapper):
    """Takes the end of what it was given for the end of what there is."""

    breaks = "R10"
    needs: ClassVar[Mapping[str, Any]] = {"cap": 6}

    def changes(self, stream: str, window: Window, token: str | None) -> Page:
        return super().changes(stream, window, token)._replace(capped=False)


class TakesTheStampForAVersion(Wrapper):
    """Two edits of one moment look like one."""

    breaks = "R11"

    def read(self, stream: str, ids: Sequence[str], fields: frozenset[str] | None) -> Sequence[Remote]:
        return [r._replace(version=str(r.modified)) for r in super().read(stream, ids, fields)]


class LeavesOutBlanks(Wrapper):
    """Says nothing of a field that is blank."""

    breaks = "R12"

    def read(self, stream: str, ids: Sequence[str], fields: frozenset[str] | None) -> Sequence[Remote]:
        return [_without_nulls(r) for r in super().read(stream, ids, fields)]


class ListsLess(Wrapper):
    """Leaves blanks out where it lists."""

    breaks = "R13"

    def list(self, stream: str, token: str | None) -> Page:
        page = super().list(stream, token)
        return page._replace(remotes=[_without_nulls(r) for r in page.remotes])


class BuriesTheUnknown(Wrapper):
    """Calls an id deleted that never was."""

    breaks = "R14"

    def read(self, stream: str, ids: Sequence[str], fields: frozenset[str] | None) -> Sequence[Remote]:
        found = [*super().read(stream, ids, fields)]
        return [*found, *(Remote(i, {}, gone=True) for i in ids if i not in {r.id for r in found})]


class CountsChanges(Wrapper):
    """Pages by number, so that the rest moves up when one leaves."""

    breaks = "R15"
    needs: ClassVar[Mapping[str, Any]] = {"offsets": True}


class CountsTheListed(Wrapper):
    """Lists by number."""

    breaks = "R16"

    def list(self, stream: str, token: str | None) -> Page:
        page = super().list(stream, None)
        remotes: Listed = []
        while True:
            remotes += page.remotes
            if page.token is None:
                break
            page = super().list(stream, page.token)
        at = int(token or 0)
        return page._replace(remotes=remotes[at : at + 3], token=str(at + 3) if at + 3 < len(remotes) else None)


class ReadsNumbersAsText(Wrapper):
    """Hands on what was on the wire."""

    breaks = "R17"

    def read(self, stream: str, ids: Sequence[str], fields: frozenset[str] | None) -> Sequence[Remote]:
        return [
            r._replace(fields={f: str(v) if isinstance(v, int) else v for f, v in r.fields.items()})
            for r in super().read(stream, ids, fields)
        ]


class KnowsNoTime(Wrapper):
    """Does not read the server's clock."""

    breaks = "R18"

    def changes(self, stream: str, window: Window, token: str | None) -> Page:
        return super().changes(stream, window, token)._replace(now=0)
