"""Each check of the conformance suite fails the connector that breaks its promise, and no check lacks one."""

from __future__ import annotations

import dataclasses
import inspect

import pytest

from tieline.testing import ConnectorTests, MemorySubject
from tieline.testing.broken import BROKEN, HALVES, Wrapper
from tieline.testing.broken_feeds import FED, SIGNALLED
from tieline.testing.broken_names import KEYLESS
from tieline.testing.contract import checks
from tieline.testing.contract_memory import RICH

REASONS = {
    "B1": "after clearing",
    "B2": "clearing .* was answered",
    "D1": "was deleted; gone in `changes`",
    "D2": "not swept",
    "D3": "an update of an old version was answered",
    "D4": "\\(deleted\\)",
    "D5": "was edited to .* and is read as",
    "D6": "shows an old state",
    "D7": "is not in `changes` yet",
    "E1": "answers other values than are there",
    "E2": "writing what was read changed",
    "E3": "which, written, is",
    "F1": "was created as .* and is read as None",
    "F2": "was set to .* and holds",
    "F3": "of an unknown id was answered",
    "K1": "the credential shows",
    "L1": "a throttled create was answered {'ok'}",
    "L2": "a throttled `list` gives None",
    "M1": "the merged id .* is answered with",
    "M2": "nothing tells that .* was merged into",
    "M3": "became .* of contacts, and is answered with",
    "N1": "does not name .* among the aliases",
    "N2": "shows what is there no more",
    "P1": "looking at the system changed it",
    "R1": "not listed",
    "R2": "the pages do not end",
    "R3": "not in `changes`",
    "R4": "stamps go back",
    "R5": "at the very start of the window is left out",
    "R6": "is older than the window",
    "R7": "differently the second time",
    "R8": "a window from .* leaves out",
    "R9": "behind .* come",
    "R10": "does not say `capped`, and hides",
    "R11": "the version stayed",
    "R12": "left out instead of null",
    "R13": "`list` and `read` differ",
    "R14": "of one known and one unknown id",
    "R15": "hidden by the edit",
    "R16": "hidden by the delete",
    "R17": "its normal form is",
    "R18": "does not say what time it is",
    "S1": "two schemas differ",
    "S2": "is read only, yet writing it gives",
    "S3": "is not required, yet a create without it was answered",
    "S4": "= 'another' was answered",
    "T1": "was edited behind the reader",
    "T2": "a token that is used again leaves out",
    "T3": "nothing has happened since, and",
    "T4": "a token that has expired gives None",
    "T5": "brings no new token",
    "U1": "one create made 2 records",
    "U2": "the create was applied; `find` gives",
    "U3": "refused: `read` gives None",
    "W1": "does not hold what was sent",
    "W2": "alone left others different",
    "W3": "there is not one record less",
    "W4": "is named for a write whose",
    "W5": "a bad .* was answered",
    "W6": "there are not 10 more",
    "W7": "does not show the hub id",
    "W8": "asked for two carriers",
    "W9": "the second create was answered",
    "W10": "the record carries None",
    "W11": "the update was answered",
    "W12": "the outcomes name",
}
"""Check → what it must say of the connector that breaks it: failing for another reason shows nothing of the check."""


@pytest.mark.parametrize("check", sorted(checks()))
def test_each_check_fails_the_connector_that_breaks_it(check):
    broken = BROKEN[check]
    subject = MemorySubject(dataclasses.replace(RICH, **broken.needs), wrap=broken)
    with pytest.raises(AssertionError, match=f"^{check} .*{REASONS[check]}"):
        getattr(ConnectorTests(), checks()[check])(subject)


@pytest.mark.parametrize("broken", HALVES, ids=lambda c: f"{c.breaks}-{c.__name__}")
def test_each_other_half_of_a_check_fails_the_connector_that_breaks_it_alone(broken):
    subject = MemorySubject(dataclasses.replace(RICH, **broken.needs), wrap=broken)
    with pytest.raises(AssertionError, match=f"^{broken.breaks} .*{broken.says}"):
        getattr(ConnectorTests(), checks()[broken.breaks])(subject)


def test_an_other_half_is_not_the_reason_that_a_check_has_a_connector_for_already():
    for broken in HALVES:
        assert broken.says not in ("", REASONS[broken.breaks]), broken
    assert {"R12", "R18", "S2", "S4"} <= {broken.breaks for broken in HALVES}
    assert len({(broken.breaks, broken.says) for broken in HALVES}) == len(HALVES)


@pytest.mark.parametrize("check", sorted(checks()))
def test_the_same_system_passes_the_check_when_the_connector_is_honest(check):
    needs = {"R10": {"cap": 6}, "D7": {"index_lag_ms": 5000}, **dict.fromkeys(("T1", "T2", "T3", "T4"), FED)}
    needs |= {**dict.fromkeys(("N1", "N2"), KEYLESS), "T5": SIGNALLED}
    subject = MemorySubject(dataclasses.replace(RICH, **needs.get(check, {})), wrap=Wrapper)
    getattr(ConnectorTests(), checks()[check])(subject)


def test_no_check_lacks_a_broken_connector_and_none_is_left_over():
    assert set(checks()) == set(BROKEN) == set(REASONS)


@pytest.mark.parametrize("check", ["T1", "T2", "T3", "T4"])
def test_a_feed_that_only_signals_is_held_to_the_same_promises(check):
    honest = MemorySubject(dataclasses.replace(RICH, **SIGNALLED), wrap=Wrapper)
    getattr(ConnectorTests(), checks()[check])(honest)
    subject = MemorySubject(dataclasses.replace(RICH, **SIGNALLED), wrap=BROKEN[check])
    with pytest.raises(AssertionError, match=f"^{check} "):
        getattr(ConnectorTests(), checks()[check])(subject)


@pytest.mark.parametrize("name", sorted(n for n in dir(ConnectorTests) if n.startswith("test_")))
def test_each_check_begins_its_docstring_with_its_id(name):
    method = getattr(ConnectorTests, name)
    id = name.split("_")[1].upper()
    assert method.__doc__.startswith(f"{id}: ")
    assert f'"{id}"' in inspect.getsource(method)


def test_a_check_is_skipped_for_a_written_reason_and_says_it():
    subject = MemorySubject(RICH)
    subject.reasons = {"R1": "one page is all there is"}
    with pytest.raises(pytest.skip.Exception, match="R1: one page is all there is"):
        ConnectorTests().test_r1_listing_shows_every_record_once(subject)


def test_a_subject_without_a_fault_fails_the_checks_that_need_it():
    class Bare(MemorySubject):
        def fault(self, name):
            return super(MemorySubject, self).fault(name)

    with pytest.raises(NotImplementedError, match="give a reason"):
        ConnectorTests().test_l1_a_throttled_write_applies_nothing(Bare(RICH))


def test_in_the_richest_system_only_the_cap_feeds_and_missing_ids_are_left_out():
    skipped = []
    for check, name in checks().items():
        try:
            getattr(ConnectorTests(), name)(MemorySubject(RICH))
        except pytest.skip.Exception:
            skipped.append(check)
    assert skipped == ["N1", "N2", "R10", "T1", "T2", "T3", "T4", "T5"]
