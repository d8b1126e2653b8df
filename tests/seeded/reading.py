"""Bugs in what is read and in whom it is taken for. Each is a context manager that breaks one piece while entered."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any
from unittest.mock import patch

from tieline.engine import window
from tieline.model import Window
from tieline.runner import context, ingest, pull
from tieline.runner.ingest import Ingest
from tieline.runner.space import ToHub, ToRemote
from tieline.store import Cursor
from tieline.store.forms import decode
from tieline.store.trees import Trees


@contextmanager
def gt() -> Iterator[None]:
    """Changes are asked for behind the cursor's stamp instead of from it."""
    with patch.object(window, "start", lambda cursor: window.Walk(Window(cursor + 1), newest=cursor)):
        yield


@contextmanager
def nooverlap() -> Iterator[None]:
    """The cursor follows the newest stamp, however late the rest may show."""
    with patch.object(window, "cursor_after", lambda saved, newest, now, facts: max(saved, newest)):
        yield


@contextmanager
def localclock() -> Iterator[None]:
    """The cursor is set to now."""
    with patch.object(window, "cursor_after", lambda saved, newest, now, facts: max(saved, now)):
        yield


@contextmanager
def pagebound() -> Iterator[None]:
    """Behind a result cap, reading goes on after the last stamp: the rest of that stamp is never read."""

    def narrow(walk: window.Walk, any_met: bool) -> window.Walk:
        stamp = max(walk.last[0], walk.window.since)
        return walk._replace(window=Window(stamp + 1), token=None, tokens=())

    with patch.object(window, "_narrow", narrow):
        yield


@contextmanager
def cursorfirst() -> Iterator[None]:
    """The cursor is saved in a transaction of its own, before what it accounts for."""
    real = pull.Reader._commit

    def commit(self: pull.Reader, page: Any, cursor: Any, listing: Any) -> None:
        with self.run.store.atomic():
            self.trees.save_cursor(cursor)
        self.run.ports.boundary("cursor")
        real(self, page, cursor, listing)

    with patch.object(pull.Reader, "_commit", commit):
        yield


@contextmanager
def feedfirst() -> Iterator[None]:
    """The token of a feed is saved in a transaction of its own, before what it accounts for."""
    real = pull.Reader._commit

    def commit(self: pull.Reader, page: Any, cursor: Any, listing: Any) -> None:
        if self.facts.feed:
            self._moved(cursor)
            self.run.ports.boundary("cursor")
        real(self, page, cursor, listing)

    with patch.object(pull.Reader, "_commit", commit):
        yield


@contextmanager
def nobarrier() -> Iterator[None]:
    """Systems take part before their first full read is complete."""

    class Begun(dict[tuple[str, str], Cursor]):
        def __missing__(self, place: tuple[str, str]) -> Cursor:
            return Cursor(*place)

    def joined(self: context.Run, kind: Any, cursors: Any) -> Any:
        return self.taking(kind), []

    def fail(self: context.Run, system: str, error: BaseException) -> None:
        self.errors.append(error)  # and a system whose reading broke off is written to all the same

    real = Trees.cursors
    begun = patch.object(Trees, "cursors", lambda self: Begun(real(self)))
    with begun, patch.object(context.Run, "joined", joined), patch.object(context.Run, "fail", fail):
        yield


@contextmanager
def trustlist() -> Iterator[None]:
    """What a search shows is taken in as it is, however old its index."""

    def confirmed(self: pull.Reader, hints: Any) -> Generator[Any, Any, Any]:
        yield from ()
        return hints

    with patch.object(pull.Reader, "_confirmed", confirmed):
        yield


@contextmanager
def twicecounted() -> Iterator[None]:
    """What is met a second time in a run is counted again."""
    always = property(lambda self: True, lambda self, value: None)
    with patch.object(Ingest, "counting", always, create=True):
        yield


