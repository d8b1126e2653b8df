"""Reads: listings, changes, single records. Decides on statements and pages; what a row means is `rows`' business.

A page token is JSON: id and stamp of the page's last row. The next page is a query of its own for what lies behind
that row, not the server's cursor: a cursor dies after two days [memory], and a token that is used again must give the
same page. Asking for one row more than a page holds makes the server say whether there is more.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tieline import ContractViolation, Page, Remote, Window
from tieline_salesforce import bulk, soql_text
from tieline_salesforce.mapping import BECOMES, HUB_FIELD, MEMBER, PERSON, ROLES, SOBJECTS
from tieline_salesforce.org import Org
from tieline_salesforce.roles import SOBJECT as ROLE
from tieline_salesforce.rows import ROLE_COLUMNS, Reader, stamp_ms
from tieline_salesforce.wire import Answer, Refused

_BY_STAMP = "SystemModstamp, Id"
SECOND_MS = 1000


def list_page(org: Org, stream: str, token: str | None) -> Page:
    """Everything alive, by id; what is behind the first page of many, by a job where that works, in any order. A
    converted lead lives on as a contact."""
    if not org.knows_currency(stream, None):
        org.describe(stream)
    note = ""
    job = token and bulk.token_of(token)
    if job:
        try:
            return bulk.page(org, stream, job, org.clock)
        except bulk.NoUse as why:
            token, note = job.base, _without_a_job(stream, why)
    limit = org.settings.page + 1 if token is not None else max(org.settings.page, org.settings.bulk_from) + 1
    answer = _ask(org, stream, _alive(org, stream, token), "Id", deleted=False, limit=limit)
    page = _page(org, stream, answer, token)
    if token is None and page.token is not None and _many(org, stream, answer):
        statement = org.reader(stream).select(_alive(org, stream, page.token))
        try:
            page = page._replace(token=bulk.start(org, stream, statement, page.token, answer, org.clock.now()))
        except bulk.NoUse as why:
            note = _without_a_job(stream, why)
    return page._replace(note=note)


def _alive(org: Org, stream: str, token: str | None) -> str:
    conditions = ["IsConverted = false"] if stream in BECOMES else _scope(org, stream)
    if token is not None:
        last, _ = json.loads(token)
        conditions.append(f"Id > {soql_text.string(last)}")
    return " AND ".join(conditions)


def _scope(org: Org, stream: str) -> list[str]:
    """Campaign members of leads are for whom leads are."""
    return [f"{PERSON} != null"] if SOBJECTS[stream] == MEMBER and not org.leads else []


def _many(org: Org, stream: str, answer: Answer) -> bool:
    """Whether there are so many rows that a job is due; jobs take no subqueries [doc]. The query's limit bounds the
    number it tells."""
    return 0 < org.settings.bulk_from < int(answer.data.get("totalSize") or 0) and not org.reader(stream).roles


def _without_a_job(stream: str, why: Exception) -> str:
    return f"the Bulk API could not read {stream} ({why}); it was read page by page, which takes more calls"


def changes_page(org: Org, stream: str, window: Window, token: str | None) -> Page:
    """What was modified in the window, deleted and merged records among it, by stamp and id."""
    since, order = soql_text.moment(window.since), _BY_STAMP
    where = f"SystemModstamp >= {since}"
    last, stamp = (window.at_id or "", window.since) if token is None else json.loads(token)
    if window.at_id is not None:
        order = "Id"
        where = f"SystemModstamp = {since}" + (f" AND Id > {soql_text.string(last)}" if last else "")
    elif token is not None:
        where = soql_text.after(soql_text.moment(stamp), last)
    where = " AND ".join([where, *_scope(org, stream)])
    answer = _ask(org, stream, where, order, deleted=True)
    if answer.data["records"] and not org.knows_currency(stream, None):
        org.describe(stream)
        if org.currencies:
            answer = _ask(org, stream, where, order, deleted=True)
    page = _page(org, stream, answer, token)
    if window.since % SECOND_MS:  # a literal is cut to the second
        return page._replace(remotes=[r for r in page.remotes if r.modified >= window.since])
    return page


def by_key(
    org: Org, stream: str, column: str, values: Sequence[str], fields: frozenset[str] | None
) -> Sequence[Remote]:
    """The records whose `column` is one of `values`, as they are now, also those in the recycle bin."""
    if not org.knows_currency(stream, fields):
        org.describe(stream)
    try:
        return _selected(org, org.reader(stream, fields), column, values)
    except Refused as error:
        org.narrow(stream, error)
    if column == HUB_FIELD and not org.stamps(stream):
        return ()
    try:
        return _selected(org, org.reader(stream, fields), column, values)
    except Refused as error:
        raise _no_reason(error) from error


def remotes_in(org: Org, reader: Reader, data: Mapping[str, Any]) -> list[Remote]:
    """The records of a query's first page and of those behind it."""
    rows = [row for page in org.wire.pages(data) for row in page["records"]]
    _complete_roles(org, reader, rows)
    return [reader.remote(row) for row in rows]


def _selected(org: Org, reader: Reader, column: str, values: Sequence[str]) -> list[Remote]:
    remotes: list[Remote] = []
    for statement in reader.statements(column, values):
        remotes += remotes_in(org, reader, org.wire.query(statement, deleted=True).data)
    return remotes


def _ask(org: Org, stream: str, where: str, order: str, *, deleted: bool, limit: int | None = None) -> Answer:
    """A page of all mapped fields; without those that the org turns out not to show."""
    limit = limit or org.settings.page + 1
    try:
        return org.wire.query(org.reader(stream).select(where, order, limit), deleted=deleted)
    except Refused as error:
        org.narrow(stream, error)
    try:
        return org.wire.query(org.reader(stream).select(where, order, limit), deleted=deleted)
    except Refused as error:
        raise _no_reason(error) from error


def _no_reason(error: Refused) -> ContractViolation:
    return ContractViolation(f"Salesforce refused a query ({error.code}: {error})")


def _page(org: Org, stream: str, answer: Answer, token: str | None) -> Page:
    rows = answer.data["records"]
    reader = org.reader(stream)
    following = None
    if not answer.data.get("done", True):
        if not rows:
            raise ContractViolation("Salesforce answered an empty page and said that there is more")
        last = rows[-1]
        following = json.dumps([last["Id"], stamp_ms(last["SystemModstamp"])])
        if following == token:
            raise ContractViolation(f"Salesforce answers the same page of {reader.sobject} again and again")
    _complete_roles(org, reader, rows)
    return Page([reader.remote(row) for row in rows], following, now=answer.now)


def _complete_roles(org: Org, reader: Reader, rows: Sequence[dict[str, Any]]) -> None:
    """Fetch the contact roles that did not fit into their opportunity's row."""
    if not reader.roles:
        return
    for row in rows:
        children = row.get(ROLES)
        if not children or children.get("done", True):
            continue
        try:
            found = [r for page in org.wire.pages(children) for r in page["records"]]
        except Refused:  # more of them were open than the org keeps, or it took too long: it is asked for alone
            statement = soql_text.select(ROLE_COLUMNS, ROLE, f"OpportunityId = {soql_text.string(row['Id'])}")
            found = [r for page in org.wire.pages(org.wire.query(statement).data) for r in page["records"]]
        row[ROLES] = {"records": found}
