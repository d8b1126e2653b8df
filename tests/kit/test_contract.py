"""The in-memory system, in several characters, passes the whole conformance suite."""

from __future__ import annotations

import dataclasses

import pytest

from tieline.testing import Character, ConnectorTests, MemorySubject
from tieline.testing.broken_feeds import SIGNALLED
from tieline.testing.character import digits, lower, trimmed
from tieline.testing.contract_memory import RICH

RARELY = 1e-12
"""A chance that never comes true here: only `typed` makes records without an id."""


class TestRich(ConnectorTests):
    """Everything that can be declared."""

    @pytest.fixture
    def subject(self) -> MemorySubject:
        return MemorySubject(RICH)


class TestSearch(ConnectorTests):
    """A lagging, capped index in front of a store; coarse stamps; merged ids redirect."""

    @pytest.fixture
    def subject(self) -> MemorySubject:
        character = dataclasses.replace(
            RICH,
            hints=True,
            index_lag_ms=10_000,
            cap=6,
            granularity_ms=1000,
            conditional=False,
            tombstones=False,
            redirects=True,
            answers_state=False,
            mixed=False,
            unique_email=True,
            touches=True,
            server_ms=5000,
            normal={"email": lower, "phone": digits, "title": trimmed},
        )
        return MemorySubject(character)


class TestLateFeed(ConnectorTests):
    """No index, but commits show late and the feed leaves out what is young; updates are taken in part."""

    @pytest.fixture
    def subject(self) -> MemorySubject:
        return MemorySubject(
            dataclasses.replace(RICH, late_commit_ms=3000, index_lag_ms=2000, partial_fields=True, sweep=False)
        )


class TestPlainFolder(ConnectorTests):
    """No hub id, no tombstones, no archives: a complete listing is all the evidence there is."""

    @pytest.fixture
    def subject(self) -> MemorySubject:
        character = Character(page=3, batch=10, stamps=False, full_listing=True, archives=False)
        subject = MemorySubject(character)
        subject.reasons = {
            "M1": "a merged row is simply not there any more",
            "M2": "a merged row is simply not there any more",
        }
        return subject


class TestWeakReads(ConnectorTests):
    """Reads come from the index too."""

    @pytest.fixture
    def subject(self) -> MemorySubject:
        return MemorySubject(dataclasses.replace(RICH, strong_read=False))


class TestFeed(ConnectorTests):
    """Changes go on from tokens that expire; the index lags."""

    @pytest.fixture
    def subject(self) -> MemorySubject:
        return MemorySubject(dataclasses.replace(RICH, feed=True, feed_ms=3_600_000, index_lag_ms=2000))


class TestSignal(ConnectorTests):
    """A token says that something changed, and nothing else; a listing says what."""

    @pytest.fixture
    def subject(self) -> MemorySubject:
        return MemorySubject(dataclasses.replace(RICH, **SIGNALLED, leads=False, redirects=True))


class TestKeyless(ConnectorTests):
    """People may add records without an id; all else as in the richest system."""

    @pytest.fixture
    def subject(self) -> MemorySubject:
        return MemorySubject(dataclasses.replace(RICH, keyless=RARELY))
