"""What an account's definitions of its own fields say, and what follows for the mapped fields. Pure.

A definition has `key`, `type`, `active` and, for a dropdown, `custom_field_options` with `value` [rec].
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from tieline import FieldFacts, Mapper, Rule, Schema
from tieline_zendesk.mapping import DOMAINS, FIRST, LAST, MAILBOX
from tieline_zendesk.rows import Rows

CHOSEN = frozenset({"tagger", "dropdown"})
"""The types of a field with one choice: real answers say the first, the description the second [rec, spec]."""
_READ_ONLY = frozenset({"multiselect", "lookup"})
_TEXTS = frozenset({"text", "textarea", "regexp"})
_OWN = {
    "organizations": frozenset({"name", DOMAINS, "details", "notes", "tags"}),
    "users": frozenset({MAILBOX, FIRST, LAST, "name", "phone", "organization_id", "notes", "details", "alias", "tags"}),
}
"""The fields of a record's own that may be written; any other one is read only."""
_NEVER_BLANK = frozenset({"name", MAILBOX})
NAME_LENGTH = 255

Definitions = Mapping[str, Mapping[str, Any]]


def schema_of(rows: Rows, definitions: Definitions, *, stamps: bool) -> Schema:
    """What can be done with each mapped field."""
    fields = {name: _facts(rows, name, definitions) for name in rows.mapper.parts}
    return Schema(fields, stamps=stamps, fingerprint=_fingerprint(rows, definitions, stamps))


def missing(rows: Rows, definitions: Definitions) -> list[str]:
    """Mapped keys that the account does not have."""
    return [key for key in rows.keys if not _there(definitions.get(key))]


def stamps(rows: Rows, definitions: Definitions) -> bool:
    """Whether there is a place for the hub's id."""
    if rows.hub_field is None:
        return True
    held = definitions.get(rows.hub_field)
    return _there(held) and str((held or {}).get("type")) in _TEXTS


def _there(definition: Mapping[str, Any] | None) -> bool:
    return definition is not None and definition.get("active", True) is not False


def _facts(rows: Rows, name: str, definitions: Definitions) -> FieldFacts:
    rules = [p.rule for p in rows.mapper.parts[name]]
    columns = [c for rule in rules for c in rule.columns]
    held = [definitions.get(c.partition(".")[2]) if c.startswith(f"{rows.custom}.") else None for c in columns]
    own = [c for c in columns if c.startswith(f"{rows.custom}.")]
    there = all(_there(definitions.get(c.partition(".")[2])) for c in own)
    types = {str(d.get("type")) for d in held if d is not None}
    open_ = there and all(c in own or c in _OWN[rows.stream] for c in columns) and not types & _READ_ONLY
    writes = open_ and rows.mapper.writable(name)
    blank = not types & {"checkbox"} and not any(c in _NEVER_BLANK for c in columns)
    first: Rule = rules[0]
    return FieldFacts(
        read=there and any(r.read for r in rules),
        write=writes,
        create=writes and first.create,
        clear=writes and first.clear and blank,
        required=rows.stream == "organizations" and "name" in columns and writes,
        choices=_choices(held[0], first) if len(held) == 1 and held[0] is not None else None,
        max_length=NAME_LENGTH if columns == ["name"] else None,
    )


def _choices(definition: Mapping[str, Any], rule: Rule) -> tuple[str, ...] | None:
    """The canonical values that a dropdown takes."""
    if str(definition.get("type")) not in CHOSEN:
        return None
    values = options(definition)
    return tuple(values if rule.values is None else dict.fromkeys(rule.values[v] for v in values if v in rule.values))


def options(definition: Mapping[str, Any]) -> Sequence[str]:
    """The values of a dropdown's options: the tags that records hold, not the names that people read."""
    return [str(o["value"]) for o in definition.get("custom_field_options") or () if "value" in o]


def _fingerprint(rows: Rows, definitions: Definitions, stamped: bool) -> str:
    """Changes when a mapped field of the account does, so that refused values are tried again."""
    told: list[Any] = [stamped, [r.remote for r in rows.mapper.rules]]
    for key in sorted(rows.keys):
        held = definitions.get(key)
        told.append([key, held and [held.get(n) for n in ("type", "active", "regexp_for_validation")]])
        told.append(sorted(options(held)) if held else None)
    return hashlib.blake2b(json.dumps(told).encode(), digest_size=12).hexdigest()


def mapped_columns(mapper: Mapper) -> set[str]:
    """Every column the table speaks of."""
    return {c for rule in mapper.rules for c in rule.columns}
