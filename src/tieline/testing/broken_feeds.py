"""Connectors that each break one promise of a feed that goes on from a token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from tieline.errors import FeedExpired
from tieline.model import Page, Window
from tieline.testing.broken_reads import Wrapper

FED: Mapping[str, Any] = {"feed": True, "feed_ms": 3_600_000}
SIGNALLED: Mapping[str, Any] = {**FED, "signal": True, "full_listing": True, "tombstones": False, "sweep": False}
"""A new token is all that is told, and a listing all that shows who was deleted."""


# ruff: noqa: D102 -- the class says what is wrong, its method does it


class AsksForTheTokenAfterwards(Wrapper):
    """Takes the token when everything is listed: what happened meanwhile is in neither."""

    breaks = "T1"
    needs: ClassVar[Mapping[str, Any]] = FED

    def list(self, stream: str, token: str | None) -> Page:
        page = last = super().list(stream, token)
        if page.token is None:
            last = super().list(stream, None)
            while last.token is not None:
                last = super().list(stream, last.token)
        return page._replace(feed=last.feed)


class GoesOnByItself(Wrapper):
    """Remembers how far it has told, whichever token it is asked with."""

    breaks = "T2"
    needs: ClassVar[Mapping[str, Any]] = FED

    def changes(self, stream: str, window: Window, token: str | None) -> Page:
        newest = self.memory.get(stream, window.feed)
        page = super().changes(stream, window if token else Window(0, feed=newest), token)
        self.memory[stream] = page.feed or newest
        return page


class BeginsAgain(Wrapper):
    """Always goes on from the first token it ever gave."""

    breaks = "T3"
    needs: ClassVar[Mapping[str, Any]] = FED

    def changes(self, stream: str, window: Window, token: str | None) -> Page:
        first = self.memory.setdefault(stream, window.feed)
        return super().changes(stream, Window(0, feed=first), token)

    def list(self, stream: str, token: str | None) -> Page:
        page = super().list(stream, token)
        if page.feed is not None:
            page = page._replace(feed=self.memory.setdefault(stream, page.feed))
        return page


class TakesExpiryForQuiet(Wrapper):
    """Answers an empty page where the token has expired."""

    breaks = "T4"
    needs: ClassVar[Mapping[str, Any]] = FED

    def changes(self, stream: str, window: Window, token: str | None) -> Page:
        try:
            return super().changes(stream, window, token)
        except FeedExpired:
            return Page([])


class OverlooksTheDeleted(Wrapper):
    """Tells of no news while nobody was added: who was deleted is found out by nobody."""

    breaks = "T5"
    needs: ClassVar[Mapping[str, Any]] = SIGNALLED

    def list(self, stream: str, token: str | None) -> Page:
        page = super().list(stream, token)
        held = self.memory.setdefault((stream, "listed"), {})
        held[token] = len(page.remotes)
        return page

    def changes(self, stream: str, window: Window, token: str | None) -> Page:
        page, more, count = super().changes(stream, window, token), super().list(stream, None), 0
        while True:
            count += len(more.remotes)
            if more.token is None:
                break
            more = super().list(stream, more.token)
        known = sum(self.memory.get((stream, "listed"), {}).values())
        return page._replace(feed=None) if count < known else page
