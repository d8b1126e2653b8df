"""Putting records into the stand-in from outside: a seed, a recording's own answers. Bypasses the API's rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tieline_hubspot.sandbox import campaigns
from tieline_hubspot.sandbox.account import DEFINED
from tieline_hubspot.sandbox.associations import Spec
from tieline_hubspot.sandbox.records import create, sync_company
from tieline_hubspot.sandbox.state import State
from tieline_hubspot.sandbox.wire import moment

_ORDER = ("companies", "contacts", "deals", "users")
_STAMPS = ("createdate", "lastmodifieddate", "hs_lastmodifieddate", "hs_object_id")


def load(state: State, objects: Mapping[str, Sequence[Any]], now: int) -> None:
    """Take in rows shaped as on the wire: `{"id"?, "properties", "createdAt"?, "updatedAt"?, "archived"?}`.

    `campaigns` are rows too; `associations` are `[from_type, from_id, to_type, to_id, type_id]`. Values are taken as
    they are. Raises ValueError for a property that is not defined or an association that cannot be.
    """
    for name in _ORDER:
        for row in objects.get(name, ()):
            _record(state, name, row, now)
    for row in objects.get("campaigns", ()):
        made = campaigns.create(state, row["properties"], _stamp(row, "createdAt", now), row.get("id"))
        made["updated"] = max(made["updated"], _stamp(row, "updatedAt", made["updated"]))
    for edge in objects.get("associations", ()):
        _edge(state, edge)
    for table in state.tables.values():
        table.index_now()


def _stamp(row: Mapping[str, Any], name: str, default: int) -> int:
    text = row.get(name)
    found = moment(str(text)) if text else None
    return default if found is None else found


def _record(state: State, name: str, row: Mapping[str, Any], now: int) -> None:
    table = state.tables[name]
    values = dict(row["properties"])
    unknown = sorted(set(values) - set(table.properties))
    if unknown:
        raise ValueError(f"{name} has no property {', '.join(unknown)}")
    created = _stamp(row, "createdAt", _stamp(values, "createdate", now))
    updated = _stamp(row, "updatedAt", _stamp(values, table.kind.modified, created))
    key = int(row["id"]) if row.get("id") else state.take_id(name)
    if key in table.records:
        raise ValueError(f"{name} already has a record {key}")
    given = {n: str(v) for n, v in values.items() if v is not None and n not in _STAMPS}
    if given.get("hs_email_optout") == "true" and given.get("email"):
        state.consents.opt_out(given["email"], updated)
    record = create(state, table, given, created, key)
    for n, v in values.items():
        if v is None:
            record.props.pop(n, None)
    table.touch(record, updated)
    if row.get("archived"):
        table.archive(record, _stamp(row, "archivedAt", updated))
    state.next_ids[name] = max(state.next_ids[name], key + 1)
    if name == "contacts":
        state.seeded_contacts.append(key)


def _edge(state: State, edge: Sequence[Any]) -> None:
    source, key, target, other, type_id = edge
    spec: Spec = (DEFINED, int(type_id))
    if state.edges.relation(source, target, spec) is None:
        raise ValueError(f"{type_id} is not an association type of {source} to {target}")
    ends = ((state.tables[source], int(key)), (state.tables[target], int(other)))
    for table, i in ends:
        if i not in table.records:
            raise ValueError(f"{table.kind.name} has no record {i}")
    state.edges.add(source, int(key), target, int(other), [spec])
    for table, i in ends:
        sync_company(state, table, table.records[i])
