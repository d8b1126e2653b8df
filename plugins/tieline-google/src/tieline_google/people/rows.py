"""From a person of Google's to a remote, and from a write to the lists that are sent. Pure; knows no HTTP."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from tieline import Bad, Mapper, Problem, Remote, Write
from tieline_google.people.entries import Clash, Entries, changed, plan_of, row_of, sendable, untaken
from tieline_google.people.mapping import ADDRESSES, CLIENT, CONTACT, HUB_KEY, MEMBERSHIPS, METADATA, PRIMARY, known

_HUB_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE)
_ID = re.compile(r"people/[\w-]+")
Person = Mapping[str, Any]
UNREADABLE = (KeyError, TypeError, ValueError, AttributeError)
"""What a person raises that is not as Google's persons are."""
READ_ONLY = "cannot be written to Google Contacts"


def stamp_ms(stamp: str) -> int:
    """`2025-07-17T21:47:23.910197Z` as milliseconds since 1970 UTC. Raises ValueError when it is no moment."""
    moment = datetime.fromisoformat(stamp)
    return int(moment.timestamp()) * 1000 + moment.microsecond // 1000


def is_id(text: str) -> bool:
    """Whether a text can be a person's resource name."""
    return _ID.fullmatch(text) is not None


def source_of(person: Person) -> Mapping[str, Any]:
    """What people keep of a person as one source: its id, etag and stamp [cap]; empty where it is not told."""
    meta = person.get(METADATA)
    sources = meta.get("sources") if isinstance(meta, Mapping) else None
    return next((s for s in _listed(sources) if s.get("type") == CONTACT), {})


def _listed(value: Any) -> Sequence[Mapping[str, Any]]:
    """The objects in a list; none where it is no list."""
    return [v for v in value if isinstance(v, Mapping)] if isinstance(value, list) else ()


def etag_of(person: Person) -> str:
    """What tells one state from another. A person's own etag will not do: it varies with the fields asked for [cap]."""
    return str(source_of(person).get("etag") or "")


