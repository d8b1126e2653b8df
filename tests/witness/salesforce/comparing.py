"""Compares a recorded answer with the stand-in's: status, key sets, value types, protocol words, headers.

Values differ between two orgs, their shape does not. The rules, none of which knows a recording:

- an object has the same keys; a list the same length, its elements compared one by one;
- a value has the same type; null agrees with any scalar (it says nothing of the type), never with an object or list;
- times and ids have the same form; the words of the protocol (`errorCode`, `success`, …) the same value;
- a record read whole, a describe and a list of objects depend on what an org has switched on: compared is what both
  have, and what the stand-in claims to know must be there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

WORDS = frozenset({"errorCode", "statusCode", "success", "created", "done", "httpStatusCode", "referenceId", "type"})
ESTIMATES = ("recordCount",)
"""Paths whose lists are estimates the server makes now and then: their length says nothing."""
HEADERS: Mapping[str, str] = {
    "content-type": r"application/json;\s?charset=UTF-8",
    "sforce-limit-info": r"api-usage=\d+/\d+",
    "etag": r'"[A-Za-z0-9+/=]+"',
    "last-modified": r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT",
    "location": r"/services/data/v\d+\.0/sobjects/\w+/\w{18}",
}
"""The headers the wire facts name, and what each must look like."""
KNOWN_SHARE = 0.8
"""So much of a recorded record or describe the stand-in must know, whatever the other org has switched on."""
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000$")
_DAY = re.compile(r"\d{4}-\d\d-\d\d$")
_CODE = re.compile(r"ERROR at Row:\d+:Column:\d+")
FIELD_FACTS = (
    *("type", "soapType", "createable", "updateable", "nillable", "defaultedOnCreate", "calculated", "autoNumber"),
    *("custom", "externalId", "idLookup", "unique", "nameField", "referenceTo", "relationshipName", "precision"),
    *("scale", "digits", "compoundFieldName", "restrictedPicklist", "filterable", "sortable", "groupable"),
    *("aggregatable", "polymorphicForeignKey", "extraTypeInfo", "byteLength"),
)
"""What a describe says of a standard field in any org."""
OBJECT_FACTS = ("name", "createable", "updateable", "deletable", "undeletable", "mergeable", "queryable")
RELEASE_KEYS = frozenset({"sobjectDescribeOption", "associateEntityType", "associateParentEntity"})
"""Keys of a describe that came and went with releases, not with API versions."""


@dataclass(slots=True)
class Verdict:
    """What was found in one interaction."""

    differences: list[str] = field(default_factory=list)
    unmodelled: set[str] = field(default_factory=set)
    compared: int = 0
    fields_of: Callable[[str], Collection[str]] = lambda name: ()
    """The fields of an object that the stand-in's describe knows."""

    def differ(self, where: str, recorded: Any, ours: Any) -> None:
        """Note a difference."""
        self.differences.append(f"{where}: recorded {_short(recorded)}, the stand-in {_short(ours)}")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 160 else text[:160] + "…"


def kind_of(value: Any) -> str:
    """The JSON type of a value, numbers taken together."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "string"
    return "list" if isinstance(value, list) else "object"


def headers(recorded: Mapping[str, str], ours: Mapping[str, str], verdict: Verdict) -> None:
    """A header the facts name is there when it was recorded, and looks like one."""
    for name, form in HEADERS.items():
        if name not in recorded:
            continue
        verdict.compared += 1
        if re.fullmatch(form, ours.get(name, "")) is None:
            verdict.differ(f"header {name}", recorded[name], ours.get(name))


def body(recorded: Any, ours: Any, where: str, path: str, verdict: Verdict) -> None:
    """Compare two answers to the same request; `path` is the request's."""
    if isinstance(recorded, Mapping) and isinstance(ours, Mapping):
        if "fields" in recorded and "childRelationships" in recorded:
            describe(recorded, ours, where, verdict)
            return
        if "sobjects" in recorded and "maxBatchSize" in recorded:
            _objects(recorded, ours, where, verdict)
            return
    same(recorded, ours, where, path, verdict)


def same(recorded: Any, ours: Any, where: str, path: str, verdict: Verdict) -> None:
    """Compare two values by the general rules."""
    verdict.compared += 1
    kinds = (kind_of(recorded), kind_of(ours))
    if kinds[0] != kinds[1]:
        if "null" not in kinds or {"object", "list"} & set(kinds):
            verdict.differ(where, recorded, ours)
    elif kinds[0] == "object":
        _object(recorded, ours, where, path, verdict)
    elif kinds[0] == "list":
        if len(recorded) != len(ours) and not any(e in path for e in ESTIMATES):
            verdict.differ(f"{where} length", len(recorded), len(ours))
        for number, (one, other) in enumerate(zip(recorded, ours, strict=False)):
            same(one, other, f"{where}[{number}]", path, verdict)
    elif kinds[0] == "string":
        _string(recorded, ours, where, verdict)


def _string(recorded: str, ours: str, where: str, verdict: Verdict) -> None:
    for form in (_TIME, _DAY):
        if form.match(recorded) and not form.match(ours):
            verdict.differ(where, recorded, ours)
    if bool(_CODE.search(recorded)) != bool(_CODE.search(ours)):
        verdict.differ(where, recorded, ours)


