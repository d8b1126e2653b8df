"""Reads: listings, what changed since a token, persons by id and by hub id. Decides on calls and pages.

A token of Google's is good for the very parameters of the listing it comes from [spec]; so the token that is handed on
names them, and one of another mapping counts as expired. It names the label, too: who is missing because another one
is meant now has not left it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tieline import Bad, ConfigError, ContractViolation, FeedExpired, Page, Remote, Unavailable, Window
from tieline_google.people.label import EVERYBODY, Label
from tieline_google.people.mapping import MEMBERSHIPS, METADATA, ONLY_CONTACTS
from tieline_google.people.rows import UNREADABLE, Person, Rows, etag_of, is_id
from tieline_google.wire import Answer, Refused, Wire

MANY = 200
"""Persons in one `batchGet`, and in one batch of writes [spec]."""
LIST, BY_ID, ME = "/v1/people/me/connections", "/v1/people:batchGet", "/v1/people/me"
EXPIRED = "EXPIRED_SYNC_TOKEN"
_NOT_FOUND = 5
"""google.rpc.Code."""
_MOST_PAGES = 100_000
_KEPT = 5 * MANY
"""Persons that were read strongly a moment ago and are kept for the write that follows."""


class Feed(NamedTuple):
    """What goes on: the parameters and the label that a token belongs to, and the token."""

    digest: str
    label: str
    token: str

    @classmethod
    def parsed(cls, text: str) -> Feed:
        """Raises FeedExpired for what is no such token."""
        parts = text.split(" ", 2)
        if len(parts) != 3:
            raise FeedExpired("a token that this version did not make", code=EXPIRED)
        return cls(*parts)

    def text(self) -> str:
        """What `parsed` takes apart."""
        return " ".join(self)


class Reader:
    """Reads the contacts of one account."""

    def __init__(self, wire: Wire, rows: Rows, label: Label, page: int) -> None:
        self._wire = wire
        self._rows = rows
        self._label = label
        self._page = page
        self._digest = rows.digest(page, label.name)
        self._known = ""
        """The label whose members are known from earlier runs, as a token said it."""
        self._fresh: OrderedDict[str, Person] = OrderedDict()
        self._lock = threading.Lock()

    # -- listings

    def everything(self, token: str | None) -> Page:
        """One page of all who are in scope; the last one has the token."""
        answer = self._listing(token, {"requestSyncToken": "true"})
        label = self._same() if self._known else self._label.held(again=token is None)

        def told(person: Person) -> Remote | None:
            there = _alive(person) and self._label.has(person, label)
            return self._rows.remote(person) if there else None

        return self._paged(answer, *self._rows.remotes(_people(answer), told), label or "")

    def changes(self, window: Window, token: str | None) -> Page:
        """One page of what changed; who left the label is gone. Raises FeedExpired."""
        feed = Feed.parsed(window.feed or "")
        self._known = self._known or feed.label
        if feed.digest != self._digest:
            raise self._expired("other fields or another label are read now than when the token was given")
        try:
            answer = self._listing(token, {"requestSyncToken": "true", "syncToken": feed.token})
        except Refused as error:
            if EXPIRED in error.reasons:
                raise self._expired(str(error)) from error
            raise
        people = _people(answer)
        label = (self._same() if feed.label else self._label.held()) if people else feed.label
        if not self._label.everybody and not label:
            people = []  # nobody ever was in scope

        found, bad = self._rows.remotes(people, lambda person: self._told(person, label))
        found += [Remote(old, {}, gone=True, merged_into=r.id) for r in found for old in r.aliases]
        return self._paged(answer, found, bad, label or "")

    def _expired(self, why: str) -> FeedExpired:
        """Who took part is told by the token alone: it is given up no sooner than the label is sure to stand for it."""
        if self._known:
            self._same()
        return FeedExpired(why, code=EXPIRED)

    def _same(self) -> str | None:
        """The label whose members are known. Raises ConfigError where it is not there any more; and where another one
        is meant now, unless all who took part are in that: then it stands for the one before."""
        label = self._label.must()
        if label is not None and label != self._known:
            members, outside = self._members(label)
            if outside or not members:
                raise self._label.replaced(self._known, outside)
            self._known = label
        return label

    def _scope(self) -> str | None:
        """The label of who takes part, of whom some are known."""
        return self._same() if self._known else self._label.must()

    def label(self) -> str | None:
        """The label of a new contact; it is made where it is missing and nobody is known to have had it."""
        return self._same() if self._known else self._label.made()

    def _members(self, label: str) -> tuple[int, list[str]]:
        """How many took part, and who of them has not this label. They are those who have the label before; where it
        is not there any more, or was emptied, those who carry a hub id."""
        former: list[Remote] = []
        stamped: list[Remote] = []
        stands = self._label.stands(self._known)

        def counted(person: Person) -> None:
            if _alive(person):
                remote = self._told(person, label)
                if stands and self._label.has(person, self._known):
                    former.append(remote)
                if remote.hub_id is not None:
                    stamped.append(remote)

        self._rows.remotes(self._everybody(), counted)
        members = former or stamped
        return len(members), [r.id for r in members if r.gone]

    def _listing(self, token: str | None, more: Mapping[str, Any]) -> Answer:
        params: dict[str, Any] = {"personFields": self._rows.mask, "pageSize": self._page, "sources": ONLY_CONTACTS}
        return self._wire.get(LIST, {**params, **more, **({"pageToken": token} if token else {})})

    def _paged(self, answer: Answer, found: Sequence[Remote], bad: Sequence[Bad], label: str) -> Page:
        onward = answer.data.get("nextPageToken") or None
        given = answer.data.get("nextSyncToken")
        who = EVERYBODY if self._label.everybody else label
        feed = Feed(self._digest, who, str(given)).text() if given and onward is None else None
        # the date of an answer is cut off to a second: a stamp in it may be ahead
        now = max([answer.now, *(r.modified for r in found)])
        return Page(found, onward, now=now, bad=bad, feed=feed)

    def _told(self, person: Person, label: str | None, fields: frozenset[str] | None = None) -> Remote:
        """The person; gone where it is deleted or not in scope. Raises what a malformed one raises that is in scope."""
        try:
            remote = self._rows.remote(person, fields)
        except UNREADABLE:
            id = person["resourceName"]
            if not is_id(id) or not person.get(MEMBERSHIPS) or self._label.has(person, label):
                raise  # who shows no label at all may have this one
            return Remote(id, {}, gone=True)
        return remote if remote.gone or self._label.has(person, label) else _left(remote)

    # -- chosen persons

    def read(self, ids: Sequence[str], fields: frozenset[str] | None = None) -> list[Remote]:
        """These persons as they are now; one that is not in scope is gone. An old id leads to the new one."""
        found: dict[str, Remote] = {}
        people = self.people(ids)
        label = self._scope() if people else None
        for asked, person in people.items():
            try:
                remote = self._told(person, label, fields)
            except UNREADABLE:
                raise Unavailable(f"Google's answer for {asked} cannot be read", sent=True) from None
            old = (
                {asked} - {remote.id}
                | set(remote.aliases)
                | set(found[remote.id].aliases if remote.id in found else ())
            )
            found[remote.id] = remote._replace(aliases=tuple(sorted(old)))
        if any(r.gone for r in found.values()):
            self._label.still()  # without it nobody has it, and nobody left
        return list(found.values())

    def people(self, ids: Sequence[str]) -> dict[str, Person]:
        """The persons behind these ids, each under the id that was asked for; unknown ones are left out."""
        known = [i for i in dict.fromkeys(ids) if is_id(i)]
        found: dict[str, Person] = {}
        for at in range(0, len(known), MANY):
            part = known[at : at + MANY]
            params = {"resourceNames": part, "personFields": self._rows.mask, "sources": ONLY_CONTACTS}
            answer = self._wire.get(BY_ID, params)
            found.update(_responses(answer, part))
        self.keep(found.values())
        return found

    def keep(self, people: Iterable[Person]) -> None:
        """Remember how these persons stand now, for a write that follows at once."""
        with self._lock:
            for person in people:
                self._fresh[str(person["resourceName"])] = person
                self._fresh.move_to_end(str(person["resourceName"]))
            while len(self._fresh) > _KEPT:
                self._fresh.popitem(last=False)

    def held(self, wanted: Mapping[str, str]) -> dict[str, Person]:
        """Persons to be changed, id → version: as they were read a moment ago where they stood at that version then,
        read again where not. A write with the version's etag is refused if they moved."""
        with self._lock:
            fresh = {i: self._fresh[i] for i, v in wanted.items() if i in self._fresh}
        known = {i: p for i, p in fresh.items() if wanted[i] and etag_of(p) == wanted[i]}
        rest = [i for i in wanted if i not in known]
        return {**known, **(self.people(rest) if rest else {})}

    def in_scope(self, person: Person) -> bool:
        """Whether a person takes part."""
        return self._label.has(person, self._scope())

    # -- by hub id

    def find(self, hub_ids: Sequence[str]) -> list[Remote]:
        """Who carries one of these hub ids. There is no index of them: everybody is read."""
        wanted = {h.lower() for h in hub_ids}

        def told(person: Person) -> Remote | None:
            remote = self._rows.remote(person)
            carries = remote.hub_id in wanted and not remote.gone
            return self._told(person, self._scope()) if carries else None

        return [r for person in self._everybody() for r in self._rows.remotes([person], told)[0]]

    def _everybody(self) -> Iterator[Any]:
        token: str | None = None
        for _ in range(_MOST_PAGES):
            answer = self._listing(token, {})
            yield from _people(answer)
            onward = answer.data.get("nextPageToken") or None
            if onward is None:
                return
            if onward == token:
                break
            token = str(onward)
        raise ContractViolation("Google answers the same page of contacts again and again")

    def me(self) -> Person:
        """Who signed in, as far as the scopes let Google say it."""
        try:
            return self._wire.get(ME, {"personFields": "emailAddresses,names"}).data
        except ConfigError:
            return {}


