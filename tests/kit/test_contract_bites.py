"""Each check of the conformance suite fails the connector that breaks its promise, and no check lacks one."""

from __future__ import annotations

import dataclasses
import inspect

import pytest

from tieline.testing import ConnectorTests, MemorySubject
from tieline.testing.broken import BROKEN, Wrapper
from tieline.testing.broken_feeds import FED, SIGNALLED
from tieline.testing.broken_names import KEYLESS
from tieline.testing.contract import checks
from tieline.testing.contract_memory import RICH


@pytest.mark.parametrize("check", sorted(checks()))
def test_each_check_fails_the_connector_that_breaks_it(check):
    broken = BROKEN[check]
    subject = MemorySubject(dataclasses.replace(RICH, **broken.needs), wrap=broken)
    with pytest.raises(AssertionError, match=f"^{check} "):
        getattr(ConnectorTests(), checks()[check])(subject)


@pytest.mark.parametrize("check", sorted(checks()))
def test_the_same_system_passes_the_check_when_the_connector_is_honest(check):
    needs = {"R10": {"cap": 6}, "D7": {"index_lag_ms": 5000}, **dict.fromkeys(("T1", "T2", "T3", "T4"), FED)}
    needs |= {**dict.fromkeys(("N1", "N2"), KEYLESS), "T5": SIGNALLED}
    subject = MemorySubject(dataclasses.replace(RICH, **needs.get(check, {})), wrap=Wrapper)
    getattr(ConnectorTests(), checks()[check])(subject)


def test_no_check_lacks_a_broken_connector_and_none_is_left_over():
    assert set(checks()) == set(BROKEN)


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
