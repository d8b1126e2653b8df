"""What an org's describe says of one object, and what follows for the mapped fields. Pure; asks nothing itself.

Flags and their meaning are those of the describe result [rec]: `nillable`, `createable`, `updateable`,
`defaultedOnCreate`, `restrictedPicklist`, `length`. A field hidden by field-level security is not in it at all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tieline import ContractViolation, FieldFacts, Mapper, Schema
from tieline_salesforce.mapping import CURRENCY, HUB_FIELD, MEMBER, PERSON, ROLES

_SIZED = frozenset({"string", "textarea", "phone", "url", "email", "picklist", "encryptedstring"})
HUB_ID_LENGTH = 36


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One object as the signed-in user may see it. `fields` maps a name to its describe entry."""

    name: str
    fields: Mapping[str, Mapping[str, Any]]
    children: frozenset[str]
    """Names of child relationships; empty when the org does not say."""
    createable: bool = True
    updateable: bool = True
    deletable: bool = True

    @property
    def stamps(self) -> bool:
        """The field for the hub's id is there."""
        return HUB_FIELD in self.fields

    @property
    def unique(self) -> bool:
        """The field for the hub's id is there and refuses a second record with the same id."""
        return bool(self.fields.get(HUB_FIELD, {}).get("unique"))

    @property
    def currencies(self) -> bool:
        """Records say which currency they are in."""
        return CURRENCY in self.fields

    def reads(self, column: str) -> bool:
        """Whether the column can be selected. Of a path (`Owner.Email`) only its first step can be judged here."""
        if column == ROLES:
            return not self.children or ROLES in self.children
        if "." not in column:
            return column in self.fields
        first = column.split(".", 1)[0]
        return any(f.get("relationshipName") == first for f in self.fields.values())


def object_info(described: Any) -> ObjectInfo:
    """The facts of a describe result. Raises ContractViolation when it is none."""
    try:
        return ObjectInfo(
            described["name"],
            {f["name"]: f for f in described["fields"]},
            frozenset(
                r["relationshipName"] for r in described.get("childRelationships") or () if r["relationshipName"]
            ),
            bool(described.get("createable", True)),
            bool(described.get("updateable", True)),
            bool(described.get("deletable", True)),
        )
    except (KeyError, TypeError):
        raise ContractViolation("Salesforce answered a describe with something that is none") from None


def schema_of(mapper: Mapper, info: ObjectInfo) -> Schema:
    """What can be done with each mapped field."""
    fields = {name: _field_facts(mapper, name, info) for name in mapper.parts}
    return Schema(fields, stamps=info.stamps, fingerprint=_fingerprint(mapper, info))


def _field_facts(mapper: Mapper, name: str, info: ObjectInfo) -> FieldFacts:
    parts = mapper.parts[name]
    rule = parts[0].rule
    readable = any(p.rule.read and all(info.reads(c) for c in p.rule.columns) for p in parts)
    if rule.remote == ROLES:
        return FieldFacts(read=readable, write=readable, create=readable, clear=readable)
    entries = [e for p in parts if p.rule.write for c in p.rule.columns if (e := info.fields.get(c)) is not None]
    leading = [e for p in parts[:1] if p.rule.write for c in p.rule.columns if (e := info.fields.get(c)) is not None]
    writes = mapper.writable(name) and bool(leading) and all(e.get("updateable") for e in entries)
    creates = mapper.writable(name) and bool(leading) and all(e.get("createable") for e in entries) and rule.create
    single = leading[0] if len(leading) == len(entries) == 1 else {}
    blank = all(e.get("nillable", True) and e.get("type") != "boolean" for e in leading)
    return FieldFacts(
        read=readable,
        write=writes,
        create=creates,
        clear=writes and rule.clear and blank,
        required=any(_required(e) for e in leading) or (info.name, rule.remote) == (MEMBER, PERSON),  # or a lead's
        choices=_choices(single, rule.values),
        max_length=int(single["length"]) if single.get("type") in _SIZED and single.get("length") else None,
    )


def _required(entry: Mapping[str, Any]) -> bool:
    """A create without it is refused; a checkbox is false by itself."""
    return bool(
        entry.get("createable")
        and not entry.get("nillable", True)
        and not entry.get("defaultedOnCreate")
        and entry.get("type") != "boolean"
    )


def _choices(entry: Mapping[str, Any], values: Mapping[str, str] | None) -> tuple[str, ...] | None:
    """The canonical values that a restricted picklist takes; any other picklist takes what it is given."""
    if not entry.get("restrictedPicklist") or entry.get("type") not in ("picklist", "combobox"):
        return None
    active = [str(v["value"]) for v in entry.get("picklistValues") or () if v.get("active", True)]
    return tuple(active if values is None else dict.fromkeys(values[v] for v in active if v in values))


_TELLING = (
    "type",
    "length",
    "createable",
    "updateable",
    "nillable",
    "defaultedOnCreate",
    "restrictedPicklist",
    "unique",
    "externalId",
    "precision",
    "scale",
)


def _fingerprint(mapper: Mapper, info: ObjectInfo) -> str:
    """Changes when a mapped field of the org does, so that refused values are tried again."""
    columns = sorted({c for rule in mapper.rules for c in rule.columns} | {HUB_FIELD})
    told: list[list[Any]] = []
    for column in columns:
        entry = info.fields.get(column)
        if entry is None:
            told.append([column])
            continue
        values = [v.get("value") for v in entry.get("picklistValues") or () if v.get("active", True)]
        told.append([column, *(entry.get(key) for key in _TELLING), values])
    return hashlib.blake2b(json.dumps(told, sort_keys=True).encode(), digest_size=12).hexdigest()