def _object(recorded: Mapping[str, Any], ours: Mapping[str, Any], where: str, path: str, verdict: Verdict) -> None:
    keys = set(recorded) | set(ours)
    if _whole_record(recorded, path):
        keys = set(recorded) & set(ours)
        _whole(recorded, ours, where, verdict)
    for key in sorted(keys):
        at = f"{where}.{key}"
        if key not in recorded or key not in ours:
            verdict.differ(at, recorded.get(key, "no such key"), ours.get(key, "no such key"))
        elif key in WORDS and kind_of(recorded[key]) not in ("object", "list") and recorded[key] != ours[key]:
            verdict.differ(at, recorded[key], ours[key])
        else:
            same(recorded[key], ours[key], at, path, verdict)


def _whole_record(recorded: Mapping[str, Any], path: str) -> bool:
    return "attributes" in recorded and re.search(r"/sobjects/\w+/\w+$", path) is not None


def _whole(recorded: Mapping[str, Any], ours: Mapping[str, Any], where: str, verdict: Verdict) -> None:
    """A record with all its fields: what the stand-in's own describe knows must be there, the rest is named."""
    known = verdict.fields_of(recorded["attributes"]["type"])
    for key in sorted(recorded.keys() - ours.keys()):
        if key in known:
            verdict.differ(f"{where}.{key}", recorded[key], "no such key")
        else:
            verdict.unmodelled.add(key)
    if len(recorded.keys() & ours.keys()) < KNOWN_SHARE * len(recorded):
        verdict.differ(f"{where} keys", sorted(recorded.keys() - ours.keys()), "not known")


# -- describes


def describe(recorded: Mapping[str, Any], ours: Mapping[str, Any], where: str, verdict: Verdict) -> None:
    """Compare two describes of one object: keys, and the facts of every field both have."""
    _keys(recorded, ours, where, verdict, optional=RELEASE_KEYS)
    _facts(recorded, ours, OBJECT_FACTS, where, verdict)
    mine = {f["name"]: f for f in ours["fields"]}
    for entry in recorded["fields"]:
        other = mine.get(entry["name"])
        at = f"{where}.{entry['name']}"
        if other is None:
            verdict.unmodelled.add(f"{recorded['name']}.{entry['name']}")
            continue
        _keys(entry, other, at, verdict)
        if not entry["name"].endswith("__c"):  # a custom field was made here from this very entry
            _facts(entry, other, FIELD_FACTS, at, verdict)
        for one, two in zip(entry["picklistValues"][:1], other["picklistValues"][:1], strict=False):
            same(one, two, f"{at}.picklistValues", "", verdict)
        if entry["type"] != "picklist" and entry["length"] != other["length"]:
            verdict.differ(f"{at}.length", entry["length"], other["length"])
    _relations(recorded, ours, where, verdict)
    known = len(mine.keys() & {f["name"] for f in recorded["fields"]})
    if known < KNOWN_SHARE * len(recorded["fields"]):
        verdict.differ(f"{where} fields", len(recorded["fields"]), known)


def _relations(recorded: Mapping[str, Any], ours: Mapping[str, Any], where: str, verdict: Verdict) -> None:
    """Standard relationships; which features' relationships an org shows, differs."""
    mine = {(r["childSObject"], r["field"]): r for r in ours["childRelationships"]}
    for entry in recorded["childRelationships"]:
        other = mine.get((entry["childSObject"], entry["field"]))
        if other is not None and not entry["field"].endswith("__c"):
            at = f"{where}.{entry['childSObject']}.{entry['field']}"
            _keys(entry, other, at, verdict)
            _facts(entry, other, ("relationshipName", "cascadeDelete"), at, verdict)


def _objects(recorded: Mapping[str, Any], ours: Mapping[str, Any], where: str, verdict: Verdict) -> None:
    _keys(recorded, ours, where, verdict)
    theirs = {o["name"]: o for o in recorded["sobjects"]}
    for entry in ours["sobjects"]:
        other = theirs.get(entry["name"])
        if other is not None:
            at = f"{where}.{entry['name']}"
            _keys(other, entry, at, verdict, optional=RELEASE_KEYS)
            _facts(other, entry, OBJECT_FACTS, at, verdict)
            same(other["keyPrefix"], entry["keyPrefix"], f"{at}.keyPrefix", "", verdict)


def _keys(
    recorded: Mapping[str, Any],
    ours: Mapping[str, Any],
    where: str,
    verdict: Verdict,
    optional: frozenset[str] = frozenset(),
) -> None:
    verdict.compared += 1
    different = (set(recorded) ^ set(ours)) - optional
    if different:
        verdict.differ(f"{where} keys", sorted(different & set(recorded)), sorted(different & set(ours)))


def _facts(
    recorded: Mapping[str, Any], ours: Mapping[str, Any], names: Sequence[str], where: str, verdict: Verdict
) -> None:
    for name in names:
        if name in recorded:
            verdict.compared += 1
            if recorded[name] != ours.get(name):
                verdict.differ(f"{where}.{name}", recorded[name], ours.get(name, "no such key"))
