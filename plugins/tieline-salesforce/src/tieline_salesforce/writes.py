"""From writes to the records of a collections call, and from its results to outcomes. Pure but for asking owners.

Codes and shapes of results: collections answer 200 with one result for each record, in their order, each with
`errors: [{"statusCode","message","fields"}]` [rec].
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tieline import Cell, Mapper, Outcome, Problem, Remote, Rule, Write
from tieline_salesforce.mapping import CURRENCY, HUB_FIELD, OWNER, PERSON, ROLES, number, opted_out
from tieline_salesforce.owners import Owners
from tieline_salesforce.rows import owner_by_mail
from tieline_salesforce.schema import ObjectInfo
from tieline_salesforce.wire import NO_ANSWER, Reply, VendorError, busy, errors_of

_GONE = frozenset({"ENTITY_IS_DELETED", "NOT_FOUND", "CANNOT_UPDATE_CONVERTED_LEAD"})
_LOCKED = "ENTITY_IS_LOCKED"
"""In an approval; or converted meanwhile, which only the record as read back can tell [memory]."""
_PERHAPS_GONE = "INVALID_CROSS_REFERENCE_KEY"
"""An unknown id to write to, or an unknown id in one of the fields."""
_NOBODY = "FIELD_INTEGRITY_EXCEPTION"
"""Of a campaign member: it names neither a contact nor a lead, or both [memory]."""
_ABOUT_IDS = frozenset(
    {_PERHAPS_GONE, "MALFORMED_ID", "ENTITY_IS_DELETED", "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY"}
)
_TWIN = re.compile(r"record with id:\s*([A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?)")
_COLUMN = re.compile(r"No such column '([^']+)'")
_BOOLEANS = frozenset({"boolean", "consent"})
_FORMS: Mapping[str, Callable[[str], Any]] = {"decimal": number, "percent": number, "consent": opted_out}
"""How a value is written where a rule of the user's own does not say."""


@dataclass(slots=True)
class Draft:
    """One write on its way. `record` is what the collections call is given, empty of fields: nothing to send."""

    write: Write
    record: dict[str, Any]
    problems: list[Problem] = field(default_factory=list)
    contacts: Sequence[Mapping[str, Cell]] | None = None
    """The contacts an opportunity shall have; None: not spoken of."""

    @property
    def sends(self) -> bool:
        """Whether there is anything for the collections call."""
        return bool(self.record) or self.write.op == "create"


class Drafter:
    """Makes the records of one stream's writes."""

    def __init__(
        self, mapper: Mapper, owners: Owners, info: ObjectInfo | None, *, currencies: bool, currency: str | None
    ) -> None:
        self._mapper = mapper
        self._owners = owners
        self._info = info
        self._currencies = currencies
        self._currency = currency
        self._by_mail = owner_by_mail(mapper)
        types = {rule.remote: _value_type(rule, mapper) for rule in mapper.rules}
        self._never_blank = {column for column, type_name in types.items() if type_name in _BOOLEANS}
        self._never_blank |= {r.remote for r in mapper.rules if not r.clear}
        plain = {r.remote for r in mapper.rules if r.values is None and r.dump is None}
        self._forms = {c: _FORMS[t] for c, t in types.items() if c in plain and t in _FORMS}

    def drafts(self, writes: Sequence[Write], stamps: bool) -> list[Draft]:
        """A draft for each write, in their order. Asks for all owners in them at once."""
        if self._by_mail:
            self._owners.learn(o for w in writes if isinstance(o := w.fields.get("owner"), str))
        return [self._draft(write, stamps) for write in writes]

    def _draft(self, write: Write, stamps: bool) -> Draft:
        draft = Draft(write, {})
        for name, cell in write.fields.items():
            if not self._mapper.writable(name):
                draft.problems.append(Problem(name, f"{name}: cannot be written to Salesforce", "read_only"))
                continue
            row, problems = self._mapper.write({name: cell})
            if not problems and ROLES in row:
                draft.contacts = row.pop(ROLES) or ()
            problems = problems or self._adapt(name, row, write.op == "create")
            draft.problems += problems
            if not problems:
                draft.record.update(row)
        if stamps and write.op in ("create", "link"):
            draft.record[HUB_FIELD] = write.hub_id
        return draft

    def _adapt(self, name: str, row: dict[str, Any], create: bool) -> tuple[Problem, ...]:
        """Turn a field's columns into what the org takes, in place; problems when it cannot take them."""
        if CURRENCY in row:
            problem = self._currency_problem(name, row[CURRENCY], alone=len(row) == 1)
            if problem is not None:
                return (problem,)
            if not self._currencies or row[CURRENCY] is None:
                del row[CURRENCY]
        for column in list(row):
            value = row[column]
            if create and value is None:
                del row[column]
            elif value is None and (column in self._never_blank or column == OWNER):
                return (Problem(name, f"{name}: Salesforce cannot hold a blank here", "not_nillable"),)
            elif column == OWNER and self._by_mail:
                try:
                    row[column] = self._owners.id_of(str(value))
                except ValueError as error:
                    return (Problem(name, f"{name}: {error}", "unmapped_owner"),)
            elif value is not None and column in self._forms:
                try:
                    row[column] = self._forms[column](value)
                except ValueError as error:
                    return (Problem(name, f"{name}: {error}"),)
            elif "." in column or (self._info is not None and column not in self._info.fields):
                return (Problem(name, f"{name}: {column} cannot be written in this org", "INVALID_FIELD"),)
        return ()

    def _currency_problem(self, name: str, currency: str | None, *, alone: bool) -> Problem | None:
        if self._currencies or currency in (None, self._currency):
            return None
        if self._currency is not None:
            return Problem(name, f"{name}: is in {currency}, but this org keeps {self._currency} only", "currency")
        # an amount travels without its currency here, as the org does not say it; a currency alone cannot travel
        return Problem(name, f"{name}: this org keeps one currency for all records", "currency") if alone else None


