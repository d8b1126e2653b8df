"""`/crm/…/objects`: records one at a time, lists, merges, privacy deletions; batches and searches are handed on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tieline.sandbox import Answer
from tieline_hubspot.sandbox import links
from tieline_hubspot.sandbox.batches import batches
from tieline_hubspot.sandbox.call import Call
from tieline_hubspot.sandbox.records import ALWAYS, merge, sync_company, write_checked
from tieline_hubspot.sandbox.search import Hits, search
from tieline_hubspot.sandbox.table import Record, Table
from tieline_hubspot.sandbox.wire import not_found, validation

MAX_LIST = 100
MAX_LIST_HISTORY = 50
"""Records on a page that is read with histories [doc]."""


def objects(call: Call, hits: Hits) -> Answer:
    """Everything below `/objects/{type}`."""
    if not call.rest:
        raise not_found()
    table = call.table(call.rest[0])
    rest = call.rest[1:]
    if table.kind.name == "users" and call.method != "GET":
        raise call.nowhere()
    if call.version == "v4" and "associations" not in rest:
        raise not_found()
    match call.method, rest:
        case "GET", []:
            return _list(call, table)
        case "POST", []:
            return _create(call, table)
        case "POST", ["search"]:
            return search(call, table, hits)
        case "POST", ["merge"]:
            return _merge(call, table)
        case "POST", ["gdpr-delete"]:
            return _forget(call, table)
        case "POST", ["batch", op]:
            return batches(call, table, op)
        case _, [key, "associations", *path]:
            return links.of_one(call, table, key, path)
        case "GET", [key]:
            return Answer(200, shown(call, table, _one(call, table, key)))
        case "PATCH", [key]:
            return _update(call, table, key)
        case "DELETE", [key]:
            return _archive(call, table, key)
    raise call.nowhere()


def _one(call: Call, table: Table, key: str) -> Record:
    record = table.find(key, call.param("idProperty"))
    archived = call.flag("archived")
    if record is None or (record.archived is not None) is not archived:
        raise not_found()
    return record


def shown(call: Call, table: Table, record: Record) -> dict[str, Any]:
    """A record as a GET answers it: properties, histories and associations as asked for."""
    body = table.view(record, table.names(call.many("properties")))
    dated = call.many("propertiesWithHistory")
    if dated:
        body["propertiesWithHistory"] = table.histories(record, dated)
        body["properties"].update(table.view(record, dated)["properties"])
    around = _associations(call, table, record)
    if around:
        body["associations"] = around
    return body


def _associations(call: Call, table: Table, record: Record) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for text in call.many("associations"):
        other = call.table(text)
        rows = links.named(call, table, record, other)
        if rows:
            body[other.kind.name] = {"results": rows}
    return body


def _list(call: Call, table: Table) -> Answer:
    limit = call.number("limit", 10, MAX_LIST_HISTORY if call.many("propertiesWithHistory") else MAX_LIST)
    text = call.param("after", "0")
    if not text.isdigit():
        raise validation(f"Invalid paging cursor: {text}")
    ids = table.dead if call.flag("archived") else table.alive
    stuck = "repeat-page" in call.vices
    records, rest = table.page(ids, 0 if stuck else int(text), limit)
    if call.many("propertiesWithHistory") or call.many("associations"):
        results = [shown(call, table, r) for r in records]
    else:
        names = table.names(call.many("properties"))
        results = [table.view(r, names) for r in records]
    body: dict[str, Any] = {"results": results}
    if rest is not None:
        asked = "&".join(f"{k}={'%2C'.join(call.many(k))}" for k in call.request.params if k != "after")
        link = f"{call.base}{call.request.path}?{asked}{'&' if asked else ''}after={rest}"
        body["paging"] = {"next": {"after": str(rest), "link": link}}
    return Answer(200, body)


def _create(call: Call, table: Table) -> Answer:
    body = call.json()
    wanted = links.wanted(call, table, body.get("associations") or [])
    rules = "required-property" in call.vices
    record, _ = write_checked(call.state, table, None, _properties(body), call.now, call.version, rules)
    links.join(call, table, record, wanted)
    answer = table.view(record, sorted(record.props))
    if body.get("objectWriteTraceId"):
        answer["objectWriteTraceId"] = str(body["objectWriteTraceId"])
    return Answer(201, answer, {"location": f"{call.base}{call.request.path}/{record.id}"})


def _properties(body: Mapping[str, Any]) -> Mapping[str, Any]:
    properties = body.get("properties")
    if not isinstance(properties, Mapping):
        raise validation("Invalid input JSON: some required fields were not set: [properties]")
    return properties


def update_answer(table: Table, record: Record, changed: Mapping[str, Any]) -> dict[str, Any]:
    """What an update answers: the changed properties and a few of the system's, not the whole record [rec]."""
    names = {*changed, "createdate", table.kind.modified}
    names |= {n for n in ALWAYS if record.props.get(n)}
    return table.view(record, sorted(names))


def _update(call: Call, table: Table, key: str) -> Answer:
    record = _one(call, table, key)
    body = call.json()
    properties = _properties(body)
    rules = "required-property" in call.vices
    write_checked(call.state, table, record, properties, call.now, call.version, rules)
    sync_company(call.state, table, record)
    return Answer(200, update_answer(table, record, properties))


def _archive(call: Call, table: Table, key: str) -> Answer:
    """204, also when there is no such record or it is archived already [memory]."""
    record = table.find(key)
    if record is not None:
        table.archive(record, call.now)
    return Answer(204)


def _merge(call: Call, table: Table) -> Answer:
    body = call.json()
    winner = table.find(str(body.get("primaryObjectId", "")))
    loser = table.find(str(body.get("objectIdToMerge", "")))
    if winner is None or loser is None or winner.archived is not None or loser.archived is not None:
        raise not_found("One of the objects to merge does not exist")
    if winner is loser:
        raise validation("An object cannot be merged with itself")
    merge(call.state, table, winner, loser, call.now)
    return Answer(200, table.view(winner, sorted(n for n, v in winner.props.items() if v)))


def _forget(call: Call, table: Table) -> Answer:
    """Delete for good, and keep the e-mail address out [memory]."""
    body = call.json()
    key, name = str(body.get("objectId", "")), body.get("idProperty")
    record = table.find(key, name)
    if record is None and name == "email":
        call.state.blocked.add(key.strip().lower())  # [spec]
        return Answer(204)
    if record is None:
        raise not_found()
    email = record.props.get("email")
    if email and table.kind.name == "contacts":
        call.state.blocked.add(email.lower())
    for other in ("contacts", "companies", "deals"):
        for near in list(call.state.edges.of(table.kind.name, record.id, other)):
            call.state.edges.remove(table.kind.name, record.id, other, near)
    table.purge(record, call.now)
    return Answer(204)
