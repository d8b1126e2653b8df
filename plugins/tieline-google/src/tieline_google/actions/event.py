"""Events in a calendar as actions: made once for each key, which gives the event its id. Decides nothing about when.

A calendar refuses a second event of the same id, also when the first one was deleted [iss], and shows it by that id
without a lag. Collisions may in theory go undetected [spec]: the key is looked for before anything is made.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import quote

from tieline import Action, Cell, ContractViolation, Problem, Receipt
from tieline_google.actions.common import (
    addresses,
    asked,
    digest,
    flag,
    line,
    problem_of,
    rejected,
    said,
    sought,
    taken,
)
from tieline_google.wire import CALENDAR, Refused, Wire

EVENT = "event"
LENGTH = 60
"""Minutes of an event whose end is not said."""
_LONGEST = 7 * 24 * 60
_ZONE = re.compile(r"[A-Za-z]+(?:/[A-Za-z0-9_+-]+){0,2}")
_TEXTS = {"title": "summary", "description": "description", "location": "location"}
_BLAMED = {"notFound": "calendar", "requiredAccessLevel": "calendar", "timeRangeEmpty": "end"}


def _moment(value: Cell) -> datetime | None:
    """Raises ValueError for what is no moment; a date alone is none."""
    text = line(value)
    if text and "T" not in text.replace(" ", "T", 1):
        raise ValueError(f"{text[:40]!r} is no moment, such as 2026-11-22T10:00; for a whole day give `date`")
    return datetime.fromisoformat(text) if text else None


def _day(value: Cell) -> date | None:
    text = line(value)
    return date.fromisoformat(text) if text else None


def _end(value: Cell) -> datetime | date | None:
    text = line(value)
    return _day(value) if len(text) == len("2026-11-22") else _moment(value)


def _minutes(value: Cell) -> int | None:
    text = line(value)
    if text and not (text.isascii() and text.isdigit() and 1 <= int(text) <= _LONGEST):
        raise ValueError(f"it must be a whole number from 1 to {_LONGEST}")
    return int(text) if text else None


def _zone(value: Cell) -> str:
    text = line(value)
    if text and not _ZONE.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is no time zone, such as Europe/Berlin")
    return text


_READERS = {
    "title": line,
    "start": _moment,
    "end": _end,
    "minutes": _minutes,
    "timezone": _zone,
    "date": _day,
    "attendees": addresses,
    "invite": flag,
    "description": said,
    "location": line,
    "calendar": line,
}
FIELDS = tuple(_READERS)
"""What an action may say of its event."""


def event_id(key: str) -> str:
    """The id of a key's event: letters a to v and digits, as an id must be [spec]."""
    return f"tieline{digest(key)}"


class Events:
    """Makes events in those calendars of one account that the configuration names."""

    def __init__(self, wire: Wire, calendars: Sequence[str]) -> None:
        self._wire = wire
        self._calendars = tuple(calendars)

    def act(self, action: Action) -> Receipt:
        """Make the event; `exists` where this key has one already, be it cancelled."""
        wanted, problems = taken(action, _READERS, "title")
        body, more = drafted(wanted)
        calendar = wanted.get("calendar", self._calendars[0])
        if calendar not in self._calendars:
            what = f"calendar: {calendar!r} is not in the system's `calendars`, where events are looked for"
            more.append(Problem("calendar", what, "unknown"))
        if problems or more:
            return rejected((*problems, *more))
        body |= {"id": event_id(action.key), "extendedProperties": {"private": {"tieline_key": action.key}}}
        params = {"sendUpdates": "all" if wanted.get("invite") else "none"}
        try:
            made = asked(lambda: self._wire.write("POST", _path(calendar), body, params))
        except Refused as error:
            if error.status != 409:
                return rejected([problem_of(error, _BLAMED)])
            there = self._read(calendar, action.key)
            return Receipt("unknown") if there is None else there._replace(status="exists")
        return _receipt(made.data)

    def acted(self, keys: Sequence[str]) -> dict[str, Receipt]:
        """Key → its event, cancelled ones included as long as the calendar shows them."""
        found = {}
        for key in keys:
            receipts = (self._read(calendar, key) for calendar in self._calendars)
            there = next((r for r in receipts if r is not None), None)
            if there is not None:
                found[key] = there
        return found

    def _read(self, calendar: str, key: str) -> Receipt | None:
        answer = sought(lambda: self._wire.get(f"{_path(calendar)}/{event_id(key)}"))
        return None if answer is None else _receipt(answer.data)


def _path(calendar: str) -> str:
    return f"{CALENDAR}/calendars/{quote(calendar, safe='')}/events"


def _receipt(event: Mapping[str, Any]) -> Receipt:
    if not event.get("id"):
        raise ContractViolation("Calendar answered with an event without an id")
    return Receipt("ok", str(event["id"]), str(event.get("htmlLink") or ""), state=str(event.get("status") or ""))


def drafted(wanted: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """The event as it is sent, and which times are missing or do not go together."""
    body: dict[str, Any] = {remote: wanted[name] for name, remote in _TEXTS.items() if name in wanted}
    if "attendees" in wanted:
        body["attendees"] = [{"email": address} for address in wanted["attendees"]]
    problems = []
    try:
        body["start"], body["end"] = _days(wanted) if "date" in wanted else _moments(wanted)
    except ValueError as error:
        name = "start" if "date" not in wanted and "start" not in wanted else "end"
        problems.append(Problem(name, f"{name}: {error}"))
    except OverflowError:
        problems.append(Problem("end", "end: no calendar goes beyond the year 9999"))
    return body, problems


def _days(wanted: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """A whole day, or several; Google's end is the day after the last [spec]."""
    if "start" in wanted or "minutes" in wanted:
        raise ValueError("an event of whole days (`date`) has no `start` and no `minutes`")
    first: date = wanted["date"]
    last = wanted.get("end", first)
    if isinstance(last, datetime) or last < first:
        raise ValueError("the last of whole days is a date, not before the first")
    return {"date": first.isoformat()}, {"date": (last + timedelta(days=1)).isoformat()}


def _moments(wanted: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """From one moment to another; without an offset they are of the time zone that is named [spec]."""
    if "start" not in wanted:
        raise ValueError("an event has `start`, or `date` for a whole day")
    start: datetime = wanted["start"]
    end = wanted.get("end", start + timedelta(minutes=wanted.get("minutes", LENGTH)))
    zone = wanted.get("timezone", "")
    if "end" in wanted and "minutes" in wanted:
        raise ValueError("give the end or the minutes, not both")
    if not isinstance(end, datetime) or (start.tzinfo is None) != (end.tzinfo is None):
        raise ValueError("the end must be a moment, with an offset where the start has one")
    if start.tzinfo is None and not zone:
        raise ValueError("a moment without an offset needs a `timezone`, such as Europe/Berlin")
    if end <= start:
        raise ValueError("the end must be after the start")
    named = {"timeZone": zone} if zone else {}
    return {"dateTime": start.isoformat(), **named}, {"dateTime": end.isoformat(), **named}
