"""One test for each oddity of Drive, Calendar and Gmail that the actions rely on; docstrings name the source."""

from __future__ import annotations

from typing import Any

import pytest

from tieline import NotAuthorised, RateLimited
from tieline.model import ActionFacts
from tieline_google.actions.acts import FACTS, INDEX_LAG_MS

FACT: dict[str, ActionFacts] = {fact.name: fact for fact in FACTS}
EVENT = {"title": "T", "date": "2026-12-01"}


@pytest.mark.parametrize(("name", "fields"), [("folder", {"name": "N"}), ("draft", {"subject": "S"})])
def test_a_search_lags_and_is_believed_only_after_its_quiet_time(on: Any, name: str, fields: Any) -> None:
    """[memory] files.list and drafts.list are searches; how long they take to show what is new is nowhere promised."""
    acts = on("search-lag")
    acts.do(name, **fields)
    assert acts.found(name) == {}
    acts.clock.advance(FACT[name].quiet_ms)
    assert set(acts.found(name)) == {acts.key}
    assert FACT[name].quiet_ms > INDEX_LAG_MS


def test_an_event_is_read_by_its_id_without_a_lag(on: Any) -> None:
    """[spec] events.get: an id of one's own choice."""
    acts = on("search-lag")
    acts.do("event", **EVENT)
    assert set(acts.found("event")) == {acts.key}
    assert FACT["event"].quiet_ms < INDEX_LAG_MS


@pytest.mark.parametrize("vice", ["quota", "old-403"])
def test_both_ways_to_say_too_fast_are_waited_out(on: Any, vice: str) -> None:
    """[rec] 429 RESOURCE_EXHAUSTED without Retry-After; [memory] the older 403. Nothing of the call was done."""
    acts = on(vice)
    for n in range(12):
        assert acts.do("event", f"k{n}", **EVENT).status == "ok"
    assert len(acts.state.calendars.rows["ops@northbay.example"]) == 12
    assert len(acts.calls) > 12


def test_an_answer_that_is_lost_leaves_an_event_that_is_found(on: Any) -> None:
    acts = on("lost-answer")
    lost = []
    for n in range(6):
        try:
            acts.do("event", f"k{n}", **EVENT)
        except Exception as error:
            lost.append((f"k{n}", getattr(error, "sent", None)))
    assert lost == [("k4", True)]
    assert acts.found("event", "k4")["k4"].state == "confirmed"
    assert acts.do("event", "k4", **EVENT).status == "exists"


def test_a_refused_call_that_is_about_one_folder_is_no_trouble_with_the_sign_in(acts: Any) -> None:
    """[doc] 403 insufficientParentPermissions and its like are of one file; a missing scope is of all."""
    sheet = acts.subject.ask("POST", "/drive/v3/files", {"name": "N", "mimeType": "text/plain"})["id"]
    told = acts.do("folder", name="N", parent=sheet)
    assert (told.status, told.problems[0].field, told.problems[0].code) == ("rejected", "parent", "parentNotAFolder")
    acts.may("contacts")
    with pytest.raises(NotAuthorised):
        acts.do("folder", name="N")


def test_drive_asks_for_notifications_to_be_switched_off(acts: Any) -> None:
    """[spec] permissions.create: `sendNotificationEmail` is true where it is not said."""
    acts.do("folder", name="N", share="ada@one.example")
    (asked,) = [r for r in acts.subject.transport.requests if "/permissions" in r.path]
    assert "sendNotificationEmail=false" in asked.path


def test_events_are_sent_to_nobody_unless_said(acts: Any) -> None:
    """[spec] events.insert: `sendUpdates`."""
    acts.do("event", **EVENT)
    assert "sendUpdates=none" in acts.subject.transport.requests[-1].path


def test_drafts_are_sought_in_the_bin_as_well(acts: Any) -> None:
    """[spec] drafts.list leaves out spam and bin unless told."""
    acts.found("draft")
    assert "includeSpamTrash=true" in acts.subject.transport.requests[-1].path


def test_without_drafts_the_list_is_missing_in_the_answer(acts: Any) -> None:
    """[memory] an empty list of drafts has `resultSizeEstimate` alone."""
    assert acts.subject.ask("GET", "/gmail/v1/users/me/drafts") == {"resultSizeEstimate": 0}
    assert acts.found("draft") == {}


def test_a_folder_made_by_a_person_with_the_same_name_is_none_of_ours(acts: Any) -> None:
    """[spec] a name is not unique in Drive."""
    acts.state.files.make("N", "application/vnd.google-apps.folder", 1)
    assert acts.found("folder") == {}


def test_a_garbled_answer_to_a_search_is_no_proof_of_absence(on: Any) -> None:
    """A page of HTML with status 200, as from a gateway: nothing may be concluded from it."""
    acts = on("garbage")
    acts.do("event", **EVENT)
    seen = []
    for _ in range(10):
        try:
            seen.append(len(acts.found("event")))
        except Exception as error:
            seen.append(type(error).__name__)
    assert set(seen) == {1, "Unavailable"}


def test_too_fast_before_anything_was_done_is_told_so(scripted: Any) -> None:
    from tieline import Action

    connector, _ = scripted(RateLimited("slow down"))
    with pytest.raises(RateLimited):
        connector.act(Action("folder", "k", {"name": "N"}))


def test_an_action_that_google_does_not_have_is_refused(acts: Any) -> None:
    assert acts.do("ticket", subject="S").problems[0].code == "unknown"
