"""The lists that a person's fields are: which entry a column means, and a list with one entry changed. Pure.

Google takes a field as a whole. So whatever is written, every other entry, and every other part of an entry, goes back
as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tieline_google.people.mapping import (
    ADDRESSES,
    CONTACT,
    EMAILS,
    JOBS,
    OTHERS,
    OWN,
    PARTS,
    PHONES,
    PRIMARY,
    SENT,
    WORK,
)

Entry = Mapping[str, Any]
Entries = list[dict[str, Any]]
_NOTHING: Mapping[str, Any] = {}
_BARE = frozenset({"type", "current"})
"""What does not make an entry by itself."""


class Clash(ValueError):
    """A blank that Google cannot hold, since another entry would take the place; the text says so."""


def own(person: Mapping[str, Any], area: str) -> Sequence[Entry]:
    """The entries that people keep of a person, not those of the person's own profile."""
    held = person.get(area)
    return [e for e in held if _source(e) == CONTACT] if held else ()


def _source(entry: Entry) -> Any:
    source = entry.get("metadata", _NOTHING).get("source", _NOTHING)
    return source.get("type", CONTACT)


def main_place(entries: Sequence[Entry]) -> int | None:
    """Where the main entry is: Google marks one of each list [spec]; without a mark it is the first."""
    if len(entries) < 2:
        return 0 if entries else None
    for mark in ("primary", "sourcePrimary"):
        for n, entry in enumerate(entries):
            if entry.get("metadata", _NOTHING).get(mark):
                return n
    return 0


# -- reading


Plan = Sequence[tuple[str, Sequence[tuple[str, str]]]]
"""For each field of a person: the columns that are read of it, each with the part it means."""


def plan_of(columns: Sequence[str]) -> Plan:
    """How these columns are read: each field of a person is looked at once."""
    found: dict[str, list[tuple[str, str]]] = {}
    for column in columns:
        area, _, part = column.partition(".")
        found.setdefault(area, []).append((column, part))
    return tuple(found.items())


def row_of(person: Mapping[str, Any], plan: Plan) -> dict[str, Any]:
    """What each column holds: text, a list of texts for the other e-mail addresses, or None."""
    row: dict[str, Any] = {}
    for area, columns in plan:
        entries = own(person, area)
        at = main_place(entries)
        if at is None:
            row.update((column, None) for column, _ in columns)
        elif area in PARTS:
            main = entries[at]
            row.update((column, main.get(part) or None) for column, part in columns)
        elif area == EMAILS:
            row.update((column, _email_of(entries, at, part)) for column, part in columns)
        else:
            row.update((column, _value(area, entries, part)) for column, part in columns)
    return row


def _value(area: str, entries: Sequence[Entry], part: str) -> Any:
    place = _place(area, entries, part)
    return None if place is None else entries[place].get("value") or None


def _email_of(entries: Sequence[Entry], at: int, part: str) -> Any:
    first = str(entries[at].get("value") or "")
    if part == PRIMARY:
        return first or None
    rest = [str(e.get("value") or "") for n, e in enumerate(entries) if n != at]
    return [v for v in rest if v and v.casefold() != first.casefold()] or None


def _place(area: str, entries: Sequence[Entry], part: str) -> int | None:
    """Where the entry of a type, or of a key, is: the first of them."""
    name = "type" if area == PHONES else "key"
    exact = (n for n, e in enumerate(entries) if str(e.get(name) or "") == part and e.get("value"))
    found = next(exact, None)
    if found is None and (area, part) == (PHONES, WORK):
        return next((n for n, e in enumerate(entries) if not e.get("type") and e.get("value")), None)
    return found


def untaken(person: Mapping[str, Any]) -> str | None:
    """The address that somebody typed and Google has not taken apart; None: there is none of the kind."""
    if not person.get(ADDRESSES):
        return None
    entries = own(person, ADDRESSES)
    at = main_place(entries)
    if at is None or any(entries[at].get(p) for p in PARTS[ADDRESSES] - {"countryCode"}):
        return None
    return str(entries[at].get("formattedValue") or "") or None


def is_address(text: Any) -> bool:
    """Whether a text can be read as an e-mail address."""
    name, at, host = str(text or "").strip().rpartition("@")
    return bool(at and name) and "." in host and len(str(text).split()) == 1


# -- writing


