"""Events: their id comes from the key, so that a calendar itself refuses a second one."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tieline import Action, Response
from tieline_google.actions.event import event_id

NOON = {"title": "Kickoff", "start": "2026-12-01T12:00:00+01:00"}


def _held(acts: Any, calendar: str = "ops@northbay.example") -> Any:
    return acts.state.calendars.rows[calendar][event_id(acts.key)]


def test_an_event_is_made_found_again_and_refused_twice(acts: Any) -> None:
    made = acts.do("event", **NOON)
    assert (made.status, made.id, made.state) == ("ok", event_id(acts.key), "confirmed")
    assert made.url.startswith("https://www.google.com/calendar/event?eid=")
    assert acts.found("event", acts.key, "unknown") == {acts.key: made}
    assert acts.do("event", **NOON) == made._replace(status="exists")
    assert len(acts.state.calendars.rows["ops@northbay.example"]) == 1


def test_a_cancelled_one_was_made(acts: Any) -> None:
    """[iss: google-api-ruby-client 1811] the id of a deleted event stays taken; `get` still shows it [spec]."""
    acts.do("event", **NOON)
    acts.subject.ask("DELETE", f"/calendar/v3/calendars/primary/events/{event_id(acts.key)}")
    assert acts.found("event")[acts.key].state == "cancelled"
    again = acts.do("event", **NOON)
    assert (again.status, again.state) == ("exists", "cancelled")


def test_an_id_has_the_letters_that_google_takes() -> None:
    """[spec] a to v and 0 to 9, 5 to 1024 of them."""
    assert re.fullmatch(r"[a-v0-9]{5,1024}", event_id("Ünï:côde"))
    assert event_id("a") != event_id("b")


@pytest.mark.parametrize(
    ("fields", "start", "end"),
    [
        (
            {"start": "2026-12-01T12:00:00Z"},
            {"dateTime": "2026-12-01T12:00:00+00:00"},
            {"dateTime": "2026-12-01T13:00:00+00:00"},
        ),
        (
            {"start": "2026-12-01T12:00Z", "minutes": "30"},
            {"dateTime": "2026-12-01T12:00:00+00:00"},
            {"dateTime": "2026-12-01T12:30:00+00:00"},
        ),
        (
            {"start": "2026-12-01 09:30", "end": "2026-12-01T10:00", "timezone": "Europe/Berlin"},
            {"dateTime": "2026-12-01T09:30:00", "timeZone": "Europe/Berlin"},
            {"dateTime": "2026-12-01T10:00:00", "timeZone": "Europe/Berlin"},
        ),
        ({"date": "2026-12-31"}, {"date": "2026-12-31"}, {"date": "2027-01-01"}),
        ({"date": "2026-12-30", "end": "2026-12-31"}, {"date": "2026-12-30"}, {"date": "2027-01-01"}),
    ],
)
def test_times_go_out_as_calendar_keeps_them(acts: Any, fields: Any, start: Any, end: Any) -> None:
    """[spec] the end is exclusive: of whole days it is the day after the last."""
    assert acts.do("event", title="T", **fields).status == "ok"
    assert (_held(acts)["said"]["start"], _held(acts)["said"]["end"]) == (start, end)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"start": "2026-12-01T12:00Z"}, "title"),
        ({"title": "T"}, "start"),
        ({"title": "T", "start": "2026-12-01"}, "start"),
        ({"title": "T", "start": "tomorrow"}, "start"),
        ({"title": "T", "start": "2026-12-01T12:00"}, "end"),
        ({"title": "T", "start": "2026-12-01T12:00Z", "end": "2026-12-01T11:00Z"}, "end"),
        ({"title": "T", "start": "2026-12-01T12:00Z", "end": "2026-12-02"}, "end"),
        ({"title": "T", "start": "2026-12-01T12:00Z", "end": "2026-12-01T13:00"}, "end"),
        ({"title": "T", "start": "2026-12-01T12:00Z", "end": "2026-12-01T13:00Z", "minutes": "9"}, "end"),
        ({"title": "T", "start": "2026-12-01T12:00Z", "minutes": "0"}, "minutes"),
        ({"title": "T", "date": "2026-13-01"}, "date"),
        ({"title": "T", "date": "2026-12-02", "end": "2026-12-01"}, "end"),
        ({"title": "T", "date": "2026-12-02", "start": "2026-12-01T12:00Z"}, "end"),
        ({"title": "T", "date": "2026-12-02", "timezone": "Mars; DROP"}, "timezone"),
        ({"title": "T", "date": "2026-12-02", "attendees": "Ada <ada@one.example"}, "attendees"),
        ({"title": "T", "date": "2026-12-02", "calendar": "other@group.calendar.google.com"}, "calendar"),
        ({"title": "T", "date": "2026-12-02", "room": "4"}, "room"),
        ({"title": "T", "date": "9999-12-31"}, "end"),
        ({"title": "T", "start": "9999-12-31T23:30Z"}, "end"),
    ],
)
def test_what_cannot_be_said_is_refused_before_anything_is_sent(acts: Any, fields: Any, field: str) -> None:
    told = acts.do("event", **fields)
    assert (told.status, field in [p.field for p in told.problems]) == ("rejected", True), told
    assert acts.calls == []


def test_people_are_invited_by_mail_only_where_it_is_asked_for(acts: Any) -> None:
    acts.do("event", "quiet", date="2026-12-01", title="T", attendees="ada@one.example, bo@two.example")
    assert acts.state.notified == []
    acts.do("event", "loud", date="2026-12-01", title="T", attendees="ada@one.example", invite="true")
    assert acts.state.notified == ["ada@one.example"]


def test_events_go_into_the_calendars_that_the_configuration_names_and_are_sought_in_each(on: Any) -> None:
    acts = on(calendars=["primary", "team@group.calendar.google.com"])
    acts.state.calendars.open("team@group.calendar.google.com")
    made = acts.do("event", calendar="team@group.calendar.google.com", **NOON)
    assert _held(acts, "team@group.calendar.google.com")["said"]["summary"] == "Kickoff"
    assert acts.found("event") == {acts.key: made}


def test_a_calendar_that_is_not_there_is_a_problem_of_this_event_alone(on: Any) -> None:
    acts = on(calendars=["gone@group.calendar.google.com"])
    told = acts.do("event", **NOON)
    assert (told.status, told.problems[0].field) == ("rejected", "calendar")
    assert acts.found("event") == {}


def test_an_event_is_made_and_looked_for_in_one_call_each(acts: Any) -> None:
    acts.do("event", **NOON)
    acts.found("event")
    assert [c.split()[0] for c in acts.calls] == ["POST", "GET"]


def test_what_google_refuses_is_told_in_its_own_words(scripted: Any) -> None:
    error = {"code": 400, "message": "The specified time range is empty.", "errors": [{"reason": "timeRangeEmpty"}]}
    connector, _ = scripted(Response(400, {}, json.dumps({"error": error}).encode()))
    told = connector.act(Action("event", "k", NOON))
    assert (told.status, told.problems[0].field, told.problems[0].code) == ("rejected", "end", "timeRangeEmpty")