def _left(remote: Remote) -> Remote:
    """Somebody who takes part no more."""
    return Remote(remote.id, {}, remote.version, remote.modified, remote.hub_id, gone=True, aliases=remote.aliases)


def _alive(person: Person) -> bool:
    return not (person.get(METADATA) or {}).get("deleted")


def _people(answer: Answer) -> list[Any]:
    people = answer.data.get("connections", [])
    if not isinstance(people, list):
        raise Unavailable("Google answered a listing of contacts without a list", sent=True)
    return people


def _responses(answer: Answer, asked: Sequence[str]) -> dict[str, Person]:
    """The persons of a `batchGet`. Raises Unavailable where one of them is neither answered nor unknown."""
    found: dict[str, Person] = {}
    met = set()
    responses = answer.data.get("responses")
    for response in responses if isinstance(responses, list) else ():
        if not isinstance(response, Mapping):
            continue
        name, person, status = (
            str(response.get("requestedResourceName", "")),
            response.get("person"),
            response.get("status"),
        )
        met.add(name)
        code = status.get("code", 0) if isinstance(status, Mapping) else 0
        if isinstance(person, Mapping) and person.get("resourceName") and not code:
            found[name] = person
        elif code != _NOT_FOUND and response.get("httpStatusCode") != 404:
            raise Unavailable(f"Google did not answer for {name} ({code})", sent=True)
    if not met.issuperset(asked):
        raise Unavailable("Google did not answer for all persons that were asked for", sent=True)
    return found
