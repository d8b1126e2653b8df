"""Writes: a job for a batch, a plain call for one record, e-mail addresses as identities, and the read-back.

Decides on calls and their order; what is sent is `rows`', what a result means `results`' business. Nothing is repeated
here: a call of unknown outcome is reported as such, and what a job did is believed only as far as it is read back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from tieline import ContractViolation, NotAuthorised, Outcome, Problem, Remote, TielineError, Transient, Write
from tieline_zendesk.identities import make_primary
from tieline_zendesk.mapping import DOMAINS, END_USER, FIRST, ITEM, LAST, MAILBOX, join_name, split_name, with_domain
from tieline_zendesk.reading import Reader
from tieline_zendesk.results import Fates, created, failed, told
from tieline_zendesk.rows import FOREIGN, Rows, is_gone
from tieline_zendesk.wire import NotAllowed, Refused, Wire

NOT_STAMPABLE = Problem(
    None,
    "its external_id is somebody else's and is never overwritten: see hub_field in the connector's README",
    "foreign_external_id",
)
States = Mapping[str, Remote]


@dataclass(slots=True)
class Draft:
    """One write on its way. `flat` is what is wanted, `payload` what the plain call or the job is given."""

    write: Write
    flat: dict[str, Any]
    problems: list[Problem] = field(default_factory=list)
    payload: dict[str, Any] = field(default_factory=dict)
    mailbox: str | None = None
    """The e-mail address that shall be the primary one; None: not spoken of."""
    outcome: Outcome | None = None

    @property
    def id(self) -> str:
        """The remote id of what is changed."""
        return self.write.remote_id or ""


class Writer:
    """Writes one stream."""

    def __init__(self, wire: Wire, rows: Rows, reader: Reader) -> None:
        self._wire = wire
        self._rows = rows
        self._reader = reader
        self.stream = rows.stream
        self.stamps = True
        self._imports = True
        """Whether users may be created in bulk: an account has it only on request [spec: create_many]."""

    def write(self, writes: Sequence[Write]) -> list[Outcome]:
        """One outcome for each write, in their order."""
        if not writes:
            return []
        op = writes[0].op
        if any(w.op != op for w in writes) or op == "act":
            raise ContractViolation("Zendesk's jobs do one kind of write at a time")
        if op == "archive":
            return self._archive(writes)
        drafts = [Draft(w, *self._rows.drafted(w)) for w in writes]
        if op == "create":
            self._create(drafts)
        else:
            self._change(drafts, link=op == "link")
        return [d.outcome or Outcome("unknown", None, d.write.remote_id) for d in drafts]

    # -- creates

    def _create(self, drafts: Sequence[Draft]) -> None:
        for draft in drafts:
            flat = {c: v for c, v in draft.flat.items() if v is not None}
            if self.stream == "users":
                first, last = flat.pop(FIRST, None), flat.pop(LAST, None)
                name = join_name(first, last) or flat.get("name") or flat.get(MAILBOX)
                flat |= {"role": END_USER, "skip_verify_email": True} | ({"name": name} if name else {})
            elif DOMAINS in flat:
                flat[DOMAINS] = with_domain((), flat[DOMAINS])
            draft.payload = self._rows.payload(flat)
            if self.stamps:
                self._rows.stamp(draft.payload, draft.write.hub_id)
        if len(drafts) > 1 and self._imports:
            try:
                return self._create_many(drafts)
            except NotAllowed:
                if self.stream != "users":
                    raise
                self._imports = False
        self._one_by_one(drafts, self._create_one)
        return None

    def _create_one(self, draft: Draft) -> None:
        item = ITEM[self.stream]
        try:
            answer = self._wire.write("POST", f"/{self.stream}", {item: draft.payload})
        except Refused as error:
            draft.outcome = self._not_created(draft, error)
            return
        remote = self._remote(answer.data.get(item))
        draft.outcome = told(remote, remote.id if remote else None, draft.problems)

    def _create_many(self, drafts: Sequence[Draft]) -> None:
        job = self._wire.job("POST", f"/{self.stream}/create_many", {self.stream: [d.payload for d in drafts]})
        if job is None:
            return
        fates = created(job, len(drafts))
        found = self._made(drafts, fates)
        if found is None:
            return
        for n, draft in enumerate(drafts):
            remote = found[n]
            if remote is not None and (remote.id in fates.made or not fates.named):
                draft.outcome = told(remote, remote.id, draft.problems)
            elif remote is not None:
                draft.outcome = Outcome("exists", None, remote.id)
            elif n in fates.refused:
                draft.outcome = self._not_created(draft, Refused(422, fates.refused[n]))

    def _made(self, drafts: Sequence[Draft], fates: Fates) -> list[Remote | None] | None:
        """For each draft the record that it has become, as read back by hub id; None when that cannot be told."""
        try:
            if self.stamps and self._rows.hub_field is None:
                by_hub = {r.hub_id: r for r in self._reader.find([d.write.hub_id for d in drafts]) if not r.gone}
                return [by_hub.get(d.write.hub_id.lower()) for d in drafts]
            by_id = {r.id: r for r in self._reader.read([i for i in fates.ids if i])}
        except TielineError:
            return None
        if self.stamps:
            held = {r.hub_id: r for r in by_id.values()}
            return [held.get(d.write.hub_id.lower()) for d in drafts]
        return [by_id.get(i) if i else None for i in fates.ids]

    def _not_created(self, draft: Draft, error: Refused) -> Outcome:
        """Why there is no new record: its hub id, its e-mail address or its name may be taken."""
        taken = {f.column for f in error.faults if _taken(f.code, f.message)}
        if taken & {"external_id", "external"}:
            return Outcome("exists")
        unique = MAILBOX if self.stream == "users" else "name"
        if unique in taken and draft.payload.get(unique):
            try:
                holder = self._reader.holder(unique, str(draft.payload[unique]))
            except (TielineError, KeyError, TypeError):
                holder = None
            if holder is not None:
                return Outcome("exists", None, holder)
        return failed(error.faults, self._rows, draft.problems)

    # -- changes

    def _change(self, drafts: Sequence[Draft], *, link: bool) -> None:
        held = self._held(drafts, link=link)
        for draft in drafts:
            self._complete(draft, held.get(draft.id), link=link)
        rest = [d for d in drafts if d.outcome is None]
        sent = [d for d in rest if d.payload]
        if len(sent) > 1:
            self._change_many(sent)
        else:
            self._one_by_one(sent, self._change_one)
        due = [d for d in rest if d.mailbox is not None and (d not in sent or _is_ok(d))]
        self._one_by_one(due, self._readdress, started=bool(sent))
        self._read_back([d for d in rest if _is_ok(d) and (d.outcome is None or d.outcome.remote is None)])

    def _held(self, drafts: Sequence[Draft], *, link: bool) -> dict[str, Any]:
        """What is there of records of which a part is written that Zendesk takes only as a whole."""
        parts = {FIRST, LAST, DOMAINS}
        asked = [d.id for d in drafts if parts & d.flat.keys() or (link and not d.write.version)]
        whole = [d.id for d in drafts if FIRST in d.flat and LAST in d.flat and DOMAINS not in d.flat]
        ids = [i for i in asked if i not in whole]
        return {str(i["id"]): i for i in self._reader.items(ids)} if ids else {}

    def _complete(self, draft: Draft, item: Mapping[str, Any] | None, *, link: bool) -> None:
        """Make the payload of a change; an outcome where there is nothing to send, or nothing that could be changed."""
        flat = dict(draft.flat)
        item = item or {}
        if item and is_gone(item):
            draft.outcome = Outcome("gone", self._remote(item), draft.id)
            return
        draft.mailbox = flat.pop(MAILBOX, None) if self.stream == "users" else None
        if FIRST in flat or LAST in flat:
            first, last = split_name(item.get("name"), item.get(MAILBOX))
            name = join_name(flat.pop(FIRST, first), flat.pop(LAST, last))
            flat["name"] = name or draft.mailbox or item.get(MAILBOX)
        if DOMAINS in flat:
            flat[DOMAINS] = with_domain(item.get(DOMAINS) or (), flat[DOMAINS])
        draft.payload = self._rows.payload(flat)
        if link:
            self._stamp(draft, item)
        if draft.outcome is None and not draft.payload and draft.mailbox is None:
            draft.outcome = Outcome("rejected" if draft.problems else "ok", None, draft.id, tuple(draft.problems))

    def _stamp(self, draft: Draft, item: Mapping[str, Any]) -> None:
        foreign = draft.write.version.endswith(FOREIGN)
        if item:
            remote = self._remote(item)
            foreign = remote is not None and remote.version.endswith(FOREIGN)
        if foreign or not self.stamps:
            problem = NOT_STAMPABLE if foreign else Problem(None, "there is no field for the hub's id", "no_hub_field")
            draft.outcome = Outcome("rejected", None, draft.id, (problem,))
            return
        self._rows.stamp(draft.payload, draft.write.hub_id)

    def _change_one(self, draft: Draft) -> None:
        item = ITEM[self.stream]
        try:
            answer = self._wire.write("PUT", f"/{self.stream}/{int(draft.id)}", {item: draft.payload})
        except Refused as error:
            draft.outcome = self._not_changed(draft, error)
            return
        remote = self._remote(answer.data.get(item))
        draft.outcome = Outcome("ok", remote if draft.mailbox is None else None, draft.id, tuple(draft.problems))

    def _not_changed(self, draft: Draft, error: Refused) -> Outcome:
        """Why a record was not changed; a refusal may be due to its deletion, which only a read tells."""
        state = None
        if error.status == 404 or not any(self._rows.field_of(f.column) for f in error.faults):
            try:
                state = next(iter(self._reader.read([draft.id])), None)
            except TielineError:
                return failed(error.faults, self._rows, draft.problems, draft.id)
            if state is None or state.gone:
                return Outcome("gone", state, draft.id)
        return failed(error.faults, self._rows, draft.problems, draft.id)

    def _change_many(self, drafts: Sequence[Draft]) -> None:
        body = {self.stream: [{"id": int(d.id), **d.payload} for d in drafts]}
        try:
            job = self._wire.job("PUT", f"/{self.stream}/update_many", body)
        except Refused as error:
            for draft in drafts:
                draft.outcome = failed(error.faults, self._rows, draft.problems, draft.id)
            return
        if job is None:
            for draft in drafts:
                draft.outcome = Outcome("unknown", None, draft.id)
            return
        fates = created(job, len(drafts), [d.id for d in drafts])
        for n, draft in enumerate(drafts):
            if n in fates.refused:
                draft.outcome = self._not_changed(draft, Refused(422, fates.refused[n]))
            elif n in fates.done:
                draft.outcome = Outcome("ok", None, draft.id, tuple(draft.problems))
            else:
                draft.outcome = Outcome("unknown", None, draft.id)

    def _readdress(self, draft: Draft) -> None:
        """A new e-mail address is a new identity made primary; the old one stays as a second address [rec]."""
        problem = make_primary(self._wire, draft.id, draft.mailbox or "")
        if problem is not None and problem.code == "gone":
            draft.outcome = Outcome("gone", None, draft.id)
            return
        if problem is not None:
            draft.problems.append(problem)
        done = problem is None or bool(draft.payload)
        draft.outcome = Outcome("ok" if done else "rejected", None, draft.id, tuple(draft.problems))

    def _read_back(self, drafts: Sequence[Draft]) -> None:
        """The state that the records are in now; where it cannot be read, they are known by their ids alone."""
        drafts = [d for d in drafts if d.outcome is not None]
        if not drafts:
            return
        try:
            states = {r.id: r for r in self._reader.read([d.id for d in drafts])}
        except (TielineError, KeyError, TypeError, ValueError):  # what was written stays written
            return
        for draft in drafts:
            state = states.get(draft.id)
            if state is None or state.gone:
                draft.outcome = Outcome("gone", state, draft.id)
            else:
                draft.outcome = told(state, draft.id, draft.problems)

    # -- archives

    def _archive(self, writes: Sequence[Write]) -> list[Outcome]:
        drafts = [Draft(w, {}) for w in writes]
        if len(drafts) > 1:
            self._archive_many(drafts)
        else:
            self._one_by_one(drafts, self._archive_one)
        return [d.outcome or Outcome("unknown", None, d.id) for d in drafts]

    def _archive_one(self, draft: Draft) -> None:
        try:
            self._wire.write("DELETE", f"/{self.stream}/{int(draft.id)}")
        except Refused as error:
            draft.outcome = self._not_changed(draft, error)
            return
        draft.outcome = Outcome("ok", None, draft.id)

    def _archive_many(self, drafts: Sequence[Draft]) -> None:
        params = {"ids": ",".join(str(int(d.id)) for d in drafts)}
        try:
            job = self._wire.job("DELETE", f"/{self.stream}/destroy_many", params=params)
        except Refused as error:
            for draft in drafts:
                draft.outcome = failed(error.faults, self._rows, (), draft.id)
            return
        if job is None:
            return
        try:
            left = {r.id for r in self._reader.read([d.id for d in drafts]) if not r.gone}
        except TielineError:
            return
        fates = created(job, len(drafts), [d.id for d in drafts])
        for n, draft in enumerate(drafts):
            if draft.id not in left:
                draft.outcome = Outcome("gone" if n in fates.refused else "ok", None, draft.id)
            elif n in fates.refused:
                draft.outcome = failed(fates.refused[n], self._rows, (), draft.id)

    # -- small things

    def _one_by_one(self, drafts: Sequence[Draft], step: Callable[[Draft], None], *, started: bool = False) -> None:
        """Take each step. Once something went out, trouble is told in the outcomes, and the rest is not tried."""
        for n, draft in enumerate(drafts):
            try:
                step(draft)
            except (Transient, NotAuthorised) as error:
                if n == 0 and not started:
                    raise
                unsure = draft.outcome is not None or bool(getattr(error, "sent", False))
                draft.outcome = Outcome("unknown" if unsure else "throttled", None, draft.write.remote_id)
                for other in drafts[n + 1 :]:
                    status: Literal["throttled", "unknown"] = "throttled" if other.outcome is None else "unknown"
                    other.outcome = Outcome(status, None, other.write.remote_id)
                return

    def _remote(self, item: Any) -> Remote | None:
        try:
            return self._rows.remote(item)
        except (KeyError, TypeError, ValueError, AttributeError):
            return None


def _is_ok(draft: Draft) -> bool:
    return draft.outcome is not None and draft.outcome.status == "ok"


def _taken(code: str, message: str) -> bool:
    """Whether an error says that a value must be unique and is not [cap]."""
    return code == "DuplicateValue" or "already been taken" in message or "already being used" in message
