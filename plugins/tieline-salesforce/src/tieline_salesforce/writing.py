"""Writes: one collections call for a batch, the read-back in the same request, contact roles in a second one.

Decides on calls and their order; what is in a record and what a result means is `writes`' business. Nothing is
repeated here: a call of unknown outcome is reported as such.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tieline import ContractViolation, NotAuthorised, Outcome, Problem, Remote, TielineError, Transient, Write
from tieline_salesforce import reading, roles, soql_text
from tieline_salesforce.mapping import CAMPAIGN, HUB_FIELD, MEMBER, PERSON, ROLES, SOBJECTS
from tieline_salesforce.org import Org
from tieline_salesforce.wire import NO_ANSWER, Call, Refused, Reply, busy, errors_of
from tieline_salesforce.writes import Draft, States, long_id, outcomes_of, payload

COLLECTIONS = "/composite/sobjects"
_MEMBER_COLUMNS = ("Id", PERSON, CAMPAIGN)
_ROLE_COLUMNS = ("Id", "OpportunityId", "ContactId", "Role", "IsPrimary")


def write_batch(org: Org, stream: str, writes: Sequence[Write]) -> Sequence[Outcome]:
    """One outcome for each write, in their order."""
    if not writes:
        return ()
    op = writes[0].op
    if any(w.op != op for w in writes) or op == "act":
        raise ContractViolation("Salesforce's collections take one kind of write at a time")
    if op == "archive":
        return _archive(org, writes)
    whole = op == "create" or not org.knows_currency(stream, None)  # all fields are read back
    if whole and org.info(stream) is None:
        org.describe(stream)
    stamps = org.stamps(stream)
    if op == "link" and not stamps:
        problem = Problem(None, f"{SOBJECTS[stream]} has no field {HUB_FIELD}: see tieline check", "INVALID_FIELD")
        return [Outcome("rejected", None, w.remote_id, (problem,)) for w in writes]
    return _Batch(org, stream, org.drafter(stream).drafts(writes, stamps), stamps).run()


def _archive(org: Org, writes: Sequence[Write]) -> list[Outcome]:
    ids = [w.remote_id or "" for w in writes]
    call = Call("DELETE", COLLECTIONS, {"ids": ",".join(ids), "allOrNone": "false"})
    (reply,) = org.wire.batch([call])
    _refuse_whole(org, reply)
    drafts = [Draft(w, {}) for w in writes]
    gone = {i: Remote(i, {}, hub_id=w.hub_id, gone=True) for i, w in zip(ids, writes, strict=True)}
    return outcomes_of(reply, drafts, next(iter(org.mappers.values())), gone)


def _refuse_whole(org: Org, reply: Reply) -> None:
    """Raise what a connector may raise when it is not about these records: no permission, no such version."""
    if reply.status in (401, 403, 404):
        raised = org.wire.refusal(reply.status, errors_of(reply.body))
        if not isinstance(raised, Refused):
            raise raised


class _Batch:
    """The calls of one batch of creates, updates or links."""

    def __init__(self, org: Org, stream: str, drafts: Sequence[Draft], stamps: bool) -> None:
        self.org = org
        self.stream = stream
        self.sobject = SOBJECTS[stream]
        self.mapper = org.mappers[stream]
        self.drafts = drafts
        self.creates = drafts[0].write.op == "create"
        self.stamps = stamps
        self.sent = [d for d in drafts if d.sends]
        self.with_roles = [d for d in drafts if d.contacts is not None]

    def run(self) -> list[Outcome]:
        """Write, then read back; then say what became of each."""
        if not self.sent and not self.with_roles:
            return [_nothing_sent(d) for d in self.drafts]
        calls = self._first_calls()
        try:
            replies = self.org.wire.batch(calls)
        except Refused as error:
            return [Outcome("rejected", None, d.write.remote_id, (*d.problems, _whole(error))) for d in self.drafts]
        written = replies.pop(0) if self.sent else Reply(200, [])
        _refuse_whole(self.org, written)
        if not self.with_roles:
            return self._outcomes(written, replies, {})
        mishaps, replies = self._write_roles(written, replies)
        return self._outcomes(written, replies, mishaps)

    def _first_calls(self) -> list[Call]:
        calls = []
        if self.sent:
            body = {"allOrNone": False, "records": [payload(self.sobject, d) for d in self.sent]}
            calls.append(Call("POST" if self.creates else "PATCH", COLLECTIONS, body=body))
        if not self.with_roles:
            return calls + self._read_back(self.drafts, None)
        if not self.creates:
            ids = [d.write.remote_id or "" for d in self.with_roles]
            room = soql_text.room_after(soql_text.select(_ROLE_COLUMNS, roles.SOBJECT, "OpportunityId IN ()"))
            for where in soql_text.within("OpportunityId", ids, room):
                calls.append(Call("GET", "/query", {"q": soql_text.select(_ROLE_COLUMNS, roles.SOBJECT, where)}))
        return calls

    def _read_back(self, drafts: Iterable[Draft], ids: Sequence[str] | None) -> list[Call]:
        """Calls that read the records as they then stand: by id, or new ones by the hub id they were just given."""
        reader = self.org.reader(self.stream)
        if ids is None and self.creates:
            if not self.stamps:
                return []
            statements = reader.statements(HUB_FIELD, [d.write.hub_id for d in drafts])
        else:
            ids = ids if ids is not None else [d.write.remote_id or "" for d in drafts]
            statements = reader.statements("Id", ids)
        return [Call("GET", "/queryAll", {"q": statement}) for statement in statements]

    # -- contact roles

    def _write_roles(self, written: Reply, replies: Sequence[Reply]) -> tuple[dict[str, list[Any]], list[Reply]]:
        """Bring the roles of what was written to what is wanted; mishaps by opportunity, and the read-back's replies.

        A mishap is a result's list of errors, or None for a row of unknown outcome.
        """
        ids = self._ids(written)
        wanted = [(ids[i], d) for i, d in enumerate(self.drafts) if d.contacts is not None and ids[i] is not None]
        try:
            current = self._current_roles(replies)
        except TielineError:
            current = None
        if current is None:  # the roles that are there are not known: nothing may be changed
            mishaps: dict[str, list[Any]] = {str(i): [None] for i, _ in wanted}
            return mishaps, self._later(self._read_back((), [i for i in ids if i]))
        changes = roles.Changes()
        for opportunity, draft in wanted:
            roles.plan(str(opportunity), draft.contacts or (), current.get(str(opportunity), ()), changes)
        planned = list(roles.calls(changes))
        answers = self._later([c for c, _ in planned] + self._read_back((), [i for i in ids if i]))
        return _mishaps(planned, answers), answers[len(planned) :]

    def _ids(self, written: Reply) -> list[str | None]:
        """The id of each draft's record; None where it was not written."""
        results = iter(written.body if written.ok and isinstance(written.body, list) else ())
        ids: list[str | None] = []
        for draft in self.drafts:
            result = next(results, {}) if draft.sends else {"success": True}
            done = isinstance(result, Mapping) and result.get("success")
            ids.append(long_id(str(result.get("id") or draft.write.remote_id)) if done else None)
        return ids

    def _current_roles(self, replies: Sequence[Reply]) -> dict[str, list[dict[str, Any]]] | None:
        rows: dict[str, list[dict[str, Any]]] = {}
        for reply in replies:
            if not reply.ok:
                return None
            for page in self.org.wire.pages(reply.body):
                for row in page["records"]:
                    rows.setdefault(row["OpportunityId"], []).append(row)
        return rows

    def _later(self, calls: Sequence[Call]) -> list[Reply]:
        """Calls after something was written: no failure of theirs may hide that."""
        try:
            return self.org.wire.batch(calls)
        except (Transient, NotAuthorised, Refused):
            return [Reply(NO_ANSWER, None) for _ in calls]

    # -- outcomes

    def _outcomes(self, written: Reply, replies: Sequence[Reply], mishaps: Mapping[str, list[Any]]) -> list[Outcome]:
        states = self._states(written, replies)
        sent = iter(outcomes_of(written, self.sent, self.mapper, states))
        outcomes = []
        for draft in self.drafts:
            if draft.sends:
                outcome = next(sent)
            elif draft.contacts is None:
                outcome = _nothing_sent(draft)
            else:
                known = draft.write.remote_id
                outcome = Outcome("ok", (states or {}).get(known or ""), known, tuple(draft.problems))
            outcomes.append(self._with_mishaps(outcome, mishaps))
        return self._named(outcomes)

    def _named(self, outcomes: list[Outcome]) -> list[Outcome]:
        """These, with the ids of campaign members that were there already: their refusal does not say them."""
        nameless = [i for i, o in enumerate(outcomes) if o.status == "exists" and o.remote_id is None]
        if not nameless or self.sobject != MEMBER:
            return outcomes
        ends = [(self.drafts[i].record.get(PERSON), self.drafts[i].record.get(CAMPAIGN)) for i in nameless]
        room = soql_text.room_after(soql_text.select(_MEMBER_COLUMNS, MEMBER, f"{PERSON} IN ()"))
        people = dict.fromkeys(str(person) for person, _ in ends if person)
        calls = [
            Call("GET", "/query", {"q": soql_text.select(_MEMBER_COLUMNS, MEMBER, where)})
            for where in soql_text.within(PERSON, people, room)
        ]
        rows = [row for reply in self._later(calls) if reply.ok for row in self._rows_of(reply)]
        ids = {(row[PERSON], row[CAMPAIGN]): str(row["Id"]) for row in rows}
        for i, pair in zip(nameless, ends, strict=True):
            outcomes[i] = outcomes[i]._replace(remote_id=ids.get(pair))
        return outcomes

    def _rows_of(self, reply: Reply) -> list[Mapping[str, Any]]:
        try:
            return [row for page in self.org.wire.pages(reply.body) for row in page["records"]]
        except TielineError:  # what was refused stays refused
            return []

    def _with_mishaps(self, outcome: Outcome, mishaps: Mapping[str, list[Any]]) -> Outcome:
        errors = mishaps.get(outcome.remote_id or "") if outcome.status == "ok" else None
        if not errors:
            return outcome
        if any(e is None or busy(e.code) for e in errors):
            return Outcome("unknown", outcome.remote, outcome.remote_id, outcome.problems)
        name = self.mapper.field_of(ROLES)
        problems = tuple(Problem(name, f"{name}: {e.message or e.code}", e.code) for e in errors)
        return outcome._replace(problems=(*outcome.problems, *problems))

    def _states(self, written: Reply, replies: Sequence[Reply]) -> States | None:
        """The records as read back; None when they could not be."""
        reader = self.org.reader(self.stream)
        try:
            if replies and all(r.ok for r in replies):
                return {r.id: r for reply in replies for r in reading.remotes_in(self.org, reader, reply.body)}
            ids = [i for i in self._ids(written) if i is not None]
            return {r.id: r for r in reading.by_key(self.org, self.stream, "Id", ids, None)} if ids else None
        except (TielineError, KeyError, TypeError):  # what was written stays written, whatever the answer is like
            return None


def _nothing_sent(draft: Draft) -> Outcome:
    if draft.problems:
        return Outcome("rejected", None, draft.write.remote_id, tuple(draft.problems))
    return Outcome("ok", None, draft.write.remote_id)


def _whole(error: Refused) -> Problem:
    return Problem(None, f"Salesforce refused the whole call: {error}", error.code or "invalid")


def _mishaps(planned: Sequence[tuple[Call, list[str]]], answers: Sequence[Reply]) -> dict[str, list[Any]]:
    mishaps: dict[str, list[Any]] = {}
    for (_, opportunities), reply in zip(planned, answers, strict=False):
        if not reply.ok or not isinstance(reply.body, list) or len(reply.body) != len(opportunities):
            errors = errors_of(reply.body) if reply.status >= 400 and reply.status < 500 else []
            for opportunity in opportunities:
                mishaps.setdefault(opportunity, []).extend(errors or [None])
            continue
        for opportunity, result in zip(opportunities, reply.body, strict=True):
            if not (isinstance(result, Mapping) and result.get("success")):
                errors = errors_of(result.get("errors")) if isinstance(result, Mapping) else []
                mishaps.setdefault(opportunity, []).extend(errors or [None])
    return mishaps