def _value_type(rule: Rule, mapper: Mapper) -> str:
    """The type of what one column holds: the amount of money is a number, its currency a text."""
    name, _, part = rule.field.partition(".")
    if part:
        return "decimal" if part == "amount" else "text"
    return mapper.specs[name].type


def payload(sobject: str, draft: Draft) -> dict[str, Any]:
    """The record as a collections call takes it."""
    head: dict[str, Any] = {"attributes": {"type": sobject}}
    if draft.write.op != "create":
        head["id"] = draft.write.remote_id
    return {**head, **draft.record}


States = Mapping[str, Remote]
"""Records by id as they stand after the writes; None in its place: they could not be read."""


def outcomes_of(reply: Reply, drafts: Sequence[Draft], mapper: Mapper, states: States | None) -> list[Outcome]:
    """One outcome for each draft of a collections call, in their order."""
    if not reply.ok:
        return [_outcome_of_call(reply, draft, mapper) for draft in drafts]
    if not isinstance(reply.body, list) or len(reply.body) != len(drafts):
        return [Outcome("unknown", problems=tuple(d.problems)) for d in drafts]
    return [_outcome(result, draft, mapper, states) for result, draft in zip(reply.body, drafts, strict=True)]


def _outcome_of_call(reply: Reply, draft: Draft, mapper: Mapper) -> Outcome:
    """The call as a whole was refused, or never answered."""
    if reply.status == NO_ANSWER or reply.status >= 500:
        return Outcome("unknown")
    errors = errors_of(reply.body) or [VendorError("", f"status {reply.status} without a reason")]
    if any(busy(e.code) for e in errors):
        return Outcome("throttled")
    return Outcome("rejected", None, draft.write.remote_id, (*draft.problems, *_problems(errors, mapper)))


def _outcome(result: Any, draft: Draft, mapper: Mapper, states: States | None) -> Outcome:
    known = draft.write.remote_id
    if isinstance(result, Mapping) and result.get("success"):
        remote_id = long_id(str(result.get("id") or known))
        return Outcome("ok", (states or {}).get(remote_id), remote_id, tuple(draft.problems))
    errors = errors_of(result.get("errors")) if isinstance(result, Mapping) else []
    codes = {e.code for e in errors}
    if any(busy(c) for c in codes):
        return Outcome("throttled", remote_id=known, problems=_problems(errors, mapper))
    twin = _twin(errors, mapper) if draft.write.op == "create" else None
    if twin is not None:
        return Outcome("exists", remote_id=twin or None)
    if known and _is_gone(codes, errors, mapper, known, states):
        return Outcome("gone", (states or {}).get(known), known)
    return Outcome("rejected", None, known, (*draft.problems, *_problems(errors, mapper, _reference(draft, mapper))))


def _reference(draft: Draft, mapper: Mapper) -> str | None:
    """The one reference that a write speaks of; None when there are several or none."""
    names = [name for name in draft.write.fields if mapper.specs[name].refers_to and name not in _named(draft)]
    return names[0] if len(names) == 1 else None


def _named(draft: Draft) -> set[str | None]:
    return {problem.field for problem in draft.problems}


def _is_gone(codes: set[str], errors: Sequence[VendorError], mapper: Mapper, known: str, states: States | None) -> bool:
    """Whether the record itself is missing or converted, not one that it refers to: the record as read back decides, if
    it was."""
    if not codes & (_GONE | {_PERHAPS_GONE, _LOCKED}) or any(mapper.field_of(f) for e in errors for f in e.fields):
        return False
    if states is None:
        return bool(codes & _GONE)
    return known not in states or states[known].gone


def _twin(errors: Sequence[VendorError], mapper: Mapper) -> str | None:
    """The id of the record that holds this hub id already, or joins the same two; "" when the message does not say;
    None: no such error."""
    for error in errors:
        if error.code == "DUPLICATE_VALUE" and (HUB_FIELD in error.fields or HUB_FIELD in error.message):
            found = _TWIN.search(error.message)
            return long_id(found[1]) if found else ""
        if error.code == "DUPLICATE_VALUE" and mapper.kind == "campaign_member":
            return ""  # `Already a campaign member.` does not say which
    return None


def _problems(errors: Sequence[VendorError], mapper: Mapper, reference: str | None = None) -> tuple[Problem, ...]:
    """The errors as problems of canonical fields. One about an id names no field [rec]: it is `reference`'s then."""
    problems: list[Problem] = []
    for error in errors or [VendorError("", "refused without a reason")]:
        columns = error.fields or tuple(_COLUMN.findall(error.message))
        names = dict.fromkeys(mapper.field_of(c) for c in columns)
        if not names and error.code == _NOBODY and mapper.kind == "campaign_member":
            names = {mapper.field_of(PERSON): None}
        if not names:
            names = {reference if error.code in _ABOUT_IDS else None: None}
        problems += [Problem(name, _readable(error), error.code or "invalid") for name in names]
    return tuple(problems)


def _readable(error: VendorError) -> str:
    if error.code == "DUPLICATES_DETECTED":
        return (
            f"a duplicate rule of the org found a record like this one ({error.message}): merge or edit that record "
            "in Salesforce, or let the rule pass the integration user"
        )
    return error.message or error.code


_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def long_id(record_id: str) -> str:
    """The 18-character form of an id: 15 characters and, for each five of them, which ones are capital letters."""
    if len(record_id) != 15:
        return record_id
    parts = (record_id[i : i + 5] for i in (0, 5, 10))
    return record_id + "".join(_BASE32[sum(c.isupper() << n for n, c in enumerate(part))] for part in parts)
