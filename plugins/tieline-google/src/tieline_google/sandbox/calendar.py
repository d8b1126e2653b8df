"""The Calendar API: events of a calendar, with ids that the caller may choose, etags and sync tokens."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from tieline.sandbox import Answer, Refusal
from tieline_google.sandbox.call import Call
from tieline_google.sandbox.mask import masked
from tieline_google.sandbox.oauth import need
from tieline_google.sandbox.vices import expires
from tieline_google.sandbox.wire import Row, empty, invalid_older, iso, nowhere, number, refuse_older

WRITE = ("calendar", "calendar.events", "calendar.events.owned", "calendar.app.created")
READ = (*WRITE, "calendar.readonly", "calendar.events.readonly", "calendar.events.owned.readonly")
MOST = 2500
"""Events of one page [spec]."""
REMEMBERED_MS = 28 * 86_400_000
"""How far back `updatedMin` may lie [memory]."""
_ID = re.compile(r"[a-v0-9]{5,1024}")
_TIMED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?")
_ADDRESS = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>]+")
_OWN = ("summary", "description", "location", "start", "end", "attendees", "extendedProperties", "status", "colorId")
_OWN_LATER = ("visibility", "transparency", "reminders", "recurrence", "source")
_NOT_WITH_TOKEN = ("iCalUID", "orderBy", "privateExtendedProperty", "q", "sharedExtendedProperty", "timeMin", "timeMax",
                   "updatedMin")  # fmt: skip
"""What a sync token forbids [spec]."""
_ZONE = "America/Los_Angeles"


def answer(call: Call) -> Answer:
    """Whatever is asked below /calendar/v3."""
    parts = [unquote(p) for p in call.rest.strip("/").split("/")]
    if len(parts) < 3 or parts[0] != "calendars" or parts[2] != "events" or len(parts) > 4:
        raise nowhere()
    need(call, *(READ if call.method == "GET" else WRITE))
    name = call.who if parts[1] == "primary" else parts[1]
    if name not in call.state.calendars.rows and name != call.who:
        raise _missing()
    events = call.state.calendars.rows.get(name, {}) if call.method == "GET" else call.state.calendars.open(name)
    match (call.method, len(parts)):
        case ("GET", 3):
            return _list(call, name, events)
        case ("POST", 3):
            return _insert(call, name, events)
        case ("GET", 4):
            return _answered(call, name, _event(events, parts[3]))
        case ("PATCH" | "PUT", 4):
            return _change(call, name, _event(events, parts[3]))
        case ("DELETE", 4):
            return _delete(call, _event(events, parts[3]))
    raise nowhere()


def _missing() -> Refusal:
    return refuse_older(404, "Not Found", "notFound")


def _event(events: dict[str, Row], id: str) -> Row:
    if id not in events:
        raise _missing()
    return events[id]


# -- shapes


def etag(event: Row) -> str:
    """In quotes, as everywhere in this API [cap]."""
    return f'"{2 * (event["updated"] * 1000 + event["change"] % 1000)}"'


def shown(name: str, event: Row) -> Row:
    """An event as the API shows it [cap]."""
    who: Row = {"email": name, "self": True}
    body: Row = {
        "kind": "calendar#event",
        "etag": etag(event),
        "id": event["id"],
        "status": event["status"],
        "htmlLink": f"https://www.google.com/calendar/event?eid={event['id']}",
        "created": iso(event["created"] // 1000 * 1000),
        "updated": iso(event["updated"]),
    }
    body |= {key: event["said"][key] for key in _OWN[:3] if event["said"].get(key)}
    body |= {"creator": who, "organizer": who, "start": event["said"]["start"], "end": event["said"]["end"]}
    body |= {"iCalUID": f"{event['id']}@google.com", "sequence": event["sequence"]}
    more = ("attendees", "extendedProperties", "colorId", *_OWN_LATER)
    body |= {key: event["said"][key] for key in more if event["said"].get(key)}
    body.setdefault("reminders", {"useDefault": True})
    return {**body, "eventType": "default"}


def _answered(call: Call, name: str, event: Row) -> Answer:
    return Answer(200, masked(shown(name, event), call.param("fields")), {"etag": etag(event)})


# -- writes


def _insert(call: Call, name: str, events: dict[str, Row]) -> Answer:
    """A new one. The id of one that is there, be it cancelled, is refused with 409 [iss]."""
    given, state = call.json(), call.state.calendars
    id = str(given.get("id") or state.id())
    if not _ID.fullmatch(id):
        raise refuse_older(400, "Invalid resource id value.", "invalid")
    if id in events:
        raise refuse_older(409, "The requested identifier already exists.", "duplicate")
    event: Row = {"id": id, "status": "confirmed", "created": call.now, "sequence": 0, "said": {}}
    _say(event, given)
    for edge in ("start", "end"):
        if edge not in event["said"]:
            raise refuse_older(400, f"Missing {edge} time.", "required")
    events[id] = event
    state.touch(event, call.now)
    if call.param("sendUpdates") in ("all", "externalOnly"):
        call.state.notified += [a["email"] for a in event["said"].get("attendees", ())]
    return _answered(call, name, event)


def _change(call: Call, name: str, event: Row) -> Answer:
    """A patch keeps what it does not speak of; `If-Match` with another etag is a 412."""
    if call.header("if-match") not in ("", "*", etag(event)):
        where = {"locationType": "header", "location": "If-Match"}
        raise refuse_older(412, "Precondition Failed", "conditionNotMet", **where)
    if call.method == "PUT":
        event["said"] = {}
    _say(event, call.json())
    event["sequence"] += 1
    call.state.calendars.touch(event, call.now)
    return _answered(call, name, event)


def _delete(call: Call, event: Row) -> Answer:
    """The event stays, cancelled; deleted again it is a 410 [iss]."""
    if event["status"] == "cancelled":
        raise refuse_older(410, "Resource has been deleted", "deleted")
    event["status"] = "cancelled"
    call.state.calendars.touch(event, call.now)
    return empty()


def _say(event: Row, given: Row) -> None:
    """Take over what the caller may say. A 400 for times that are none [memory: the words]."""
    said = {**event["said"], **{k: given[k] for k in (*_OWN, *_OWN_LATER) if k in given and k != "status"}}
    for edge in ("start", "end"):
        if edge in said:
            _time(edge, said[edge])
    if {"start", "end"} <= said.keys() and not _moment(said["start"]) < _moment(said["end"]):
        raise refuse_older(400, "The specified time range is empty.", "timeRangeEmpty", "calendar")
    for attendee in said.get("attendees") or ():
        if not _ADDRESS.fullmatch(str(attendee.get("email", ""))):
            raise refuse_older(400, "Invalid attendee email.", "invalid")
        attendee.setdefault("responseStatus", "needsAction")
    event["said"] = said
    event["status"] = given.get("status", event["status"])


def _time(edge: str, value: Any) -> None:
    if not isinstance(value, dict) or ("date" in value) == ("dateTime" in value):
        raise refuse_older(400, f"Invalid {edge} time.", "invalid")
    if "date" in value and not re.fullmatch(r"\d{4}-\d\d-\d\d", str(value["date"])):
        raise refuse_older(400, f"Invalid {edge} time.", "invalid")
    moment = _TIMED.fullmatch(str(value.get("dateTime", "2026-01-01T00:00Z")))
    if moment is None:
        raise refuse_older(400, "Bad Request", "badRequest")
    if not moment[3] and not value.get("timeZone"):
        raise refuse_older(400, f"Missing time zone definition for {edge} time.", "required")


def _moment(value: Row) -> datetime:
    """Only fit to be compared: a time without an offset counts as one with it."""
    return datetime.fromisoformat(value.get("date") or value["dateTime"].replace("Z", "+00:00")).replace(tzinfo=None)


# -- lists


def _list(call: Call, name: str, events: dict[str, Row]) -> Answer:
    """Events of a calendar; the last page gives the token from which changes go on."""
    rows, top = _asked(call, events)
    start = number(call.param("pageToken", "0"), "Invalid page token value.")
    size = min(number(call.param("maxResults", "250")), MOST)
    body: Row = {
        "kind": "calendar#events",
        "etag": f'"p33{call.state.calendars.changes:09d}s0o"',
        "summary": name,
        "description": "",
        "updated": iso(max((e["updated"] for e in events.values()), default=call.now)),
        "timeZone": _ZONE,
        "accessRole": "owner",
        "defaultReminders": [{"method": "popup", "minutes": 10}],
    }
    if start + size < len(rows):
        body["nextPageToken"] = str(start + size)
    else:
        body["nextSyncToken"] = f"C{top:08d}{top * 7919 % 10**8:08d}="
    body["items"] = [shown(name, event) for event in rows[start : start + size]]
    return Answer(200, masked(body, call.param("fields")))


def _asked(call: Call, events: dict[str, Row]) -> tuple[list[Row], int]:
    """The events that are asked for, and the change up to which they are."""
    rows, top = list(events.values()), call.state.calendars.changes
    deleted = call.param("showDeleted") == "true"
    token = call.param("syncToken")
    if token:
        forbidden = next((p for p in _NOT_WITH_TOKEN if p in call.request.params), "")
        if forbidden or call.param("showDeleted") == "false":
            raise invalid_older(f"Sync token cannot be used with {forbidden or 'showDeleted'}.", "syncToken")
        known = re.fullmatch(r"C(\d{8})\d{8}=", token)
        if known is None or expires(call, "calendar"):
            where = {"locationType": "parameter", "location": "syncToken"}
            said = "Sync token is no longer valid, a full sync is required."
            raise refuse_older(410, said, "fullSyncRequired", "calendar", **where)
        rows, deleted = [e for e in rows if e["change"] > int(known[1])], True
    rows = [e for e in rows if _fits(call, e)]
    if call.param("updatedMin"):
        rows, deleted = [e for e in rows if e["updated"] >= _updated_min(call)], True
    return [e for e in rows if deleted or e["status"] != "cancelled"], top


def _updated_min(call: Call) -> int:
    try:
        since = int(datetime.fromisoformat(call.param("updatedMin").replace("Z", "+00:00")).timestamp() * 1000)
    except ValueError:
        raise refuse_older(400, "Bad Request", "badRequest") from None
    if since < call.now - REMEMBERED_MS:
        said = "The requested minimum modification time lies too far in the past."
        raise refuse_older(410, said, "updatedMinTooLongAgo", "calendar")
    return since


def _fits(call: Call, event: Row) -> bool:
    private = (event["said"].get("extendedProperties") or {}).get("private") or {}
    wanted = [p.partition("=") for p in call.params("privateExtendedProperty")]
    uid = call.param("iCalUID")
    return all(private.get(k) == v for k, _, v in wanted) and uid in ("", f"{event['id']}@google.com")
