"""Google's own client drives the stand-in's Calendar over a socket; every call is held against its document."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tieline.testing import FakeClock

DAY = {"start": {"date": "2026-12-01"}, "end": {"date": "2026-12-02"}}
NOON = {"start": {"dateTime": "2026-12-01T12:00:00+01:00"}, "end": {"dateTime": "2026-12-01T13:00:00+01:00"}}


@pytest.fixture
def office(witness_module: Callable[[str], Any], discovery: Any) -> Iterator[Any]:
    yield from witness_module("google/office").offices(discovery)


@pytest.fixture
def events(office: Any) -> Any:
    return office().client("calendar").events()


def _insert(events: Any, **body: Any) -> Any:
    return events.insert(calendarId="primary", body={"summary": "S", **DAY, **body}).execute()


def _status(request: Any) -> tuple[int, str]:
    from googleapiclient.errors import HttpError

    with pytest.raises(HttpError) as refused:
        request.execute()
    return refused.value.status_code, refused.value.error_details[0]["reason"]


def test_events_are_made_read_changed_and_cancelled(events: Any) -> None:
    made = _insert(events, **NOON, attendees=[{"email": "ada@one.example"}], description="d", location="l")
    assert (made["status"], made["attendees"][0]["responseStatus"]) == ("confirmed", "needsAction")
    changed = events.patch(calendarId="primary", eventId=made["id"], body={"summary": "Other"}).execute()
    assert (changed["summary"], changed["description"], changed["sequence"]) == ("Other", "d", 1)
    assert changed["etag"] != made["etag"]
    events.delete(calendarId="primary", eventId=made["id"]).execute()
    assert events.list(calendarId="primary").execute()["items"] == []
    assert events.get(calendarId="primary", eventId=made["id"]).execute()["status"] == "cancelled"
    assert [e["id"] for e in events.list(calendarId="primary", showDeleted=True).execute()["items"]] == [made["id"]]


def test_an_id_of_ones_own_is_taken_once_even_after_the_event_was_deleted(events: Any) -> None:
    """[iss: google-api-ruby-client 1811, google-api-python-client 210]"""
    assert _insert(events, id="tieline0123456789abcdefv")["id"] == "tieline0123456789abcdefv"
    again = events.insert(calendarId="primary", body={**DAY, "id": "tieline0123456789abcdefv"})
    assert _status(again) == (409, "duplicate")
    delete = events.delete(calendarId="primary", eventId="tieline0123456789abcdefv")
    delete.execute()
    assert _status(again) == (409, "duplicate")
    assert _status(delete) == (410, "deleted")


def test_a_stale_etag_is_refused(events: Any) -> None:
    made = _insert(events)
    for etag, wanted in ((made["etag"], None), (made["etag"], (412, "conditionNotMet")), ("*", None)):
        request = events.patch(calendarId="primary", eventId=made["id"], body={"summary": "Other"})
        request.headers["If-Match"] = etag
        if wanted is None:
            request.execute()
        else:
            assert _status(request) == wanted


def test_changes_go_on_from_a_sync_token_with_cancelled_ones_among_them(events: Any) -> None:
    gone, kept = _insert(events)["id"], _insert(events)["id"]
    first = events.list(calendarId="primary", maxResults=1).execute()
    assert "nextSyncToken" not in first
    last = events.list(calendarId="primary", maxResults=1, pageToken=first["nextPageToken"]).execute()
    token = last["nextSyncToken"]
    assert events.list(calendarId="primary", syncToken=token).execute()["items"] == []
    events.delete(calendarId="primary", eventId=gone).execute()
    events.patch(calendarId="primary", eventId=kept, body={"summary": "Other"}).execute()
    rows = events.list(calendarId="primary", syncToken=token).execute()["items"]
    assert {(e["id"], e["status"]) for e in rows} == {(gone, "cancelled"), (kept, "confirmed")}
    assert _status(events.list(calendarId="primary", syncToken=token, q="x"))[0] == 400, "[spec] not together"


def test_a_sync_token_expires_with_a_410(office: Any) -> None:
    events = office("sync-token-expiry").client("calendar").events()
    token = events.list(calendarId="primary").execute()["nextSyncToken"]
    events.list(calendarId="primary", syncToken=token).execute()
    assert _status(events.list(calendarId="primary", syncToken=token)) == (410, "fullSyncRequired")
    assert events.list(calendarId="primary").execute()["nextSyncToken"]


def test_what_changed_since_a_time_and_how_far_back_that_may_be(office: Any) -> None:
    clock = FakeClock()
    events = office(clock=clock).client("calendar").events()
    old = _insert(events)["id"]
    events.delete(calendarId="primary", eventId=old).execute()
    clock.advance(10_000)
    new = _insert(events)
    since = new["updated"]
    assert [e["id"] for e in events.list(calendarId="primary", updatedMin=since).execute()["items"]] == [new["id"]]
    clock.advance(60 * 86_400_000)
    assert _status(events.list(calendarId="primary", updatedMin=since)) == (410, "updatedMinTooLongAgo")


def test_events_are_found_by_private_properties(events: Any) -> None:
    made = _insert(events, extendedProperties={"private": {"tieline_key": "a"}})
    _insert(events, extendedProperties={"private": {"tieline_key": "b"}})
    found = events.list(calendarId="primary", privateExtendedProperty=["tieline_key=a"]).execute()
    assert [e["id"] for e in found["items"]] == [made["id"]]
    both = events.list(calendarId="primary", privateExtendedProperty=["tieline_key=a", "x=y"]).execute()
    assert both["items"] == [], "several are all asked for"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"id": "UPPER"}, "invalid"),
        ({"start": None}, "invalid"),
        ({"start": {"dateTime": "2026-12-01T12:00:00"}, "end": {"dateTime": "2026-12-01T13:00:00"}}, "required"),
        ({"start": {"date": "2026-12-02"}}, "timeRangeEmpty"),
        ({"attendees": [{"email": "nobody"}]}, "invalid"),
    ],
)
def test_what_is_no_event_is_refused(office: Any, body: Any, reason: str) -> None:
    here = office()
    events = here.client("calendar").events()
    assert _status(events.insert(calendarId="primary", body={**DAY, **body})) == (400, reason)
    here.watched.wrong = [w for w in here.watched.wrong if w.half != "request"]  # these are wrong on purpose


def test_a_calendar_or_event_that_is_not_there_is_a_404(events: Any) -> None:
    assert _status(events.get(calendarId="primary", eventId="nowhere0")) == (404, "notFound")
    assert _status(events.list(calendarId="no@group.calendar.google.com")) == (404, "notFound")