class Rows:
    """Reads and writes persons, as mapped."""

    def __init__(self, mapper: Mapper) -> None:
        self.mapper = mapper
        self.columns = tuple(c for c in mapper.columns if known(c))
        self.unknown = tuple(c for rule in mapper.rules for c in rule.columns if not known(c))
        self._plan = plan_of(self.columns)
        areas = {c.partition(".")[0] for rule in mapper.rules for c in rule.columns if known(c)}
        self.mask = ",".join(sorted(areas | {CLIENT, MEMBERSHIPS, METADATA}))
        """Which fields of a person are asked for: what is mapped, who is in scope, the hub's id, the etag."""

    def digest(self, page: int, label: str) -> str:
        """Names the parameters of a listing, for which alone a token is good [spec], and who is in scope."""
        return hashlib.blake2b(f"{self.mask} {page} {label}".encode(), digest_size=5).hexdigest()

    # -- reading

    def remotes(self, people: Iterable[Any], told: Callable[[Person], Remote | None]) -> tuple[list[Remote], list[Bad]]:
        """What is told of the persons in a list, and those that are not readable at all. `told` may raise what `remote`
        raises; None: the person is left out."""
        found: list[Remote] = []
        bad: list[Bad] = []
        for person in people:
            try:
                remote = told(person)
                found += [remote] if remote is not None else []
            except UNREADABLE as error:
                id = person.get("resourceName") if isinstance(person, Mapping) else None
                shown = id if isinstance(id, str) else None
                bad.append(Bad(f"contacts {shown or '?'}", f"unreadable: {type(error).__name__} {error}", shown))
        return found, bad

    def remote(self, person: Person, fields: frozenset[str] | None = None) -> Remote:
        """The person. Raises what a malformed one raises: KeyError, TypeError, ValueError, AttributeError."""
        id, meta, source = person["resourceName"], person.get(METADATA) or {}, source_of(person)
        if not isinstance(id, str) or not is_id(id):
            raise ValueError("it has no resource name")
        former = tuple(str(n) for n in meta.get("previousResourceNames") or () if n != id)
        modified = stamp_ms(source["updateTime"]) if source.get("updateTime") else 0
        version = str(source.get("etag") or "")
        if meta.get("deleted"):
            return Remote(id, {}, f"{version}.gone", modified, hub_id_of(person), gone=True, aliases=former)
        cells, problems = self.mapper.read(row_of(person, self._plan))
        if untaken(person):
            problems += tuple(self._untaken(cells))
        if fields is not None:
            cells = {k: v for k, v in cells.items() if k in fields}
            problems = tuple(p for p in problems if p.field in fields)
        return Remote(id, cells, version, modified, hub_id_of(person), aliases=former, problems=problems)

    def _untaken(self, cells: dict[str, Any]) -> list[Problem]:
        """An address in one piece is there, and is none of its parts: no blank."""
        names = {n for c in self.columns if c.startswith(ADDRESSES + ".") and (n := self.mapper.field_of(c))}
        said = "an address in one piece, which Google has not taken apart"
        return [Problem(n, f"{n}: {said}", "unstructured") for n in sorted(names) if cells.pop(n, None) is None]

    # -- writing

    def drafted(self, write: Write, person: Person) -> tuple[dict[str, Entries], list[Problem]]:
        """The lists of a person that a write changes, whole, and the fields that cannot be written."""
        problems: list[Problem] = []
        wanted: dict[str, dict[str, Any]] = {}
        for name, cell in write.fields.items():
            if not self.writable(name):
                problems.append(Problem(name, f"{name}: {READ_ONLY}", "read_only"))
                continue
            row, refused = self.mapper.write({name: cell})
            problems += refused
            for column, value in () if refused else row.items():
                area, _, part = column.partition(".")
                wanted.setdefault(area, {})[part] = _text(value)
        lists: dict[str, Entries] = {}
        for area, parts in wanted.items():
            try:
                lists[area] = changed(person, area, parts)
            except Clash as clash:
                lists.pop(area, None)
                problems += self._clashes(lists, person, area, parts, str(clash))
        return lists, problems

    def _clashes(
        self, lists: dict[str, Entries], person: Person, area: str, parts: Mapping[str, Any], said: str
    ) -> list[Problem]:
        """Write what of an area can be written, and tell the field that cannot be: a blank, or what hangs on it."""
        problems: list[Problem] = []
        done: dict[str, Any] = {}
        for part, value in sorted(parts.items(), key=lambda p: p[1] is None):
            try:
                lists[area] = changed(person, area, {**done, part: value})
                done[part] = value
            except Clash:
                field = self.mapper.field_of(f"{area}.{part}")
                problems.append(Problem(field, f"{field}: {said}", "clash"))
        return problems

    def writable(self, name: str) -> bool:
        """Whether a field can be written at all."""
        rules = [p.rule for p in self.mapper.parts.get(name, ())]
        return self.mapper.writable(name) and all(known(c) for r in rules for c in r.columns)

    def stamped(self, person: Person, hub_id: str) -> Entries:
        """The list of keys and values that holds the hub's id beside what other tools keep there."""
        others = [e for e in sendable(person, CLIENT) if e.get("key") != HUB_KEY]
        return [*others, {"key": HUB_KEY, "value": hub_id}]

    def field_of(self, path: str, write: Write) -> str | None:
        """The canonical field behind the path of a refusal, such as `contacts[0].contact_person.email_addresses[1]`:
        one of those that were written, where that can be told."""
        words = set(re.findall(r"[a-z]+", path.replace("_", "").lower()))
        columns = [c.partition(".") for c in self.columns if c.partition(".")[0].lower() in words]
        columns.sort(key=lambda c: (c[2].lower() not in words, c[2] != PRIMARY))
        fields = (self.mapper.field_of("".join(c)) for c in columns)
        return next((f for f in fields if f in write.fields), None)


def hub_id_of(person: Person) -> str | None:
    """The hub's id that a person carries; what is no id of the hub's is nobody's."""
    for entry in _listed(person.get(CLIENT)):
        held = entry.get("value")
        if entry.get("key") == HUB_KEY and isinstance(held, str) and _HUB_ID.fullmatch(held):
            return held.lower()
    return None


def _text(value: Any) -> Any:
    """A value as text, since nothing else is held; lists of e-mail addresses stay lists."""
    if value is None or isinstance(value, (str, list)):
        return value or None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
