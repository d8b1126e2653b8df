"""Reads: listings, changes, single records. Decides on statements and pages; what a row means is `rows`' business.

A page token is JSON: the locator's address, and id and stamp of the page's last row. A locator lives for two days
[memory]; when it is gone, the reading goes on behind that row.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tieline import ContractViolation, Page, Remote, Window
from tieline_salesforce import soql_text
from tieline_salesforce.mapping import HUB_FIELD, ROLES
from tieline_salesforce.org import Org
from tieline_salesforce.rows import Reader, stamp_ms
from tieline_salesforce.wire import Answer, Refused

_BY_STAMP = "SystemModstamp, Id"
SECOND_MS = 1000


def list_page(org: Org, stream: str, token: str | None) -> Page:
    """Everything alive, by id."""
    if not org.knows_currency(stream, None):
        org.describe(stream)
    answer, where = None, ""
    if token is not None:
        url, last, _ = json.loads(token)
        answer, where = _next(org, url), f"Id > {soql_text.string(last)}"
    return _page(org, stream, answer or _ask(org, stream, where, "Id", deleted=False), token)


def changes_page(org: Org, stream: str, window: Window, token: str | None) -> Page:
    """What was modified in the window, deleted and merged records among it, by stamp and id."""
    since, order, answer = soql_text.moment(window.since), _BY_STAMP, None
    where = f"SystemModstamp >= {since}"
    if window.at_id is not None:
        behind = f" AND Id > {soql_text.string(window.at_id)}" if window.at_id else ""
        order, where = "Id", f"SystemModstamp = {since}{behind}"
    if token is not None:
        url, last, stamp = json.loads(token)
        answer, where = _next(org, url), soql_text.after(soql_text.moment(stamp), last)
        if window.at_id is not None:
            where = f"SystemModstamp = {since} AND Id > {soql_text.string(last)}"
    answer = answer or _ask(org, stream, where, order, deleted=True)
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
    info = org.info(stream)
    if column == HUB_FIELD and info is not None and not info.stamps:
        return ()
    try:
        return _selected(org, org.reader(stream, fields), column, values)
    except Refused as error:
        raise _no_reason(error) from error


def remotes_in(org: Org, reader: Reader, data: Mapping[str, Any]) -> list[Remote]:
    """The records of a query's first page and of those behind it."""
    rows = list(data["records"])
    while not data.get("done", True):
        data = org.wire.more(data["nextRecordsUrl"]).data
        rows += data["records"]
    _complete_roles(org, reader, rows)
    return [reader.remote(row) for row in rows]


def _selected(org: Org, reader: Reader, column: str, values: Sequence[str]) -> list[Remote]:
    remotes: list[Remote] = []
    for statement in reader.statements(column, values):
        remotes += remotes_in(org, reader, org.wire.query(statement, deleted=True).data)
    return remotes


def _ask(org: Org, stream: str, where: str, order: str, *, deleted: bool) -> Answer:
    """All mapped fields; without those that the org turns out not to show."""
    try:
        return org.wire.query(org.reader(stream).select(where, order), deleted=deleted)
    except Refused as error:
        org.narrow(stream, error)
    try:
        return org.wire.query(org.reader(stream).select(where, order), deleted=deleted)
    except Refused as error:
        raise _no_reason(error) from error


def _no_reason(error: Refused) -> ContractViolation:
    return ContractViolation(f"Salesforce refused a query ({error.code}: {error})")


def _next(org: Org, url: str | None) -> Answer | None:
    """The page at a locator; None when the locator is dead."""
    if url is None:
        return None
    try:
        return org.wire.more(url)
    except Refused as error:
        if error.code != "INVALID_QUERY_LOCATOR":
            raise _no_reason(error) from error
        return None


def _page(org: Org, stream: str, answer: Answer, token: str | None) -> Page:
    rows = answer.data["records"]
    reader = org.reader(stream)
    following = None
    if not answer.data.get("done", True):
        if not rows:
            raise ContractViolation("Salesforce answered an empty page and said that there is more")
        last = rows[-1]
        following = json.dumps([answer.data.get("nextRecordsUrl"), last["Id"], stamp_ms(last["SystemModstamp"])])
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
        while children and not children.get("done", True):
            more = org.wire.more(children["nextRecordsUrl"]).data
            children = row[ROLES] = {**more, "records": [*children["records"], *more["records"]]}
