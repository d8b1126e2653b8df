"""Writes: batches, one call after the other. Decides on calls and their order; what is sent is `rows`' business.

Google does all of a batch or nothing. Where it refuses one, it says because of whom, or it does not; then the batch is
read again to see who moved, or halved, down to the culprit. What was refused was not applied, so nothing is ever
repeated that may have been done.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from tieline import ContractViolation, NotAuthorised, Outcome, Problem, Transient, Write
from tieline_google.people.entries import Entries, sendable
from tieline_google.people.faults import Fault, faults_of, is_stale, refusal_in
from tieline_google.people.label import Label
from tieline_google.people.mapping import CLIENT, CONTACT, MEMBERSHIPS, METADATA, ONLY_CONTACTS
from tieline_google.people.reading import Reader
from tieline_google.people.rows import UNREADABLE, Person, Rows, etag_of, hub_id_of, source_of
from tieline_google.wire import NothingThere, Refused, Wire

CREATE, UPDATE, DELETE = (
    "/v1/people:batchCreateContacts",
    "/v1/people:batchUpdateContacts",
    "/v1/people:batchDeleteContacts",
)
MOST_CALLS = 64
"""Calls that one batch may take on the way to its culprits; who is not reached by then is tried another time."""


@dataclass(slots=True)
class Draft:
    """One write on its way. `lists` are the fields that it changes, whole."""

    write: Write
    person: Person = field(default_factory=dict)
    lists: dict[str, Entries] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    outcome: Outcome | None = None

    @property
    def id(self) -> str:
        """The resource name of who is changed."""
        return self.write.remote_id or ""

    def end(self, status: Any, *problems: Problem, **more: Any) -> None:
        """What became of it."""
        self.outcome = Outcome(status, remote_id=self.write.remote_id, problems=(*self.problems, *problems), **more)


Step = Callable[[Sequence[Draft]], None]


class Writer:
    """Writes the contacts of one account, one call after the other: Google asks for that [spec]."""

    def __init__(self, wire: Wire, rows: Rows, reader: Reader, label: Label) -> None:
        self._wire = wire
        self._rows = rows
        self._reader = reader
        self._label = label
        self._turn = threading.Lock()

    def write(self, writes: Sequence[Write]) -> list[Outcome]:
        """One outcome for each write, in their order."""
        if not writes:
            return []
        op = writes[0].op
        if any(w.op != op for w in writes) or op == "act":
            raise ContractViolation("a batch of Google's does one kind of write")
        drafts = [Draft(w) for w in writes]
        steps: Mapping[str, Step] = {"create": self._create, "archive": self._archive}
        with self._turn:
            steps.get(op, self._change)(drafts)
        return [d.outcome or Outcome("unknown", None, d.write.remote_id, tuple(d.problems)) for d in drafts]

    # -- creates

    def _create(self, drafts: Sequence[Draft]) -> None:
        members = self._label.memberships(self._reader.label())
        for draft in drafts:
            draft.lists, draft.problems = self._rows.drafted(draft.write, {})
            draft.lists[CLIENT] = self._rows.stamped({}, draft.write.hub_id)
            if members:
                draft.lists[MEMBERSHIPS] = members
        self._send(drafts, self._create_batch)

    def _create_batch(self, drafts: Sequence[Draft]) -> None:
        contacts = [{"contactPerson": {a: e for a, e in d.lists.items() if e}} for d in drafts]
        body = {"contacts": contacts, "readMask": self._rows.mask, "sources": [ONLY_CONTACTS]}
        answer = self._wire.write("POST", CREATE, body).data
        told = answer.get("createdPeople")
        made = [r.get("person") for r in told if isinstance(r, Mapping)] if isinstance(told, list) else []
        by_hub = {hub_id_of(p): p for p in made if isinstance(p, Mapping)}
        for draft in drafts:
            self._tell(draft, by_hub.get(draft.write.hub_id.lower()))

    # -- changes

    def _change(self, drafts: Sequence[Draft]) -> None:
        link = drafts[0].write.op == "link"
        held = self._reader.held({d.id: d.write.version for d in drafts})
        for draft in drafts:
            self._readable(draft, lambda d=draft: self._complete(d, held.get(d.id), link=link))  # type: ignore[misc]
        self._send([d for d in drafts if d.outcome is None], self._update_batch)

    def _complete(self, draft: Draft, person: Person | None, *, link: bool) -> None:
        """Say what is sent of a change; an outcome where there is nothing to send, or nobody to be changed."""
        if not self._there(draft, person):
            return
        draft.person = person = person or {}
        if link:
            draft.lists = {CLIENT: self._rows.stamped(person, draft.write.hub_id)}
        else:
            draft.lists, draft.problems = self._rows.drafted(draft.write, person)
        draft.lists = {a: e for a, e in draft.lists.items() if e != sendable(person, a)}
        if not draft.lists:
            remote = self._rows.remote(person)
            draft.end("rejected" if draft.problems else "ok", remote=None if draft.problems else remote)

    def _readable(self, draft: Draft, step: Callable[[], object]) -> None:
        """Take this step, unless the person is nothing that could be sent back."""
        try:
            step()
        except UNREADABLE:
            draft.end("rejected", Problem(None, "what Google says of this contact cannot be read", "unreadable"))

    def _there(self, draft: Draft, person: Person | None) -> bool:
        """Whether this is who the write means, at the version it means. An old id is not: the runner follows it."""
        if person is None or person["resourceName"] != draft.id or not self._reader.in_scope(person):
            draft.end("gone")
        elif draft.write.version and draft.write.version != etag_of(person):
            draft.end("conflict")
        return draft.outcome is None

    def _update_batch(self, drafts: Sequence[Draft]) -> None:
        """One mask stands for all of a batch [spec]: who does not change such a field gets it back as it is."""
        areas = sorted({a for d in drafts for a in d.lists})
        body = {
            "contacts": {d.id: self._payload(d, areas) for d in drafts},
            "updateMask": ",".join(areas),
            "readMask": self._rows.mask,
            "sources": [ONLY_CONTACTS],
        }
        told = self._wire.write("POST", UPDATE, body).data.get("updateResult")
        for draft in drafts:
            found = told.get(draft.id) if isinstance(told, Mapping) else None
            self._tell(draft, found.get("person") if isinstance(found, Mapping) else None)

    def _payload(self, draft: Draft, areas: Sequence[str]) -> dict[str, Any]:
        source = source_of(draft.person)
        kept = {k: source[k] for k in ("id", "etag") if k in source}
        lists = {a: draft.lists[a] if a in draft.lists else sendable(draft.person, a) for a in areas}
        return {METADATA: {"sources": [{"type": CONTACT, **kept}]}, **{a: e for a, e in lists.items() if e}}

    def _tell(self, draft: Draft, person: Person | None) -> None:
        """Done, as the answer shows it; an answer that does not show it leaves open what was done."""
        try:
            remote = self._rows.remote(person or {})
        except UNREADABLE:
            draft.end("unknown")
            return
        self._reader.keep([person or {}])
        former = {draft.id} - {remote.id, ""}
        draft.end("ok", remote=remote._replace(aliases=(*remote.aliases, *former)) if former else remote)

    # -- archives

    def _archive(self, drafts: Sequence[Draft]) -> None:
        """Delete contacts; who was taken out of the label, or was edited since, is left alone."""
        held = self._reader.held({d.id: d.write.version for d in drafts})
        for draft in drafts:
            self._readable(draft, lambda d=draft: self._there(d, held.get(d.id)))  # type: ignore[misc]
        self._send([d for d in drafts if d.outcome is None], self._delete_batch)

    def _delete_batch(self, drafts: Sequence[Draft]) -> None:
        self._wire.write("POST", DELETE, {"resourceNames": [d.id for d in drafts]})
        for draft in drafts:
            draft.end("ok")

    # -- one batch, and what is left of it

    def _send(self, drafts: Sequence[Draft], step: Step) -> None:
        """Do these in one call, or in as many as it takes to do all but the culprits."""
        todo, done = [list(drafts)] if drafts else [], False
        for _ in range(MOST_CALLS):
            if not todo:
                return
            part = todo.pop(0)
            try:
                step(part)
                done = True
            except (Refused, NothingThere) as error:
                try:
                    if part[0].write.op == "create" and not done:
                        self._label.still()  # without it Google refuses whoever it is
                    todo[:0] = self._sifted(part, refusal_in(error))
                except (Transient, NotAuthorised):
                    if not done:
                        raise
                    _end(part, "throttled")
            except (Transient, NotAuthorised) as error:
                if not done:
                    raise
                _end(part, "unknown" if getattr(error, "sent", False) else "throttled")
                break
        for part in todo:
            _end(part, "throttled")

    def _sifted(self, part: Sequence[Draft], error: Refused) -> list[list[Draft]]:
        """What is to be tried again of a refused batch; the culprits have their outcomes."""
        faults = faults_of(error, [d.id for d in part])
        if not faults and len(part) == 1:
            faults = {0: Fault(str(error), 9 if is_stale(error) else error.status, error.details)}
        for n, fault in faults.items():
            self._refuse(part[n], fault)
        if not faults and part[0].write.op != "create" and is_stale(error):
            self._look_again(part)
        rest = [d for d in part if d.outcome is None]
        if len(rest) < len(part):
            return [rest] if rest else []
        half = len(part) // 2
        return [list(part[:half]), list(part[half:])]

    def _look_again(self, part: Sequence[Draft]) -> None:
        """Who of these moved since they were read."""
        now = self._reader.people([d.id for d in part])
        for draft in part:
            person = now.get(draft.id)
            if person is None:
                draft.end("gone")
            elif etag_of(person) != etag_of(draft.person):
                draft.end("conflict")

    def _refuse(self, draft: Draft, fault: Fault) -> None:
        if draft.write.op != "create" and fault.stale:
            draft.end("conflict")
        elif draft.write.op != "create" and fault.missing:
            draft.end("gone")
        else:
            draft.end("rejected", *self._problems(draft, fault))

    def _problems(self, draft: Draft, fault: Fault) -> list[Problem]:
        told = fault.violations or [("", fault.message)]
        found = [(self._rows.field_of(path, draft.write), said) for path, said in told]
        return [Problem(name, said or fault.message, fault.code) for name, said in found]


def _end(drafts: Sequence[Draft], status: Literal["throttled", "unknown"]) -> None:
    for draft in drafts:
        if draft.outcome is None:
            draft.end(status)