def sendable(person: Mapping[str, Any], area: str) -> Entries:
    """A list as it may be sent back: without what is output only; the main entry is marked where there are several."""
    entries = own(person, area)
    at = main_place(entries)
    cleaned = [{k: v for k, v in e.items() if k in SENT[area]} for e in entries]
    return _marked(area, cleaned, at)


def _marked(area: str, entries: Entries, at: int | None) -> Entries:
    """The same with the main entry marked, where there is a choice, and at the beginning; numbers stay in their order,
    since the first of a type is the one that is meant."""
    plain = [{k: v for k, v in e.items() if k != "metadata"} for e in entries]
    if at is None or len(plain) < 2 or area not in (EMAILS, PHONES, JOBS, ADDRESSES):
        return plain
    plain[at] = {**plain[at], "metadata": {"sourcePrimary": True}}
    return plain if area == PHONES else [plain[at], *plain[:at], *plain[at + 1 :]]


def changed(person: Mapping[str, Any], area: str, wanted: Mapping[str, Any]) -> Entries:
    """The list of `area` with these parts set, None cleared. Raises Clash."""
    entries = sendable(person, area)
    edit: Callable[..., Entries] = _emails if area == EMAILS else _keyed if area in (PHONES, OWN) else _parts
    if area == ADDRESSES and untaken(person):
        raise Clash("there is an address in one piece, which Google has not taken apart: it stays as it is")
    return edit(area, entries, wanted)


def _emails(area: str, entries: Entries, wanted: Mapping[str, Any]) -> Entries:
    at = main_place(entries)
    first = dict(entries[at]) if at is not None else None
    rest = [e for n, e in enumerate(entries) if n != at]
    if OTHERS in wanted:
        rest = _other_emails(rest, wanted[OTHERS] or ())
    if PRIMARY in wanted:
        new, old = wanted[PRIMARY], first
        if new is not None:
            rest = [e for e in rest if str(e.get("value", "")).casefold() != new.casefold()]
            same = old is not None and str(old.get("value", "")).casefold() == new.casefold()
            first = {**(old or {}), "value": new}
            if not same:
                first.pop("displayName", None)
        else:
            first = None
        if old is not None and old.get("value") and not is_address(old["value"]):
            rest.append(old)  # nobody can read it as an address: it stays
    if first is None and rest:
        raise Clash("Google makes another address the primary one when there is none")
    return _marked(area, [first, *rest] if first else rest, 0)


def _other_emails(rest: Entries, values: Sequence[str]) -> Entries:
    """One entry for each value, the one that is there where there is one; what is no address stays beside them."""
    held = {str(e.get("value", "")).casefold(): e for e in rest}
    kept = [e for e in rest if e.get("value") and not is_address(e["value"])]
    return [{**held.get(v.casefold(), {}), "value": v} for v in values] + kept


def _keyed(area: str, entries: Entries, wanted: Mapping[str, Any]) -> Entries:
    at = main_place(entries)
    marked = entries[at] if at is not None else None
    for part, value in wanted.items():
        place = _place(area, entries, part)
        if value is not None and place is None:
            entries.append({"type" if area == PHONES else "key": part, "value": value})
        elif value is not None and place is not None:
            fresh = {**entries[place], "value": value}
            marked = fresh if entries[place] is marked else marked
            entries[place] = fresh
        elif place is not None:
            del entries[place]
            if _place(area, entries, part) is not None:
                raise Clash("there is a second one of the kind, which would take its place")
    main = next((n for n, e in enumerate(entries) if e is marked), 0)
    return _marked(area, entries, main if area == PHONES else None)


def _parts(area: str, entries: Entries, wanted: Mapping[str, Any]) -> Entries:
    at = main_place(entries)
    entry = dict(entries[at]) if at is not None else {}
    before = dict(entry)
    for part, value in wanted.items():
        if value is None:
            entry.pop(part, None)
        else:
            entry[part] = value
    if area == ADDRESSES:
        entry.pop("formattedValue", None)  # Google puts it together from the parts
        if entry.get("country") != before.get("country") and "countryCode" not in wanted:
            entry.pop("countryCode", None)
    others = [e for n, e in enumerate(entries) if n != at]
    if not any(k for k in entry if k not in _BARE | {"metadata"}):
        if others and at is not None:
            raise Clash("there is a second one of the kind, which would take its place")
        return _marked(area, others, None)
    return _marked(area, [entry, *others], 0)
