"""The account's property definitions: the schema of a stream, and whether the hub-id property exists.

One call per stream, made by `schema`; writes and reads never wait for it.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from pydantic_core import to_json

from tieline import FieldFacts, Mapper, Schema
from tieline_hubspot.mapping import DAYS, HUB_FIELD, MOMENTS, OPT_OUT, RELATIONS
from tieline_hubspot.rows import clearable
from tieline_hubspot.wire import Wire

Definition = Mapping[str, Any]
_CHOICES = frozenset({"select", "radio"})
_REQUIRED = {"campaigns": frozenset({"hs_name"})}
"""Properties that a create needs in every account [doc: Campaigns guide]; an account's own rules are not served."""


class Properties:
    """What is known of the properties of each stream. Threads may ask at once."""

    def __init__(self, wire: Wire, mappers: Mapping[str, Mapper]) -> None:
        self._wire = wire
        self._mappers = mappers
        self._lock = threading.Lock()
        self._stamps: dict[str, bool] = {}
        self._moments: dict[str, bool] = {**dict.fromkeys(MOMENTS, True), **dict.fromkeys(DAYS, False)}

    def stamps(self, stream: str) -> bool:
        """Whether to send the hub id: yes, until HubSpot or the schema has said that the property is not there."""
        return self._stamps.get(stream, True)

    def stampless(self, stream: str) -> None:
        """Remember that the account has no property for the hub id."""
        self._stamps[stream] = False

    def is_moment(self, column: str) -> bool:
        """Whether a date column is kept as a moment; asks once for a property of the user's own."""
        known = self._moments.get(column)
        if known is None:
            with self._lock:
                for stream, mapper in self._mappers.items():
                    if column in mapper.columns:
                        self._learn(self.fetch(stream).values())
                known = self._moments.setdefault(column, False)
        return known

    def _learn(self, definitions: Any) -> None:
        for one in definitions:
            if one.get("type") in ("date", "datetime"):
                self._moments.setdefault(str(one["name"]), one["type"] == "datetime")

    def path(self, stream: str) -> str:
        """Where the definitions are; campaigns go by the id of their object type there [doc]."""
        return self._wire.crm("properties", "0-35" if stream == "campaigns" else stream)

    def fetch(self, stream: str) -> dict[str, Definition]:
        """The definitions by name; empty where the account does not serve them."""
        answer = self._wire.get(self.path(stream), also=(400, 404))
        if not answer.ok:
            return {}
        return {str(p["name"]): p for p in answer.items if not p.get("archived")}

    def schema(self, stream: str) -> Schema:
        """The stream's fields as mapped and as the account allows."""
        return self.schema_of(stream, self.fetch(stream))

    def schema_of(self, stream: str, definitions: Mapping[str, Definition]) -> Schema:
        """The schema by definitions that were fetched already."""
        mapper = self._mappers[stream]
        self._learn(definitions.values())
        self._stamps[stream] = HUB_FIELD in definitions
        fields = {name: _facts(stream, mapper, name, definitions) for name in mapper.specs}
        return Schema(fields, self._stamps[stream], _fingerprint(mapper, definitions))


def _facts(stream: str, mapper: Mapper, name: str, definitions: Mapping[str, Definition]) -> FieldFacts:
    columns = [c for p in mapper.parts[name] for c in p.rule.columns]
    known = [definitions[c] for c in columns if c in definitions]
    blank = not definitions  # not served: the table alone speaks
    relations = {r.column for r in RELATIONS[stream]}
    here = all(c in definitions or c in relations or blank for c in columns)
    fixed = any(_read_only(d) for d in known)
    write = here and not fixed and mapper.writable(name)
    rules = [p.rule for p in mapper.parts[name]]
    return FieldFacts(
        read=here and any(r.read for r in rules),
        write=write,
        create=write and all(r.create for r in rules),
        clear=write and clearable(mapper, name),
        required=any(c in _REQUIRED.get(stream, ()) for c in columns),
        choices=_choices(mapper, name, known),
    )


def _read_only(definition: Definition) -> bool:
    """HubSpot refuses the whole call for a read-only property [recorded]; opt-outs are written by another API."""
    if str(definition["name"]).startswith(OPT_OUT):
        return False
    meta = definition.get("modificationMetadata") or {}
    return bool(meta.get("readOnlyValue") or definition.get("calculated"))


def _choices(mapper: Mapper, name: str, known: list[Definition]) -> tuple[str, ...] | None:
    """The canonical values that a picklist takes; None where any is taken or ids stand for labels."""
    rules = mapper.parts[name]
    if len(rules) != 1 or len(known) != 1 or mapper.specs[name].type not in ("choice", "text"):
        return None
    definition, rule = known[0], rules[0].rule
    if definition["name"] in ("dealstage", "pipeline") or definition.get("type") != "enumeration":
        return None
    if definition.get("fieldType") not in _CHOICES or definition.get("externalOptions") or rule.dump is not None:
        return None
    options = [str(o["value"]) for o in definition.get("options") or ()]
    if not options:
        return None
    return tuple(options if rule.values is None else (rule.values[o] for o in options if o in rule.values))


def _fingerprint(mapper: Mapper, definitions: Mapping[str, Definition]) -> str:
    rows = [
        [c, d.get("type"), _read_only(d), sorted(str(o.get("value")) for o in d.get("options") or ())]
        for c in (*mapper.columns, HUB_FIELD)
        if (d := definitions.get(c))
    ]
    return blake2b(to_json(rows), digest_size=12).hexdigest()