@contextmanager
def emptylist() -> Iterator[None]:
    """What a listing does not name is deleted: no strong read asks again."""

    def absent(self: pull.Reader, listing: str, *, lost: bool) -> Generator[Any, Any, None]:
        yield from ()
        ids = self.trees.unlisted(self.system.name, self.facts.name, self.facts.kind, listing, "")
        with self.run.store.atomic():
            for row in self.ingest.rows(ids).values():
                if row.gone is None:
                    self.ingest.mark_gone(row)

    with patch.object(pull.Reader, "_absent", absent):
        yield


@contextmanager
def sweepless() -> Iterator[None]:
    """Nobody sweeps for what was deleted."""

    def sweep(self: pull.Reader, cursor: Any, *, first: bool) -> Generator[Any, Any, None]:
        yield from ()

    with patch.object(pull.Reader, "_sweep", sweep):
        yield


@contextmanager
def mergeasdelete() -> Iterator[None]:
    """A remote that was merged away counts as deleted."""

    def merge(self: Ingest, loser: str, winner: str) -> None:
        self._gone(self.rows([loser]).get(loser))

    with patch.object(Ingest, "_merge", merge):
        yield


@contextmanager
def conversionascreate() -> Iterator[None]:
    """Whoever is converted into another stream counts as somebody new there."""

    def convert(self: Ingest, remote: Any, heir: str) -> None:
        if (row := self.rows([remote.id]).get(remote.id)) is not None:
            self._unkey(remote.id, decode(row))
            self.trees.drop_link(self.system, self.kind, remote.id)

    with patch.object(Ingest, "_convert", convert):
        yield


@contextmanager
def leftbehind() -> Iterator[None]:
    """What a conversion does not carry along counts as cleared by a person."""

    def moved(link: Any, remote_id: str, stream: str) -> Any:
        return link._replace(remote_id=remote_id, stream=stream, version="", stamped=False)

    with patch.object(ingest, "moved", moved):
        yield


@contextmanager
def sidebyside() -> Iterator[None]:
    """Streams are read in any order: who was converted in between is met as somebody new."""

    def in_turn(reader: pull.Reader, sources: Any) -> Any:
        for source in sources:
            yield from source.steps()
        yield from reader.steps()

    with patch.object(pull, "_in_turn", in_turn):
        yield


@contextmanager
def aliasless() -> Iterator[None]:
    """Old ids are forgotten: whatever still refers to one refers to nobody."""
    with patch.object(Trees, "alias", lambda self, system, kind, old_id, remote_id: None):
        yield


@contextmanager
def undelete() -> Iterator[None]:
    """What somebody takes out of the bin stays dead."""
    with patch.object(Ingest, "_revived", lambda self, row: None):
        yield


@contextmanager
def refblank() -> Iterator[None]:
    """A reference to somebody the hub does not hold yet counts as cleared."""
    real = ToHub.fields

    def fields(self: ToHub, system: str, cells: Any) -> Any:
        return real(self, system, cells)[0], set()

    with patch.object(ToHub, "fields", fields):
        yield


@contextmanager
def wakeless() -> Iterator[None]:
    """Who waits to refer to somebody is not told when he is there."""
    with patch.object(Trees, "wake", lambda self, targets: None):
        yield


def _sent(change: Any) -> Any:
    """ToRemote.fields with every value that leaves for a system changed by `change(name, value)`."""
    real = ToRemote.fields

    def fields(self: ToRemote, cells: Any) -> Any:
        moved, missing = real(self, cells)
        return {name: change(name, value) for name, value in moved.items()}, missing

    return patch.object(ToRemote, "fields", fields)


@contextmanager
def nocurrency() -> Iterator[None]:
    """Money travels without its currency."""

    def bare(name: str, value: Any) -> Any:
        return {**value, "currency": None} if name == "amount" and value else value

    with _sent(bare):
        yield


@contextmanager
def dateshift() -> Iterator[None]:
    """A date is taken for midnight somewhere: it arrives as the day before."""

    def shifted(name: str, value: Any) -> Any:
        if name in ("close_date", "start") and value:
            return (date.fromisoformat(value) - timedelta(days=1)).isoformat()
        return value

    with _sent(shifted):
        yield
